//! `check` on a host that is well, and on hosts that lack one thing each.

use super::*;
use crate::stage::{Filer, umount};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use tombolo_ganesha::testing::net::Namespace;

fn conf(filer: &Filer) -> String {
    filer
        .server
        .directory()
        .join("ganesha.conf")
        .to_str()
        .unwrap()
        .to_owned()
}

fn check(filer: &Filer) -> (bool, String) {
    filer.host.run(&["check", "--ganesha-conf", &conf(filer)])
}

/// What has failed, by name.
fn failed(said: &str) -> Vec<&str> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("FAILED   "));
    lines.filter_map(|line| line.split(':').next()).collect()
}

/// Fails unless exactly this fails, with words about it and how to mend it.
#[track_caller]
fn fails(filer: &Filer, name: &str, words: &str) {
    let (well, said) = check(filer);
    assert!(
        !well && failed(&said) == [name] && said.contains(words),
        "{name}, {words}:\n{said}"
    );
    assert!(said.contains("mend it: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_well_passes_and_what_it_lacks_is_named_one_by_one() {
    let Some(filer) = Filer::with_grace() else { return };
    let (_service, client) = filer.serve().await;
    client.place_mark(&mark()).await.unwrap();
    filer.exported(&client, "pvc-1").await;
    let (well, said) = check(&filer);
    assert!(well, "{said}");
    for name in [
        "user",
        "root",
        "file system",
        "quotas",
        "room",
        "mount points",
        "records",
        "files for nfs-ganesha",
        "nfs-ganesha",
        "ganesha.conf",
        "mounts",
        "d-bus",
        "networks",
        "nfs port",
        "firewall",
    ] {
        assert!(said.contains(&format!("ok       {name}: ")), "{name}: {said}");
    }
    assert!(said.contains("unknown  advertise: 127.0.0.1"), "{said}");

    filer.configure(|config| config["networks"] = serde_json::json!([]));
    fails(&filer, "networks", "nobody may mount");
    filer.configure(|config| config["networks"] = serde_json::json!(["0.0.0.0/0"]));
    fails(&filer, "networks", "forge handles");
    filer.configure(|config| config["advertise"]["host"] = "no-such-host.invalid".into());
    fails(&filer, "advertise", "no address");
    filer.configure(|config| config["exportsDir"] = "/run/not/there".into());
    fails(&filer, "mount points", "mkdir -p /run/not");
    filer.configure(|config| config["stateDir"] = "/dev/shm/tombolo-records".into());
    fails(&filer, "records", "ids of exports would be given twice");
    filer.configure(|config| config["quota"] = "Full".into());
    let (well, said) = check(&filer);
    assert!(well, "simple ones are better: {said}");

    // Everything about ports and versions that the server was not told.
    filer.configure(|config| {
        config["advertise"]["port"] = 1.into();
        config["advertise"]["mountPort"] = 2.into();
        config["protocols"] = "3,4".into();
    });
    let (_, said) = check(&filer);
    let found = failed(&said);
    for name in ["ganesha.conf", "nfs port", "mount port"] {
        assert!(found.contains(&name), "{name}: {said}");
    }
    for words in [
        "version 3 is not served",
        "nodes are told port 1",
        "nobody listens at 1",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    filer.configure(|_| {});

    std::fs::set_permissions(filer.server.exporter().state, std::fs::Permissions::from_mode(0o777)).unwrap();
    fails(&filer, "records", "chmod 0700");
    std::fs::set_permissions(filer.server.exporter().state, std::fs::Permissions::from_mode(0o700)).unwrap();

    filer.server.configure("NFSv4 { Graceless = true; }\n");
    fails(&filer, "ganesha.conf", "locks of clients");
    filer.server.configure("NFSv4 { RecoveryRoot = /dev/shm/x; }\n");
    fails(&filer, "ganesha.conf", "file system of memory");
    let (_, printed) = filer.host.run(&["ganesha-conf", "--bind", "127.0.0.1"]);
    std::fs::write(conf(&filer), printed.replace("%include", "# ")).unwrap();
    fails(&filer, "ganesha.conf", "%include");
    std::fs::write(conf(&filer), &printed).unwrap();
    assert!(check(&filer).0, "what is printed passes: {printed}");
    std::fs::remove_file(conf(&filer)).unwrap();
    fails(&filer, "ganesha.conf", "tombolo-filer ganesha-conf");
    filer.server.configure("");

    filer.server.kill();
    fails(&filer, "d-bus", "systemctl status nfs-ganesha");
    let at = filer.server.addresses()[0];
    let _taken = TcpListener::bind(at).unwrap();
    let (_, said) = check(&filer);
    assert_eq!(failed(&said), ["d-bus", "nfs port"], "{said}");
    assert!(said.contains("systemctl disable --now nfs-server"), "{said}");
    filer.server.bus().kill();
    let (_, said) = check(&filer);
    assert!(said.contains("systemctl status dbus"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mounts_that_the_server_does_not_see_and_a_user_who_may_not_look_are_failures() {
    let Some(filer) = Filer::with_grace() else { return };
    let (_service, client) = filer.serve().await;
    client.place_mark(&mark()).await.unwrap();
    filer.exported(&client, "pvc-1").await;
    let words = ["check", "--ganesha-conf", &conf(&filer)];
    let checked = filer.host.command(&words);
    let mut apart = Command::new("unshare");
    apart
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            "umount --lazy \"$0\" && exec \"$@\"",
        ])
        .arg(filer.exports_dir().join("pvc-1"))
        .arg(checked.get_program())
        .args(checked.get_args());
    let (_, said) = Host::said(&mut apart);
    assert_eq!(failed(&said), ["mounts"], "{said}");

    std::fs::set_permissions(filer.host.directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (_, said) = Host::said(filer.host.command(&words).uid(65534).gid(65534));
    assert!(failed(&said).contains(&"user"), "{said}");
}

#[test]
fn a_file_system_that_is_not_the_volumes_alone_is_a_failure() {
    let Some(filer) = Filer::with_grace() else { return };
    let (well, said) = check(&filer);
    assert!(well && said.contains("none are on yet"), "{said}");
    assert!(
        !filer.exports_dir().exists() && !filer.server.exporter().state.exists(),
        "it only looks"
    );
    filer.configure(|config| config["quota"] = "Full".into());
    fails(&filer, "quotas", "no quotas are on");
    filer.configure(|_| {});
    std::fs::create_dir(filer.image.path().join("home")).unwrap();
    fails(&filer, "file system", "must hold nothing else");
    std::fs::remove_dir(filer.image.path().join("home")).unwrap();
    let on = Command::new("btrfs")
        .args(["quota", "enable"])
        .arg(filer.image.path())
        .status();
    assert!(on.unwrap().success());
    fails(&filer, "quotas", "btrfs quota disable");
    let state = filer.image.path().join("state");
    filer.configure(|config| config["stateDir"] = state.to_str().unwrap().into());
    let (_, said) = check(&filer);
    assert!(
        failed(&said).contains(&"records") && said.contains("forges NFS handles"),
        "{said}"
    );
    filer.configure(|_| {});
    umount(&filer.image.path());
    let (_, said) = check(&filer);
    assert_eq!(failed(&said), ["root", "file system"], "{said}");
    assert!(said.contains("file system of /"), "{said}");
}

#[test]
fn a_firewall_that_is_left_changed_or_missing_is_a_failure() {
    let Some(filer) = Filer::with_grace() else { return };
    let namespace = match Namespace::new("check") {
        Ok(namespace) => namespace,
        Err(why) => return tombolo_backend_conformance::lacking("a_firewall_that_is_left", &why),
    };
    let checked = filer.host.command(&["check", "--ganesha-conf", &conf(&filer)]);
    let words = [checked.get_program()]
        .into_iter()
        .chain(checked.get_args())
        .map(|word| word.to_str().unwrap());
    let words: Vec<_> = words.collect();
    let firewall = || {
        let within = namespace.words();
        let (_, said) = Host::said(Command::new(&within[0]).args(&within[1..]).args(&words));
        said.lines()
            .find(|line| line.contains(" firewall: "))
            .unwrap()
            .to_owned()
    };
    assert!(firewall().starts_with("ok"), "{}", firewall());
    namespace.run(&["nft", "add table inet tombolo_filer"]).unwrap();
    assert!(firewall().contains("left from nodeAccess: Nodes"), "{}", firewall());
    filer.configure(|config| config["nodeAccess"] = "Nodes".into());
    assert!(firewall().contains("is not as it was made"), "{}", firewall());
    namespace.run(&["nft", "delete table inet tombolo_filer"]).unwrap();
    assert!(firewall().contains("is not there"), "{}", firewall());
}
