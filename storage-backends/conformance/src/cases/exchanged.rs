//! A directory that turns into a link to elsewhere, and back, while something is done to it: nothing is done elsewhere.
#![allow(missing_docs, reason = "a case is its name")]

use crate::copying::terms;
use crate::plant::*;
use crate::subject::directory;
use crate::{Outcome, Subject};
use rustix::fs::{Mode, OFlags, RenameFlags, renameat_with};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tombolo_backend_api::{Backend, Class, CopyTerms, SnapshotId};

/// How often everything is done, and what a directory elsewhere holds.
const ROUNDS: usize = 8;
const FILES: usize = 8;
/// How many directories are exchanged: each is opened once, and the moment before is short.
const PAIRS: usize = 24;

/// Somebody who exchanges `dir-1` and `link-1` in a directory, and so on, wherever it is renamed to, until told to stop.
struct Exchanging {
    told: Arc<AtomicBool>,
    times: Arc<AtomicUsize>,
    at_work: Option<JoinHandle<()>>,
}

impl Exchanging {
    fn within(at: &Path) -> Self {
        let within: OwnedFd = rustix::fs::open(at, OFlags::DIRECTORY, Mode::empty()).unwrap();
        let (told, times) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (ends, counts) = (told.clone(), times.clone());
        let at_work = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                for pair in 0..PAIRS {
                    let (dir, link) = (format!("dir-{pair}"), format!("link-{pair}"));
                    // What is purged cannot be exchanged.
                    if renameat_with(&within, dir, &within, link, RenameFlags::EXCHANGE).is_ok() {
                        counts.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        Self {
            told,
            times,
            at_work: Some(at_work),
        }
    }

    /// How often it has.
    fn end(mut self) -> usize {
        self.told.store(true, Ordering::Relaxed);
        self.at_work.take().unwrap().join().unwrap();
        self.times.load(Ordering::Relaxed)
    }
}

impl Drop for Exchanging {
    fn drop(&mut self) {
        self.told.store(true, Ordering::Relaxed);
    }
}

/// A directory elsewhere with files, to which everything would be done that is not to be.
struct Elsewhere(TempDir);

impl Elsewhere {
    fn new() -> Self {
        let elsewhere = tempfile::tempdir().unwrap();
        for number in 0..FILES {
            std::fs::write(elsewhere.path().join(format!("file-{number}")), "kept").unwrap();
        }
        Self(elsewhere)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fails unless it is as it was.
    fn is_untouched(&self) {
        let mut left = std::fs::read_dir(self.path()).unwrap().count();
        for number in 0..FILES {
            let file = std::fs::read(self.path().join(format!("file-{number}"))).unwrap();
            assert_eq!(file, b"kept");
            left -= 1;
        }
        assert_eq!(left, 0, "something was made elsewhere");
    }
}

/// Purges an entry when nobody exchanges anything any more, again for as long as it may help, and answers whether it is gone.
async fn purged_at_last(subject: &dyn Subject, backend: &dyn Backend, entry: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while let Err(error) = backend.purge(&id(entry), &()).await {
        assert!(error.class == Class::Transient && subject.loses_track(), "{error}");
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    true
}

/// A tenant does that in a volume that it has mounted, and goes on when the volume is in the trash.
pub async fn a_link_that_comes_and_goes_in_a_volume_leads_nothing_out_of_it(subject: &dyn Subject) -> Outcome {
    let root = directory(subject)?;
    let elsewhere = Elsewhere::new();
    let backend = marked(subject).await;
    backend.create(&volume("neighbour")).await.unwrap();
    subject.write("neighbour/file", b"kept");
    let neighbour = root.join("neighbour");
    let mut times = 0;
    for round in 0..ROUNDS {
        let (at, entry) = (format!("pvc-{round}"), format!("t-{round}"));
        backend.create(&volume(&at)).await.unwrap();
        for pair in 0..PAIRS {
            subject.write(&format!("{at}/dir-{pair}/file-0"), b"own");
            let target = if pair % 2 == 0 { elsewhere.path() } else { &neighbour };
            symlink(target, root.join(&at).join(format!("link-{pair}"))).unwrap();
        }
        let tenant = Exchanging::within(&root.join(&at));
        // Any of these may fail of it. What counts is what they do elsewhere.
        if let Some(measure) = backend.measure() {
            let _ = measure.measure_volume(&path(&at)).await;
        }
        if let Some(snapshots) = backend.snapshots() {
            let id = SnapshotId::parse(&format!("s-{round}")).unwrap();
            let terms = CopyTerms {
                drop_set_id: true,
                ..terms(1)
            };
            let _ = snapshots.take_snapshot(&id, &path(&at), 16 << 20, &terms, &()).await;
            let _ = snapshots.remove_snapshot(&id).await;
        }
        backend.discard(&path(&at), &trash(&entry)).await.unwrap();
        let _ = backend.purge(&id(&entry), &()).await;
        times += tenant.end();
        if purged_at_last(subject, &*backend, &entry).await {
            nothing_left(subject, &entry).await;
        }
        elsewhere.is_untouched();
        assert_eq!(subject.read("neighbour/file").as_deref(), Some(&b"kept"[..]));
    }
    assert!(times > ROUNDS, "nothing was exchanged");
    Ok(())
}

/// The directory above a volume, which no tenant can reach, is not trusted either.
pub async fn a_link_that_comes_and_goes_above_a_volume_leads_nowhere(subject: &dyn Subject) -> Outcome {
    let root = directory(subject)?;
    let elsewhere = Elsewhere::new();
    let backend = marked(subject).await;
    backend.create(&volume("dir-0/pvc")).await.unwrap();
    symlink(elsewhere.path(), root.join("link-0")).unwrap();
    let somebody = Exchanging::within(&root);
    for round in 0..ROUNDS * 4 {
        let (at, entry) = (path(&format!("dir-0/pvc-{round}")), format!("t-{round}"));
        let _ = backend.create(&volume(at.as_str())).await;
        let _ = backend.inspect(&at).await;
        let _ = backend.discard(&at, &trash(&entry)).await;
        let _ = backend.restore(&id(&entry), &at).await;
        // What lies elsewhere under the name of a volume.
        let file = path(&format!("dir-0/file-{}", round % FILES));
        let _ = backend.discard(&file, &trash(&entry)).await;
        let _ = backend.remove_empty(&at).await;
    }
    assert!(somebody.end() > ROUNDS, "nothing was exchanged");
    elsewhere.is_untouched();
    Ok(())
}
