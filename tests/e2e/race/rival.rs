//! A controller that believes it leads: the product's own decisions and requests, with a ledger of its own, and a random pause before
//! every request, so that two of them meet in every order.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::Client;
use tombolo::api::names;
use tombolo::domain::access::{Access, MountMode, OnDelete, OnOwnerDelete};
use tombolo::domain::backend::{Backend, Health};
use tombolo::domain::claim::Claim;
use tombolo::domain::class::Class;
use tombolo::domain::consent::Labels;
use tombolo::domain::cross_source::{CrossSource, CrossSourceKey};
use tombolo::domain::cut::Cut;
use tombolo::domain::grant::Grant;
use tombolo::domain::hold::Hold;
use tombolo::domain::ids::{
    BackendName, ClaimKey, ClaimRef, ClaimUid, ClassName, Handle, Namespace, PvName, PvUid, ResourceVersion, VolumeId,
};
use tombolo::domain::pv::{Pv, ReclaimPolicy};
use tombolo::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use tombolo::domain::token::{Note, Token};
use tombolo::execute::api_server::ApiServer;
use tombolo::execute::cluster::{ApiError, Cluster, Fault};
use tombolo::execute::{Audience, Clock, Failure, Ports, Storage, run};
use tombolo::ledger::memory::{MemoryDisk, MemoryLedger};
use tombolo::observe::gather::{self, Caches};
use tombolo::observe::index::NamespaceView;
use tombolo::plan::action::Exactly;
use tombolo::plan::handshake::{Handshake, examine};
use tombolo::plan::hold::{self, ForHold, Step};
use tombolo::plan::resize::ResizeMark;
use tombolo::plan::{Action, Announcement, NewPv, Plan, Verdict, join, reclaim, volume};
use tombolo_backend_api::{Backend as _, BackendId, ClusterId, Guarded, Mark, MountSource, VolumePath};
use tombolo_backend_fake::{ALL, Fake};

/// How a join ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// With a volume.
    Yes,
    /// Too late: the source had gone.
    Refused,
}

/// Waits for a moment by chance, `most` milliseconds at the most: it is what makes the race one.
pub async fn hesitate(most: u64) {
    let chance = RandomState::new().hash_one(0u8) % (most * 1000);
    tokio::time::sleep(Duration::from_micros(chance)).await;
}

/// The mark of the fake's root.
pub fn mark() -> Mark {
    Mark {
        backend_id: BackendId::parse("race").unwrap(),
        cluster_id: ClusterId("here".into()),
    }
}

/// The class of all claims of a race. It is known to the rivals alone, so no real controller takes part.
fn class() -> Class {
    let object = serde_json::json!({
        "metadata": {"name": "race"}, "provisioner": names::PROVISIONER, "parameters": {"backend": "race"},
    });
    Class::of(&serde_json::from_value(object).unwrap()).unwrap()
}

/// One of two controllers.
pub struct Rival {
    ports: Ports,
    caches: Caches,
    backend: Backend,
    admin: ApiServer,
    /// It puts the token, and never finishes the join.
    pub dies_after_the_token: bool,
}

impl Rival {
    pub async fn new(client: &Client, fake: &Fake, mark: &Mark) -> Self {
        fake.place_mark(mark).await.unwrap();
        let guarded = Guarded::new(Arc::new(fake.clone()), mark.clone());
        let backend = Backend {
            asked: true,
            name: BackendName::new("race"),
            labels: Labels::new(),
            health: Health::Ready(mark.backend_id.clone()),
            capabilities: ALL,
            limits: Default::default(),
            free: None,
            imports: Default::default(),
            node: None,
            used: Default::default(),
            used_by_namespace: Default::default(),
        };
        let ports = Ports {
            cluster: Arc::new(Hesitant(ApiServer::new(client.clone()))),
            snapshots: Arc::new(ApiServer::new(client.clone())),
            ledger: Arc::new(MemoryLedger::open(&MemoryDisk::default()).unwrap().ledger),
            storage: Arc::new(One(guarded)),
            audience: Arc::new(Deaf),
            clock: Arc::new(Stopped),
        };
        Self {
            ports,
            caches: Caches::default(),
            backend,
            admin: ApiServer::new(client.clone()),
            dies_after_the_token: false,
        }
    }

