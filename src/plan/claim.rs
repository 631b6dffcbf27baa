//! What becomes of a claim: nothing of ours, a volume of its own, a share of another's, or a reason why not.
//!
//! Looks at the claim, its class, its PersistentVolume, the ledger and, for a share, everything the handshake looks at. Never
//! gives an empty volume to a claim that asked for anything else, however it was misspelt or dropped on the way.

use super::copy::{self, ForCopy};
use super::handshake::{self, Handshake};
use super::{Plan, Refusal, Verdict, join, provision, validator};
use crate::api::names;
use crate::api::reasons::ClaimReason as R;
use crate::domain::backend::Backend;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::Class;
use crate::domain::populator::Registration;
use crate::domain::pv::Pv;
use crate::domain::record::Record;
use crate::domain::source::{DataSource, DropCause};
use crate::domain::token::Token;
use begun::Asks;

pub mod begun;

/// What the decision about a claim looks at.
#[derive(Debug, Clone)]
pub struct ForClaim<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// Its class, if it names one of ours.
    pub class: Option<&'a Class>,
    /// The PersistentVolume named `pvc-<its UID>`, if there is one.
    pub own_pv: Option<&'a Pv>,
    /// The PersistentVolume it is bound to, if that is another one.
    pub other_pv: Option<&'a Pv>,
    /// What the ledger knows of the volume `pvc-<its UID>`.
    pub record: Option<&'a Record>,
    /// Whether somebody has registered the kind of the claim's data source.
    pub registration: Registration,
    /// All backends, with what the claim's namespace uses of each.
    pub backends: &'a [Backend],
    /// For a claim that asks for a share: what the handshake looks at.
    pub handshake: Option<Handshake<'a>>,
    /// For a claim that asks for a copy: its source.
    pub copy: Option<ForCopy<'a>>,
    /// Whether its token is on anything, whatever it asks for by now.
    pub promised: Option<begun::Promised>,
    /// Whether the objects were read live from the API server, not from caches.
    pub live: bool,
}

/// Decides about a claim.
pub fn decide(o: &ForClaim<'_>) -> Plan {
    if o.claim.phase == ClaimPhase::Bound || o.claim.terminating {
        return bound(o);
    }
    if o.claim.phase == ClaimPhase::Lost {
        return Plan::settled();
    }
    if let Some(pv) = o.own_pv.filter(|pv| pv.ours.is_some()) {
        // Made; binding it is kube-controller-manager's work, and it binds nothing that is going away or has become another's.
        let taken = pv
            .claim
            .as_ref()
            .and_then(|c| c.uid.as_ref())
            .is_some_and(|uid| *uid != o.claim.uid);
        return match (pv.terminating, taken) {
            (true, _) => Plan::refused(doomed()),
            (false, true) => Plan::refused(usurped()),
            (false, false) => Plan::settled(),
        };
    }
    if let (Some(pv), Some(_)) = (o.own_pv, o.class) {
        return foreign(o.claim, pv);
    }
    let Some(class) = o.class else { return without_class(o) };
    match unbound(o, class) {
        Ok(plan) => plan,
        Err(refusal) => Plan::refused(refusal),
    }
}

/// Its class is gone, or another provisioner's by now. What was begun for it stays ours, and is not forgotten in silence.
fn without_class(o: &ForClaim<'_>) -> Plan {
    match (o.record, &o.claim.source, &o.claim.class) {
        (Some(_), ..) => Plan::refused(handshake::class_is_gone()),
        (None, DataSource::Indirect { .. } | DataSource::Misplaced { .. }, Some(class)) => {
            // As of a populator's kind, its own provisioner says nothing of it, and nobody else would.
            let text = format!(
                "a CrossNamespaceSource is copied for StorageClasses of provisioner {} only, and {class} is none; make the claim again with \
                 one of those",
                names::PROVISIONER
            );
            Plan::refused(Refusal::new(R::UnsupportedClass, text))
        }
        (None, ..) => validator::recognized(o.claim, o.registration).map_or_else(Plan::refused, |()| Plan::not_ours()),
    }
}

fn doomed() -> Refusal {
    let text = "the volume that was made for this claim is being deleted before the claim was bound to it; delete the claim \
                and make it again";
    Refusal::new(R::ProvisioningFailed, text)
}

/// Somebody made, by hand, an object of the name that only this claim's volume may have. If it is reserved for the claim,
/// Kubernetes binds the two; otherwise it is in the way for ever.
fn foreign(claim: &Claim, pv: &Pv) -> Plan {
    let reserved = pv
        .claim
        .as_ref()
        .is_some_and(|c| c.key == claim.key && c.uid.as_ref().is_none_or(|uid| *uid == claim.uid));
    if reserved && !pv.terminating {
        return Plan::settled();
    }
    let text = format!(
        "a PersistentVolume that is not Tombolo's has the name {} of this claim's volume; ask your admin to remove it, or make the \
         claim again",
        pv.name
    );
    Plan::refused(Refusal::new(R::ProvisioningFailed, text))
}

fn usurped() -> Refusal {
    let text =
        "the volume that was made for this claim was bound to another one before; delete the claim and make it again";
    Refusal::new(R::ProvisioningFailed, text)
}

