//! The storage half of a filer on a real btrfs: where it begins, what it promises of room, what crashes leave.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod copies;
mod exported;
mod full;
mod killed;
mod room;
mod shapes;
#[path = "../stage/mod.rs"]
mod stage;
mod start;

use stage::{MIB, Stage};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use tombolo_backend_api::*;
use tombolo_backend_conformance::{Image, lacking};
use tombolo_backend_filer::Filer;

fn image(made: Result<Image, String>) -> Option<Image> {
    made.inspect_err(|why| lacking(std::thread::current().name().unwrap_or("a test"), why))
        .ok()
}

fn stage(bytes: u64) -> Option<Stage> {
    Some(Stage::on(image(Image::new(bytes))?))
}

/// A filer on a marked root.
async fn marked(stage: &Stage) -> Filer {
    let filer = stage.open().await;
    filer.place_mark(&mark()).await.unwrap();
    filer
}

fn mark() -> Mark {
    Mark {
        backend_id: BackendId::parse("b").unwrap(),
        cluster_id: ClusterId("c".into()),
    }
}

fn path(text: &str) -> VolumePath {
    VolumePath::parse(text).unwrap()
}

fn id(text: &str) -> TrashId {
    TrashId::parse(text).unwrap()
}

fn volume(name: &str, bytes: u64) -> CreateVolume {
    CreateVolume {
        path: path(name),
        mode: 0o777,
        bytes,
    }
}

fn key(name: &str, tenant: &str) -> ExportKey {
    ExportKey {
        path: path(name),
        tenant: Tenant::parse(tenant).unwrap(),
        access: Access::ReadWrite,
    }
}

fn trash(entry: &str) -> Disposal {
    Disposal::Trash {
        id: id(entry),
        record: serde_json::json!({}),
    }
}

const TERMS: CopyTerms = CopyTerms {
    epoch: 1,
    drop_set_id: false,
    max_entries: 1000,
};

fn kind<T: std::fmt::Debug>(answer: Result<T, BackendError>) -> (Class, Certainty) {
    let error = answer.unwrap_err();
    (error.class, error.certainty)
}

fn dir(at: &Path) -> OwnedFd {
    fs::File::open(at).unwrap().into()
}

/// Bytes that do not compress.
fn noise(bytes: u64) -> Vec<u8> {
    let mut seed = 1_u64;
    let words = (0..bytes / 8).flat_map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed.to_ne_bytes()
    });
    words.collect()
}