    /// Makes the volume of an owner, as provisioning would.
    pub async fn provision(&self, claim: &PersistentVolumeClaim, on_owner_delete: OnOwnerDelete) {
        let claim = Claim::of(claim).unwrap();
        let name = claim.uid.pv_name();
        let volume = VolumeId::from(&name);
        let handle = Handle {
            backend: BackendId::parse("race").unwrap(),
            path: VolumePath::parse(volume.as_str()).unwrap(),
        };
        let pv = NewPv {
            name,
            claim: claim.reference(),
            volume,
            backend: self.backend.name.clone(),
            handle,
            class: ClassName::new("race"),
            bytes: 1 << 20,
            modes: claim.modes,
            policy: ReclaimPolicy::Delete,
            mount_options: Vec::new(),
            mount: MountMode::Kubelet,
            access: Access::ReadWrite,
            on_delete: OnDelete::Delete,
            on_owner_delete,
            joined: None,
            node_affinity: None,
        };
        let source = MountSource::Nfs {
            server: "nas".into(),
            path: "/x".into(),
            options: Vec::new(),
            version: "4.1",
        };
        self.ports.cluster.create_pv(&pv, &source).await.unwrap();
    }

    /// Joins, or finds that it may not, however often the world moves on meanwhile.
    pub async fn join(&self, claim: ClaimKey, source: ClaimKey, reference: &str, volume: &VolumeId) -> Joined {
        let key = ReferenceKey {
            kind: ReferenceKind::Volume,
            namespace: claim.namespace.clone(),
            name: reference.to_owned(),
        };
        loop {
            match self.try_join(&claim, &source, &key, volume).await {
                Ok(joined) => return joined,
                Err(failure) if failure.is_stale() => {}
                Err(failure) => panic!("{failure}"),
            }
        }
    }

    async fn try_join(
        &self,
        claim: &ClaimKey,
        source: &ClaimKey,
        reference: &ReferenceKey,
        volume: &VolumeId,
    ) -> Result<Joined, Failure> {
        let cluster = &self.ports.cluster;
        let claim = cluster.claim(claim).await?.unwrap();
        if cluster.pv(&claim.uid.pv_name()).await?.is_some() {
            // The other one found our token and completed the join.
            return Ok(Joined::Yes);
        }
        let source = cluster.claim(source).await?;
        let pv = cluster.pv(&volume.pv_name()).await?;
        let references: Vec<_> = cluster.reference(reference).await?.into_iter().collect();
        let handshake = Handshake {
            claim: &claim,
            class: Some(&class()),
            namespace_labels: &Labels::new(),
            references: &references,
            source: source.as_ref(),
            grants: &[],
            source_namespace_terminating: false,
            source_pv: pv.as_ref(),
            backend: Some(&self.backend),
        };
        let admission = match examine(&handshake).verdict {
            Ok(admission) => admission,
            Err(refusal) => {
                use tombolo::api::reasons::ClaimReason as R;
                let late = [R::NotShared, R::SourceTerminating, R::SourceNotBound];
                assert!(
                    late.contains(&refusal.reason),
                    "nothing else is in the way: {refusal:?}"
                );
                return Ok(Joined::Refused);
            }
        };
        let hold = join::needs_hold(admission.pv, admission.source);
        run(&join::begin(&claim, &admission, hold), &self.ports).await?;
        if self.dies_after_the_token {
            return Ok(Joined::Yes);
        }
        self.settle(volume).await;
        assert!(
            cluster.pv(&claim.uid.pv_name()).await?.is_some(),
            "a token that was accepted is a join"
        );
        Ok(Joined::Yes)
    }

