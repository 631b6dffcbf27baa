//! Making everything of a tree: the walk finds it, a few at a time are made.

use crate::account::Account;
use crate::make::Maker;
use crate::tree::Tree;
use crate::walk::Walk;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, future, stream};
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tombolo_backend_api::{BackendError, CopyProgress};

/// Entries that are being made at once.
const PARALLEL: usize = 8;
/// How often it is told how far a copy has come, and looked whether it is still wanted.
const EVERY: Duration = Duration::from_millis(500);

/// Makes everything. Ends early with an error, also if `still_ours` says so, but not before every step that has begun has ended:
/// nothing is written for this copy when this has returned.
pub(crate) async fn fill<'a, T: Tree>(
    walk: Walk<'_, T>,
    maker: &Maker<'_, T>,
    account: &Account,
    progress: &dyn CopyProgress,
    still_ours: &'a (dyn Fn() -> BoxFuture<'a, Result<(), BackendError>> + Sync),
) -> Result<(), BackendError> {
    let stop = maker.stop();
    let jobs = stream::try_unfold(walk, |walk| match stop.is_set() {
        true => future::ready(Ok(None)).boxed(),
        false => walk.advance(),
    });
    let mut made = jobs.map_ok(|job| maker.run(job)).try_buffer_unordered(PARALLEL).boxed();
    // Beside what is being made and never instead of it: each may hold what the other waits for.
    let mut unwanted = Box::pin(async {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            progress.copied(account.copied(), account.seen());
            if let Err(error) = still_ours().await {
                return error;
            }
        }
    });
    let (mut failure, mut is_watched) = (None, true);
    loop {
        let error = tokio::select! {
            biased;
            error = &mut unwanted, if is_watched => {
                is_watched = false;
                error
            }
            done = made.next() => match done {
                Some(Ok(())) => continue,
                Some(Err(error)) => error,
                None => break,
            },
        };
        failure.get_or_insert(error);
        stop.set();
    }
    match failure {
        Some(error) => Err(error),
        None => stop.check(),
    }
}
