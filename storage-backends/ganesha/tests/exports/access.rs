//! Who may do what: read-only at the server, tenants apart, cut and restored.

use crate::lab::{admitted, key, with};
use std::collections::BTreeSet;
use tombolo_backend_api::{Access, Admission, Exported};
use tombolo_ganesha::testing::{Options, Status};

#[test]
fn a_tenant_reads_and_writes_and_another_only_reads() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let owner = lab.export(&exporter, "vol", "owner", Access::ReadWrite).await;
        let reader = lab.export(&exporter, "vol", "reader", Access::ReadOnly).await;
        let client = lab.server.utility(4);
        assert_eq!(client.read(&owner.file()).unwrap(), b"vol");
        client
            .write(&format!("{}/new", owner.path()), b"from the owner")
            .unwrap();
        assert_eq!(
            client.read(&format!("{}/new", reader.path())).unwrap(),
            b"from the owner"
        );
        let refused = client.write(&format!("{}/other", reader.path()), b"x").unwrap_err();
        assert!(refused.contains("ROFS"), "{refused}");
        assert!(!owner.directory.join("other").exists());
        assert_eq!(
            [&owner, &reader].map(|export| admitted(&lab, export)),
            [Admission::Full, Admission::ReadOnly]
        );
    });
}

#[test]
fn cutting_one_tenant_ends_its_open_files_and_nobody_elses() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let cut = lab.export(&exporter, "vol", "cut", Access::ReadWrite).await;
        let other = lab.export(&exporter, "vol", "other", Access::ReadWrite).await;
        let mut client = lab.server.v4();
        let [held, others] = [&cut, &other].map(|export| client.handle(&export.file()).unwrap());
        let who = client.introduce("a", [1; 8]).unwrap();
        let root = client.handle(&cut.path()).unwrap();
        let open = client.open(&who, &root, "file").unwrap();
        client.write_open(&open, b"vol").unwrap();
        for _ in 0..2 {
            cut.admit(&exporter, Admission::Cut).await;
        }
        assert_eq!(client.write_open(&open, b"x"), Err(Status::STALE));
        assert_eq!(client.read(&held), Err(Status::STALE));
        assert_eq!(client.handle(&cut.path()), Err(Status::NOENT));
        assert_eq!(client.read(&others).unwrap(), b"vol");
        // Mounting what is cut does not bring it back.
        exporter.ensure(&cut.key, &cut.directory).await.unwrap();
        assert_eq!(admitted(&lab, &cut), Admission::Cut);
        let listed = exporter.exports().await.unwrap();
        assert!(
            listed.contains(&Exported {
                key: cut.key.clone(),
                admission: Admission::Cut
            }),
            "{listed:?}"
        );

        cut.admit(&exporter, Admission::Full).await;
        assert_eq!(client.read(&held).unwrap(), b"vol");
        // What was open has to be opened again.
        assert_eq!(client.write_open(&open, b"x"), Err(Status::BAD_STATEID));
        assert_eq!(admitted(&lab, &cut), Admission::Full);
    });
}

#[test]
fn access_shrinks_to_reading_while_a_file_is_open() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        let mut client = lab.server.v4();
        let who = client.introduce("a", [1; 8]).unwrap();
        let root = client.handle(&export.path()).unwrap();
        let open = client.open(&who, &root, "file").unwrap();
        client.write_open(&open, b"vol").unwrap();
        export.admit(&exporter, Admission::ReadOnly).await;
        assert_eq!(client.write_open(&open, b"x"), Err(Status::ROFS));
        assert_eq!(client.read(&open.file).unwrap(), b"vol");
        export.admit(&exporter, Admission::Full).await;
        client.write_open(&open, b"new").unwrap();
        assert_eq!(std::fs::read(export.directory.join("file")).unwrap(), b"new");
    });
}

#[test]
fn a_read_only_tenant_never_writes_whatever_is_admitted() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadOnly).await;
        for (admission, found) in [
            (Admission::Full, Admission::ReadOnly),
            (Admission::ReadOnly, Admission::ReadOnly),
            (Admission::Cut, Admission::Cut),
            (Admission::Full, Admission::ReadOnly),
        ] {
            export.admit(&exporter, admission).await;
            assert_eq!(admitted(&lab, &export), found);
        }
    });
}

#[test]
fn whoever_is_in_no_network_finds_nothing() {
    let elsewhere = ["192.0.2.0/24", "2001:db8::/32"].map(String::from);
    for networks in [vec![], elsewhere.to_vec()] {
        with(
            Options {
                networks,
                ..Options::default()
            },
            async |lab| {
                let exporter = lab.ready().await;
                let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
                let found = lab.server.v4().handle(&export.file());
                assert!(matches!(found, Err(Status::NOENT | Status::ACCESS)), "{found:?}");
                assert!(exporter.reconcile().await.unwrap().is_clean());
            },
        );
    }
}

#[test]
fn what_is_not_there_is_released_and_cut_and_is_made_by_admitting() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let absent = key("none", "t", Access::ReadWrite);
        exporter.release(&absent).await.unwrap();
        exporter.release_volume(&absent.path).await.unwrap();
        let directory = lab.server.volume("none");
        exporter.admit(&absent, &directory, Admission::Cut).await.unwrap();
        assert_eq!(exporter.exports().await.unwrap(), []);
        exporter.admit(&absent, &directory, Admission::ReadOnly).await.unwrap();
        assert_eq!(
            exporter.exports().await.unwrap(),
            [Exported {
                key: absent,
                admission: Admission::ReadOnly
            }]
        );
    });
}

#[test]
fn releasing_a_volume_removes_its_exports_and_no_others() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let mut gone = vec![];
        for (tenant, access) in [
            ("a", Access::ReadWrite),
            ("a", Access::ReadOnly),
            ("b", Access::ReadOnly),
        ] {
            gone.push(lab.export(&exporter, "vol", tenant, access).await);
        }
        gone[2].admit(&exporter, Admission::Cut).await;
        let stays = lab.export(&exporter, "vol-2", "a", Access::ReadWrite).await;
        exporter.release_volume(&gone[0].key.path).await.unwrap();
        for export in &gone {
            assert_eq!(admitted(&lab, export), Admission::Cut);
        }
        assert_eq!(admitted(&lab, &stays), Admission::Full);
        assert_eq!(exporter.exports().await.unwrap().len(), 1);
    });
}

#[test]
fn cutting_and_restoring_under_load_leaves_the_server_up() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        let file = lab.server.v4().handle(&export.file()).unwrap();
        let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let writers = [(); 3].map(|()| {
            let (mut client, file, ended) = (lab.server.v4(), file.clone(), ended.clone());
            std::thread::spawn(move || {
                let mut found = BTreeSet::new();
                while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                    found.insert(client.write(&file, b"vol"));
                }
                found
            })
        });
        for _ in 0..25 {
            for admission in [Admission::Cut, Admission::Full, Admission::ReadOnly, Admission::Full] {
                export.admit(&exporter, admission).await;
            }
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        let found: BTreeSet<_> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        assert_eq!(found, [Ok(()), Err(Status::ROFS), Err(Status::STALE)].into());
        assert_eq!(admitted(&lab, &export), Admission::Full);
    });
}
