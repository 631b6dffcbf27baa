//! Copying a volume for a claim: first a token on the source's PersistentVolume, then the data, then the copy's own object; then the
//! token comes off.
//!
//! As with a join, the token is what keeps the source's data: a delete waits for it, and whoever finds it goes on from there. Until it
//! is on, [`source`] can say no; from then on the copy is finished from the source's PersistentVolume and what stands beside the token,
//! or cleared away when its claim is gone (`plan::volume`). The data is read in the background: [`schedule`] says which copy is next,
//! [`progress`] what is told meanwhile, [`outcome`] what becomes of one that stopped.

use super::claim::begun;
use super::{Action, NewPv, Plan, Verdict};
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::Access;
use crate::domain::backend::Backend;
use crate::domain::change::Change;
use crate::domain::claim::Claim;
use crate::domain::class::Class;
use crate::domain::ids::{BackendName, ClaimRef, ClassName, ContentName, Handle, PvName, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::record::{Intent, Record, State};
use crate::domain::source::Source;
use crate::domain::token::{ByConsent, CopyNote, Note, Token};
use asked::Asked;
use consent::Agreeing;
use keeping::Reading;
use restore::ForRestore;
use std::collections::BTreeMap;
use std::fmt;
use tombolo_backend_api::{BackendId, VolumePath};

pub mod asked;
pub mod consent;
pub mod keeping;
pub mod outcome;
pub mod progress;
pub mod restore;
pub mod schedule;
pub mod source;

#[cfg(test)]
mod tests;

/// What the decision about a claim that wants a copy looks at besides.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForCopy<'a> {
    /// What is to be copied. `None`: the CrossNamespaceSource that would say is missing, or names nothing that is copied.
    pub named: Option<&'a Source>,
    /// What consent rests on.
    pub agreeing: Agreeing<'a>,
    /// The claim that it names as its source, if there is one.
    pub source: Option<&'a Claim>,
    /// The PersistentVolume that the source names, if there is one.
    pub source_pv: Option<&'a Pv>,
    /// If that is a member's: the PersistentVolume of the volume's owner.
    pub owner_pv: Option<&'a Pv>,
    /// And the claim which that is bound to.
    pub owner: Option<&'a Claim>,
    /// If it is a snapshot: what is looked at of it.
    pub restore: Option<ForRestore<'a>>,
    /// Whether the source was found too large for this claim, as it is now.
    pub outgrown: bool,
}

/// Whether the claim's token is on the PersistentVolume that would be read, as seen live perhaps, with what finishing needs beside it.
pub(super) fn has_begun(claim: &Claim, seen: ForCopy<'_>) -> bool {
    let token = Token::copying(claim.uid.clone());
    let mut volumes = [seen.source_pv, seen.owner_pv].into_iter().flatten();
    volumes.any(|pv| pv.tokens.get(&token).is_some_and(Option::is_some))
}

/// Plans the token, and nothing after it. The next look finds it and goes on.
pub(super) fn begin(claim: &Claim, class: &Class, found: &source::Admission<'_>) -> Plan {
    let note = CopyNote {
        claim: claim.key.clone(),
        modes: claim.modes,
        class: class.name.clone(),
        bytes: found.bytes,
        policy: class.policy,
        on_delete: found.parameters.on_delete,
        on_owner_delete: found.parameters.on_owner_delete,
        mount_options: class.mount_options.clone(),
        mount: found.parameters.mount,
        source_uid: found.from.uid(),
        consent: found.consent.clone(),
    };
    let said = format!("Copying {}", found.told);
    let (token, note) = (Token::copying(claim.uid.clone()), Box::new(Note::Copy(note)));
    let keep = match &found.from {
        source::From::Claim { pv, .. } => Action::PutToken {
            pv: (*pv).into(),
            token,
            note,
        },
        source::From::Snapshot { content, backend, .. } => Action::KeepSnapshot {
            content: (*content).into(),
            backend: backend.clone(),
            token,
            note,
        },
    };
    Plan::then_look_again(vec![Action::tell(&claim.reference(), R::Provisioning, said), keep])
}

/// The object that keeps what a copy reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A volume's PersistentVolume.
    Volume(PvName),
    /// A snapshot's content.
    Content(ContentName),
}

impl Origin {
    /// What the ledger calls it, and whose turn is taken for it.
    pub fn volume(&self) -> VolumeId {
        match self {
            Self::Volume(name) => VolumeId::from(name),
            Self::Content(name) => VolumeId::new(name.as_str()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume(name) => write!(f, "{name}"),
            Self::Content(name) => write!(f, "{name}"),
        }
    }
}

/// A copy to be made, and all that it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The object that keeps what is read.
    pub source: Origin,
    /// The token that keeps it.
    pub token: Token,
    /// The claim that gets the copy.
    pub claim: ClaimRef,
    /// Its class.
    pub class: ClassName,
    /// Whose consent has to be there still when an attempt begins; `None`: nobody's.
    pub consent: Option<ByConsent>,
    /// UID of the claim or snapshot that was asked for.
    pub source_uid: String,
    /// In this order; the first that fails ends the attempt.
    pub actions: Vec<Action>,
}

