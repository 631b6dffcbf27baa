//! Copies by a real server: what comes across, and what a server can refuse.

use crate::{Ground, both_versions, ganesha::*, mark, path, running, volume};
use rustix::fs::CWD;
use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileExt, MetadataExt, PermissionsExt, chown, symlink},
    },
    path::Path,
    time::{Duration, UNIX_EPOCH},
};
use tombolo_backend_api::{Backend, BackendError, Class, Clones, Copied, CopyTerms, CreateVolume, Remains};
use tombolo_backend_conformance::{allocated, skipped, things};
use tombolo_backend_nfs::NfsBackend;

both_versions!(
    everything_that_the_protocol_has_comes_across,
    a_server_that_squashes_root_gives_no_copy_with_wrong_owners,
    a_name_that_cannot_be_said_ends_a_copy,
    a_full_disk_ends_a_copy,
    a_file_of_nothing_but_a_hole_is_not_read_for_ever,
);

async fn copy(backend: &NfsBackend, into: &CreateVolume) -> Result<Copied, BackendError> {
    let terms = CopyTerms {
        epoch: 1,
        drop_set_id: false,
        max_entries: 100_000,
    };
    backend.clone_volume(&path("source"), into, &terms, &()).await
}

fn stamp(at: &Path, seconds: u64) {
    let time = UNIX_EPOCH + Duration::new(seconds, 123_456_789);
    fs::File::open(at).unwrap().set_modified(time).unwrap();
}

async fn everything_that_the_protocol_has_comes_across(ground: Ground) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    backend.create(&volume("source")).await.unwrap();
    let (source, target) = (ground.behind().join("source"), ground.behind().join("target"));
    let nested = source.join("a dir/with\na newline/é");
    fs::create_dir_all(&nested).unwrap();
    fs::write(
        source.join("plain"),
        (0..3_000_000u32).map(|n| n as u8).collect::<Vec<_>>(),
    )
    .unwrap();
    chown(source.join("plain"), Some(1234), Some(4321)).unwrap();
    fs::set_permissions(source.join("plain"), fs::Permissions::from_mode(0o6751)).unwrap();
    fs::set_permissions(&nested, fs::Permissions::from_mode(0o550)).unwrap();
    fs::write(source.join("one"), "linked").unwrap();
    fs::hard_link(source.join("one"), nested.join("two")).unwrap();
    symlink("/etc/passwd", source.join("absolute")).unwrap();
    rustix::fs::mkfifoat(CWD, source.join("fifo"), rustix::fs::Mode::RWXU).unwrap();
    let sparse = fs::File::create(source.join("sparse")).unwrap();
    sparse.write_all_at(&[1; 4096], 10 << 20).unwrap();
    sparse.set_len(30 << 20).unwrap();
    for (n, at) in ["plain", "one", "sparse", "a dir", "a dir/with\na newline"]
        .into_iter()
        .enumerate()
    {
        stamp(&source.join(at), 1_000_000_000 + n as u64);
    }
    let before = things(&source);

    let copied = copy(&backend, &volume("target")).await.unwrap();
    assert_eq!(
        (copied.files, copied.directories, copied.skipped),
        (5, 4, 1),
        "{copied:?}"
    );
    assert!(things(&target) == before);
    assert!(things(&source) == before);
    let inode = |at: &str| fs::metadata(target.join(at)).unwrap().ino();
    assert_eq!(inode("one"), inode("a dir/with\na newline/é/two"));
    let size = allocated(&target.join("sparse"));
    assert!(size <= 1 << 20, "{size} bytes for a hole");
}

