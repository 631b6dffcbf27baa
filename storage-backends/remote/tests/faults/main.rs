//! What goes wrong between two ends: either restarts, answers are lost, credentials change, peers are slow, or ask too much.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod credentials;
mod limits;
mod lost;
mod places;
mod proxy;
mod restarts;
mod roots;
#[path = "../support/mod.rs"]
mod support;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use support::Far;
use tombolo_backend_api::*;
use tombolo_backend_fake::Fake;

fn path(text: &str) -> VolumePath {
    VolumePath::parse(text).unwrap()
}

fn id(text: &str) -> TrashId {
    TrashId::parse(text).unwrap()
}

fn volume(at: &str) -> CreateVolume {
    CreateVolume {
        path: path(at),
        mode: 0o755,
        bytes: 1 << 20,
    }
}

fn mark(name: &str) -> Mark {
    Mark {
        backend_id: BackendId::parse(name).unwrap(),
        cluster_id: ClusterId("cluster".to_owned()),
    }
}

/// A far side with a marked fake that has a volume `v` and a trash entry `t`.
async fn far() -> (Fake, Far) {
    let fake = stocked().await;
    let far = Far::start(Arc::new(fake.clone())).await;
    (fake, far)
}

async fn stocked() -> Fake {
    let fake = Fake::default();
    fake.place_mark(&mark("b")).await.unwrap();
    for at in ["v", "gone"] {
        fake.create(&volume(at)).await.unwrap();
        fake.write(&format!("{at}/file"), "bytes");
    }
    let disposal = Disposal::Trash {
        id: id("t"),
        record: serde_json::json!({}),
    };
    fake.discard(&path("gone"), &disposal).await.unwrap();
    fake.take_calls();
    fake
}

/// Waits until something is so.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    for _ in 0..400 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what} did not happen");
}
