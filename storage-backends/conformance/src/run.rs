//! Runs one case on one fresh subject.

use crate::subject::Reason;
use crate::{Outcome, Skip, Subject};
use std::io::Write;
use std::sync::Once;
use std::time::Duration;

/// Set where every test is expected to run, as on a build machine.
const NO_SKIPS: &str = "TOMBOLO_NO_SKIPS";

/// Says that a test cannot run here, or not on this subject. Not by `eprintln!`, which the test harness keeps to itself when a test
/// passes.
pub fn skipped(test: &str, why: &str) {
    std::io::stderr()
        .write_all(format!("test {test} ... skipped: {why}\n").as_bytes())
        .unwrap();
}

/// The same for want of something that a build machine has: with `TOMBOLO_NO_SKIPS` it is a failure.
pub fn lacking(test: &str, why: &str) {
    skipped(test, why);
    let fails = std::env::var_os(NO_SKIPS).is_some_and(|value| !value.is_empty());
    assert!(!fails, "{NO_SKIPS} is set, and {test} was skipped: {why}");
}

/// No case takes this long, even over a network file system on a busy machine; a call without a deadline ends here.
const LONGEST: Duration = Duration::from_secs(180);

/// Runs `case` on the subject that `make` makes, under a hostile umask. What is skipped is said on standard error.
pub fn run_case<S: Subject>(
    name: &str,
    make: impl AsyncFnOnce() -> Result<S, Skip>,
    case: impl AsyncFnOnce(&dyn Subject) -> Outcome,
) {
    static UMASK: Once = Once::new();
    // The umask belongs to the process, so it cannot be changed for one test only.
    UMASK.call_once(|| {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(async {
        let run = async {
            let lacks = |skip: Skip| Skip::for_want_of(skip.why);
            case(&make().await.map_err(lacks)?).await
        };
        tokio::time::timeout(LONGEST, run).await
    });
    let Ok(outcome) = outcome else {
        panic!("{name} did not end within {LONGEST:?}");
    };
    if let Err(Skip { why, reason }) = outcome {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or(name);
        match reason {
            Reason::Subject => skipped(test, &why),
            Reason::Machine => lacking(test, &why),
            // Said once, in the table of what it can do.
            Reason::Undeclared => {}
        }
    }
}
