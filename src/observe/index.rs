//! What the watches have shown, as plain maps, and whom each change concerns.
//!
//! Synchronous: an object goes in, the work that it may change comes out. It stores projections, compares by value, and wakes
//! nobody when nothing that decisions look at has changed. A watch that was down delivers no deletions for what vanished
//! meanwhile, so a relist goes through [`Index::reset_claims`] and its likes, which find them by comparing.

use super::work::Work;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::Class;
use crate::domain::consent::Labels;
use crate::domain::ids::{ClaimKey, ClaimUid, ClassName, Handle, Namespace, PvName, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::plan::handshake;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What decisions look at of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceView {
    /// Its labels.
    pub labels: Labels,
    /// Whether it is going away.
    pub terminating: bool,
}

/// Work to be done, in no order.
pub type Wake = BTreeSet<Work>;

/// The caches.
#[derive(Debug, Default)]
pub struct Index {
    claims: BTreeMap<ClaimKey, Arc<Claim>>,
    claims_by_uid: HashMap<ClaimUid, ClaimKey>,
    /// Source key → claims that ask to join it.
    askers: BTreeMap<ClaimKey, BTreeSet<ClaimKey>>,
    pvs: BTreeMap<PvName, Arc<Pv>>,
    members: BTreeMap<VolumeId, BTreeSet<PvName>>,
    owners_by_handle: HashMap<Handle, VolumeId>,
    classes: BTreeMap<ClassName, Arc<Class>>,
    namespaces: BTreeMap<Namespace, NamespaceView>,
    references: BTreeMap<ReferenceKey, Reference>,
    served: BTreeSet<ReferenceKind>,
}

/// A claim or volume without its version: whether a change concerns anybody.
fn same_claim(a: &Claim, b: &Claim) -> bool {
    *a == Claim {
        version: a.version.clone(),
        ..b.clone()
    }
}

fn same_pv(a: &Pv, b: &Pv) -> bool {
    *a == Pv {
        version: a.version.clone(),
        ..b.clone()
    }
}

impl Index {
    /// A claim is as given.
    pub fn put_claim(&mut self, claim: Claim) -> Wake {
        let old = self.claims.get(&claim.key).cloned();
        let unchanged = old.as_ref().is_some_and(|old| same_claim(old, &claim));
        let wake = if unchanged {
            Wake::new()
        } else {
            self.concerned_by_claim(&claim)
        };
        if let Some(old) = old {
            self.unlink_claim(&old);
        }
        self.claims_by_uid.insert(claim.uid.clone(), claim.key.clone());
        if let Some(Ok(source)) = handshake::wanted(&claim) {
            self.askers.entry(source).or_default().insert(claim.key.clone());
        }
        self.claims.insert(claim.key.clone(), Arc::new(claim));
        wake
    }

    /// A claim is gone.
    pub fn remove_claim(&mut self, key: &ClaimKey) -> Wake {
        let Some(old) = self.claims.remove(key) else {
            return Wake::new();
        };
        self.unlink_claim(&old);
        self.concerned_by_claim(&old)
    }

    /// These are all claims that there are.
    pub fn reset_claims(&mut self, all: Vec<Claim>) -> Wake {
        let there: BTreeSet<ClaimKey> = all.iter().map(|c| c.key.clone()).collect();
        let gone: Vec<ClaimKey> = self.claims.keys().filter(|k| !there.contains(k)).cloned().collect();
        let mut wake: Wake = gone.iter().flat_map(|key| self.remove_claim(key)).collect();
        wake.extend(all.into_iter().flat_map(|claim| self.put_claim(claim)));
        wake
    }

    fn unlink_claim(&mut self, old: &Claim) {
        self.claims_by_uid.remove(&old.uid);
        if let Some(Ok(source)) = handshake::wanted(old)
            && let Some(askers) = self.askers.get_mut(&source)
        {
            askers.remove(&old.key);
            if askers.is_empty() {
                self.askers.remove(&source);
            }
        }
    }

    fn concerned_by_claim(&self, claim: &Claim) -> Wake {
        let mut wake = Wake::from([Work::Claim(claim.key.clone())]);
        wake.extend(
            self.askers
                .get(&claim.key)
                .into_iter()
                .flatten()
                .map(|key| Work::Claim(key.clone())),
        );
        let own = claim.uid.pv_name();
        for name in std::iter::once(&own).chain(claim.volume_name.as_ref()) {
            if let Some(pv) = self.pvs.get(name) {
                wake.extend(Self::work_of_pv(pv, self.volume_of(pv)));
            }
        }
        // Members, too, whose own annotation names another source by now.
        let volume = VolumeId::from(&own);
        let members = self.members(&volume);
        wake.extend(members.filter_map(|pv| self.claim_of(pv)).map(Work::Claim));
        // The claim of a volume that is only in the ledger yet, or that lost its object.
        wake.insert(Work::Volume(VolumeId::from(&own)));
        wake.extend(
            self.references
                .values()
                .filter(|r| r.names(&claim.key))
                .map(|r| Work::Reference(r.key.clone())),
        );
        wake
    }

    /// A PersistentVolume is as given.
    pub fn put_pv(&mut self, pv: Pv) -> Wake {
        let old = self.pvs.get(&pv.name).cloned();
        let unchanged = old.as_ref().is_some_and(|old| same_pv(old, &pv));
        if let Some(old) = &old {
            self.unlink_pv(old);
        }
        if pv.is_owner()
            && let Some(ours) = &pv.ours
        {
            self.owners_by_handle
                .insert(ours.handle.clone(), VolumeId::from(&pv.name));
        }
        let volume = self.volume_of(&pv);
        if pv.is_member()
            && let Some(volume) = &volume
        {
            self.members.entry(volume.clone()).or_default().insert(pv.name.clone());
        }
        let mut wake = if unchanged {
            Wake::new()
        } else {
            self.concerned_by_pv(&pv, volume)
        };
        if let Some(old) = old.filter(|_| !unchanged) {
            wake.extend(self.concerned_by_pv(&old, None));
        }
        self.pvs.insert(pv.name.clone(), Arc::new(pv));
        wake
    }

    /// A PersistentVolume is gone.
    pub fn remove_pv(&mut self, name: &PvName) -> Wake {
        let Some(old) = self.pvs.remove(name) else {
            return Wake::new();
        };
        let volume = self.volume_of(&old);
        self.unlink_pv(&old);
        let mut wake = self.concerned_by_pv(&old, volume.clone());
        // The last one out: the owner's PersistentVolume may have waited for this, and the owner's claim if it was held.
        if let Some(volume) = volume.filter(|_| old.is_member()) {
            let owner = self.pvs.get(&volume.pv_name()).and_then(|pv| self.claim_of(pv));
            wake.extend(owner.map(Work::Claim));
            wake.insert(Work::Volume(volume));
        }
        wake
    }

    /// These are all PersistentVolumes that there are.
    pub fn reset_pvs(&mut self, all: Vec<Pv>) -> Wake {
        let there: BTreeSet<PvName> = all.iter().map(|p| p.name.clone()).collect();
        let gone: Vec<PvName> = self.pvs.keys().filter(|k| !there.contains(k)).cloned().collect();
        let mut wake: Wake = gone.iter().flat_map(|name| self.remove_pv(name)).collect();
        wake.extend(all.into_iter().flat_map(|pv| self.put_pv(pv)));
        wake
    }

    fn unlink_pv(&mut self, old: &Pv) {
        if let Some(ours) = &old.ours {
            if old.is_owner() {
                self.owners_by_handle.remove(&ours.handle);
            } else if let Some(volume) = self.volume_of(old)
                && let Some(members) = self.members.get_mut(&volume)
            {
                members.remove(&old.name);
                if members.is_empty() {
                    self.members.remove(&volume);
                }
            }
        }
    }

    fn work_of_pv(pv: &Pv, volume: Option<VolumeId>) -> Wake {
        let mut wake = Wake::new();
        if pv.is_owner() {
            wake.insert(Work::Volume(VolumeId::from(&pv.name)));
        } else if pv.is_member() {
            wake.insert(Work::Member(pv.name.clone()));
        }
        wake.extend(volume.map(Work::SharedVolume));
        wake
    }

    fn concerned_by_pv(&self, pv: &Pv, volume: Option<VolumeId>) -> Wake {
        let mut wake = Self::work_of_pv(pv, volume);
        let bound = pv.claim.iter().map(|c| &c.key);
        let by_name = pv.name.claim_uid().and_then(|uid| self.claims_by_uid.get(&uid));
        for key in bound.chain(by_name) {
            if let Some(claim) = self.claims.get(key) {
                wake.insert(Work::Claim(key.clone()));
                wake.extend(
                    self.askers
                        .get(&claim.key)
                        .into_iter()
                        .flatten()
                        .map(|k| Work::Claim(k.clone())),
                );
            }
        }
        wake
    }

    /// A class of ours is as given; `None`: it is not ours, or gone.
    pub fn put_class(&mut self, name: ClassName, class: Option<Class>) -> Wake {
        match class {
            Some(class) => self.classes.insert(name.clone(), Arc::new(class)),
            None => self.classes.remove(&name),
        };
        self.pending()
            .filter(|c| c.class.as_ref() == Some(&name))
            .map(|c| Work::Claim(c.key.clone()))
            .collect()
    }

    /// These are all classes that there are.
    pub fn reset_classes(&mut self, all: Vec<Class>) -> Wake {
        let there: BTreeSet<ClassName> = all.iter().map(|c| c.name.clone()).collect();
        let gone: Vec<ClassName> = self.classes.keys().filter(|k| !there.contains(k)).cloned().collect();
        let mut wake: Wake = gone.into_iter().flat_map(|name| self.put_class(name, None)).collect();
        wake.extend(
            all.into_iter()
                .flat_map(|class| self.put_class(class.name.clone(), Some(class))),
        );
        wake
    }

    /// A namespace is as given; `None`: it is gone.
    pub fn put_namespace(&mut self, name: Namespace, view: Option<NamespaceView>) -> Wake {
        if self.namespaces.get(&name) == view.as_ref() {
            return Wake::new();
        }
        match view {
            Some(view) => self.namespaces.insert(name.clone(), view),
            None => self.namespaces.remove(&name),
        };
        let inside = self.consumers_in(&name);
        let asking = self
            .askers
            .iter()
            .filter(|(source, _)| source.namespace == name)
            .flat_map(|(_, a)| a.iter().cloned().map(Work::Claim));
        let references = self.references_in(&name).map(|r| Work::Reference(r.key.clone()));
        inside.into_iter().chain(asking).chain(references).collect()
    }

    /// These are all namespaces that there are.
    pub fn reset_namespaces(&mut self, all: Vec<(Namespace, NamespaceView)>) -> Wake {
        let there: BTreeSet<Namespace> = all.iter().map(|(n, _)| n.clone()).collect();
        let gone: Vec<Namespace> = self.namespaces.keys().filter(|k| !there.contains(k)).cloned().collect();
        let mut wake: Wake = gone
            .into_iter()
            .flat_map(|name| self.put_namespace(name, None))
            .collect();
        wake.extend(
            all.into_iter()
                .flat_map(|(name, view)| self.put_namespace(name, Some(view))),
        );
        wake
    }

    /// A reference is as given.
    pub fn put_reference(&mut self, reference: Reference) -> Wake {
        if self.references.get(&reference.key) == Some(&reference) {
            return Wake::new();
        }
        let mut wake = self.concerned_by_reference(&reference);
        if let Some(old) = self.references.insert(reference.key.clone(), reference) {
            wake.extend(self.concerned_by_reference(&old));
        }
        wake
    }

    /// A reference is gone.
    pub fn remove_reference(&mut self, key: &ReferenceKey) -> Wake {
        match self.references.remove(key) {
            Some(old) => self.concerned_by_reference(&old),
            None => Wake::new(),
        }
    }

    /// These are all references of a kind; it is served.
    pub fn reset_references(&mut self, kind: ReferenceKind, all: Vec<Reference>) -> Wake {
        self.served.insert(kind);
        let there: BTreeSet<ReferenceKey> = all.iter().map(|r| r.key.clone()).collect();
        let gone: Vec<ReferenceKey> = self
            .references
            .keys()
            .filter(|k| k.kind == kind && !there.contains(k))
            .cloned()
            .collect();
        let mut wake: Wake = gone.iter().flat_map(|key| self.remove_reference(key)).collect();
        wake.extend(all.into_iter().flat_map(|r| self.put_reference(r)));
        wake
    }

    /// References of a kind cannot be read now: what is known of them stays, and nothing counts as withdrawn.
    pub fn references_not_served(&mut self, kind: ReferenceKind) {
        self.served.remove(&kind);
    }

    /// A near miss is named in messages, so every asking claim of the namespace is concerned, not only those that match.
    fn concerned_by_reference(&self, reference: &Reference) -> Wake {
        let mut wake = self.consumers_in(&reference.key.namespace);
        wake.insert(Work::Reference(reference.key.clone()));
        wake
    }

    /// Claims of a namespace that ask for a share or have one, and what is said of the volumes they have.
    fn consumers_in(&self, namespace: &Namespace) -> Wake {
        let mut wake = Wake::new();
        for claim in self.claims_in(namespace) {
            let member = self.pvs.get(&claim.uid.pv_name()).filter(|pv| pv.is_member());
            if member.is_some() || handshake::wanted(claim).is_some() {
                wake.insert(Work::Claim(claim.key.clone()));
            }
            wake.extend(member.and_then(|pv| self.volume_of(pv)).map(Work::SharedVolume));
        }
        wake
    }

    /// The claim that a PersistentVolume was made for, if it exists.
    fn claim_of(&self, pv: &Pv) -> Option<ClaimKey> {
        pv.name
            .claim_uid()
            .and_then(|uid| self.claims_by_uid.get(&uid))
            .cloned()
    }
}

/// Looking things up.
impl Index {
    /// A claim.
    pub fn claim(&self, key: &ClaimKey) -> Option<&Arc<Claim>> {
        self.claims.get(key)
    }

    /// The claim with a UID.
    pub fn claim_by_uid(&self, uid: &ClaimUid) -> Option<&Arc<Claim>> {
        self.claims_by_uid.get(uid).and_then(|key| self.claims.get(key))
    }

    /// Claims that ask to join `source`.
    pub fn askers(&self, source: &ClaimKey) -> impl Iterator<Item = &ClaimKey> {
        self.askers.get(source).into_iter().flatten()
    }

    /// All claims.
    pub fn claims(&self) -> impl Iterator<Item = &Arc<Claim>> {
        self.claims.values()
    }

    /// Claims without a volume.
    pub fn pending(&self) -> impl Iterator<Item = &Arc<Claim>> {
        self.claims.values().filter(|c| c.phase == ClaimPhase::Pending)
    }

    /// Claims of a namespace.
    pub fn claims_in<'a>(&'a self, namespace: &Namespace) -> impl Iterator<Item = &'a Arc<Claim>> + use<'a> {
        let from = ClaimKey {
            namespace: namespace.clone(),
            name: String::new(),
        };
        let namespace = namespace.clone();
        self.claims
            .range(from..)
            .map(|(_, c)| c)
            .take_while(move |c| c.key.namespace == namespace)
    }

    /// A PersistentVolume.
    pub fn pv(&self, name: &PvName) -> Option<&Arc<Pv>> {
        self.pvs.get(name)
    }

    /// All PersistentVolumes.
    pub fn pvs(&self) -> impl Iterator<Item = &Arc<Pv>> {
        self.pvs.values()
    }

    /// Members' PersistentVolumes of a volume.
    pub fn members(&self, volume: &VolumeId) -> impl Iterator<Item = &Arc<Pv>> {
        self.members
            .get(volume)
            .into_iter()
            .flatten()
            .filter_map(|name| self.pvs.get(name))
    }

    /// The volume a PersistentVolume of ours belongs to. A stripped label is made up for by the handle, which only the
    /// owner's shares.
    pub fn volume_of(&self, pv: &Pv) -> Option<VolumeId> {
        pv.volume()
            .or_else(|| self.owners_by_handle.get(&pv.ours.as_ref()?.handle).cloned())
    }

    /// The volume whose data is behind a handle.
    pub fn owner_of(&self, handle: &Handle) -> Option<&VolumeId> {
        self.owners_by_handle.get(handle)
    }

    /// A class of ours.
    pub fn class(&self, name: &ClassName) -> Option<&Arc<Class>> {
        self.classes.get(name)
    }

    /// A namespace.
    pub fn namespace(&self, name: &Namespace) -> Option<&NamespaceView> {
        self.namespaces.get(name)
    }

    /// References in a namespace.
    pub fn references_in<'a>(&'a self, namespace: &Namespace) -> impl Iterator<Item = &'a Reference> + use<'a> {
        let namespace = namespace.clone();
        self.references.values().filter(move |r| r.key.namespace == namespace)
    }

    /// A reference.
    pub fn reference(&self, key: &ReferenceKey) -> Option<&Reference> {
        self.references.get(key)
    }

    /// Whether references of a kind can be read.
    pub fn serves(&self, kind: ReferenceKind) -> bool {
        self.served.contains(&kind)
    }
}
