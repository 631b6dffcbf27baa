//! What the state of a member's consent is read from.

use super::index::Index;
use crate::domain::claim::Claim;
use crate::domain::pv::{Pv, Role};
use crate::domain::reference::ReferenceKind;
use crate::plan::consent::{Consent, Membership, state};

/// The state of a member's consent, from the caches.
pub fn consent_of(index: &Index, claim: &Claim, pv: &Pv) -> Option<Consent> {
    let ours = pv.ours.as_ref()?;
    let Role::Member(joined) = &ours.role else { return None };
    let owner_pv = index.volume_of(pv).and_then(|volume| index.pv(&volume.pv_name()));
    let owner_key = owner_pv.and_then(|pv| pv.claim.as_ref()).map(|c| &c.key);
    let namespace = index.namespace(&claim.key.namespace).cloned().unwrap_or_default();
    let references: Vec<_> = index.references_in(&claim.key.namespace).cloned().collect();
    // By which kind it came is in its `via`; the other kind's definition may be gone without a word about this member.
    let kind = [ReferenceKind::Volume, ReferenceKind::Trident]
        .into_iter()
        .find(|k| joined.via.starts_with(k.as_str()));
    let served = index.serves(kind.unwrap_or(ReferenceKind::Volume));
    Some(state(&Membership {
        namespace: &claim.key.namespace,
        labels: &namespace.labels,
        namespace_terminating: namespace.terminating,
        references: served.then_some(references.as_slice()),
        source_uid: &joined.source_uid,
        owner: owner_key.and_then(|key| index.claim(key)).map(|claim| &**claim),
        access: ours.access,
    }))
}
