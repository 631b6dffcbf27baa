//! What the watches have shown, as plain maps, and whom each change concerns.
//!
//! Synchronous: an object goes in, the work that it may change comes out. It stores projections, compares by value, and wakes
//! nobody when nothing that decisions look at has changed. A watch that was down delivers no deletions for what vanished
//! meanwhile, so a relist goes through [`Index::reset_claims`] and its likes, which find them by comparing.

mod concerned;
mod lookup;
mod populators;
mod snapshots;
mod sources;
#[cfg(test)]
mod tests;

use super::work::Work;
use crate::domain::claim::Claim;
use crate::domain::class::Class;
use crate::domain::consent::Labels;
use crate::domain::cross_source::{CrossSource, CrossSourceKey};
use crate::domain::grant::Grant;
use crate::domain::hold::Hold;
use crate::domain::ids::{ClaimKey, ClaimUid, ClassName, Handle, Namespace, PvName, PvUid, ResourceVersion, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::served::Served;
use crate::domain::source::Source;
use crate::plan::handshake;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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
    /// Source → claims without a volume that want a copy of it.
    copiers: BTreeMap<Source, BTreeSet<ClaimKey>>,
    pvs: BTreeMap<PvName, Arc<Pv>>,
    members: BTreeMap<VolumeId, BTreeSet<PvName>>,
    /// The newest version of a PersistentVolume that the watch has shown. What happened to any of them before it, it has shown too.
    seen: Option<ResourceVersion>,
    /// Whose token is on which volumes.
    tokens: HashMap<ClaimUid, BTreeSet<PvName>>,
    /// Among whose members each member is kept: what its label says may be edited, and what its handle says known later.
    kept_under: HashMap<PvName, VolumeId>,
    /// One volume each, unless somebody has edited a handle.
    owners_by_handle: HashMap<Handle, BTreeSet<VolumeId>>,
    classes: BTreeMap<ClassName, Arc<Class>>,
    namespaces: BTreeMap<Namespace, NamespaceView>,
    references: BTreeMap<ReferenceKey, Reference>,
    /// Source key → references that name it.
    naming: BTreeMap<ClaimKey, BTreeSet<ReferenceKey>>,
    /// PersistentVolumes that went lately: an answer of the API server that comes late must not bring one back.
    gone: VecDeque<PvUid>,
    /// Names of PersistentVolumes that went lately, or whose token did.
    went: VecDeque<PvName>,
    served: BTreeSet<ReferenceKind>,
    cross_sources: BTreeMap<CrossSourceKey, CrossSource>,
    grants: BTreeMap<Namespace, BTreeMap<String, Grant>>,
    grants_served: Served,
    snapshots: snapshots::Snapshots,
    populators: populators::Populators,
}

/// A claim or volume without its version: whether a change concerns anybody. By what keeps a claim for a snapshot nobody decides but who
/// reads it live.
fn same_claim(a: &Claim, b: &Claim) -> bool {
    *a == Claim {
        version: a.version.clone(),
        kept_for_snapshot: a.kept_for_snapshot,
        ..b.clone()
    }
}

/// Whether nothing but the finalizer of ours that shows copies has changed: nobody decides by it but who puts it on. A join waits for the
/// other one, so that one concerns more.
fn same_but_for_copies(old: &Claim, new: &Claim) -> bool {
    let mut old = old.clone();
    old.holds.remove(&Hold::Copies);
    let mut new = new.clone();
    new.holds.remove(&Hold::Copies);
    same_claim(&old, &new)
}

fn same_pv(a: &Pv, b: &Pv) -> bool {
    *a == Pv {
        version: a.version.clone(),
        ..b.clone()
    }
}

/// Whether nothing but tokens has changed: then of those who ask to join only the tokens' own claims are concerned.
fn same_but_for_tokens(a: &Pv, b: &Pv) -> bool {
    same_pv(
        a,
        &Pv {
            tokens: a.tokens.clone(),
            ..b.clone()
        },
    )
}

