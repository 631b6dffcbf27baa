//! Ends without warning: of the controller at any moment, with its ledger or without, and of the API server.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::ResourceExt;
use kube::api::ListParams;
use tombolo_harness::wait::Look;
use tombolo_harness::{Cluster, Controller, report_skipped};

use crate::controller;
use crate::draft::{claim, reference};
use crate::race::hesitate;
use crate::see::{name_of, phase, pv_name, shown};
use crate::world::{World, cannot};

/// What becomes of the ledger while the controller is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ledger {
    Kept,
    Lost,
    Corrupted,
}

impl Ledger {
    fn befall(self, controller: &Controller) {
        match self {
            Self::Kept => {}
            Self::Lost => controller.forget_ledger().unwrap(),
            Self::Corrupted => corrupt(&controller.data_dir()),
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

/// How often a controller has made its ledger again from the cluster.
pub fn rebuilds(controller: &Controller) -> usize {
    controller
        .log_text()
        .matches("rebuilding the ledger from the cluster")
        .count()
}

#[tokio::test]
async fn killed_at_any_moment_of_a_burst_and_started_again_with_its_ledger() {
    burst(
        "killed_at_any_moment_of_a_burst_and_started_again_with_its_ledger",
        Ledger::Kept,
    )
    .await;
}

#[tokio::test]
async fn killed_at_any_moment_of_a_burst_and_started_again_without_its_ledger() {
    burst(
        "killed_at_any_moment_of_a_burst_and_started_again_without_its_ledger",
        Ledger::Lost,
    )
    .await;
}

#[tokio::test]
async fn killed_at_any_moment_of_a_burst_and_started_again_with_a_corrupt_ledger() {
    burst(
        "killed_at_any_moment_of_a_burst_and_started_again_with_a_corrupt_ledger",
        Ledger::Corrupted,
    )
    .await;
}

/// Where the volumes of a burst are.
struct Burst<'c> {
    w: World<'c>,
    primary: String,
    secondary: String,
}

/// Volumes that come with a kill.
const VOLUMES: usize = 6;

impl Burst<'_> {
    fn names(round: usize) -> impl Iterator<Item = String> {
        (0..VOLUMES).map(move |i| format!("data-{round}-{i}"))
    }

    /// Owners and members, all at once; and half of the owners of the round before go, whether they and their members have got their
    /// volumes or not. Returns as soon as the first of all this is done, so that the rest is under way.
    async fn begin(&self, round: usize) {
        let (w, primary, secondary) = (&self.w, &self.primary, &self.secondary);
        let made = join_all(Self::names(round).map(|name| async move {
            let owner = w.claim(primary, claim(&name).shared_to("*")).await;
            w.refer(secondary, reference(&name, primary, &name)).await;
            w.claim(secondary, claim(&name).sharing(primary, &name)).await;
            pv_name(&owner)
        }));
        let going = async {
            if let Some(before) = round.checked_sub(1) {
                join_all(Self::names(before).step_by(2).map(|name| async move {
                    w.delete(&w.claims(primary), &name).await;
                }))
                .await;
            }
        };
        let (made, ()) = tokio::join!(made, going);
        w.until("the first volume of this round", async || {
            let pvs = w.pvs().list(&ListParams::default()).await?.items;
            let there = pvs.iter().any(|pv| made.contains(&pv.name_any()));
            Ok(Look::holds(there, pvs.len()))
        })
        .await;
    }

    /// Whether something is under way: a claim that waits, a token, a volume under deletion.
    async fn is_unfinished(&self) -> bool {
        let waits = |claims: Vec<PersistentVolumeClaim>| claims.iter().any(|claim| phase(claim) == "Pending");
        let list = async |namespace: &str| {
            let listed = self.w.claims(namespace).list(&ListParams::default()).await;
            listed.unwrap().items
        };
        let pvs = self.w.pvs().list(&ListParams::default()).await.unwrap().items;
        let going = pvs.iter().any(|pv| {
            let token = |f: &String| f.starts_with("tombolo.dev/joining-");
            pv.metadata.deletion_timestamp.is_some() || pv.finalizers().iter().any(token)
        });
        going || waits(list(&self.primary).await) || waits(list(&self.secondary).await)
    }
}

async fn burst(story: &str, ledger: Ledger) {
    /// Kills that there are at least, and at most if none of them meets a step that the ledger has open.
    const KILLS: [usize; 2] = [4, 12];
    if cannot(story) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "burst").await;
    let controller = controller::alone(&cluster, "burst").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let b = Burst { w, primary, secondary };
    let (mut rounds, mut unfinished, mut open) = (0, 0, 0);
    let [least, most] = KILLS;
    while rounds < least || (ledger == Ledger::Kept && open == 0 && rounds < most) {
        b.begin(rounds).await;
        hesitate(60).await;
        controller.kill().await.unwrap();
        unfinished += usize::from(b.is_unfinished().await);
        if rounds % 2 == 1 {
            // And once more while it starts.
            ledger.befall(&controller);
            controller.spawn().unwrap();
            hesitate(400).await;
            controller.kill().await.unwrap();
        }
        let before = rebuilds(&controller);
        ledger.befall(&controller);
        controller.start().await.unwrap();
        let expected = before + usize::from(ledger != Ledger::Kept);
        assert_eq!(rebuilds(&controller), expected, "{}", controller.last_words());
        open += usize::from(opened_amid_work(&controller));
        rounds += 1;
    }
    println!("{rounds} kills: {unfinished} met work, {open} an open step of the ledger");
    assert!(unfinished > 0, "no kill met work");
    // A ledger that was lost remembers no step: there it is the cluster that shows what was under way.
    assert!(open > 0 || ledger != Ledger::Kept, "no kill met an open step");

