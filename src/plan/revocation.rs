//! Whether access may be cut now, or so much of it at once that a person has to look first.
//!
//! Looks at what a StorageBackend's status remembers, at the admin's annotation, at what is about to be cut, and at the time. More than
//! ten exports and more than a tenth of the backend's members within five minutes are more likely a slip (a label taken off a hundred
//! namespaces, a tool that rewrote annotations) than a decision. Giving access back never comes here.

use crate::api::conditions::{MASS_REVOCATION, Statement, Status};
use crate::api::names;
use crate::api::reasons::BackendReason as R;
use crate::api::revocation::{Confirmation, CutBatch, Pause, RevocationStatus};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// Exports that may be cut however few members there are.
const EXPORTS: u64 = 10;
/// Of a hundred members, those who may lose access however few exports that takes.
const PERCENT: u64 = 10;
/// Within this time.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// Cuts so close together are one batch, so that there are never many.
const BATCH: SignedDuration = SignedDuration::from_secs(30);

/// Exports, and members who lose access with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// Exports.
    pub exports: u64,
    /// Members.
    pub members: u64,
}

impl Lost {
    fn plus(self, other: Self) -> Self {
        Self {
            exports: self.exports.saturating_add(other.exports),
            members: self.members.saturating_add(other.members),
        }
    }
}

/// What the decision looks at.
#[derive(Debug, Clone)]
pub struct ForRevocation<'a> {
    /// What the status remembers.
    pub before: &'a RevocationStatus,
    /// What an admin has put into the annotation.
    pub word: Option<&'a str>,
    /// To be cut now.
    pub due: Lost,
    /// To be cut soon, if nothing changes: it counts, so that of a hundred that end together the first ten are not cut before
    /// anybody notices.
    pub soon: Lost,
    /// Members of the backend.
    pub of: u64,
    /// An id that was never used.
    pub fresh: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruling {
    /// Whether what is due is cut.
    pub go: bool,
    /// What the status is to remember, before anything is cut.
    pub status: RevocationStatus,
}

/// Decides.
pub fn decide(o: &ForRevocation<'_>) -> Ruling {
    let before = o.before;
    let recent: Vec<CutBatch> = before.recent.iter().filter(|b| counts(b, o.now)).cloned().collect();
    let confirmed = before.confirmed.clone().filter(|c| within(&c.at, o.now, WINDOW));
    let status = |recent, paused, confirmed| RevocationStatus {
        recent,
        paused,
        confirmed,
    };
    let wanted = o.due.plus(o.soon);
    let mut allowed = confirmed.is_some();
    let mut confirmed = confirmed;
    if let Some(pause) = &before.paused {
        if wanted == Lost::default() {
            // Whoever ended consent by mistake has given it again: there is nothing left to confirm.
            return Ruling {
                go: true,
                status: status(recent, None, confirmed),
            };
        }
        if o.word != Some(pause.id.as_str()) {
            return Ruling {
                go: false,
                status: status(recent, Some(pause.clone()), confirmed),
            };
        }
        allowed = true;
        confirmed = Some(Confirmation {
            id: pause.id.clone(),
            at: Time(o.now),
        });
    }
    if allowed {
        // An admin has looked: what is cut in the minutes after that is no reason to ask again.
        return Ruling {
            go: true,
            status: status(recent, None, confirmed),
        };
    }
    let lately = recent.iter().fold(Lost::default(), |sum, batch| {
        sum.plus(Lost {
            exports: batch.exports,
            members: batch.members,
        })
    });
    let all = lately.plus(wanted);
    let hundredfold = all.members.saturating_mul(100);
    if all.exports > EXPORTS && hundredfold > o.of.saturating_mul(PERCENT) {
        let pause = Pause {
            id: o.fresh.to_owned(),
            since: Time(o.now),
            exports: all.exports,
            members: all.members,
            of: o.of,
        };
        return Ruling {
            go: false,
            status: status(recent, Some(pause), confirmed),
        };
    }
    Ruling {
        go: true,
        status: status(with(recent, o.due, o.now), None, confirmed),
    }
}

/// Whether a moment lies less than that long ago. One far in the future was written under a clock that has been set back.
fn within(at: &Time, now: Timestamp, long: SignedDuration) -> bool {
    now.duration_since(at.0).abs() < long
}

/// A batch counts until its last cut may be too old.
fn counts(batch: &CutBatch, now: Timestamp) -> bool {
    within(&batch.at, now, WINDOW + BATCH)
}

fn with(mut recent: Vec<CutBatch>, due: Lost, now: Timestamp) -> Vec<CutBatch> {
    if due == Lost::default() {
        return recent;
    }
    match recent.last_mut().filter(|last| within(&last.at, now, BATCH)) {
        Some(last) => {
            last.exports = last.exports.saturating_add(due.exports);
            last.members = last.members.saturating_add(due.members);
        }
        None => recent.push(CutBatch {
            at: Time(now),
            exports: due.exports,
            members: due.members,
        }),
    }
    recent
}

/// What is said of it on the StorageBackend called `backend`.
pub fn statement(backend: &str, status: &RevocationStatus) -> Statement {
    let (holds, message) = match &status.paused {
        Some(pause) => {
            let text = format!(
                "consent has ended for {} of {} members, on {} exports, within {} minutes: nothing more is cut. If that was meant: \
                 kubectl annotate storagebackend {backend} --overwrite {}={}",
                pause.members,
                pause.of,
                pause.exports,
                WINDOW.as_mins(),
                names::ANNOTATION_CONFIRM_REVOCATION,
                pause.id
            );
            (Status::True, text)
        }
        None => (Status::False, String::new()),
    };
    Statement {
        condition: MASS_REVOCATION,
        status: holds,
        reason: R::MassRevocation.as_str(),
        message,
        observed_generation: None,
    }
}

#[cfg(test)]
mod tests;
