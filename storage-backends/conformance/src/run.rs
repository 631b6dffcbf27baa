//! Runs one case on one fresh subject.

use crate::{Outcome, Skip, Subject};
use std::io::Write;
use std::sync::Once;
use std::time::Duration;

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
            let subject = make().await?;
            case(&subject).await
        };
        tokio::time::timeout(LONGEST, run).await
    });
    match outcome {
        Ok(Ok(())) => {}
        // Not `eprintln!`, which the test harness keeps to itself when a test passes.
        Ok(Err(Skip(why))) => {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or(name);
            std::io::stderr()
                .write_all(format!("test {test} ... skipped: {why}\n").as_bytes())
                .unwrap();
        }
        Err(_) => panic!("{name} did not end within {LONGEST:?}"),
    }
}
