//! What happens while a copy is made: the controller is killed, the claim goes, others wait for their turn, people ask.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use tombolo_harness::Cluster;
use tombolo_harness::wait::Look;

use super::copy;
use super::yard::{Yard, inodes, place, yards};
use crate::draft::claim;
use crate::see::{Said, name_of, phase, pv_name};
use crate::world::{World, cannot};

/// Files of a source that takes a while to copy.
const MANY: usize = 2000;
/// And one of which several copies are made.
const SOME: usize = 200;
/// On two busy cores, each file on stable storage.
pub const LONG: Duration = Duration::from_secs(240);

/// A bound claim of a yard with so many files in it; answers the name of its volume.
pub async fn planted(w: &World<'_>, yard: &Yard, namespace: &str, name: &str, files: usize) -> String {
    let (_, pv) = w
        .bound_claim(namespace, claim(name).class(&yard.class).size("1Gi"))
        .await;
    yard.plant(name_of(&pv), files);
    name_of(&pv).to_owned()
}

#[tokio::test]
async fn a_controller_killed_amid_a_copy_goes_on_with_it_and_nobody_gets_half_of_it() {
    if cannot("a_controller_killed_amid_a_copy_goes_on_with_it_and_nobody_gets_half_of_it") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = place(&cluster, "killed").await;
    let (controller, yards) = yards(&w, &[]).await;
    for yard in &yards {
        // In a directory a copy is soon done.
        let (name, files) = if yard.class == w.class {
            ("nfs", MANY)
        } else {
            ("local", 4 * MANY)
        };
        let ns = w.namespace(name).await;
        let source = planted(&w, yard, &ns, "data", files).await;
        let expected = yard.contents(&source);
        let wanted = copy("copy", "data").class(&yard.class).size("1Gi");
        let made = pv_name(&w.claim(&ns, wanted).await);

        let before = yard.amid_a_copy(&w, 300).await;
        controller.kill().await.unwrap();
        let written = inodes(&before.path);
        assert!(written.len() < files, "the copy was finished before the kill");
        w.is_unserved(&ns, "copy").await;
        assert!(!yard.volume(&made).exists(), "nothing stands where the volume will");
        // The source may go now: its data waits for the copy.
        w.delete(&w.claims(&ns), "data").await;
        controller.spawn().unwrap();
        let terms = RefCell::new(vec![before.term]);
        w.until_within("the copy to be bound", LONG, async || {
            terms
                .borrow_mut()
                .extend(yard.unfinished().iter().map(|copy| copy.term));
            let claim = w.claims(&ns).get("copy").await?;
            Ok(Look::holds(phase(&claim) == "Bound", terms.borrow().last().copied()))
        })
        .await;
        assert!(
            yard.contents(&made) == expected,
            "it is bound to the whole of its source"
        );
        let mut terms = terms.into_inner();
        terms.dedup();
        let kept = inodes(&yard.volume(&made)).intersection(&written).count();
        println!(
            "{}: {kept} of {files} files were written before the kill, terms {terms:?}",
            yard.class
        );
        assert!(
            kept > 200,
            "{kept} of {} files came from before the kill",
            written.len()
        );
        // In a directory what is left takes less than a look.
        let later = terms.iter().any(|term| *term > before.term);
        assert!(later || yard.class != w.class, "no later term took it over: {terms:?}");
        yard.let_go(&w).await;
        w.gone(&w.pvs(), &source).await;
        w.end_namespace(&ns).await;
        w.gone(&w.pvs(), &made).await;
        yard.swept(&w).await;
    }
}

#[tokio::test]
async fn deleting_the_claim_amid_a_copy_removes_what_was_written_and_progress_is_told_until_then() {
    if cannot("deleting_the_claim_amid_a_copy_removes_what_was_written_and_progress_is_told_until_then") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = place(&cluster, "unwanted").await;
    let (controller, yards) = yards(&w, &[]).await;
    for yard in &yards {
        let nfs = yard.class == w.class;
        let ns = w.namespace(if nfs { "nfs" } else { "local" }).await;
        let source = planted(&w, yard, &ns, "data", if nfs { 3 * MANY } else { 4 * MANY }).await;
        let expected = yard.contents(&source);
        let wanted = copy("copy", "data").class(&yard.class).size("1Gi");
        let made = pv_name(&w.claim(&ns, wanted).await);
        yard.amid_a_copy(&w, 300).await;
        if nfs {
            let said = w.told(&ns, "copy", "CopyProgress", "copied ").await;
            assert_eq!(said.type_, "Normal");
            assert!(
                said.note.contains(" % of ") && said.note.ends_with("/s"),
                "{}",
                said.note
            );
            let text = explained(&w, &ns, "copy").await;
            println!("{text}");
            assert!(text.contains("its source is being copied; last told at "), "{text}");
            assert!(text.contains(&said.note), "{text}");
            let (_, metrics) = controller.get("/metrics").await.unwrap();
            assert!(figure(&metrics, "tombolo_copied_bytes_total") > 0.0, "{metrics}");
            assert!(figure(&metrics, "tombolo_copied_files_total") > 300.0, "{metrics}");
        }
        w.delete(&w.claims(&ns), "copy").await;
        w.gone(&w.claims(&ns), "copy").await;
        yard.let_go(&w).await;
        yard.swept(&w).await;
        // A copy that was done in the moment between is a volume whose claim went.
        w.gone(&w.pvs(), &made).await;
        w.until("nothing to be left of the copy", async || {
            let there = yard.volume(&made).exists();
            Ok(Look::holds(!there, there))
        })
        .await;
        assert!(yard.contents(&source) == expected, "its source is as it was");
        w.end_namespace(&ns).await;
        w.gone(&w.pvs(), &source).await;
    }
}

