//! The suite on a real disk, and what only a file can suffer.

use super::*;
use crate::domain::change::tests::record;
use crate::ledger::suite::{self, Stage};
use crate::ledger::trust;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use tempfile::TempDir;

type Image = BTreeMap<PathBuf, Vec<u8>>;

/// All files below `dir`; a file that goes meanwhile is left out.
fn read(dir: &Path, below: &Path, image: &mut Image) {
    for entry in fs::read_dir(dir.join(below)).unwrap().map(Result::unwrap) {
        let path = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            read(dir, &path, image);
        } else if let Ok(bytes) = fs::read(entry.path()) {
            let _ = image.insert(path, bytes);
        }
    }
}

/// The files as of one moment: sled tidies them up in the background, so they are read until they hold still.
fn image(dir: &Path) -> Image {
    let (mut before, mut now) = (Image::new(), Image::new());
    read(dir, Path::new(""), &mut now);
    while now != before {
        before = std::mem::take(&mut now);
        read(dir, Path::new(""), &mut now);
    }
    now
}

fn lay(image: &Image, dir: &Path) {
    for (path, bytes) in image {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

impl Stage for TempDir {
    type Ledger = SledLedger;

    fn open(&self) -> Result<Opened<SledLedger>, LedgerError> {
        SledLedger::open(&self.path().join("ledger"))
    }

    /// What is in the files at this moment, without anything that closing would still write.
    fn crash(&self, ledger: SledLedger) {
        let image = image(self.path());
        drop(ledger);
        self.lose();
        lay(&image, self.path());
    }

    fn corrupt(&self, volume: &VolumeId) {
        let db = sled::open(self.path().join("ledger/store")).unwrap();
        let key = format!("{RECORD}{volume}");
        let mut bytes = db.get(&key).unwrap().unwrap().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        let _ = db.insert(&key, bytes).unwrap();
        let _ = db.flush().unwrap();
    }

    fn lose(&self) {
        fs::remove_dir_all(self.path().join("ledger")).unwrap();
    }

    fn flushes(&self, ledger: &SledLedger) -> u64 {
        ledger.flushes()
    }
}

suite::on!(tempfile::tempdir().unwrap());

fn begin(n: usize) -> Change {
    Change::Begin(record(&format!("pvc-{n}")))
}

/// A generator of numbers that are the same in every run (Knuth's MMIX constants).
fn random(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6364136223846793005)
        .wrapping_add(1442695040888963407);
    usize::try_from(*state >> 33).unwrap()
}

/// Checks that `opened` is all there was, or nothing and says so; which of them.
fn honest(opened: &Opened<SledLedger>, whole: &[Arc<Record>], epoch: Option<&Epoch>) -> &'static str {
    let (found, signed) = (opened.ledger.all(), opened.ledger.epoch());
    match &opened.condition {
        Condition::Loaded => {
            let same = found == whole && signed.as_ref() == epoch;
            assert!(same, "{} of {} records, signed by {signed:?}", found.len(), whole.len());
            "whole"
        }
        Condition::Recovered { moved_to, why } => {
            assert!(moved_to.is_dir() && found.is_empty() && signed.is_none());
            match why.contains("had been flushed") {
                true => "rolled back",
                false => "unreadable",
            }
        }
        Condition::Fresh => {
            assert!(found.is_empty() && signed.is_none());
            "empty"
        }
    }
}

fn hurt(bytes: &mut Vec<u8>, how: usize, seed: &mut u64) {
    let used: Vec<_> = (0..bytes.len()).filter(|i| bytes[*i] != 0).collect();
    let at = used[random(seed) % used.len()];
    match how % 3 {
        0 => bytes[at] ^= 1 << (random(seed) % 8),
        1 => bytes.truncate(at),
        _ => bytes.iter_mut().skip(at / 4096 * 4096).take(4096).for_each(|b| *b = 0),
    }
}

/// A damaged file gives the whole ledger, or an empty one that says so: never an older one, never a part of one.
#[tokio::test]
async fn damage_never_passes_for_an_older_or_smaller_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.open().unwrap().ledger;
    let epoch = Epoch {
        term: None,
        holder: crate::ledger::epoch::Holder::parse("pod_a").unwrap(),
    };
    ledger.set_epoch(epoch.clone()).await.unwrap();
    for n in 0..200 {
        let forget = Change::Forget {
            volume: VolumeId::new(format!("pvc-{}", n / 2)),
        };
        ledger.apply(vec![begin(n), forget], Durability::Flushed).await.unwrap();
    }
    let whole = ledger.all();
    dir.crash(ledger);
    // As the crash left it, and opened once more, after which sled has a snapshot of it.
    let crashed = image(dir.path());
    drop(dir.open().unwrap());
    let images = [crashed, image(dir.path())];
    let (mut seed, mut seen) = (7, BTreeSet::new());
    for round in 0..60 {
        let mut image = images[round % 2].clone();
        let stored: Vec<_> = image
            .keys()
            .filter(|path| path.starts_with("ledger/store"))
            .cloned()
            .collect();
        let path = &stored[random(&mut seed) % stored.len()];
        hurt(image.get_mut(path).unwrap(), round, &mut seed);
        let dir = tempfile::tempdir().unwrap();
        lay(&image, dir.path());
        let opened = dir.open().unwrap();
        let _ = seen.insert(honest(&opened, &whole, Some(&epoch)));
        // It works from then on, or sees later what it has not seen yet.
        let (ledger, signed) = (opened.ledger, opened.condition == Condition::Loaded);
        ledger.apply(vec![begin(1)], Durability::Flushed).await.unwrap();
        let whole = ledger.all();
        dir.crash(ledger);
        let _ = honest(&dir.open().unwrap(), &whole, Some(&epoch).filter(|_| signed));
    }
    assert!(seen.contains("rolled back") && seen.contains("unreadable"), "{seen:?}");
}