    /// What the owner's claim still needs: the hold on, or off.
    pub async fn upkeep(&self, owner: &ClaimKey, volume: &VolumeId) {
        loop {
            match self.try_upkeep(owner, volume).await {
                Ok(()) => return,
                Err(failure) if failure.is_stale() => {}
                Err(failure) => panic!("{failure}"),
            }
        }
    }

    async fn try_upkeep(&self, owner: &ClaimKey, volume: &VolumeId) -> Result<(), Failure> {
        let cluster = &self.ports.cluster;
        let pv = cluster.pv(&volume.pv_name()).await?;
        let Some(claim) = cluster
            .claim(owner)
            .await?
            .filter(|c| c.uid.pv_name() == volume.pv_name())
        else {
            return Ok(());
        };
        let members = cluster.members(volume).await?.len();
        // It sees no more of others than the API server tells: whoever copies counts as there.
        let targets = pv.iter().flat_map(|pv| pv.tokens.keys());
        let around = hold::Around {
            leaving: false,
            targets: targets.map(|token| token.claim.clone()).collect(),
        };
        let step = |hold| match hold::decide(ForHold::of_claim(hold, &claim, pv.as_ref(), members, &around)) {
            Step::Put => Some(Action::PutHold(hold, claim.reference())),
            Step::Take => Some(Action::TakeHold(hold, claim.reference())),
            Step::Nothing | Step::Later => None,
        };
        let actions: Vec<Action> = Hold::ALL.into_iter().filter_map(step).collect();
        run(&actions, &self.ports).await
    }

