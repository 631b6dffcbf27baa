//! How the data of a content goes: once nobody reads it, if it is the content's own, and nobody else has it.

use super::making::{failure, for_now};
use super::{Found, LiveContent, Step, in_group, is_protected, says, trust};
use crate::api::reasons::SnapshotReason as R;
use crate::domain::snapshot::content::{Content, DeletionPolicy};
use crate::domain::snapshot::handle::{Imports, SnapshotHandle};

/// The data first, once nobody reads it, then the object.
pub(super) fn delete(v: &LiveContent) -> Step {
    let content = &v.content;
    if !content.tokens.is_empty() {
        return Step::Wait(
            "volumes are being made from this snapshot; it is deleted when they are done, or their claims are gone",
        );
    }
    let said = content.status.as_ref().is_some_and(|status| status.handle.is_some());
    let release = |left| match is_protected(content) {
        true => Step::Release { left },
        false => Step::Nothing,
    };
    if in_group(content) {
        return release(None);
    }
    let unfinished = unfinished(content);
    if content.policy == DeletionPolicy::Retain {
        match (&unfinished, &v.found) {
            (None, _) | (Some(_), Found::There(_)) => return release(None),
            // What never came to be a snapshot is nothing that anybody wants kept, and no listing would ever show it.
            (Some(_), Found::Absent) => {}
            (Some(_), Found::NotAsked) if v.backend.as_ref().is_some_and(|b| !b.capabilities.snapshot) => {
                return release(Some(
                    "the storage backend takes no snapshots any more; what was begun of this one stays there",
                ));
            }
            (Some(_), Found::NotAsked) => return cannot_delete(content),
        }
    }
    let handle = match unfinished {
        Some(handle) => Ok(handle),
        None if !said => return release(None),
        None => trust::tied(content, &v.imports),
    };
    match handle {
        // Whoever has forged it gets rid of it, and of nothing else.
        Err(_) => release(Some(
            "its handle is neither that of a snapshot that was taken for it nor one that an admin gave to its namespace; no data was removed",
        )),
        Ok(_) if v.backend.is_none() => cannot_delete(content),
        Ok(handle) => match v.shared {
            None => Step::AskOthers,
            // Whoever goes last takes the data along.
            Some(true) => release(None),
            Some(false) => Step::Remove(handle),
        },
    }
}

fn cannot_delete(content: &Content) -> Step {
    let text = "the storage backend cannot be used now; the data is removed when it can";
    for_now(Step::Fail(failure(content, R::SnapshotDeleteError, text)))
}

/// Where taking a content has begun, if its status does not say that anything came of it.
pub fn unfinished(content: &Content) -> Option<SnapshotHandle> {
    let said = content.status.as_ref().is_some_and(|status| status.handle.is_some());
    trust::begun(content).filter(|_| !said)
}

/// Whether `other` has the data of a content that goes, and stays itself, or is being read. What it merely says is nothing: whoever can
/// make one could keep data on the backend that nobody has any more. `imports` are those of the backend that it names.
pub fn shares(content: &Content, other: &Content, imports: &Imports) -> bool {
    let own = |handle: &SnapshotHandle| says(content, handle);
    let its = [trust::tied(other, imports).ok(), trust::begun(other)];
    let same = other.ours && its.iter().flatten().any(own);
    other.uid != content.uid && same && (!other.terminating || !other.tokens.is_empty())
}
