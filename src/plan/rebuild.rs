//! The ledger as the cluster tells it: one record for each owner's PersistentVolume, with the members that belong to it.
//!
//! Looks at all PersistentVolumes with a handle, not at labels, which somebody may have stripped. No open step can be known
//! from the cluster, and none is needed: every step that was begun is found again by looking at its volume.

use super::volume::record_of;
use crate::domain::ids::{BackendName, ClaimRef, Handle, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::record::{Member, Record};
use std::collections::{BTreeMap, HashMap};
use tombolo_backend_api::BackendId;

/// Puts the records together.
pub fn records(pvs: &[Pv]) -> Vec<Record> {
    let mut by_volume: BTreeMap<VolumeId, Record> = BTreeMap::new();
    let mut by_handle: HashMap<&Handle, VolumeId> = HashMap::new();
    let labelled = pvs.iter().filter_map(|pv| {
        let ours = pv.ours.as_ref()?;
        Some((&ours.handle.backend, ours.backend.clone()?))
    });
    // A stripped label is made up for by any other object on the same root.
    let names: HashMap<&BackendId, BackendName> = labelled.collect();
    for pv in pvs.iter().filter(|pv| pv.is_owner()) {
        let Some(ours) = &pv.ours else { continue };
        let backend = ours
            .backend
            .clone()
            .or_else(|| names.get(&ours.handle.backend).cloned())
            .unwrap_or_else(|| BackendName::new(ours.handle.backend.as_str()));
        if let Some(record) = record_of(pv, ours, backend) {
            by_handle.insert(&ours.handle, record.volume.clone());
            by_volume.insert(record.volume.clone(), record);
        }
    }
    for pv in pvs.iter().filter(|pv| pv.is_member()) {
        let Some(ours) = &pv.ours else { continue };
        let volume = by_handle.get(&ours.handle).cloned().or_else(|| pv.volume());
        let claim = pv.claim.as_ref().map(|c| c.key.clone());
        let uid = pv.name.claim_uid().or_else(|| pv.claim.as_ref()?.uid.clone());
        if let (Some(volume), Some(key), Some(uid)) = (volume, claim, uid)
            && let Some(record) = by_volume.get_mut(&volume)
        {
            record.members.insert(
                pv.name.clone(),
                Member {
                    claim: ClaimRef { key, uid },
                    access: ours.access,
                    mount: pv.mount,
                },
            );
        }
    }
    by_volume.into_values().collect()
}

#[cfg(test)]
mod tests;
