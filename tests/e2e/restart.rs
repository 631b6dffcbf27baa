//! Ends without warning: of the controller at any moment, with its ledger or without, and of the API server.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use futures::future::join_all;
use k8s_openapi::api::core::v1::PersistentVolume;
use kube::ResourceExt;
use kube::api::ListParams;
use tombolo_harness::wait::Look;
use tombolo_harness::{Cluster, report_skipped};

use crate::controller;
use crate::draft::{claim, reference};
use crate::race::hesitate;
use crate::see::{name_of, phase, shown};
use crate::world::{World, cannot};

/// What becomes of the ledger while the controller is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ledger {
    Kept,
    Lost,
    Corrupted,
}

impl Ledger {
    fn befall(self, data: &Path) {
        match self {
            Self::Kept => {}
            Self::Lost => std::fs::remove_dir_all(data).unwrap(),
            Self::Corrupted => corrupt(data),
        }
    }
}

/// Overwrites the middle of every file below a directory.
fn corrupt(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            corrupt(&path);
        } else {
            let file = File::options().write(true).open(&path).unwrap();
            let length = file.metadata().unwrap().len();
            let noise = vec![0xA5; usize::try_from(length / 3).unwrap()];
            file.write_all_at(&noise, length / 3).unwrap();
        }
    }
}

#[tokio::test]
async fn killed_at_any_moment_of_a_burst_and_started_again_with_its_ledger() {
    burst("kept", Ledger::Kept).await;
}

#[tokio::test]
async fn killed_at_any_moment_of_a_burst_and_started_again_without_its_ledger() {
    burst("lost", Ledger::Lost).await;
}

#[tokio::test]
async fn killed_at_any_moment_of_a_burst_and_started_again_with_a_corrupt_ledger() {
    burst("corrupt", Ledger::Corrupted).await;
}

async fn burst(story: &str, ledger: Ledger) {
    const VOLUMES: usize = 10;
    const KILLS: usize = 4;
    if cannot(&format!("a burst of requests and kills, ledger {ledger:?}")) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, story).await;
    let controller = controller::alone(&cluster, story).await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let names: Vec<_> = (0..VOLUMES).map(|i| format!("data-{i}")).collect();
    let requests = async {
        join_all(names.iter().map(|name| async {
            hesitate(300).await;
            w.claim(&primary, claim(name).shared_to("*")).await;
            w.refer(&secondary, reference(name, &primary, name)).await;
            w.claim(&secondary, claim(name).sharing(&primary, name)).await;
        }))
        .await;
        // Half of the owners go, whether they and their members have got their volumes or not.
        join_all(names.iter().step_by(2).map(|name| async {
            hesitate(3000).await;
            w.delete(&w.claims(&primary), name).await;
        }))
        .await;
    };
    let kills = async {
        for _ in 0..KILLS {
            hesitate(1000).await;
            controller.kill().await.unwrap();
            ledger.befall(&controller.data_dir());
            controller.spawn().unwrap();
        }
        controller.ready().await.unwrap();
    };
    tokio::join!(requests, kills);

    for name in names.iter().skip(1).step_by(2) {
        let (_, owner) = w.bound(&primary, name).await;
        let (_, member) = w.bound(&secondary, name).await;
        assert_eq!(w.path(&owner), w.path(&member));
    }
    for name in names.iter().step_by(2) {
        w.gone(&w.claims(&primary), name).await;
        let end = w.until("the member to be bound or refused", async || {
            let member = w.claims(&secondary).get(name).await?;
            let events = w.events(&secondary, name).await?;
            let refused = events.iter().any(|e| e.note.starts_with("NotShared: "));
            Ok(Look::holds(
                phase(&member) == "Bound" || refused,
                (shown(&member), events),
            ))
        });
        end.await;
        let member = w.claims(&secondary).get(name).await.unwrap();
        if phase(&member) == "Bound" {
            let pv = w
                .pvs()
                .get(member.spec.unwrap().volume_name.as_deref().unwrap())
                .await
                .unwrap();
            assert!(w.files().exists(&w.path(&pv)).await.unwrap(), "{:?}", shown(&pv));
        }
    }
    w.end_namespace(&primary).await;
    w.end_namespace(&secondary).await;
    nothing_leaked(&w, ledger).await;
}

