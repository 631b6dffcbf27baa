//! The parts of kube-controller-manager that volumes meet: the binder, the namespace controller, and nothing else.
//!
//! One change per call, as `pkg/controller/volume/persistentvolume` makes it. It looks at the store itself; that it may be late
//! is the world's choice of when to call it.

use crate::store::{Expect, Store};
use k8s_openapi::api::core::v1::ObjectReference;
use tombolo::api::names;
use tombolo::domain::claim::{Claim, ClaimPhase};
use tombolo::domain::ids::PvName;
use tombolo::domain::pv::{Pv, PvPhase, ReclaimPolicy};

/// Makes the first change there is to make; `false`: nothing is to be done. Claims come first if `claims_first`.
pub fn step(store: &mut Store, claims_first: bool) -> bool {
    let order = if claims_first {
        [claims, volumes, namespaces]
    } else {
        [volumes, claims, namespaces]
    };
    order.into_iter().any(|change| change(store))
}

fn set_phase(store: &mut Store, pv: &PvName, phase: &str) -> bool {
    let set = |pv: &mut k8s_openapi::api::core::v1::PersistentVolume| {
        pv.status.get_or_insert_default().phase = Some(phase.to_owned());
    };
    store.edit_pv(pv, Expect::default(), set).is_ok()
}

fn volumes(store: &mut Store) -> bool {
    for pv in store.all_pvs() {
        let wanted = match wanted_phase(store, &pv) {
            Some(phase) if phase != pv.phase => phase,
            _ => continue,
        };
        let text = match wanted {
            PvPhase::Pending => "Pending",
            PvPhase::Available => "Available",
            PvPhase::Bound => "Bound",
            PvPhase::Released => "Released",
            PvPhase::Failed => "Failed",
        };
        return set_phase(store, &pv.name, text);
    }
    false
}

fn wanted_phase(store: &Store, pv: &Pv) -> Option<PvPhase> {
    let Some(reference) = &pv.claim else {
        return Some(PvPhase::Available);
    };
    let Some(uid) = &reference.uid else {
        return Some(PvPhase::Available);
    };
    let claim = store.claim(&reference.key).filter(|claim| claim.uid == *uid);
    let provisioned = pv.ours.is_some() && has_provisioner(store, &pv.name);
    match claim {
        None if pv.phase == PvPhase::Failed => None,
        // Nobody but the named provisioner deletes; without a name the binder looks for a plugin of its own and has none.
        None if !provisioned && pv.policy == ReclaimPolicy::Delete && pv.phase == PvPhase::Released => {
            Some(PvPhase::Failed)
        }
        None => Some(PvPhase::Released),
        Some(claim) => match &claim.volume_name {
            None => None,
            Some(name) if *name == pv.name => Some(PvPhase::Bound),
            Some(_) if provisioned && pv.policy == ReclaimPolicy::Delete => Some(PvPhase::Released),
            Some(_) => None,
        },
    }
}

fn has_provisioner(store: &Store, name: &PvName) -> bool {
    let annotations = store.pvs.get(name).and_then(|pv| pv.metadata.annotations.as_ref());
    annotations.is_some_and(|a| a.contains_key(names::ANNOTATION_PROVISIONED_BY))
}

fn claims(store: &mut Store) -> bool {
    store.all_claims().iter().any(|claim| match &claim.volume_name {
        None => unbound(store, claim),
        Some(name) => named(store, claim, &name.clone()),
    })
}

fn unbound(store: &mut Store, claim: &Claim) -> bool {
    if claim.phase != ClaimPhase::Pending {
        return false;
    }
    let fitting: Vec<_> = store
        .all_pvs()
        .into_iter()
        .filter(|pv| !pv.terminating && fits(pv, claim))
        .collect();
    let reserved = fitting.iter().find(|pv| is_for(pv, claim));
    // A volume that is free is anybody's who fits it.
    if let Some(pv) = reserved.or_else(|| fitting.iter().find(|pv| pv.claim.is_none())) {
        return bind(store, claim, &pv.name);
    }
    let ours = claim
        .class
        .as_ref()
        .is_some_and(|class| store.classes.contains_key(class));
    if !ours || claim.asked.is_some() {
        return false;
    }
    let ask = |c: &mut k8s_openapi::api::core::v1::PersistentVolumeClaim| {
        let annotations = c.metadata.annotations.get_or_insert_default();
        annotations.insert(names::ANNOTATION_STORAGE_PROVISIONER.into(), names::PROVISIONER.into());
    };
    store.edit_claim(&claim.key, Expect::default(), ask).is_ok()
}

