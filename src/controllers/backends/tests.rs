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
