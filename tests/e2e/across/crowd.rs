//! Many copies of one source at once, for claims of several namespaces.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tombolo_harness::Cluster;
use tombolo_harness::process::Recorded;
use tombolo_harness::wait::Look;

use super::{give, name_source, through};
use crate::clones::held::is_in_use;
use crate::clones::midway::{LONG, figure, planted};
use crate::clones::yard::{place, yards};
use crate::draft::{cross_source, grant};
use crate::see::{phase, pv_name};
use crate::world::{World, cannot};

const NAMESPACES: usize = 5;
const OF_EACH: usize = 10;
/// Files of the source.
const FEW: usize = 20;
/// For how long the server sleeps at most: the backend gives an answer up after 30 s, and lets nobody begin then.
const SLEEP: Duration = Duration::from_secs(20);

/// A server that sleeps until this is dropped, whatever becomes of the story.
struct Asleep<'a>(&'a Recorded);

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.resume() {
            println!("the server was not woken: {error}");
        }
    }
}
/// What an unfinished copy into a volume is called by.
fn digest(volume: &str) -> String {
    let digest = Sha256::digest(format!("volume\0{volume}"));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn fifty_copies_of_one_source_for_five_namespaces_are_bounded_fair_and_whole() {
    const STORY: &str = "fifty_copies_of_one_source_for_five_namespaces_are_bounded_fair_and_whole";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options().with_reference_grants()).await.unwrap();
    let w = place(&cluster, "fifty").await;
    let (controller, yards) = yards(&w, &[]).await;
    let yard = &yards[0];
    let prod = w.namespace("prod").await;
    let source = planted(&w, yard, &prod, "data", FEW).await;
    let expected = yard.contents(&source);
    let mut namespaces = Vec::new();
    let mut targets = BTreeMap::new();
    for n in 0..NAMESPACES {
        let ns = w.namespace(&format!("dev{n}")).await;
        name_source(&w, &ns, cross_source("prod-data", &prod, "data")).await;
        for m in 0..OF_EACH {
            let wanted = through(&format!("app{m}"), "prod-data").class(&yard.class).size("1Gi");
            let made = pv_name(&w.claim(&ns, wanted).await);
            targets.insert(digest(&made), (ns.clone(), made));
        }
        namespaces.push(ns);
    }
    let last = OF_EACH - 1;
    w.held(&namespaces[NAMESPACES - 1], &format!("app{last}"), "NotGranted", "")
        .await;

    // One grant for all of them, and a server that sleeps until all have begun: nobody comes first because nobody else was there.
    let server = cluster.processes().unwrap().into_iter().find(|p| p.name == "ganesha");
    let server = server.unwrap();
    server.pause().unwrap();
    let asleep = Asleep(&server);
    let mut to_all = grant("to-all", &namespaces[0]);
    let from = |ns: &String| json!({"group": "", "kind": "PersistentVolumeClaim", "namespace": ns});
    to_all["spec"]["from"] = namespaces.iter().map(from).collect();
    let (began, begun) = (Instant::now(), Cell::new(0));
    give(&w, &prod, to_all).await;
    w.until_within(
        "all to have begun, or the server to have slept for long",
        LONG,
        async || {
            let finalizers = w.pvs().get(&source).await?.metadata.finalizers.unwrap_or_default();
            let tokens = finalizers
                .iter()
                .filter(|f| f.starts_with("tombolo.dev/copying-"))
                .count();
            begun.set(tokens);
            let all = tokens == NAMESPACES * OF_EACH;
            Ok(Look::holds(all || began.elapsed() > SLEEP, tokens))
        },
    )
    .await;
    let all_begun = begun.get() == NAMESPACES * OF_EACH;
    println!("{:?} until {} have begun", began.elapsed(), begun.get());
    drop(asleep);
    let (most, most_of_one, in_use) = (Cell::new(0), Cell::new(0), Cell::new(false));
    let first_done = RefCell::new(None);
    w.until_within("all to be bound", LONG, async || {
        let mut of_each = BTreeMap::<&str, usize>::new();
        for unfinished in yard.unfinished() {
            let name = unfinished.path.file_name().unwrap().to_string_lossy().into_owned();
            let target = name.split('.').next().unwrap();
            *of_each.entry(targets[target].0.as_str()).or_default() += 1;
        }
        most.set(most.get().max(of_each.values().sum()));
        most_of_one.set(most_of_one.get().max(of_each.into_values().max().unwrap_or_default()));
        let mut bound = Vec::new();
        for ns in &namespaces {
            let claims = w.claims(ns).list(&Default::default()).await?;
            bound.push(claims.iter().filter(|claim| phase(claim) == "Bound").count());
        }
        if bound.contains(&OF_EACH) {
            first_done.borrow_mut().get_or_insert_with(|| bound.clone());
        }
        in_use.set(in_use.get() || is_in_use(&w.claims(&prod).get("data").await?));
        Ok(Look::holds(bound == [OF_EACH; NAMESPACES], bound))
    })
    .await;
    let (most, most_of_one, first_done) = (most.get(), most_of_one.get(), first_done.take().unwrap());
    println!(
        "{:?} for all; at most {most} at once, {most_of_one} of one namespace; had when the first had all: {first_done:?}",
        began.elapsed()
    );
    // How many there are at once is sampled: the tests of the line in memory say that it is used to the full.
    assert!(most <= 8 && most_of_one <= 2, "{most} and {most_of_one}");
    // Of eight places three namespaces have two each, and two have one: half as many, and what a look is late.
    // Nor does it say anything where some began only after others.
    assert!(
        !all_begun || first_done.iter().all(|had| *had >= OF_EACH / 3),
        "somebody waited for others: {first_done:?}"
    );
    assert!(in_use.get(), "the source showed it");

    for (ns, made) in targets.values() {
        assert!(yard.contents(made) == expected, "{made} of {ns}");
    }
    yard.let_go(&w).await;
    yard.swept(&w).await;
    w.object("the source to be free", &w.claims(&prod), "data", |c| !is_in_use(c))
        .await;
    w.until("nothing to be copied any more", async || {
        let (_, metrics) = controller.get("/metrics").await?;
        let all = figure(&metrics, r#"tombolo_copy_duration_seconds_count{outcome="succeeded"}"#);
        let left = figure(&metrics, "tombolo_copies_running") + figure(&metrics, "tombolo_copies_waiting");
        let expected = (NAMESPACES * OF_EACH) as f64;
        Ok(Look::holds(all == expected && left == 0.0, (all, left)))
    })
    .await;
}