/// A claim that names a volume.
fn named(store: &mut Store, claim: &Claim, name: &PvName) -> bool {
    let phase = match store.pv(name) {
        None if claim.phase == ClaimPhase::Pending => return false,
        None => "Lost",
        Some(pv) if pv.claim.is_none() || is_for(&pv, claim) => {
            if pv.claim.as_ref().is_none_or(|c| c.uid.is_none()) || claim.phase != ClaimPhase::Bound {
                return bind(store, claim, name);
            }
            return false;
        }
        Some(_) if claim.phase == ClaimPhase::Pending => return false,
        Some(_) => "Lost",
    };
    set_claim_phase(store, claim, phase)
}

fn set_claim_phase(store: &mut Store, claim: &Claim, phase: &str) -> bool {
    let before = store.version();
    let set = |c: &mut k8s_openapi::api::core::v1::PersistentVolumeClaim| {
        c.status.get_or_insert_default().phase = Some(phase.to_owned());
    };
    store.edit_claim(&claim.key, Expect::default(), set).is_ok() && store.version() != before
}

fn is_for(pv: &Pv, claim: &Claim) -> bool {
    pv.claim
        .as_ref()
        .is_some_and(|c| c.key == claim.key && c.uid.as_ref().is_none_or(|uid| *uid == claim.uid))
}

fn fits(pv: &Pv, claim: &Claim) -> bool {
    let (has, wants) = (pv.modes, claim.modes);
    let modes = (has.rwo || !wants.rwo) && (has.rox || !wants.rox) && (has.rwx || !wants.rwx);
    modes && pv.capacity >= claim.request.unwrap_or_default() && pv.class == claim.class
}

fn bind(store: &mut Store, claim: &Claim, name: &PvName) -> bool {
    let before = store.version();
    let reference = ObjectReference {
        namespace: Some(claim.key.namespace.to_string()),
        name: Some(claim.key.name.clone()),
        uid: Some(claim.uid.to_string()),
        ..ObjectReference::default()
    };
    let _ = store.edit_pv(name, Expect::default(), |pv| {
        let spec = pv.spec.get_or_insert_default();
        if spec.claim_ref.as_ref().and_then(|c| c.uid.as_deref()) != Some(claim.uid.as_str()) {
            spec.claim_ref = Some(reference);
        }
        pv.status.get_or_insert_default().phase = Some("Bound".to_owned());
    });
    let capacity = store.pvs.get(name).and_then(|pv| pv.spec.clone()?.capacity);
    let _ = store.edit_claim(&claim.key, Expect::default(), |c| {
        c.spec.get_or_insert_default().volume_name = Some(name.to_string());
        let status = c.status.get_or_insert_default();
        status.phase = Some("Bound".to_owned());
        status.capacity = capacity;
    });
    store.version() != before
}

/// A namespace under deletion: its contents are deleted, then it goes.
fn namespaces(store: &mut Store) -> bool {
    let going: Vec<_> = store
        .namespaces
        .iter()
        .filter(|(_, n)| n.terminating)
        .map(|(name, _)| name.clone())
        .collect();
    for name in going {
        let claims: Vec<_> = store
            .all_claims()
            .into_iter()
            .filter(|c| c.key.namespace == name)
            .collect();
        if let Some(claim) = claims.iter().find(|c| !c.terminating) {
            return store.delete_claim(&claim.key).is_ok();
        }
        let reference = store.references.keys().find(|key| key.namespace == name).cloned();
        if let Some(key) = reference {
            store.put_reference(key, None);
            return true;
        }
        if claims.is_empty() {
            store.put_namespace(name, None);
            return true;
        }
    }
    false
}
