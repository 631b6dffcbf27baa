//! Removal for ever: of any tree a tenant can build, of nothing else, and after interruptions.

use crate::{Ground, both_versions, find, id, into_trash, mark, path, volume};
use rustix::fs::{CWD, Mode, OFlags};
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};
use tombolo_backend_api::{Backend, Class, PurgeProgress, Purged, Remains};
use tombolo_backend_conformance::skipped;
use tombolo_backend_nfs::NfsBackend;

both_versions!(
    a_tree_3000_deep_goes,
    a_directory_of_5000_files_goes_and_is_told_of,
    what_links_point_to_stays,
    a_disk_mounted_in_a_volume_is_left_alone,
    every_utf_8_name_goes,
    other_names_are_reported_and_their_room_is_freed,
    a_tree_of_other_names_3000_deep_is_reported_and_harms_nobody,
    an_interrupted_purge_goes_on,
    an_entry_and_its_namesake_under_purge_both_go,
);

/// A discarded volume that `fill` has filled.
async fn discarded(ground: &Ground, fill: impl FnOnce(&Path)) -> (NfsBackend, PathBuf) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    backend.create(&volume("vol")).await.unwrap();
    fill(&ground.behind().join("vol"));
    backend.discard(&path("vol"), &into_trash("vol")).await.unwrap();
    (backend, ground.behind().join(".tombolo/trash"))
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

