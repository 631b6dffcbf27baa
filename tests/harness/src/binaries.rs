//! Finding the binaries of the control plane, and building those that are found nowhere.
//!
//! Order: `KUBEBUILDER_ASSETS` (binaries you have), the cache, `go build` into the cache. A directory of assets need not be
//! complete: the usual ones have neither kube-controller-manager nor snapshot-controller.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::directories;
use crate::go_build::{self, Tool};

/// The binaries of one control plane.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// etcd.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub kube_apiserver: PathBuf,
    /// kubectl.
    pub kubectl: PathBuf,
    /// kube-controller-manager.
    pub kube_controller_manager: PathBuf,
    /// snapshot-controller.
    pub snapshot_controller: PathBuf,
}

impl Binaries {
    /// Finds all binaries and builds the missing ones, which takes minutes the first time and shows its progress.
    pub fn ensure() -> Result<Self> {
        let assets = assets();
        let cache = directories::control_plane_cache()?;
        let missing = |tools: &[Tool]| -> Vec<Tool> {
            tools
                .iter()
                .copied()
                .filter(|tool| find(*tool, assets.as_deref(), &cache).is_none())
                .collect()
        };
        if !missing(&Tool::ALL).is_empty() {
            // Another process may be building the same ones: then they are there when the lock is ours.
            let _lock = directories::lock(&directories::cache()?.join("build.lock"))?;
            go_build::build(&missing(&Tool::ALL), &cache)?;
        }
        let path = |tool: Tool| {
            find(tool, assets.as_deref(), &cache).with_context(|| format!("{} was built and is not there", tool.name()))
        };
        Ok(Self {
            etcd: path(Tool::Etcd)?,
            kube_apiserver: path(Tool::KubeApiserver)?,
            kubectl: path(Tool::Kubectl)?,
            kube_controller_manager: path(Tool::KubeControllerManager)?,
            snapshot_controller: path(Tool::SnapshotController)?,
        })
    }

    /// Links all binaries into one directory, so that scripts find them in one place.
    pub(crate) fn link_into(&self, directory: &Path) -> Result<()> {
        std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        let binaries = [
            &self.etcd,
            &self.kube_apiserver,
            &self.kubectl,
            &self.kube_controller_manager,
            &self.snapshot_controller,
        ];
        for binary in binaries {
            link(binary, directory)?;
        }
        Ok(())
    }
}

/// A kubectl for a cluster that is not ours: the assets', the cache's, or the one on the `PATH`.
pub(crate) fn kubectl() -> Result<PathBuf> {
    find(Tool::Kubectl, assets().as_deref(), &directories::control_plane_cache()?)
        .or_else(|| on_path("kubectl"))
        .context("there is no kubectl on the PATH")
}

pub(crate) fn link(binary: &Path, directory: &Path) -> Result<PathBuf> {
    let link = directory.join(binary.file_name().context("a binary has a name")?);
    match std::fs::remove_file(&link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    std::os::unix::fs::symlink(binary, &link).with_context(|| format!("linking {}", link.display()))?;
    Ok(link)
}

/// An executable of that name on the `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    // Servers are installed in sbin, which an ordinary user's PATH often lacks.
    let more = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(more)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

fn assets() -> Option<PathBuf> {
    std::env::var_os("KUBEBUILDER_ASSETS")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn find(tool: Tool, assets: Option<&Path>, cache: &Path) -> Option<PathBuf> {
    assets
        .into_iter()
        .chain([cache])
        .map(|directory| directory.join(tool.name()))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_come_before_the_cache_and_need_not_be_complete() {
        let (assets, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let put = |directory: &Path, name: &str| std::fs::write(directory.join(name), "").unwrap();
        put(assets.path(), "etcd");
        put(cache.path(), "etcd");
        put(cache.path(), "kube-controller-manager");
        let find = |tool| find(tool, Some(assets.path()), cache.path());
        assert_eq!(find(Tool::Etcd), Some(assets.path().join("etcd")));
        assert_eq!(
            find(Tool::KubeControllerManager),
            Some(cache.path().join("kube-controller-manager"))
        );
        assert_eq!(find(Tool::SnapshotController), None);
    }
}
