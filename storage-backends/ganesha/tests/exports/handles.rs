//! What clients can do with handles that they have kept.

use crate::lab::{admitted, with};
use std::time::Duration;
use tombolo_backend_api::{Access, Admission};
use tombolo_ganesha::Protocols;
use tombolo_ganesha::testing::{Options, Status};

/// What the rest of ids is for.
#[test]
fn a_reused_id_makes_kept_handles_valid_again() {
    with(Options::default(), async |lab| {
        let bus = lab.server.bus();
        let export = async |volume: &str| {
            let directory = lab.server.volume(volume);
            let file = lab.server.directory().join(format!("{volume}.conf"));
            let text = format!(
                "EXPORT {{ Export_Id = 7; Path = {}; Pseudo = /{volume}; Access_Type = RW; Squash = None; FSAL {{ Name = VFS; }} }}\n",
                directory.display()
            );
            std::fs::write(&file, text).unwrap();
            bus.add(&file, 7).await.unwrap();
        };
        export("first").await;
        let mut client = lab.server.v4();
        let kept = client.handle("/first/file").unwrap();
        bus.remove(7).await.unwrap();
        assert_eq!(client.read(&kept), Err(Status::STALE));
        export("second").await;
        assert_eq!(client.read(&kept).unwrap(), b"first");
    });
}

#[test]
fn a_kept_handle_opens_nothing_after_a_release() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let first = lab.export(&exporter, "first", "t", Access::ReadWrite).await;
        let mut client = lab.server.v4();
        let kept = client.handle(&first.file()).unwrap();
        exporter.release(&first.key).await.unwrap();
        assert_eq!(client.read(&kept), Err(Status::STALE));
        for number in 0..20 {
            let other = lab
                .export(&exporter, &format!("other-{number}"), "t", Access::ReadWrite)
                .await;
            assert_eq!(client.read(&kept), Err(Status::STALE));
            exporter.release(&other.key).await.unwrap();
        }
        // Nor do exports of the same volume to others, or with other access.
        lab.export(&exporter, "first", "t", Access::ReadOnly).await;
        lab.export(&exporter, "first", "u", Access::ReadWrite).await;
        assert_eq!(client.read(&kept), Err(Status::STALE));
        // Only the very export that it is of does, when it is made again.
        lab.export(&exporter, "first", "t", Access::ReadWrite).await;
        assert_eq!(client.read(&kept).unwrap(), b"first");
        exporter.release(&first.key).await.unwrap();
        assert_eq!(client.read(&kept), Err(Status::STALE));
        // The same after a restart of both.
        drop(exporter);
        lab.server.stop();
        lab.server.resume();
        let exporter = lab.ready().await;
        lab.pass(Duration::from_secs(6 * 24 * 3600));
        lab.export(&exporter, "last", "t", Access::ReadWrite).await;
        assert_eq!(lab.server.v4().read(&kept), Err(Status::STALE));
    });
}

/// What no export can prevent, and the firewall set is for: handles can be made, and a client says itself who it is.
#[test]
fn a_read_only_tenant_that_forges_a_handle_writes() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let owner = lab.export(&exporter, "vol", "owner", Access::ReadWrite).await;
        let reader = lab.export(&exporter, "vol", "reader", Access::ReadOnly).await;
        let shown = lab.server.bus().shown().await;
        let id = |path: String| {
            shown
                .iter()
                .find(|(_, shown)| **shown == path)
                .map(|(id, _)| *id)
                .unwrap()
        };
        let mut client = lab.server.v4();
        let mut file = client.handle(&reader.file()).unwrap();
        assert_eq!(client.write(&file, b"x"), Err(Status::ROFS));
        // After a version and flags, a handle of NFS-Ganesha has the export's id.
        assert_eq!(file[2..4], id(reader.path()).to_be_bytes());
        file[2..4].copy_from_slice(&id(owner.path()).to_be_bytes());
        client.write(&file, b"forged").unwrap();
        assert_eq!(std::fs::read(owner.directory.join("file")).unwrap(), b"forged");
    });
}

#[test]
fn ids_ascend_rest_and_are_forgotten_when_they_have_rested() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let id = async || {
            let shown = lab.server.bus().shown().await;
            shown.into_keys().next().unwrap()
        };
        let first = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        let first_id = id().await;
        first.admit(&exporter, Admission::Cut).await;
        first.admit(&exporter, Admission::Full).await;
        assert_eq!(id().await, first_id);
        exporter.release(&first.key).await.unwrap();
        let counts = async || {
            let done = exporter.reconcile().await.unwrap();
            (done.ids_taken, done.ids_resting)
        };
        assert_eq!(counts().await, (0, 1));
        lab.export(&exporter, "other", "t", Access::ReadWrite).await;
        assert_eq!(id().await, first_id + 1);
        lab.pass(lab.config.quarantine - Duration::from_secs(1));
        assert_eq!(counts().await, (1, 1));
        lab.pass(Duration::from_secs(1));
        assert_eq!(counts().await, (1, 0));
    });
}

