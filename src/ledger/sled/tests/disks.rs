//! Disks that cannot be written to: nothing is moved aside, nothing is lost, and the error says which directory and why.

use super::*;
use std::io::Write;
use std::process::Command;
use tombolo_harness::report_skipped;

/// A small file system in memory, which goes with the test.
struct Small(TempDir);

impl Small {
    /// Mounts it, or says why the test is skipped.
    fn of(size: &str) -> Option<Self> {
        let small = Self(tempfile::tempdir().unwrap());
        let ended = small.mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        if ended.as_ref().is_ok_and(|output| output.status.success()) {
            return Some(small);
        }
        let thread = std::thread::current();
        let why = format!("this process may not mount: {ended:?}");
        report_skipped(thread.name().unwrap_or("a test"), &why);
        None
    }

    fn mount(&self, arguments: &[&str]) -> std::io::Result<std::process::Output> {
        Command::new("mount").args(arguments).arg(self.0.path()).output()
    }

    /// Whether it may be written to.
    fn remount(&self, how: &str) {
        let ended = self.mount(&["-o", &format!("remount,{how}")]).unwrap();
        assert!(ended.status.success(), "{ended:?}");
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    /// Leaves no room.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        while filler.write_all(&[1; 512]).is_ok() {}
    }

    /// Leaves room again.
    fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// The error with its sources, as the process prints it.
fn words(opened: Result<Opened<SledLedger>, LedgerError>) -> String {
    format!("{:#}", anyhow::Error::from(opened.unwrap_err()))
}

#[test]
fn a_directory_that_cannot_be_used_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("ledger");
    fs::write(&at, "a file").unwrap();
    let named = format!("{} cannot be used as the ledger's directory: ", at.display());
    let said = words(dir.open());
    assert!(said.starts_with(&named) && said.contains("File exists"), "{said}");
    assert_eq!(fs::read_to_string(&at).unwrap(), "a file");
    fs::remove_file(&at).unwrap();
    fs::create_dir(&at).unwrap();
    fs::write(at.join("store"), "a file").unwrap();
    assert!(matches!(dir.open(), Err(LedgerError::Unavailable { .. })));
    assert_eq!(fs::read_to_string(at.join("store")).unwrap(), "a file");
}

#[tokio::test]
async fn a_disk_that_is_mounted_read_only_is_said_and_its_ledger_is_there_when_it_is_writable_again() {
    let Some(disk) = Small::of("8m") else { return };
    let ledger = disk.0.open().unwrap().ledger;
    ledger.apply(vec![begin(1)], Durability::Flushed).await.unwrap();
    let whole = ledger.all();
    drop(ledger);
    disk.remount("ro");
    let said = words(disk.0.open());
    let at = disk.0.path().join("ledger");
    assert!(said.starts_with(&format!("{} cannot be used", at.display())), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
    disk.remount("rw");
    let opened = disk.0.open().unwrap();
    assert_eq!((opened.condition, opened.ledger.all()), (Condition::Loaded, whole));
}

#[tokio::test]
async fn a_full_disk_ends_the_ledger_and_loses_nothing_that_it_had_accepted() {
    let Some(disk) = Small::of("8m") else { return };
    let ledger = disk.0.open().unwrap().ledger;
    ledger.apply(vec![begin(1)], Durability::Flushed).await.unwrap();
    disk.fill();
    let mut accepted = 1;
    let failed = loop {
        match ledger.apply(vec![begin(accepted + 1)], Durability::Flushed).await {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 10_000, "the disk is not full");
    };
    assert!(failed.is_final(), "{failed:?}");
    let afterwards = ledger.apply(vec![begin(20_000)], Durability::Soon).await.unwrap_err();
    assert!(matches!(afterwards, LedgerError::Ended), "{afterwards:?}");
    let whole = ledger.all();
    assert_eq!(whole.len(), accepted, "it can still be read");
    drop(ledger);

    // As long as there is no room it is an error; an empty ledger in its place would be taken for the truth by nobody, but it would
    // cost a rebuild, and the old one would look damaged.
    let full = disk.0.open();
    assert!(!disk.0.path().join("ledger/store.corrupt-1").exists());
    if let Ok(opened) = full {
        assert_eq!(opened.condition, Condition::Loaded);
    }
    disk.empty();
    let opened = disk.0.open().unwrap();
    assert_eq!(opened.condition, Condition::Loaded);
    for record in whole {
        assert_eq!(opened.ledger.get(&record.volume), Some(record));
    }
}
