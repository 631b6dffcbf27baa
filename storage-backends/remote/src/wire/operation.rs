//! Work that takes long: started or joined by a name that is made from what it does, and asked after until it has ended.

use super::headers::Revision;
use super::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tombolo_backend_api::{Copied, CopyTerms, CreateVolume, Purged, Seen, Snapshot, SnapshotId, TrashId, VolumePath};
use uuid::Uuid;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Work {
    /// Remove a trash entry for ever.
    Purge {
        /// The entry.
        id: TrashId,
    },
    /// Make a volume as a copy of another.
    Clone {
        /// The source.
        from: VolumePath,
        /// The copy.
        into: CreateVolume,
        /// How it is made.
        terms: CopyTerms,
    },
    /// Take a snapshot of a volume.
    TakeSnapshot {
        /// Its name.
        id: SnapshotId,
        /// The volume.
        of: VolumePath,
        /// Size of the volume now.
        bytes: u64,
        /// How it is made.
        terms: CopyTerms,
    },
    /// Make a volume from a snapshot.
    RestoreSnapshot {
        /// The snapshot.
        id: SnapshotId,
        /// The volume.
        into: CreateVolume,
        /// How it is made.
        terms: CopyTerms,
    },
}

impl Work {
    /// The name of the operation that does this: the same for everybody who asks for the same.
    pub fn operation(&self) -> Revision {
        Revision::of(self)
    }

    /// How it is called in the log and in metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Purge { .. } => "purge",
            Self::Clone { .. } => "clone",
            Self::TakeSnapshot { .. } => "takeSnapshot",
            Self::RestoreSnapshot { .. } => "restoreSnapshot",
        }
    }
}

impl super::Subject for Work {
    fn subject(&self) -> String {
        match self {
            Self::Purge { id } => id.to_string(),
            Self::Clone { from, into, .. } => format!("{from} into {}", into.path),
            Self::TakeSnapshot { id, of, .. } => format!("{id} of {of}"),
            Self::RestoreSnapshot { id, into, .. } => format!("{id} into {}", into.path),
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Clone { into, .. } | Self::RestoreSnapshot { into, .. } => into.check(),
            Self::Purge { .. } | Self::TakeSnapshot { .. } => Ok(()),
        }
    }
}

/// Longest time in milliseconds that an answer about an operation is held back until the operation ends.
pub const LONGEST_WAIT: u64 = 20_000;

/// Starts an operation, or joins it if it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToStart {
    /// What is to be done.
    pub work: Work,
    /// A name that the asker has chosen for this time of asking, so that of several who ask for the same each knows whose
    /// operation it is: what it removes or copies is counted once.
    pub by: Uuid,
    /// Milliseconds to wait for the end before answering.
    #[serde(default)]
    #[schemars(range(max = LONGEST_WAIT))]
    pub wait: u64,
}

impl super::Subject for ToStart {
    fn subject(&self) -> String {
        self.work.subject()
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.wait > LONGEST_WAIT {
            return Err("nobody waits that long");
        }
        self.work.check()
    }
}

/// Names an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToStop {
    /// The operation.
    pub id: Revision,
}

impl super::Subject for ToStop {
    fn subject(&self) -> String {
        self.id.to_string()
    }
}

/// How far an operation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Progress {
    /// Of a purge.
    Purge(Purged),
    /// Of a copy.
    Copy {
        /// What has been written.
        done: Copied,
        /// What has been seen of the source.
        of: Seen,
    },
}

/// What an operation has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// What was removed.
    Purged(Purged),
    /// What was copied.
    Copied(Copied),
    /// The snapshot.
    Snapshot(Snapshot),
}

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It runs.
    Running(Progress),
    /// It is done.
    Done(Outcome),
    /// It failed.
    Failed(Problem),
}

/// An operation, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// Its name.
    pub id: Revision,
    /// Who started it, by the name that was chosen for that.
    pub by: Uuid,
    /// Where it stands.
    pub state: State,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_work_has_the_same_name_and_other_work_another() {
        let purge = |id: &str| Work::Purge {
            id: TrashId::parse(id).unwrap(),
        };
        assert_eq!(purge("a").operation(), purge("a").operation());
        assert_ne!(purge("a").operation(), purge("b").operation());
    }
}