#[tokio::test]
async fn unreadable_stores_are_kept_one_beside_the_other() {
    let dir = tempfile::tempdir().unwrap();
    for n in 1..=3 {
        let ledger = dir.open().unwrap().ledger;
        ledger.apply(vec![begin(n)], Durability::Flushed).await.unwrap();
        drop(ledger);
        fs::write(
            dir.path().join("ledger/store/conf"),
            "not sled's, and too long to be empty",
        )
        .unwrap();
        let opened = dir.open().unwrap();
        let Condition::Recovered { moved_to, .. } = opened.condition else {
            panic!("{:?}", opened.condition);
        };
        assert!(moved_to.ends_with(format!("store.corrupt-{n}")));
        assert!(trust(&opened.ledger, None, false) != crate::ledger::epoch::Trust::Trusted);
    }
}

#[tokio::test]
async fn a_lost_number_or_an_older_copy_of_the_store_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.open().unwrap().ledger;
    ledger.apply(vec![begin(1)], Durability::Flushed).await.unwrap();
    drop(ledger);
    let backup = image(&dir.path().join("ledger/store"));
    let ledger = dir.open().unwrap().ledger;
    ledger.apply(vec![begin(2)], Durability::Flushed).await.unwrap();
    drop(ledger);
    fs::remove_dir_all(dir.path().join("ledger/store")).unwrap();
    lay(&backup, &dir.path().join("ledger/store"));
    let opened = dir.open().unwrap();
    let Condition::Recovered { why, .. } = opened.condition else {
        panic!("{:?}", opened.condition);
    };
    assert_eq!(why, "it ends with write 1, and write 2 had been flushed");
    opened.ledger.apply(vec![begin(3)], Durability::Flushed).await.unwrap();
    drop(opened.ledger);
    fs::remove_file(dir.path().join("ledger/serial")).unwrap();
    assert!(matches!(dir.open().unwrap().condition, Condition::Recovered { .. }));
}

#[test]
fn a_deleted_store_is_a_fresh_one() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        assert_eq!(dir.open().unwrap().condition, Condition::Fresh);
        fs::remove_dir_all(dir.path().join("ledger/store")).unwrap();
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("ledger");
    fs::write(&at, "a file").unwrap();
    assert!(matches!(dir.open(), Err(LedgerError::Unavailable { .. })));
    assert_eq!(fs::read_to_string(&at).unwrap(), "a file");
    fs::remove_file(&at).unwrap();
    fs::create_dir(&at).unwrap();
    fs::write(at.join("store"), "a file").unwrap();
    assert!(matches!(dir.open(), Err(LedgerError::Unavailable { .. })));
    assert_eq!(fs::read_to_string(at.join("store")).unwrap(), "a file");
}

#[tokio::test]
async fn what_a_later_release_wrote_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.open().unwrap().ledger;
    ledger
        .apply(vec![begin(1), begin(2)], Durability::Flushed)
        .await
        .unwrap();
    drop(ledger);
    let raw = || sled::open(dir.path().join("ledger/store")).unwrap();
    let later = [9, 0, 0, 0, 0, b'?'];
    let db = raw();
    let _ = db.insert("v/pvc-1", &later).unwrap();
    let _ = db.insert("x/other", "kept").unwrap();
    drop(db);
    let ledger = dir.open().unwrap().ledger;
    let [aside] = ledger.quarantined().try_into().unwrap();
    assert_eq!(aside.why, "format version 9 is not known to this release (it knows 1)");
    assert_eq!(ledger.all().len(), 1);
    drop(ledger);
    let db = raw();
    assert_eq!(db.get("v/pvc-1").unwrap(), None);
    assert_eq!(db.get("q/pvc-1").unwrap().as_deref(), Some(&later[..]));
    assert_eq!(db.get("x/other").unwrap().as_deref(), Some(&b"kept"[..]));
}

#[tokio::test]
async fn a_record_too_large_for_the_log_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut huge = record("pvc-1");
    for n in 0..5000 {
        let pv = crate::domain::ids::PvName::new(format!("pvc-member-{n}"));
        let _ = huge.members.insert(pv, crate::domain::change::tests::member("app"));
    }
    let ledger = dir.open().unwrap().ledger;
    let write = ledger.apply(vec![Change::Restore(huge.clone())], Durability::Flushed);
    write.await.unwrap();
    assert!(
        fs::read_dir(dir.path().join("ledger/store/blobs")).unwrap().count() > 0,
        "it is not large enough"
    );
    dir.crash(ledger);
    assert_eq!(dir.open().unwrap().ledger.get(&huge.volume).as_deref(), Some(&huge));
}
