//! Joining and deleting one volume at the same moment, on a real API server: with our protocol nobody's data goes; with the obvious
//! one it does, which shows that this test can fail.
//!
//! The controller manager is stopped, so that the claims and volumes change at the moments this test chooses. The storage is the
//! fake: what counts is the order of requests to the API server.

mod rival;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tombolo::domain::ids::{ClaimKey, PvName, VolumeId};
use tombolo_backend_fake::Fake;
use tombolo_harness::{Cluster, report_skipped};

use crate::controller;
use crate::draft::{claim, reference};
use crate::see::{name_of, phase, pv_name, shown};
use crate::world::{World, cannot};
pub use rival::hesitate;
use rival::{Joined, Rival, mark};

const RACES: usize = 200;
/// Races at a time: enough to keep two cores busy, few enough that each is fast.
const LANES: usize = 8;

/// How a volume is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// Its claim is, and Kubernetes releases it.
    Claim,
    /// Somebody deletes the object first.
    Hand,
}

/// A cluster in which nobody but these tests touches claims and volumes.
async fn still_cluster(story: &str) -> Option<&'static Cluster> {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let start = async || {
        let cluster = Cluster::start(Default::default()).await.unwrap();
        if !cluster.is_external() {
            cluster.stop_controller_manager().await.unwrap();
        }
        cluster
    };
    let cluster = CLUSTER.get_or_init(start).await;
    if cluster.is_external() {
        report_skipped(
            story,
            "the controller manager of a cluster given by E2E_KUBECONFIG is not ours to stop",
        );
        return None;
    }
    Some(cluster)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_of_a_join_and_a_delete_loses_a_members_data() {
    let Some(cluster) = still_cluster("no_order_of_a_join_and_a_delete_loses_a_members_data").await else {
        return;
    };
    let w = World::of(cluster, "race").await;
    w.install_kinds().await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);

    let lanes = (0..LANES).map(|lane| {
        let race = Race {
            client: w.client.clone(),
            primary: primary.clone(),
            secondary: secondary.clone(),
        };
        tokio::spawn(async move {
            let mut ends = Vec::new();
            for i in 0..RACES / LANES {
                let by = if i % 3 == 0 { By::Hand } else { By::Claim };
                ends.push(race.run(&format!("r-{lane}-{i}"), by).await);
            }
            ends
        })
    });
    let mut ends = Vec::new();
    for lane in join_all(lanes).await {
        ends.extend(lane.unwrap());
    }
    let joined = ends.iter().filter(|end| **end == Joined::Yes).count();
    println!(
        "{} races: {joined} joined, {} came too late",
        ends.len(),
        ends.len() - joined
    );
    // A race that always ends the same way is none.
    assert!(joined > 0 && joined < ends.len(), "{joined} of {}", ends.len());
}

/// Where races are held.
struct Race {
    client: Client,
    primary: String,
    secondary: String,
}

impl Race {
    /// One join against one deletion of one volume, each by a controller that believes it leads.
    async fn run(&self, name: &str, by: By) -> Joined {
        let (fake, mark) = (Fake::default(), mark());
        let (a, b) = (
            Rival::new(&self.client, &fake, &mark).await,
            Rival::new(&self.client, &fake, &mark).await,
        );
        let refer = reference(name, &self.primary, name);
        let references: Api<tombolo::api::volume_reference::VolumeReference> =
            Api::namespaced(self.client.clone(), &self.secondary);
        references
            .create(&Default::default(), &serde_json::from_value(refer).unwrap())
            .await
            .unwrap();
        let volume = self.owner(&a, name).await;
        fake.write(&format!("{volume}/hello"), "world");
        let asking = claim(name).class("race").sharing(&self.primary, name).0;
        let asking: PersistentVolumeClaim = serde_json::from_value(asking).unwrap();
        let asking = self
            .claims(&self.secondary)
            .create(&Default::default(), &asking)
            .await
            .unwrap();
        let member = PvName::new(pv_name(&asking));

        let source = ClaimKey::new(self.primary.as_str(), name);
        let joining = a.join(ClaimKey::new(self.secondary.as_str(), name), source, name, &volume);
        let deleting = async {
            hesitate(150).await;
            self.release(name, &volume, by).await;
            b.settle(&volume).await;
        };
        let (joined, ()) = tokio::join!(joining, deleting);
        // A crash would be followed by another look, by either.
        b.settle(&volume).await;
        a.settle(&volume).await;

        let (owner, pv) = (self.pv(volume.as_str()).await, self.pv(member.as_str()).await);
        let held = owner
            .as_ref()
            .is_some_and(|pv| pv.finalizers().iter().any(|f| f == "tombolo.dev/volume-protection"));
        let data = fake.read(&format!("{volume}/hello")).is_some();
        let seen = || {
            format!(
                "{name} {by:?} {joined:?}\n{:?}\n{:?}\n{:#?}",
                owner.as_ref().map(shown),
                pv.as_ref().map(shown),
                fake.calls()
            )
        };
        assert_eq!(
            joined == Joined::Yes,
            pv.is_some(),
            "a join that was answered is a member: {}",
            seen()
        );
        assert_eq!(
            data,
            pv.is_some(),
            "data is there exactly as long as somebody is: {}",
            seen()
        );
        assert_eq!(
            held,
            pv.is_some(),
            "the finalizer keeps the volume for its member: {}",
            seen()
        );
        let tokens = owner
            .iter()
            .flat_map(|pv| pv.finalizers())
            .any(|f| f.starts_with("tombolo.dev/joining-"));
        assert!(!tokens, "no token is left: {}", seen());
        joined
    }

