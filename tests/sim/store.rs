//! What an API server stores, and the refusals that carry the protocol.
//!
//! Whole Kubernetes objects, so that anything a person can strip or edit is there. A write that changes nothing leaves the
//! version alone; an object under deletion takes no new finalizer; every real change is appended to a log per kind, from which
//! each controller's caches are fed at its own pace.

mod snapshots;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
pub use snapshots::{Custom, Part, Shelf};
use std::collections::BTreeMap;
use std::sync::Arc;
use tombolo::domain::claim::Claim;
use tombolo::domain::class::Class;
use tombolo::domain::grant::Grant;
use tombolo::domain::ids::{ClaimKey, ClaimUid, ClassName, Namespace, PvName};
use tombolo::domain::pv::Pv;
use tombolo::domain::reference::{Reference, ReferenceKey};
use tombolo::execute::cluster::{ApiError, Fault};
use tombolo::observe::index::NamespaceView;

/// An event of one kind: an object as it is now, or that it is gone.
pub type Event<K, T> = (K, Option<T>);

/// All objects, and everything that ever happened to them.
#[derive(Default)]
pub struct Store {
    pub pvs: BTreeMap<PvName, PersistentVolume>,
    pub claims: BTreeMap<ClaimKey, PersistentVolumeClaim>,
    pub references: BTreeMap<ReferenceKey, Reference>,
    pub grants: Vec<Grant>,
    pub namespaces: BTreeMap<Namespace, NamespaceView>,
    pub classes: BTreeMap<ClassName, Class>,
    pub shelf: Shelf,
    /// The same as decisions see them.
    seen_pvs: BTreeMap<PvName, Arc<Pv>>,
    seen_claims: BTreeMap<ClaimKey, Arc<Claim>>,
    pub pv_log: Vec<Event<PvName, Arc<Pv>>>,
    pub claim_log: Vec<Event<ClaimKey, Arc<Claim>>>,
    pub reference_log: Vec<Event<ReferenceKey, Reference>>,
    pub namespace_log: Vec<Event<Namespace, NamespaceView>>,
    /// It compares no versions and takes new finalizers at any time: an API server on which the protocol cannot work, to show that
    /// a test notices.
    pub careless: bool,
    version: u64,
    pv_uids: u64,
    claim_uids: u64,
}

/// What a write expects to find.
#[derive(Default, Clone, Copy)]
pub struct Expect<'a> {
    pub uid: Option<&'a str>,
    pub version: Option<&'a str>,
}

pub fn refuse<T>(fault: Fault, what: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::new(fault, what))
}

impl Expect<'_> {
    fn check(&self, meta: &ObjectMeta, careless: bool) -> Result<(), ApiError> {
        let differs =
            |wanted: Option<&str>, found: &Option<String>| wanted.is_some_and(|w| found.as_deref() != Some(w));
        if differs(self.uid, &meta.uid) || (differs(self.version, &meta.resource_version) && !careless) {
            return refuse(Fault::Conflict, "another object or version");
        }
        Ok(())
    }
}

/// Kinds that carry finalizers.
trait Object: Clone + PartialEq {
    fn meta(&self) -> &ObjectMeta;
    fn meta_mut(&mut self) -> &mut ObjectMeta;
}

impl Object for PersistentVolume {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl Object for PersistentVolumeClaim {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

pub fn finalizers(meta: &ObjectMeta) -> &[String] {
    meta.finalizers.as_deref().unwrap_or_default()
}

/// The object after an edit: `None` if nothing changes, `Some(None)` if it goes away.
fn edited<T: Object>(
    old: &T,
    expect: Expect<'_>,
    careless: bool,
    edit: impl FnOnce(&mut T),
) -> Result<Option<Option<T>>, ApiError> {
    expect.check(old.meta(), careless)?;
    let mut new = old.clone();
    edit(&mut new);
    let terminating = old.meta().deletion_timestamp.is_some();
    let added = finalizers(new.meta())
        .iter()
        .any(|f| !finalizers(old.meta()).contains(f));
    if terminating && added && !careless {
        return refuse(
            Fault::Terminating,
            "no new finalizers can be added if the object is being deleted",
        );
    }
    if new == *old {
        return Ok(None);
    }
    let gone = terminating && finalizers(new.meta()).is_empty();
    Ok(Some((!gone).then_some(new)))
}

/// The object after a DELETE; as above.
fn deleted<T: Object>(old: &T, expect: Expect<'_>, careless: bool) -> Result<Option<Option<T>>, ApiError> {
    expect.check(old.meta(), careless)?;
    if finalizers(old.meta()).is_empty() {
        return Ok(Some(None));
    }
    if old.meta().deletion_timestamp.is_some() {
        return Ok(None);
    }
    let mut new = old.clone();
    new.meta_mut().deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    Ok(Some(Some(new)))
}

impl Store {
    /// Counts every change of anything.
    pub fn version(&self) -> u64 {
        self.version
    }

    fn stamp(&mut self, meta: &mut ObjectMeta) {
        self.version += 1;
        meta.resource_version = Some(self.version.to_string());
    }

