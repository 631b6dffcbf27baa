//! Telling people: refusals and failures as events, each once, and again only when it is still true after most of an hour.
//!
//! The text of a refusal was written where it was decided. What a failure says to a tenant is written here, and never quotes
//! the error: that may name servers and paths, and goes to the log.

pub mod events;
pub mod memory;

use crate::api::reasons::{ClaimReason, Class};
use crate::domain::ids::ClaimRef;
use crate::domain::pv::Pv;
use crate::execute::Failure;
use crate::plan::action::Told;
use crate::plan::{Announcement, Refusal, Subject};
use tombolo_backend_api::Class as BackendClass;

/// A claim that does not get what it asks for.
pub fn refused(claim: &ClaimRef, refusal: &Refusal) -> Announcement {
    let reason = match refusal.reason {
        // Not a failure of a provisioner, ours or another: tools know it by its own name, as the validator's of kubernetes-csi.
        reason @ ClaimReason::UnrecognizedDataSourceKind => Told::Claim(reason),
        reason => Told::Refused(reason),
    };
    Announcement {
        subject: Subject::Claim(claim.clone()),
        reason,
        text: refusal.text.clone(),
    }
}

/// A bound claim that does not get the size it asks for: tools look for `VolumeResizeFailed`, people for the reason in the message.
pub fn not_resized(claim: &ClaimRef, refusal: &Refusal) -> Announcement {
    Announcement {
        subject: Subject::Claim(claim.clone()),
        reason: Told::Claim(ClaimReason::VolumeResizeFailed),
        text: refusal.to_string(),
    }
}

/// How far the copy is that becomes the volume of a claim.
pub fn progress(claim: &ClaimRef, words: String) -> Announcement {
    Announcement {
        subject: Subject::Claim(claim.clone()),
        reason: Told::Claim(ClaimReason::CopyProgress),
        text: words,
    }
}

/// A claim whose plan stopped; `None`: nobody needs to know (yet). A transient failure is told from the third in a row.
pub fn failed(claim: &ClaimRef, failure: &Failure, in_a_row: u32) -> Option<Announcement> {
    if failure.is_stale() {
        return None;
    }
    let (reason, text) = match (failure, failure.class()) {
        (Failure::Backend(error), _) if error.class == BackendClass::Full => (
            ClaimReason::BackendUnavailable,
            "the storage backend has no room left; ask your admin",
        ),
        (_, Class::Waiting) => (
            ClaimReason::BackendUnavailable,
            "the storage backend cannot be used now; this claim goes on when it can",
        ),
        (_, Class::Unknown) => (
            ClaimReason::OutcomeUnknown,
            "a step did not answer in time; it is looked at again before anything else is done",
        ),
        (_, Class::Transient) if in_a_row < 3 => return None,
        (_, Class::Transient) => (
            ClaimReason::OutcomeUnknown,
            "a step failed several times; it is tried again",
        ),
        (_, Class::Invalid | Class::Denied | Class::Bug) => (
            ClaimReason::InternalError,
            "Tombolo could not do this; its log says why, ask your admin",
        ),
    };
    Some(refused(claim, &Refusal::new(reason, text)))
}

/// The same, where the claim has its volume and asks for a larger one.
pub fn failed_to_resize(claim: &ClaimRef, failure: &Failure, in_a_row: u32) -> Option<Announcement> {
    let told = failed(claim, failure, in_a_row)?;
    match told.reason {
        Told::Refused(reason) => Some(not_resized(claim, &Refusal::new(reason, told.text))),
        Told::Claim(_) | Told::SharedVolume(_) | Told::Snapshot(_) => Some(told),
    }
}

/// A volume under deletion whose plan stopped; `None`: nobody needs to know (yet). Its PersistentVolume is the admin's to read.
pub fn failed_delete(pv: &Pv, failure: &Failure) -> Option<Announcement> {
    if failure.is_stale() || !pv.is_let_go() {
        return None;
    }
    let text = match failure.class() {
        Class::Waiting => "the storage backend cannot be used now; the data is removed when it can",
        Class::Unknown => "removing the data did not answer in time; it is looked at again",
        Class::Transient => "removing the data failed; it is tried again",
        Class::Invalid | Class::Denied | Class::Bug => {
            "removing the data failed; Tombolo's log says why, and it is tried again"
        }
    };
    let subject = Subject::Pv(pv.name.clone(), pv.uid.clone());
    let reason = Told::Claim(ClaimReason::VolumeFailedDelete);
    Some(Announcement {
        subject,
        reason,
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests;