async fn a_tree_3000_deep_goes(ground: Ground) {
    const DEPTH: u64 = 3000;
    let (backend, trash) = discarded(&ground, |vol| {
        let mut at = rustix::fs::openat(CWD, vol, OFlags::DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..DEPTH {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            rustix::fs::openat(&at, "f", OFlags::CREATE, Mode::RUSR).unwrap();
            at = rustix::fs::openat(&at, "d", OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
    })
    .await;
    assert_eq!(
        backend.purge(&id("vol"), &()).await.unwrap(),
        Purged {
            files: DEPTH,
            directories: DEPTH + 1
        }
    );
    assert!(is_empty(&trash));
}

#[derive(Default)]
struct Watched(Mutex<Vec<Purged>>);

impl PurgeProgress for Watched {
    fn purged(&self, so_far: Purged) {
        self.0.lock().unwrap().push(so_far);
    }
}

async fn a_directory_of_5000_files_goes_and_is_told_of(ground: Ground) {
    let (backend, trash) = discarded(&ground, |vol| {
        for n in 0..5000 {
            fs::write(vol.join(format!("file-{n}")), "").unwrap();
        }
        for n in 0..300 {
            fs::create_dir_all(vol.join(format!("directory-{n}/a/b"))).unwrap();
        }
    })
    .await;
    let watched = Watched::default();
    let purged = backend.purge(&id("vol"), &watched).await.unwrap();
    assert_eq!(
        purged,
        Purged {
            files: 5000,
            directories: 901
        }
    );
    let told = watched.0.into_inner().unwrap();
    assert!(told.len() > 10, "{} reports", told.len());
    assert_eq!(told.last(), Some(&purged));
    assert!(is_empty(&trash));
}

async fn what_links_point_to_stays(ground: Ground) {
    let outside = ground.behind().with_extension("outside");
    fs::create_dir_all(outside.join("directory")).unwrap();
    fs::write(outside.join("directory/file"), "theirs").unwrap();
    let target = outside.clone();
    let (backend, trash) = discarded(&ground, move |vol| {
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, vol.join(name)).unwrap();
        link(&target, "absolute");
        link(Path::new("../../../../.."), "relative");
        link(&target.join("directory"), "directory");
        link(&target.join("directory/file"), "file");
        link(Path::new("."), "itself");
        link(Path::new("gone"), "dangling");
        fs::create_dir(vol.join("below")).unwrap();
        link(&target, "below/absolute");
        link(Path::new("/"), "below/root");
        fs::hard_link(target.join("directory/file"), vol.join("hard")).unwrap();
        rustix::fs::mknodat(CWD, vol.join("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        std::os::unix::net::UnixListener::bind(vol.join("s")).ok();
    })
    .await;
    backend.purge(&id("vol"), &()).await.unwrap();
    assert!(is_empty(&trash));
    assert_eq!(fs::read_to_string(outside.join("directory/file")).unwrap(), "theirs");
}

async fn a_disk_mounted_in_a_volume_is_left_alone(ground: Ground) {
    let mount = |at: &Path| {
        fs::create_dir_all(at).unwrap();
        let output = Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(at).output();
        output.is_ok_and(|output| output.status.success())
    };
    let at = ground.behind();
    fs::create_dir(&at).unwrap();
    let disks = ["vol/disk", "vol/below/disk"].map(|disk| at.join(disk));
    let mut mounted = true;
    let (backend, trash) = discarded(&ground, |_| {
        for disk in &disks {
            mounted = mounted && mount(disk);
            fs::create_dir(disk.join("directory")).unwrap();
            fs::write(disk.join("file"), "theirs").unwrap();
        }
    })
    .await;
    if !mounted {
        return skipped(
            "a_disk_mounted_in_a_volume_is_left_alone",
            "this machine lets nobody mount",
        );
    }
    let purged = backend.purge(&id("vol"), &()).await;
    let left = find(&trash, "file");
    for file in &left {
        assert!(
            Command::new("umount")
                .arg(file.parent().unwrap())
                .status()
                .unwrap()
                .success()
        );
    }
    purged.unwrap_err();
    assert_eq!(left.len(), 2, "{left:?}");
}

async fn every_utf_8_name_goes(ground: Ground) {
    let (backend, trash) = discarded(&ground, |vol| {
        for name in [
            "line\nbreak",
            "tab\t",
            "ünïcödé",
            "漢字",
            "🎟",
            " ",
            "-rf",
            "\\",
            "*",
            "%2e",
            "\u{1}",
            "a\u{202e}b",
            "\u{fffd}",
        ] {
            fs::create_dir(vol.join(name)).unwrap();
            fs::create_dir(vol.join(name).join(name)).unwrap();
            fs::write(vol.join(name).join("file\n"), "").unwrap();
        }
        fs::write(vol.join("é".repeat(127)), "").unwrap();
        fs::write(vol.join(".nfs000000000000abcd00000001"), "").unwrap();
    })
    .await;
    assert_eq!(
        backend.purge(&id("vol"), &()).await.unwrap(),
        Purged {
            files: 15,
            directories: 27
        }
    );
    assert!(is_empty(&trash));
}

async fn other_names_are_reported_and_their_room_is_freed(ground: Ground) {
    let foreign = OsStr::from_bytes(b"latin-\xe9");
    let outside = ground.behind().with_extension("outside");
    fs::write(&outside, "theirs").unwrap();
    let other_name = outside.clone();
    let (backend, trash) = discarded(&ground, move |vol| {
        fs::write(vol.join(foreign), "x".repeat(100_000)).unwrap();
        fs::hard_link(other_name, vol.join(OsStr::from_bytes(b"shared-\xff"))).unwrap();
        let below = vol.join("below").join(OsStr::from_bytes(b"\xff\xfe"));
        fs::create_dir_all(below.join("deep/deeper")).unwrap();
        fs::write(below.join("deep/deeper/file"), "").unwrap();
        fs::write(vol.join("plain"), "").unwrap();
    })
    .await;
    for _ in 0..2 {
        let error = backend.purge(&id("vol"), &()).await.unwrap_err();
        assert_eq!(error.class, Class::Invalid, "{error}");
        assert!(error.to_string().contains("UTF-8"), "{error}");
    }
    let left = trash.join("purging-vol");
    assert_eq!(fs::metadata(left.join(foreign)).unwrap().size(), 0);
    assert_eq!(fs::read_to_string(&outside).unwrap(), "theirs");
    assert!(!left.join("plain").exists());
    assert!(find(&left, "file").is_empty() && find(&left, "deep*").is_empty());
    assert_eq!(backend.trash().await.unwrap()[0].remains, Remains::Purging);
}

/// A directory that cannot be renamed is entered where it is; one inside the other, without end, is what a stack does not survive.
async fn a_tree_of_other_names_3000_deep_is_reported_and_harms_nobody(ground: Ground) {
    let foreign = OsStr::from_bytes(b"\xff");
    let (backend, trash) = discarded(&ground, |vol| {
        let mut at = rustix::fs::openat(CWD, vol, OFlags::DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&at, foreign, Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, foreign, OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        rustix::fs::openat(&at, "file", OFlags::CREATE, Mode::RUSR).unwrap();
        fs::write(vol.join("plain"), "").unwrap();
    })
    .await;
    let error = backend.purge(&id("vol"), &()).await.unwrap_err();
    assert!(
        error.class == Class::Invalid && error.to_string().contains("UTF-8"),
        "{error}"
    );
    let left = trash.join("purging-vol");
    assert!(!left.join("plain").exists());
    let mut at = rustix::fs::openat(CWD, &left, OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..3000 {
        at = rustix::fs::openat(&at, foreign, OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    let deepest = rustix::fs::statat(&at, "file", rustix::fs::AtFlags::empty());
    assert_eq!(
        deepest.unwrap_err(),
        rustix::io::Errno::NOENT,
        "what can be removed is, however deep"
    );
}

struct Tripwire(AtomicU64);

impl PurgeProgress for Tripwire {
    fn purged(&self, so_far: Purged) {
        self.0.store(so_far.files, SeqCst);
    }
}

async fn an_interrupted_purge_goes_on(ground: Ground) {
    const FILES: u64 = 20 * 150;
    let (backend, trash) = discarded(&ground, |vol| {
        for n in 0..20 {
            fs::create_dir_all(vol.join(format!("{n}/below"))).unwrap();
            for m in 0..FILES / 20 {
                fs::write(vol.join(format!("{n}/below/{m}")), "").unwrap();
            }
        }
    })
    .await;
    let (vol, tripwire) = (id("vol"), Tripwire(AtomicU64::new(0)));
    let tripped = async {
        while tripwire.0.load(SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        done = backend.purge(&vol, &tripwire) => panic!("not interrupted: {done:?}"),
        () = tripped => {}
    }
    let entries = ground.backend().trash().await.unwrap();
    assert_eq!(entries[0].remains, Remains::Purging);
    assert!(entries[0].record.is_some(), "{entries:?}");
    let rest = ground.backend().purge(&vol, &()).await.unwrap();
    assert!(rest.files > 0 && rest.files < FILES, "{rest:?}");
    assert!(is_empty(&trash));
}

async fn an_entry_and_its_namesake_under_purge_both_go(ground: Ground) {
    let (backend, trash) = discarded(&ground, |vol| fs::write(vol.join("new"), "").unwrap()).await;
    fs::create_dir(trash.join("purging-vol")).unwrap();
    fs::write(trash.join("purging-vol/old"), "").unwrap();
    assert_eq!(
        backend.purge(&id("vol"), &()).await.unwrap(),
        Purged {
            files: 2,
            directories: 2
        }
    );
    assert!(is_empty(&trash));
}