/// How many [`Index::gone`] remembers: more than go while one answer is on its way.
const GONE: usize = 1024;

fn remember<T>(lately: &mut VecDeque<T>, new: T) {
    if lately.len() >= GONE {
        lately.pop_front();
    }
    lately.push_back(new);
}

impl Index {
    /// A claim is as given.
    pub fn put_claim(&mut self, claim: Claim) -> Wake {
        let old = self.claims.get(&claim.key).cloned();
        let unchanged = old.as_ref().is_some_and(|old| same_claim(old, &claim));
        let mut wake = if unchanged {
            Wake::new()
        } else if old.as_ref().is_some_and(|old| same_but_for_copies(old, &claim)) {
            Wake::from([Work::Claim(claim.key.clone())])
        } else {
            self.concerned_by_claim(&claim)
        };
        if let Some(old) = old {
            self.unlink_claim(&old);
            if old.uid != claim.uid {
                // Deleted and made again under its name while the watch was down.
                wake.extend(self.concerned_by_loss(&old));
            }
        }
        self.claims_by_uid.insert(claim.uid.clone(), claim.key.clone());
        if let Some(Ok(source)) = handshake::wanted(&claim) {
            self.askers.entry(source).or_default().insert(claim.key.clone());
        }
        self.link_copier(&claim);
        self.claims.insert(claim.key.clone(), Arc::new(claim));
        wake
    }

    /// A claim is gone.
    pub fn remove_claim(&mut self, key: &ClaimKey) -> Wake {
        let Some(old) = self.claims.remove(key) else {
            return Wake::new();
        };
        self.unlink_claim(&old);
        self.concerned_by_loss(&old)
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
        self.unlink_copier(old);
        if let Some(Ok(source)) = handshake::wanted(old)
            && let Some(askers) = self.askers.get_mut(&source)
        {
            askers.remove(&old.key);
            if askers.is_empty() {
                self.askers.remove(&source);
            }
        }
    }

    /// A watch says that a PersistentVolume is as given. Older than what is known already, from the answer to a write of our own, it
    /// says nothing.
    pub fn put_pv(&mut self, pv: Pv) -> Wake {
        if self.seen.as_ref().is_none_or(|seen| pv.version.is_newer_than(seen)) {
            self.seen = Some(pv.version.clone());
        }
        if self.knows_newer(&pv) {
            return Wake::new();
        }
        self.set_pv(pv)
    }

    /// The API server answered that a PersistentVolume is as given. What the watch will say of it later is then no news, and nobody
    /// decides by what was true before.
    pub fn pv_written(&mut self, pv: Pv) -> Wake {
        if self.knows_newer(&pv) || self.gone.contains(&pv.uid) {
            return Wake::new();
        }
        self.set_pv(pv)
    }

    fn knows_newer(&self, pv: &Pv) -> bool {
        let known = self.pvs.get(&pv.name).filter(|known| known.uid == pv.uid);
        known.is_some_and(|known| known.version.is_newer_than(&pv.version))
    }

