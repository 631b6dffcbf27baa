//! Where the harness keeps things: state under the repository's `target/`, built binaries in the user's cache.
//!
//! The state is found from this crate's own place in the repository, not from `CARGO_TARGET_DIR`, so that scripts find it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// The root of the repository.
pub(crate) fn repository() -> Result<&'static Path> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().nth(2);
    root.context("the harness is two levels below the repository")
}

/// The `go.mod` and `go.sum` from which the control plane is built.
pub(crate) fn go_module() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane")
}

/// The directory with one subdirectory per cluster: `TOMBOLO_DEVCLUSTER_DIR`, or `target/devcluster` in the repository.
pub(crate) fn state_root() -> Result<PathBuf> {
    let root = match std::env::var_os("TOMBOLO_DEVCLUSTER_DIR").filter(|value| !value.is_empty()) {
        Some(given) => std::path::absolute(given)?,
        None => repository()?.join("target/devcluster"),
    };
    std::fs::create_dir_all(&root).with_context(|| format!("creating {}", root.display()))?;
    Ok(root)
}

/// The cache of everything that outlives `cargo clean`: `$XDG_CACHE_HOME/tombolo`, or `~/.cache/tombolo`.
pub(crate) fn cache() -> Result<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: there is no place for the built control plane")?;
    let cache = base.join("tombolo");
    std::fs::create_dir_all(&cache).with_context(|| format!("creating {}", cache.display()))?;
    Ok(cache)
}

/// The cache of binaries and CRDs; its name changes whenever a dependency does.
pub(crate) fn control_plane_cache() -> Result<PathBuf> {
    let sums = go_module().join("go.sum");
    let digest = Sha256::digest(std::fs::read(&sums).with_context(|| format!("reading {}", sums.display()))?);
    let key: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let directory = cache()?.join("controlplane").join(key);
    std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    Ok(directory)
}

/// A lock between processes, held until the file is dropped (or the process ends, however it ends).
pub(crate) fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("creating the lock {}", path.display()))?;
    file.lock().with_context(|| format!("locking {}", path.display()))?;
    Ok(file)
}

/// The same for async code: the holder may be another task on the thread that would be blocked.
pub(crate) async fn lock_async(path: PathBuf) -> Result<File> {
    tokio::task::spawn_blocking(move || lock(&path)).await?
}

/// The same for a destructor, which may be neither async nor blocked for ever: without the lock after a while.
pub(crate) fn lock_within(path: &Path, patience: Duration) -> Result<Option<File>> {
    let file = File::create(path).with_context(|| format!("creating the lock {}", path.display()))?;
    let start = Instant::now();
    while start.elapsed() < patience {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", path.display()));
            }
        }
    }
    Ok(None)
}
