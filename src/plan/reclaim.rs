//! Giving a volume that nobody owns to a claim: may that be?
//!
//! Looks at the volume's PersistentVolume and at the claim, both read live. An admin asks for it, so the answers name objects.

use super::action::Exactly;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::ids::{ClaimRef, ClassName, PvName};
use crate::domain::pv::{Pv, PvPhase};
use crate::domain::size;

/// What giving a volume to a claim consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct Gift {
    /// The PersistentVolume, in the version that was looked at.
    pub pv: Exactly,
    /// The claim.
    pub to: ClaimRef,
}

/// Whether `pv` may be given to `claim`.
///
/// # Errors
/// Why not, and what to do.
pub fn decide(pv: &Pv, claim: &Claim, old_owner_lives: bool) -> Result<Gift, String> {
    if !pv.is_owner() {
        return Err(format!("{} is no volume of Tombolo's, or a member of one", pv.name));
    }
    if pv.terminating {
        return Err(format!(
            "{} is being deleted, which cannot be undone; `tombolo trash` may have its data later",
            pv.name
        ));
    }
    match pv.phase {
        PvPhase::Released | PvPhase::Failed | PvPhase::Available => {}
        PvPhase::Bound | PvPhase::Pending => return Err(format!("{} is in use, or about to be", pv.name)),
    }
    if old_owner_lives {
        return Err(format!("the claim that {} was made for still exists", pv.name));
    }
    fits(pv, claim)?;
    Ok(Gift {
        pv: pv.into(),
        to: claim.reference(),
    })
}

/// Whether a claim waits for exactly this volume, and Kubernetes will bind the two.
///
/// # Errors
/// Why not, and what to do.
pub fn fits(pv: &Pv, claim: &Claim) -> Result<(), String> {
    waits_for(claim, &pv.name)?;
    is_of_class(claim, pv.class.as_ref())?;
    is_within(claim, pv.capacity)?;
    let key = &claim.key;
    let (asked, offered) = (claim.modes, pv.modes);
    let covered = [
        (asked.rwo, offered.rwo),
        (asked.rox, offered.rox),
        (asked.rwx, offered.rwx),
        (asked.rwop, offered.rwop),
    ];
    if covered.into_iter().any(|(asked, offered)| asked && !offered) || claim.block != pv.block {
        return Err(format!(
            "claim {key} must ask for accessModes within [{offered}] and the volume's mode"
        ));
    }
    Ok(())
}

/// Whether a claim is Pending and names this volume: then nobody else serves it.
///
/// # Errors
/// Why not, and what to do.
pub(super) fn waits_for(claim: &Claim, name: &PvName) -> Result<(), String> {
    let key = &claim.key;
    if claim.terminating || claim.phase != ClaimPhase::Pending {
        return Err(format!("claim {key} is not Pending"));
    }
    if claim.volume_name.as_ref() != Some(name) {
        return Err(format!(
            "claim {key} must have spec.volumeName: {name}; make it again with that"
        ));
    }
    Ok(())
}

/// Whether a claim is of the volume's class.
pub(super) fn is_of_class(claim: &Claim, class: Option<&ClassName>) -> Result<(), String> {
    if claim.class.as_ref() != class {
        let class = class.map_or("", |c| c.as_str());
        return Err(format!("claim {} must have storageClassName: {class}", claim.key));
    }
    Ok(())
}

/// Whether the volume is as large as a claim asks.
pub(super) fn is_within(claim: &Claim, bytes: u64) -> Result<(), String> {
    if claim.request.is_none_or(|asked| asked > bytes) {
        return Err(format!(
            "claim {} asks for more than the {} of the volume",
            claim.key,
            size::format(bytes)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
