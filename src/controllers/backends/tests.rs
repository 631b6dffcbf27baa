//! A driver that has to be asked before anything is known of it.

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
