//! Changes to a volume's record, and which of them are legal.
//!
//! This is the one place where a record becomes another one. It decides by the record alone: no clock, no store, no cluster.
//! Every change may be repeated: applied a second time to its own result it succeeds and changes nothing, so a step that
//! was written down before a crash is simply taken again after it.

use super::ids::{ClaimRef, PvName, VolumeId};
use super::record::{Intent, Member, Record, State, Terms};

mod beginning;
mod line;

use beginning::begin;

/// One step in the life of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A volume is going to be made, or another provisioner's is adopted. Nothing happens if it has a record already, unless that says
    /// that it is being made otherwise: as a copy, or empty.
    Begin(Record),
    /// A step that touches the backend is about to be taken.
    Intend {
        /// The volume.
        volume: VolumeId,
        /// The step.
        intent: Intent,
    },
    /// That step has been seen to end, one way or the other.
    Settle {
        /// The volume.
        volume: VolumeId,
        /// The step: whoever settles must know which, or it would end another's.
        intent: Intent,
    },
    /// A claim is in the volume, with this access (also when it was in it with another one).
    Join {
        /// The volume.
        volume: VolumeId,
        /// The member's PersistentVolume.
        pv: PvName,
        /// Who it is.
        member: Member,
    },
    /// A claim has left the volume.
    Leave {
        /// The volume.
        volume: VolumeId,
        /// The member's PersistentVolume.
        pv: PvName,
    },
    /// The volume's life goes on.
    SetState {
        /// The volume.
        volume: VolumeId,
        /// What it becomes.
        state: State,
    },
    /// A populator or a reclaim gave the volume a new owner.
    SetOwner {
        /// The volume.
        volume: VolumeId,
        /// Who owns it now.
        owner: ClaimRef,
    },
    /// The size promised to the owner is another one.
    SetBytes {
        /// The volume.
        volume: VolumeId,
        /// The size.
        bytes: u64,
    },
    /// What its PersistentVolume says of deleting and mounting is something else.
    SetTerms {
        /// The volume.
        volume: VolumeId,
        /// What it says now.
        terms: Terms,
    },
    /// The volume is gone.
    Forget {
        /// The volume.
        volume: VolumeId,
    },
    /// The record is what the cluster says, whatever it was. Only an open step survives, because the cluster knows of none.
    Restore(Record),
}

/// A change that must not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{change}: {why}")]
pub struct Illegal {
    /// The change.
    pub change: Box<Change>,
    /// Why not.
    pub why: Why,
}

/// Why a change must not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// There is nothing to change.
    #[error("the volume has no record")]
    Unknown,
    /// The record at hand is not the one that the change names.
    #[error("the record is that of volume {0}")]
    OtherVolume(VolumeId),
    /// The name belongs to a volume with other data or another owner.
    #[error("the name is taken by the volume of {owner} at {at}", owner = .0.key, at = .1)]
    Taken(Box<ClaimRef>, String),
    /// Another step is open; the change may be tried again when that one has ended.
    #[error("a step is open: {0}")]
    Busy(Intent),
    /// The state does not allow it.
    #[error("the volume is {0}")]
    State(State),
    /// Data with members is not deleted, and its record is not forgotten.
    #[error("{0} members remain")]
    MembersRemain(usize),
    /// The member's PersistentVolume is another claim's.
    #[error("that PersistentVolume is the member {member}'s", member = .0.key)]
    OtherMember(Box<ClaimRef>),
    /// The owner's PersistentVolume is no member's.
    #[error("that PersistentVolume is the owner's")]
    OwnPv,
}

impl Illegal {
    /// Whether the same change may be legal once the open step has ended, as opposed to being a mistake.
    pub fn is_busy(&self) -> bool {
        matches!(self.why, Why::Busy(_))
    }
}

impl Change {
    /// The volume it is about.
    pub fn volume(&self) -> &VolumeId {
        match self {
            Self::Begin(record) | Self::Restore(record) => &record.volume,
            Self::Intend { volume, .. }
            | Self::Settle { volume, .. }
            | Self::Join { volume, .. }
            | Self::Leave { volume, .. }
            | Self::SetState { volume, .. }
            | Self::SetOwner { volume, .. }
            | Self::SetBytes { volume, .. }
            | Self::SetTerms { volume, .. }
            | Self::Forget { volume } => volume,
        }
    }
}

/// The record after `change`; `None` is no record.
///
/// # Errors
/// [`Illegal`] if the change must not happen to this record.
pub fn apply(record: Option<Record>, change: &Change) -> Result<Option<Record>, Illegal> {
    step(record, change).map_err(|why| Illegal {
        change: Box::new(change.clone()),
        why,
    })
}

