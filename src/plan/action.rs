//! Everything a plan can do, as data. `execute` carries each out in a few lines, without an `if` about business.

use crate::api::reasons::{ClaimReason, SharedVolumeReason};
use crate::domain::access::{MountMode, OnDelete};
use crate::domain::change::Change;
use crate::domain::cut::Cut;
use crate::domain::hold::Hold;
use crate::domain::ids::{BackendName, ClaimRef, ClaimUid, ClassName, Handle, PvName, PvUid};
use crate::domain::ids::{ResourceVersion, VolumeId};
use crate::domain::snapshot::content::ExactContent;
use crate::domain::token::{Note, Token};
use crate::plan::resize::ResizeMark;
use tombolo_backend_api::{Admission, ExportKey};

mod data;
mod exactly;
mod new_pv;
mod told;
mod words;

pub use data::Data;
pub use exactly::Exactly;
pub use new_pv::NewPv;
pub use told::{Subject, Told};

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Change the ledger; on disk before the next action.
    Record(Vec<Change>),
    /// Change the ledger; losing it in a crash costs a repeated look and nothing else.
    Note(Vec<Change>),
    /// Tell somebody.
    Tell(Announcement),
    /// Make a volume's data.
    MakeData {
        /// Where.
        backend: BackendName,
        /// Which.
        handle: Handle,
        /// Bytes asked for.
        bytes: u64,
    },
    /// Make a volume's data as a copy of another one's, which takes as long as it takes.
    Copy {
        /// Where.
        backend: BackendName,
        /// Whose data is read.
        from: Data,
        /// What is made.
        handle: Handle,
        /// Bytes that it may have.
        bytes: u64,
        /// Whether setuid and setgid bits are dropped, because it is another tenant's.
        drop_set_id: bool,
    },
    /// Put what unfinished copies into a volume have written into the trash; one that is finished stays.
    AbandonCopy {
        /// Where.
        backend: BackendName,
        /// What was to be made.
        handle: Handle,
    },
    /// Take a volume's data out of use.
    Discard {
        /// Where.
        backend: BackendName,
        /// Which.
        handle: Handle,
        /// Into the trash or the archive.
        how: OnDelete,
        /// Whose volume it was.
        owner: ClaimRef,
        /// Its class, for a restore.
        class: Option<ClassName>,
        /// Its size, for a restore.
        bytes: u64,
        /// Who mounted it on nodes, for a restore.
        mount: MountMode,
        /// Its id.
        volume: VolumeId,
    },
    /// Make an export let through exactly this much.
    Admit {
        /// Of which volume.
        handle: Handle,
        /// Which.
        export: ExportKey,
        /// How much.
        admission: Admission,
    },
    /// Make an export that is not there, whole.
    MakeExport {
        /// Of which volume.
        handle: Handle,
        /// Which.
        export: ExportKey,
    },
    /// Remove an export that nobody needs.
    Release {
        /// Of which volume.
        handle: Handle,
        /// Which.
        export: ExportKey,
    },
    /// Write down, on a member's PersistentVolume, what was taken from it; or that it has all again.
    NoteCut {
        /// Its name.
        pv: PvName,
        /// Which one of that name.
        uid: PvUid,
        /// What was taken.
        cut: Option<Cut>,
    },
    /// Change the size of a volume where its backend enforces it.
    ResizeData {
        /// Where.
        backend: BackendName,
        /// Which.
        handle: Handle,
        /// Bytes that it may hold.
        bytes: u64,
    },
    /// Write down, on a volume's PersistentVolume, what its backend is going to be told.
    Promise {
        /// The PersistentVolume.
        pv: Exactly,
        /// Bytes.
        bytes: u64,
    },
    /// Give a PersistentVolume this capacity; no other is promised any more.
    Grant {
        /// The PersistentVolume.
        pv: Exactly,
        /// Bytes.
        bytes: u64,
    },
    /// Write down, in a claim's status, how far its growth is.
    MarkResize {
        /// The claim.
        claim: ClaimRef,
        /// In the version that was looked at.
        version: ResourceVersion,
        /// How far.
        mark: ResizeMark,
    },
    /// Remove the directory of a volume that nobody ever mounted, if it is empty.
    RemoveEmpty {
        /// Where.
        backend: BackendName,
        /// Which.
        handle: Handle,
    },
    /// Ask the backend for the mount and make the PersistentVolume; one of that name for the same claim is success.
    CreatePv(Box<NewPv>),
    /// Put a token on the owner's PersistentVolume.
    PutToken {
        /// The owner's PersistentVolume.
        pv: Exactly,
        /// The token.
        token: Token,
        /// All that finishing needs.
        note: Box<Note>,
    },
    /// Take a token off.
    TakeToken {
        /// The owner's PersistentVolume, whichever version.
        pv: PvName,
        /// Which one of that name.
        uid: PvUid,
        /// The token.
        token: Token,
    },
    /// Put a token on a snapshot's content.
    KeepSnapshot {
        /// The content.
        content: ExactContent,
        /// Where its data is.
        backend: BackendName,
        /// The token.
        token: Token,
        /// All that finishing needs.
        note: Box<Note>,
    },
    /// Take a token off a snapshot's content.
    LetSnapshotGo {
        /// The content.
        content: ExactContent,
        /// The token.
        token: Token,
    },
    /// Put a finalizer on a claim that shows what it waits for.
    PutHold(Hold, ClaimRef),
    /// Take it off.
    TakeHold(Hold, ClaimRef),
    /// Take the scheduler's choice of a node back from a claim, if it is exactly this one.
    Reschedule {
        /// The claim.
        claim: ClaimRef,
        /// In the version that was looked at: another choice may have been made since.
        version: ResourceVersion,
    },
    /// DELETE a PersistentVolume, with preconditions; our finalizer keeps it.
    DeletePv(Exactly),
    /// Take our finalizer off a PersistentVolume.
    Unprotect {
        /// Its name.
        pv: PvName,
        /// Which one of that name.
        uid: PvUid,
    },
    /// Put finalizer, labels, handle and `provisioned-by` back where somebody stripped them.
    Mend {
        /// The PersistentVolume.
        pv: Exactly,
        /// The volume it belongs to.
        volume: VolumeId,
        /// The backend's name.
        backend: BackendName,
        /// Where the data is.
        handle: Handle,
        /// Whether it is a member's.
        member: bool,
    },
    /// Set the reclaim policy to Retain.
    SetRetain(Exactly),
    /// Write down, on the PersistentVolume, which claim owns it now.
    RecordOwner {
        /// The PersistentVolume.
        pv: Exactly,
        /// The claim.
        owner: ClaimUid,
    },
}

