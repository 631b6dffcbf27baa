//! How a content becomes ready: by taking its snapshot, or by finding the one that it names.

use super::taking::{self, Take};
use super::{Class, Failure, Found, LiveContent, Step, is_protected, is_unwanted, trust};
use crate::api::reasons::{ClaimReason as Limit, SnapshotReason as R};
use crate::domain::snapshot::content::Content;

/// What a first attempt says, and what every later one does: the reasons are those of the external-snapshotter's sidecar, which tells them
/// apart by whether there is a status.
const FIRST: &str = "Failed to create snapshot: ";
const AGAIN: &str = "Failed to check and update snapshot content: ";

pub(super) fn failure(content: &Content, reason: R, text: impl Into<String>) -> Failure {
    let text = text.into();
    let bare = |text: &str| {
        [FIRST, AGAIN]
            .iter()
            .find_map(|p| text.strip_prefix(p).map(str::to_owned))
            .unwrap_or(text.to_owned())
    };
    let status = content.status.as_ref().filter(|status| !status.ready);
    let known = status.and_then(|status| status.error.as_deref());
    let said = known.is_some_and(|known| bare(known) == bare(&text));
    Failure {
        reason,
        text,
        said,
        passes: false,
    }
}

/// It does not work now, for a reason that no watch shows.
pub(super) fn for_now(step: Step) -> Step {
    match step {
        Step::Fail(failure) => Step::Fail(Failure {
            passes: true,
            ..failure
        }),
        step => step,
    }
}

fn put_off(v: &LiveContent, text: impl AsRef<str>) -> Step {
    for_now(refused(v, text))
}

/// It does not work as things are.
fn refused(v: &LiveContent, text: impl AsRef<str>) -> Step {
    let text = text.as_ref();
    Step::Fail(match v.content.status {
        None => failure(&v.content, R::SnapshotCreationFailed, format!("{FIRST}{text}")),
        Some(_) => failure(
            &v.content,
            R::SnapshotContentCheckandUpdateFailed,
            format!("{AGAIN}{text}"),
        ),
    })
}

/// Takes it: writes down that it begins, lets somebody take it, and tells what came of it.
pub(super) fn create(v: &LiveContent) -> Step {
    let take = match taking::take(&v.content, v.snapshot.as_ref(), &v.origin, v.backend.as_ref()) {
        Ok(take) => take,
        // What has begun may have been done, and nobody can be asked.
        Err(why) if v.content.being_created && !why.waits => return over_or(v, &why.text),
        Err(why) if why.waits => return put_off(v, why.text),
        Err(why) => return refused(v, why.text),
    };
    if let Found::There(snapshot) = &v.found {
        if snapshot.of != take.of {
            return put_off(v, "the storage backend has another snapshot of its name");
        }
        return Step::Report(take.handle, snapshot.clone());
    }
    if let Some(failed) = &v.failed {
        return match failed.over {
            // Nobody waits for another attempt, and each could fail the same way for ever.
            _ if v.content.terminating && v.content.being_created => Step::Over { left: true },
            true => over_or(v, &failed.text),
            false => put_off(v, &failed.text),
        };
    }
    if is_unwanted(&v.content) && v.content.being_created {
        // What there is of it is removed unfinished.
        return Step::Over { left: true };
    }
    if v.found == Found::NotAsked {
        return put_off(v, "the storage backend cannot be used now; it goes on when it can");
    }
    match v.content.being_created {
        false => begin(v, take),
        true => Step::Take(Box::new(take)),
    }
}

/// Its class is asked for here and never again: what has begun comes to its end without one, or a deletion would wait for ever.
fn begin(v: &LiveContent, take: Take) -> Step {
    match &v.class {
        Class::Unknown => return Step::Nothing,
        Class::Unnamed => return refused(v, "it names no VolumeSnapshotClass"),
        Class::Missing => return refused(v, "its VolumeSnapshotClass does not exist"),
        Class::Is(class) if !class.ours => return refused(v, "its VolumeSnapshotClass is one of another driver"),
        Class::Is(_) => {}
    }
    let Some(backend) = &v.backend else {
        return put_off(v, "the storage backend cannot be used now; it goes on when it can");
    };
    if backend.is_terminating() {
        return put_off(v, "the storage backend is being deleted and takes nothing new");
    }
    // Without it a content that is deleted is gone at once, and nobody would ever remove what was taken for it. The snapshot-controller puts
    // it on, when it has seen the content.
    if !is_protected(&v.content) {
        return Step::Nothing;
    }
    if backend.capabilities.quota {
        // Its volume's size is a limit that it does not escape: it takes nothing that others have not granted already.
        return Step::Begin(Box::new(take));
    }
    // Like a volume: it may come to hold as much.
    match backend.refuses_snapshot(&take.namespace, take.bytes) {
        Some(text) => refused(v, format!("{}: {text}", Limit::LimitReached.as_str())),
        None => Step::Begin(Box::new(take)),
    }
}

/// It failed for good: first that is said, then that nothing is under way.
fn over_or(v: &LiveContent, text: &str) -> Step {
    match refused(v, text) {
        Step::Fail(failure) if failure.said && v.content.being_created => Step::Over { left: true },
        step => step,
    }
}

/// A snapshot that is there already, as somebody says.
pub(super) fn look_up(v: &LiveContent) -> Step {
    let fail = |text: &str| {
        let text = format!("{AGAIN}{text}");
        Step::Fail(failure(&v.content, R::SnapshotContentCheckandUpdateFailed, text))
    };
    let handle = match trust::tied(&v.content, &v.imports) {
        Ok(handle) => handle,
        Err(why) => return fail(&why.to_string()),
    };
    match &v.found {
        Found::There(snapshot) => Step::Report(handle, snapshot.clone()),
        Found::Absent => for_now(fail("the storage backend has no snapshot of this handle")),
        Found::NotAsked => for_now(fail(
            "the storage backend of this handle cannot be used now, or is none of this cluster's",
        )),
    }
}
