//! The volume of `prod/data` and its members, as the API server has them and as the caches were last told.

use crate::controllers::testing::{World, world};
use crate::controllers::{Next, exports, look_at};
use crate::domain::access::OnRevoke;
use crate::domain::claim::Claim;
use crate::domain::consent::Labels;
use crate::domain::cross_source::{CrossSource, CrossSourceKey};
use crate::domain::cut::Cut;
use crate::domain::grant::Grant;
use crate::domain::hold::Hold;
use crate::domain::ids::{
    BackendName, ClaimKey, ClaimRef, ClaimUid, Handle, Namespace, PvName, PvUid, ResourceVersion, VolumeId,
};
use crate::domain::pv::{Pv, Role};
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::served::Served;
use crate::domain::token::{Note, Token};
use crate::execute::Failure;
use crate::execute::cluster::{ApiError, Cluster, Fault};
use crate::observe::index::NamespaceView;
use crate::observe::work::Work;
use crate::plan::action::{Exactly, Told};
use crate::plan::resize::ResizeMark;
use crate::plan::testing::{claim, id, member_pv, pv, pv_name, record, reference};
use crate::plan::{NewPv, Subject};
use async_trait::async_trait;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tombolo_backend_api::{Access, Admission, Backend, ExportKey, MountSource, Share, Tenant, VolumePath};

/// The API server.
#[derive(Default)]
pub(super) struct Live(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    pub(super) claims: BTreeMap<ClaimKey, Claim>,
    pub(super) pvs: BTreeMap<PvName, Pv>,
    /// `None`: their kind is not served.
    pub(super) references: Option<Vec<Reference>>,
    /// Of every namespace.
    pub(super) labels: Labels,
    pub(super) terminating: Vec<String>,
}

impl Live {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn annotate(&self, name: &str, pairs: &[(&str, &str)]) {
        let mut state = self.state();
        let (key, before) = state.claims.remove_entry(&crate::plan::testing::key(name)).unwrap();
        state.claims.insert(key, before.annotated(pairs));
    }

    /// A claim has joined the volume, under `onRevoke: Cut`.
    pub(super) fn joined(&self, name: &str) {
        let object = member_pv(name, "prod/data").ours(|ours| {
            if let Role::Member(joined) = &mut ours.role {
                joined.on_revoke = OnRevoke::Cut;
            }
        });
        let mut state = self.state();
        state.pvs.insert(object.name.clone(), object);
        let asker = claim(name).asks("prod/data").bound();
        state.claims.insert(asker.key.clone(), asker);
        let (namespace, _) = name.split_once('/').unwrap();
        let referring = reference(&format!("{namespace}/ref"), "prod/data");
        state.references.get_or_insert_default().push(referring);
    }

    /// A claim is about to join.
    pub(super) fn token(&self, name: &str) {
        let mut state = self.state();
        let owner = state.pvs.remove(&pv_name("prod/data")).unwrap();
        state.pvs.insert(owner.name.clone(), owner.token(name));
    }
}

/// A controller, and what it looks at.
pub(super) struct Scene {
    pub(super) w: World,
    pub(super) live: Arc<Live>,
}

/// The way of a namespace to the volume.
pub(super) fn export(namespace: &str) -> ExportKey {
    ExportKey {
        path: VolumePath::parse("pvc-prod-data").unwrap(),
        tenant: Tenant::parse(namespace).unwrap(),
        access: Access::ReadWrite,
    }
}

/// With these members, all by consent, each with its export.
pub(super) async fn scene(members: &[&str]) -> Scene {
    let live = Arc::new(Live::default());
    live.state().references = Some(Vec::new());
    let recorded = members
        .iter()
        .fold(record("prod/data"), |record, name| record.member(name));
    let mut w = world(vec![recorded], []).await;
    w.directory("pvc-prod-data").await;
    let owner = claim("prod/data").bound().annotated(super::SHARED);
    live.state().claims.insert(owner.key.clone(), owner);
    live.state().pvs.insert(pv_name("prod/data"), pv("prod/data"));
    for name in members {
        live.joined(name);
    }
    for namespace in members
        .iter()
        .map(|name| name.split_once('/').unwrap().0)
        .chain(["prod"])
    {
        w.fake.mount(&export(namespace)).await.unwrap();
    }
    let _ = w.fake.take_calls();
    w.ctx.ports.cluster = live.clone();
    w.ctx.revocations = Arc::new(super::mass::Counted::default());
    let scene = Scene { w, live };
    scene.sync();
    scene
}

impl Scene {
    /// The watches say all there is to say.
    pub(super) fn sync(&self) {
        let state = self.live.state();
        self.w.caches(|index| {
            let _ = index.reset_pvs(state.pvs.values().cloned().collect());
            let _ = index.reset_claims(state.claims.values().cloned().collect());
            let _ = index.grants_are(Served::NotInstalled);
            let mut namespaces: Vec<&Namespace> = state.claims.keys().map(|key| &key.namespace).collect();
            namespaces.dedup();
            let view = |name: &Namespace| (name.clone(), state.view(name));
            let _ = index.reset_namespaces(namespaces.into_iter().map(view).collect());
            let _ = match &state.references {
                Some(all) => index.reset_references(ReferenceKind::Volume, all.clone()),
                None => index.references_not_served(ReferenceKind::Volume),
            };
        });
    }

    pub(super) fn owner_says(&self, pairs: &[(&str, &str)]) {
        self.live.annotate("prod/data", pairs);
        self.sync();
    }

