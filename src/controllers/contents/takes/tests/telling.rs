//! What those who wait for a snapshot are told meanwhile.

use super::*;
use crate::api::reasons::SnapshotReason;
use crate::plan::action::{Subject, Told};
use tombolo_backend_api::{CopyProgress as _, Seen};

/// What was told of progress, all of it on `team/before`.
fn told(w: &World) -> Vec<String> {
    let progress = Told::Snapshot(SnapshotReason::SnapshotProgress);
    let all = w.heard.all().into_iter();
    let all: Vec<_> = all.filter(|told| told.reason == progress).collect();
    let on = Subject::Snapshot(snapshot().key, snapshot().uid);
    assert!(all.iter().all(|told| told.subject == on), "{all:?}");
    all.into_iter().map(|told| told.text).collect()
}

#[tokio::test(start_paused = true)]
async fn how_far_one_is_is_told_soon_and_then_seldom() {
    let (w, _) = begun().await;
    sizes_are_enforced(&w, false);
    look(&w).await;
    let (running, heard) = (begin(&w).unwrap(), heard(&w));
    let (bytes, files) = (20 << 10, 3);
    let done = Copied {
        bytes,
        files,
        ..Copied::default()
    };
    let of = Seen {
        bytes: 2 * bytes,
        entries: 7,
        whole: true,
    };
    heard.copied(done, of);
    let seconds = |n| tokio::time::sleep(Duration::from_secs(n));
    telling(&w.ctx, &running.take, &heard, seconds(4)).await;
    assert_eq!(told(&w), [""; 0], "it is done soon");
    telling(&w.ctx, &running.take, &heard, seconds(70)).await;
    let told = told(&w);
    assert_eq!(told.len(), 3, "after 5, 35 and 65 seconds: {told:?}");
    assert!(
        told.iter()
            .all(|said| said.starts_with("copied 20 KiB in 3 files, 50 % of all")),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_others_is_told_so_once() {
    for at_once in [false, true] {
        let (mut w, _) = begun().await;
        sizes_are_enforced(&w, at_once);
        let _copied = the_only_place(&mut w);
        let own = snapshot().key.namespace;
        let quick = &w.ctx.takes.quick;
        let _quick: Vec<_> = std::iter::from_fn(|| quick.take(Line::Takes, [((), &own)])).collect();
        let taking = tokio::spawn(take_on(w.ctx.clone()));
        for _ in 0..3 {
            look(&w).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let waits =
            "it waits for its turn: at most 1 copies and snapshots for a namespace, and 1 in all, are made at once";
        let expected: &[&str] = if at_once { &[] } else { &[waits] };
        assert_eq!(
            (told(&w), on_server(&w).await),
            (expected.iter().map(|s| s.to_string()).collect(), 0),
            "{at_once}"
        );
        taking.abort();
    }
}
