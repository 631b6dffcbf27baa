//! A filer with a real NFS-Ganesha on a real btrfs: what tenants see, and what survives.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod stage;

use stage::MIB;
use stage::host::{Host, key, path, volume};
use std::fs;
use tombolo_backend_api::*;

const TERMS: CopyTerms = CopyTerms {
    epoch: 1,
    drop_set_id: false,
    max_entries: 1000,
};

#[tokio::test]
async fn a_volume_its_clone_and_its_snapshot_are_served_each_by_itself() {
    let Some(host) = Host::start(4096 * MIB).await else {
        return;
    };
    host.volume("pvc-1", 64 * MIB).await;
    let at = host.mount("pvc-1", "team", Access::ReadWrite).await;
    host.write(&format!("{at}/file"), b"then").unwrap();
    assert_eq!(fs::read(host.stage.root().join("pvc-1/file")).unwrap(), b"then");

    let id = SnapshotId::parse("s-1").unwrap();
    let snapshots = host.filer.snapshots().unwrap();
    snapshots
        .take_snapshot(&id, &path("pvc-1"), 64 * MIB, &TERMS, &())
        .await
        .unwrap();
    host.overwrite(&format!("{at}/file"), b"now!").unwrap();
    let clones = host.filer.clones().unwrap();
    clones
        .clone_volume(&path("pvc-1"), &volume("pvc-2", 64 * MIB), &TERMS, &())
        .await
        .unwrap();
    snapshots
        .restore_snapshot(&id, &volume("pvc-3", 64 * MIB), &TERMS, &())
        .await
        .unwrap();
    for (name, found) in [("pvc-2", b"now!"), ("pvc-3", b"then")] {
        let at = host.mount(name, "team", Access::ReadWrite).await;
        assert_eq!(host.read(&format!("{at}/file")).unwrap(), found, "{name}");
        host.overwrite(&format!("{at}/file"), b"mine").unwrap();
    }
    assert_eq!(host.read(&format!("{at}/file")).unwrap(), b"now!");

    let read_only = host.mount("pvc-1", "reader", Access::ReadOnly).await;
    assert_eq!(host.read(&format!("{read_only}/file")).unwrap(), b"now!");
    let refused = host.write(&format!("{read_only}/new"), b"x").unwrap_err();
    assert!(refused.contains("ROFS"), "{refused}");
}

#[tokio::test]
async fn a_full_volume_stops_its_own_writers_and_not_the_neighbour() {
    let Some(host) = Host::start(2048 * MIB).await else {
        return;
    };
    host.volume("pvc-1", 8 * MIB).await;
    host.volume("pvc-2", 64 * MIB).await;
    let one = host.mount("pvc-1", "team", Access::ReadWrite).await;
    let two = host.mount("pvc-2", "team", Access::ReadWrite).await;
    let bytes = vec![7; 64 << 10];
    let fill = |at: String| {
        host.write(&at, b"x")?;
        // The limit counts what reaches the disk.
        host.stage.image.sync();
        host.overwrite(&at, &bytes).map_err(|status| format!("{status:?}"))
    };
    let (full, why) = (0..400)
        .find_map(|n| Some((n, fill(format!("{one}/file-{n}")).err()?)))
        .unwrap();
    assert!(why.contains("DQUOT") || why.contains("NOSPC"), "{why}");
    assert!((64..=128).contains(&full), "{full} of 64 KiB each went into 8 MiB");
    fill(format!("{two}/file")).unwrap();
    // Growing lets the writer go on at once.
    host.filer
        .resize()
        .unwrap()
        .resize_volume(&path("pvc-1"), 32 * MIB)
        .await
        .unwrap();
    fill(format!("{one}/again")).unwrap();
}

#[tokio::test]
async fn what_is_exported_survives_restarts_of_the_filer_of_the_server_and_of_the_host() {
    let Some(mut host) = Host::start(1024 * MIB).await else {
        return;
    };
    host.volume("team/pvc-1", 64 * MIB).await;
    let at = host.mount("team/pvc-1", "team", Access::ReadWrite).await;
    host.write(&format!("{at}/file"), b"bytes").unwrap();

    host.restart().await;
    let settled = host.filer.settle().await.unwrap();
    assert_eq!((settled.mounted, settled.unmounted, settled.failed), (0, 0, vec![]));
    assert_eq!(host.read(&format!("{at}/file")).unwrap(), b"bytes");

    host.server.kill();
    host.server.resume();
    host.filer.settle().await.unwrap();
    assert_eq!(host.read(&format!("{at}/file")).unwrap(), b"bytes");

    // The server begins before the filer, and finds no volume: it must not serve what lies below.
    host.server.stop();
    host.unmount_everything();
    host.server.resume();
    assert!(host.server.utility(4).list(&at).map_or(true, |names| names.is_empty()));
    host.restart().await;
    let settled = host.filer.settle().await.unwrap();
    assert_eq!((settled.mounted, settled.failed), (1, vec![]));
    assert_eq!(host.read(&format!("{at}/file")).unwrap(), b"bytes");
    assert_eq!(host.mount("team/pvc-1", "team", Access::ReadWrite).await, at);
}

#[tokio::test]
async fn a_cut_a_release_and_a_discard_each_end_access() {
    let Some(host) = Host::start(1024 * MIB).await else {
        return;
    };
    host.volume("pvc-1", 64 * MIB).await;
    let at = host.mount("pvc-1", "team", Access::ReadWrite).await;
    let file = format!("{at}/file");
    host.write(&file, b"bytes").unwrap();
    let mut client = host.server.v4();
    let handle = client.handle(&file).unwrap();
    let export = key("pvc-1", "team", Access::ReadWrite);
    let revoke = host.filer.revoke().unwrap();
    revoke.admit(&export, Admission::Cut).await.unwrap();
    assert!(client.read(&handle).is_err() && host.read(&file).is_err());
    host.filer.settle().await.unwrap();
    assert!(host.read(&file).is_err(), "settling keeps a cut");
    revoke.admit(&export, Admission::Full).await.unwrap();
    assert_eq!(client.read(&handle).unwrap(), b"bytes");

    let disposal = Disposal::Trash {
        id: TrashId::parse("t").unwrap(),
        record: serde_json::json!({}),
    };
    host.filer.discard(&path("pvc-1"), &disposal).await.unwrap();
    assert!(client.read(&handle).is_err() && host.read(&file).is_err());
    assert_eq!(host.filer.share().unwrap().exports().await.unwrap(), []);
    assert_eq!(fs::read_dir(host.stage.exports_dir()).unwrap().count(), 0);

    // Back from the trash it is the same way for the same tenant, and only once that one mounts it.
    host.filer
        .restore(&TrashId::parse("t").unwrap(), &path("pvc-1"))
        .await
        .unwrap();
    assert!(client.read(&handle).is_err());
    assert_eq!(host.mount("pvc-1", "team", Access::ReadWrite).await, at);
    assert_eq!(host.read(&file).unwrap(), b"bytes");
    assert_eq!(client.read(&handle).unwrap(), b"bytes");
    host.filer.share().unwrap().release(&export).await.unwrap();
    assert!(host.read(&file).is_err());
    assert_eq!(fs::read_dir(host.stage.exports_dir()).unwrap().count(), 0);
}
