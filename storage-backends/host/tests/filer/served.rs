//! What callers and tenants see of the driver `filer`, and what survives.

use super::*;
use crate::serve::{Service, client};
use crate::stage::{Filer, MIB, becomes, key, sized};
use tombolo_backend_conformance::lacking;
use tombolo_backend_remote::Remote;
use tombolo_ganesha::TABLE;
use tombolo_ganesha::testing::missing;
use tombolo_ganesha::testing::net::Namespace;

async fn cut(client: &Remote, name: &str, admission: Admission) {
    client.revoke().unwrap().admit(&key(name), admission).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_made_exported_cut_and_restored_over_tls() {
    let Some(filer) = Filer::start() else { return };
    let service = Service::start(&filer.host);
    let metrics = service.address("metrics");
    let client = client(&filer.host, &service.address("serving")).await;
    let declared = client.capabilities();
    assert!(declared.share && declared.revoke && declared.quota && declared.snapshot && !declared.node_access);
    client.place_mark(&mark()).await.unwrap();
    let at = filer.exported(&client, "pvc-1").await;
    let limit = client
        .inspect(&sized("pvc-1").path)
        .await
        .unwrap()
        .unwrap()
        .enforced_bytes;
    assert_eq!(limit, Some(64 * MIB));
    filer.write(&at, b"bytes");
    assert_eq!(std::fs::read(filer.root().join("pvc-1/file")).unwrap(), b"bytes");
    cut(&client, "pvc-1", Admission::Cut).await;
    filer.read(&at).unwrap_err();
    cut(&client, "pvc-1", Admission::Full).await;
    assert_eq!(filer.read(&at).unwrap(), b"bytes");
    let text = reqwest::get(format!("http://{metrics}/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "tombolo_filer_mended_total{what=\"mount\"} 0",
        "tombolo_filer_settle_failures_total 1",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let mut service = service;
    service.terminate();
    let ended = tokio::task::spawn_blocking(move || service.child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    assert_eq!(filer.read(&at).unwrap(), b"bytes", "tenants do not need the service");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_service_the_server_or_the_host_ends_at_once() {
    let Some(filer) = Filer::start() else { return };
    let (mut service, client) = filer.serve().await;
    client.place_mark(&mark()).await.unwrap();
    let at = filer.exported(&client, "pvc-1").await;
    let other = filer.exported(&client, "pvc-2").await;
    filer.write(&at, b"bytes");
    cut(&client, "pvc-2", Admission::Cut).await;
    let handle = filer.server.v4().handle(&format!("{at}/file")).unwrap();
    let before = client.share().unwrap().exports().await.unwrap();

    service.child.kill().unwrap();
    service.child.wait().unwrap();
    assert_eq!(filer.read(&at).unwrap(), b"bytes", "tenants do not need the service");
    let (mut service, client) = filer.serve().await;
    assert_eq!(client.share().unwrap().exports().await.unwrap(), before);
    assert_eq!(filer.server.v4().read(&handle).unwrap(), b"bytes");

    filer.server.kill();
    filer.server.resume();
    assert_eq!(filer.server.v4().read(&handle).unwrap(), b"bytes");
    filer.read(&other).unwrap_err();

    // The host starts anew: the service first, and the server when the service is ready.
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    filer.server.kill();
    filer.unmount_everything();
    let (_service, client) = filer.serve().await;
    filer.server.resume();
    assert_eq!(filer.server.v4().read(&handle).unwrap(), b"bytes");
    filer.read(&other).unwrap_err();
    cut(&client, "pvc-2", Admission::Full).await;
    filer.server.utility(4).list(&other).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_or_a_bus_that_is_away_is_waited_for_and_its_exports_are_mended() {
    let Some(filer) = Filer::start() else { return };
    filer.server.kill();
    filer.server.bus().kill();
    let (_service, client) = filer.serve().await;
    client.place_mark(&mark()).await.unwrap();
    client.create(&sized("pvc-1")).await.unwrap();
    let away = client.mount(&key("pvc-1")).await.unwrap_err();
    assert_eq!(away.class, Class::Waiting);
    assert!(away.to_string().contains("systemctl status dbus"), "{away}");
    filer.server.bus().resume();
    let away = client.mount(&key("pvc-1")).await.unwrap_err();
    assert_eq!(away.class, Class::Waiting);
    assert!(away.to_string().contains("systemctl status nfs-ganesha"), "{away}");
    filer.server.resume();
    let at = filer.exported(&client, "pvc-1").await;
    filer.write(&at, b"bytes");
    // Somebody takes the server's files away; it gets its exports when it is back.
    filer.server.kill();
    std::fs::write(filer.server.exporter().config_dir.join("exports.conf"), "# nothing\n").unwrap();
    filer.server.resume();
    becomes("the export", || filer.read(&at).is_ok_and(|bytes| bytes == b"bytes")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_is_away_is_waited_for_and_one_that_is_wrong_ends_the_service() {
    let Some(filer) = Filer::start() else { return };
    let away = filer.root().join("deeper/root");
    filer.configure(|config| config["root"] = away.to_str().unwrap().into());
    let service = Service::start(&filer.host);
    assert!(service.told().contains("STATUS=waiting: the root"));
    std::fs::create_dir(filer.root().join("deeper")).unwrap();
    becomes("ready", || service.told().contains("READY=1")).await;
    service.terminate();
    drop(service);

    std::fs::create_dir(filer.image.path().join("home")).unwrap();
    filer.configure(|_| {});
    let (well, said) = filer.host.run(&["serve"]);
    assert!(!well && said.contains("must hold nothing else"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_service_has_the_records_and_another_waits() {
    let Some(filer) = Filer::start() else { return };
    let (mut first, _) = filer.serve().await;
    std::fs::remove_file(filer.host.at("notify")).unwrap();
    let second = Service::start(&filer.host);
    assert!(second.told().contains("STATUS=waiting: another process"));
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    becomes("ready", || second.told().contains("READY=1")).await;
}

/// The server may run already, as after a boot.
#[test]
fn tokens_that_cannot_be_read_leave_no_server_without_its_firewall_set() {
    let name = "tokens_that_cannot_be_read_leave_no_server_without_its_firewall_set";
    if let Some(why) = missing(&["ip", "nft"]) {
        return lacking(name, &why);
    }
    let network = match Namespace::new("host") {
        Ok(network) => network,
        Err(why) => return lacking(name, &why),
    };
    let Some(filer) = Filer::start() else { return };
    filer.configure(|config| config["nodeAccess"] = "Nodes".into());
    secret(&filer.host.at("tokens"), "short");
    let table = || network.run(&["nft", "list", "table", "inet", TABLE]);
    assert!(table().is_err());
    let serve = filer.host.command(&["serve"]);
    let mut within = Command::new("ip");
    within
        .args(["netns", "exec", network.name()])
        .arg(serve.get_program())
        .args(serve.get_args());
    let (well, said) = Host::said(&mut within);
    assert!(!well && said.contains("the credentials cannot be used"), "{said}");
    table().unwrap();
}
