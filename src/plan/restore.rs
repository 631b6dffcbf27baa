//! Giving a volume from the trash to a claim: may that be, and what is left to do?
//!
//! The object is made before the data is taken out of the trash, so that what was interrupted is found again: with the object and
//! the entry, the data is still to come; with the object and the data, nothing is. An admin asks for it, so the answers name
//! objects.

use super::NewPv;
use super::reclaim::{is_of_class, is_within, waits_for};
use crate::domain::access::{Access, MountMode};
use crate::domain::claim::Claim;
use crate::domain::class::Class;
use crate::domain::discarded::Discarded;
use crate::domain::ids::{BackendName, Handle, PvName};
use crate::domain::pv::Pv;
use tombolo_backend_api::{BackendId, Remains, TrashId, VolumePath};

/// What was looked at, read live.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The entry.
    pub id: &'a TrashId,
    /// What there is of it; `None`: nothing.
    pub remains: Option<Remains>,
    /// What its record says.
    pub record: Option<&'a Discarded>,
    /// The claim that is to own the volume.
    pub claim: &'a Claim,
    /// The claim's class, if it is one of ours.
    pub class: Option<&'a Class>,
    /// The PersistentVolume of the volume's name.
    pub pv: Option<&'a Pv>,
    /// Where the entry lies.
    pub backend: &'a BackendName,
    /// That root's id.
    pub root: &'a BackendId,
    /// Whether that is a directory of one node.
    pub on_a_node: bool,
}

/// What is left to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Restoring {
    /// Make the PersistentVolume, then take the data out of the trash.
    Everything(Box<NewPv>),
    /// Take the data out of the trash to this path: the object is there.
    Data(VolumePath),
    /// Nothing, if the data is at this path.
    Nothing(VolumePath),
}

/// Decides about giving an entry to a claim. The volume gets a new path, a function of the claim: a controller that was paused in
/// the middle of the old deletion, and wakes up now, finds nothing where it looks.
///
/// # Errors
/// Why not, and what to do.
pub fn decide(asked: &Asked<'_>) -> Result<Restoring, String> {
    let name = PvName::new(asked.id.as_str());
    let claim = asked.claim;
    let path = VolumePath::parse(&format!("{name}.{}", claim.uid))
        .map_err(|_| format!("the new path of {} cannot be spelt", asked.id))?;
    let handle = Handle {
        backend: asked.root.clone(),
        path: path.clone(),
    };
    let begun = asked.pv.is_some_and(|pv| is_its_own(pv, &handle, claim));
    match (asked.remains, asked.pv) {
        (Some(Remains::Purging), _) => Err(format!("{} is being purged", asked.id)),
        (Some(Remains::Whole), None) => new_object(asked, name, handle).map(|pv| Restoring::Everything(Box::new(pv))),
        (Some(Remains::Whole), Some(_)) if begun => Ok(Restoring::Data(path)),
        (Some(Remains::RecordOnly) | None, Some(_)) if begun => Ok(Restoring::Nothing(path)),
        (Some(Remains::Whole), Some(_)) => Err(format!(
            "PersistentVolume {name} still exists; wait until its deletion has ended"
        )),
        (Some(Remains::RecordOnly), _) => Err(format!("nothing but its record is left of {}", asked.id)),
        (None, _) => Err(format!("no backend has an entry {}", asked.id)),
    }
}

/// Whether this very command has made the object, for this very claim.
fn is_its_own(pv: &Pv, handle: &Handle, claim: &Claim) -> bool {
    let ours = pv.ours.as_ref();
    !pv.terminating
        && pv.is_owner()
        && ours.is_some_and(|o| o.handle == *handle && o.owner_uid.as_ref() == Some(&claim.uid))
        && !claim.terminating
        && claim.volume_name.as_ref() == Some(&pv.name)
}

fn new_object(asked: &Asked<'_>, name: PvName, handle: Handle) -> Result<NewPv, String> {
    let (id, claim) = (asked.id, asked.claim);
    let record = asked
        .record
        .ok_or_else(|| format!("{id} has no record that can be read; move its directory by hand"))?;
    if record.volume.as_str() != id.as_str() {
        return Err(format!(
            "the record of {id} is that of another volume, {}",
            record.volume
        ));
    }
    waits_for(claim, &name)?;
    // A volume whose object named no class goes to a claim of any.
    if record.class.is_some() {
        is_of_class(claim, record.class.as_ref())?;
    }
    is_within(claim, record.bytes)?;
    if claim.block {
        return Err(format!("claim {} must have volumeMode: Filesystem", claim.key));
    }
    let class = asked
        .class
        .ok_or_else(|| format!("claim {} must have a StorageClass of Tombolo's that exists", claim.key))?;
    let parameters = class
        .parameters
        .as_ref()
        .map_err(|why| format!("StorageClass {}: {why}", class.name))?;
    if asked.on_a_node && !class.mount_options.is_empty() {
        return Err(format!(
            "StorageClass {}: directories of a node take no mountOptions",
            class.name
        ));
    }
    Ok(NewPv {
        name,
        claim: claim.reference(),
        volume: record.volume.clone(),
        backend: asked.backend.clone(),
        handle,
        class: class.name.clone(),
        bytes: record.bytes,
        modes: claim.modes,
        policy: class.policy,
        mount_options: class.mount_options.clone(),
        // As it was: giving it back does not convert it.
        mount: record.mount,
        access: Access::ReadWrite,
        on_delete: parameters.on_delete,
        on_owner_delete: parameters.on_owner_delete,
        joined: None,
        node_affinity: None,
    })
}

/// What is to be said of a volume that is mounted in another way than new ones of its class. It is not converted: no PersistentVolume can
/// be, and those who have it mounted would not hear of it.
pub fn remark(was: MountMode, class: &Class) -> Option<String> {
    let now = class.parameters.as_ref().ok()?.mount;
    (now != was).then(|| {
        format!(
            "it is mounted as it was, mount: {}, although StorageClass {} says mount: {} by now; for the other way, make a claim with this \
             one as its dataSource",
            was.as_str(),
            class.name,
            now.as_str()
        )
    })
}

#[cfg(test)]
mod tests;
