//! Servers that say no, and local ports that are not to be had.

use crate::{Ground, both_versions, find, ganesha::*, id, into_trash, mark, path, running, volume};
use std::{fs, os::unix::fs::PermissionsExt, os::unix::process::CommandExt, process::Command};
use tombolo_backend_api::{Backend, Certainty, Class};
use tombolo_backend_conformance::skipped;
use tombolo_backend_nfs::NfsBackend;

both_versions!(
    a_squashed_root_is_denied,
    a_read_only_export_is_denied,
    an_export_closed_to_us_is_denied,
    an_export_that_is_not_there_is_never_an_empty_one,
);

fn at(ground: &Ground, export: &str, subdirectory: Option<&str>) -> NfsBackend {
    tombolo_backend_nfs::open(ground.server.config(export, subdirectory, ground.version))
}

async fn all_denied(backend: &NfsBackend) {
    let error = backend.place_mark(&mark("a")).await.unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Denied, Certainty::NotDone),
        "{error}"
    );
    let error = backend.create(&volume("vol")).await.unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Denied, Certainty::NotDone),
        "{error}"
    );
}

async fn a_squashed_root_is_denied(ground: Ground) {
    all_denied(&at(&ground, SQUASHED, None)).await;
    let error = at(&ground, SQUASHED, Some("sub"))
        .place_mark(&mark("a"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Denied, Certainty::NotDone),
        "{error}"
    );

    // A directory of somebody else in which everybody may work serves, with a word about its mode.
    let theirs = ground.server.behind(SQUASHED).join(&ground.root);
    fs::create_dir(&theirs).unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o777)).unwrap();
    let backend = at(&ground, SQUASHED, Some(&ground.root));
    backend.place_mark(&mark("a")).await.unwrap();
    assert!(backend.notice().unwrap().contains("711"));
    backend.create(&volume("vol")).await.unwrap();
    fs::write(theirs.join("vol/roots"), "").unwrap();
    fs::create_dir(theirs.join("vol/closed")).unwrap();
    fs::write(theirs.join("vol/closed/file"), "").unwrap();
    fs::write(theirs.join("vol/mine"), "").unwrap();
    backend.discard(&path("vol"), &into_trash("vol")).await.unwrap();
    // What cannot be removed does not keep the rest from going.
    let error = backend.purge(&id("vol"), &()).await.unwrap_err();
    assert_eq!(error.class, Class::Denied, "{error}");
    let left = theirs.join(".tombolo/trash/purging-vol");
    assert_eq!((find(&left, "mine").len(), find(&left, "file").len()), (0, 1));
}

async fn a_read_only_export_is_denied(ground: Ground) {
    all_denied(&at(&ground, READ_ONLY, None)).await;
}

async fn an_export_closed_to_us_is_denied(ground: Ground) {
    let backend = at(&ground, CLOSED, None);
    let error = backend.read_mark().await.unwrap_err();
    // Version 4 hides what is closed to a client: there it is as if there were no such export.
    let class = if ground.version == "3" {
        Class::Denied
    } else {
        Class::Waiting
    };
    assert_eq!((error.class, error.certainty), (class, Certainty::NotDone), "{error}");
}

async fn an_export_that_is_not_there_is_never_an_empty_one(ground: Ground) {
    let mut config = ground.server.config_value(OPEN, None, ground.version);
    config["export"] = "/nowhere".into();
    let backend = tombolo_backend_nfs::open(serde_json::from_value(config).unwrap());
    for error in [
        backend.read_mark().await.unwrap_err(),
        backend.inspect(&path("x")).await.unwrap_err(),
        backend.discard(&path("x"), &into_trash("x")).await.unwrap_err(),
        backend.remove_empty(&path("x")).await.unwrap_err(),
        backend.trash().await.unwrap_err(),
        backend.purge(&id("x"), &()).await.unwrap_err(),
    ] {
        // NFS-Ganesha's MOUNT service says "access denied" of what it does not export.
        let class = if ground.version == "3" {
            Class::Denied
        } else {
            Class::Waiting
        };
        assert_eq!((error.class, error.certainty), (class, Certainty::NotDone), "{error}");
    }
}

/// Local ports of established connections to `port`, from the kernel's table.
fn local_ports(port: u16) -> Vec<u16> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let number = |text: &str| u16::from_str_radix(text.split(':').nth(1).unwrap(), 16).unwrap();
    let rows = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| number(row[2]) == port && row[3] == "01")
        .map(|row| number(row[1]))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reserved_ports_are_used_if_asked_for() {
    let Some(server) = running("reserved_ports_are_used_if_asked_for", Ganesha::start(Caches::Usual)) else {
        return;
    };
    for version in ["3", "4.1"] {
        for (choice, reserved) in [("Any", false), ("Reserved", true)] {
            let mut config = server.config_value(OPEN, None, version);
            config["sourcePort"] = choice.into();
            let before = local_ports(server.nfs_port());
            let backend = tombolo_backend_nfs::open(serde_json::from_value(config).unwrap());
            backend.read_mark().await.unwrap();
            let mut ports = local_ports(server.nfs_port());
            ports.retain(|port| !before.contains(port));
            assert!(!ports.is_empty(), "no connection to be seen");
            assert!(
                ports.iter().all(|port| (*port < 1024) == reserved),
                "{version} {choice}: {ports:?}"
            );
            assert_eq!(backend.notice(), None);
        }
    }
}

/// The variable by which the next test tells itself, run as nobody, where to connect.
const AS_NOBODY: &str = "TEST_NFS_CONFIG";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_a_reserved_port_any_is_used_and_said() {
    const NAME: &str = "refusals::without_the_right_to_a_reserved_port_any_is_used_and_said";
    if let Ok(config) = std::env::var(AS_NOBODY) {
        let backend = tombolo_backend_nfs::open(serde_json::from_str(&config).unwrap());
        backend.read_mark().await.unwrap();
        assert!(backend.notice().unwrap().contains("1023"));
        return;
    }
    let Some(server) = running(NAME, Ganesha::shared(Caches::Usual)) else {
        return;
    };
    let start = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if start.trim().parse::<u16>().unwrap() < 1024 {
        return skipped(NAME, "this machine gives ports below 1024 to everybody");
    }
    for version in ["3", "4.1"] {
        let run = Command::new("/proc/self/exe")
            .args(["--exact", NAME])
            .env(AS_NOBODY, server.config_value(OPEN, None, version).to_string())
            .uid(65534)
            .gid(65534)
            .output()
            .unwrap();
        assert!(run.status.success(), "version {version}: {run:?}");
    }
}