/// Neither in the cluster nor on the server is anything left. An empty directory of a claim that is gone may be, for an hour, if the
/// ledger that remembered it was lost.
async fn nothing_leaked(w: &World<'_>, ledger: Ledger) {
    w.until("no volume to be left", async || {
        let pvs = w.pvs().list(&ListParams::default()).await?.items;
        let shared = w.shared_volumes().list(&ListParams::default()).await?.items;
        let left: Vec<_> = pvs
            .iter()
            .map(ResourceExt::name_any)
            .chain(shared.iter().map(ResourceExt::name_any))
            .collect();
        Ok(Look::holds(
            left.is_empty(),
            (left, pvs.iter().map(shown).collect::<Vec<_>>()),
        ))
    })
    .await;
    w.until("no data to be left", async || {
        // A draft is a record half written when its writer was killed: nobody reads it.
        let draft = |name: &String| name.starts_with('.');
        let mut left = w.files().list(&format!("{}/.tombolo/trash", w.id)).await?;
        left.retain(|name| !draft(name));
        for entry in w.files().list(&w.id).await? {
            let contents = w.files().list(&format!("{}/{entry}", w.id)).await?;
            if entry != ".tombolo" && (ledger == Ledger::Kept || !contents.is_empty()) {
                left.push(entry);
            }
        }
        Ok(Look::holds(left.is_empty(), left))
    })
    .await;
}

#[tokio::test]
async fn a_controller_that_starts_without_its_ledger_changes_nothing() {
    if cannot("a_controller_that_starts_without_its_ledger_changes_nothing") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "unchanged").await;
    let controller = controller::alone(&cluster, "unchanged").await;
    let pair = w.pair().await;
    let soft = w.namespace("soft").await;
    let (_, orphaned) = w.bound_claim(&soft, claim("data").shared_to("*")).await;
    w.member(&pair.secondary, "soft", &soft, "data").await;
    w.end_namespace(&soft).await;
    w.shared_volume("be soft-deleted", name_of(&orphaned), |v| {
        crate::see::has_condition(v, "SoftDeleted")
    })
    .await;
    w.shared_volume("count its member", pair.volume(), |v| {
        v.status.as_ref().is_some_and(|s| s.member_count == Some(1))
    })
    .await;

    let versions = async |of: &[(String, Option<String>)]| -> Vec<(String, Option<String>)> {
        let pvs = w.pvs().list(&ListParams::default()).await.unwrap();
        let shared = w.shared_volumes().list(&ListParams::default()).await.unwrap();
        let of_pvs = pvs
            .items
            .iter()
            .map(|pv: &PersistentVolume| (pv.name_any(), pv.resource_version()));
        let all = of_pvs.chain(shared.items.iter().map(|v| (v.name_any(), v.resource_version())));
        all.filter(|(name, _)| of.is_empty() || of.iter().any(|(known, _)| known == name))
            .collect()
    };
    let before = versions(&[]).await;
    for fate in [Ledger::Kept, Ledger::Lost, Ledger::Corrupted] {
        controller.kill().await.unwrap();
        fate.befall(&controller.data_dir());
        controller.start().await.unwrap();
        w.everything_was_looked_at(&pair.primary).await;
        assert_eq!(versions(&before).await, before, "{fate:?}: {}", controller.last_words());
    }
    // And it still knows whose data it is.
    w.delete(&w.claims(&pair.secondary), "soft").await;
    w.nothing_left(&orphaned).await;
    w.end_namespace(&pair.primary).await;
    w.end_namespace(&pair.secondary).await;
    nothing_leaked(&w, Ledger::Kept).await;
}

#[tokio::test]
async fn work_goes_on_after_the_api_server_was_away() {
    const STORY: &str = "work_goes_on_after_the_api_server_was_away";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the API server of E2E_KUBECONFIG is not ours to stop");
    }
    let w = World::own(&cluster, "api").await;
    let controller = controller::alone(&cluster, "api").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    let requests = async {
        for i in 0..10 {
            w.claim(&pair.primary, claim(&format!("more-{i}"))).await;
        }
        cluster.restart_api_server().await.unwrap();
    };
    requests.await;
    for i in 0..10 {
        w.bound(&pair.primary, &format!("more-{i}")).await;
    }
    assert!(controller.is_alive(), "{}", controller.last_words());
    // What changed while it was away is seen: the controller hears of no deletion then.
    controller.kill().await.unwrap();
    w.delete(&w.claims(&pair.primary), "data").await;
    controller.start().await.unwrap();
    w.shared_volume("be soft-deleted", pair.volume(), |v| {
        crate::see::has_condition(v, "SoftDeleted")
    })
    .await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    cluster.stop_api_server().await.unwrap();
    hesitate(500).await;
    cluster.resume_api_server().await.unwrap();
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
    assert!(controller.is_alive(), "{}", controller.last_words());
    controller::ends_well(&controller).await;
}
