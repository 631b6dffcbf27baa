//! Copies on a backend in memory, under a paused clock, with looks at their sources between.

use super::*;
use crate::controllers::testing::objects::Objects;
use crate::controllers::testing::{World, world};
use crate::controllers::{claims, volumes};
use crate::domain::claim::Claim;
use crate::domain::pv::Pv;
use crate::domain::record::State;
use crate::domain::token::Token;
use crate::plan::copy::schedule::Bounds;
use crate::plan::testing::{self, GI, id, pv, pv_name, uid};
use std::sync::Arc;
use tombolo_backend_api::{Class, CopyTerms, VolumePath};
use tombolo_backend_fake::{Call, Fault, Moment, Op};

mod annotated;
mod consent;
mod counted;
mod edited;
mod held;
mod members;
mod short;
mod snapshots;
mod stopped;

/// A controller with a backend, an API server, and the task that copies.
struct Bench {
    w: World,
    cluster: Arc<Objects>,
    copying: tokio::task::JoinHandle<()>,
}

async fn bench() -> Bench {
    let w = world(Vec::new(), []).await;
    start(w, Arc::new(Objects::default()), None).await
}

/// The same with another controller before: its API server, and its backend.
async fn start(mut w: World, cluster: Arc<Objects>, before: Option<&Bench>) -> Bench {
    if let Some(before) = before {
        w.ctx.roots = before.w.ctx.roots.clone();
        w.ctx.ports.storage = before.w.ctx.ports.storage.clone();
        w.fake = before.w.fake.clone();
    }
    cluster.show(&w.ctx.caches);
    w.ctx.ports.cluster = cluster.clone();
    w.ctx.copies = Arc::new(Copies::new(Settings {
        bounds: Bounds::default(),
        max_entries: 100,
        epoch: 3,
    }));
    let class = testing::class("gold");
    w.caches(|index| index.put_class(class.name.clone(), Some(class)));
    let copying = tokio::spawn(copy_on(w.ctx.clone()));
    Bench { w, cluster, copying }
}

fn target(name: &str, source: &str) -> Claim {
    testing::claim(name).with(|c| c.source = testing::volume_of(source))
}

impl Bench {
    /// A source with a file in it, and a claim that wants a copy.
    async fn wants(&self, name: &str, source: &str) {
        if self.cluster.object(&pv_name(source)).is_none() {
            self.w.directory(pv_name(source).as_str()).await;
            self.w.fake.write(&format!("{}/file", pv_name(source)), "bytes");
            self.cluster.put(pv(source));
            self.cluster.put_claim(testing::claim(source).bound());
        }
        self.cluster.put_claim(target(name, source));
        self.look_at_claim(name).await;
    }

    async fn look_at_claim(&self, name: &str) {
        claims::reconcile(&self.w.ctx, &testing::key(name)).await.unwrap();
    }

    async fn look(&self, source: &str) {
        volumes::reconcile(&self.w.ctx, &id(source)).await.unwrap();
    }

