//! What becomes of a VolumeSnapshotContent: the part that the external-snapshotter's sidecar plays for CSI drivers, played here for ours,
//! beside the unmodified snapshot-controller.
//!
//! Looks at one live view: first the content, then the VolumeSnapshot that it names, then what that is of, then the backend. One decision,
//! one step, then a new view. A content under deletion takes no new finalizer, so once a look has found it terminating and without a
//! token, nobody can begin to read its data any more; only then is anything removed.
//!
//! Everything in a content may have been forged: [`trust`] says which handle counts, [`taking`] of what a snapshot may be taken.
//! [`prepare`] makes contents for volumes for which the snapshot-controller makes none.

mod deleting;
mod making;
pub mod prepare;
pub mod reading;
pub mod taking;
#[cfg(test)]
mod tests;
pub mod trust;

use crate::api::names;
use crate::api::reasons::SnapshotReason as R;
use crate::domain::backend::Backend;
use crate::domain::claim::Claim;
use crate::domain::pv::Pv;
use crate::domain::snapshot::content::{Content, ContentSource};
use crate::domain::snapshot::handle::{Imports, SnapshotHandle};
use crate::domain::snapshot::{Snapshot, SnapshotClass};
use crate::domain::token::Token;
use crate::plan::copy::keeping::Known;
use crate::plan::volume::TokenClaim;
pub use deleting::{shares, unfinished};
use std::collections::BTreeMap;
use taking::Take;
use tombolo_backend_api::{self as api, BackendId};

/// A content as read live, in the order of the fields.
#[derive(Debug, Clone)]
pub struct LiveContent {
    /// The content.
    pub content: Content,
    /// The VolumeSnapshot of the name that it says.
    pub snapshot: Option<Snapshot>,
    /// What that is of.
    pub origin: Origin,
    /// Its class, as far as that is known.
    pub class: Class,
    /// The backend that its data lies, or would lie, on, if that can be used.
    pub backend: Option<Backend>,
    /// What an admin has given to other namespaces there.
    pub imports: Imports,
    /// Whether another content has the same data and stays, or is read. `None`: nobody has looked; that takes all contents there are.
    pub shared: Option<bool>,
    /// What the backend says of the snapshot.
    pub found: Found,
    /// For each token of a restore that is on it, what has become of the claim it is for.
    pub tokens: BTreeMap<Token, TokenClaim>,
    /// What else is known of those restores.
    pub copies: BTreeMap<Token, Known>,
    /// Why it could not be taken the last time.
    pub failed: Option<Failed>,
}

/// What a snapshot is to be taken of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    /// The claim that the VolumeSnapshot names.
    pub claim: Option<Claim>,
    /// The PersistentVolume that the claim is bound to, or that a content names.
    pub pv: Option<Pv>,
    /// If that is a member's: the volume's own.
    pub owner_pv: Option<Pv>,
    /// If it is a member's: the claim that owns the volume.
    pub owner: Option<Claim>,
}

/// What is known of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// The content names none.
    Unnamed,
    /// It is not known yet which classes there are.
    Unknown,
    /// There is none of that name.
    Missing,
    /// This one.
    Is(SnapshotClass),
}

/// What a backend says of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It was not asked: there is no handle to ask for, or the backend is away.
    NotAsked,
    /// There is none that is complete.
    Absent,
    /// This one.
    There(api::Snapshot),
}

/// Why a snapshot could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// In words for its owner.
    pub text: String,
    /// Whether nothing of it is left on the backend, nor will be.
    pub over: bool,
}

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until something changes.
    Nothing,
    /// It is not ours.
    NotOurs,
    /// Write down that taking it begins.
    Begin(Box<Take>),
    /// Take it, in the background.
    Take(Box<Take>),
    /// Write down that its outcome is known.
    Over {
        /// Whether something of it may lie on the backend that its status does not say.
        left: bool,
    },
    /// Write what the backend says of it.
    Report(SnapshotHandle, api::Snapshot),
    /// Say why not; it is tried again.
    Fail(Failure),
    /// See whether another content has its data, read live after this one.
    AskOthers,
    /// Remove its data, then say in its status that there is none.
    Remove(SnapshotHandle),
    /// Let the object go.
    Release {
        /// What is left behind, and why.
        left: Option<&'static str>,
    },
    /// It is being read; its deletion waits.
    Wait(&'static str),
}

