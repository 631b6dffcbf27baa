//! Where a controller can be stopped: at each of its calls to the API server, the ledger and the backend.
//!
//! A call yields once before its effect, so whoever polls the controller moves it call by call. A controller that crashes, or
//! pauses, simply never gets past a call: its future is dropped, or polled again later.

use std::future::{Future, poll_fn};
use std::sync::Mutex;
use std::task::Poll;

/// Whether a call changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Read,
    Write,
}

/// On which side of a write's effect a controller stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

/// The calls of one controller.
#[derive(Default)]
pub struct Gate(Mutex<State>);

#[derive(Default)]
struct State {
    writes: usize,
    tries: usize,
    stop: Option<(usize, Moment)>,
    stopped: bool,
    last: &'static str,
}

impl Gate {
    /// Stops at the write with this number, counted from one.
    pub fn stop_at(&self, write: usize, moment: Moment) {
        self.0.lock().unwrap().stop = Some((write, moment));
    }

    /// Whether it has stopped, and at which call.
    pub fn stopped(&self) -> Option<&'static str> {
        let state = self.0.lock().unwrap();
        state.stopped.then_some(state.last)
    }

    /// Goes on, as a process does that was only asleep.
    pub fn resume(&self) {
        let mut state = self.0.lock().unwrap();
        (state.stopped, state.stop) = (false, None);
    }

    /// Writes that were asked for.
    pub fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    /// Writes but for those that may be tried at each sweep for ever: a directory that belongs to nobody is asked to go if it is
    /// empty, and only the server knows whether it is.
    pub fn changes(&self) -> usize {
        let state = self.0.lock().unwrap();
        state.writes - state.tries
    }

    /// The last write, with its number.
    pub fn last(&self) -> (usize, &'static str) {
        let state = self.0.lock().unwrap();
        (state.writes, state.last)
    }

    fn stop_here(&self, at: Option<usize>, moment: Moment) -> bool {
        let mut state = self.0.lock().unwrap();
        state.stopped |= at.is_some_and(|at| state.stop == Some((at, moment)));
        state.stopped
    }

    /// Carries a call through.
    pub async fn pass<R>(&self, call: Call, name: &'static str, effect: impl Future<Output = R>) -> R {
        yield_once().await;
        self.wait().await;
        let at = (call == Call::Write).then(|| {
            let mut state = self.0.lock().unwrap();
            state.writes += 1;
            state.tries += usize::from(name == "remove_empty");
            state.last = name;
            state.writes
        });
        if self.stop_here(at, Moment::Before) {
            self.wait().await;
        }
        let answer = effect.await;
        if self.stop_here(at, Moment::After) {
            self.wait().await;
        }
        answer
    }

    /// Waits as long as the controller is stopped; nobody is woken, for whoever resumes it polls it too.
    async fn wait(&self) {
        poll_fn(|_| {
            if self.0.lock().unwrap().stopped {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|_| {
        if std::mem::replace(&mut yielded, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
