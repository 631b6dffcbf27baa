//! What is told of a copy under way, and when. Of a snapshot that is taken by copying, the same.

use super::schedule::Bounds;
use std::time::Duration;
use tombolo_backend_api::{Copied, Seen};

/// Of a copy that takes no longer nothing is told but its end.
const FIRST: Duration = Duration::from_secs(5);
/// Each is an event, and events are for people.
const EVERY: Duration = Duration::from_secs(30);

/// How long from now a copy's progress is told. `since`: how long ago something of it was told last, by this attempt or another.
pub fn wait(since: Option<Duration>) -> Duration {
    since.map_or(FIRST, |since| EVERY.saturating_sub(since).max(FIRST))
}

/// What is told of a copy, or a snapshot, that waits for others.
pub fn in_line(bounds: Bounds) -> String {
    let Bounds { per_namespace, in_all } = bounds;
    format!(
        "it waits for its turn: at most {per_namespace} copies and snapshots for a namespace, and {in_all} in all, are made at once"
    )
}

/// How far a copy is, in words; `None`: there is nothing to count, as where a file system copies a tree as a whole. `lately`: bytes that
/// were written since that was told last, or since the attempt began, and how long ago that is.
pub fn words(done: Copied, of: Seen, lately: (u64, Duration)) -> Option<String> {
    let entries = done.files.saturating_add(done.directories).saturating_add(done.skipped);
    let share = if of.bytes > 0 {
        percent(done.bytes, of.bytes)
    } else {
        percent(entries, of.entries)
    }?;
    let of = if of.whole { "all" } else { "what was found until now" };
    let (files, written, speed) = (done.files, bytes(done.bytes), bytes(speed(lately)));
    Some(format!(
        "copied {written} in {files} files, {share} % of {of}, at {speed}/s"
    ))
}

/// What is told of a copy that is complete but for what is in no copy: devices, sockets and FIFOs; `None`: there were none.
pub fn left_out(done: Copied) -> Option<String> {
    let skipped = Some(done.skipped).filter(|skipped| *skipped > 0)?;
    Some(format!(
        "it is complete but for {skipped} devices, sockets or FIFOs of its source, which are never copied"
    ))
}

fn speed((written, within): (u64, Duration)) -> u64 {
    let each_second = u128::from(written) * 1000 / within.as_millis().max(1);
    u64::try_from(each_second).unwrap_or(u64::MAX)
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
            ..Copied::default()
        };
        let (bytes, entries) = seen;
        words(
            done,
            Seen { bytes, entries, whole },
            (30 << 20, Duration::from_secs(30)),
        )
    }

    #[test]
    fn bytes_files_the_share_of_what_was_seen_and_the_speed() {
        for (found, expected) in [
            (
                told(0, 0, (1 << 30, 7), false),
                "copied 0 bytes in 0 files, 0 % of what was found until now, at 1024 KiB/s",
            ),
            (
                told(1 << 29, 3, (1 << 30, 7), true),
                "copied 512 MiB in 3 files, 50 % of all, at 1024 KiB/s",
            ),
            (
                told(20 << 10, 3, (10 << 10, 7), true),
                "copied 20 KiB in 3 files, 100 % of all, at 1024 KiB/s",
            ),
            (
                told(0, 4, (0, 10), true),
                "copied 0 bytes in 4 files, 50 % of all, at 1024 KiB/s",
            ),
            (
                told(u64::MAX, u64::MAX, (u64::MAX, 1), true),
                "copied 16383 PiB in 18446744073709551615 files, 100 % of all, at 1024 KiB/s",
            ),
        ] {
            assert_eq!(found.as_deref(), Some(expected));
        }
        assert_eq!(words(Copied::default(), Seen::default(), (0, FIRST)), None);
    }

    #[test]
    fn what_was_left_out_is_said() {
        let skipped = |skipped| Copied {
            skipped,
            ..Copied::default()
        };
        assert_eq!(left_out(skipped(0)), None);
        assert!(left_out(skipped(3)).unwrap().contains("but for 3 devices"));
    }

    #[test]
    fn a_speed_is_of_any_time_and_a_copy_that_stands_still_has_none() {
        let second = Duration::from_secs(1);
        for (written, within, expected) in [
            (0, second, 0),
            (100, 5 * second, 20),
            (7, Duration::ZERO, 7000),
            (u64::MAX, Duration::ZERO, u64::MAX),
            (u64::MAX, Duration::MAX, 0),
        ] {
            assert_eq!(speed((written, within)), expected);
        }
    }

    #[test]
    fn who_waits_is_told_for_what() {
        let words = in_line(Bounds::default());
        assert!(
            words.contains("at most 2 copies and snapshots for a namespace, and 8 in all"),
            "{words}"
        );
    }

    #[test]
    fn the_first_word_comes_soon_and_the_others_seldom() {
        let ago = |seconds| wait(Some(Duration::from_secs(seconds)));
        assert_eq!((wait(None), ago(0)), (FIRST, EVERY));
        // Whatever attempt it was of.
        assert_eq!((ago(10), ago(28), ago(3600)), (EVERY - 2 * FIRST, FIRST, FIRST));
    }
}
