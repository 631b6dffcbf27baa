//! What comes across.

use crate::*;
use rustix::fs::{Mode, XattrFlags, lgetxattr, lsetxattr, mkfifoat};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown, symlink};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};
use tombolo_backend_conformance::{allocated, things};

fn stamp(at: &Path, seconds: u64) {
    let time = UNIX_EPOCH + Duration::new(seconds, 123_456_789);
    fs::File::open(at).unwrap().set_modified(time).unwrap();
}

fn attribute(at: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 64];
    let length = lgetxattr(at, name, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}

fn plant(source: &Path) {
    let nested = source.join("a dir/with\na newline/é");
    fs::create_dir_all(&nested).unwrap();
    fs::write(nested.join(OsStr::from_bytes(b"no utf8 \xff")), "x").unwrap();
    fs::write(source.join("plain"), vec![7; 3 << 20]).unwrap();
    chown(source.join("plain"), Some(1234), Some(4321)).unwrap();
    fs::set_permissions(source.join("plain"), fs::Permissions::from_mode(0o6751)).unwrap();
    fs::write(source.join("one"), "linked").unwrap();
    fs::hard_link(source.join("one"), source.join("two")).unwrap();
    fs::hard_link(source.join("one"), nested.join("three")).unwrap();
    symlink("/etc/passwd", source.join("absolute")).unwrap();
    symlink("../nowhere", nested.join("dangling")).unwrap();
    mkfifoat(rustix::fs::CWD, source.join("fifo"), Mode::RWXU).unwrap();
    let sparse = fs::File::create(source.join("sparse")).unwrap();
    sparse.write_all_at(&[1; 4096], 1 << 20).unwrap();
    sparse.write_all_at(&[2; 4096], 40 << 20).unwrap();
    sparse.set_len(1 << 43).unwrap();
    for (at, name) in [
        ("plain", "user.of the tenant"),
        ("a dir", "user.of a directory"),
        ("plain", "trusted.ours"),
    ] {
        lsetxattr(source.join(at), name, b"value", XattrFlags::empty()).unwrap();
    }
    for (n, at) in ["plain", "one", "sparse", "a dir", "a dir/with\na newline", "."]
        .into_iter()
        .enumerate()
    {
        stamp(&source.join(at), 1_000_000_000 + n as u64);
    }
}

#[tokio::test]
async fn everything_of_a_tenant_comes_across_and_nothing_else() {
    let ground = Ground::new().await;
    let source = ground.volume("source").await;
    plant(&source);
    fs::set_permissions(&source, fs::Permissions::from_mode(0o700)).unwrap();
    let copied = ground.copy("source", "target", 1).await.unwrap();
    // plain, one, two, three, the one without UTF-8, sparse, and two links.
    assert_eq!(
        (copied.files, copied.directories, copied.skipped),
        (8, 4, 1),
        "{copied:?}"
    );
    let target = ground.root.join("target");

    // Too long to be read.
    let sparse =
        [source.join("sparse"), target.join("sparse")].map(|at| (fs::metadata(&at).unwrap(), allocated(&at), at));
    let [of_source, of_target] = &sparse;
    assert_eq!(
        (of_source.0.len(), of_source.0.mtime_nsec()),
        (of_target.0.len(), of_target.0.mtime_nsec())
    );
    assert!(
        of_target.1 <= of_source.1 + 65_536,
        "{} of {}",
        of_target.1,
        of_source.1
    );
    for (at, byte) in [(1 << 20, 1), (40 << 20, 2), (41 << 20, 0)] {
        let mut block = [9; 4096];
        fs::File::open(&of_target.2)
            .unwrap()
            .read_exact_at(&mut block, at)
            .unwrap();
        assert_eq!(block, [byte; 4096], "at {at}");
    }
    for (_, _, at) in &sparse {
        fs::remove_file(at).unwrap();
    }

    stamp(&source, 7);
    stamp(&target, 7);
    assert!(things(&source) == things(&target));
    let inode = |at: &str| fs::metadata(target.join(at)).unwrap().ino();
    assert_eq!(inode("one"), inode("two"));
    assert_eq!(inode("one"), inode("a dir/with\na newline/é/three"));
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o7777, 0o2770);
    for (at, name) in [("plain", "user.of the tenant"), ("a dir", "user.of a directory")] {
        assert_eq!(
            attribute(&target.join(at), name).as_deref(),
            Some(&b"value"[..]),
            "{name}"
        );
    }
    assert_eq!(attribute(&target.join("plain"), "trusted.ours"), None);
    assert_eq!(ground.unfinished(), [] as [PathBuf; 0]);
    assert_eq!(ground.backend.trash().await.unwrap(), []);
}

#[tokio::test]
async fn the_times_of_a_root_come_across_too() {
    let ground = Ground::new().await;
    let source = ground.volume("source").await;
    fs::write(source.join("file"), "x").unwrap();
    stamp(&source, 1_000_000_000);
    ground.copy("source", "target", 1).await.unwrap();
    let of_target = fs::metadata(ground.root.join("target")).unwrap();
    assert_eq!(
        (of_target.mtime(), of_target.mtime_nsec()),
        (1_000_000_000, 123_456_789)
    );
}

/// Far more directories are still to be visited than are remembered, and far more are open than may be.
#[tokio::test]
async fn a_deep_tree_of_wide_directories_comes_across_whole() {
    const LEVELS: usize = 24;
    const WIDE: usize = 200;
    let ground = Ground::new().await;
    let source = ground.volume("source").await;
    let mut dir = rustix::fs::open(&source, rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..LEVELS {
        for n in 0..WIDE {
            rustix::fs::mkdirat(&dir, format!("{n}-{}", "long".repeat(60)), Mode::RWXU).unwrap();
        }
        rustix::fs::mkdirat(&dir, "deeper", Mode::RWXU).unwrap();
        dir = rustix::fs::openat(&dir, "deeper", rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    let copied = ground.copy("source", "target", 1).await.unwrap();
    assert_eq!(copied.directories as usize, 1 + LEVELS * (WIDE + 1));
    assert!(things(&source) == things(&ground.root.join("target")));
}

#[tokio::test]
async fn what_a_volume_uses_is_what_du_says() {
    let ground = Ground::new().await;
    let source = ground.volume("source").await;
    plant(&source);
    rustix::fs::sync();
    let du = Command::new("du")
        .args(["-s", "--block-size=1"])
        .arg(&source)
        .output()
        .unwrap();
    let text = String::from_utf8(du.stdout).unwrap();
    let said: u64 = text.split('\t').next().unwrap().parse().unwrap();
    let measure = ground.backend.measure().unwrap();
    assert_eq!(
        measure.measure_volume(&path("source")).await.unwrap().unwrap().bytes,
        said
    );
    assert_eq!(measure.measure_volume(&path("absent")).await.unwrap(), None);
}
