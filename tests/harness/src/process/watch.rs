//! What follows when a process ends: its exit status is kept, and of one that nobody ended it is told, and it may start again.
//!
//! Without that, the end of one server that all stories share fails each story after it, and none of them says why.

use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Launch, Processes};
use crate::skip::aloud;

/// The exit status of a process, once it has ended and for as long as it is not started again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exit(Arc<Mutex<Option<ExitStatus>>>);

impl Exit {
    pub(crate) fn get(&self) -> Option<ExitStatus> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, status: Option<ExitStatus>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

/// After this, whoever ended a process has removed its record.
const A_MOMENT: Duration = Duration::from_secs(2);

/// One that ends sooner than this after its start is not started again: it would only end once more.
const SETTLED: Duration = Duration::from_secs(3);

/// Collects the exit status whenever the child ends, and sees to what follows.
pub(super) fn until_it_ends(child: Child, processes: Processes, launch: Launch) -> Result<Exit> {
    let exit = Exit::default();
    let its = exit.clone();
    std::thread::Builder::new()
        .name(format!("collect-{}", child.id()))
        .spawn(move || follow(child, &processes, &launch, &its))?;
    Ok(exit)
}

fn follow(mut child: Child, processes: &Processes, launch: &Launch, exit: &Exit) {
    let name = launch.name;
    loop {
        let (pid, born) = (child.id(), Instant::now());
        let Ok(status) = child.wait() else { return };
        exit.set(Some(status));
        let settled = born.elapsed() >= SETTLED;
        std::thread::sleep(A_MOMENT);
        let record = processes.find(name);
        if record.is_none_or(|record| u32::try_from(record.pid) != Ok(pid)) {
            return;
        }
        let last = processes.last_line(name);
        let again = (settled && launch.restart.follows(&last)).then(|| processes.start(launch));
        let then = match &again {
            None => String::new(),
            Some(Ok(_)) => ", and was started again".into(),
            Some(Err(error)) => format!(", and could not be started again ({error:#})"),
        };
        let directory = processes.directory().display();
        aloud(&format!(
            "ENDED {name} of {directory} ended by itself ({status}){then}: {last}"
        ));
        let Some(Ok((next, _))) = again else { return };
        exit.set(None);
        child = next;
    }
}
