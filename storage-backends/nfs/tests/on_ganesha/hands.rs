//! What the suite takes for a tenant's hands tells the refusals of a real server apart.

use crate::ganesha::{CLOSED, Caches, Ganesha, OPEN, READ_ONLY};
use std::fs;
use tombolo_backend_api::{Access, Backend, ExportKey, Tenant, VolumePath};
use tombolo_backend_conformance::hands::{self, Hands, Libnfs, Refused};
use tombolo_backend_conformance::lacking;

/// The versions of the protocol, and the largest file that the client can write in them.
const VERSIONS: [(&str, usize); 2] = [("3", 100_000), ("4.1", hands::SMALL)];

async fn mounted(server: &Ganesha, export: &str, version: &str) -> Libnfs {
    let volume = format!("volume-{version}");
    let behind = server.behind(export).join(&volume);
    fs::create_dir(&behind).unwrap();
    fs::write(behind.join("old"), "old").unwrap();
    let key = ExportKey {
        path: VolumePath::parse(&volume).unwrap(),
        tenant: Tenant::parse("tenant").unwrap(),
        access: Access::ReadWrite,
    };
    let backend = tombolo_backend_nfs::open(server.config(export, None, version));
    Libnfs::mount(&backend.mount(&key).await.unwrap()).unwrap()
}

fn started(test: &str) -> Option<Ganesha> {
    if Libnfs::is_missing() {
        lacking(test, "libnfs-utils is not installed");
        return None;
    }
    Ganesha::start(Caches::Off).map_err(|why| lacking(test, &why)).ok()
}

#[tokio::test]
async fn hands_read_write_and_list() {
    let Some(server) = started("hands_read_write_and_list") else {
        return;
    };
    for (version, largest) in VERSIONS {
        let hands = mounted(&server, OPEN, version).await;
        hands.write("new", &vec![7; largest]).await.unwrap();
        assert_eq!(hands.read("new").await.unwrap(), vec![7; largest]);
        assert_eq!(hands.list().await.unwrap(), ["new", "old"].map(String::from).into());
        let absent = hands.read("absent").await.unwrap_err();
        assert!(matches!(absent, Refused::Other(_)), "{absent:?}");
        let large = vec![9; 8 << 20];
        fs::write(server.behind(OPEN).join(format!("volume-{version}/large")), &large).unwrap();
        let held = hands.hold("large").await.unwrap();
        assert!(held.rest().await.unwrap().len() == large.len() - 1);
    }
}

#[tokio::test]
async fn hands_tell_what_is_read_only() {
    let Some(server) = started("hands_tell_what_is_read_only") else {
        return;
    };
    for (version, _) in VERSIONS {
        let hands = mounted(&server, READ_ONLY, version).await;
        assert_eq!(hands.write("new", b"new").await, Err(Refused::ReadOnly));
        assert_eq!(hands.read("old").await.unwrap(), b"old");
    }
}

#[tokio::test]
async fn hands_tell_what_is_not_exported() {
    let Some(server) = started("hands_tell_what_is_not_exported") else {
        return;
    };
    for (version, _) in VERSIONS {
        let hands = mounted(&server, CLOSED, version).await;
        assert_eq!(hands.write("new", b"new").await, Err(Refused::Gone));
        assert_eq!(hands.read("old").await, Err(Refused::Gone));
        assert_eq!(hands.list().await, Err(Refused::Gone));
        assert_eq!(hands.hold("old").await.err(), Some(Refused::Gone));
    }
}

#[tokio::test]
async fn hands_tell_what_is_full() {
    let test = "hands_tell_what_is_full";
    for (version, largest) in VERSIONS {
        let Some(server) = started(test) else { return };
        let (export, small) = match server.small("hands", version) {
            Ok(small) => small,
            Err(why) => return lacking(test, &why),
        };
        let hands = mounted(&server, export, version).await;
        fs::write(small.join("ballast"), vec![0; 900 << 10]).unwrap();
        let mut refusal = None;
        for n in 0..100 {
            refusal = hands.write(&format!("file-{n}"), &vec![7; largest]).await.err();
            if refusal.is_some() {
                break;
            }
        }
        let old = hands.read("old").await;
        assert_eq!(refusal, Some(Refused::NoSpace), "{version}");
        assert_eq!(old.unwrap(), b"old");
    }
}