    /// A bound owner: its claim and volume, as kube-controller-manager would leave them.
    async fn owner(&self, rival: &Rival, name: &str) -> VolumeId {
        let draft = claim(name).class("race").shared_to("*").0;
        let made = self
            .claims(&self.primary)
            .create(&Default::default(), &serde_json::from_value(draft).unwrap())
            .await
            .unwrap();
        let volume = VolumeId::new(pv_name(&made));
        rival.provision(&made).await;
        let bind = json!({"spec": {"volumeName": volume.as_str()}});
        self.claims(&self.primary)
            .patch(name, &PatchParams::default(), &Patch::Merge(bind))
            .await
            .unwrap();
        let bound = Patch::Merge(json!({"status": {"phase": "Bound"}}));
        self.claims(&self.primary)
            .patch_status(name, &PatchParams::default(), &bound)
            .await
            .unwrap();
        self.pvs()
            .patch_status(volume.as_str(), &PatchParams::default(), &bound)
            .await
            .unwrap();
        volume
    }

    /// The owner goes: what users, the protection controllers and the binder do.
    async fn release(&self, name: &str, volume: &VolumeId, by: By) {
        if by == By::Hand {
            self.pvs()
                .delete(volume.as_str(), &DeleteParams::default())
                .await
                .unwrap();
            hesitate(5).await;
        }
        let claims = self.claims(&self.primary);
        claims
            .patch(
                name,
                &PatchParams::default(),
                &Patch::Merge(json!({"metadata": {"finalizers": null}})),
            )
            .await
            .unwrap();
        claims.delete(name, &DeleteParams::default()).await.unwrap();
        let released = Patch::Merge(json!({"status": {"phase": "Released"}}));
        self.pvs()
            .patch_status(volume.as_str(), &PatchParams::default(), &released)
            .await
            .unwrap();
    }

    async fn pv(&self, name: &str) -> Option<PersistentVolume> {
        self.pvs().get_opt(name).await.unwrap()
    }

    fn pvs(&self) -> Api<PersistentVolume> {
        Api::all(self.client.clone())
    }

    fn claims(&self, namespace: &str) -> Api<PersistentVolumeClaim> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

/// The obvious way: a join labels the owner's volume and creates the member's; a delete looks for members and deletes with the
/// resourceVersion it saw. But a label that is there already changes no resourceVersion.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_obvious_protocol_does_lose_data() {
    const TRIES: usize = 400;
    let Some(cluster) = still_cluster("the_obvious_protocol_does_lose_data").await else {
        return;
    };
    let pvs: Api<PersistentVolume> = Api::all(cluster.client().await.unwrap());
    for i in 0..TRIES {
        let id = format!("naive-{i}");
        pvs.create(&Default::default(), &naive(&id, &id, &["e2e.tombolo.dev/held"]))
            .await
            .unwrap();
        let (joined, deleted) = tokio::join!(naive_join(&pvs, &id), naive_delete(&pvs, &id));
        if joined && deleted {
            return println!("data was lost under a member in try {}", i + 1);
        }
    }
    panic!("{TRIES} tries lost nothing: then the test of the real protocol proves nothing");
}