    fn set_pv(&mut self, pv: Pv) -> Wake {
        let old = self.pvs.get(&pv.name).cloned();
        if let Some(old) = &old {
            self.unlink_pv(old);
            for token in old.tokens.keys().filter(|token| !pv.tokens.contains_key(token)) {
                remember(&mut self.went, token.claim.pv_name());
            }
        }
        if pv.is_owner()
            && let Some(ours) = &pv.ours
        {
            let volumes = self.owners_by_handle.entry(ours.handle.clone()).or_default();
            volumes.insert(VolumeId::from(&pv.name));
        }
        for token in pv.tokens.keys() {
            self.tokens
                .entry(token.claim.clone())
                .or_default()
                .insert(pv.name.clone());
        }
        let volume = self.volume_of(&pv);
        if pv.is_member()
            && let Some(volume) = &volume
        {
            self.members.entry(volume.clone()).or_default().insert(pv.name.clone());
            self.kept_under.insert(pv.name.clone(), volume.clone());
        }
        let wake = match old {
            None => {
                let mut wake = self.concerned_by_pv(&pv, volume);
                wake.extend(self.snapshots_of_members(&VolumeId::from(&pv.name)));
                wake
            }
            Some(old) if same_pv(&old, &pv) => Wake::new(),
            Some(old) if same_but_for_tokens(&old, &pv) => self.concerned_by_tokens(&old, &pv),
            Some(old) => {
                let mut wake = self.concerned_by_pv(&pv, volume);
                wake.extend(self.concerned_by_pv(&old, None));
                if old.capacity != pv.capacity && pv.is_owner() {
                    // Members have as much as their owner.
                    wake.extend(self.claims_of_members(&VolumeId::from(&pv.name)));
                }
                if old.claim != pv.claim {
                    // Another owner, whose word on its members may be another; the caches may know its claim longer than this.
                    wake.extend(self.claims_of_members(&VolumeId::from(&pv.name)));
                    wake.extend(self.snapshots_of_members(&VolumeId::from(&pv.name)));
                }
                wake
            }
        };
        self.pvs.insert(pv.name.clone(), Arc::new(pv));
        wake
    }

    /// A watch says that a PersistentVolume is gone. Another one of its name may have been made since.
    pub fn pv_deleted(&mut self, name: &PvName, uid: Option<&PvUid>) -> Wake {
        match self.pvs.get(name) {
            Some(known) if uid.is_some_and(|uid| *uid != known.uid) => Wake::new(),
            Some(_) | None => self.remove_pv(name),
        }
    }

    /// A PersistentVolume is gone.
    pub fn remove_pv(&mut self, name: &PvName) -> Wake {
        let Some(old) = self.pvs.remove(name) else {
            return Wake::new();
        };
        let volume = self.volume_of(&old);
        self.unlink_pv(&old);
        remember(&mut self.gone, old.uid.clone());
        remember(&mut self.went, old.name.clone());
        let mut wake = self.concerned_by_pv(&old, volume.clone());
        // What it mounted may be nobody's by now.
        let backend = old.ours.as_ref().and_then(|ours| ours.backend.clone());
        wake.extend(backend.map(Work::Exports));
        // The last one out: the owner's PersistentVolume may have waited for this, and the owner's claim if it was held.
        if let Some(volume) = volume.filter(|_| old.is_member()) {
            let name = volume.pv_name();
            let bound = self
                .pvs
                .get(&name)
                .and_then(|pv| pv.claim.as_ref())
                .map(|c| c.key.clone());
            wake.extend(bound.into_iter().chain(self.claim_named(&name)).map(Work::Claim));
            wake.insert(Work::Volume(volume));
        }
        wake
    }

    /// These are all PersistentVolumes that there are.
    pub fn reset_pvs(&mut self, all: Vec<Pv>) -> Wake {
        let there: BTreeSet<PvName> = all.iter().map(|p| p.name.clone()).collect();
        let gone: Vec<PvName> = self.pvs.keys().filter(|k| !there.contains(k)).cloned().collect();
        let mut wake: Wake = gone.iter().flat_map(|name| self.remove_pv(name)).collect();
        let newest = |a: ResourceVersion, b: ResourceVersion| if b.is_newer_than(&a) { b } else { a };
        self.seen = all.iter().map(|pv| pv.version.clone()).reduce(newest);
        // The last word, older or not: after a restore from a backup all versions are. Owners first, by whose handles members are found.
        let (owners, others): (Vec<Pv>, Vec<Pv>) = all.into_iter().partition(Pv::is_owner);
        wake.extend(owners.into_iter().chain(others).flat_map(|pv| self.set_pv(pv)));
        wake
    }

