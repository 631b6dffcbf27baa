//! Reporting what this machine could not run.

use std::io::Write as _;

/// Says on the real standard error that a test was skipped and why. The print macros would be captured by the test runner,
/// and a skip which nobody sees looks like a pass.
pub fn report_skipped(test: &str, reason: &str) {
    // Nothing sensible can be done when standard error is closed.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
}
