//! A volume's life: made, found, discarded, restored, archived; and what must not be taken for a volume.

use crate::{Ground, both_versions, id, into_trash, mark, path, volume};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};
use tombolo_backend_api::{Backend, Class, CreateVolume, Disposal, MountSource, Purged, TrashEntry};

both_versions!(
    making_is_idempotent_and_sets_modes,
    what_is_mounted_is_what_was_made,
    discarding_and_restoring_move_the_same_directory,
    a_discard_repeated_or_of_nothing_succeeds,
    archives_are_kept,
    listing_tells_volumes_from_everything_else,
    links_are_never_followed,
    the_longest_names_work,
);

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

async fn making_is_idempotent_and_sets_modes(ground: Ground) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    assert_eq!(backend.inspect(&path("a/b/c")).await.unwrap(), None);
    for _ in 0..2 {
        let made = backend.create(&volume("a/b/c")).await.unwrap();
        assert_eq!(backend.inspect(&path("a/b/c")).await.unwrap(), Some(made));
    }
    let root = ground.behind();
    assert_eq!(
        (
            mode(&root.join("a")),
            mode(&root.join("a/b")),
            mode(&root.join("a/b/c"))
        ),
        (0o711, 0o711, 0o777)
    );

    fs::set_permissions(root.join("a/b/c"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(root.join("a/b/c/file"), "kept").unwrap();
    backend.create(&volume("a/b/c")).await.unwrap();
    assert_eq!(mode(&root.join("a/b/c")), 0o777);
    assert_eq!(fs::read_to_string(root.join("a/b/c/file")).unwrap(), "kept");

    backend
        .create(&CreateVolume {
            mode: 0o2770,
            ..volume("group")
        })
        .await
        .unwrap();
    assert_eq!(mode(&root.join("group")), 0o2770);
    let (one, two) = tokio::join!(async { backend.create(&volume("x/y")).await }, async {
        backend.create(&volume("x/y")).await
    });
    one.unwrap();
    two.unwrap();
    let space = backend.space().await.unwrap();
    assert!(space.total >= space.free && space.free > 0, "{space:?}");
}

async fn what_is_mounted_is_what_was_made(ground: Ground) {
    let config = ground
        .server
        .config_value(crate::OPEN, Some(&ground.root), ground.version);
    let MountSource::Nfs {
        server,
        path,
        options,
        version,
    } = ground.backend().mount(&path("a/b"), "any", false).await.unwrap()
    else {
        panic!("no NFS path");
    };
    assert_eq!((server.as_str(), version), ("127.0.0.1", ground.version));
    assert_eq!(
        path,
        format!("{}/{}/a/b", config["export"].as_str().unwrap(), ground.root)
    );
    let mut expected = vec![format!("port={}", config["port"])];
    if version == "3" {
        expected.push(format!("mountport={}", config["mountPort"]));
    }
    assert_eq!(options, expected);
}

async fn discarding_and_restoring_move_the_same_directory(ground: Ground) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    backend.create(&volume("ns/vol")).await.unwrap();
    let root = ground.behind();
    fs::write(root.join("ns/vol/file"), "data").unwrap();

    backend.discard(&path("ns/vol"), &into_trash("vol")).await.unwrap();
    assert_eq!(backend.inspect(&path("ns/vol")).await.unwrap(), None);
    let record = Some(json!({ "volume": "vol" }));
    assert_eq!(
        backend.trash().await.unwrap(),
        [TrashEntry {
            id: id("vol"),
            record,
            purging: false
        }]
    );
    assert_eq!(names(&root.join(".tombolo/trash")), ["vol", "vol.json"]);
    assert_eq!(mode(&root.join(".tombolo/trash")), 0o700);

    backend.create(&volume("taken")).await.unwrap();
    for (entry, to) in [("vol", "taken"), ("other", "fresh")] {
        assert_eq!(
            backend.restore(&id(entry), &path(to)).await.unwrap_err().class,
            Class::Invalid
        );
    }
    assert!(root.join("taken").is_dir(), "an empty directory was replaced");
    backend.restore(&id("vol"), &path("ns/back")).await.unwrap();
    assert_eq!(fs::read_to_string(root.join("ns/back/file")).unwrap(), "data");
    assert!(backend.trash().await.unwrap().is_empty());
    assert!(names(&root.join(".tombolo/trash")).is_empty());

    backend.discard(&path("ns/back"), &into_trash("vol")).await.unwrap();
    assert_eq!(
        backend.purge(&id("vol"), &()).await.unwrap(),
        Purged {
            files: 1,
            directories: 1
        }
    );
    assert_eq!(backend.purge(&id("vol"), &()).await.unwrap(), Purged::default());
    assert!(names(&root.join(".tombolo/trash")).is_empty());
}