    fn unlink_pv(&mut self, old: &Pv) {
        for token in old.tokens.keys() {
            if let Some(names) = self.tokens.get_mut(&token.claim) {
                names.remove(&old.name);
                if names.is_empty() {
                    self.tokens.remove(&token.claim);
                }
            }
        }
        if let Some(ours) = &old.ours {
            if old.is_owner() {
                if let Some(volumes) = self.owners_by_handle.get_mut(&ours.handle) {
                    volumes.remove(&VolumeId::from(&old.name));
                    if volumes.is_empty() {
                        self.owners_by_handle.remove(&ours.handle);
                    }
                }
            } else if let Some(volume) = self.kept_under.remove(&old.name)
                && let Some(members) = self.members.get_mut(&volume)
            {
                members.remove(&old.name);
                if members.is_empty() {
                    self.members.remove(&volume);
                }
            }
        }
    }

    /// A class of ours is as given; `None`: it is not ours, or gone.
    pub fn put_class(&mut self, name: ClassName, class: Option<Class>) -> Wake {
        if self.classes.get(&name).map(|known| &**known) == class.as_ref() {
            return Wake::new();
        }
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
        let leaving = |view: Option<&NamespaceView>| view.is_some_and(|view| view.terminating);
        let leaves = leaving(view.as_ref()) && !leaving(self.namespaces.get(&name));
        match view {
            Some(view) => self.namespaces.insert(name.clone(), view),
            None => self.namespaces.remove(&name),
        };
        let held = if leaves { self.held_in(&name) } else { Wake::new() };
        let inside = self.consumers_in(&name);
        let asking = self
            .askers
            .iter()
            .filter(|(source, _)| source.namespace == name)
            .flat_map(|(_, a)| a.iter().cloned().map(Work::Claim));
        let references = self.references_in(&name).map(|r| Work::Reference(r.key.clone()));
        inside.into_iter().chain(held).chain(asking).chain(references).collect()
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
        if let Some(source) = &reference.source {
            self.naming
                .entry(source.clone())
                .or_default()
                .insert(reference.key.clone());
        }
        let source = reference.source.clone();
        if let Some(old) = self.references.insert(reference.key.clone(), reference) {
            wake.extend(self.concerned_by_reference(&old));
            if old.source != source {
                self.unlink_reference(&old);
            }
        }
        wake
    }

    /// A reference is gone.
    pub fn remove_reference(&mut self, key: &ReferenceKey) -> Wake {
        match self.references.remove(key) {
            Some(old) => {
                self.unlink_reference(&old);
                self.concerned_by_reference(&old)
            }
            None => Wake::new(),
        }
    }

    fn unlink_reference(&mut self, old: &Reference) {
        if let Some(source) = &old.source
            && let Some(naming) = self.naming.get_mut(source)
        {
            naming.remove(&old.key);
            if naming.is_empty() {
                self.naming.remove(source);
            }
        }
    }

    /// These are all references of a kind; it is served.
    pub fn reset_references(&mut self, kind: ReferenceKind, all: Vec<Reference>) -> Wake {
        let again = self.served.insert(kind);
        let there: BTreeSet<ReferenceKey> = all.iter().map(|r| r.key.clone()).collect();
        let gone: Vec<ReferenceKey> = self
            .references
            .keys()
            .filter(|k| k.kind == kind && !there.contains(k))
            .cloned()
            .collect();
        let mut wake: Wake = gone.iter().flat_map(|key| self.remove_reference(key)).collect();
        wake.extend(all.into_iter().flat_map(|r| self.put_reference(r)));
        if again {
            wake.extend(self.joined());
        }
        wake
    }

    /// References of a kind cannot be read now: what is known of them stays, and nothing counts as withdrawn.
    pub fn references_not_served(&mut self, kind: ReferenceKind) -> Wake {
        if self.served.remove(&kind) {
            self.joined()
        } else {
            Wake::new()
        }
    }
}
