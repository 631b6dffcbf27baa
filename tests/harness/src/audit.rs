//! What one user asked of the API server, by its audit log: exact, where the API server's metrics cannot tell users apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// The audit log of a cluster with one audited user.
#[derive(Debug, Clone)]
pub struct Audit {
    directory: PathBuf,
}

/// A moment in the log; the default is its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark(usize);

/// Requests that were answered, counted. Watches count when they end, so they are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests(BTreeMap<(String, String), usize>);

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answered {
    /// The verb of the API.
    pub verb: String,
    /// Empty for the core group.
    pub group: String,
    /// The resource, with its subresource after a slash; empty for what is no resource.
    pub resource: String,
    /// The object's name; empty for all.
    pub name: String,
    /// The status of the answer; of a watch, that with which it began.
    pub code: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    stage: String,
    verb: String,
    object_ref: Option<Object>,
    response_status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    code: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    #[serde(default)]
    resource: String,
    subresource: Option<String>,
    #[serde(default)]
    api_group: String,
    #[serde(default)]
    name: String,
}

impl Object {
    fn whole_resource(&self) -> String {
        match &self.subresource {
            Some(sub) => format!("{}/{sub}", self.resource),
            None => self.resource.clone(),
        }
    }
}

impl Audit {
    pub(crate) fn in_directory(cluster: &Path) -> Self {
        Self {
            directory: cluster.join("audit"),
        }
    }

    pub(crate) fn policy(&self) -> PathBuf {
        self.directory.join("policy.json")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    pub(crate) fn write_policy(&self, user: &str) -> Result<()> {
        let policy = serde_json::json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata", "users": [user]}, {"level": "None"}],
        });
        std::fs::create_dir_all(&self.directory)?;
        std::fs::write(self.policy(), serde_json::to_vec_pretty(&policy)?).context("writing the audit policy")
    }

    /// Now.
    pub fn mark(&self) -> Result<Mark> {
        Ok(Mark(self.read()?.len()))
    }

    /// What was asked since then.
    pub fn since(&self, mark: Mark) -> Result<Requests> {
        let mut requests = Requests::default();
        for entry in self.entries(mark)? {
            requests.add(entry);
        }
        Ok(requests)
    }

    /// Every request since then with its answer, watches that still run included, each kind of request once.
    pub fn answers(&self, mark: Mark) -> Result<BTreeSet<Answered>> {
        let answered = |entry: Entry| {
            let object = entry.object_ref;
            Some(Answered {
                verb: entry.verb,
                group: object.as_ref().map(|o| o.api_group.clone()).unwrap_or_default(),
                resource: object.as_ref().map(Object::whole_resource).unwrap_or_default(),
                name: object.map(|o| o.name).unwrap_or_default(),
                code: entry.response_status?.code,
            })
        };
        Ok(self.entries(mark)?.into_iter().filter_map(answered).collect())
    }

    fn entries(&self, mark: Mark) -> Result<Vec<Entry>> {
        let log = self.read()?;
        let new = log.get(mark.0..).context("the audit log became shorter")?;
        let entry = |line| serde_json::from_str(line).with_context(|| format!("audit log: {line}"));
        new.lines().map(entry).collect()
    }

    /// Waits until the user has asked nothing for `calm` but for what `aside` says is no matter.
    ///
    /// # Errors
    /// When that did not happen `within`.
    pub async fn until_quiet(&self, calm: Duration, within: Duration, aside: &[&str]) -> Result<()> {
        let (start, mut since, mut mark) = (Instant::now(), Instant::now(), self.mark()?);
        while since.elapsed() < calm {
            if start.elapsed() > within {
                bail!("waited {within:?} in vain for the audited user to rest");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            if self
                .since(mark)?
                .iter()
                .any(|(_, resource, _)| !aside.contains(&resource))
            {
                (since, mark) = (Instant::now(), self.mark()?);
            }
        }
        Ok(())
    }

    /// The whole lines of the log.
    fn read(&self) -> Result<String> {
        let mut text = std::fs::read_to_string(self.log()).context("reading the audit log")?;
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        Ok(text)
    }
}

impl Requests {
    fn add(&mut self, entry: Entry) {
        let (verb, Some(object)) = (entry.verb, entry.object_ref) else {
            return;
        };
        // The beginning of an answer that takes long, such as a watch's, is no answer of its own; and what a busy API server turned
        // away is sent again.
        let turned_away = entry.response_status.is_some_and(|status| status.code == 429);
        if verb == "watch" || entry.stage == "ResponseStarted" || turned_away {
            return;
        }
        *self.0.entry((verb, object.whole_resource())).or_default() += 1;
    }

    /// How many of one verb on one resource; subresources are resources of their own, as `persistentvolumes/status`.
    pub fn count(&self, verb: &str, resource: &str) -> usize {
        self.0
            .get(&(verb.to_owned(), resource.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// How many reads of one resource: GETs and LISTs.
    pub fn reads(&self, resource: &str) -> usize {
        self.count("get", resource) + self.count("list", resource)
    }

    /// How many writes of one resource, whatever the verb.
    pub fn writes(&self, resource: &str) -> usize {
        let of = |(verb, what, count): (&str, &str, usize)| {
            let write = what == resource && !matches!(verb, "get" | "list");
            if write { count } else { 0 }
        };
        self.iter().map(of).sum()
    }

    /// All: verb, resource, how many.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        self.0
            .iter()
            .map(|((verb, resource), count)| (verb.as_str(), resource.as_str(), *count))
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (verb, resource, count) in self.iter() {
            writeln!(f, "{count:>8} {verb} {resource}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_whole_and_new() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::in_directory(directory.path());
        audit.write_policy("somebody").unwrap();
        let line = |verb: &str, rest: &str| {
            let whole = r#""stage":"ResponseComplete","responseStatus":{"code":200}"#;
            format!(r#"{{{whole},"verb":"{verb}","objectRef":{{"resource":"persistentvolumes"{rest}}}}}"#) + "\n"
        };
        let first = line("get", "");
        std::fs::write(audit.log(), &first).unwrap();
        let mark = audit.mark().unwrap();
        let lines = [
            first,
            line("create", ""),
            line("patch", r#","subresource":"status""#),
            line("watch", ""),
            line("watch", "").replace("Complete", "Started"),
            line("create", ""),
            r#"{"verb":"#.into(),
        ];
        std::fs::write(audit.log(), lines.concat()).unwrap();
        let requests = audit.since(mark).unwrap();
        assert_eq!(requests.count("create", "persistentvolumes"), 2);
        assert_eq!(requests.writes("persistentvolumes/status"), 1);
        assert_eq!(requests.reads("persistentvolumes"), 0, "it was before the mark");
        assert_eq!(requests.iter().count(), 2, "{requests}");
        let answers = audit.answers(mark).unwrap();
        let verbs: Vec<_> = answers
            .iter()
            .map(|a| (a.verb.as_str(), a.resource.as_str(), a.code))
            .collect();
        assert_eq!(
            verbs,
            [
                ("create", "persistentvolumes", 200),
                ("patch", "persistentvolumes/status", 200),
                ("watch", "persistentvolumes", 200)
            ]
        );
    }
}