async fn a_discard_repeated_or_of_nothing_succeeds(ground: Ground) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    let trash = ground.behind().join(".tombolo/trash");
    for nothing in ["never", "no/parent"] {
        backend.discard(&path(nothing), &into_trash("never")).await.unwrap();
    }
    backend.create(&volume("vol")).await.unwrap();
    for _ in 0..2 {
        backend.discard(&path("vol"), &into_trash("vol")).await.unwrap();
    }
    assert_eq!(names(&trash), ["vol", "vol.json"]);

    // A record whose volume never came.
    fs::write(trash.join("never.json"), "{}").unwrap();
    backend.discard(&path("never"), &into_trash("never")).await.unwrap();
    assert_eq!(names(&trash), ["vol", "vol.json"]);

    // Another volume must not take the place of an entry, not even of an empty one.
    backend.create(&volume("vol")).await.unwrap();
    assert_eq!(
        backend
            .discard(&path("vol"), &into_trash("vol"))
            .await
            .unwrap_err()
            .class,
        Class::Bug
    );
    fs::rename(trash.join("vol"), trash.join("purging-vol")).unwrap();
    assert_eq!(
        backend
            .discard(&path("vol"), &into_trash("vol"))
            .await
            .unwrap_err()
            .class,
        Class::Bug
    );
    assert!(ground.behind().join("vol").is_dir());

    // While a purge is under way, nothing comes back.
    let entries = backend.trash().await.unwrap();
    assert_eq!(
        entries
            .iter()
            .map(|entry| (entry.id.as_str(), entry.purging))
            .collect::<Vec<_>>(),
        [("vol", true)]
    );
    let error = backend.restore(&id("vol"), &path("back")).await.unwrap_err();
    assert_eq!(error.class, Class::Invalid);
    assert!(error.to_string().contains("purged"), "{error}");

    // Eight at once are one.
    backend.create(&volume("many")).await.unwrap();
    let (many, disposal) = (path("many"), into_trash("many"));
    let discards = (0..8).map(|_| backend.discard(&many, &disposal));
    for done in futures::future::join_all(discards).await {
        done.unwrap();
    }
    assert!(trash.join("many").is_dir() && trash.join("many.json").is_file());
}

async fn archives_are_kept(ground: Ground) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    backend.create(&volume("vol")).await.unwrap();
    for _ in 0..2 {
        backend
            .discard(&path("vol"), &Disposal::Archive { id: id("kept") })
            .await
            .unwrap();
    }
    assert_eq!(names(&ground.behind().join(".tombolo/archive")), ["kept"]);
    assert!(backend.trash().await.unwrap().is_empty());
}

async fn listing_tells_volumes_from_everything_else(ground: Ground) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    let root = ground.behind();
    for name in [
        "empty",
        "full",
        "a b",
        "-rf",
        ".hidden",
        "line\nbreak",
        "ünïcode",
        "semi;colon",
        &"x".repeat(200),
    ] {
        fs::create_dir(root.join(name)).unwrap();
    }
    fs::write(root.join("full/file"), "").unwrap();
    fs::write(root.join("file"), "").unwrap();
    std::os::unix::fs::symlink(root.join("full"), root.join("link")).unwrap();
    let mut listed = backend.list().await.unwrap();
    listed.sort_by(|a, b| a.path.cmp(&b.path));
    let seen: Vec<_> = listed.iter().map(|l| (l.path.as_str(), l.empty)).collect();
    assert_eq!(seen, [("-rf", true), ("empty", true), ("full", false)]);
    let age = jiff::Timestamp::now().duration_since(listed[1].modified);
    assert!(age.as_secs().abs() < 600, "modified {age:?} ago");

    assert!(!backend.remove_empty(&path("full")).await.unwrap());
    assert!(!backend.remove_empty(&path("gone")).await.unwrap());
    assert!(!backend.remove_empty(&path("gone/too")).await.unwrap());
    assert!(backend.remove_empty(&path("empty")).await.unwrap());
    assert!(!root.join("empty").exists() && root.join("full/file").exists());
}

async fn links_are_never_followed(ground: Ground) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    let (root, outside) = (ground.behind(), ground.behind().with_extension("outside"));
    fs::create_dir_all(outside.join("vol")).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
    std::os::unix::fs::symlink("gone", root.join("dangling")).unwrap();
    fs::write(root.join("file"), "").unwrap();
    for name in ["link", "link/vol", "dangling", "file", "file/x"] {
        assert_eq!(
            backend.create(&volume(name)).await.unwrap_err().class,
            Class::Invalid,
            "{name}"
        );
        assert_eq!(
            backend.inspect(&path(name)).await.unwrap_err().class,
            Class::Invalid,
            "{name}"
        );
        assert_eq!(
            backend.remove_empty(&path(name)).await.unwrap_err().class,
            Class::Invalid,
            "{name}"
        );
        let error = backend.discard(&path(name), &into_trash("x")).await.unwrap_err();
        assert_eq!(error.class, Class::Invalid, "{name}");
    }
    assert_eq!(names(&root), [".tombolo", "dangling", "file", "link"]);
    assert_eq!(names(&outside), ["vol"]);
    assert!(names(&outside.join("vol")).is_empty());

    // Nor is the private directory where a link leads.
    let other = root.with_extension("other");
    fs::create_dir_all(other.join("private/trash/vol")).unwrap();
    std::os::unix::fs::symlink("private", other.join(".tombolo")).unwrap();
    let backend = crate::Ground {
        root: format!("{}.other", ground.root),
        ..ground
    }
    .backend();
    assert_eq!(backend.read_mark().await.unwrap_err().class, Class::Invalid);
    assert_eq!(backend.place_mark(&mark("b")).await.unwrap_err().class, Class::Invalid);
    assert_eq!(backend.trash().await.unwrap_err().class, Class::Invalid);
    assert_eq!(backend.purge(&id("vol"), &()).await.unwrap_err().class, Class::Invalid);
    assert!(other.join("private/trash/vol").is_dir());
}

async fn the_longest_names_work(ground: Ground) {
    let backend = ground.backend();
    backend.place_mark(&mark("a")).await.unwrap();
    let name = "n".repeat(128);
    backend.create(&volume(&name)).await.unwrap();
    backend.discard(&path(&name), &into_trash(&name)).await.unwrap();
    assert_eq!(backend.trash().await.unwrap().len(), 1);
    assert_eq!(
        backend.purge(&id(&name), &()).await.unwrap(),
        Purged {
            files: 0,
            directories: 1
        }
    );
    let deep = vec!["d"; 40].join("/");
    backend.create(&volume(&deep)).await.unwrap();
    assert!(ground.behind().join(&deep).is_dir());
}
