//! Bytes of a stored value: `[version][CRC-32 of version and payload, little-endian][payload: JSON]`.
//!
//! Whatever cannot be read is an error with a reason, never a guess and never a default. A change to what the JSON means
//! takes a new version; a step that there was not before takes none: an older release cannot read such a record, and rebuilds.
//! The files in `fixtures/` are what old versions wrote, and must stay readable.

use crate::domain::change::{Why, check};
use crate::domain::ids::VolumeId;
use crate::domain::record::Record;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version that is written.
const VERSION: u8 = 1;
/// Length of version and checksum.
const HEADER: usize = 5;

/// Why bytes are not a value.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than the header has.
    #[error("{0} bytes are too few")]
    Short(usize),
    /// Written by a release that this one does not know.
    #[error("format version {0} is not known to this release (it knows {VERSION})")]
    Version(u8),
    /// Bytes changed after they were written.
    #[error("its checksum is {found:08x} and should be {expected:08x}")]
    Checksum {
        /// As stored.
        expected: u32,
        /// Of the bytes as they are.
        found: u32,
    },
    /// No JSON of this type.
    #[error("it does not parse")]
    Payload(#[source] serde_json::Error),
    /// A record under another volume's key.
    #[error("it is the record of volume {0}")]
    OtherVolume(VolumeId),
    /// A record that breaks a rule of its own.
    #[error("it breaks a rule")]
    Rule(#[source] Why),
}

/// Bytes of `value`.
///
/// # Errors
/// Those of JSON: a map whose keys are no strings. None of our types has one.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let payload = serde_json::to_vec(value)?;
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&checksum(VERSION, &payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

/// The value in `bytes`.
///
/// # Errors
/// [`DecodeError`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (header, payload) = bytes
        .split_first_chunk::<HEADER>()
        .ok_or(DecodeError::Short(bytes.len()))?;
    let [version, crc @ ..] = *header;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    let (expected, found) = (u32::from_le_bytes(crc), checksum(version, payload));
    if expected != found {
        return Err(DecodeError::Checksum { expected, found });
    }
    serde_json::from_slice(payload).map_err(DecodeError::Payload)
}

/// The record of `volume` in `bytes`.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_record(volume: &VolumeId, bytes: &[u8]) -> Result<Record, DecodeError> {
    let record: Record = decode(bytes)?;
    if record.volume != *volume {
        return Err(DecodeError::OtherVolume(record.volume));
    }
    check(&record).map_err(DecodeError::Rule)?;
    Ok(record)
}

fn checksum(version: u8, payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[version]);
    crc.update(payload);
    crc.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::{MountMode, OnDelete};
    use crate::domain::change::tests::{any_record, member, record};
    use crate::domain::ids::PvName;
    use crate::domain::record::{Intent, State};
    use crate::ledger::epoch::{Epoch, Holder, Term};
    use proptest::prelude::*;

    /// Every field and variant that has bytes of its own.
    fn records() -> Vec<Record> {
        let mut shared = record("pvc-shared");
        let _ = shared.members.insert(PvName::new("pvc-2"), member("app"));
        shared.intent = Some(Intent::Join {
            pv: PvName::new("pvc-3"),
        });
        let mut creating = record("pvc-creating");
        (creating.state, creating.intent) = (State::Creating, Some(Intent::Create));
        let mut soft = record("pvc-soft");
        soft.state = State::SoftDeleted;
        let discard = |how| Some(Intent::Discard { how });
        soft.intent = discard(OnDelete::Archive);
        let mut deleting = record("pvc-deleting");
        (deleting.state, deleting.intent) = (State::Deleting, discard(OnDelete::Delete));
        let mut copying = record("pvc-copying");
        let from = VolumeId::new("pvc-shared");
        (copying.state, copying.intent) = (State::Creating, Some(Intent::Copy { from }));
        // Who mounts is written where it is not the default, so that version 1 is what it was.
        let mut by_plugin = shared.clone();
        by_plugin.volume = VolumeId::new("pvc-csi");
        by_plugin.terms.mount = MountMode::Csi;
        by_plugin.members.values_mut().for_each(|m| m.mount = MountMode::Csi);
        vec![creating, shared, soft, deleting, copying, by_plugin]
    }

    fn epoch() -> Epoch {
        Epoch {
            term: Some(Term {
                lease_uid: "0b5c".into(),
                transitions: 7,
            }),
            holder: Holder {
                identity: "tombolo-0".into(),
                start_id: "a1".into(),
            },
        }
    }

    /// If this fails, the format has changed: give it a new version, and teach `decode` to read both.
    #[test]
    fn version_1_is_written_and_read_as_ever() {
        let files: [&[u8]; 6] = [
            include_bytes!("fixtures/creating.v1"),
            include_bytes!("fixtures/shared.v1"),
            include_bytes!("fixtures/soft-deleted.v1"),
            include_bytes!("fixtures/deleting.v1"),
            include_bytes!("fixtures/copying.v1"),
            include_bytes!("fixtures/csi.v1"),
        ];
        for (record, bytes) in records().into_iter().zip(files) {
            assert_eq!(decode_record(&record.volume, bytes).unwrap(), record);
            assert_eq!(
                String::from_utf8_lossy(&encode(&record).unwrap()),
                String::from_utf8_lossy(bytes)
            );
        }
        let bytes = include_bytes!("fixtures/epoch.v1");
        assert_eq!(decode::<Epoch>(bytes).unwrap(), epoch());
        assert_eq!(encode(&epoch()).unwrap(), bytes);
    }

    #[test]
    fn nothing_is_guessed() {
        let record = record("pvc-1");
        let bytes = encode(&record).unwrap();
        let read = |bytes: &[u8]| decode_record(&record.volume, bytes).map_err(|e| e.to_string());
        assert_eq!(read(&[]), Err("0 bytes are too few".into()));
        assert_eq!(read(&[1, 0, 0, 0]), Err("4 bytes are too few".into()));
        let mut future = bytes.clone();
        future[0] = 2;
        assert_eq!(
            read(&future),
            Err("format version 2 is not known to this release (it knows 1)".into())
        );
        assert_eq!(read(&encode(&"text").unwrap()), Err("it does not parse".into()));
        assert!(matches!(
            decode_record(&VolumeId::new("pvc-2"), &bytes),
            Err(DecodeError::OtherVolume(_))
        ));
        let mut broken = records().swap_remove(1);
        broken.state = State::Deleting;
        assert!(matches!(
            decode_record(&broken.volume, &encode(&broken).unwrap()),
            Err(DecodeError::Rule(_))
        ));
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&flipped).is_err(), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn records_read_back(record in any_record(&["pvc-1", "pvc-9"])) {
            let bytes = encode(&record).unwrap();
            prop_assert_eq!(&decode::<Record>(&bytes).unwrap(), &record);
            prop_assert_eq!(decode_record(&record.volume, &bytes).is_ok(), check(&record).is_ok());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(decode::<Record>(&bytes).is_err());
        }
    }
}
