//! Clones and snapshots: what another tenant does not get, what does not fit, and what a crash leaves.

use super::*;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use std::os::unix::fs::PermissionsExt;

fn snapshot(name: &str) -> SnapshotId {
    SnapshotId::parse(name).unwrap()
}

async fn clone(filer: &Filer, from: &str, into: &CreateVolume, terms: CopyTerms) -> Result<Copied, BackendError> {
    filer
        .clones()
        .unwrap()
        .clone_volume(&path(from), into, &terms, &())
        .await
}

#[tokio::test]
async fn another_tenant_gets_no_set_id_bits_and_no_devices() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = marked(&stage).await;
    filer.create(&volume("pvc-1", 64 * MIB)).await.unwrap();
    let source = stage.root().join("pvc-1");
    // Deep, and with more names in a directory than one read answers.
    let mut deep = source.clone();
    for _ in 0..300 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    for n in 0..400 {
        fs::create_dir(source.join(format!("directory-{n}"))).unwrap();
    }
    for at in [source.join("one"), deep.join("two"), source.join("directory-399/three")] {
        fs::write(&at, "x").unwrap();
        fs::set_permissions(&at, fs::Permissions::from_mode(0o6755)).unwrap();
    }
    let null = makedev(1, 3);
    for (name, kind) in [("null", FileType::CharacterDevice), ("disk", FileType::BlockDevice)] {
        mknodat(CWD, deep.join(name), kind, Mode::RWXU, null).unwrap();
    }
    mknodat(CWD, source.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", source.join("link")).unwrap();

    let terms = CopyTerms {
        drop_set_id: true,
        ..TERMS
    };
    clone(&filer, "pvc-1", &volume("pvc-2", 64 * MIB), terms).await.unwrap();
    let there = |at: &Path| stage.root().join("pvc-2").join(at.strip_prefix(&source).unwrap());
    for at in [source.join("one"), deep.join("two"), source.join("directory-399/three")] {
        assert_eq!(fs::metadata(&at).unwrap().permissions().mode() & 0o7777, 0o6755);
        assert_eq!(fs::metadata(there(&at)).unwrap().permissions().mode() & 0o7777, 0o755);
    }
    for name in ["null", "disk"] {
        assert!(deep.join(name).symlink_metadata().is_ok() && there(&deep.join(name)).symlink_metadata().is_err());
    }
    assert!(there(&source.join("fifo")).symlink_metadata().is_ok());
    assert_eq!(
        fs::read_link(there(&source.join("link"))).unwrap(),
        Path::new("/etc/passwd")
    );

    let few = CopyTerms {
        max_entries: 100,
        ..terms
    };
    let answer = clone(&filer, "pvc-1", &volume("pvc-3", 64 * MIB), few).await;
    assert_eq!(kind(answer), (Class::TooLarge, Certainty::NotDone));
    assert_eq!(fs::read_dir(stage.root().join(".tombolo/copies")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_clone_inherited_counts_when_it_is_cloned_itself() {
    let Some(stage) = stage(1024 * MIB) else { return };
    let filer = marked(&stage).await;
    filer.create(&volume("pvc-1", 64 * MIB)).await.unwrap();
    fs::write(stage.root().join("pvc-1/file"), noise(16 * MIB)).unwrap();
    clone(&filer, "pvc-1", &volume("pvc-2", 64 * MIB), TERMS).await.unwrap();
    stage.image.sync();
    let used = filer
        .measure()
        .unwrap()
        .measure_volume(&path("pvc-2"))
        .await
        .unwrap()
        .unwrap()
        .bytes;
    assert!(used < MIB, "a clone is charged what it writes: {used}");
    for from in ["pvc-1", "pvc-2"] {
        let small = clone(&filer, from, &volume("pvc-3", 8 * MIB), TERMS).await;
        assert_eq!(kind(small), (Class::TooLarge, Certainty::NotDone), "{from}");
    }
    clone(&filer, "pvc-2", &volume("pvc-3", 24 * MIB), TERMS).await.unwrap();
    // Charged with more than there is: whoever rewrites much is looked into, and still cloned.
    for _ in 0..3 {
        fs::write(stage.root().join("pvc-2/file"), noise(16 * MIB)).unwrap();
        stage.image.sync();
    }
    clone(&filer, "pvc-2", &volume("pvc-4", 24 * MIB), TERMS).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_without_its_record_and_a_record_without_its_snapshot_are_none() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = marked(&stage).await;
    filer.create(&volume("pvc-1", 8 * MIB)).await.unwrap();
    fs::write(stage.root().join("pvc-1/file"), "old").unwrap();
    let snapshots = filer.snapshots().unwrap();
    let id = snapshot("s-1");
    let of = path("pvc-1");
    let first = snapshots.take_snapshot(&id, &of, 8 * MIB, &TERMS, &()).await.unwrap();
    let (record, kept) = (
        stage.root().join(".tombolo/snapshots/s-1.json"),
        stage.image.scratch().join("kept"),
    );
    fs::copy(&record, &kept).unwrap();
    fs::remove_file(&record).unwrap();
    assert_eq!(snapshots.find_snapshot(&id).await.unwrap(), None);
    assert_eq!(snapshots.list_snapshots().await.unwrap(), []);
    let restored = snapshots
        .restore_snapshot(&id, &volume("pvc-2", 8 * MIB), &TERMS, &())
        .await;
    assert_eq!(kind(restored), (Class::Invalid, Certainty::NotDone));

    // The next one is of now.
    fs::write(stage.root().join("pvc-1/file"), "new").unwrap();
    let second = snapshots.take_snapshot(&id, &of, 8 * MIB, &TERMS, &()).await.unwrap();
    assert!(second.taken > first.taken);
    assert_eq!(
        fs::read(stage.root().join(".tombolo/snapshots/s-1/file")).unwrap(),
        b"new"
    );
    // The record of another snapshot is none of this one.
    fs::copy(&kept, &record).unwrap();
    assert_eq!(snapshots.find_snapshot(&id).await.unwrap(), None);
    snapshots.remove_snapshot(&id).await.unwrap();
    assert_eq!(
        fs::read_dir(stage.root().join(".tombolo/snapshots")).unwrap().count(),
        0
    );
}

/// For another tenant.
const WALKED: CopyTerms = CopyTerms {
    drop_set_id: true,
    max_entries: 100_000,
    ..TERMS
};

/// `pvc-1`, which it takes a while to walk through.
async fn long_to_walk(stage: &Stage) -> Filer {
    let filer = marked(stage).await;
    filer.create(&volume("pvc-1", 64 * MIB)).await.unwrap();
    let at = stage.root().join("pvc-1");
    fs::write(at.join("file"), "x").unwrap();
    for n in 0..30_000 {
        fs::hard_link(at.join("file"), at.join(format!("link-{n}"))).unwrap();
    }
    filer
}

/// Takes a snapshot of it in the background, and answers when there is something of it.
async fn begins(stage: &Stage, filer: &Filer, id: &SnapshotId) -> tokio::task::JoinHandle<Result<(), BackendError>> {
    let (filer, wanted) = (filer.clone(), id.clone());
    let taking = tokio::spawn(async move {
        let snapshots = filer.snapshots().unwrap();
        let taken = snapshots
            .take_snapshot(&wanted, &path("pvc-1"), 64 * MIB, &WALKED, &())
            .await;
        taken.map(drop)
    });
    let made = stage.root().join(format!(".tombolo/snapshots/{id}"));
    while !made.exists() && !taking.is_finished() {
        tokio::task::yield_now().await;
    }
    taking
}

#[tokio::test]
async fn while_a_snapshot_is_walked_through_others_have_their_turns() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = long_to_walk(&stage).await;
    filer.create(&volume("pvc-2", 8 * MIB)).await.unwrap();
    let snapshots = filer.snapshots().unwrap();
    // A machine that is busy may let the long one be done first, but not each time.
    for n in 0..10 {
        let long = snapshot(&format!("long-{n}"));
        let taking = begins(&stage, &filer, &long).await;
        let short = snapshot(&format!("short-{n}"));
        snapshots
            .take_snapshot(&short, &path("pvc-2"), 8 * MIB, &TERMS, &())
            .await
            .unwrap();
        let was_first = snapshots.find_snapshot(&long).await.unwrap().is_none();
        taking.await.unwrap().unwrap();
        assert!(snapshots.find_snapshot(&long).await.unwrap().is_some());
        if was_first {
            return;
        }
    }
    panic!("the short one waited for the long one each time");
}

#[tokio::test]
async fn a_snapshot_that_is_removed_or_taken_again_while_it_is_walked_through_leaves_nothing_of_itself() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = long_to_walk(&stage).await;
    let snapshots = filer.snapshots().unwrap();
    let id = snapshot("s-1");
    let there = || fs::read_dir(stage.root().join(".tombolo/snapshots")).unwrap().count();

    let taking = begins(&stage, &filer, &id).await;
    snapshots.remove_snapshot(&id).await.unwrap();
    let _ = taking.await.unwrap();
    assert_eq!((snapshots.find_snapshot(&id).await.unwrap(), there()), (None, 0));

    // As by the next leader, who cannot know that this one is still at it.
    let taking = begins(&stage, &filer, &id).await;
    let again = snapshots
        .take_snapshot(&id, &path("pvc-1"), 64 * MIB, &WALKED, &())
        .await;
    let _ = taking.await.unwrap();
    assert_eq!(snapshots.find_snapshot(&id).await.unwrap(), Some(again.unwrap()));
    assert_eq!(there(), 2, "it, and its record");
}

#[tokio::test]
async fn a_large_volume_is_cloned_and_purged_in_a_moment() {
    let Some(stage) = stage(2048 * MIB) else { return };
    let filer = marked(&stage).await;
    filer.create(&volume("pvc-1", 512 * MIB)).await.unwrap();
    fs::write(stage.root().join("pvc-1/file"), noise(256 * MIB)).unwrap();
    stage.image.sync();
    let began = std::time::Instant::now();
    clone(&filer, "pvc-1", &volume("pvc-2", 512 * MIB), TERMS)
        .await
        .unwrap();
    filer.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    assert!(
        began.elapsed() < std::time::Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    filer.purge(&id("t"), &()).await.unwrap();
    assert_eq!(fs::metadata(stage.root().join("pvc-2/file")).unwrap().len(), 256 * MIB);
    assert!(filer.quota().unwrap().pinned().await.unwrap() >= 200 * MIB);
}
