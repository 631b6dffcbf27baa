//! May this claim have a copy of that one's volume? The checks in their order.
//!
//! The order is that of the CSI external-provisioner, as far as there is anything to compare, so that people who know it find the same
//! thing said first. Both claims are of one namespace: nothing of the source is a secret.

use super::ForCopy;
use crate::api::reasons::ClaimReason as R;
use crate::domain::backend::Backend;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::{Class, Parameters};
use crate::domain::pv::{Ours, Pv, PvPhase, Role};
use crate::domain::record::{Intent, Record, State};
use crate::domain::size;
use crate::plan::{Plan, Refusal, provision};

/// All that is looked at.
#[derive(Debug, Clone)]
pub struct Examined<'a> {
    /// The claim that wants the copy.
    pub claim: &'a Claim,
    /// Its class.
    pub class: &'a Class,
    /// The name of its source.
    pub name: &'a str,
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
    /// The source.
    pub source: &'a Claim,
    /// Its PersistentVolume.
    pub pv: &'a Pv,
    /// What the class says.
    pub parameters: &'a Parameters,
    /// Bytes that the copy may have.
    pub bytes: u64,
}

fn refuse<T>(reason: R, text: impl Into<String>) -> Result<T, Plan> {
    Err(Refusal::new(reason, text).into())
}

fn not_ready<T>(name: &str, why: &str) -> Result<T, Plan> {
    refuse(
        R::SourceNotReady,
        format!("claim {name}, which is to be copied, {why}; this claim goes on when it has a volume"),
    )
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
    let source = source_claim(e, seen.source)?;
    fits(e.name, source.request, bytes)?;
    let (pv, ours) = source_volume(source, seen.source_pv)?;
    if source.block || pv.block {
        return refuse(
            R::AccessModeMismatch,
            format!("claim {} is a block device, and this one a file system", e.name),
        );
    }
    fits(e.name, Some(pv.capacity), bytes)?;
    if seen.outgrown {
        let text = format!(
            "claim {} holds more than this claim asks for, or more files than are copied; make this claim again with a larger request",
            e.name
        );
        return refuse(R::SourceTooLarge, text);
    }
    let backend = backend(e, parameters, ours)?;
    can_copy(e, backend)?;
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
        source,
        pv,
        parameters,
        bytes,
    })
}

fn source_claim<'a>(e: &Examined<'a>, source: Option<&'a Claim>) -> Result<&'a Claim, Plan> {
    if e.name == e.claim.key.name {
        return refuse(
            R::ConflictingSource,
            "the claim names itself as its data source; name another claim",
        );
    }
    let Some(source) = source else {
        return not_ready(e.name, "does not exist");
    };
    match source.phase {
        ClaimPhase::Bound => {}
        ClaimPhase::Pending => return not_ready(e.name, "has no volume yet"),
        ClaimPhase::Lost => return not_ready(e.name, "has lost its volume"),
    }
    if source.terminating {
        return going(e.name);
    }
    if source.class.is_none() {
        let text = format!(
            "claim {} has no StorageClass, and only a volume of Tombolo's is copied",
            e.name
        );
        return refuse(R::ClassMismatch, text);
    }
    Ok(source)
}

fn going<T>(name: &str) -> Result<T, Plan> {
    refuse(
        R::SourceTerminating,
        format!("claim {name}, which is to be copied, is being deleted"),
    )
}

/// As large as its source, which it has to hold: by what was asked for as well as by what there is, as after an expansion.
fn fits(name: &str, source: Option<u64>, bytes: u64) -> Result<(), Plan> {
    match source {
        Some(needed) if needed > bytes => {
            let (needed, asked) = (size::format(needed), size::format(bytes));
            let text = format!("claim {name} is of {needed}, which a copy needs too, and this claim asks for {asked}");
            refuse(R::SourceTooLarge, text)
        }
        Some(_) | None => Ok(()),
    }
}

fn source_volume<'a>(source: &Claim, pv: Option<&'a Pv>) -> Result<(&'a Pv, &'a Ours), Plan> {
    let name = &source.key.name;
    let Some(pv) = pv.filter(|pv| source.volume_name.as_ref() == Some(&pv.name)) else {
        return not_ready(name, "is bound to a PersistentVolume that is not there");
    };
    let Some(ours) = &pv.ours else {
        let text = format!("claim {name} has a volume of another provisioner, which only that one can copy");
        return refuse(R::ClassMismatch, text);
    };
    let bound = pv
        .claim
        .as_ref()
        .is_some_and(|c| c.key == source.key && c.uid.as_ref() == Some(&source.uid));
    if !bound {
        return not_ready(name, "is bound to a PersistentVolume that is another claim's");
    }
    if pv.terminating {
        return going(name);
    }
    if pv.phase != PvPhase::Bound {
        return not_ready(name, "is bound to a PersistentVolume that is not");
    }
    match &ours.role {
        Role::Owner => Ok((pv, ours)),
        Role::Member(_) => refuse(
            R::SourceIsMember,
            format!("claim {name} is itself shared from elsewhere; only the claim that owns a volume is copied"),
        ),
    }
}

/// The backend of the source, which the class of the claim must mean too.
fn backend<'a>(e: &Examined<'a>, parameters: &Parameters, ours: &Ours) -> Result<&'a Backend, Plan> {
    let id = &ours.handle.backend;
    // One that cannot be used now has no id, and is known by its name.
    let same = |b: &&Backend| b.id() == Some(id) || (b.id().is_none() && ours.backend.as_ref() == Some(&b.name));
    let Some(backend) = e.backends.iter().find(same) else {
        return Err(provision::away().into());
    };
    if !provision::wanted(parameters, e.backends)
        .iter()
        .any(|b| b.name == backend.name)
    {
        let text = format!(
            "StorageClass {} is for another storage backend than the one that claim {} is on; name the class of that claim",
            e.class.name, e.name
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

fn can_copy(e: &Examined<'_>, backend: &Backend) -> Result<(), Plan> {
    if !backend.asked {
        return Err(provision::away().into());
    }
    if backend.capabilities.clone {
        return Ok(());
    }
    let text = format!(
        "the storage backend of StorageClass {} makes no copies, and an empty volume would be wrong; ask your admin for a class that does",
        e.class.name
    );
    refuse(R::UnsupportedClass, text)
}