    let Burst { w, primary, secondary } = &b;
    for (round, name) in (0..rounds).flat_map(|round| Burst::names(round).map(move |name| (round, name))) {
        let last = round + 1 == rounds;
        let of_round: Vec<_> = Burst::names(round).step_by(2).collect();
        if last || !of_round.contains(&name) {
            let (_, owner) = w.bound(primary, &name).await;
            let (_, member) = w.bound(secondary, &name).await;
            assert_eq!(w.path(&owner), w.path(&member));
            continue;
        }
        w.gone(&w.claims(primary), &name).await;
        let end = w.until("the member to be bound or refused", async || {
            let member = w.claims(secondary).get(&name).await?;
            let events = w.events(secondary, &name).await?;
            let refused = events.iter().any(|e| e.note.starts_with("NotShared: "));
            Ok(Look::holds(
                phase(&member) == "Bound" || refused,
                (shown(&member), events),
            ))
        });
        end.await;
        let member = w.claims(secondary).get(&name).await.unwrap();
        if phase(&member) == "Bound" {
            let pv = w
                .pvs()
                .get(member.spec.unwrap().volume_name.as_deref().unwrap())
                .await
                .unwrap();
            assert!(w.exists(&w.path(&pv)).await, "{:?}", shown(&pv));
        }
    }
    w.end_namespace(primary).await;
    w.end_namespace(secondary).await;
    nothing_leaked(w, ledger).await;
}

/// Whether the ledger of the last start had a step open: what its log says of the ledger it found.
fn opened_amid_work(controller: &Controller) -> bool {
    let log = controller.log_text();
    let found = log.lines().rev().find(|line| line.contains("the ledger is open"));
    let found = found.expect("every start says what it found");
    !found.contains("open_steps=0")
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
        // One volume changes meanwhile: what becomes of it shows that the new start has looked at all.
        let (_, control) = w.bound_claim(&pair.primary, claim("control")).await;
        controller.kill().await.unwrap();
        w.delete(&w.claims(&pair.primary), "control").await;
        fate.befall(&controller);
        let rebuilt = rebuilds(&controller);
        controller.start().await.unwrap();
        assert_eq!(rebuilds(&controller), rebuilt + usize::from(fate != Ledger::Kept));
        w.nothing_left(&control).await;
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
    controller.end_well().await.unwrap();
}
