//! Volumes on a filer: a host with a file system, an NFS server and `tombolo-filer`, which the controller reaches over TLS.
//!
//! What tenants can do is asked of the server by somebody else's client, never of us. Most stories share one filer; one that restarts it,
//! changes its credentials or fills its pauses has its own.

mod clone;
mod cut;
mod faults;
mod here;
mod mounting;
mod nodes;
mod not_cut;
mod pause;
mod quota;
mod reading;
mod resize;
mod secrets;

use std::sync::atomic::{AtomicU32, Ordering};

use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::json;
use tokio::sync::OnceCell;
use tombolo::api::storage_backend::StorageBackend;
use tombolo_harness::wait::Look;
use tombolo_harness::{Cluster, Filer, report_skipped};

use crate::controller::NAMESPACE;
use crate::world::World;

/// Whether this machine can have no filer; then the story is reported as skipped.
fn lacks_filer(story: &str) -> bool {
    let reason = Filer::unavailable();
    if let Some(reason) = &reason {
        report_skipped(story, reason);
    }
    reason.is_some()
}

/// The filer that stories share.
async fn shared_filer() -> &'static Filer {
    static FILER: OnceCell<&'static Filer> = OnceCell::const_new();
    let start = async || {
        let filer = started("shared").await;
        make(&World::shared("filer").await, &shared_name(), filer).await;
        filer
    };
    FILER.get_or_init(start).await
}

/// The name of the backend, the class and the Secret on it.
fn shared_name() -> String {
    format!("filer-{}", std::process::id())
}

/// Starts a filer that is there until this program ends.
async fn started(name: &str) -> &'static Filer {
    let cluster = Cluster::shared().await.unwrap();
    Box::leak(Box::new(Filer::start(cluster, name).await.unwrap()))
}

/// Makes a Secret, a backend and a class of one name on a filer, and waits until the backend is ready.
async fn make(world: &World<'_>, name: &str, filer: &Filer) {
    let [secret, backend] = filer.manifests(name, NAMESPACE).unwrap();
    world.cluster.apply(&secret.to_string()).await.unwrap();
    world.create::<StorageBackend>(world.all(), backend).await;
    world.backend_is(name, "Ready", "True").await;
    world
        .storage_class(name, json!({"parameters": {"backend": name}}))
        .await;
}

/// Writes the Secret that a backend's credentials are in.
async fn credit(world: &World<'_>, name: &str, token: &str) {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": {"token": token},
    });
    world.cluster.apply(&secret.to_string()).await.unwrap();
}

impl World<'static> {
    /// A place like the shared one, but with its class on the filer that such stories share.
    async fn on_filer(story: &str) -> Self {
        let filer = shared_filer().await;
        let mut world = World::shared(story).await;
        (world.class, world.filer) = (shared_name(), Some(filer));
        world
    }

    /// The same on a filer of its own.
    async fn on_own_filer(story: &str) -> (Self, &'static Filer) {
        let mut world = World::shared(story).await;
        let filer = started(&world.id).await;
        make(&world, &world.id, filer).await;
        (world.class, world.filer) = (world.id.clone(), Some(filer));
        (world, filer)
    }
}

impl World<'_> {
    /// Whether a client that begins now reads a file; the error says what the server answered.
    async fn try_read(&self, pv: &PersistentVolume, file: &str) -> anyhow::Result<String> {
        let bytes = self.files().read(&format!("{}/{file}", self.path(pv))).await?;
        Ok(String::from_utf8(bytes)?)
    }

    /// Waits until a client that begins now is refused.
    async fn shut_out(&self, pv: &PersistentVolume, file: &str) {
        self.until("the volume to be out of reach", async || {
            let read = self.try_read(pv, file).await;
            Ok(Look::found(read.as_ref().err().map(|_| ()), &read))
        })
        .await;
    }

    /// Why a client may not make a file; waits until it may not.
    async fn refused_to_write(&self, pv: &PersistentVolume) -> String {
        let attempt = AtomicU32::new(0);
        self.until("a write to be refused", async || {
            // A file that was made cannot be made again.
            let name = format!("attempt-{}", attempt.fetch_add(1, Ordering::Relaxed));
            let written = self.files().write(&format!("{}/{name}", self.path(pv)), SHORT).await;
            Ok(Look::found(
                written.err().map(|error| format!("{error:#}")),
                "it was written",
            ))
        })
        .await
    }
}

/// As much as the client writes over version 4 at once.
const SHORT: &[u8] = &[7; 1000];
