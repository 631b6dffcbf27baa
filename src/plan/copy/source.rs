//! May this claim have a copy of that one's volume? The checks in their order.
//!
//! The order is that of the CSI external-provisioner, as far as there is anything to compare, so that people who know it find the same
//! thing said first. What the claim itself says comes before, and consent before anything of the source: until that is given, nothing is
//! told of the source but the name by which the claim asks for it.

mod places;
mod volume;

pub use places::MOST_COPIES_OF_NAMESPACE;
use places::room_for_a_token;

use super::asked::Asked;
use super::{ForCopy, Origin};
use super::{consent, restore};
use crate::api::reasons::ClaimReason as R;
use crate::domain::backend::Backend;
use crate::domain::claim::Claim;
use crate::domain::class::{Class, Parameters};
use crate::domain::ids::{BackendName, ClaimKey, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::record::{Intent, Record, State};
use crate::domain::size;
use crate::domain::snapshot::Snapshot;
use crate::domain::snapshot::content::Content;
use crate::domain::source::{Source, SourceKind};
use crate::domain::token::{AskedBy, ByConsent};
use crate::plan::{Plan, Refusal, provision};

/// All that is looked at.
#[derive(Debug, Clone)]
pub struct Examined<'a> {
    /// The claim that wants the copy.
    pub claim: &'a Claim,
    /// Its class.
    pub class: &'a Class,
    /// What it asks for.
    pub asked: &'a Asked,
    /// The source; `None`: it was not looked at.
    pub seen: Option<ForCopy<'a>>,
    /// What the ledger knows of the claim's own volume.
    pub record: Option<&'a Record>,
    /// All backends.
    pub backends: &'a [Backend],
}

/// A copy that may begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Admission<'a> {
    /// What is copied.
    pub from: From<'a>,
    /// What the class says.
    pub parameters: &'a Parameters,
    /// Bytes that the copy may have.
    pub bytes: u64,
    /// Whose consent it rests on; `None`: nobody is asked.
    pub consent: Option<ByConsent>,
    /// What those of the claim's namespace call the source.
    pub told: String,
}

/// What is copied.
#[derive(Debug, Clone, PartialEq)]
pub enum From<'a> {
    /// A claim's volume.
    Claim {
        /// The claim.
        source: &'a Claim,
        /// Its PersistentVolume.
        pv: &'a Pv,
    },
    /// A snapshot.
    Snapshot {
        /// The VolumeSnapshot.
        snapshot: &'a Snapshot,
        /// What stands behind it.
        content: &'a Content,
        /// Where its data is.
        backend: BackendName,
    },
}

impl From<'_> {
    /// The UID of the claim or the VolumeSnapshot.
    pub fn uid(&self) -> String {
        match self {
            Self::Claim { source, .. } => source.uid.to_string(),
            Self::Snapshot { snapshot, .. } => snapshot.uid.to_string(),
        }
    }

    /// What the ledger calls the data.
    pub fn volume(&self) -> VolumeId {
        match self {
            Self::Claim { pv, .. } => Origin::Volume(pv.name.clone()).volume(),
            Self::Snapshot { content, .. } => Origin::Content(content.name.clone()).volume(),
        }
    }
}

pub(super) fn refuse<T>(reason: R, text: impl Into<String>) -> Result<T, Plan> {
    Err(Refusal::new(reason, text).into())
}

/// Examines a claim that wants a copy.
///
/// # Errors
/// The plan that says why not.
pub fn examine<'a>(e: &Examined<'a>) -> Result<Admission<'a>, Plan> {
    let (parameters, bytes) = provision::asked(e.claim, e.class)?;
    provision::not_going(e.record)?;
    let Some(seen) = e.seen else {
        return refuse(R::InternalError, "the source was not looked at");
    };
    let named = named(e, seen.named)?;
    let (own, by) = (&e.claim.key, e.asked.by());
    consent::given(own, named, by, &seen.agreeing)?;
    let told = named.told_in(&own.namespace);
    let told = told.as_str();
    let (from, backend) = match named.kind {
        SourceKind::Claim => volume::of_claim(e, &seen, parameters, told, bytes)?,
        SourceKind::Snapshot => of_snapshot(e, &seen, parameters, told, bytes)?,
    };
    if seen.outgrown {
        let text = format!(
            "{told} holds more than this claim asks for, or more files than are copied; make this claim again with a larger request"
        );
        return refuse(R::SourceTooLarge, text);
    }
    can_copy(e, backend, named.kind)?;
    if !provision::reaches(backend, e.claim) {
        return Err(provision::elsewhere(e.claim));
    }
    provision::mountable(e.class, parameters.mount, backend)?;
    // What has begun counts already.
    if e.record.is_none()
        && let Some(text) = backend.refuses_volume(&e.claim.key.namespace, bytes)
    {
        return refuse(R::LimitReached, text);
    }
    Ok(Admission {
        consent: asked_of(own, named, by, &from),
        from,
        parameters,
        bytes,
        told: told.to_owned(),
    })
}

