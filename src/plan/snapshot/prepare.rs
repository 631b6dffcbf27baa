//! VolumeSnapshots of volumes that nodes mount by themselves.
//!
//! The snapshot-controller makes contents for CSI volumes only. But it looks for `snapcontent-<UID>` before it makes one, and binds to it
//! if it is there. So for our other volumes it is made here; and what the controller does besides for CSI volumes, it does not do for
//! these: choose the default class, and keep the claim while its snapshot is taken.

use super::Origin;
use super::taking::{self, Why};
use crate::api::names;
use crate::api::reasons::SnapshotReason as R;
use crate::domain::access::MountMode;
use crate::domain::ids::{ClaimRef, ContentName, PvName, SnapshotClassName};
use crate::domain::pv::Pv;
use crate::domain::snapshot::content::DeletionPolicy;
use crate::domain::snapshot::handle::content_name;
use crate::domain::snapshot::{Snapshot, SnapshotClass};
use tombolo_backend_api::Capabilities;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct ForSnapshot<'a> {
    /// The VolumeSnapshot.
    pub snapshot: &'a Snapshot,
    /// What it is of.
    pub origin: &'a Origin,
    /// All classes.
    pub classes: &'a [SnapshotClass],
    /// Whether there is a content of the name that the snapshot-controller looks for.
    pub has_content: bool,
    /// What the backend of its volume can do, if that can be used.
    pub capabilities: Option<Capabilities>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preparation {
    /// Nothing.
    Nothing,
    /// Say why not.
    Refuse(R, String),
    /// Write the default class into it.
    Choose(SnapshotClassName),
    /// Keep the claim, then make the content.
    Make(ClaimRef, Box<NewContent>),
}

/// A content to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContent {
    /// Its name.
    pub name: ContentName,
    /// The VolumeSnapshot that it is for.
    pub of: Snapshot,
    /// The PersistentVolume that it is of.
    pub volume: PvName,
    /// Its class.
    pub class: SnapshotClassName,
    /// What becomes of the data when it is deleted.
    pub policy: DeletionPolicy,
}

/// Decides about a VolumeSnapshot.
pub fn decide(o: &ForSnapshot<'_>) -> Preparation {
    let snapshot = o.snapshot;
    // Of another provisioner's volume, or of none, the snapshot-controller says so; for a CSI volume it makes the content itself.
    let ours = |pv: &&Pv| pv.ours.is_some() && pv.mount == MountMode::Kubelet;
    if o.origin.pv.as_ref().filter(ours).is_none() {
        return Preparation::Nothing;
    }
    if snapshot.terminating || snapshot.of.is_none() || snapshot.content.is_some() || o.has_content {
        return Preparation::Nothing;
    }
    let class = match class(snapshot, o.classes) {
        Ok(class) => class,
        Err(preparation) => return preparation,
    };
    let refuse = |why: Why| Preparation::Refuse(R::SnapshotCreationFailed, why.text);
    let volume = match taking::volume(snapshot, o.origin) {
        Ok(volume) => volume,
        Err(why) => return refuse(why),
    };
    if o.capabilities.is_some_and(|can| !can.snapshot) {
        return refuse(Why {
            text: "the storage backend takes no snapshots".into(),
            waits: false,
        });
    }
    let Some(claim) = o.origin.claim.as_ref() else {
        return Preparation::Nothing;
    };
    // One that is kept already waits for its snapshot, whoever kept it, and would wait for ever.
    if claim.terminating && !claim.kept_for_snapshot {
        return refuse(Why {
            text: "its claim is being deleted".into(),
            waits: false,
        });
    }
    if snapshot.class.is_none() {
        return Preparation::Choose(class.name.clone());
    }
    // Without it a VolumeSnapshot that is deleted is gone at once, and nobody would ever delete what was made for it: the
    // snapshot-controller deletes no content whose VolumeSnapshot it does not find. It puts that on first of all, once there is a class.
    if !snapshot.finalizers.iter().any(|f| f == names::FINALIZER_SNAPSHOT) {
        return Preparation::Nothing;
    }
    let content = NewContent {
        name: content_name(&snapshot.uid),
        of: snapshot.clone(),
        volume: volume.mounted.name.clone(),
        class: class.name.clone(),
        policy: class.policy,
    };
    Preparation::Make(claim.reference(), Box::new(content))
}

/// Whether a VolumeSnapshot, as a live read after its claim was kept for it found it, still needs that. Where it does not, the
/// snapshot-controller may have been done with it before, and would never let the claim go.
pub fn needs_source(snapshot: &Snapshot, now: Option<&Snapshot>) -> bool {
    now.is_some_and(|now| now.uid == snapshot.uid && !now.terminating)
}

/// Its class, or the default if it names none.
fn class<'a>(snapshot: &Snapshot, classes: &'a [SnapshotClass]) -> Result<&'a SnapshotClass, Preparation> {
    if let Some(name) = &snapshot.class {
        // One that is missing is the snapshot-controller's to tell; one of another driver takes no snapshot of ours.
        let found = classes.iter().find(|class| class.name == *name);
        return match found {
            Some(class) if class.ours => Ok(class),
            Some(_) => Err(Preparation::Refuse(
                R::SnapshotCreationFailed,
                format!(
                    "VolumeSnapshotClass {name} is of another driver than the volume; name one of driver tombolo.dev"
                ),
            )),
            None => Err(Preparation::Nothing),
        };
    }
    let mut defaults = classes.iter().filter(|class| class.ours && class.is_default);
    match (defaults.next(), defaults.next()) {
        (Some(class), None) => Ok(class),
        (None, _) => Err(Preparation::Refuse(
            R::SetDefaultSnapshotClassFailed,
            "there is no default VolumeSnapshotClass of driver tombolo.dev; name a class, or ask your admin for a default".into(),
        )),
        (Some(_), Some(_)) => Err(Preparation::Refuse(
            R::SetDefaultSnapshotClassFailed,
            "there are several default VolumeSnapshotClasses of driver tombolo.dev; name a class, or ask your admin to leave one".into(),
        )),
    }
}
