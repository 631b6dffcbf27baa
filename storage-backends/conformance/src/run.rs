//! Runs one case on one fresh subject.

use crate::subject::Reason;
use crate::{Outcome, Skip, Subject};
use std::io::Write;
use std::sync::Once;
use std::time::Duration;

/// Set where every test is expected to run, as on a build machine.
const NO_SKIPS: &str = "TOMBOLO_NO_SKIPS";

/// Which case runs for whom.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The package whose tests these are.
    pub package: &'static str,
    /// The module that the test is in.
    pub module: &'static str,
    /// The case's own name.
    pub name: &'static str,
}

impl Case {
    /// What the backend under test is called: by its package, and by the modules between the test binary's and the case's.
    fn subject(&self) -> String {
        let package = self.package.strip_prefix("tombolo-backend-").unwrap_or(self.package);
        let modules: Vec<_> = self.module.split("::").collect();
        let between = modules.get(1..modules.len().saturating_sub(1)).unwrap_or_default();
        [&[package][..], between].concat().join(" ")
    }
}

tokio::task_local! {
    static RUNNING: Case;
}

/// What the backend of the case that runs is called.
pub(crate) fn subject_name() -> String {
    RUNNING.get().subject()
}

/// Says something that belongs to what a run of all tests shows, also when they pass.
pub(crate) fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

/// Says that a test cannot run here, or not on this subject. Not by `eprintln!`, which the test harness keeps to itself when a test
/// passes.
pub fn skipped(test: &str, why: &str) {
    say(&format!("test {test} ... skipped: {why}\n"));
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
    running: Case,
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
        tokio::time::timeout(LONGEST, RUNNING.scope(running, run)).await
    });
    let name = running.name;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_called_by_its_package_and_the_modules_of_its_own() {
        let case = |module| Case {
            package: "tombolo-backend-nfs",
            module,
            name: "a_case",
        };
        assert_eq!(case("conformance::v4_1::share").subject(), "nfs v4_1");
        assert_eq!(case("conformance::share").subject(), "nfs");
        assert_eq!(case("share").subject(), "nfs");
    }
}