    fn commit_pv(&mut self, name: &PvName, next: Option<PersistentVolume>) {
        let seen = match next {
            Some(mut pv) => {
                self.stamp(&mut pv.metadata);
                let seen = Pv::of(&pv).map(Arc::new).unwrap();
                self.pvs.insert(name.clone(), pv);
                self.seen_pvs.insert(name.clone(), seen.clone());
                Some(seen)
            }
            None => {
                self.version += 1;
                self.pvs.remove(name);
                self.seen_pvs.remove(name);
                None
            }
        };
        self.pv_log.push((name.clone(), seen));
    }

    fn commit_claim(&mut self, key: &ClaimKey, next: Option<PersistentVolumeClaim>) {
        let seen = match next {
            Some(mut claim) => {
                self.stamp(&mut claim.metadata);
                let seen = Claim::of(&claim).map(Arc::new).unwrap();
                self.claims.insert(key.clone(), claim);
                self.seen_claims.insert(key.clone(), seen.clone());
                Some(seen)
            }
            None => {
                self.version += 1;
                self.claims.remove(key);
                self.seen_claims.remove(key);
                None
            }
        };
        self.claim_log.push((key.clone(), seen));
    }

    pub fn create_pv(&mut self, mut pv: PersistentVolume) -> Result<(), ApiError> {
        let name = PvName::new(pv.metadata.name.clone().unwrap());
        if self.pvs.contains_key(&name) {
            return refuse(Fault::Exists, format!("{name} exists"));
        }
        self.pv_uids += 1;
        pv.metadata.uid = Some(format!("pv-{}", self.pv_uids));
        self.commit_pv(&name, Some(pv));
        Ok(())
    }

    pub fn edit_pv(
        &mut self,
        name: &PvName,
        expect: Expect<'_>,
        edit: impl FnOnce(&mut PersistentVolume),
    ) -> Result<(), ApiError> {
        let Some(old) = self.pvs.get(name) else {
            return refuse(Fault::NotFound, name.as_str());
        };
        if let Some(next) = edited(old, expect, self.careless, edit)? {
            self.commit_pv(name, next);
        }
        Ok(())
    }

    pub fn delete_pv(&mut self, name: &PvName, expect: Expect<'_>) -> Result<(), ApiError> {
        let Some(old) = self.pvs.get(name) else {
            return refuse(Fault::NotFound, name.as_str());
        };
        if let Some(next) = deleted(old, expect, self.careless)? {
            self.commit_pv(name, next);
        }
        Ok(())
    }

    /// Makes a claim; its UID follows from the order in which claims are made, and nothing else.
    pub fn create_claim(&mut self, mut claim: PersistentVolumeClaim) -> Option<ClaimUid> {
        let meta = &mut claim.metadata;
        let key = ClaimKey::new(meta.namespace.clone().unwrap(), meta.name.clone().unwrap());
        let namespace = self.namespaces.get(&key.namespace);
        if self.claims.contains_key(&key) || namespace.is_none_or(|n| n.terminating) {
            return None;
        }
        self.claim_uids += 1;
        let uid = format!("c{}", self.claim_uids);
        meta.uid = Some(uid.clone());
        self.commit_claim(&key, Some(claim));
        Some(ClaimUid::new(uid))
    }

    pub fn edit_claim(
        &mut self,
        key: &ClaimKey,
        expect: Expect<'_>,
        edit: impl FnOnce(&mut PersistentVolumeClaim),
    ) -> Result<(), ApiError> {
        let Some(old) = self.claims.get(key) else {
            return refuse(Fault::NotFound, key.to_string());
        };
        if let Some(next) = edited(old, expect, self.careless, edit)? {
            self.commit_claim(key, next);
        }
        Ok(())
    }

    pub fn delete_claim(&mut self, key: &ClaimKey) -> Result<(), ApiError> {
        let Some(old) = self.claims.get(key) else {
            return refuse(Fault::NotFound, key.to_string());
        };
        if let Some(next) = deleted(old, Expect::default(), self.careless)? {
            self.commit_claim(key, next);
        }
        Ok(())
    }

    pub fn put_reference(&mut self, key: ReferenceKey, reference: Option<Reference>) {
        self.version += 1;
        match &reference {
            Some(reference) => self.references.insert(key.clone(), reference.clone()),
            None => self.references.remove(&key),
        };
        self.reference_log.push((key, reference));
    }

    pub fn put_namespace(&mut self, name: Namespace, view: Option<NamespaceView>) {
        self.version += 1;
        match &view {
            Some(view) => self.namespaces.insert(name.clone(), view.clone()),
            None => self.namespaces.remove(&name),
        };
        self.namespace_log.push((name, view));
    }

    pub fn pv(&self, name: &PvName) -> Option<Arc<Pv>> {
        self.seen_pvs.get(name).cloned()
    }

    pub fn claim(&self, key: &ClaimKey) -> Option<Arc<Claim>> {
        self.seen_claims.get(key).cloned()
    }

    pub fn all_pvs(&self) -> Vec<Arc<Pv>> {
        self.seen_pvs.values().cloned().collect()
    }

    pub fn all_claims(&self) -> Vec<Arc<Claim>> {
        self.seen_claims.values().cloned().collect()
    }
}
