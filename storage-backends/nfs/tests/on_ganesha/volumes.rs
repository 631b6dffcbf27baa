//! Volumes where a server's memory, its silent RENAME and its file system's names matter. The rest is in the
//! conformance suite.

use crate::{Ground, both_versions, id, into_trash, mark, path, volume};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};
use tombolo_backend_api::{Access, Backend, Certainty, Class, CreateVolume, ExportKey, MountSource, Tenant};

both_versions!(
    making_is_idempotent_and_sets_modes,
    what_is_mounted_is_what_was_made,
    a_discard_repeated_or_of_nothing_succeeds,
    listing_tells_volumes_from_everything_else,
    links_are_never_followed,
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
    let export = ExportKey {
        path: path("a/b"),
        tenant: Tenant::parse("any").unwrap(),
        access: Access::ReadWrite,
    };
    let MountSource::Nfs {
        server,
        path,
        options,
        version,
    } = ground.backend().mount(&export).await.unwrap()
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

    // Another volume must not take the place of an entry, though RENAME would let it: the entry is empty.
    backend.create(&volume("vol")).await.unwrap();
    let error = backend.discard(&path("vol"), &into_trash("vol")).await.unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Invalid, Certainty::NotDone),
        "{error}"
    );
    assert!(ground.behind().join("vol").is_dir());
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server's clock is compared with this machine's"
)]
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
    let seen: Vec<_> = listed.iter().map(|l| l.path.as_str()).collect();
    assert_eq!(seen, ["-rf", "empty", "full"]);
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