#[tokio::test]
async fn so_many_copies_are_made_at_once_and_a_crowd_keeps_nobody_waiting() {
    const CROWD: usize = 6;
    if cannot("so_many_copies_are_made_at_once_and_a_crowd_keeps_nobody_waiting") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = place(&cluster, "crowd").await;
    let (_controller, yards) = yards(&w, &["--copies=3", "--copies-per-namespace=2"]).await;
    let yard = &yards[0];
    let (crowd, late) = (w.namespace("crowd").await, w.namespace("late").await);
    let mut sources = Vec::new();
    for ns in [&crowd, &late] {
        sources.push(planted(&w, yard, ns, "data", SOME).await);
    }
    let expected = yard.contents(&sources[0]);
    let wanted = |n: usize| copy(&format!("copy-{n}"), "data").class(&yard.class).size("1Gi");
    for n in 0..CROWD {
        w.claim(&crowd, wanted(n)).await;
    }
    for n in 0..2 {
        w.claim(&late, wanted(n)).await;
    }
    let bound = async |ns: &str, of: usize| -> anyhow::Result<usize> {
        let mut bound = 0;
        for n in 0..of {
            let claim = w.claims(ns).get(&format!("copy-{n}")).await?;
            bound += usize::from(phase(&claim) == "Bound");
        }
        Ok(bound)
    };
    let (most, most_of_one, crowd_then) = (Cell::new(0), Cell::new(0), Cell::new(None));
    w.until_within("all to be bound", LONG, async || {
        let mut of_each = BTreeMap::<String, usize>::new();
        for unfinished in yard.unfinished() {
            *of_each.entry(unfinished.origin).or_default() += 1;
        }
        most.set(most.get().max(of_each.values().sum()));
        most_of_one.set(most_of_one.get().max(of_each.into_values().max().unwrap_or_default()));
        let (of_crowd, of_late) = (bound(&crowd, CROWD).await?, bound(&late, 2).await?);
        if of_late == 2 {
            crowd_then.set(crowd_then.get().or(Some(of_crowd)));
        }
        Ok(Look::holds(of_crowd == CROWD && of_late == 2, (of_crowd, of_late)))
    })
    .await;
    let (most, most_of_one, crowd_then) = (most.get(), most_of_one.get(), crowd_then.get());
    println!("at most {most} at once, {most_of_one} of one namespace; late had both when the crowd had {crowd_then:?}");
    assert!(
        (2..=3).contains(&most) && most_of_one <= 2,
        "{most} at once, {most_of_one} of one namespace"
    );
    assert!(
        crowd_then.is_some_and(|had| had < CROWD),
        "who came late waited for the whole crowd"
    );
    // Which of them had to wait depends on whose token came first.
    w.until("somebody of the crowd to have been told of its turn", async || {
        let mut said = Vec::new();
        for n in 0..CROWD {
            said.extend(w.events(&crowd, &format!("copy-{n}")).await?);
        }
        let waits = |e: &&Said| e.reason == "CopyProgress" && e.note.contains("waits for its turn: at most 2");
        Ok(Look::found(said.iter().find(waits).cloned(), said))
    })
    .await;
    for n in 0..CROWD {
        let claim = w.claims(&crowd).get(&format!("copy-{n}")).await.unwrap();
        assert!(yard.contents(&pv_name(&claim)) == expected, "copy-{n} is whole");
    }
    yard.let_go(&w).await;
}

/// The value of a series without labels.
pub fn figure(metrics: &str, name: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_default()
}

async fn explained(w: &World<'_>, namespace: &str, name: &str) -> String {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tombolo"));
    command.args(["explain", "pvc", name, "-n", namespace]);
    let output = command
        .env("KUBECONFIG", w.cluster.kubeconfig())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
