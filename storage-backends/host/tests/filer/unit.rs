//! What is installed beside the binary: the units are sound, and leave the service the rights that it needs, and the mounts.

use super::*;
use crate::serve::{Service, client};
use crate::stage::{Filer, key, sized};
use tombolo_backend_conformance::lacking;
use tombolo_ganesha::testing::net::Namespace;

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/filer");

fn deployed(name: &str) -> String {
    std::fs::read_to_string(Path::new(DEPLOY).join(name)).unwrap()
}

/// What a unit with a drop-in says of a key, in its order.
fn said(key: &str) -> Vec<String> {
    let texts = [deployed("tombolo-filer.service"), deployed("tombolo-filer-filer.conf")];
    let lines = texts.iter().flat_map(|text| text.lines());
    let values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

/// The words that begin a command with no more rights than the unit leaves, but for one.
fn confined(without: &str) -> Vec<String> {
    let rights = said("CapabilityBoundingSet").join(" ");
    let rights = rights.split(' ').filter(|right| *right != without);
    let rights: Vec<_> = rights
        .map(|right| right.trim_start_matches("CAP_").to_lowercase())
        .collect();
    let set = format!("--bounding-set=-all,+{}", rights.join(",+"));
    vec![
        "setpriv".to_owned(),
        set,
        "--inh-caps=-all".to_owned(),
        "--no-new-privs".to_owned(),
    ]
}

#[test]
fn systemd_understands_the_units() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return lacking(
            "systemd_understands_the_units",
            "systemd-analyze is not installed (Debian: systemd)",
        );
    }
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    // It looks whether programs are there.
    let unit = deployed("tombolo-filer.service").replace("/usr/local/bin/tombolo-filer", "/bin/true");
    std::fs::write(at("tombolo-filer.service"), unit).unwrap();
    std::fs::write(
        at("nfs-ganesha.service"),
        "[Service]\nType=forking\nExecStart=/bin/true\n",
    )
    .unwrap();
    for (unit, drop_in) in [
        ("tombolo-filer", "tombolo-filer-filer.conf"),
        ("nfs-ganesha", "nfs-ganesha-tombolo.conf"),
    ] {
        std::fs::create_dir(at(&format!("{unit}.service.d"))).unwrap();
        std::fs::write(at(&format!("{unit}.service.d/x.conf")), deployed(drop_in)).unwrap();
    }
    let mut verify = Command::new("systemd-analyze");
    verify
        .arg("verify")
        .args([at("tombolo-filer.service"), at("nfs-ganesha.service")])
        .env("SYSTEMD_UNIT_PATH", format!("{}:", scratch.path().display()));
    assert_eq!(Host::said(&mut verify), (true, String::new()));
}

#[test]
fn no_option_keeps_the_mounts_of_the_filer_from_others() {
    // Those of systemd.exec(5) that make a mount namespace, and what each is without one.
    let apart = [
        ("ProtectSystem", "no"),
        ("ReadWritePaths", ""),
        ("ProtectHome", "no"),
        ("PrivateTmp", "no"),
        ("PrivateDevices", "no"),
        ("ProtectKernelTunables", "no"),
        ("ProtectKernelModules", "no"),
        ("ProtectKernelLogs", "no"),
        ("ProtectControlGroups", "no"),
        ("ProtectProc", "default"),
        ("ProcSubset", "all"),
    ];
    for (key, without) in apart {
        assert_eq!(said(key).last().map(String::as_str), Some(without), "{key}");
    }
    for key in [
        "PrivateMounts",
        "MountFlags",
        "ReadOnlyPaths",
        "InaccessiblePaths",
        "ExecPaths",
        "NoExecPaths",
        "BindPaths",
        "BindReadOnlyPaths",
        "TemporaryFileSystem",
        "RootDirectory",
        "RootImage",
        "MountImages",
        "ExtensionImages",
        "ExtensionDirectories",
        "PrivateIPC",
        "LogNamespace",
        "DynamicUser",
    ] {
        assert_eq!(said(key), Vec::<String>::new(), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_that_the_unit_leaves_are_enough_and_the_widest_is_needed() {
    let Some(filer) = Filer::start() else { return };
    let serve = filer.host.command(&["serve", "--log-format", "json"]);
    // On a host that nothing was done to yet.
    let words = confined("CAP_SYS_ADMIN");
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .arg(serve.get_program())
        .args(serve.get_args());
    let (well, said) = Host::said(&mut command);
    assert!(!well && said.contains("the backend cannot be opened"), "{said}");

    let words = confined("");
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .arg(serve.get_program())
        .args(serve.get_args());
    let service = Service::run(&filer.host, command);
    let client = client(&filer.host, &service.address("serving")).await;
    client.place_mark(&mark()).await.unwrap();
    let at = filer.exported(&client, "pvc-1").await;
    filer.write(&at, b"bytes");
    // A tenant's own, and closed to everybody else.
    let file = filer.root().join("pvc-1/file");
    std::os::unix::fs::chown(&file, Some(4242), Some(4242)).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o4700)).unwrap();
    let terms = CopyTerms {
        epoch: 1,
        drop_set_id: true,
        max_entries: 10,
    };
    let (clones, resize) = (client.clones().unwrap(), client.resize().unwrap());
    clones
        .clone_volume(&key("pvc-1").path, &sized("pvc-2"), &terms, &())
        .await
        .unwrap();
    resize
        .resize_volume(&key("pvc-1").path, 2 * sized("pvc-1").bytes)
        .await
        .unwrap();
    let trash = TrashId::parse("t").unwrap();
    let disposal = Disposal::Trash {
        id: trash.clone(),
        record: serde_json::json!({}),
    };
    client.discard(&key("pvc-1").path, &disposal).await.unwrap();
    client.purge(&trash, &()).await.unwrap();
    assert!(!filer.exports_dir().join("pvc-1").exists());
}

#[test]
fn the_firewall_needs_the_right_over_networks() {
    let namespace = match Namespace::new("rights") {
        Ok(namespace) => namespace,
        Err(why) => return lacking("the_firewall_needs_the_right_over_networks", &why),
    };
    let nft = |without: &str| {
        let words = [namespace.words(), confined(without)].concat();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["nft", "add table inet tombolo_filer"]);
        Host::said(&mut command).0
    };
    assert!(!nft("CAP_NET_ADMIN"));
    assert!(nft(""));
}
