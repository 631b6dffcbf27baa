//! What is told of a snapshot that is being taken, on the VolumeSnapshot of those who wait for it.
//!
//! The words, and how seldom, are those of copies. Nothing is decided here.

use super::Takes;
use crate::api::reasons::SnapshotReason;
use crate::controllers::context::Context;
use crate::controllers::copies::Heard;
use crate::domain::ids::ContentName;
use crate::plan::action::{Announcement, Subject, Told};
use crate::plan::copy::progress;
use crate::plan::snapshot::taking::Take;
use std::time::Duration;
use tokio::time::Instant;

impl Takes {
    /// How long nothing more is told of it.
    fn silence(&self, content: &ContentName) -> Duration {
        let state = self.lock();
        progress::wait(state.progress.get(content).map(Instant::elapsed))
    }

    /// Those that wait for others, each answered once. To be asked when nothing may begin. Those that take a moment wait for one.
    pub(super) fn left_waiting(&self) -> Vec<Take> {
        let mut state = self.lock();
        let untold = |take: &&Take| !take.at_once && !state.progress.contains_key(&take.content);
        let waiting: Vec<Take> = state.wanted.iter().filter(untold).cloned().collect();
        let now = Instant::now();
        let told = waiting.iter().map(|take| (take.content.clone(), now));
        state.progress.extend(told);
        waiting
    }
}

/// Polls what is taken to its end, and tells how far it is meanwhile.
pub(super) async fn telling<T>(ctx: &Context, take: &Take, heard: &Heard, work: impl Future<Output = T>) -> T {
    let silence = || ctx.takes.silence(&take.content);
    let say = |words| {
        ctx.takes.lock().progress.insert(take.content.clone(), Instant::now());
        if let Some(words) = words {
            tell(ctx, take, words);
        }
    };
    heard.telling(work, silence, say).await
}

pub(super) fn tell(ctx: &Context, take: &Take, words: String) {
    ctx.ports.audience.hear(&Announcement {
        subject: Subject::Snapshot(take.snapshot.clone(), take.snapshot_uid.clone()),
        reason: Told::Snapshot(SnapshotReason::SnapshotProgress),
        text: words,
    });
}
