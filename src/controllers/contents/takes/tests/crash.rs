//! A snapshot that is taken and deleted by controllers that crash, each of them once, at every write in turn.

use super::*;

/// What a crash leaves: the API server and the backend, and nothing that a process knew.
fn restarted(w: &mut World) {
    w.ctx.takes = Arc::default();
    w.ctx.copies = Arc::default();
    w.ctx.locks = Arc::default();
    w.ctx.queue = Arc::default();
    w.ctx
        .roots
        .shelved
        .remove(&crate::domain::ids::BackendName::new("nas1"));
}

/// Looks and takes until it is so, whoever crashes meanwhile.
async fn until(w: &mut World, objects: &Snapshots, what: &str, is: fn(&Content) -> bool) {
    for _ in 0..50 {
        if reconcile(&w.ctx, &content().name).await.is_err() {
            restarted(w);
        }
        if is(&objects.now()) {
            return;
        }
        take(w).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    panic!("it is never {what}: {:?}", objects.now());
}

/// Answers how many writes it took.
async fn story(crash: Option<(usize, bool)>, refused: bool, lost: bool) -> usize {
    let (mut w, objects) = begun().await;
    if let Some((write, after)) = crash {
        objects.crash_at(write, after);
    }
    if lost {
        // Whoever took it does not hear of it any more.
        w.fake.fail_next(Op::TakeSnapshot, Fault::LostAnswer(Class::Transient));
    }
    if refused {
        w.fake
            .fail_always(Op::TakeSnapshot, Fault::Interrupted(Class::Transient));
        until(&mut w, &objects, "begun", |c| c.being_created).await;
        take(&w).await;
        objects.unsourced();
        until(&mut w, &objects, "given up", |c| !c.being_created).await;
    } else {
        until(&mut w, &objects, "ready", |c| c.is_ready() && !c.being_created).await;
        assert_eq!(on_server(&w).await, 1, "{crash:?}");
    }
    objects.deleted();
    until(&mut w, &objects, "let go", |c| c.finalizers.is_empty()).await;
    assert_eq!(on_server(&w).await, 0, "{crash:?}");
    let tree = w.fake.tree();
    let left: Vec<_> = tree.paths().filter(|p| p.starts_with(".tombolo/copies/")).collect();
    assert!(left.is_empty(), "{crash:?}: {left:?}");
    objects.writes()
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_of_a_snapshot_s_life_changes_no_ending() {
    for (refused, lost) in [(false, false), (false, true), (true, false)] {
        let writes = story(None, refused, lost).await;
        assert!(writes >= 5, "{writes}");
        for write in 0..writes {
            for after in [false, true] {
                story(Some((write, after)), refused, lost).await;
            }
        }
    }
}
