//! What was found and made until now, and when that is too much.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use tombolo_backend_api::{BackendError, Class, Copied, Seen};

/// How much more than the target's size is read at most where holes have to be read like anything else: a file may claim any
/// length without having any data.
const READS: u64 = 16;

/// What a copy may come to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
}

/// What was found in one directory and below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.entries = self.entries.saturating_add(other.entries);
        self.skipped = self.skipped.saturating_add(other.skipped);
    }
}

/// The counters of one copy.
#[derive(Debug)]
pub(crate) struct Account {
    limits: Limits,
    seen_bytes: AtomicU64,
    entries: AtomicU64,
    whole: AtomicBool,
    bytes: AtomicU64,
    files: AtomicU64,
    directories: AtomicU64,
    skipped: AtomicU64,
    reused_bytes: AtomicU64,
    reused_files: AtomicU64,
    promised_reads: AtomicU64,
}

impl Account {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            seen_bytes: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            whole: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            directories: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            reused_bytes: AtomicU64::new(0),
            reused_files: AtomicU64::new(0),
            promised_reads: AtomicU64::new(0),
        }
    }

    /// Entries of the source were found.
    pub(crate) fn found(&self, tally: Tally) -> Result<(), BackendError> {
        add(&self.seen_bytes, tally.bytes);
        add(&self.skipped, tally.skipped);
        if add(&self.entries, tally.entries) > self.limits.entries {
            return Err(too_large(format!("has more than {} entries", self.limits.entries)));
        }
        Ok(())
    }

    /// What was found will be found again.
    pub(crate) fn forget(&self, tally: Tally) {
        self.seen_bytes.fetch_sub(tally.bytes, Relaxed);
        self.entries.fetch_sub(tally.entries, Relaxed);
        self.skipped.fetch_sub(tally.skipped, Relaxed);
    }

    pub(crate) fn found_all(&self) {
        self.whole.store(true, Relaxed);
    }

    /// A file is to be read from end to end, holes and all.
    pub(crate) fn will_read(&self, bytes: u64) -> Result<(), BackendError> {
        let most = self.limits.bytes.saturating_mul(READS);
        if add(&self.promised_reads, bytes) > most {
            return Err(too_large(format!(
                "has files of more than {most} bytes in all, holes among them, which cannot be skipped here"
            )));
        }
        Ok(())
    }

    /// A file of so many bytes came from an earlier attempt.
    pub(crate) fn reused_file(&self, bytes: u64) -> Result<(), BackendError> {
        add(&self.reused_bytes, bytes);
        add(&self.reused_files, 1);
        self.wrote(bytes)
    }

    /// Bytes were written, or came from an earlier attempt.
    pub(crate) fn wrote(&self, bytes: u64) -> Result<(), BackendError> {
        if add(&self.bytes, bytes) > self.limits.bytes {
            return Err(too_large(format!("has more than {} bytes", self.limits.bytes)));
        }
        Ok(())
    }

    pub(crate) fn made_file(&self) {
        add(&self.files, 1);
    }

    pub(crate) fn made_directory(&self) {
        add(&self.directories, 1);
    }

    pub(crate) fn copied(&self) -> Copied {
        Copied {
            bytes: self.bytes.load(Relaxed),
            files: self.files.load(Relaxed),
            directories: self.directories.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            reused_bytes: self.reused_bytes.load(Relaxed),
            reused_files: self.reused_files.load(Relaxed),
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        Seen {
            bytes: self.seen_bytes.load(Relaxed),
            entries: self.entries.load(Relaxed),
            whole: self.whole.load(Relaxed),
        }
    }
}

/// Adds without ever wrapping; the sum.
fn add(counter: &AtomicU64, more: u64) -> u64 {
    let sum = |old: u64| Some(old.saturating_add(more));
    let (Ok(old) | Err(old)) = counter.fetch_update(Relaxed, Relaxed, sum);
    old.saturating_add(more)
}

fn too_large(why: String) -> BackendError {
    BackendError::maybe_done(Class::TooLarge, format!("the source {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(bytes: u64, entries: u64) -> Account {
        Account::new(Limits { bytes, entries })
    }

    fn entries(entries: u64) -> Tally {
        Tally {
            entries,
            ..Tally::default()
        }
    }

    #[test]
    fn as_much_as_is_allowed_is_allowed_and_one_more_is_not() {
        let account = account(10, 3);
        account.found(entries(3)).unwrap();
        assert_eq!(account.found(entries(1)).unwrap_err().class, Class::TooLarge);
        account.wrote(4).unwrap();
        account.wrote(6).unwrap();
        assert_eq!(account.wrote(1).unwrap_err().class, Class::TooLarge);
        assert_eq!(account.copied().bytes, 11);
    }

    #[test]
    fn what_an_earlier_attempt_has_made_counts_and_is_told_apart() {
        let account = account(10, 3);
        account.wrote(4).unwrap();
        account.made_file();
        account.reused_file(5).unwrap();
        account.made_file();
        let copied = account.copied();
        assert_eq!((copied.bytes, copied.files, copied.anew()), (9, 2, (4, 1)));
        assert_eq!(account.reused_file(2).unwrap_err().class, Class::TooLarge);
    }

    #[test]
    fn what_is_found_again_counts_once() {
        let account = account(10, 3);
        let some = Tally {
            bytes: 5,
            entries: 3,
            skipped: 1,
        };
        account.found(some).unwrap();
        account.forget(some);
        account.found(some).unwrap();
        assert_eq!((account.seen().entries, account.copied().skipped), (3, 1));
    }

    #[test]
    fn no_number_that_a_tenant_can_write_wraps() {
        let account = account(1 << 40, 3);
        account
            .found(Tally {
                bytes: u64::MAX,
                ..entries(1)
            })
            .unwrap();
        account
            .found(Tally {
                bytes: u64::MAX,
                ..entries(1)
            })
            .unwrap();
        assert_eq!(account.will_read(u64::MAX).unwrap_err().class, Class::TooLarge);
        assert_eq!(account.will_read(1).unwrap_err().class, Class::TooLarge);
        assert_eq!(account.wrote(u64::MAX).unwrap_err().class, Class::TooLarge);
        assert_eq!(account.wrote(u64::MAX).unwrap_err().class, Class::TooLarge);
    }

    #[test]
    fn holes_may_be_read_but_not_for_ever() {
        let account = account(10, 3);
        account.will_read(10 * READS).unwrap();
        assert_eq!(account.will_read(1).unwrap_err().class, Class::TooLarge);
    }
}