/// Where a copy lies: on the backend of its source, under its own name. `None`: a token of no claim's UID.
pub fn handle(backend: &BackendId, token: &Token) -> Option<Handle> {
    Some(Handle {
        backend: backend.clone(),
        path: VolumePath::parse(token.claim.pv_name().as_str()).ok()?,
    })
}

/// The record of a copy that has begun.
pub(super) fn record(reading: &Reading<'_>, token: &Token, note: &CopyNote, backend: BackendName) -> Option<Record> {
    Some(Record {
        volume: VolumeId::from(&token.claim.pv_name()),
        backend,
        handle: handle(reading.backend(), token)?,
        owner: ClaimRef {
            key: note.claim.clone(),
            uid: token.claim.clone(),
        },
        bytes: note.bytes,
        terms: note.terms(),
        mount_options: note.mount_options.clone(),
        members: BTreeMap::new(),
        state: State::Creating,
        intent: Some(Intent::Copy { from: reading.from() }),
    })
}

/// All that makes a copy, from the object alone that keeps what is read. The token is taken off by whoever finds the copy's object.
pub(super) fn steps(reading: &Reading<'_>, token: &Token, note: &CopyNote, record: Record) -> Wanted {
    let (volume, claim, handle) = (record.volume.clone(), record.owner.clone(), record.handle.clone());
    let made = NewPv {
        name: volume.pv_name(),
        claim: claim.clone(),
        volume: volume.clone(),
        backend: record.backend.clone(),
        handle: handle.clone(),
        class: note.class.clone(),
        bytes: note.bytes,
        modes: note.modes,
        policy: note.policy,
        mount_options: note.mount_options.clone(),
        mount: note.mount,
        access: Access::ReadWrite,
        on_delete: note.on_delete,
        on_owner_delete: note.on_owner_delete,
        joined: None,
        node_affinity: None,
    };
    let copy = Action::Copy {
        backend: record.backend.clone(),
        from: reading.data().clone(),
        handle,
        bytes: note.bytes,
        // A reclaim may have brought the source to the copy's namespace meanwhile.
        drop_set_id: note.consent.is_some() || reading.namespace() != Some(&note.claim.namespace),
    };
    // A directory that was made for the claim before, and of which the ledger knows nothing any more, would be taken for the copy.
    let clear = Action::RemoveEmpty {
        backend: record.backend.clone(),
        handle: record.handle.clone(),
    };
    let intent = Intent::Copy { from: reading.from() };
    // Whatever step a damaged record has open, this one is.
    let another = record.intent.clone().filter(|open| *open != intent);
    let another = another.map(|intent| Change::Settle {
        volume: volume.clone(),
        intent,
    });
    let record = Record {
        intent: Some(intent.clone()),
        ..record
    };
    let mut begun = vec![Change::Begin(record)];
    begun.extend(another);
    begun.push(Change::Intend {
        volume: volume.clone(),
        intent: intent.clone(),
    });
    // On disk, unlike at the end of an ordinary volume: from a record that still says "being copied" somebody else's kept data would
    // look like a copy that nobody ever mounted.
    let over = vec![
        Change::Settle {
            volume: volume.clone(),
            intent,
        },
        Change::SetState {
            volume,
            state: State::Live,
        },
    ];
    let done = format!("Successfully provisioned volume {}, a copy", made.name);
    Wanted {
        source: reading.origin(),
        token: token.clone(),
        claim: claim.clone(),
        class: note.class.clone(),
        consent: note.consent.clone(),
        source_uid: note.source_uid.clone(),
        actions: vec![
            Action::Record(begun),
            clear,
            copy,
            Action::CreatePv(Box::new(made)),
            Action::Record(over),
            Action::tell(&claim, R::ProvisioningSucceeded, done),
        ],
    }
}

/// Decides about a claim that wants a copy and is in order otherwise.
pub(super) fn plan(
    claim: &Claim,
    class: &Class,
    asked: &Asked,
    seen: Option<ForCopy<'_>>,
    record: Option<&Record>,
    backends: &[Backend],
    live: bool,
) -> Plan {
    let found = match source::examine(&source::Examined {
        claim,
        class,
        asked,
        seen,
        record,
        backends,
    }) {
        Ok(found) => found,
        Err(stopped) => return stopped,
    };
    if let Err(refusal) = begun::same_source(record, &found.from.volume()) {
        return Plan::refused(refusal);
    }
    if live {
        begin(claim, class, &found)
    } else {
        Plan {
            actions: Vec::new(),
            verdict: Verdict::AskLive,
        }
    }
}
