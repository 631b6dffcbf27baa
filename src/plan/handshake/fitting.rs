//! Rows 8 to 11: does the claim fit the volume, and can the backend serve it? Reached only after the owner's consent, so the
//! words may say what the volume is like.

use super::Handshake;
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::{Access, MountMode};
use crate::domain::claim::Claim;
use crate::domain::ids::ClaimKey;
use crate::domain::pv::Pv;
use crate::domain::size;
use crate::plan::{Refusal, provision};

pub(super) fn same_class(claim: &Claim, source: &Claim, pv: &Pv, wanted: &ClaimKey) -> Result<(), Refusal> {
    if claim.class != source.class {
        let class = source.class.as_ref().map_or("none", |c| c.as_str());
        return Err(Refusal::new(
            R::ClassMismatch,
            format!("{wanted} is of class {class}; ask for the same storageClassName"),
        ));
    }
    if pv.ours.is_none() {
        return Err(Refusal::new(
            R::NotAdoptable,
            format!("the volume of {wanted} was not made by Tombolo and cannot be shared"),
        ));
    }
    Ok(())
}

pub(super) fn modes_fit(claim: &Claim, pv: &Pv, granted: Access, wanted: &ClaimKey) -> Result<Access, Refusal> {
    let refuse = |text: String| Err(Refusal::new(R::AccessModeMismatch, text));
    let modes = claim.modes;
    if claim.block || pv.block {
        return refuse("only volumes of mode Filesystem can be shared; set volumeMode: Filesystem".into());
    }
    if modes.rwop {
        return refuse("ReadWriteOncePod promises one pod, which a shared volume cannot; ask for ReadWriteMany".into());
    }
    if granted == Access::ReadOnly && !modes.is_read_only() {
        return refuse(format!(
            "{wanted} is shared read-only; ask for exactly accessModes: [ReadOnlyMany]"
        ));
    }
    if !modes.rwx && !modes.rox && !modes.rwo {
        return refuse("the claim asks for no access mode; ask for ReadWriteMany or ReadOnlyMany".into());
    }
    let access = if modes.is_read_only() {
        Access::ReadOnly
    } else {
        granted
    };
    let offered = pv.modes.rwx || (access == Access::ReadOnly && pv.modes.rox);
    if !offered {
        return refuse(format!(
            "{wanted} is not ReadWriteMany, so only its own claim may use it; its owner needs a claim that is"
        ));
    }
    Ok(access)
}

pub(super) fn size_fits(claim: &Claim, pv: &Pv) -> Result<(), Refusal> {
    match claim.request {
        Some(bytes) if bytes <= pv.capacity => Ok(()),
        Some(bytes) => {
            let (asked, has) = (size::format(bytes), size::format(pv.capacity));
            Err(Refusal::new(
                R::TooLarge,
                format!("the claim asks for {asked}, the shared volume has {has}; ask for {has} or less"),
            ))
        }
        None => Err(Refusal::new(R::TooLarge, "the claim's size cannot be read")),
    }
}

/// The backend is not ready, or not known.
pub(in crate::plan) fn backend_away() -> Refusal {
    Refusal::new(
        R::BackendUnavailable,
        "the storage backend cannot be reached now; this claim goes on when it can",
    )
}

/// Somebody deletes the backend: to wait for it would be in vain.
fn backend_going() -> Refusal {
    Refusal::new(
        R::BackendUnavailable,
        "the storage backend of this volume is being deleted and takes no new members; name another source",
    )
}

/// Nobody knows any more how a volume of it would be mounted.
pub(in crate::plan) fn class_is_gone() -> Refusal {
    Refusal::new(
        R::InvalidParameters,
        "its StorageClass is gone; ask your admin to make it again, or delete the claim",
    )
}

/// Who is to mount the member's volume, as its own class says: not necessarily whoever mounts the owner's, for a class of that name
/// may have been made again since.
pub(super) fn backend_serves(h: &Handshake<'_>) -> Result<MountMode, Refusal> {
    let class = h.class.ok_or_else(class_is_gone)?;
    let mount = provision::parameters(class)?.mount;
    let backend = h.backend.ok_or_else(backend_away)?;
    if backend.is_terminating() {
        return Err(backend_going());
    }
    if !backend.capabilities.share && backend.asked {
        return Err(Refusal::new(
            R::BackendCannotShare,
            "the storage backend of this class cannot share volumes",
        ));
    }
    provision::mounted_by(class, mount, backend)?;
    if let Some(text) = backend.refuses_member(&h.claim.key.namespace) {
        return Err(Refusal::new(R::LimitReached, text));
    }
    backend.ready().map(|_| mount).ok_or_else(backend_away)
}
