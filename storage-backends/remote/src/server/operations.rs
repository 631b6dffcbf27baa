//! Operations: work that goes on when whoever asked for it has gone, under a name that is made from what it does.
//!
//! Nothing is written down. After a restart an operation is unknown, whoever wants it starts it again, and the backend goes on
//! where it was: that is a promise of the backend, and the only one that survives a crash anyway.

mod run;
mod table;

use super::counts::Counts;
use crate::wire::headers::Revision;
use crate::wire::operation::{Operation, State, Work};
use crate::wire::problem::{Code, Problem};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use table::{Entry, Table};
use tokio::sync::watch;
use tombolo_backend_api::{Backend, BackendError, Class};
use uuid::Uuid;

/// How many operations there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Under way at the same time.
    pub running: usize,
    /// Ended, and remembered for those who have not asked yet.
    pub remembered: usize,
    /// How long they are remembered.
    pub memory: Duration,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            running: 64,
            remembered: 256,
            memory: Duration::from_secs(600),
        }
    }
}

/// All operations of one backend.
pub struct Operations {
    backend: Arc<dyn Backend>,
    table: Mutex<Table>,
    counts: Counts,
}

/// What became of a request to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// Nobody was doing it.
    Started,
    /// It was under way.
    Joined,
}

impl Operations {
    /// None yet.
    pub fn new(backend: Arc<dyn Backend>, room: Room, counts: Counts) -> Self {
        Self {
            backend,
            table: Mutex::new(Table::new(room)),
            counts,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts an operation, or joins it if it runs. One that has ended is started again: what it was asked for may have come
    /// back since. `ended` is called once, with how a started one ended.
    pub fn start(
        &self,
        work: Work,
        by: Uuid,
        ended: impl FnOnce(&State) + Send + 'static,
    ) -> Result<(Revision, Begun), Problem> {
        let id = work.operation();
        let mut table = self.table();
        table.tidy();
        if table.runs(&id) {
            return Ok((id, Begun::Joined));
        }
        if !table.has_room() {
            return Err(Problem::refused(Code::TooMany, "too many operations are under way"));
        }
        let (kind, counts) = (work.kind(), self.counts.clone());
        let (tell, state) = watch::channel(State::Running(run::nothing_yet(&work)));
        let running = tokio::spawn(run::run(self.backend.clone(), work, tell.clone()));
        let stop = running.abort_handle();
        counts.began();
        tokio::spawn(async move {
            let end = match running.await {
                Ok(Ok(outcome)) => State::Done(outcome),
                Ok(Err(error)) => State::Failed(Problem::of(&super::answer::told(error))),
                Err(gone) => State::Failed(Problem::of(&stopped(gone.is_cancelled()))),
            };
            counts.ended(kind, matches!(end, State::Done(_)));
            ended(&end);
            tell.send_replace(end);
        });
        table.put(id.clone(), Entry { by, state, stop });
        Ok((id, Begun::Started))
    }

    /// Where an operation stands, after waiting at most so long for its end.
    pub async fn look(&self, id: &Revision, wait: Duration) -> Result<Operation, Problem> {
        let (by, mut state) = {
            let mut table = self.table();
            table.tidy();
            let entry = table.get(id).ok_or_else(unknown)?;
            (entry.by, entry.state.clone())
        };
        let ended = state.wait_for(|state| !matches!(state, State::Running(_)));
        // Late, or its task is gone with the process: what is known last is the answer either way.
        let _ = tokio::time::timeout(wait, ended).await.map(|end| end.map(drop));
        let state = state.borrow().clone();
        Ok(Operation {
            id: id.clone(),
            by,
            state,
        })
    }

    /// Stops an operation, and answers how it ended. What it has done so far stays done.
    pub async fn stop(&self, id: &Revision) -> Result<Operation, Problem> {
        self.table().get(id).ok_or_else(unknown)?.stop.abort();
        self.look(id, Duration::from_secs(5)).await
    }
}

/// With the list goes what runs: a process that ends leaves nothing half alive.
impl Drop for Operations {
    fn drop(&mut self) {
        self.table().stop_all();
    }
}

fn unknown() -> Problem {
    Problem::refused(Code::UnknownOperation, "no such operation is known here")
}

fn stopped(on_request: bool) -> BackendError {
    if on_request {
        BackendError::maybe_done(Class::Transient, "the operation was stopped")
    } else {
        BackendError::maybe_done(Class::Bug, "the operation broke")
    }
}

#[cfg(test)]
mod tests;
