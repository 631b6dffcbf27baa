//! The suite on a real disk, and what only a file can suffer.

use super::*;
use crate::domain::change::tests::record;
use crate::ledger::suite::{self, Stage};
use crate::ledger::trust;
use std::collections::BTreeMap;
use std::fs;
use tempfile::TempDir;

mod damage;
mod disks;

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

    const SHARES_FLUSHES: bool = true;

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