/// A claim that asked for a share or a source, and that kube-controller-manager gave somebody else's volume (it looks at
/// neither when it matches claims with free volumes).
fn bound(o: &ForClaim<'_>) -> Plan {
    let claim = o.claim;
    let asked =
        handshake::wanted(claim).is_some() || copy::asked::wants(claim) || !matches!(claim.source, DataSource::None);
    let elsewhere = claim.phase == ClaimPhase::Bound && claim.volume_name.is_some() && !claim.is_bound_to_own();
    let recorded_owner = o
        .other_pv
        .and_then(|pv| pv.ours.as_ref())
        .is_some_and(|ours| ours.owner_uid.as_ref() == Some(&claim.uid));
    // A populator binds a claim to what it filled for it. A claim that asked for a share or a clone asked no populator.
    let asked_populator = matches!(claim.source, DataSource::Populator { .. })
        && handshake::wanted(claim).is_none()
        && claim.annotations.clone_from().is_none();
    let populated = asked_populator && o.other_pv.is_some_and(|pv| pv.populated);
    if o.class.is_some() && asked && elsewhere && !recorded_owner && !populated {
        let text = "Kubernetes bound this claim to a free volume instead of the one it asked for; delete the claim and make it again";
        return Plan::refused(Refusal::new(R::BoundToOtherVolume, text));
    }
    Plan::settled()
}

fn unbound(o: &ForClaim<'_>, class: &Class) -> Result<Plan, Refusal> {
    let claim = o.claim;
    if handshake::wanted(claim).is_some() {
        return share(o);
    }
    if begun::goes_on(o) || o.copy.is_some_and(|seen| copy::has_begun(claim, seen)) {
        // From here on it is the source's volume that is looked at, whatever was edited since.
        return Ok(Plan::settled());
    }
    handshake::well_spelt(claim)?;
    if claim.volume_name.is_some() {
        // Somebody chose a volume for it: an import, or a reclaim under way.
        return Ok(Plan::settled());
    }
    let asked = copy::asked::asked(claim)?;
    match &claim.source {
        DataSource::None | DataSource::Object(_) | DataSource::Indirect { .. } => {}
        DataSource::Misplaced { name } => {
            let text = format!(
                "CrossNamespaceSource {name} is of another namespace, and counts for claims of its own only; make one in this namespace"
            );
            return Err(Refusal::new(R::ConflictingSource, text));
        }
        DataSource::Populator { group, kind } => {
            validator::recognized(claim, o.registration)?;
            let text = format!("waiting for the populator of {kind}.{group} to make this volume");
            return Err(Refusal::new(R::WaitingForPopulator, text));
        }
        DataSource::Dropped(cause) => return Err(dropped(*cause)),
    }
    handshake::no_attributes_class(claim)?;
    if claim.selector {
        return Err(Refusal::new(
            R::ConflictingSource,
            "a label selector chooses among existing volumes; this class makes new ones",
        ));
    }
    let its_time = claim.asked.as_deref() == Some(names::PROVISIONER)
        && (!class.waits_for_consumer || claim.selected_node.is_some());
    if !its_time {
        return Ok(Plan::settled());
    }
    begun::same(o, if asked.is_some() { Asks::Copy } else { Asks::Empty })?;
    if let Some(asked) = &asked {
        return Ok(copy::plan(claim, class, asked, o.copy, o.record, o.backends, o.live));
    }
    Ok(provision::plan(&provision::Provisioning {
        claim,
        class,
        record: o.record,
        backends: o.backends,
    }))
}

fn share(o: &ForClaim<'_>) -> Result<Plan, Refusal> {
    let Some(handshake) = &o.handshake else {
        return Err(Refusal::new(R::InternalError, "the share was not looked at"));
    };
    if joined_already(handshake) {
        // The token is the join: it is finished from there, whatever was edited since.
        return match handshake.backend {
            Some(backend) if backend.id().is_some() => Ok(Plan::settled()),
            Some(_) | None => Err(handshake::backend_away()),
        };
    }
    if begun::goes_on(o) {
        return Ok(Plan::settled());
    }
    begun::same(o, Asks::Share)?;
    let admission = handshake::examine(handshake).verdict?;
    // A share does not wait for a node, unless the volume can be mounted on some nodes only.
    if admission.pv.node_affinity.is_some()
        && o.class.is_some_and(|c| c.waits_for_consumer)
        && o.claim.selected_node.is_none()
    {
        return Ok(Plan::settled());
    }
    if !o.live {
        return Ok(Plan {
            actions: Vec::new(),
            verdict: Verdict::AskLive,
        });
    }
    let hold = join::needs_hold(admission.pv, admission.source);
    Ok(Plan::then_look_again(join::begin(o.claim, &admission, hold)))
}

/// Whether the claim's token is on the owner's PersistentVolume, with a note by which the join can be finished.
fn joined_already(handshake: &Handshake<'_>) -> bool {
    let token = Token::joining(handshake.claim.uid.clone());
    let note = handshake.source_pv.and_then(|pv| pv.tokens.get(&token));
    note.is_some_and(Option::is_some)
}

fn dropped(cause: DropCause) -> Refusal {
    let text = match cause {
        DropCause::GateOff => {
            "the API server dropped dataSourceRef.namespace, because its feature gate CrossNamespaceVolumeDataSource is off; \
             make the claim again with a CrossNamespaceSource in this namespace as dataSourceRef"
        }
        DropCause::CustomKindInDataSource => {
            "the API server dropped dataSource, because Kubernetes takes custom kinds in dataSourceRef only; \
             make the claim again with dataSourceRef"
        }
    };
    Refusal::new(R::SourceDropped, text)
}

#[cfg(test)]
mod tests;
