//! Storage as its server sees it: what is planted there, what is unfinished, and what came out.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};

use kube::api::ListParams;
use serde_json::json;
use tombolo::api::storage_backend::StorageBackend;
use tombolo_harness::wait::Look;
use tombolo_harness::{Cluster, Controller, ControllerOptions};

use crate::controller;
use crate::world::World;

/// A class, and the directory below which its volumes lie.
pub struct Yard {
    pub class: String,
    pub root: PathBuf,
}

/// A copy that is not finished.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unfinished {
    /// What it is of, as far as its name tells.
    pub origin: String,
    /// The term of the leader who makes it.
    pub term: u64,
    pub path: PathBuf,
}

/// A file, a directory or a link, without what cannot be the same in a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    mode: u32,
    contents: Vec<u8>,
}

/// A controller that elects and is started again when its Lease was lost, with these flags, and a yard of each kind in the cluster: on a real NFS server, and in a directory.
pub async fn yards(w: &World<'_>, flags: &[&str]) -> (Controller, Vec<Yard>) {
    let options = flags
        .iter()
        .fold(controller::options("copies").electing().restarted(), |o, f| o.flag(*f));
    let options: ControllerOptions = options.flag("--namespace=default");
    let controller = Controller::launch(w.cluster, options).await.unwrap();
    let nfs = Yard {
        class: w.class.clone(),
        root: w.cluster.nfs().unwrap().endpoint().export_dir.join(&w.id),
    };
    let name = format!("local-{}", w.id);
    let root = w.cluster.directory().join(&name);
    std::fs::create_dir_all(&root).unwrap();
    let backend = json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": name},
        "spec": {"local": {"path": root, "node": "node1"}, "trashRetention": "0s"},
    });
    w.create::<StorageBackend>(w.all(), backend).await;
    w.storage_class(&name, json!({"parameters": {"backend": name}})).await;
    for backend in [&name, &w.id] {
        w.backend_is(backend, "Ready", "True").await;
    }
    (controller, vec![nfs, Yard { class: name, root }])
}

/// A place in a cluster of its own, with the definitions and the backend on the NFS server.
pub async fn place<'c>(cluster: &'c Cluster, story: &str) -> World<'c> {
    World::own(cluster, story).await
}

impl Yard {
    pub fn volume(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// So many files in directories of a hundred, each with a content of its own, a link and a second name.
    pub fn plant(&self, name: &str, files: usize) {
        let volume = self.volume(name);
        for n in 0..files {
            let directory = volume.join(format!("d{}", n / 100));
            if n % 100 == 0 {
                std::fs::create_dir(&directory).unwrap();
            }
            std::fs::write(directory.join(format!("f{n}")), format!("{n} ").repeat(500)).unwrap();
        }
        std::fs::set_permissions(volume.join("d0/f0"), PermissionsExt::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("d0/f0", volume.join("link")).unwrap();
        std::fs::hard_link(volume.join("d0/f1"), volume.join("second")).unwrap();
    }

    /// Everything in a volume, by its path.
    pub fn contents(&self, name: &str) -> BTreeMap<PathBuf, Entry> {
        let volume = self.volume(name);
        let entry = |path: &Path| {
            let metadata = path.symlink_metadata().unwrap();
            let contents = match metadata.file_type() {
                t if t.is_dir() => Vec::new(),
                t if t.is_symlink() => path.read_link().unwrap().into_os_string().into_encoded_bytes(),
                _ => std::fs::read(path).unwrap(),
            };
            Entry {
                mode: metadata.mode(),
                contents,
            }
        };
        let below = |path: &PathBuf| path.strip_prefix(&volume).unwrap().to_owned();
        walk(&volume).iter().map(|path| (below(path), entry(path))).collect()
    }

    /// Copies that are under way, or were given up.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        let copies = self.root.join(".tombolo/copies");
        let named = |path: &PathBuf| {
            let name = path.file_name()?.to_str()?;
            let fields: Vec<_> = name.split('.').collect();
            let [_, origin, term, _, "tree"] = fields[..] else {
                return None;
            };
            Some(Unfinished {
                origin: origin.to_owned(),
                term: term.parse().ok()?,
                path: path.clone(),
            })
        };
        listed(&copies).iter().filter_map(named).collect()
    }

    /// Waits until a copy has begun and has so many files.
    pub async fn amid_a_copy(&self, w: &World<'_>, files: usize) -> Unfinished {
        w.until("a copy to be under way", async || {
            let all = self.unfinished();
            let far = all.iter().find(|copy| inodes(&copy.path).len() >= files);
            let seen: Vec<_> = all.iter().map(|copy| (copy, inodes(&copy.path).len())).collect();
            Ok(Look::found(far.cloned(), seen))
        })
        .await
    }

    /// Waits until nothing is unfinished and nothing in the trash.
    pub async fn swept(&self, w: &World<'_>) {
        w.until("no copy and no trash to be left", async || {
            let of = |directory: &str| listed(&self.root.join(".tombolo").join(directory));
            let left = [of("copies"), of("trash")].concat();
            Ok(Look::holds(left.is_empty(), left))
        })
        .await;
    }

    /// Waits until no PersistentVolume has the token of a copy.
    pub async fn let_go(&self, w: &World<'_>) {
        w.until("no source to be kept for a copy", async || {
            let pvs = w.pvs().list(&ListParams::default()).await?.items;
            let finalizers = pvs.iter().flat_map(|pv| pv.metadata.finalizers.iter().flatten());
            let tokens: Vec<_> = finalizers.filter(|f| f.starts_with("tombolo.dev/copying-")).collect();
            Ok(Look::holds(tokens.is_empty(), format!("{tokens:?}")))
        })
        .await;
    }
}

/// Regular files below a directory, as long as it is there.
pub fn inodes(directory: &Path) -> BTreeSet<u64> {
    let metadata = walk(directory)
        .into_iter()
        .filter_map(|path| path.symlink_metadata().ok());
    metadata.filter(std::fs::Metadata::is_file).map(|m| m.ino()).collect()
}

fn listed(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        for path in listed(&next) {
            if path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
                waiting.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}