async fn a_server_that_squashes_root_gives_no_copy_with_wrong_owners(ground: Ground) {
    let root = ground.server.behind(SQUASHED).join(format!("{}-copies", ground.root));
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
    let name = root.file_name().unwrap().to_str().unwrap();
    let backend = tombolo_backend_nfs::open(ground.server.config(SQUASHED, Some(name), ground.version));
    backend.place_mark(&mark("a")).await.unwrap();
    backend.create(&volume("source")).await.unwrap();
    fs::write(root.join("source/file"), "x").unwrap();
    chown(root.join("source/file"), Some(1234), Some(4321)).unwrap();
    fs::set_permissions(root.join("source/file"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = copy(&backend, &volume("target")).await.unwrap_err();
    assert_eq!(error.class, Class::Denied, "{error}");
    assert!(error.to_string().contains("squashed"), "{error}");
    assert!(!root.join("target").exists());
}

async fn a_name_that_cannot_be_said_ends_a_copy(ground: Ground) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    backend.create(&volume("source")).await.unwrap();
    let source = ground.behind().join("source");
    fs::write(source.join(OsStr::from_bytes(b"no utf8 \xff")), "x").unwrap();
    let error = copy(&backend, &volume("target")).await.unwrap_err();
    assert_eq!(error.class, Class::Invalid, "{error}");
    assert!(error.to_string().contains("UTF-8"), "{error}");
    assert!(!ground.behind().join("target").exists());
}

async fn a_file_of_nothing_but_a_hole_is_not_read_for_ever(ground: Ground) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    backend.create(&volume("source")).await.unwrap();
    let hole = fs::File::create(ground.behind().join("source/hole")).unwrap();
    hole.set_len(1 << 43).unwrap();
    let error = copy(&backend, &volume("target")).await.unwrap_err();
    assert_eq!(error.class, Class::TooLarge, "{error}");
    assert!(
        backend
            .trash()
            .await
            .unwrap()
            .iter()
            .all(|entry| entry.remains == Remains::Purging)
    );
}

async fn a_full_disk_ends_a_copy(ground: Ground) {
    let (export, small) = match ground.server.small("copy", ground.version) {
        Ok(small) => small,
        Err(why) => return skipped("a_full_disk_ends_a_copy", &why),
    };
    let backend = tombolo_backend_nfs::open(ground.server.config(export, Some(&ground.root), ground.version));
    backend.place_mark(&mark("a")).await.unwrap();
    backend.create(&volume("source")).await.unwrap();
    for n in 0..6 {
        fs::write(small.join(&ground.root).join(format!("source/{n}")), vec![1; 100_000]).unwrap();
    }
    let error = copy(&backend, &volume("target")).await.unwrap_err();
    assert_eq!(error.class, Class::Full, "{error}");
    backend.abandon_copy(&path("target")).await.unwrap();
    for entry in backend.trash().await.unwrap() {
        assert_eq!(entry.remains, Remains::Purging);
        backend.purge(&entry.id, &()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_a_restart_of_the_server_cut_off_goes_on() {
    let Some(server) = running(
        "a_copy_that_a_restart_of_the_server_cut_off_goes_on",
        Ganesha::start(Caches::Usual),
    ) else {
        return;
    };
    for version in ["3", "4.1"] {
        let root = format!("v{}", version.len());
        let backend = tombolo_backend_nfs::open(server.config(OPEN, Some(&root), version));
        backend.place_mark(&mark("a")).await.unwrap();
        backend.create(&volume("source")).await.unwrap();
        let source = server.behind(OPEN).join(&root).join("source");
        for n in 0..400 {
            fs::write(source.join(format!("file-{n}")), n.to_string().repeat(500)).unwrap();
        }
        let backend = std::sync::Arc::new(backend);
        let copier = backend.clone();
        let first = tokio::spawn(async move { copy(&copier, &volume("target")).await });
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.kill();
        server.resume();
        let mut answers = vec![first.await.unwrap()];
        // What was written to a file is asked for through the connection that wrote it, and not again through another.
        while let Some(Err(error)) = answers.last() {
            assert!(matches!(error.class, Class::Transient | Class::Waiting), "{error}");
            assert!(answers.len() < 20, "{answers:?}");
            answers.push(copy(&backend, &volume("target")).await);
        }
        assert!(
            things(&source) == things(&source.with_file_name("target")),
            "{answers:?}"
        );
    }
}
