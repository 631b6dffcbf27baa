//! The processes that were started for one cluster, by their records.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::watch::{self, Exit};
use super::{Launch, Lifetime, Recorded};

/// The processes of one cluster: their records and logs are files in its directory.
#[derive(Debug, Clone)]
pub(crate) struct Processes {
    directory: PathBuf,
    lifetime: Lifetime,
}

impl Processes {
    pub(crate) fn new(cluster: &Path, lifetime: Lifetime) -> Result<Self> {
        for part in ["processes", "logs"] {
            let path = cluster.join(part);
            std::fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        }
        Ok(Self {
            directory: cluster.to_owned(),
            lifetime,
        })
    }

    /// Starts a process and records it.
    pub(crate) fn spawn(&self, launch: Launch) -> Result<Recorded> {
        self.spawn_watched(launch).map(|(recorded, _)| recorded)
    }

    /// The same, for one whose exit status matters.
    pub(crate) fn spawn_watched(&self, launch: Launch) -> Result<(Recorded, Exit)> {
        let (child, recorded) = self.start(&launch)?;
        Ok((recorded, watch::until_it_ends(child, self.clone(), launch)?))
    }

    /// Starts a process and records it; whoever asks collects the child.
    pub(super) fn start(&self, launch: &Launch) -> Result<(Child, Recorded)> {
        let name = launch.name;
        let log = File::options().append(true).create(true).open(self.log(name))?;
        let mut child = launch.start(self.lifetime, &self.directory, log)?;
        let recorded = i32::try_from(child.id()).map_err(Into::into);
        let recorded = match recorded.and_then(|pid| Recorded::of(name, pid)) {
            Ok(recorded) => recorded,
            Err(ended) => {
                child.wait()?;
                return Err(ended).with_context(|| self.last_words(name));
            }
        };
        std::fs::write(self.record(name), serde_json::to_vec_pretty(&recorded)?)?;
        Ok((child, recorded))
    }

    /// The record of a process which was started and not ended by us; it may have ended by itself.
    pub(crate) fn find(&self, name: &str) -> Option<Recorded> {
        serde_json::from_slice(&std::fs::read(self.record(name)).ok()?).ok()
    }

    pub(crate) fn is_alive(&self, name: &str) -> bool {
        self.find(name).is_some_and(|recorded| recorded.is_alive())
    }

    /// Ends a process by its record, if there is one.
    pub(crate) fn end(&self, name: &str, grace: Duration) -> Result<()> {
        if let Some(recorded) = self.find(name) {
            recorded.end(grace)?;
            std::fs::remove_file(self.record(name))?;
        }
        Ok(())
    }

    /// Every record.
    pub(crate) fn all(&self) -> Result<Vec<Recorded>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.directory.join("processes"))? {
            if let Ok(recorded) = serde_json::from_slice(&std::fs::read(entry?.path())?) {
                found.push(recorded);
            }
        }
        Ok(found)
    }

    /// An error when the process has ended by itself: there is no use in waiting for it any longer.
    pub(crate) fn still_runs(&self, name: &'static str) -> Result<()> {
        if self.is_alive(name) {
            Ok(())
        } else {
            bail!("{name} ended: {}", self.last_words(name))
        }
    }

    /// What a process logged, in all of its starts.
    pub(crate) fn log_text(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log(name)).unwrap_or_default()).into_owned()
    }

    /// The end of a process's log.
    pub(crate) fn last_words(&self, name: &str) -> String {
        let text = self.log_text(name);
        let mut lines: Vec<_> = text.lines().rev().take(15).collect();
        lines.reverse();
        format!("the end of {}:\n{}", self.log(name).display(), lines.join("\n"))
    }

    /// The last line of a process's log.
    pub(super) fn last_line(&self, name: &str) -> String {
        self.log_text(name).lines().next_back().unwrap_or_default().to_owned()
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.directory.join("logs").join(format!("{name}.log"))
    }

    fn record(&self, name: &str) -> PathBuf {
        self.directory.join("processes").join(format!("{name}.json"))
    }
}
