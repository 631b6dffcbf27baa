//! Follows work that takes long: starts it or joins it, asks after it, and starts it again where the far side has forgotten it.
//!
//! Starting may be repeated without harm, whatever became of the first time: the name of an operation is made from what it does,
//! so that whoever starts it again joins it, and the work itself goes on where it was.

use super::Remote;
use super::link::{Asking, json};
use super::verdict::{Failure, Then};
use crate::wire::operation::{Operation, Outcome, Progress, State, ToStart, Work};
use crate::wire::{Effect, OPERATIONS};
use http::Method;
use std::time::Duration;
use tokio::time::Instant;
use tombolo_backend_api::{BackendError, Certainty, Class};
use uuid::Uuid;

/// How long one answer is held back for the end to come.
const WAIT: Duration = Duration::from_secs(1);
/// Between questions, whatever the far side does.
const PAUSE: Duration = Duration::from_millis(200);
/// How often one piece of work is started: a far side that forgets it as often has other troubles.
const STARTS: u32 = 20;

impl Remote {
    /// Does the work, and tells how far it has come. Also answers whether it is our operation, and not one that we joined.
    pub(super) async fn operate(
        &self,
        work: Work,
        mut tell: impl FnMut(Progress),
    ) -> Result<(Outcome, bool), BackendError> {
        let (wait, by) = (WAIT.as_millis() as u64, Uuid::new_v4());
        let poll = Asking {
            method: Method::GET,
            path: format!("{OPERATIONS}/{}?wait={wait}", work.operation()),
            body: None,
            effect: Effect::Reads,
            guarded: false,
        };
        let start = Asking {
            method: Method::POST,
            path: OPERATIONS.to_owned(),
            body: Some(json(&ToStart { work, by, wait })?),
            effect: Effect::Changes,
            guarded: true,
        };
        let (mut runs, mut starts, mut in_doubt) = (false, 0, false);
        let mut heard = Instant::now();
        loop {
            let asked = Instant::now();
            let asking = if runs { &poll } else { &start };
            starts += u32::from(!runs);
            let answer = self
                .link
                .once::<Operation>(asking, asked + asking.effect.deadline())
                .await;
            let failure = match answer {
                Ok(Operation {
                    state: State::Done(outcome),
                    by: of,
                    ..
                }) => return Ok((outcome, of == by)),
                Ok(Operation {
                    state: State::Failed(problem),
                    ..
                }) => return Err(doubting(problem.into(), starts > 1)),
                Ok(Operation {
                    state: State::Running(progress),
                    ..
                }) => {
                    (runs, in_doubt, heard) = (true, true, Instant::now());
                    tell(progress);
                    None
                }
                Err(Failure {
                    error,
                    then: Then::StartOver,
                }) => {
                    (runs, heard) = (false, Instant::now());
                    Some((error, starts < STARTS))
                }
                Err(Failure {
                    error,
                    then: Then::Again | Then::AgainIfHarmless,
                }) => {
                    in_doubt |= error.certainty == Certainty::MaybeDone;
                    Some((error, heard.elapsed() < self.patience && starts < STARTS))
                }
                Err(Failure {
                    error,
                    then: Then::OpenAnew | Then::Tell,
                }) => Some((error, false)),
            };
            if let Some((error, false)) = failure {
                return Err(doubting(error, in_doubt));
            }
            tokio::time::sleep_until(asked + PAUSE).await;
        }
    }
}

/// What has begun may have been done, whatever the last answer says of itself, or of the last of several starts.
fn doubting(error: BackendError, in_doubt: bool) -> BackendError {
    match in_doubt {
        true => BackendError {
            certainty: Certainty::MaybeDone,
            ..error
        },
        false => error,
    }
}

/// The outcome of other work than was asked for.
pub(super) fn another() -> BackendError {
    BackendError::maybe_done(Class::Bug, "the far side has done something else than it was asked for")
}
