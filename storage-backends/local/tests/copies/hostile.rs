//! Tenants who change a volume while it is copied.

use crate::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tombolo_backend_conformance::lacking;

/// Keeps doing something in a thread until it is dropped.
struct Tenant(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Tenant {
    fn doing(mut act: impl FnMut() + Send + 'static) -> Self {
        let gone = Arc::new(AtomicBool::new(false));
        let told = gone.clone();
        let thread = std::thread::spawn(move || {
            while !told.load(Relaxed) {
                act();
            }
        });
        Self(gone, Some(thread))
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
        let _ = self.1.take().map(std::thread::JoinHandle::join);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_exchanged_for_a_link_or_a_fifo_gives_nothing_of_anybody_else() {
    let ground = Ground::new().await;
    let source = ground.volume("source").await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    for n in 0..200 {
        fs::write(source.join(format!("file-{n}")), "own").unwrap();
    }
    fs::write(source.join("spare"), "own").unwrap();
    symlink(outside.path().join("secret"), source.join("link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, source.join("fifo"), rustix::fs::Mode::RWXU).unwrap();
    let (at, mut n) = (source.clone(), 0);
    let tenant = Tenant::doing(move || {
        let file = at.join(format!("file-{}", n % 200));
        for other in ["link", "fifo"] {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let swap = || rustix::fs::renameat_with(rustix::fs::CWD, &file, rustix::fs::CWD, at.join(other), flags);
            swap().unwrap();
            swap().unwrap();
        }
        n += 1;
    });
    for round in 0..10 {
        let into = format!("target-{round}");
        ground.copy("source", &into, 1).await.unwrap();
        for entry in fs::read_dir(ground.root.join(&into)).unwrap() {
            let at = entry.unwrap().path();
            if fs::symlink_metadata(&at).unwrap().is_file() {
                assert_eq!(fs::read_to_string(&at).unwrap(), "own", "{at:?}");
            }
        }
    }
    drop(tenant);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_grows_all_the_time_does_not_keep_a_copy_from_ending() {
    let ground = Ground::new().await;
    let source = ground.volume("source").await;
    let mut file = fs::File::create(source.join("log")).unwrap();
    let tenant = Tenant::doing(move || {
        std::io::Write::write_all(&mut file, &[1; 65_536]).unwrap();
        std::thread::sleep(std::time::Duration::from_micros(200));
    });
    ground.copy("source", "target", 1).await.unwrap();
    drop(tenant);
    let copied = fs::read(ground.root.join("target/log")).unwrap();
    assert!(copied.iter().all(|byte| *byte == 1));
    assert!(copied.len() as u64 <= fs::metadata(source.join("log")).unwrap().len());
}

/// What is mounted, and goes with the test.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_mount_inside_a_volume_is_not_entered() {
    let ground = Ground::new().await;
    let source = ground.volume("source").await;
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    fs::create_dir(source.join("mounted")).unwrap();
    // On the same device, which a comparison of devices would not notice.
    let done = Command::new("mount")
        .arg("--bind")
        .arg(outside.path())
        .arg(source.join("mounted"))
        .output();
    if !done.as_ref().is_ok_and(|output| output.status.success()) {
        return lacking(
            "a_mount_inside_a_volume_is_not_entered",
            &format!("this process may not mount: {done:?}"),
        );
    }
    let mounted = Mounted(source.join("mounted"));
    let error = ground.copy("source", "target", 1).await.unwrap_err();
    assert_eq!(error.class, Class::Denied, "{error}");
    assert!(!ground.root.join("target").exists());
    drop(mounted);
    ground.copy("source", "target", 1).await.unwrap();
    assert!(!ground.root.join("target/mounted/secret").exists());
}