fn naive(name: &str, volume: &str, finalizers: &[&str]) -> PersistentVolume {
    let value: Value = json!({
        "metadata": {"name": name, "finalizers": finalizers, "labels": {"e2e.tombolo.dev/volume": volume}},
        "spec": {"accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Mi"}, "nfs": {"server": "nas", "path": "/x"}},
    });
    serde_json::from_value(value).unwrap()
}

async fn naive_join(pvs: &Api<PersistentVolume>, id: &str) -> bool {
    hesitate(10).await;
    let owner = pvs.get(id).await.unwrap();
    if owner.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let version = owner.resource_version().unwrap();
    let label = json!({"metadata": {"resourceVersion": version, "labels": {"e2e.tombolo.dev/volume": id}}});
    if pvs
        .patch(id, &PatchParams::default(), &Patch::Merge(label))
        .await
        .is_err()
    {
        return false;
    }
    hesitate(5).await;
    pvs.create(&Default::default(), &naive(&format!("{id}-member"), id, &[]))
        .await
        .is_ok()
}

async fn naive_delete(pvs: &Api<PersistentVolume>, id: &str) -> bool {
    hesitate(10).await;
    let owner = pvs.get(id).await.unwrap();
    let of = kube::api::ListParams::default().labels(&format!("e2e.tombolo.dev/volume={id}"));
    if pvs.list(&of).await.unwrap().items.len() > 1 {
        return false;
    }
    hesitate(5).await;
    let preconditions = Preconditions {
        uid: owner.uid(),
        resource_version: owner.resource_version(),
    };
    let params = DeleteParams {
        preconditions: Some(preconditions),
        ..DeleteParams::default()
    };
    pvs.delete(id, &params).await.is_ok()
}

#[tokio::test]
async fn two_controllers_that_both_believe_they_lead_lose_nothing() {
    if cannot("two_controllers_that_both_believe_they_lead_lose_nothing") {
        return;
    }
    const VOLUMES: usize = 25;
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "rivals").await;
    let _rivals = tokio::join!(controller::alone(&cluster, "one"), controller::alone(&cluster, "two"));
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let names: Vec<_> = (0..VOLUMES).map(|i| format!("data-{i}")).collect();
    for name in &names {
        w.claim(&primary, claim(name).shared_to("*")).await;
        w.refer(&secondary, reference(name, &primary, name)).await;
    }
    let mut owners = Vec::new();
    for name in &names {
        let (_, pv) = w.bound(&primary, name).await;
        w.write(&pv, "hello", name).await;
        owners.push(pv);
    }
    let (claims, members) = (w.claims(&primary), w.claims(&secondary));
    join_all(names.iter().map(|name| async {
        let join = async {
            hesitate(40).await;
            w.claim(&secondary, claim(name).sharing(&primary, name)).await;
        };
        let delete = async {
            hesitate(80).await;
            w.delete(&claims, name).await;
        };
        tokio::join!(join, delete)
    }))
    .await;
    let mut joined = 0;
    for (name, owner) in names.iter().zip(&owners) {
        w.gone(&claims, name).await;
        // Either it joined and has its bytes, or it is refused and nothing is left.
        let told = w.until("the claim to be bound or refused", async || {
            let member = members.get(name).await?;
            let refused = w
                .events(&secondary, name)
                .await?
                .into_iter()
                .any(|e| e.note.starts_with("NotShared: "));
            let served = w.pvs().get_opt(&pv_name(&member)).await?.is_some();
            let end = if phase(&member) == "Bound" {
                Some(true)
            } else {
                (refused && !served).then_some(false)
            };
            Ok(tombolo_harness::wait::Look::found(end, shown(&member)))
        });
        if told.await {
            joined += 1;
            assert_eq!(w.read(owner, "hello").await, *name);
            w.delete(&members, name).await;
        }
    }
    println!("{joined} of {VOLUMES} joined");
    for owner in &owners {
        w.no_data_left(owner).await;
    }
    for name in &names {
        let member = members.get_opt(name).await.unwrap();
        if let Some(member) = member.filter(|m| m.metadata.deletion_timestamp.is_none()) {
            assert!(
                w.pvs().get_opt(&pv_name(&member)).await.unwrap().is_none(),
                "{:?}",
                shown(&member)
            );
        }
    }
    assert!(owners.iter().all(|pv| name_of(pv).starts_with("pvc-")));
}
