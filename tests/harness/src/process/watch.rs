//! What follows when a process ends: its exit status is kept, and of one that nobody ended it is told, and it may start again.
//!
//! Without that, the end of one server that all stories share fails each story after it, and none of them says why.

use std::io::Write as _;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Launch, Processes};

/// The exit status of a process, as soon as it has ended.
pub(crate) type Exit = Arc<OnceLock<ExitStatus>>;

/// After this, whoever ended a process has removed its record.
const A_MOMENT: Duration = Duration::from_secs(2);

/// One that ends sooner than this after its start is not started again: it would only end once more.
const SETTLED: Duration = Duration::from_secs(3);

/// Collects the exit status whenever the child ends, and sees to what follows.
pub(super) fn until_it_ends(mut child: Child, processes: Processes, launch: Launch) -> Result<Exit> {
    let (pid, born) = (child.id(), Instant::now());
    let exit = Exit::default();
    let ended = exit.clone();
    let follow = move || {
        let Ok(status) = child.wait() else { return };
        // This is the only writer.
        let _ = ended.set(status);
        let lived = born.elapsed();
        std::thread::sleep(A_MOMENT);
        let missed = processes
            .find(launch.name)
            .is_some_and(|record| u32::try_from(record.pid) == Ok(pid));
        if missed {
            nobody_ended(&processes, launch, status, lived);
        }
    };
    std::thread::Builder::new()
        .name(format!("collect-{pid}"))
        .spawn(follow)?;
    Ok(exit)
}

fn nobody_ended(processes: &Processes, launch: Launch, status: ExitStatus, lived: Duration) {
    let name = launch.name;
    let last = processes.last_line(name);
    let again = lived >= SETTLED && launch.restart.follows(&last);
    let then = if again {
        processes.spawn(launch).map(|_| ", and was started again")
    } else {
        Ok("")
    };
    let then = then.unwrap_or_else(|error| {
        tell(&format!("starting {name} again: {error:#}"));
        ""
    });
    tell(&format!(
        "{name} of {} ended by itself ({status}){then}: {last}",
        processes.directory().display()
    ));
}

/// The print macros would be captured by the test runner, and this belongs to no test.
fn tell(what: &str) {
    // Nothing sensible can be done when standard error is closed.
    let _ = writeln!(std::io::stderr(), "ENDED {what}");
}
