//! Damaged files: the whole ledger, or an empty one that says so; never an older one, never a part of one.

use super::*;
use crate::ledger::epoch::Holder;

/// A generator of numbers that are the same in every run (Knuth's MMIX constants).
fn random(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6364136223846793005)
        .wrapping_add(1442695040888963407);
    usize::try_from(*state >> 33).unwrap()
}

/// Checks that `opened` is all there was, or nothing and says so; which of them.
fn honest(opened: &Opened<SledLedger>, whole: &[Arc<Record>], epoch: Option<&Epoch>) -> &'static str {
    let (found, signed) = (opened.ledger.all(), opened.ledger.epoch());
    match &opened.condition {
        Condition::Loaded => {
            let same = found == whole && signed.as_ref() == epoch;
            assert!(same, "{} of {} records, signed by {signed:?}", found.len(), whole.len());
            "whole"
        }
        Condition::Recovered { moved_to, why } => {
            assert!(moved_to.is_dir() && found.is_empty() && signed.is_none());
            match why.contains("had been flushed") {
                true => "rolled back",
                false => "unreadable",
            }
        }
        Condition::Fresh => {
            assert!(found.is_empty() && signed.is_none());
            "empty"
        }
    }
}

fn hurt(bytes: &mut Vec<u8>, how: usize, seed: &mut u64) {
    let used: Vec<_> = (0..bytes.len()).filter(|i| bytes[*i] != 0).collect();
    let at = used[random(seed) % used.len()];
    match how % 3 {
        0 => bytes[at] ^= 1 << (random(seed) % 8),
        1 => bytes.truncate(at),
        _ => bytes.iter_mut().skip(at / 4096 * 4096).take(4096).for_each(|b| *b = 0),
    }
}

/// A ledger in `dir`, and by whom it is signed.
async fn signed(dir: &TempDir) -> (SledLedger, Epoch) {
    let ledger = dir.open().unwrap().ledger;
    let epoch = Epoch {
        term: None,
        holder: Holder::parse("pod_a").unwrap(),
    };
    ledger.set_epoch(epoch.clone()).await.unwrap();
    (ledger, epoch)
}

/// What becomes of a ledger of three records after a crash, when `hurt` has been at one file of its store.
async fn after(file: &str, hurt: impl FnOnce(&mut Vec<u8>)) -> &'static str {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, epoch) = signed(&dir).await;
    for n in 1..=3 {
        ledger.apply(vec![begin(n)], Durability::Flushed).await.unwrap();
    }
    let whole = ledger.all();
    dir.crash(ledger);
    let mut image = image(dir.path());
    hurt(image.get_mut(&Path::new("ledger/store").join(file)).unwrap());
    dir.lose();
    lay(&image, dir.path());
    honest(&dir.open().unwrap(), &whole, Some(&epoch))
}

#[tokio::test]
async fn a_crash_alone_damages_nothing() {
    assert_eq!(after("db", |_| ()).await, "whole");
}

#[tokio::test]
async fn a_log_that_has_lost_its_end_is_noticed_although_the_store_opens() {
    let lost_end = |log: &mut Vec<u8>| {
        let last = log.windows(5).rposition(|bytes| bytes == b"pvc-3").unwrap();
        log[last..].fill(0);
    };
    assert_eq!(after("db", lost_end).await, "rolled back");
}

#[tokio::test]
async fn a_store_that_the_library_cannot_read_is_called_unreadable() {
    let spoilt = |conf: &mut Vec<u8>| *conf = b"not sled's, and too long to be empty".to_vec();
    assert_eq!(after("conf", spoilt).await, "unreadable");
}

#[tokio::test]
async fn damage_never_passes_for_an_older_or_smaller_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, epoch) = signed(&dir).await;
    for n in 0..200 {
        let forget = Change::Forget {
            volume: VolumeId::new(format!("pvc-{}", n / 2)),
        };
        ledger.apply(vec![begin(n), forget], Durability::Flushed).await.unwrap();
    }
    let whole = ledger.all();
    dir.crash(ledger);
    // As the crash left it, and opened once more, after which sled has a snapshot of it.
    let crashed = image(dir.path());
    drop(dir.open().unwrap());
    let images = [crashed, image(dir.path())];
    let mut seed = 7;
    for round in 0..60 {
        let mut image = images[round % 2].clone();
        let stored: Vec<_> = image
            .keys()
            .filter(|path| path.starts_with("ledger/store"))
            .cloned()
            .collect();
        let path = &stored[random(&mut seed) % stored.len()];
        hurt(image.get_mut(path).unwrap(), round, &mut seed);
        let dir = tempfile::tempdir().unwrap();
        lay(&image, dir.path());
        let opened = dir.open().unwrap();
        let _ = honest(&opened, &whole, Some(&epoch));
        // It works from then on, or sees later what it has not seen yet.
        let (ledger, signed) = (opened.ledger, opened.condition == Condition::Loaded);
        ledger.apply(vec![begin(1)], Durability::Flushed).await.unwrap();
        let whole = ledger.all();
        dir.crash(ledger);
        let _ = honest(&dir.open().unwrap(), &whole, Some(&epoch).filter(|_| signed));
    }
}
