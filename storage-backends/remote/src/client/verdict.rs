//! What an answer means, and whether to ask again: functions of what came back, and of nothing else.

use crate::wire::problem::{Code, Problem};
use crate::wire::{Effect, JSON, PROBLEM_JSON};
use serde::de::DeserializeOwned;
use tombolo_backend_api::{BackendError, Certainty, Class};

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    /// Media type, lower-case and without parameters.
    pub kind: String,
    pub body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// There was no connection, so that the request cannot have arrived.
    NotSent,
    /// The far side refused the certificate, in the handshake: before that has ended it reads no request.
    Refused,
    /// The connection ended before the answer did.
    Lost,
    /// The deadline passed.
    Late,
    /// The answer has no end.
    TooLong,
}

/// A failed call.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: BackendError,
    pub then: Then,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing was done, and it is likely to work soon: ask again.
    Again,
    /// Nothing is known: whoever may repeat this without harm may ask again.
    AgainIfHarmless,
    /// The far side knows no such operation.
    StartOver,
    /// The far side is another backend now.
    OpenAnew,
    /// Tell whoever asked.
    Tell,
}

/// How sure it is that nothing was done when nothing is known of a call.
const fn doubt(effect: Effect) -> Certainty {
    if effect.changes() {
        Certainty::MaybeDone
    } else {
        Certainty::NotDone
    }
}

fn failure(class: Class, certainty: Certainty, message: impl Into<String>, then: Then) -> Failure {
    let error = BackendError {
        class,
        certainty,
        message: message.into(),
        source: None,
    };
    Failure { error, then }
}

/// The meaning of silence.
pub(super) fn of_silence(effect: Effect, silence: Silence) -> Failure {
    match silence {
        Silence::NotSent => failure(
            Class::Waiting,
            Certainty::NotDone,
            "the far side cannot be reached, or TLS with it fails",
            Then::Again,
        ),
        Silence::Refused => failure(
            Class::Denied,
            Certainty::NotDone,
            "the far side does not accept the client's certificate",
            Then::Tell,
        ),
        Silence::Lost => {
            let message = "the far side went away before it had answered";
            failure(Class::Transient, doubt(effect), message, Then::AgainIfHarmless)
        }
        Silence::Late => {
            let message = "the far side did not answer in time";
            failure(Class::Waiting, doubt(effect), message, Then::AgainIfHarmless)
        }
        Silence::TooLong => failure(
            Class::Waiting,
            doubt(effect),
            "the far side's answer has no end",
            Then::Tell,
        ),
    }
}

/// The meaning of an answer.
pub(super) fn of_reply<A: DeserializeOwned>(effect: Effect, reply: &Reply) -> Result<A, Failure> {
    if reply.status == 200 && reply.kind == JSON {
        return serde_json::from_slice(&reply.body).map_err(|e| {
            let message = "the far side's answer cannot be understood: it may be of another version";
            let mut failure = failure(Class::Waiting, doubt(effect), message, Then::Tell);
            failure.error = failure.error.because(e);
            failure
        });
    }
    let problem = (reply.kind == PROBLEM_JSON).then(|| serde_json::from_slice::<Problem>(&reply.body).ok());
    match problem.flatten() {
        Some(problem) if problem.status == reply.status => Err(of_problem(problem)),
        // Something in between answers, or something else is there altogether.
        _ => {
            let message = format!("no answer of a far side: HTTP status {}", reply.status);
            Err(failure(Class::Waiting, doubt(effect), message, Then::AgainIfHarmless))
        }
    }
}

fn of_problem(problem: Problem) -> Failure {
    let then = match (problem.code, problem.class, problem.certainty) {
        (Code::DescriptionChanged, ..) => Then::OpenAnew,
        (Code::UnknownOperation, ..) => Then::StartOver,
        (_, Class::Transient, Certainty::NotDone) => Then::Again,
        _ => Then::Tell,
    };
    Failure {
        error: problem.into(),
        then,
    }
}

/// Whether a call is repeated.
pub(super) fn repeats(effect: Effect, then: Then) -> bool {
    match then {
        Then::Again => true,
        Then::AgainIfHarmless => !effect.changes(),
        Then::StartOver | Then::OpenAnew | Then::Tell => false,
    }
}

#[cfg(test)]
mod tests;