    /// A look at every member's claim, then at the exports.
    pub(super) async fn look(&self) -> Result<Next, Failure> {
        let claims: Vec<ClaimKey> = self.live.state().claims.keys().cloned().collect();
        for key in claims {
            look_at(&self.w.ctx, &Work::Claim(key)).await.unwrap();
        }
        self.exports().await
    }

    pub(super) async fn exports(&self) -> Result<Next, Failure> {
        exports::reconcile(&self.w.ctx, &BackendName::new("nas1")).await
    }

    /// The owner says this, and so long that it counts.
    pub(super) async fn cut_off(&self, pairs: &[(&str, &str)]) {
        self.owner_says(pairs);
        self.look().await.unwrap();
        super::after(30).await;
        self.look().await.unwrap();
        self.sync();
        self.look().await.unwrap();
    }

    pub(super) async fn admission(&self, namespace: &str) -> Option<Admission> {
        let all = self.w.fake.exports().await.unwrap();
        let found = all.into_iter().find(|exported| exported.key == export(namespace))?;
        Some(found.admission)
    }

    /// What claims were told, without the words.
    pub(super) fn told(&self) -> Vec<String> {
        let line = |told: &crate::plan::Announcement| {
            let (Subject::Claim(claim), Told::Claim(reason)) = (&told.subject, told.reason) else {
                return None;
            };
            Some(format!("{} {reason}", claim.key))
        };
        self.w.heard.all().iter().filter_map(line).collect()
    }

    pub(super) fn cut(&self, claim: &str) -> bool {
        let state = self.live.state();
        let ours = state.pvs[&pv_name(claim)].ours.as_ref().unwrap();
        ours.cut.is_some()
    }
}

impl State {
    fn view(&self, name: &Namespace) -> NamespaceView {
        NamespaceView {
            labels: self.labels.clone(),
            terminating: self.terminating.iter().any(|going| going == name.as_str()),
        }
    }
}

fn no<T>() -> Result<T, ApiError> {
    Err(ApiError::new(Fault::Forbidden, "exports need no such thing"))
}

#[async_trait]
impl Cluster for Live {
    async fn claim(&self, key: &ClaimKey) -> Result<Option<Claim>, ApiError> {
        Ok(self.state().claims.get(key).cloned())
    }
    async fn pv(&self, name: &PvName) -> Result<Option<Pv>, ApiError> {
        Ok(self.state().pvs.get(name).cloned())
    }
    async fn members(&self, volume: &VolumeId) -> Result<Vec<Pv>, ApiError> {
        assert_eq!(*volume, id("prod/data"));
        Ok(self.state().pvs.values().filter(|pv| pv.is_member()).cloned().collect())
    }
    async fn references(&self, kind: ReferenceKind, namespace: &Namespace) -> Result<Option<Vec<Reference>>, ApiError> {
        let mut all = self.state().references.clone();
        if let Some(all) = &mut all {
            all.retain(|r| r.key.kind == kind && r.key.namespace == *namespace);
        }
        Ok(all)
    }
    async fn namespace(&self, name: &Namespace) -> Result<Option<NamespaceView>, ApiError> {
        Ok(Some(self.state().view(name)))
    }
    async fn promise(&self, _: &Exactly, _: u64) -> Result<(), ApiError> {
        no()
    }
    async fn grant(&self, _: &Exactly, _: u64) -> Result<(), ApiError> {
        no()
    }
    async fn mark_resize(
        &self,
        _: &ClaimRef,
        _: &ResourceVersion,
        _: &ResizeMark,
        _: Timestamp,
    ) -> Result<(), ApiError> {
        no()
    }
    async fn note_cut(&self, pv: &PvName, uid: &PvUid, cut: Option<&Cut>) -> Result<(), ApiError> {
        let mut state = self.state();
        let found = state.pvs.get_mut(pv).filter(|pv| pv.uid == *uid).unwrap();
        found.ours.as_mut().unwrap().cut = cut.cloned();
        Ok(())
    }
    async fn pvs(&self) -> Result<Vec<Pv>, ApiError> {
        no()
    }
    async fn reference(&self, _: &ReferenceKey) -> Result<Option<Reference>, ApiError> {
        no()
    }
    async fn grants(&self, _: &Namespace) -> Result<Option<Vec<Grant>>, ApiError> {
        no()
    }
    async fn cross_source(&self, _: &CrossSourceKey) -> Result<Option<CrossSource>, ApiError> {
        no()
    }
    async fn claims(&self) -> Result<Vec<Claim>, ApiError> {
        no()
    }
    async fn create_pv(&self, _: &NewPv, _: &MountSource) -> Result<(), ApiError> {
        no()
    }
    async fn delete_pv(&self, _: &Exactly) -> Result<(), ApiError> {
        no()
    }
    async fn unprotect(&self, _: &PvName, _: &PvUid) -> Result<(), ApiError> {
        no()
    }
    async fn put_token(&self, _: &Exactly, _: &Token, _: &Note) -> Result<(), ApiError> {
        no()
    }
    async fn take_token(&self, _: &PvName, _: &PvUid, _: &Token) -> Result<(), ApiError> {
        no()
    }
    async fn put_hold(&self, _: Hold, _: &ClaimRef) -> Result<(), ApiError> {
        no()
    }
    async fn take_hold(&self, _: Hold, _: &ClaimRef) -> Result<(), ApiError> {
        no()
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
