//! Of what a snapshot may be taken: of the volume that the VolumeSnapshot's own claim is bound to, whatever a content says.
//!
//! A content's handle of a volume is the name of a PersistentVolume. Of a member's it means the volume that the member is in, and then the
//! owner has to have agreed to copies: a snapshot is one.

use super::{Origin, says};
use crate::api::names::{PREFIX, claim as keys};
use crate::domain::backend::Backend;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::ids::{ContentName, ContentUid, Namespace, SnapshotUid};
use crate::domain::pv::{Ours, Pv, Role};
use crate::domain::snapshot::content::{Content, ContentSource, DeletionPolicy};
use crate::domain::snapshot::handle::{Imports, SnapshotHandle, content_name, id_for};
use crate::domain::snapshot::{Snapshot, SnapshotKey};
use crate::plan::copy::consent::{self, OfMember, Owned};
use tombolo_backend_api::VolumePath;

/// A snapshot to be taken, and all that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// The content that waits for it.
    pub content: ContentName,
    /// Which one of that name.
    pub uid: ContentUid,
    /// For claims of which namespace; it is charged.
    pub namespace: Namespace,
    /// The VolumeSnapshot that it is for.
    pub snapshot: SnapshotKey,
    /// Which one of that name.
    pub snapshot_uid: SnapshotUid,
    /// Where, and under which name.
    pub handle: SnapshotHandle,
    /// Of what.
    pub of: VolumePath,
    /// The volume's size.
    pub bytes: u64,
    /// Whether setuid and setgid bits are dropped, because it is of another tenant's volume.
    pub drop_set_id: bool,
    /// Whether it takes a moment, however much is in the volume: where sizes are enforced, a snapshot is no copy.
    pub at_once: bool,
    /// What becomes of it when its content is deleted.
    pub policy: DeletionPolicy,
}

impl Take {
    /// Whether its content, read live, still waits for it. `None`: there is none of its name.
    pub fn is_wanted(&self, content: Option<&Content>) -> bool {
        content.is_some_and(|content| content.uid == self.uid && content.being_created && !content.is_ready())
    }

    /// Whether nobody has, or will ever ask for, what came of it: its content is gone, and so is the VolumeSnapshot for which another
    /// could be made, and none of these contents says that it has its data. What is `whole`, and was to be retained or is imported, may
    /// be somebody's; what is not is nobody's, and no listing would ever show it.
    pub fn is_nobodys(
        &self,
        whole: bool,
        snapshot: Option<&Snapshot>,
        contents: &[Content],
        imports: &Imports,
    ) -> bool {
        let there = |content: &Content| content.name == self.content || says(content, &self.handle);
        let wanted = whole && (self.policy == DeletionPolicy::Retain || imports.name(&self.handle.id));
        !wanted && snapshot.is_none_or(|snapshot| snapshot.uid != self.snapshot_uid) && !contents.iter().any(there)
    }
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// In words.
    pub text: String,
    /// Whether that comes right without anybody's doing.
    pub waits: bool,
}

fn no<T>(text: impl Into<String>) -> Result<T, Why> {
    Err(Why {
        text: text.into(),
        waits: false,
    })
}

/// What is to be taken for a content.
///
/// # Errors
/// Why nothing is.
pub fn take(
    content: &Content,
    snapshot: Option<&Snapshot>,
    origin: &Origin,
    backend: Option<&Backend>,
) -> Result<Take, Why> {
    let snapshot = bound(content, snapshot)?;
    let volume = volume(snapshot, origin)?;
    if content.source != ContentSource::Volume(volume.mounted.name.clone()) {
        return no("its content names another volume than the one of its claim");
    }
    let Some(handle) = handle(content, Some(snapshot), origin) else {
        return no("its content is not the one of its name");
    };
    let Some(backend) = backend else {
        return Err(Why {
            text: "the storage backend cannot be used now; it goes on when it can".into(),
            waits: true,
        });
    };
    if !backend.capabilities.snapshot {
        return no("the storage backend takes no snapshots");
    }
    Ok(Take {
        content: content.name.clone(),
        uid: content.uid.clone(),
        namespace: snapshot.key.namespace.clone(),
        snapshot: snapshot.key.clone(),
        snapshot_uid: snapshot.uid.clone(),
        handle,
        of: volume.ours.handle.path.clone(),
        bytes: volume.pv.capacity,
        drop_set_id: volume.of_another,
        at_once: backend.capabilities.quota && !volume.of_another,
        policy: content.policy,
    })
}