    /// Whatever has begun goes on until it waits.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    fn object(&self, claim: &str) -> Option<Pv> {
        self.cluster.object(&pv_name(claim))
    }

    fn file_of(&self, claim: &str) -> Option<Vec<u8>> {
        self.w.fake.read(&format!("{}/file", pv_name(claim)))
    }

    fn state_of(&self, claim: &str) -> Option<State> {
        self.w.ctx.ports.ledger.get(&id(claim)).map(|r| r.state)
    }

    fn clones_of(&self, claim: &str) -> usize {
        let into = VolumePath::parse(pv_name(claim).as_str()).unwrap();
        let of = |call: &&Call| matches!(call, Call::CloneVolume { into: i, .. } if i.path == into);
        self.w.fake.calls().iter().filter(of).count()
    }

    /// Nothing of any copy is left, but what is in the trash.
    fn nothing_unfinished(&self) -> bool {
        let tree = self.w.fake.tree();
        !tree.paths().any(|p| p.starts_with(".tombolo/copies/"))
    }

    fn said(&self, word: &str) -> bool {
        self.w.heard.words().iter().any(|said| said.contains(word))
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_gets_a_copy_and_its_source_is_kept_no_longer_than_that() {
    let b = bench().await;
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.wants("team/app", "team/data").await;
    gate.arrived(1).await;
    let kept = b.object("team/data").unwrap();
    assert!(kept.tokens.contains_key(&Token::copying(uid("team/app"))));
    assert_eq!(
        (b.object("team/app"), b.state_of("team/app")),
        (None, Some(State::Creating))
    );
    assert_eq!(b.w.ctx.copies.figures(), (1, 0));
    gate.open();
    b.settle().await;
    b.look("team/data").await;
    assert_eq!(b.file_of("team/app"), Some(b"bytes".to_vec()));
    assert_eq!(b.object("team/app").unwrap().capacity, 10 * GI);
    assert!(b.object("team/data").unwrap().tokens.is_empty());
    assert_eq!(b.state_of("team/app"), Some(State::Live));
    assert_eq!((b.w.ctx.copies.figures(), b.clones_of("team/app")), ((0, 0), 1));
    assert!(b.said("Copying claim data") && b.said("Successfully provisioned volume pvc-team-app"));
    let terms = b.w.fake.calls().iter().find_map(|call| match call {
        Call::CloneVolume { terms, .. } => Some(*terms),
        _ => None,
    });
    let expected = CopyTerms {
        epoch: 3,
        drop_set_id: false,
        max_entries: 100,
    };
    assert_eq!(terms, Some(expected));
    let text = b.w.ctx.metrics.encode().unwrap();
    for line in [
        "tombolo_copied_bytes_total 5",
        "tombolo_copied_files_total 1",
        r#"tombolo_copy_duration_seconds_count{outcome="succeeded"} 1"#,
        r#"controller_persistentvolumeclaim_provision_total{class="gold",source="PersistentVolumeClaim"} 1"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_of_a_namespace_so_many_in_all_and_nobody_waits_behind_a_crowd() {
    let b = bench().await;
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    for n in 0..6 {
        b.wants(&format!("crowd/app{n}"), "crowd/data").await;
    }
    for ns in ["a", "b", "c", "d"] {
        for n in 0..3 {
            b.wants(&format!("{ns}/app{n}"), &format!("{ns}/data")).await;
        }
    }
    b.settle().await;
    assert_eq!(b.w.ctx.copies.figures(), (8, 10));
    let under_way = |ns: &str| (0..6).filter(|n| b.clones_of(&format!("{ns}/app{n}")) > 0).count();
    // The crowd came first, and everybody has one before anybody has two.
    assert_eq!(["crowd", "a", "b", "c", "d"].map(under_way), [2, 2, 2, 1, 1]);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(gate.waiting(), 8);
    let in_line = || {
        b.w.heard
            .words()
            .iter()
            .filter(|w| w.contains("waits for its turn"))
            .count()
    };
    assert_eq!(in_line(), 10, "each once");
    gate.open();
    for _ in 0..20 {
        b.settle().await;
        for ns in ["crowd", "a", "b", "c", "d"] {
            b.look(&format!("{ns}/data")).await;
        }
    }
    assert_eq!(["crowd", "a", "b", "c", "d"].map(under_way), [6, 3, 3, 3, 3]);
    assert!(
        ["crowd", "a", "d"]
            .iter()
            .all(|ns| b.object(&format!("{ns}/data")).unwrap().tokens.is_empty())
    );
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_its_backend_makes_at_once_waits_for_nothing() {
    let b = bench().await;
    let before = Instant::now();
    b.wants("team/app", "team/data").await;
    while b.object("team/app").is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
    // And it is looked at again at once, which takes its token off.
    assert_eq!(b.w.ctx.queue.next().await, Some(Work::Volume(id("team/data"))));
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn how_far_a_copy_is_is_told_soon_and_then_seldom() {
    let b = bench().await;
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.copying.abort();
    b.wants("team/app", "team/data").await;
    let running = b.w.ctx.copies.begin().unwrap();
    let heard = Heard::after(Copied::default(), &b.w.ctx.metrics);
    let at = |bytes| {
        let seen = Seen {
            bytes: 1000,
            entries: 10,
            whole: true,
        };
        heard.copied(
            Copied {
                bytes,
                ..Copied::default()
            },
            seen,
        );
    };
    let told = || {
        b.w.heard
            .words()
            .iter()
            .filter(|w| w.starts_with("copied "))
            .cloned()
            .collect::<Vec<_>>()
    };
    let copy = make(&b.w.ctx, &running.wanted, &heard);
    let watch = async {
        gate.arrived(1).await;
        at(100);
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(told().is_empty());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(told(), ["copied 100 bytes in 0 files, 10 % of all, at 20 bytes/s"]);
        at(500);
        tokio::time::sleep(Duration::from_secs(25)).await;
        at(600);
        assert_eq!(told().len(), 1);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(told()[1..], ["copied 600 bytes in 0 files, 60 % of all, at 16 bytes/s"]);
        gate.open();
    };
    let (made, ()) = tokio::join!(copy, watch);
    made.unwrap();
    assert!(
        b.w.ctx
            .metrics
            .encode()
            .unwrap()
            .contains("tombolo_copied_bytes_total 600")
    );
}
