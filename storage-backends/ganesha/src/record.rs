//! What is remembered of an id: one small JSON file each.

use crate::ids::{ExportId, Usage};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tombolo_backend_api::{Admission, ExportKey, Exported};

/// What is remembered of an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Record {
    /// The id, which is also the file's name.
    pub(crate) id: ExportId,
    /// Ascends with every id that is given: the highest says which was the last.
    pub(crate) sequence: u64,
    /// What it is used for.
    pub(crate) state: State,
}

/// What an id is used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum State {
    /// By an export that there is to be, cut or not.
    Live(Live),
    /// By one that is to go, and of which the server may still know.
    Leaving(ExportKey),
    /// By none since then.
    Gone {
        /// When the server certainly knew it no more.
        since: jiff::Timestamp,
        /// Of which export it was, where that is known: the same one may have it again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<ExportKey>,
    },
}

/// An export that there is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Live {
    /// For what and whom.
    pub(crate) key: ExportKey,
    /// The directory behind it.
    pub(crate) directory: PathBuf,
    /// What it lets through.
    pub(crate) admission: Admission,
}

impl Record {
    /// Its use, as the choice of ids sees it.
    pub(crate) fn usage(&self) -> Usage {
        match &self.state {
            State::Live(_) | State::Leaving(_) => Usage::Taken,
            State::Gone { since, .. } => Usage::Resting { since: *since },
        }
    }

    /// The export's key, while the server may know the export.
    pub(crate) fn key(&self) -> Option<&ExportKey> {
        match &self.state {
            State::Live(live) => Some(&live.key),
            State::Leaving(key) => Some(key),
            State::Gone { .. } => None,
        }
    }

    /// The export that had the id until it began to rest.
    pub(crate) fn former(&self) -> Option<&ExportKey> {
        match &self.state {
            State::Gone { key, .. } => key.as_ref(),
            State::Live(_) | State::Leaving(_) => None,
        }
    }

    /// The export, if there is to be one.
    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.state {
            State::Live(live) => Some(live),
            State::Leaving(_) | State::Gone { .. } => None,
        }
    }
}

impl Live {
    /// As callers see it.
    pub(crate) fn exported(&self) -> Exported {
        Exported {
            key: self.key.clone(),
            admission: self.admission,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tombolo_backend_api::{Access, Tenant, VolumePath};

    #[test]
    fn records_read_as_they_were_written() {
        let key = ExportKey {
            path: VolumePath::parse("a/b").unwrap(),
            tenant: Tenant::parse("t").unwrap(),
            access: Access::ReadOnly,
        };
        let live = State::Live(Live {
            key: key.clone(),
            directory: "/exports/x".into(),
            admission: Admission::Cut,
        });
        let gone = |key| State::Gone {
            since: jiff::Timestamp::UNIX_EPOCH,
            key,
        };
        for state in [live, State::Leaving(key.clone()), gone(None), gone(Some(key))] {
            let record = Record {
                id: ExportId::new(7).unwrap(),
                sequence: 9,
                state,
            };
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
            assert!(serde_json::from_str::<Record>(&text.replace("\"id\":7", "\"id\":0")).is_err());
        }
    }

    #[test]
    fn a_record_that_does_not_say_whose_id_rests_reads_too() {
        let text = r#"{"id":7,"sequence":9,"state":{"gone":{"since":"1970-01-01T00:00:00Z"}}}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!((record.former(), record.key(), record.live()), (None, None, None));
        assert_eq!(serde_json::to_string(&record).unwrap(), text);
    }
}
