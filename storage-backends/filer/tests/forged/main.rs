//! What a client can do that makes its own file handles, and what keeps it from trying. SECURITY.md quotes these tests.
//!
//! With AUTH_SYS a server believes whoever reaches it: a handle is a number and no secret, and generation 0 in it means any. So each
//! test first shows that forging works from an address that the server allows. Then nothing but the network can be what stops it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod firewall;
mod handles;
mod impossible;
#[path = "../stage/mod.rs"]
mod stage;
mod town;

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use tombolo_backend_api::*;
use tombolo_backend_conformance::Image;
use tombolo_ganesha::NodeAccessMode;
use tombolo_ganesha::testing::Options;
use tombolo_ganesha::testing::v4::{Client, Handle};

use stage::MIB;
use stage::host::{Host, path};

/// Number of the first file in every subvolume, which is its root (BTRFS_FIRST_FREE_OBJECTID in linux/btrfs_tree.h).
const SUBVOLUME_ROOT: u64 = 256;
/// Number of the subvolume that holds all others (BTRFS_FS_TREE_OBJECTID).
const TOP_SUBVOLUME: u64 = 5;
/// Number of the root directory of an ext4 (EXT4_ROOT_INO).
const EXT4_ROOT: u32 = 2;
/// Any generation.
const ANY: u32 = 0;

/// The number of a file, by which a forger names it.
fn inode(at: &Path) -> u64 {
    std::fs::metadata(at).unwrap().ino()
}

/// The number of the subvolume that a file is in.
fn subvolume(at: &Path) -> u64 {
    let file: std::os::fd::OwnedFd = std::fs::File::open(at).unwrap().into();
    tombolo_btrfs::subvolume::info(file).unwrap().id.get()
}

/// A handle of a file on the same btrfs, made from one that the server gave for `known`.
fn forged_btrfs(given: &[u8], known: &Path, subvolume_wanted: u64, inode_wanted: u64) -> Handle {
    let pair = |inode: u64, root: u64| [inode.to_ne_bytes(), root.to_ne_bytes()].concat();
    // As open_by_handle_at(2) takes it: file, subvolume, generation.
    let was = pair(inode(known), subvolume(known));
    let at = (0..=given.len() - was.len())
        .find(|at| given[*at..].starts_with(&was))
        .unwrap();
    let mut forged = given.to_vec();
    forged[at..at + 16].copy_from_slice(&pair(inode_wanted, subvolume_wanted));
    forged[at + 16..at + 20].copy_from_slice(&ANY.to_ne_bytes());
    forged
}

/// Likewise on an ext4, whose handles end with file and generation.
fn forged_ext4(given: &[u8], known: &Path, inode_wanted: u32) -> Handle {
    let mut forged = given.to_vec();
    let at = forged.len() - 8;
    assert_eq!(u64::from(number(&given[at..at + 4])), inode(known));
    forged[at..at + 4].copy_from_slice(&inode_wanted.to_ne_bytes());
    forged[at + 4..].copy_from_slice(&ANY.to_ne_bytes());
    forged
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_ne_bytes(bytes.try_into().unwrap())
}

/// The handle of something below a directory whose handle is known.
fn below(client: &mut Client, top: &[u8], path: &str) -> Handle {
    path.split('/')
        .fold(top.to_vec(), |at, name| client.lookup(&at, name).unwrap())
}

/// Puts another export's id into a handle: it follows a version and flags.
fn through(handle: &[u8], export: u16) -> Handle {
    let mut forged = handle.to_vec();
    forged[2..4].copy_from_slice(&export.to_be_bytes());
    forged
}

/// A filer with a volume `mine`, which a tenant mounts, a volume `theirs`, which nobody may mount, and one in the trash.
async fn host(image: impl FnOnce() -> Result<Image, String>) -> Option<(Host, Handle)> {
    let host = Host::on(image, Options::default(), NodeAccessMode::Networks).await?;
    let given = stocked(&host).await;
    Some((host, given))
}

/// Puts the volumes there, and answers the handle that the server gives for the tenant's file.
async fn stocked(host: &Host) -> Handle {
    for name in ["mine", "theirs", "deleted"] {
        host.volume(name, 16 * MIB).await;
        let file = host.stage.root().join(name).join("file");
        std::fs::write(&file, name).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    }
    let disposal = Disposal::Trash {
        id: TrashId::parse("t").unwrap(),
        record: serde_json::json!({}),
    };
    host.filer.discard(&path("deleted"), &disposal).await.unwrap();
    let at = host.mount("mine", "team", Access::ReadWrite).await;
    host.server.v4().handle(&format!("{at}/file")).unwrap()
}
