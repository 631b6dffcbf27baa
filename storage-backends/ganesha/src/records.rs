//! The records on disk: the truth about which id belongs to which export.
//!
//! A record is on disk before the server is told of its id, and stays until the id has rested. A record that cannot be read
//! is set aside; its id rests as if it had just been given back.

use crate::files::Directory;
use crate::ids::ExportId;
use crate::record::{Record, State};
use std::path::Path;
use tombolo_backend_api::{BackendError, Class};

/// Directory of the records, below that of the state.
const RECORDS: &str = "exports";
const SUFFIX: &str = ".json";
/// Ends the name of a record that could not be read.
const DAMAGED: &str = ".damaged";

/// The directory of records, held by this process alone.
#[derive(Debug)]
pub(crate) struct Records {
    /// Holds the lock.
    _state: Directory,
    directory: Directory,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) records: Vec<Record>,
    /// How many could not be read.
    pub(crate) damaged: usize,
}

impl Records {
    /// Opens the directory and reads what is there. `now` is when ids of damaged records begin to rest.
    pub(crate) fn open(state: &Path, now: jiff::Timestamp) -> Result<(Self, Found), BackendError> {
        let state = Directory::open(state)?;
        state.lock()?;
        let directory = state.below(RECORDS)?;
        let records = Self {
            _state: state,
            directory,
        };
        let mut found = Found::default();
        for name in records.directory.names()? {
            let Some(id) = id_of(&name) else { continue };
            match records.read(&name, id)? {
                Some(record) => found.records.push(record),
                None => {
                    found.damaged += 1;
                    found.records.push(records.set_aside(&name, id, now)?);
                }
            }
        }
        Ok((records, found))
    }

    /// What is there, beside whoever has the records. Nothing is changed, and what cannot be read is only counted.
    pub(crate) fn peek(state: &Path) -> Result<Found, BackendError> {
        let mut found = Found::default();
        let Some(directory) = Directory::there(&state.join(RECORDS))? else {
            return Ok(found);
        };
        for name in directory.all_names()? {
            let Some(id) = id_of(&name) else { continue };
            match read(&directory, &name, id)? {
                Some(record) => found.records.push(record),
                None => found.damaged += 1,
            }
        }
        Ok(found)
    }

    fn read(&self, name: &str, id: ExportId) -> Result<Option<Record>, BackendError> {
        read(&self.directory, name, id)
    }

    fn set_aside(&self, name: &str, id: ExportId, now: jiff::Timestamp) -> Result<Record, BackendError> {
        tracing::warn!(%name, "a record of an export cannot be read; its id rests, and the export has to be made again");
        self.directory.rename(name, &format!("{name}{DAMAGED}"))?;
        let record = Record {
            id,
            sequence: 0,
            state: State::Gone { since: now, key: None },
        };
        self.write(&record)?;
        Ok(record)
    }

    /// Writes a record in the place of the former one of its id.
    pub(crate) fn write(&self, record: &Record) -> Result<(), BackendError> {
        let bytes = serde_json::to_vec(record)
            .map_err(|e| BackendError::not_done(Class::Bug, "a record of an export does not serialise").because(e))?;
        self.directory.write(&name_of(record.id), &bytes)
    }

    /// Forgets an id that has rested.
    pub(crate) fn remove(&self, id: ExportId) -> Result<(), BackendError> {
        self.directory.remove(&name_of(id))
    }
}

fn read(directory: &Directory, name: &str, id: ExportId) -> Result<Option<Record>, BackendError> {
    let bytes = directory.read(name)?.unwrap_or_default();
    let record = serde_json::from_slice(&bytes).ok();
    Ok(record.filter(|record: &Record| record.id == id))
}

fn name_of(id: ExportId) -> String {
    format!("{id}{SUFFIX}")
}

fn id_of(name: &str) -> Option<ExportId> {
    let id = name.strip_suffix(SUFFIX)?.parse().ok().and_then(ExportId::new)?;
    (name_of(id) == name).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(id: u16, sequence: u64) -> Record {
        let since = jiff::Timestamp::UNIX_EPOCH;
        Record {
            id: ExportId::new(id).unwrap(),
            sequence,
            state: State::Gone { since, key: None },
        }
    }

    fn open(path: &Path) -> (Records, Found) {
        Records::open(path, jiff::Timestamp::from_second(50).unwrap()).unwrap()
    }

    #[test]
    fn records_are_there_again_after_a_restart() {
        let scratch = tempfile::tempdir().unwrap();
        let (records, found) = open(scratch.path());
        assert!(found.records.is_empty());
        records.write(&gone(7, 1)).unwrap();
        records.write(&gone(65535, 2)).unwrap();
        records.write(&gone(7, 3)).unwrap();
        records.write(&gone(9, 4)).unwrap();
        records.remove(ExportId::new(9).unwrap()).unwrap();
        drop(records);
        let (_, mut found) = open(scratch.path());
        found.records.sort_by_key(|record| record.id);
        assert_eq!((found.records, found.damaged), (vec![gone(7, 3), gone(65535, 2)], 0));
    }

    #[test]
    fn the_id_of_a_record_that_cannot_be_read_rests() {
        let scratch = tempfile::tempdir().unwrap();
        let (records, _) = open(scratch.path());
        records.write(&gone(3, 1)).unwrap();
        drop(records);
        let at = |name: &str| scratch.path().join("exports").join(name);
        let other = std::fs::read(at("3.json")).unwrap();
        for (name, contents) in [("4.json", &b""[..]), ("5.json", b"{\"id\":5,"), ("6.json", &other)] {
            std::fs::write(at(name), contents).unwrap();
        }
        for name in ["07.json", "0.json", "65536.json", "x.json", "8.txt", "9.json.tmp"] {
            std::fs::write(at(name), "{}").unwrap();
        }
        for _ in 0..2 {
            let (_, mut found) = open(scratch.path());
            found.records.sort_by_key(|record| record.id);
            let ids: Vec<_> = found.records.iter().map(|record| record.id.get()).collect();
            assert_eq!(ids, [3, 4, 5, 6]);
            let since = jiff::Timestamp::from_second(50).unwrap();
            assert!(
                found.records[1..]
                    .iter()
                    .all(|record| record.state == State::Gone { since, key: None })
            );
        }
        assert!(at("5.json.damaged").exists());
    }
}
