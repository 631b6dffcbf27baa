//! A full file system: nothing new, but a volume can still be let go.

use crate::{Ground, both_versions, id, into_trash, mark, path, volume};
use std::fs;
use tombolo_backend_api::{Backend, Class, Disposal};
use tombolo_backend_conformance::skipped;

both_versions!(a_full_disk_is_said_and_does_not_stop_a_discard);

async fn a_full_disk_is_said_and_does_not_stop_a_discard(ground: Ground) {
    let (export, small) = match ground.server.small("full", ground.version) {
        Ok(small) => small,
        Err(why) => return skipped("a_full_disk_is_said_and_does_not_stop_a_discard", &why),
    };
    let config = ground.server.config(export, Some(&ground.root), ground.version);
    let backend = tombolo_backend_nfs::open(config);
    backend.place_mark(&mark("a")).await.unwrap();
    for name in ["one", "two"] {
        backend.create(&volume(name)).await.unwrap();
    }
    let filler = small.join(&ground.root).join("one/filler");
    while fs::write(&filler, vec![b'x'; 2 << 20]).is_ok() {}
    let space = backend.space().await.unwrap();
    assert!(space.free < 4096 && space.total == 1 << 20, "{space:?}");

    // Directories need no room on this file system, but a mark does.
    let other = ground
        .server
        .config(export, Some(&format!("{}-other", ground.root)), ground.version);
    let error = tombolo_backend_nfs::open(other)
        .place_mark(&mark("b"))
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::Full, "{error}");
    backend.discard(&path("two"), &into_trash("two")).await.unwrap();
    backend
        .discard(&path("one"), &Disposal::Archive { id: id("one") })
        .await
        .unwrap();
    let entries = backend.trash().await.unwrap();
    assert!(entries.len() == 1 && entries[0].record.is_none(), "{entries:?}");
    #[expect(
        clippy::disallowed_methods,
        reason = "the server's clock is compared with this machine's"
    )]
    let now = jiff::Timestamp::now();
    let age = now.duration_since(entries[0].since);
    assert!(age.as_secs().abs() < 600, "discarded {age:?} ago");
    let bin = small.join(&ground.root).join(".tombolo/trash");
    let names: Vec<_> = fs::read_dir(bin)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["two"], "a draft is left behind");
    backend.purge(&id("two"), &()).await.unwrap();
}
