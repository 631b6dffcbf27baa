//! The port to the API server, on the store in memory: the same requests as the real one sends, the same refusals.

use crate::sizes;
use crate::store::{Expect, Store, finalizers, refuse};
use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::{Arc, Mutex, MutexGuard};
use tombolo::api::names;
use tombolo::domain::claim::Claim;
use tombolo::domain::cross_source::{CrossSource, CrossSourceKey};
use tombolo::domain::cut::Cut;
use tombolo::domain::grant::Grant;
use tombolo::domain::hold::Hold;
use tombolo::domain::ids::{
    BackendName, ClaimKey, ClaimRef, ClaimUid, Handle, Namespace, PvName, PvUid, ResourceVersion, VolumeId,
};
use tombolo::domain::pv::Pv;
use tombolo::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use tombolo::domain::token::{Note, Token};
use tombolo::execute::cluster::{ApiError, Cluster, Fault};
use tombolo::execute::manifest::persistent_volume;
use tombolo::observe::index::NamespaceView;
use tombolo::plan::NewPv;
use tombolo::plan::action::Exactly;
use tombolo::plan::resize::ResizeMark;
use tombolo_backend_api::MountSource;

/// An API server; clones are the same one.
#[derive(Clone, Default)]
pub struct MemoryCluster(Arc<Mutex<Store>>);

impl MemoryCluster {
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap()
    }
}

fn exactly(pv: &Exactly) -> Expect<'_> {
    Expect {
        uid: Some(pv.uid.as_str()),
        version: Some(pv.version.as_str()),
    }
}

fn this(uid: &str) -> Expect<'_> {
    Expect {
        uid: Some(uid),
        version: None,
    }
}

/// A strategic merge patch of a list of finalizers: adding one twice leaves one.
pub fn add_finalizer(meta: &mut ObjectMeta, finalizer: &str) {
    if !finalizers(meta).iter().any(|f| f == finalizer) {
        meta.finalizers.get_or_insert_default().push(finalizer.to_owned());
    }
}

/// `$deleteFromPrimitiveList`.
pub fn take_finalizer(meta: &mut ObjectMeta, finalizer: &str) {
    if let Some(all) = &mut meta.finalizers {
        all.retain(|f| f != finalizer);
    }
}

fn absent_is_done(result: Result<(), ApiError>) -> Result<(), ApiError> {
    match result {
        Err(error) if error.fault == Fault::NotFound => Ok(()),
        other => other,
    }
}

#[async_trait]
impl Cluster for MemoryCluster {
    async fn claim(&self, key: &ClaimKey) -> Result<Option<Claim>, ApiError> {
        Ok(self.store().claim(key).map(|c| (*c).clone()))
    }

    async fn pv(&self, name: &PvName) -> Result<Option<Pv>, ApiError> {
        Ok(self.store().pv(name).map(|pv| (*pv).clone()))
    }

    async fn members(&self, volume: &VolumeId) -> Result<Vec<Pv>, ApiError> {
        let store = self.store();
        let labelled = store.pvs.values().filter(|pv| {
            let label = |key: &str| pv.metadata.labels.as_ref()?.get(key);
            label(names::LABEL_VOLUME).is_some_and(|v| v == volume.as_str())
                && label(names::LABEL_ROLE).is_some_and(|r| r == "member")
        });
        Ok(labelled.filter_map(Pv::of).collect())
    }

    async fn pvs(&self) -> Result<Vec<Pv>, ApiError> {
        Ok(self.store().all_pvs().iter().map(|pv| (**pv).clone()).collect())
    }

    async fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, ApiError> {
        Ok(self.store().references.get(key).cloned())
    }

    async fn references(&self, kind: ReferenceKind, namespace: &Namespace) -> Result<Option<Vec<Reference>>, ApiError> {
        let all = &self.store().references;
        let here = all
            .values()
            .filter(|r| r.key.kind == kind && r.key.namespace == *namespace);
        Ok(Some(here.cloned().collect()))
    }

    async fn grants(&self, namespace: &Namespace) -> Result<Option<Vec<Grant>>, ApiError> {
        let all = &self.store().grants;
        Ok(Some(
            all.iter().filter(|g| g.namespace == *namespace).cloned().collect(),
        ))
    }
    async fn cross_source(&self, _: &CrossSourceKey) -> Result<Option<CrossSource>, ApiError> {
        Ok(None)
    }
    async fn claims(&self) -> Result<Vec<Claim>, ApiError> {
        Ok(self.store().all_claims().iter().map(|c| (**c).clone()).collect())
    }

    async fn namespace(&self, name: &Namespace) -> Result<Option<NamespaceView>, ApiError> {
        Ok(self.store().namespaces.get(name).cloned())
    }

    async fn create_pv(&self, pv: &NewPv, source: &MountSource) -> Result<(), ApiError> {
        let mut store = self.store();
        let Err(error) = store.create_pv(persistent_volume(pv, source)) else {
            return Ok(());
        };
        let found = store.pv(&pv.name).filter(|found| {
            found.ours.as_ref().is_some_and(|o| o.handle == pv.handle)
                && found
                    .claim
                    .as_ref()
                    .is_some_and(|c| c.uid.as_ref() == Some(&pv.claim.uid))
        });
        found.map(drop).ok_or(error)
    }

    async fn delete_pv(&self, pv: &Exactly) -> Result<(), ApiError> {
        self.store().delete_pv(&pv.name, exactly(pv))
    }

