//! Reporting what this machine could not run.

use std::io::Write as _;

/// Set where every test is expected to run, as on a build machine: then a skip is a failure.
const NO_SKIPS: &str = "TOMBOLO_NO_SKIPS";

/// Says on the real standard error that a test was skipped and why: a skip which nobody sees looks like a pass.
///
/// # Panics
/// With `TOMBOLO_NO_SKIPS`.
pub fn report_skipped(test: &str, reason: &str) {
    aloud(&format!("SKIPPED {test}: {reason}"));
    let fails = std::env::var_os(NO_SKIPS).is_some_and(|value| !value.is_empty());
    assert!(!fails, "{NO_SKIPS} is set, and {test} was skipped: {reason}");
}

/// A line on the real standard error, where everybody sees it: the print macros would be captured by the test runner.
pub(crate) fn aloud(line: &str) {
    // Nothing sensible can be done when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
