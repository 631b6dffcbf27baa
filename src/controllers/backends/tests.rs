//! A driver that has to be asked before anything is known of it.

use super::retiring::{snapshots_left, waits_to_know};
use super::*;
use crate::backends::Drivers;
use crate::controllers::testing::world;
use crate::domain::ids::Namespace;
use async_trait::async_trait;
use std::sync::Mutex;
use tombolo_backend_api::Capabilities;
use tombolo_backend_fake::Fake;

/// Opens the fake, once it is there.
struct Elsewhere(Mutex<Option<Fake>>);

#[async_trait]
impl Drivers for Elsewhere {
    async fn open(&self, _: &StorageBackendSpec) -> Result<Opened, BackendError> {
        let there = self.0.lock().unwrap().clone();
        let driver = there.ok_or_else(|| BackendError::not_done(Class::Waiting, "nobody answers"))?;
        Ok(Opened {
            driver: Arc::new(driver),
            node: None,
            tending: None,
        })
    }
}

#[tokio::test]
async fn a_driver_that_is_away_at_first_is_opened_when_it_is_there() {
    let mut world = world(Vec::new(), []).await;
    let elsewhere = Arc::new(Elsewhere(Mutex::new(None)));
    world.ctx.drivers = elsewhere.clone();
    let name = BackendName::new("far");
    let unopened = Root {
        driver: None,
        capabilities: None,
        id: None,
        state: RootState::Degraded(R::Degraded, "not looked at yet".into()),
        ..world.ctx.roots.get(&BackendName::new("nas1")).unwrap()
    };
    world.ctx.roots.put(name.clone(), unopened);
    let view = || {
        let views = world
            .ctx
            .roots
            .views(&*world.ctx.ports.ledger, &Namespace::new("ns"), &[]);
        views.into_iter().find(|view| view.name == name).unwrap()
    };

    let root = world.ctx.roots.get(&name).unwrap();
    let Err(error) = look(&world.ctx, &name, &root, None).await else {
        panic!("nobody was there");
    };
    assert_eq!(reason_of(&error), R::Unreachable);
    assert!(!view().asked, "what it cannot do is not known");

    *elsewhere.0.lock().unwrap() = Some(Fake::new("far", Capabilities::ALL));
    let Ok(RootState::Ready(guarded)) = look(&world.ctx, &name, &root, None).await else {
        panic!("it was there");
    };
    assert_eq!(guarded.capabilities(), Capabilities::ALL);
    assert!(view().asked && view().capabilities.quota);
}

#[tokio::test]
async fn what_a_look_finds_is_not_undone_by_what_the_watch_says_meanwhile() {
    let world = world(Vec::new(), []).await;
    let (roots, name) = (&world.ctx.roots, BackendName::new("nas1"));
    let opened = Opened {
        driver: Arc::new(world.fake.clone()),
        node: Some("node-1".into()),
        tending: None,
    };
    let spec = roots.get(&name).unwrap().spec;
    std::thread::scope(|threads| {
        let (before, now) = roots.update(&name, |before| {
            threads.spawn(|| roots.opened(&name, &spec, &opened));
            // Long enough for it to come between, if it could.
            std::thread::sleep(std::time::Duration::from_millis(50));
            let before = before.unwrap();
            Root {
                word: Some("a word".into()),
                ..before
            }
        });
        assert_eq!((before.unwrap().word, now.word), (None, Some("a word".into())));
    });
    let after = roots.get(&name).unwrap();
    assert_eq!(
        (after.word.as_deref(), after.node.as_deref()),
        (Some("a word"), Some("node-1"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_comes_back_wakes_what_snapshots_wait_for_it() {
    use crate::plan::testing::snapshots::{content, snapshot};
    let world = world(Vec::new(), []).await;
    world.caches(|index| index.put_snapshot(snapshot()));
    world.caches(|index| index.put_content(content()));
    wake_everything_that_waits(&world.ctx);
    let expected = [Work::Snapshot(snapshot().key), Work::Content(content().name)];
    let woken = world.woken().await;
    assert!(expected.iter().all(|work| woken.contains(work)), "{woken:?}");
}

#[tokio::test(start_paused = true)]
async fn a_backend_with_the_content_of_a_snapshot_is_not_let_go_and_is_looked_at_when_that_goes() {
    use crate::controllers::contents;
    use crate::controllers::testing::snapshots::Snapshots;
    use crate::domain::served::Served;
    use crate::domain::snapshot::Kind;
    use crate::domain::snapshot::content::Content;
    use crate::plan::testing::snapshots::{content, on_backend, ready, snapshot};
    use tombolo_backend_api::CopyTerms;
    let mut world = world(Vec::new(), []).await;
    let name = BackendName::new("nas1");
    let root = || Root {
        terminating: true,
        ..world.ctx.roots.get(&name).unwrap()
    };
    world.ctx.roots.put(name.clone(), root());
    let known = root().id;
    let left = async || snapshots_left(&world.ctx, &root()).await.unwrap();
    let served = |served| world.caches(|index| index.snapshots_are(Kind::Content, served));
    assert!(left().await, "it is not known which contents there are");
    served(Served::NotInstalled);
    assert!(!left().await);
    served(Served::Forbidden);
    assert!(!left().await, "there is none on it");
    world.directory("pvc-team-data").await;
    let terms = CopyTerms {
        epoch: 0,
        drop_set_id: false,
        max_entries: 10,
    };
    let there = on_backend();
    let taking = world.fake.snapshots().unwrap();
    taking
        .take_snapshot(&there.id, &there.of, 5, &terms, &())
        .await
        .unwrap();
    assert!(left().await, "there is one, whatever it is");
    world.caches(|index| index.reset_contents(Vec::new()));
    assert!(!left().await, "nobody asks for what was retained");
    let kept = Content {
        status: Some(ready()),
        ..content()
    };
    world.caches(|index| index.put_content(kept.clone()));
    assert!(left().await);
    let unknown = Root { id: None, ..root() };
    served(Served::Yes);
    assert!(!snapshots_left(&world.ctx, &unknown).await.unwrap(), "it is another's");
    world.ctx.roots.put(name.clone(), Root { id: None, ..root() });
    assert!(
        snapshots_left(&world.ctx, &unknown).await.unwrap(),
        "it is nobody else's"
    );
    world.caches(|index| index.reset_contents(Vec::new()));
    for (served_now, may_be) in [
        (Served::Yes, false),
        (Served::NotInstalled, false),
        (Served::Unknown, true),
        (Served::Forbidden, true),
    ] {
        served(served_now);
        let left = snapshots_left(&world.ctx, &unknown).await.unwrap();
        assert_eq!(left, may_be, "{served_now:?}");
        assert_eq!(waits_to_know(&world.ctx, &unknown).is_some(), may_be);
    }
    served(Served::Yes);
    world.caches(|index| index.put_content(kept.clone()));
    world.ctx.roots.put(name.clone(), Root { id: known, ..unknown });

    let objects = Arc::new(Snapshots::default());
    objects.put(snapshot(), kept);
    objects.deleted();
    world.ctx.ports.snapshots = objects;
    world.ctx.ports.cluster = Arc::new(crate::controllers::testing::objects::Objects::default());
    contents::reconcile(&world.ctx, &content().name).await.unwrap();
    assert!(
        world.woken().await.contains(&Work::Backend(name)),
        "that was the last one"
    );
}