/// Why there is no snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason.
    pub reason: R,
    /// In words for its owner.
    pub text: String,
    /// Whether its status says so already.
    pub said: bool,
    /// Whether time may help. Otherwise only a change of objects does, and whoever sees that looks again.
    pub passes: bool,
}

/// Decides about a content.
pub fn decide(v: &LiveContent) -> Step {
    let content = &v.content;
    if !is_ours(content) {
        return Step::NotOurs;
    }
    if should_delete(content) {
        return deleting::delete(v);
    }
    if content.terminating && !content.being_created {
        return Step::Nothing;
    }
    if in_group(content) {
        // Groups need CSI volumes of a driver that takes them; nobody asks us for one.
        return Step::Nothing;
    }
    if content.is_ready() {
        return if content.being_created || content.taking.is_some() {
            Step::Over { left: false }
        } else {
            Step::Nothing
        };
    }
    match &content.source {
        ContentSource::Volume(_) => making::create(v),
        ContentSource::Snapshot(_) => making::look_up(v),
        ContentSource::Nothing => Step::NotOurs,
    }
}

/// Whether a content is ours: it has a source, and names our driver. Its class is looked at where it begins: made again under its name for
/// another driver, it must not freeze what is there.
pub fn is_ours(content: &Content) -> bool {
    content.ours && content.source != ContentSource::Nothing
}

/// Whether a content that is under deletion is to go. One that an admin has deleted while its VolumeSnapshot is there waits for that, and
/// one that is being taken waits for its outcome.
pub fn should_delete(content: &Content) -> bool {
    let unbound = matches!(content.source, ContentSource::Snapshot(_)) && content.of_uid.is_none();
    content.terminating && (unbound || (!content.being_created && content.being_deleted))
}

/// Whether nobody will ever want a content: it is deleted, and so is its VolumeSnapshot. Taking it comes to no end of its own.
pub fn is_unwanted(content: &Content) -> bool {
    content.terminating && content.being_deleted
}

/// Whether a content stays when it is deleted, until its data was seen to.
fn is_protected(content: &Content) -> bool {
    content.finalizers.iter().any(|f| f == names::FINALIZER_CONTENT)
}

fn in_group(content: &Content) -> bool {
    content.in_group || content.status.as_ref().is_some_and(|status| status.in_group)
}

/// The handles that a content of ours says, whatever they are worth; what others' say is nothing to us.
pub fn said(content: &Content) -> impl Iterator<Item = &str> {
    let named = match &content.source {
        ContentSource::Snapshot(named) => Some(named.as_str()),
        ContentSource::Volume(_) | ContentSource::Nothing => None,
    };
    let all = [named, content.handle(), content.taking.as_deref()];
    all.into_iter().flatten().filter(|_| content.ours)
}

/// Whether a content of ours says that its data lies on a backend, or may.
pub fn lies_on(content: &Content, backend: &BackendId) -> bool {
    let there = |text: &str| SnapshotHandle::parse(text).is_some_and(|handle| handle.backend == *backend);
    said(content).any(there)
}

/// Whether a content of ours says that its data lies, or may lie, on a backend that is none of these.
pub fn lies_on_none_of(content: &Content, backends: &[BackendId]) -> bool {
    let elsewhere = |text: &str| SnapshotHandle::parse(text).is_some_and(|handle| !backends.contains(&handle.backend));
    said(content).any(elsewhere)
}

/// Whether a content of ours says that this is its data.
pub fn says(content: &Content, handle: &SnapshotHandle) -> bool {
    let handle = handle.to_string();
    said(content).any(|text| text == handle)
}

/// The handle to ask the backend for, whatever it says of it.
pub fn handle(
    content: &Content,
    snapshot: Option<&Snapshot>,
    origin: &Origin,
    imports: &Imports,
) -> Option<SnapshotHandle> {
    match &content.source {
        // From where it is asked for it is removed, whatever its claim is bound to by now.
        ContentSource::Volume(_) if should_delete(content) => {
            trust::tied(content, imports).ok().or_else(|| trust::begun(content))
        }
        // What its volume was counts no more once it is said where its data lies.
        ContentSource::Volume(_) => trust::tied(content, imports)
            .ok()
            .or_else(|| taking::handle(content, snapshot, origin))
            .or_else(|| trust::begun(content)),
        ContentSource::Snapshot(_) => trust::tied(content, imports).ok(),
        ContentSource::Nothing => None,
    }
}
