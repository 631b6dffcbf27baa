//! An API server of PersistentVolumes and claims, whose watches are never late.

use crate::domain::claim::Claim;
use crate::domain::cross_source::{CrossSource, CrossSourceKey};
use crate::domain::cut::Cut;
use crate::domain::grant::Grant;
use crate::domain::hold::Hold;
use crate::domain::ids::{
    BackendName, ClaimKey, ClaimRef, ClaimUid, Handle, Namespace, PvName, PvUid, ResourceVersion, VolumeId,
};
use crate::domain::pv::{Pv, PvPhase};
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::token::{Note, Token};
use crate::execute::cluster::{ApiError, Cluster, Fault};
use crate::execute::manifest::persistent_volume;
use crate::observe::gather::Caches;
use crate::observe::index::NamespaceView;
use crate::plan::NewPv;
use crate::plan::action::Exactly;
use crate::plan::resize::ResizeMark;
use crate::plan::resize::tests::mark_status;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use tombolo_backend_api::MountSource;

#[derive(Default)]
pub(crate) struct Objects(Mutex<State>);

/// What a list of references answers.
pub(crate) enum Readable {
    /// These are all.
    Are(Vec<Reference>),
    /// The kind is not served.
    NotServed,
    /// The API server does not answer.
    Fails(Fault),
}

impl Default for Readable {
    fn default() -> Self {
        Self::Fails(Fault::Forbidden)
    }
}

#[derive(Default)]
struct State {
    version: u64,
    pvs: BTreeMap<PvName, Pv>,
    claims: BTreeMap<ClaimKey, Claim>,
    grants: Vec<Grant>,
    cross_sources: BTreeMap<CrossSourceKey, CrossSource>,
    references: Readable,
    caches: Option<Caches>,
    /// Whether claims may not be written.
    closed: bool,
}

impl State {
    fn put(&mut self, mut pv: Pv) {
        self.version += 1;
        pv.version = ResourceVersion::new((100 + self.version).to_string());
        if let Some(caches) = &self.caches {
            let _ = caches.write().unwrap().put_pv(pv.clone());
        }
        self.pvs.insert(pv.name.clone(), pv);
    }
}

impl Objects {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// These caches show what there is, from now on.
    pub(crate) fn show(&self, caches: &Caches) {
        let mut state = self.state();
        let mut index = caches.write().unwrap();
        let _ = index.reset_pvs(state.pvs.values().cloned().collect());
        let _ = index.reset_claims(state.claims.values().cloned().collect());
        let _ = index.reset_grants(state.grants.clone());
        if let Readable::Are(all) = &state.references {
            let _ = index.reset_references(ReferenceKind::Volume, all.clone());
        }
        state.caches = Some(caches.clone());
    }

    pub(crate) fn object(&self, name: &PvName) -> Option<Pv> {
        self.state().pvs.get(name).cloned()
    }

    pub(crate) fn put(&self, pv: Pv) {
        self.state().put(pv);
    }

    pub(crate) fn put_claim(&self, mut claim: Claim) {
        let mut state = self.state();
        state.version += 1;
        claim.version = ResourceVersion::new((100 + state.version).to_string());
        if let Some(caches) = &state.caches {
            let _ = caches.write().unwrap().put_claim(claim.clone());
        }
        state.claims.insert(claim.key.clone(), claim);
    }

    /// A CrossNamespaceSource; the caches show it only if they are `late` by none.
    pub(crate) fn cross_source(&self, source: CrossSource, late: bool) {
        let mut state = self.state();
        if let Some(caches) = state.caches.as_ref().filter(|_| !late) {
            let _ = caches.write().unwrap().put_cross_source(source.clone());
        }
        state.cross_sources.insert(source.key.clone(), source);
    }

    /// These are all references of our kind, or they cannot be read; then the caches show what they did.
    pub(crate) fn refer(&self, readable: Readable) {
        let mut state = self.state();
        if let (Some(caches), Readable::Are(all)) = (&state.caches, &readable) {
            let _ = caches
                .write()
                .unwrap()
                .reset_references(ReferenceKind::Volume, all.clone());
        }
        state.references = readable;
    }

    /// These are all ReferenceGrants.
    pub(crate) fn grant(&self, all: Vec<Grant>) {
        let mut state = self.state();
        if let Some(caches) = &state.caches {
            let _ = caches.write().unwrap().reset_grants(all.clone());
        }
        state.grants = all;
    }

    /// Edits a claim.
    pub(crate) fn edit_claim(&self, key: &ClaimKey, edit: impl FnOnce(&mut Claim)) {
        let claim = self.state().claims.get(key).cloned().unwrap();
        self.put_claim(claim.with(edit));
    }

    /// Claims may not be written from now on.
    pub(crate) fn close(&self) {
        self.state().closed = true;
    }

    pub(crate) fn delete_claim(&self, key: &ClaimKey) {
        let mut state = self.state();
        if let Some(caches) = &state.caches {
            let _ = caches.write().unwrap().remove_claim(key);
        }
        state.claims.remove(key);
    }

    fn edit(&self, name: &PvName, edit: impl FnOnce(&mut Pv)) -> Result<(), ApiError> {
        let mut state = self.state();
        let Some(mut pv) = state.pvs.get(name).cloned() else {
            return Err(ApiError::new(Fault::NotFound, "it is not there"));
        };
        edit(&mut pv);
        state.put(pv);
        Ok(())
    }
}

/// A write with preconditions, on what is promised and what is granted.
impl Objects {
    fn edit_exactly(&self, pv: &Exactly, edit: impl FnOnce(&mut Option<u64>, &mut u64)) -> Result<(), ApiError> {
        if self.object(&pv.name).is_some_and(|found| found.version != pv.version) {
            return Err(ApiError::new(Fault::Conflict, "it is another version"));
        }
        self.edit(&pv.name, |pv| {
            if let Some(ours) = &mut pv.ours {
                edit(&mut ours.promised, &mut pv.capacity);
            }
        })
    }
}

