//! What comes across with a snapshot that another namespace restores: everything, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, getxattr, mknodat, setxattr};
use serde_json::json;
use tombolo_harness::{Cluster, report_skipped};

use super::objects::{self, ready};
use crate::clones::yard::{Yard, yards};
use crate::draft::claim;
use crate::see::name_of;
use crate::world::{World, cannot};

const ATTRIBUTE: &str = "user.tombolo.test";

/// All that a file has, but for times and what its server numbers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    mode: u32,
    owner: (u32, u32),
    names: u64,
    contents: Vec<u8>,
    attribute: Option<Vec<u8>>,
}

/// Everything in a volume, and which names are of one file.
fn everything(yard: &Yard, volume: &str) -> (BTreeMap<PathBuf, Entry>, BTreeSet<BTreeSet<PathBuf>>) {
    let root = yard.volume(volume);
    let (mut entries, mut files, mut waiting) = (
        BTreeMap::new(),
        BTreeMap::<u64, BTreeSet<PathBuf>>::new(),
        vec![root.clone()],
    );
    while let Some(directory) = waiting.pop() {
        for found in std::fs::read_dir(directory).unwrap() {
            let path = found.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let below = path.strip_prefix(&root).unwrap().to_owned();
            let contents = match metadata.file_type() {
                t if t.is_dir() => {
                    waiting.push(path.clone());
                    Vec::new()
                }
                t if t.is_symlink() => path.read_link().unwrap().into_os_string().into_encoded_bytes(),
                _ => {
                    files.entry(metadata.ino()).or_default().insert(below.clone());
                    std::fs::read(&path).unwrap()
                }
            };
            let entry = Entry {
                mode: metadata.mode(),
                owner: (metadata.uid(), metadata.gid()),
                names: if metadata.is_dir() { 0 } else { metadata.nlink() },
                attribute: attribute(&path).filter(|_| !metadata.is_symlink()),
                contents,
            };
            entries.insert(below, entry);
        }
    }
    (entries, files.into_values().collect())
}

fn attribute(path: &Path) -> Option<Vec<u8>> {
    let mut value = vec![0; 64];
    let length = getxattr(path, ATTRIBUTE, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}

/// Files of other owners, in modes that are not the usual, with several names, links that lead nowhere or out, and holes.
fn plant(yard: &Yard, volume: &str) {
    yard.plant(volume, 120);
    let at = |name: &str| yard.volume(volume).join(name);
    let write = |name: &str, bytes: &[u8]| std::fs::write(at(name), bytes).unwrap();
    let mode = |name: &str, mode| std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(70_001).collect();
    write("bytes", &bytes);
    write("empty", b"");
    write("a name with blanks \u{e9}", b"x");
    std::fs::create_dir_all(at("deep/er/still")).unwrap();
    std::fs::hard_link(at("bytes"), at("deep/er/third")).unwrap();
    std::fs::hard_link(at("bytes"), at("deep/fourth")).unwrap();
    for (link, to) in [
        ("dangling", "no/where"),
        ("out", "../../etc/passwd"),
        ("deep/up", "../bytes"),
    ] {
        symlink(to, at(link)).unwrap();
    }
    let sparse = std::fs::File::create(at("sparse")).unwrap();
    sparse.set_len(1 << 20).unwrap();
    chown(at("bytes"), Some(1234), Some(5678)).unwrap();
    chown(at("deep/er"), Some(1001), Some(1002)).unwrap();
    write("private", b"secret");
    chown(at("private"), Some(77), Some(88)).unwrap();
    mode("private", 0o600);
    mode("deep/er", 0o750);
    mode("deep", 0o1777);
    let text: &[u8] = b"of a file";
    // Not every file system has them.
    let _ = setxattr(at("private"), ATTRIBUTE, text, XattrFlags::empty());
    let _ = setxattr(at("deep"), ATTRIBUTE, b"of a directory".as_slice(), XattrFlags::empty());
}

#[tokio::test]
async fn sn_43_across_namespaces_everything_comes_with_its_owner_mode_names_links_and_attributes() {
    const STORY: &str = "sn_43_across_namespaces_everything_comes_with_its_owner_mode_names_links_and_attributes";
    if cannot(STORY) {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return report_skipped(STORY, "files of several owners need root");
    }
    let options = World::options().with_snapshots().with_reference_grants();
    let cluster = Cluster::start(options).await.unwrap();
    let w = World::own(&cluster, "whole").await;
    let (_controller, yards) = yards(&w, &[]).await;
    objects::class(&w, "Delete", false).await;
    for (n, yard) in yards.iter().enumerate() {
        let (prod, dev) = (
            w.namespace(&format!("prod{n}")).await,
            w.namespace(&format!("dev{n}")).await,
        );
        let (_, pv) = w.bound_claim(&prod, claim("data").class(&yard.class).size("1Gi")).await;
        plant(yard, name_of(&pv));
        let expected = everything(yard, name_of(&pv));
        let pipe = yard.volume(name_of(&pv)).join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        objects::take(&w, &prod, "before", "data").await;
        ready(&w, &prod, "before").await;
        let without = "complete but for 1 devices, sockets or FIFOs";
        w.told_on(&prod, "VolumeSnapshot", "before", "SnapshotProgress", without)
            .await;
        std::fs::write(yard.volume(name_of(&pv)).join("bytes"), "changed since").unwrap();
        let mut source = crate::draft::cross_source("prod-snap", &prod, "before");
        source["spec"]["source"] = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "before", "namespace": prod});
        crate::across::name_source(&w, &dev, source).await;
        let mut grant = crate::draft::grant("to-dev", &dev);
        grant["spec"]["to"] = json!([{"group": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "before"}]);
        crate::across::give(&w, &prod, grant).await;
        let app = crate::across::through("app", "prod-snap")
            .class(&yard.class)
            .size("1Gi");
        let (_, made) = w.bound_claim(&dev, app).await;
        let found = everything(yard, name_of(&made));
        let keeps_attributes = yard.class != w.class;
        for (path, entry) in &expected.0 {
            let entry = Entry {
                attribute: entry.attribute.clone().filter(|_| keeps_attributes),
                ..entry.clone()
            };
            assert_eq!(found.0.get(path), Some(&entry), "{}: {path:?}", yard.class);
        }
        assert_eq!(found.0.len(), expected.0.len(), "{}", yard.class);
        assert_eq!(found.1, expected.1, "names of one file, {}", yard.class);
        if keeps_attributes && expected.0.values().all(|entry| entry.attribute.is_none()) {
            report_skipped(STORY, "the file system has no extended attributes; all else was shown");
        }
    }
}