    /// Gives the volume to a claim that waits for it, as `tombolo reclaim` does.
    pub async fn give(&self, volume: &VolumeId, to: &ClaimKey) {
        let cluster = &self.ports.cluster;
        loop {
            let pv = cluster.pv(&volume.pv_name()).await.unwrap().unwrap();
            let claim = cluster.claim(to).await.unwrap().unwrap();
            let gift = reclaim::decide(&pv, &claim, false).unwrap();
            match self.admin.give(&gift).await {
                Ok(()) => return,
                // A token came between.
                Err(error) if error.fault == Fault::Conflict => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Takes the volume as far as it goes.
    pub async fn settle(&self, id: &VolumeId) {
        loop {
            match self.step(id).await {
                Ok(Verdict::Continue) => {}
                Ok(_) => return,
                Err(failure) if failure.is_stale() => {}
                Err(failure) => panic!("{failure}"),
            }
        }
    }

    async fn step(&self, id: &VolumeId) -> Result<Verdict, Failure> {
        let backends = std::slice::from_ref(&self.backend);
        let view = gather::volume(id, &self.caches, &*self.ports.cluster, &*self.ports.ledger, backends).await?;
        let Plan { actions, verdict } = volume::decide(&view);
        run(&actions, &self.ports).await?;
        Ok(verdict)
    }
}

struct One(Guarded);

impl Storage for One {
    fn behind(&self, _: &Handle) -> Option<Guarded> {
        Some(self.0.clone())
    }
}

struct Deaf;

impl Audience for Deaf {
    fn hear(&self, _: &Announcement) {}
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

/// The real API server, asked after a pause.
struct Hesitant(ApiServer);

impl Hesitant {
    async fn after_a_pause(&self) -> &ApiServer {
        hesitate(8).await;
        &self.0
    }
}

type Answer<T> = Result<T, ApiError>;

#[async_trait]
impl Cluster for Hesitant {
    async fn claim(&self, key: &ClaimKey) -> Answer<Option<Claim>> {
        self.after_a_pause().await.claim(key).await
    }
    async fn pv(&self, name: &PvName) -> Answer<Option<Pv>> {
        self.after_a_pause().await.pv(name).await
    }
    async fn members(&self, volume: &VolumeId) -> Answer<Vec<Pv>> {
        self.after_a_pause().await.members(volume).await
    }
    async fn pvs(&self) -> Answer<Vec<Pv>> {
        self.after_a_pause().await.pvs().await
    }
    async fn reference(&self, key: &ReferenceKey) -> Answer<Option<Reference>> {
        self.after_a_pause().await.reference(key).await
    }
    async fn references(&self, kind: ReferenceKind, namespace: &Namespace) -> Answer<Option<Vec<Reference>>> {
        self.after_a_pause().await.references(kind, namespace).await
    }
    async fn grants(&self, namespace: &Namespace) -> Answer<Option<Vec<Grant>>> {
        self.after_a_pause().await.grants(namespace).await
    }
    async fn cross_source(&self, key: &CrossSourceKey) -> Answer<Option<CrossSource>> {
        self.after_a_pause().await.cross_source(key).await
    }
    async fn claims(&self) -> Answer<Vec<Claim>> {
        self.after_a_pause().await.claims().await
    }

    async fn namespace(&self, name: &Namespace) -> Answer<Option<NamespaceView>> {
        self.after_a_pause().await.namespace(name).await
    }
    async fn create_pv(&self, pv: &NewPv, source: &MountSource) -> Answer<()> {
        self.after_a_pause().await.create_pv(pv, source).await
    }
    async fn delete_pv(&self, pv: &Exactly) -> Answer<()> {
        self.after_a_pause().await.delete_pv(pv).await
    }
    async fn unprotect(&self, pv: &PvName, uid: &PvUid) -> Answer<()> {
        self.after_a_pause().await.unprotect(pv, uid).await
    }
    async fn put_token(&self, pv: &Exactly, token: &Token, note: &Note) -> Answer<()> {
        self.after_a_pause().await.put_token(pv, token, note).await
    }
    async fn take_token(&self, pv: &PvName, uid: &PvUid, token: &Token) -> Answer<()> {
        self.after_a_pause().await.take_token(pv, uid, token).await
    }
    async fn put_hold(&self, hold: Hold, claim: &ClaimRef) -> Answer<()> {
        self.after_a_pause().await.put_hold(hold, claim).await
    }
    async fn take_hold(&self, hold: Hold, claim: &ClaimRef) -> Answer<()> {
        self.after_a_pause().await.take_hold(hold, claim).await
    }
    async fn reschedule(&self, claim: &ClaimRef, version: &ResourceVersion) -> Answer<()> {
        self.after_a_pause().await.reschedule(claim, version).await
    }
    async fn mend(
        &self,
        pv: &Exactly,
        volume: &VolumeId,
        backend: &BackendName,
        handle: &Handle,
        member: bool,
    ) -> Answer<()> {
        self.after_a_pause()
            .await
            .mend(pv, volume, backend, handle, member)
            .await
    }
    async fn set_retain(&self, pv: &Exactly) -> Answer<()> {
        self.after_a_pause().await.set_retain(pv).await
    }
    async fn promise(&self, pv: &Exactly, bytes: u64) -> Answer<()> {
        self.after_a_pause().await.promise(pv, bytes).await
    }
    async fn grant(&self, pv: &Exactly, bytes: u64) -> Answer<()> {
        self.after_a_pause().await.grant(pv, bytes).await
    }
    async fn mark_resize(
        &self,
        claim: &ClaimRef,
        version: &ResourceVersion,
        mark: &ResizeMark,
        at: jiff::Timestamp,
    ) -> Answer<()> {
        self.after_a_pause().await.mark_resize(claim, version, mark, at).await
    }
    async fn note_cut(&self, pv: &PvName, uid: &PvUid, cut: Option<&Cut>) -> Answer<()> {
        self.after_a_pause().await.note_cut(pv, uid, cut).await
    }
    async fn record_owner(&self, pv: &Exactly, owner: &ClaimUid) -> Answer<()> {
        self.after_a_pause().await.record_owner(pv, owner).await
    }
}
