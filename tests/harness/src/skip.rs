//! Reporting what this machine could not run.

use std::io::Write as _;

/// Set where every test is expected to run, as on a build machine: then a skip is a failure.
const NO_SKIPS: &str = "TOMBOLO_NO_SKIPS";

/// Says on the real standard error that a test was skipped and why. The print macros would be captured by the test runner,
/// and a skip which nobody sees looks like a pass.
///
/// # Panics
/// With `TOMBOLO_NO_SKIPS`.
pub fn report_skipped(test: &str, reason: &str) {
    // Nothing sensible can be done when standard error is closed.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
    let fails = std::env::var_os(NO_SKIPS).is_some_and(|value| !value.is_empty());
    assert!(!fails, "{NO_SKIPS} is set, and {test} was skipped: {reason}");
}