/// The handle of the snapshot that is taken for a content.
pub fn handle(content: &Content, snapshot: Option<&Snapshot>, origin: &Origin) -> Option<SnapshotHandle> {
    let snapshot = bound(content, snapshot).ok()?;
    let volume = volume(snapshot, origin).ok()?;
    Some(SnapshotHandle {
        backend: volume.ours.handle.backend.clone(),
        id: id_for(&snapshot.uid, &snapshot.key.namespace)?,
    })
}

/// The VolumeSnapshot that a content was made for: the live one of that UID.
fn bound<'a>(content: &Content, snapshot: Option<&'a Snapshot>) -> Result<&'a Snapshot, Why> {
    match snapshot {
        Some(snapshot) if snapshot.key == content.of && content.of_uid.as_ref() == Some(&snapshot.uid) => {
            match content.name == content_name(&snapshot.uid) {
                true => Ok(snapshot),
                false => no("its content is not the one of its name"),
            }
        }
        Some(_) | None => no("its content was made for another VolumeSnapshot, or for none"),
    }
}

/// A volume that a snapshot may be taken of.
pub struct Volume<'a> {
    /// The PersistentVolume that its claim is bound to.
    pub mounted: &'a Pv,
    /// The volume's own.
    pub pv: &'a Pv,
    /// What makes that ours.
    pub ours: &'a Ours,
    /// Whether it belongs to a claim of another namespace.
    pub of_another: bool,
}

/// The volume that a VolumeSnapshot is to be taken of.
///
/// # Errors
/// Why it may not be.
pub fn volume<'a>(snapshot: &Snapshot, origin: &'a Origin) -> Result<Volume<'a>, Why> {
    let named = |claim: &&Claim| snapshot.of.as_ref() == Some(&claim.key) && claim.phase == ClaimPhase::Bound;
    let Some(claim) = origin.claim.as_ref().filter(named) else {
        return no("its claim does not exist, or is not bound to a volume");
    };
    let is_its_own = |pv: &&Pv| {
        let to = pv.claim.as_ref();
        claim.volume_name.as_ref() == Some(&pv.name)
            && to.is_some_and(|to| to.key == claim.key && to.uid.as_ref() == Some(&claim.uid))
    };
    let Some(mounted) = origin.pv.as_ref().filter(is_its_own) else {
        return no("its claim is bound to a PersistentVolume that is not there, or is another claim's");
    };
    let Some(ours) = &mounted.ours else {
        return no("its claim has a volume of another provisioner");
    };
    match &ours.role {
        Role::Owner => Ok(Volume {
            mounted,
            pv: mounted,
            ours,
            of_another: false,
        }),
        Role::Member(_) => of_a_member(claim, mounted, ours, origin),
    }
}

fn of_a_member<'a>(claim: &Claim, mounted: &'a Pv, ours: &Ours, origin: &'a Origin) -> Result<Volume<'a>, Why> {
    let namespace = &claim.key.namespace;
    match consent::of_member(ours, origin.owner_pv.as_ref(), origin.owner.as_ref(), namespace) {
        OfMember::CutOff => no(
            "SourceIsMember: its claim shares the volume of another one, and its access was taken away; it has to be given back first",
        ),
        OfMember::Allowed(Owned { pv, ours, .. }) => Ok(Volume {
            mounted,
            pv,
            ours,
            of_another: true,
        }),
        OfMember::NotAllowed => no(format!(
            "SourceIsMember: its claim shares the volume of another one, whose owner has to allow copies to namespace {namespace} \
             with {PREFIX}{}",
            keys::CLONE_TO
        )),
    }
}
