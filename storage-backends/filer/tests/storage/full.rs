//! A file system without room, which an admin who overcommits can get: nobody is given anything, and everything can be taken away, where
//! metadata has room of its own.

use super::*;

#[tokio::test]
async fn a_full_file_system_gives_nothing_and_still_lets_everything_go() {
    let Some(image) = image(Image::usual_btrfs(512 * MIB)) else {
        return;
    };
    let stage = Stage::on(image);
    let filer = stage.open_with(stage.config().with_overcommit(true)).await.unwrap();
    filer.place_mark(&mark()).await.unwrap();
    for name in ["greedy", "pvc-1", "pvc-2"] {
        filer.create(&volume(name, 4096 * MIB)).await.unwrap();
        filer.mount(&key(name, "team")).await.unwrap();
    }
    fs::write(stage.root().join("pvc-1/file"), "kept").unwrap();
    stage.image.sync();
    fill(&stage.root().join("greedy"));

    // Everything that revokes, moves and removes works, and the exports are known as before.
    filer.settle().await.unwrap();
    let way = key("pvc-1", "team");
    filer.revoke().unwrap().admit(&way, Admission::Cut).await.unwrap();
    filer.revoke().unwrap().admit(&way, Admission::Full).await.unwrap();
    assert_eq!(fs::read(stage.exports_dir().join("pvc-1/file")).unwrap(), b"kept");
    filer.discard(&path("pvc-1"), &trash("t-1")).await.unwrap();
    filer.restore(&id("t-1"), &path("pvc-1")).await.unwrap();
    filer.discard(&path("pvc-2"), &trash("t-2")).await.unwrap();
    filer.purge(&id("t-2"), &()).await.unwrap();
    // What is not given is refused in order, or given whole.
    match filer.create(&volume("pvc-3", 8 * MIB)).await {
        Ok(made) => assert_eq!(made.enforced_bytes, Some(8 * MIB)),
        Err(error) => assert_eq!(error.class, Class::Full, "{error}"),
    }
    filer.discard(&path("greedy"), &trash("t-3")).await.unwrap();
    filer.purge(&id("t-3"), &()).await.unwrap();
    for _ in 0..600 {
        if fs::write(stage.root().join("pvc-1/more"), noise(16 * MIB)).is_ok() {
            return;
        }
        tombolo_btrfs::subvolume::sync(dir(&stage.root())).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("the room of a purged volume does not come back");
}

/// Writes until there is no room for the smallest file.
fn fill(volume: &Path) {
    for size in [MIB, 64 << 10, 4 << 10] {
        for number in 0.. {
            let written = fs::write(volume.join(format!("{size}-{number}")), noise(size));
            if written.and_then(|()| fs::File::open(volume)?.sync_all()).is_err() {
                break;
            }
        }
    }
    assert!(fs::write(volume.join("last"), noise(MIB)).is_err(), "it is not full");
}
