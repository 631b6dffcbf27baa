//! What this crate says of the kernel holds, on a real btrfs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "on_btrfs/full.rs"]
mod full;
#[path = "on_btrfs/mounts.rs"]
mod mounts;
#[path = "on_btrfs/quotas.rs"]
mod quotas;
#[path = "on_btrfs/subvolumes.rs"]
mod subvolumes;

use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};
use tombolo_backend_conformance::{Image, lacking};
use tombolo_btrfs::subvolume;

const MIB: u64 = 1 << 20;

/// A file system, or this test is skipped.
fn image(bytes: u64) -> Option<Image> {
    Image::usual_btrfs(bytes)
        .inspect_err(|why| lacking(std::thread::current().name().unwrap_or("a test"), &why.to_string()))
        .ok()
}

/// One with simple quotas.
fn image_with_quotas(bytes: u64) -> Option<Image> {
    let image = image(bytes)?;
    tombolo_btrfs::quota::enable(dir(&image.path())).unwrap();
    Some(image)
}

fn dir(path: &Path) -> OwnedFd {
    File::open(path).unwrap().into()
}

/// Makes a subvolume at the top and opens it.
fn made(image: &Image, name: &str) -> OwnedFd {
    subvolume::create(dir(&image.path()), name).unwrap();
    subvolume::open(dir(&image.path()), name).unwrap()
}

/// Writes bytes that do not compress over a file, to disk, until they are all written or the kernel refuses.
fn fill(file: &Path, bytes: u64) -> Result<(), Errno> {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let block: Vec<u8> = (0..MIB / 8)
        .flat_map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_ne_bytes()
        })
        .collect();
    let error = |e: std::io::Error| Errno::from_io_error(&e).unwrap();
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(file)
        .map_err(error)?;
    for _ in 0..bytes.div_ceil(MIB) {
        file.write_all(&block).map_err(error)?;
    }
    file.sync_all().map_err(error)
}

/// Waits for what the kernel does on its own.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until the kernel has freed what was destroyed.
fn cleaned_up(image: &Image) {
    until("the cleaning up", || {
        subvolume::sync(dir(&image.path())).unwrap();
        matches!(subvolume::still_to_clean(dir(&image.path())).unwrap(), None | Some(0))
    });
}
