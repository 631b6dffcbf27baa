//! Contents that cannot be taken as things are: who looks at them again, and when.

use super::*;
use crate::controllers::backends::wake_pending;
use crate::domain::ids::Namespace;
use crate::report::memory::say_again;

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_a_change_is_not_looked_at_until_it_is_said_again() {
    let (w, objects) = begun().await;
    objects.unsourced();
    for _ in 0..3 {
        assert_eq!(look(&w).await, Next::After(say_again()));
    }
    let (w, _) = begun().await;
    let name = crate::domain::ids::BackendName::new("nas1");
    let mut root = w.ctx.roots.get(&name).unwrap();
    root.terminating = true;
    w.ctx.roots.put(name, root);
    assert!(matches!(look(&w).await, Next::After(soon) if soon <= Duration::from_secs(60)));
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_room_is_looked_at_when_there_may_be_some() {
    let (w, _) = begun().await;
    w.caches(|index| index.put_content(content()));
    wake_pending(&w.ctx);
    assert!(w.woken().await.contains(&Work::Content(content().name)));
}

#[tokio::test(start_paused = true)]
async fn one_waits_while_copies_have_all_places_and_begins_when_one_of_them_ends() {
    let (mut w, objects) = begun().await;
    sizes_are_enforced(&w, false);
    let copied = the_only_place(&mut w);
    let taking = tokio::spawn(take_on(w.ctx.clone()));
    look(&w).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(on_server(&w).await, 0);
    drop(copied);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(on_server(&w).await, 1);
    look(&w).await;
    assert!(objects.now().is_ready());
    taking.abort();
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_counts_as_copied() {
    let (w, _) = begun().await;
    w.fake.write("pvc-team-data/file", b"bytes");
    look(&w).await;
    see_through(w.ctx.clone(), begin(&w).unwrap()).await;
    assert_eq!(on_server(&w).await, 1);
    let text = w.ctx.metrics.encode().unwrap();
    for line in ["tombolo_copied_bytes_total 5", "tombolo_copied_files_total 1"] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_a_moment_waits_for_no_copy() {
    let (w, _) = begun().await;
    sizes_are_enforced(&w, true);
    let elsewhere = Namespace::new("dev");
    let places = w.ctx.copies.places();
    let taken: Vec<_> = std::iter::from_fn(|| places.take(Line::Copies, [((), &elsewhere)])).collect();
    let others: Vec<_> = (0..8)
        .filter_map(|n| places.take(Line::Copies, [((), &Namespace::new(format!("other-{n}")))]))
        .collect();
    assert_eq!(taken.len() + others.len(), 8, "all places are taken");
    look(&w).await;
    assert!(begin(&w).is_some());
}