fn no<T>() -> Result<T, ApiError> {
    Err(ApiError::new(Fault::Forbidden, "nobody needs this here"))
}

#[async_trait]
impl Cluster for Objects {
    async fn claim(&self, key: &ClaimKey) -> Result<Option<Claim>, ApiError> {
        Ok(self.state().claims.get(key).cloned())
    }
    async fn pv(&self, name: &PvName) -> Result<Option<Pv>, ApiError> {
        Ok(self.object(name))
    }
    async fn members(&self, _: &VolumeId) -> Result<Vec<Pv>, ApiError> {
        Ok(Vec::new())
    }
    async fn pvs(&self) -> Result<Vec<Pv>, ApiError> {
        Ok(self.state().pvs.values().cloned().collect())
    }
    async fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, ApiError> {
        let all = self.references(key.kind, &key.namespace).await?.into_iter().flatten();
        Ok(all.into_iter().find(|reference| reference.key == *key))
    }
    async fn references(&self, kind: ReferenceKind, of: &Namespace) -> Result<Option<Vec<Reference>>, ApiError> {
        match &self.state().references {
            Readable::Are(all) => {
                let here = all.iter().filter(|r| r.key.kind == kind && r.key.namespace == *of);
                Ok(Some(here.cloned().collect()))
            }
            Readable::NotServed => Ok(None),
            Readable::Fails(fault) => Err(ApiError::new(*fault, "as a test says")),
        }
    }
    async fn grants(&self, _: &Namespace) -> Result<Option<Vec<Grant>>, ApiError> {
        Ok(Some(self.state().grants.clone()))
    }
    async fn cross_source(&self, key: &CrossSourceKey) -> Result<Option<CrossSource>, ApiError> {
        Ok(self.state().cross_sources.get(key).cloned())
    }
    async fn claims(&self) -> Result<Vec<Claim>, ApiError> {
        Ok(self.state().claims.values().cloned().collect())
    }
    async fn namespace(&self, _: &Namespace) -> Result<Option<NamespaceView>, ApiError> {
        Ok(Some(NamespaceView::default()))
    }
    async fn promise(&self, pv: &Exactly, bytes: u64) -> Result<(), ApiError> {
        self.edit_exactly(pv, |ours, _| *ours = Some(bytes))
    }
    async fn grant(&self, pv: &Exactly, bytes: u64) -> Result<(), ApiError> {
        self.edit_exactly(pv, |ours, capacity| (*ours, *capacity) = (None, bytes))
    }
    async fn mark_resize(
        &self,
        claim: &ClaimRef,
        version: &ResourceVersion,
        mark: &ResizeMark,
        _: jiff::Timestamp,
    ) -> Result<(), ApiError> {
        let mut marked = self.state().claims.get(&claim.key).cloned().unwrap();
        if marked.version != *version {
            return Err(ApiError::new(Fault::Conflict, "it is another version"));
        }
        mark_status(&mut marked.growth, mark);
        self.put_claim(marked);
        Ok(())
    }
    async fn note_cut(&self, _: &PvName, _: &PvUid, _: Option<&Cut>) -> Result<(), ApiError> {
        no()
    }
    async fn create_pv(&self, pv: &NewPv, source: &MountSource) -> Result<(), ApiError> {
        let mut object = persistent_volume(pv, source);
        object.metadata.uid = Some(format!("uid-of-{}", pv.name));
        let mut made = Pv::of(&object).unwrap();
        made.phase = PvPhase::Pending;
        self.put(made);
        Ok(())
    }
    async fn delete_pv(&self, pv: &Exactly) -> Result<(), ApiError> {
        self.edit(&pv.name, |pv| pv.terminating = true)
    }
    async fn unprotect(&self, pv: &PvName, _: &PvUid) -> Result<(), ApiError> {
        self.state().pvs.remove(pv);
        Ok(())
    }
    async fn put_token(&self, pv: &Exactly, token: &Token, note: &Note) -> Result<(), ApiError> {
        if self.object(&pv.name).is_none_or(|found| found.version != pv.version) {
            return Err(ApiError::new(Fault::Conflict, "it has changed"));
        }
        self.edit(&pv.name, |pv| drop(pv.tokens.insert(token.clone(), Some(note.clone()))))
    }
    async fn take_token(&self, pv: &PvName, _: &PvUid, token: &Token) -> Result<(), ApiError> {
        self.edit(pv, |pv| drop(pv.tokens.remove(token)))
    }
    async fn put_hold(&self, hold: Hold, claim: &ClaimRef) -> Result<(), ApiError> {
        if self.state().closed {
            return no();
        }
        self.edit_claim(&claim.key, |claim| claim.holds.extend([hold]));
        Ok(())
    }
    async fn take_hold(&self, hold: Hold, claim: &ClaimRef) -> Result<(), ApiError> {
        self.edit_claim(&claim.key, |claim| claim.holds.retain(|on| *on != hold));
        Ok(())
    }
    async fn reschedule(&self, _: &ClaimRef, _: &ResourceVersion) -> Result<(), ApiError> {
        no()
    }
    async fn mend(&self, _: &Exactly, _: &VolumeId, _: &BackendName, _: &Handle, _: bool) -> Result<(), ApiError> {
        no()
    }
    async fn set_retain(&self, _: &Exactly) -> Result<(), ApiError> {
        no()
    }
    async fn record_owner(&self, _: &Exactly, _: &ClaimUid) -> Result<(), ApiError> {
        no()
    }
}