/// Whose consent the copy rests on.
fn asked_of(own: &ClaimKey, named: &Source, by: AskedBy, from: &From<'_>) -> Option<ByConsent> {
    let (source, by) = match from {
        // What was named is a member of it.
        From::Claim { source, .. } if named.as_claim().is_some_and(|named| named != source.key) => {
            (Source::claim(source.key.clone()), AskedBy::Member)
        }
        From::Claim { .. } | From::Snapshot { .. } => (named.clone(), by),
    };
    (source.namespace != own.namespace).then_some(ByConsent { source, by })
}

/// The checks of a snapshot.
fn of_snapshot<'a>(
    e: &Examined<'a>,
    seen: &ForCopy<'a>,
    parameters: &Parameters,
    told: &str,
    bytes: u64,
) -> Result<(From<'a>, &'a Backend), Plan> {
    let Some(looked_at) = &seen.restore else {
        return refuse(R::InternalError, "the snapshot was not looked at");
    };
    let of = restore::Of {
        claim: e.claim,
        class: e.class,
        backends: e.backends,
        told,
        bytes,
    };
    let found = restore::examine(looked_at, &of)?;
    room_for_a_token(e, &found.content.tokens, told)?;
    let there = e.backends.iter().find(|b| b.id() == Some(&found.handle.backend));
    let backend = backend(e, parameters, there, told)?;
    let from = From::Snapshot {
        snapshot: found.snapshot,
        content: found.content,
        backend: backend.name.clone(),
    };
    Ok((from, backend))
}

/// What is to be copied, whatever the claim names it by.
fn named<'a>(e: &Examined<'a>, named: Option<&'a Source>) -> Result<&'a Source, Plan> {
    let Some(named) = named else {
        let Asked::Indirect(name) = e.asked else {
            return refuse(R::InternalError, "the source was not looked at");
        };
        let text = format!(
            "CrossNamespaceSource {name} does not exist in this namespace, or names nothing that can be copied"
        );
        return refuse(R::SourceNotReady, text);
    };
    if named.as_claim().as_ref() == Some(&e.claim.key) {
        return refuse(
            R::ConflictingSource,
            "the claim names itself as its data source; name another claim",
        );
    }
    Ok(named)
}

pub(super) fn going<T>(told: &str) -> Result<T, Plan> {
    refuse(
        R::SourceTerminating,
        format!("{told}, which is to be copied, is being deleted"),
    )
}

/// As large as its source, which it has to hold: by what was asked for as well as by what there is, as after an expansion.
pub(super) fn fits(told: &str, source: Option<u64>, bytes: u64) -> Result<(), Plan> {
    match source {
        Some(needed) if needed > bytes => {
            let (needed, asked) = (size::format(needed), size::format(bytes));
            let text = format!("{told} is of {needed}, which a copy needs too, and this claim asks for {asked}");
            refuse(R::SourceTooLarge, text)
        }
        Some(_) | None => Ok(()),
    }
}

/// The backend of the source, which the class of the claim must mean too.
fn backend<'a>(
    e: &Examined<'a>,
    parameters: &Parameters,
    there: Option<&'a Backend>,
    told: &str,
) -> Result<&'a Backend, Plan> {
    let Some(backend) = there else {
        return Err(provision::away().into());
    };
    if !provision::wanted(parameters, e.backends)
        .iter()
        .any(|b| b.name == backend.name)
    {
        let text = format!(
            "StorageClass {} is for another storage backend than the one that {told} is on; name a class of that one",
            e.class.name
        );
        return refuse(R::ClassMismatch, text);
    }
    let begun = e
        .record
        .is_some_and(|r| r.state == State::Creating && matches!(r.intent, Some(Intent::Copy { .. })));
    match backend.ready().or(backend.id().filter(|_| begun)) {
        Some(_) => Ok(backend),
        None if backend.is_terminating() => Err(provision::going().into()),
        None => Err(provision::away().into()),
    }
}

fn can_copy(e: &Examined<'_>, backend: &Backend, kind: SourceKind) -> Result<(), Plan> {
    if !backend.asked {
        return Err(provision::away().into());
    }
    let can = match kind {
        SourceKind::Claim => backend.capabilities.clone,
        SourceKind::Snapshot => backend.capabilities.snapshot,
    };
    if can {
        return Ok(());
    }
    let text = format!(
        "the storage backend of StorageClass {} makes no copies, and an empty volume would be wrong; ask your admin for a class that does",
        e.class.name
    );
    refuse(R::UnsupportedClass, text)
}
