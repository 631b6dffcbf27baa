//! What one user asked of the API server, by its audit log: exact, where the API server's metrics cannot tell users apart.

use std::collections::BTreeMap;
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

/// A moment in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(usize);

/// Requests that were answered, counted. Watches count when they end, so they are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests(BTreeMap<(String, String), usize>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    verb: String,
    object_ref: Option<Object>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    resource: String,
    subresource: Option<String>,
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
            "omitStages": ["RequestReceived", "ResponseStarted"],
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
        let log = self.read()?;
        let mut requests = Requests::default();
        for line in log.get(mark.0..).context("the audit log became shorter")?.lines() {
            let entry: Entry = serde_json::from_str(line).with_context(|| format!("audit log: {line}"))?;
            requests.add(entry);
        }
        Ok(requests)
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
        if verb == "watch" {
            return;
        }
        let resource = match object.subresource {
            Some(sub) => format!("{}/{sub}", object.resource),
            None => object.resource,
        };
        *self.0.entry((verb, resource)).or_default() += 1;
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
            format!(r#"{{"verb":"{verb}","objectRef":{{"resource":"persistentvolumes"{rest}}}}}"#) + "\n"
        };
        let first = line("get", "");
        std::fs::write(audit.log(), &first).unwrap();
        let mark = audit.mark().unwrap();
        let lines = [
            first,
            line("create", ""),
            line("patch", r#","subresource":"status""#),
            line("watch", ""),
            line("create", ""),
            r#"{"verb":"#.into(),
        ];
        std::fs::write(audit.log(), lines.concat()).unwrap();
        let requests = audit.since(mark).unwrap();
        assert_eq!(requests.count("create", "persistentvolumes"), 2);
        assert_eq!(requests.writes("persistentvolumes/status"), 1);
        assert_eq!(requests.reads("persistentvolumes"), 0, "it was before the mark");
        assert_eq!(requests.iter().count(), 2, "{requests}");
    }
}
