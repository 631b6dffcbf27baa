//! `list` and `fsck` with the driver `filer`, beside the service and without it.

use super::*;
use crate::stage::{Filer, key, umount};

#[tokio::test(flavor = "multi_thread")]
async fn list_shows_limits_exports_and_what_deleted_volumes_left_beside_the_service() {
    let Some(filer) = Filer::start() else { return };
    let (_service, client) = filer.serve().await;
    client.place_mark(&mark()).await.unwrap();
    filer.exported(&client, "pvc-1").await;
    client
        .revoke()
        .unwrap()
        .admit(&key("pvc-1"), Admission::Cut)
        .await
        .unwrap();
    let (well, said) = filer.host.run(&["list"]);
    assert!(well, "{said}");
    for words in ["volume pvc-1 ", " of 67108864", "lets through Cut", "pinned 0 bytes"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fsck_shows_what_settling_would_mend_and_mends_it_only_when_told() {
    let Some(filer) = Filer::start() else { return };
    let (service, client) = filer.serve().await;
    client.place_mark(&mark()).await.unwrap();
    let at = filer.exported(&client, "pvc-1").await;
    filer.exported(&client, "pvc-2").await;
    filer.write(&at, b"bytes");
    assert_eq!(filer.host.run(&["fsck"]), (true, String::new()));

    // Behind the back of the service: a mount, an export, a file for the next start, and a volume.
    umount(&filer.exports_dir().join("pvc-1"));
    let shown = filer.server.bus().shown().await;
    let (id, _) = shown.iter().find(|(_, path)| path.contains("pvc-2")).unwrap();
    filer.server.bus().remove(*id).await.unwrap();
    let stray = filer.server.exporter().config_dir.join("exports/00/stray.conf");
    std::fs::write(&stray, "").unwrap();
    let differences = [
        "volume pvc-1: it has exports, and is not mounted",
        "export pvc-2 for team (ReadWrite): NFS-Ganesha does not have it",
        "stray.conf would be exported",
    ];
    for _ in 0..2 {
        let (well, said) = filer.host.run(&["fsck"]);
        assert!(!well && said.lines().count() == 3, "{said}");
        for words in differences {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(stray.exists());
    }
    // The service has the records; beside it only what needs none is mended.
    let trash = filer.root().join(".tombolo/trash/alone.json");
    std::fs::write(&trash, "{}").unwrap();
    let (well, said) = filer.host.run(&["fsck", "--repair"]);
    assert!(
        !well && said.matches("if the service runs, it mends this by itself").count() == 3,
        "{said}"
    );
    assert!(
        said.contains("trash alone: a record without a volume: mended") && !trash.exists(),
        "{said}"
    );

    drop(service);
    let (well, said) = filer.host.run(&["fsck", "--repair"]);
    assert!(well && said.matches(": mended").count() == 3, "{said}");
    assert_eq!(filer.host.run(&["fsck"]), (true, String::new()));
    assert_eq!(filer.read(&at).unwrap(), b"bytes");

    std::fs::rename(filer.root().join("pvc-2"), filer.root().join("elsewhere")).unwrap();
    let (well, said) = filer.host.run(&["fsck"]);
    assert!(
        !well && said.contains("export pvc-2 for team (ReadWrite): there is no such volume"),
        "{said}"
    );
    let (well, said) = filer.host.run(&["fsck", "--repair"]);
    assert!(well && said.contains(": mended"), "{said}");
    assert_eq!(filer.host.run(&["fsck"]), (true, String::new()));

    filer.server.kill();
    let (well, said) = filer.host.run(&["fsck"]);
    assert!(
        !well && said.contains("what NFS-Ganesha exports cannot be asked"),
        "{said}"
    );
}