    async fn unprotect(&self, pv: &PvName, uid: &PvUid) -> Result<(), ApiError> {
        let edit = self.store().edit_pv(pv, this(uid.as_str()), |pv| {
            take_finalizer(&mut pv.metadata, names::FINALIZER_VOLUME)
        });
        absent_is_done(edit)
    }

    async fn put_token(&self, pv: &Exactly, token: &Token, note: &Note) -> Result<(), ApiError> {
        self.store().edit_pv(&pv.name, exactly(pv), |pv| {
            add_finalizer(&mut pv.metadata, &token.finalizer());
            pv.metadata
                .annotations
                .get_or_insert_default()
                .insert(token.finalizer(), note.to_text());
        })
    }

    async fn take_token(&self, pv: &PvName, uid: &PvUid, token: &Token) -> Result<(), ApiError> {
        let edit = self.store().edit_pv(pv, this(uid.as_str()), |pv| {
            take_finalizer(&mut pv.metadata, &token.finalizer());
            pv.metadata
                .annotations
                .get_or_insert_default()
                .remove(&token.finalizer());
        });
        absent_is_done(edit)
    }

    async fn put_hold(&self, hold: Hold, claim: &ClaimRef) -> Result<(), ApiError> {
        let edit = |c: &mut k8s_openapi::api::core::v1::PersistentVolumeClaim| {
            add_finalizer(&mut c.metadata, hold.finalizer())
        };
        self.store().edit_claim(&claim.key, this(claim.uid.as_str()), edit)
    }

    async fn take_hold(&self, hold: Hold, claim: &ClaimRef) -> Result<(), ApiError> {
        let edit = |c: &mut k8s_openapi::api::core::v1::PersistentVolumeClaim| {
            take_finalizer(&mut c.metadata, hold.finalizer())
        };
        absent_is_done(self.store().edit_claim(&claim.key, this(claim.uid.as_str()), edit))
    }

    async fn reschedule(&self, claim: &ClaimRef, version: &ResourceVersion) -> Result<(), ApiError> {
        let expect = Expect {
            uid: Some(claim.uid.as_str()),
            version: Some(version.as_str()),
        };
        self.store().edit_claim(&claim.key, expect, |c| {
            c.metadata
                .annotations
                .get_or_insert_default()
                .remove(names::ANNOTATION_SELECTED_NODE);
        })
    }

    async fn mend(
        &self,
        pv: &Exactly,
        volume: &VolumeId,
        backend: &BackendName,
        handle: &Handle,
        member: bool,
    ) -> Result<(), ApiError> {
        let role = if member { "member" } else { "owner" };
        self.store().edit_pv(&pv.name, exactly(pv), |pv| {
            let meta = &mut pv.metadata;
            add_finalizer(meta, names::FINALIZER_VOLUME);
            let annotations = meta.annotations.get_or_insert_default();
            annotations.insert(names::ANNOTATION_PROVISIONED_BY.into(), names::PROVISIONER.into());
            annotations.insert(names::ANNOTATION_HANDLE.into(), handle.to_string());
            let labels = meta.labels.get_or_insert_default();
            labels.insert(names::LABEL_VOLUME.into(), volume.to_string());
            labels.insert(names::LABEL_ROLE.into(), role.into());
            labels.insert(names::LABEL_BACKEND.into(), backend.to_string());
        })
    }

    async fn set_retain(&self, pv: &Exactly) -> Result<(), ApiError> {
        self.store().edit_pv(&pv.name, exactly(pv), |pv| {
            pv.spec.get_or_insert_default().persistent_volume_reclaim_policy = Some("Retain".into());
        })
    }

    async fn promise(&self, pv: &Exactly, bytes: u64) -> Result<(), ApiError> {
        self.store()
            .edit_pv(&pv.name, exactly(pv), |pv| sizes::promise(pv, bytes))
    }

    async fn grant(&self, pv: &Exactly, bytes: u64) -> Result<(), ApiError> {
        self.store()
            .edit_pv(&pv.name, exactly(pv), |pv| sizes::grant(pv, bytes))
    }

    async fn mark_resize(
        &self,
        claim: &ClaimRef,
        version: &ResourceVersion,
        mark: &ResizeMark,
        _: jiff::Timestamp,
    ) -> Result<(), ApiError> {
        let expect = Expect {
            uid: Some(claim.uid.as_str()),
            version: Some(version.as_str()),
        };
        self.store().edit_claim(&claim.key, expect, |c| {
            sizes::mark(c.status.get_or_insert_default(), mark)
        })
    }

    async fn note_cut(&self, pv: &PvName, uid: &PvUid, cut: Option<&Cut>) -> Result<(), ApiError> {
        let edit = self.store().edit_pv(pv, this(uid.as_str()), |pv| {
            let annotations = pv.metadata.annotations.get_or_insert_default();
            match cut {
                Some(cut) => drop(annotations.insert(names::ANNOTATION_CUT.into(), cut.to_text())),
                None => drop(annotations.remove(names::ANNOTATION_CUT)),
            }
        });
        absent_is_done(edit)
    }

    async fn record_owner(&self, pv: &Exactly, owner: &ClaimUid) -> Result<(), ApiError> {
        self.store().edit_pv(&pv.name, exactly(pv), |pv| {
            pv.metadata
                .annotations
                .get_or_insert_default()
                .insert(names::ANNOTATION_OWNER_UID.into(), owner.to_string());
        })
    }
}

mod snapshots;
mod tests;