/// Something to be told to people, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// About what.
    pub subject: Subject,
    /// The reason.
    pub reason: Told,
    /// The words.
    pub text: String,
}

impl Action {
    /// Tells the owner of a claim.
    pub fn tell(claim: &ClaimRef, reason: ClaimReason, text: impl Into<String>) -> Self {
        Self::Tell(Announcement {
            subject: Subject::Claim(claim.clone()),
            reason: Told::Claim(reason),
            text: text.into(),
        })
    }

    /// Tells whoever looks at a PersistentVolume.
    pub fn tell_pv(pv: &crate::domain::pv::Pv, reason: ClaimReason, text: impl Into<String>) -> Self {
        let subject = Subject::Pv(pv.name.clone(), pv.uid.clone());
        Self::Tell(Announcement {
            subject,
            reason: Told::Claim(reason),
            text: text.into(),
        })
    }

    /// Tells the state of a volume to whoever looks at its PersistentVolume.
    pub fn tell_pv_state(pv: &crate::domain::pv::Pv, reason: SharedVolumeReason, text: impl Into<String>) -> Self {
        let subject = Subject::Pv(pv.name.clone(), pv.uid.clone());
        Self::Tell(Announcement {
            subject,
            reason: Told::SharedVolume(reason),
            text: text.into(),
        })
    }

    /// Whether it changes data on a backend.
    pub fn touches_data(&self) -> bool {
        matches!(
            self,
            Self::MakeData { .. } | Self::Copy { .. } | Self::Discard { .. } | Self::RemoveEmpty { .. }
        )
    }
}