fn step(record: Option<Record>, change: &Change) -> Result<Option<Record>, Why> {
    if let Some(record) = record.as_ref().filter(|r| r.volume != *change.volume()) {
        return Err(Why::OtherVolume(record.volume.clone()));
    }
    let next = match change {
        Change::Begin(new) => Some(begin(record, new)?),
        Change::Restore(seen) => Some(restore(record, seen)?),
        Change::Forget { .. } => forget(record)?,
        // The end is reached already.
        Change::Settle { .. } | Change::Leave { .. } if record.is_none() => None,
        Change::Intend { .. }
        | Change::Settle { .. }
        | Change::Join { .. }
        | Change::Leave { .. }
        | Change::SetState { .. }
        | Change::SetOwner { .. }
        | Change::SetBytes { .. }
        | Change::SetTerms { .. } => {
            let mut record = record.ok_or(Why::Unknown)?;
            alter(&mut record, change)?;
            Some(record)
        }
    };
    next.map(|record| check(&record).map(|()| record)).transpose()
}

fn restore(record: Option<Record>, seen: &Record) -> Result<Record, Why> {
    let mut next = seen.clone();
    if let Some(old) = record {
        match (old.intent, &next.intent) {
            (Some(open), Some(other)) if open != *other => return Err(Why::Busy(open)),
            (open, _) => next.intent = open.or(next.intent),
        }
        // Data that is being removed does not come back by being seen once more.
        if old.state == State::Deleting && next.state != State::Deleting {
            return Err(Why::State(old.state));
        }
    }
    Ok(next)
}

fn forget(record: Option<Record>) -> Result<Option<Record>, Why> {
    match record {
        None => Ok(None),
        Some(Record { intent: Some(open), .. }) => Err(Why::Busy(open)),
        Some(record) if !record.members.is_empty() => Err(Why::MembersRemain(record.members.len())),
        Some(_) => Ok(None),
    }
}

fn alter(record: &mut Record, change: &Change) -> Result<(), Why> {
    match change {
        Change::Intend { intent, .. } => match &record.intent {
            Some(open) if open != intent => return Err(Why::Busy(open.clone())),
            Some(_) | None => record.intent = Some(intent.clone()),
        },
        Change::Settle { intent, .. } => match &record.intent {
            Some(open) if open != intent => return Err(Why::Busy(open.clone())),
            Some(_) | None => record.intent = None,
        },
        Change::Join { pv, member, .. } => {
            if let Some(other) = record.members.get(pv).filter(|m| m.claim != member.claim) {
                return Err(Why::OtherMember(Box::new(other.claim.clone())));
            }
            let _ = record.members.insert(pv.clone(), member.clone());
        }
        Change::Leave { pv, .. } => {
            let _ = record.members.remove(pv);
        }
        Change::SetState { state, .. } => {
            if !record.state.may_become(*state) {
                return Err(Why::State(record.state));
            }
            if *state != record.state && *state != State::Deleting {
                not_being_discarded(record)?;
            }
            record.state = *state;
        }
        Change::SetOwner { owner, .. } => {
            if record.owner != *owner {
                not_being_discarded(record)?;
            }
            record.owner = owner.clone();
        }
        Change::SetBytes { bytes, .. } => record.bytes = *bytes,
        Change::SetTerms { terms, .. } => record.terms = *terms,
        Change::Begin(_) | Change::Restore(_) | Change::Forget { .. } => {}
    }
    Ok(())
}

/// A volume whose data may be gone a moment later is not given to anybody.
fn not_being_discarded(record: &Record) -> Result<(), Why> {
    match &record.intent {
        Some(open @ Intent::Discard { .. }) => Err(Why::Busy(open.clone())),
        Some(Intent::Create | Intent::Copy { .. } | Intent::Join { .. }) | None if record.state == State::Deleting => {
            Err(Why::State(record.state))
        }
        Some(Intent::Create | Intent::Copy { .. } | Intent::Join { .. }) | None => Ok(()),
    }
}

/// What is true of every record, however it came to be.
///
/// # Errors
/// The rule that `record` breaks.
pub fn check(record: &Record) -> Result<(), Why> {
    let members = record.members.len();
    if record.members.contains_key(&record.volume.pv_name()) {
        return Err(Why::OwnPv);
    }
    match record.state {
        // Members join a volume that somebody has bound and that nobody is deleting.
        State::Creating if members > 0 => return Err(Why::State(record.state)),
        State::Deleting if members > 0 => return Err(Why::MembersRemain(members)),
        State::Creating | State::Live | State::SoftDeleted | State::Deleting => {}
    }
    match (&record.intent, record.state) {
        (Some(Intent::Discard { .. }), _) if members > 0 => Err(Why::MembersRemain(members)),
        (Some(Intent::Create | Intent::Copy { .. } | Intent::Join { .. }), State::Deleting) => {
            Err(Why::State(record.state))
        }
        (Some(Intent::Join { .. }), State::Creating) => Err(Why::State(record.state)),
        (Some(Intent::Join { pv }), _) if *pv == record.volume.pv_name() => Err(Why::OwnPv),
        (Some(Intent::Create | Intent::Copy { .. } | Intent::Join { .. } | Intent::Discard { .. }) | None, _) => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
