//! Settling on a timer, in a task that ends with its value.

use crate::filer::Filer;
use crate::settle::Settled;
use std::time::Duration;
use tokio::task::JoinHandle;
use tombolo_backend_api::BackendError;

/// How long it waits after the first failure; after each further one twice as long, up to the usual time.
const FIRST_RETRY: Duration = Duration::from_secs(2);

/// The task; it ends when this is dropped.
#[derive(Debug)]
pub struct Settling(JoinHandle<()>);

impl Drop for Settling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) fn keep_settled(
    filer: Filer,
    every: Duration,
    tell: impl Fn(&Result<Settled, BackendError>) + Send + 'static,
) -> Settling {
    Settling(tokio::spawn(async move {
        // How the first time went is not known here; the root may have been marked right after it.
        let mut failures = 1;
        loop {
            tokio::time::sleep(pause(failures, every)).await;
            let settled = filer.settle().await;
            failures = if settled.is_ok() { 0 } else { failures.saturating_add(1) };
            tell(&settled);
        }
    }))
}

/// How long to wait after so many failures in a row.
fn pause(failures: u32, every: Duration) -> Duration {
    match failures.checked_sub(1) {
        None => every,
        Some(doublings) => every.min(FIRST_RETRY.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_retried_soon_and_then_less_and_less_often() {
        let every = Duration::from_secs(300);
        let seconds = |failures| pause(failures, every).as_secs();
        assert_eq!(
            [1, 2, 3, 8, 9, 32, 33, u32::MAX].map(seconds),
            [2, 4, 8, 256, 300, 300, 300, 300]
        );
        assert_eq!(pause(0, every), every);
        assert_eq!(pause(1, Duration::from_millis(10)), Duration::from_millis(10));
    }
}
