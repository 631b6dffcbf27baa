//! Forging that works, from an address that the server allows.

use super::*;
use tombolo_ganesha::Protocols;
use tombolo_ganesha::testing::Status;

#[tokio::test]
async fn on_btrfs_a_client_with_one_volume_reads_and_writes_every_other() {
    let Some((host, given)) = host(|| Image::new(1024 * MIB)).await else {
        return;
    };
    let root = host.stage.root();
    let known = root.join("mine/file");
    let mut client = host.server.v4();
    assert_eq!(client.read(&given).unwrap(), b"mine");

    // Every subvolume's root has the same number, and subvolumes are numbered one after the other.
    let theirs = forged_btrfs(&given, &known, subvolume(&root.join("theirs")), SUBVOLUME_ROOT);
    let file = client.lookup(&theirs, "file").unwrap();
    assert_eq!(client.read(&file).unwrap(), b"theirs");
    client.write(&file, b"forged").unwrap();
    assert_eq!(std::fs::read(root.join("theirs/file")).unwrap(), b"forged");

    let trashed = subvolume(&root.join(".tombolo/trash/t"));
    let trashed = forged_btrfs(&given, &known, trashed, SUBVOLUME_ROOT);
    let file = client.lookup(&trashed, "file").unwrap();
    assert_eq!(client.read(&file).unwrap(), b"deleted");

    // The directory that holds them all, with what nobody but the filer is to see.
    let top = forged_btrfs(&given, &known, TOP_SUBVOLUME, SUBVOLUME_ROOT);
    let mark = below(&mut client, &top, "root/.tombolo/backend.json");
    assert!(client.read(&mark).unwrap().starts_with(b"{"));
}

#[tokio::test]
async fn on_a_plain_directory_a_client_with_one_volume_reads_and_writes_every_other() {
    let Some((host, given)) = host(|| Image::ext4(64 * MIB)).await else {
        return;
    };
    let root = host.stage.root();
    let mut client = host.server.v4();
    assert_eq!(client.read(&given).unwrap(), b"mine");

    let top = forged_ext4(&given, &root.join("mine/file"), EXT4_ROOT);
    let file = below(&mut client, &top, "root/theirs/file");
    assert_eq!(client.read(&file).unwrap(), b"theirs");
    client.write(&file, b"forged").unwrap();
    assert_eq!(std::fs::read(root.join("theirs/file")).unwrap(), b"forged");
    let file = below(&mut client, &top, "root/.tombolo/trash/t/file");
    assert_eq!(client.read(&file).unwrap(), b"deleted");
}

/// Read-only at the server is a property of an export, and a handle says itself through which one it comes.
#[tokio::test]
async fn who_may_only_read_a_volume_writes_through_the_export_of_another() {
    let Some((host, given)) = host(|| Image::new(1024 * MIB)).await else {
        return;
    };
    let root = host.stage.root();
    let theirs = root.join("theirs");
    let reader = host.mount("theirs", "team", Access::ReadOnly).await;
    let mut client = host.server.v4();
    let file = client.handle(&format!("{reader}/file")).unwrap();
    assert_eq!(client.write(&file, b"x"), Err(Status::ROFS));
    let forged = forged_btrfs(
        &given,
        &root.join("mine/file"),
        subvolume(&theirs),
        inode(&theirs.join("file")),
    );
    client.write(&forged, b"forged").unwrap();
    assert_eq!(client.read(&file).unwrap(), b"forged");
}

/// A cut ends honest mounts.
#[tokio::test]
async fn a_cut_does_not_keep_out_who_forges() {
    let Some((host, given)) = host(|| Image::new(1024 * MIB)).await else {
        return;
    };
    let root = host.stage.root();
    let other = host.mount("theirs", "other", Access::ReadWrite).await;
    let mut client = host.server.v4();
    let others = client.handle(&format!("{other}/file")).unwrap();
    let revoke = host.filer.revoke().unwrap();
    let own = stage::host::key("mine", "team", Access::ReadWrite);
    revoke.admit(&own, Admission::Cut).await.unwrap();
    assert_eq!(client.read(&given), Err(Status::STALE));
    let mine = root.join("mine");
    let forged = forged_btrfs(
        &others,
        &root.join("theirs/file"),
        subvolume(&mine),
        inode(&mine.join("file")),
    );
    assert_eq!(client.read(&forged).unwrap(), b"mine");
}

#[tokio::test]
async fn the_paths_of_volumes_and_the_names_of_tenants_are_no_secret() {
    let options = Options {
        protocols: Protocols::V3AndV4,
        ..Options::default()
    };
    let host = Host::on(|| Image::new(1024 * MIB), options, NodeAccessMode::Networks).await;
    let Some(host) = host else { return };
    stocked(&host).await;
    let at = host.mount("theirs", "other", Access::ReadOnly).await;
    assert!(host.server.v3().exports().unwrap().contains(&at));
    let client = host.server.utility(4);
    for (directory, name) in [("/", "tombolo"), ("/tombolo", "theirs"), ("/tombolo/theirs", "other")] {
        assert!(
            client.list(directory).unwrap().contains(&name.to_owned()),
            "{directory}"
        );
    }
}
