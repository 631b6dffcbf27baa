//! What the cases about sizes share: volumes with limits, filled up, and patience with a server that counts later.

use crate::Subject;
use crate::hands::{Hands, Refused};
use crate::plant::*;
use std::sync::LazyLock;
use std::time::Duration;
use tombolo_backend_api::*;

/// A size that fills in a moment, and in which no file system's rounding shows.
pub(crate) const LIMIT: u64 = 16 << 20;
/// Bytes in a file that [`fill`] writes.
pub(crate) const PIECE: usize = 128 << 10;
/// How long a server may take to see what was freed: some count when they commit.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) fn limited(at: &str, bytes: u64) -> CreateVolume {
    CreateVolume { bytes, ..volume(at) }
}

pub(crate) fn piece(name: &str, n: u64) -> String {
    format!("{name}-{n}")
}

/// Writes files until `most` bytes are written or it is refused; answers the bytes of whole files, and the refusal.
pub(crate) async fn fill(hands: &dyn Hands, name: &str, most: u64) -> (u64, Option<Refused>) {
    let mut written = 0;
    for n in 0.. {
        if written >= most {
            break;
        }
        if let Err(refused) = hands.write(&piece(name, n), &noise(n)).await {
            return (written, Some(refused));
        }
        written += PIECE as u64;
    }
    (written, None)
}

/// Bytes that hardly compress, and differ from piece to piece.
fn noise(number: u64) -> Vec<u8> {
    static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut state = 1_u64;
        let words = std::iter::repeat_with(|| {
            // Knuth's linear congruential generator.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()
        });
        words.take(PIECE / 8).flatten().collect()
    });
    let mut bytes = NOISE.clone();
    for block in bytes.chunks_mut(4096) {
        block[..8].copy_from_slice(&number.to_be_bytes());
    }
    bytes
}

/// Waits for something that a server may see late.
pub(crate) async fn eventually(what: &str, mut seen: impl AsyncFnMut() -> bool) {
    let begin = tokio::time::Instant::now();
    while !seen().await {
        assert!(begin.elapsed() < PATIENCE, "{what}: not seen within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Purges everything in the trash.
pub(crate) async fn purge_all(subject: &dyn Subject) {
    let backend = subject.backend().await;
    for entry in backend.trash().await.unwrap() {
        backend.purge(&entry.id, &()).await.unwrap();
    }
}
