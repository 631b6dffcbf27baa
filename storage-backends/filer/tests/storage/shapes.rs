//! Whatever shape tenants give to what they write: small files, which are metadata, and large ones that leave holes behind them. Whoever is
//! within their limit has what they were promised.

use super::*;
use rustix::io::Errno;

/// So small that btrfs keeps it in metadata.
const SMALL: usize = 2000;
const LARGE: usize = 64 << 10;

#[tokio::test]
async fn a_tenant_s_files_leave_others_their_room_where_both_kinds_share_it() {
    let Some(stage) = stage(256 * MIB) else { return };
    let filer = marked(&stage).await;
    assert_eq!(filer.notice(), None);
    // Nine tenths, and not a byte more.
    assert_eq!(kind(filer.create(&volume("huge", 231 * MIB)).await), FULL);
    push(&stage, &filer, 150 * MIB, 60 * MIB).await;
}

#[tokio::test]
async fn a_tenant_s_files_leave_others_their_room_where_each_kind_has_its_own() {
    let Some(image) = image(Image::usual_btrfs(512 * MIB)) else {
        return;
    };
    let stage = Stage::on(image);
    let filer = marked(&stage).await;
    assert!(filer.notice().unwrap().contains("--mixed"), "{:?}", filer.notice());
    // A third of that.
    assert_eq!(kind(filer.create(&volume("huge", 154 * MIB)).await), FULL);
    push(&stage, &filer, 100 * MIB, 50 * MIB).await;
}

const FULL: (Class, Certainty) = (Class::Full, Certainty::NotDone);

/// One tenant fills its volume in the worst order there is; then a neighbour uses what it was promised.
async fn push(stage: &Stage, filer: &Filer, greedy: u64, neighbour: u64) {
    for (name, bytes) in [("greedy", greedy), ("neighbour", neighbour)] {
        filer.create(&volume(name, bytes)).await.unwrap();
    }
    let at = |name: &str| stage.root().join(name);
    // As much as there may be, and then a file in thirty of it: the room for data stays taken.
    let large = filled(&at("greedy"), "large", LARGE);
    assert!(
        large > usize::try_from(greedy).unwrap() / LARGE * 8 / 10,
        "{large} files"
    );
    for number in (0..large).filter(|number| number % 30 != 0) {
        fs::remove_file(at("greedy").join(format!("large-{number}"))).unwrap();
    }
    stage.image.sync();
    let small = filled(&at("greedy"), "small", SMALL);
    assert!(small > usize::try_from(greedy).unwrap() / LARGE, "{small} files");

    fs::create_dir(at("neighbour").join("directory")).unwrap();
    let most = usize::try_from(neighbour).unwrap() / LARGE;
    let written = filled(&at("neighbour"), "large", LARGE);
    assert!(written > most * 8 / 10, "{written} of {most} files");
    filer.discard(&path("neighbour"), &trash("t")).await.unwrap();
    filer.purge(&id("t"), &()).await.unwrap();
}

/// Writes files until the volume's limit stops it, and nothing else does.
fn filled(volume: &Path, name: &str, bytes: usize) -> usize {
    let contents = noise(u64::try_from(bytes).unwrap());
    for number in 0.. {
        let written = fs::write(volume.join(format!("{name}-{number}")), &contents);
        let Err(error) = written.and_then(|()| sometimes_synced(volume, number)) else {
            continue;
        };
        assert_eq!(
            Errno::from_io_error(&error),
            Some(Errno::DQUOT),
            "{name}-{number} in {}",
            volume.display()
        );
        return number;
    }
    unreachable!()
}

/// What is not on disk yet is no burden to anybody.
fn sometimes_synced(volume: &Path, number: usize) -> std::io::Result<()> {
    match number % 500 {
        0 => Ok(rustix::fs::syncfs(fs::File::open(volume)?)?),
        _ => Ok(()),
    }
}
