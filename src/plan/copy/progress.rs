//! What is told of a copy under way, and when.

use std::time::Duration;
use tombolo_backend_api::{Copied, Seen};

/// Of a copy that takes no longer nothing is told but its end.
const FIRST: Duration = Duration::from_secs(5);
/// Each is an event, and events are for people.
const EVERY: Duration = Duration::from_secs(30);

/// How long after it began, or after it was told last, a copy's progress is told.
pub fn wait(told: usize) -> Duration {
    if told == 0 { FIRST } else { EVERY }
}

/// How far a copy is, in words; `None`: there is nothing to count, as where a file system copies a tree as a whole.
pub fn words(done: Copied, of: Seen) -> Option<String> {
    let entries = done.files.saturating_add(done.directories).saturating_add(done.skipped);
    let share = if of.bytes > 0 {
        percent(done.bytes, of.bytes)
    } else {
        percent(entries, of.entries)
    }?;
    let of = if of.whole { "all" } else { "what was found until now" };
    let (files, bytes) = (done.files, bytes(done.bytes));
    Some(format!("copied {bytes} in {files} files, {share} % of {of}"))
}

/// Never more than all: a source that is written to while it is copied was counted before.
fn percent(part: u64, whole: u64) -> Option<u64> {
    let part = u128::from(part.min(whole)) * 100;
    part.checked_div(u128::from(whole)).and_then(|p| u64::try_from(p).ok())
}

/// In the largest unit that leaves at least two digits.
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut figure, mut unit) = (bytes, UNITS[0]);
    for next in &UNITS[1..] {
        if figure < 10 * 1024 {
            break;
        }
        (figure, unit) = (figure / 1024, next);
    }
    format!("{figure} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: u64, files: u64, seen: (u64, u64), whole: bool) -> Option<String> {
        let done = Copied {
            bytes,
            files,
            directories: 1,
            skipped: 0,
        };
        let (bytes, entries) = seen;
        words(done, Seen { bytes, entries, whole })
    }

    #[test]
    fn bytes_files_and_the_share_of_what_was_seen() {
        for (found, expected) in [
            (
                told(0, 0, (1 << 30, 7), false),
                "copied 0 bytes in 0 files, 0 % of what was found until now",
            ),
            (
                told(1 << 29, 3, (1 << 30, 7), true),
                "copied 512 MiB in 3 files, 50 % of all",
            ),
            (
                told(20 << 10, 3, (10 << 10, 7), true),
                "copied 20 KiB in 3 files, 100 % of all",
            ),
            (told(0, 4, (0, 10), true), "copied 0 bytes in 4 files, 50 % of all"),
            (
                told(u64::MAX, u64::MAX, (u64::MAX, 1), true),
                "copied 16383 PiB in 18446744073709551615 files, 100 % of all",
            ),
        ] {
            assert_eq!(found.as_deref(), Some(expected));
        }
        assert_eq!(words(Copied::default(), Seen::default()), None);
    }

    #[test]
    fn the_first_word_comes_soon_and_the_others_seldom() {
        assert_eq!((wait(0), wait(1), wait(2)), (FIRST, EVERY, EVERY));
        assert!(FIRST < EVERY);
    }
}
