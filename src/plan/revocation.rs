//! Whether access may be cut now, or so much of it at once that a person has to look first.
//!
//! Looks at what a StorageBackend's status remembers, at the admin's annotation, at what is about to be cut and what was cut lately, and
//! at the time. More than ten exports and more than a tenth of the backend's members within five minutes are more likely a slip (a label
//! taken off a hundred namespaces, a tool that rewrote annotations) than a decision. What was cut is what is written of members; each
//! counts once, however often it was tried, given back and taken again: nobody can make few look like many. Giving access back never
//! comes here.

use crate::api::conditions::{MASS_REVOCATION, Statement, Status};
use crate::api::names;
use crate::api::reasons::BackendReason as R;
use crate::api::revocation::{Confirmation, Pause, RevocationStatus};
use crate::domain::ids::PvName;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::collections::BTreeSet;
use tombolo_backend_api::ExportKey;

/// Exports that may be cut however few members there are.
const EXPORTS: u64 = 10;
/// Of a hundred members, those who may lose access however few exports that takes.
const PERCENT: u64 = 10;
/// Within this time. A confirmation is good for as long.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// A confirmation is remembered until nothing that it allowed can count any more.
const CONFIRMED: SignedDuration = SignedDuration::from_mins(10);

/// A member who loses access, or has lost some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// To what.
    pub export: ExportKey,
    /// Its PersistentVolume.
    pub member: PvName,
    /// Since when; `None`: now, or soon if nothing changes. That counts too, so that of a hundred that end together the first ten are
    /// not cut before anybody notices.
    pub since: Option<Timestamp>,
}

/// What the decision looks at.
#[derive(Debug, Clone)]
pub struct ForRevocation<'a> {
    /// What the status remembers.
    pub before: &'a RevocationStatus,
    /// What an admin has put into the annotation.
    pub word: Option<&'a str>,
    /// What is to be cut, and what was.
    pub losses: &'a [Loss],
    /// Whether somebody may have lost consent of whom that is not known now.
    pub unsure: bool,
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
    let confirmed = before.confirmed.clone().filter(|c| within(c.at.0, o.now, CONFIRMED));
    let ruling = |go, paused, confirmed| Ruling {
        go,
        status: RevocationStatus { paused, confirmed },
    };
    if let Some(pause) = &before.paused {
        if o.word == Some(pause.id.as_str()) {
            let confirmation = Confirmation {
                id: pause.id.clone(),
                at: Time(o.now),
            };
            return ruling(true, None, Some(confirmation));
        }
        // Whoever ended consent by mistake has given it again: there is nothing left to confirm. Of whom that is not known, it is no more
        // than likely: a controller that has just begun knows of nobody.
        let over = !o.unsure && o.losses.iter().all(|loss| loss.since.is_some());
        return ruling(over, Some(pause.clone()).filter(|_| !over), confirmed);
    }
    let is_good = |c: &Confirmation| within(c.at.0, o.now, WINDOW);
    if confirmed.as_ref().is_some_and(is_good) {
        // An admin has looked: what is cut in the minutes after that is no reason to ask again.
        return ruling(true, None, confirmed);
    }
    let allowed = |at| {
        confirmed
            .as_ref()
            .is_some_and(|c| at >= c.at.0 && within(c.at.0, at, WINDOW))
    };
    let counts = |loss: &&Loss| loss.since.is_none_or(|at| within(at, o.now, WINDOW) && !allowed(at));
    let counted = || o.losses.iter().filter(counts);
    let exports = number(counted().map(|loss| &loss.export).collect());
    let members = number(counted().map(|loss| &loss.member).collect());
    if exports > EXPORTS && members.saturating_mul(100) > o.of.saturating_mul(PERCENT) {
        let pause = Pause {
            id: o.fresh.to_owned(),
            since: Time(o.now),
            exports,
            members,
            of: o.of,
        };
        return ruling(false, Some(pause), confirmed);
    }
    ruling(true, None, confirmed)
}

fn number<T>(distinct: BTreeSet<T>) -> u64 {
    u64::try_from(distinct.len()).unwrap_or(u64::MAX)
}

/// Whether a moment lies less than that long ago. One far in the future was written under a clock that has been set back.
fn within(at: Timestamp, now: Timestamp, long: SignedDuration) -> bool {
    now.duration_since(at).abs() < long
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