#[test]
fn without_a_free_id_nothing_is_made_and_nothing_is_lost() {
    with(Options::default(), async |lab| {
        let records = lab.config.state.join("exports");
        std::fs::create_dir_all(&records).unwrap();
        let since = jiff::Timestamp::from_second(1_000_000).unwrap();
        for id in 1..=65534u32 {
            let record = serde_json::json!({"id": id, "sequence": id, "state": {"gone": {"since": since}}});
            std::fs::write(records.join(format!("{id}.json")), record.to_string()).unwrap();
        }
        let exporter = lab.ready().await;
        let last = lab.export(&exporter, "last", "t", Access::ReadWrite).await;
        let directory = lab.server.volume("none");
        let none = crate::lab::key("none", "t", Access::ReadWrite);
        let error = exporter.ensure(&none, &directory).await.unwrap_err();
        assert_eq!(
            (error.class, error.certainty),
            (
                tombolo_backend_api::Class::Full,
                tombolo_backend_api::Certainty::NotDone
            )
        );
        assert_eq!(admitted(&lab, &last), Admission::Full);
        lab.pass(lab.config.quarantine);
        lab.export(&exporter, "next", "t", Access::ReadWrite).await;
        assert_eq!(
            lab.server.bus().shown().await.into_keys().collect::<Vec<_>>(),
            [1, 65535]
        );
    });
}

#[test]
fn an_export_that_comes_back_again_and_again_uses_one_id() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        let ids = lab.server.bus().shown().await;
        for _ in 0..5 {
            exporter.release(&export.key).await.unwrap();
            export.admit(&exporter, Admission::Full).await;
            assert_eq!(lab.server.bus().shown().await, ids);
        }
        exporter.release(&export.key).await.unwrap();
        drop(exporter);
        let exporter = lab.ready().await;
        export.admit(&exporter, Admission::Full).await;
        assert_eq!(lab.server.bus().shown().await, ids, "after a restart");
        assert_eq!(admitted(&lab, &export), Admission::Full);
        let done = exporter.reconcile().await.unwrap();
        assert!(
            done.is_clean() && (done.ids_taken, done.ids_resting) == (1, 0),
            "{done:?}"
        );
    });
}

#[test]
fn a_tenant_who_leaves_ids_behind_runs_out_alone() {
    with(Options::default(), async |lab| {
        let records = lab.config.state.join("exports");
        std::fs::create_dir_all(&records).unwrap();
        for id in 1..=4096 {
            let since = jiff::Timestamp::from_second(1_000_000 - 4096 + id).unwrap();
            let key = crate::lab::key(&format!("vol-{id}"), "greedy", Access::ReadWrite);
            let gone = serde_json::json!({"since": since, "key": key});
            let record = serde_json::json!({"id": id, "sequence": id, "state": {"gone": gone}});
            std::fs::write(records.join(format!("{id}.json")), record.to_string()).unwrap();
        }
        let exporter = lab.ready().await;
        let directory = lab.server.volume("one-more");
        let more = crate::lab::key("one-more", "greedy", Access::ReadWrite);
        let error = exporter.ensure(&more, &directory).await.unwrap_err();
        assert_eq!(
            (error.class, error.certainty),
            (
                tombolo_backend_api::Class::Full,
                tombolo_backend_api::Certainty::NotDone
            )
        );
        let text = error.to_string();
        let free = jiff::Timestamp::from_second(1_000_000 - 4095 + 7 * 24 * 3600).unwrap();
        assert!(
            text.contains("4096 export ids") && text.contains(&free.to_string()),
            "{text}"
        );
        // Another tenant gets one, and this one what it had before.
        lab.export(&exporter, "one-more", "modest", Access::ReadWrite).await;
        let known = lab.export(&exporter, "vol-7", "greedy", Access::ReadWrite).await;
        assert_eq!(lab.server.bus().shown().await[&7], known.path());
        exporter.release(&known.key).await.unwrap();
        exporter.ensure(&more, &directory).await.unwrap_err();
        lab.pass(lab.config.quarantine - Duration::from_secs(4095));
        exporter.ensure(&more, &directory).await.unwrap();
    });
}

#[test]
fn a_handle_of_version_3_resumes_when_a_cut_is_taken_back() {
    let options = Options {
        protocols: Protocols::V3AndV4,
        ..Options::default()
    };
    with(options, async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "a/b", "t", Access::ReadWrite).await;
        assert_eq!(lab.server.utility(3).read(&export.file()).unwrap(), b"a/b");
        let mut client = lab.server.v3();
        let root = client.mount(&export.path()).unwrap();
        let file = client.lookup(&root, "file").unwrap();
        assert_eq!(client.read(&file).unwrap(), b"a/b");
        export.admit(&exporter, Admission::Cut).await;
        assert_eq!(client.read(&file), Err(Status::STALE));
        assert_eq!(client.mount(&export.path()), Err(Status::ACCESS));
        export.admit(&exporter, Admission::Full).await;
        client.write(&file, b"new").unwrap();
        export.admit(&exporter, Admission::ReadOnly).await;
        assert_eq!(client.write(&file, b"x"), Err(Status::ROFS));
        lab.server.kill();
        lab.server.resume();
        assert_eq!(lab.server.v3().read(&file).unwrap(), b"new");
    });
}
