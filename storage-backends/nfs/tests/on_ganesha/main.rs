//! The backend against a real NFS server, in both versions of the protocol.
//!
//! What the backend did is looked at from behind the export, in the server's own file system. Every case has a root
//! of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests may panic, as tests may"
)]

mod copies;
mod full;
#[path = "../ganesha/mod.rs"]
mod ganesha;
mod hands;
mod marks;
mod outages;
mod purges;
mod refusals;
mod slow;
mod volumes;

use ganesha::{Caches, Ganesha, OPEN};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};
use tombolo_backend_api::{BackendId, ClusterId, CreateVolume, Disposal, Mark, TrashId, VolumePath};
use tombolo_backend_conformance::lacking;
use tombolo_backend_nfs::NfsBackend;

/// A fresh root on the shared server.
struct Ground {
    server: Arc<Ganesha>,
    root: String,
    version: &'static str,
}

impl Ground {
    fn backend(&self) -> NfsBackend {
        tombolo_backend_nfs::open(self.server.config(OPEN, Some(&self.root), self.version))
    }

    /// The root in the server's file system.
    fn behind(&self) -> PathBuf {
        self.server.behind(OPEN).join(&self.root)
    }
}

/// Declares a case twice, for either version.
macro_rules! both_versions {
    ($($case:ident),+ $(,)?) => {
        mod v3 { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $case() {
            if let Some(ground) = $crate::ground(concat!(module_path!(), "::", stringify!($case)), "3") {
                super::$case(ground).await;
            }
        })+ }
        mod v4_1 { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $case() {
            if let Some(ground) = $crate::ground(concat!(module_path!(), "::", stringify!($case)), "4.1") {
                super::$case(ground).await;
            }
        })+ }
    };
}
pub(crate) use both_versions;

fn ground(case: &str, version: &'static str) -> Option<Ground> {
    let server = running(case, Ganesha::shared(Caches::Usual))?;
    Some(Ground {
        server,
        root: case.replace("::", "-"),
        version,
    })
}

/// The server, or a word about why the case is skipped.
fn running<T>(case: &str, started: Result<T, String>) -> Option<T> {
    started.inspect_err(|reason| lacking(case, reason)).ok()
}

fn mark(id: &str) -> Mark {
    Mark {
        backend_id: BackendId::parse(id).unwrap(),
        cluster_id: ClusterId("cluster".into()),
    }
}

fn path(text: &str) -> VolumePath {
    VolumePath::parse(text).unwrap()
}

fn volume(text: &str) -> CreateVolume {
    CreateVolume {
        path: path(text),
        mode: 0o777,
        bytes: 1 << 30,
    }
}

fn id(text: &str) -> TrashId {
    TrashId::parse(text).unwrap()
}

fn into_trash(text: &str) -> Disposal {
    Disposal::Trash {
        id: id(text),
        record: serde_json::json!({ "volume": text }),
    }
}

/// All files of a name, on any file system.
fn find(directory: &Path, name: &str) -> Vec<PathBuf> {
    let output = Command::new("find")
        .arg(directory)
        .args(["-name", name])
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(PathBuf::from)
        .collect()
}
