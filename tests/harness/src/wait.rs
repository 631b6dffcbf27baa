//! Waiting for a condition with a deadline. Tests never sleep for a fixed time.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// What one look at the world found.
#[derive(Debug)]
pub enum Look<T> {
    /// The condition holds, with this outcome.
    Done(T),
    /// Not yet; the text says what was seen instead and ends up in the error when the deadline passes.
    NotYet(String),
}

impl<T> Look<T> {
    /// `Done` for `Some`, else `NotYet` with what was seen.
    pub fn found(found: Option<T>, seen: impl Debug) -> Self {
        match found {
            Some(value) => Self::Done(value),
            None => Self::NotYet(format!("{seen:#?}")),
        }
    }
}

impl Look<()> {
    /// `Done` if the condition holds, else `NotYet` with what was seen.
    pub fn holds(condition: bool, seen: impl Debug) -> Self {
        Self::found(condition.then_some(()), seen)
    }
}

/// Looks until the condition holds. An error of a look counts as "not yet", because servers may be restarting meanwhile.
///
/// # Errors
/// When `within` has passed; the message has `what`, and the last thing seen.
pub async fn until<T, F, Fut>(what: &str, within: Duration, mut look: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Look<T>>>,
{
    let start = Instant::now();
    let mut pause = Duration::from_millis(10);
    let mut last = String::from("nothing: the first look did not return in time");
    loop {
        let Some(left) = within.checked_sub(start.elapsed()) else {
            bail!("waited {within:?} in vain for {what}; last seen: {last}");
        };
        match tokio::time::timeout(left.max(pause), look()).await {
            Ok(Ok(Look::Done(value))) => return Ok(value),
            Ok(Ok(Look::NotYet(seen))) => last = seen,
            Ok(Err(error)) => last = format!("{error:#}"),
            Err(_) => continue,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

/// Watches for `during` that a condition never holds, and returns as soon as it does.
///
/// # Errors
/// When the condition came to hold, or a look failed.
pub async fn never<F, Fut>(what: &str, during: Duration, mut look: F) -> Result<()>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Look<String>>>,
{
    let start = Instant::now();
    while start.elapsed() < during {
        if let Look::Done(seen) = look().await? {
            bail!("{what}, after {:?}: {seen}", start.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shows_what_it_saw_last() {
        let mut looks = 0;
        let outcome: Result<()> = until("a miracle", Duration::from_millis(40), || {
            looks += 1;
            let seen = format!("phase Pending, look {looks}");
            async move { Ok(Look::NotYet(seen)) }
        })
        .await;
        let error = outcome.unwrap_err().to_string();
        assert!(
            error.contains("for a miracle; last seen: phase Pending, look"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_error_is_not_yet() {
        let mut looks = 0;
        let outcome = until("the second look", Duration::from_secs(5), || {
            looks += 1;
            let first = looks == 1;
            async move {
                if first {
                    bail!("connection refused")
                } else {
                    Ok(Look::Done(7))
                }
            }
        });
        assert_eq!(outcome.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_look_that_hangs_meets_the_deadline() {
        let outcome: Result<()> = until("an answer", Duration::from_millis(30), std::future::pending).await;
        assert!(
            outcome
                .unwrap_err()
                .to_string()
                .contains("the first look did not return")
        );
    }

    #[tokio::test]
    async fn never_reports_the_first_sight() {
        let outcome = never("a PV appeared", Duration::from_secs(5), async || {
            Ok(Look::Done("pvc-1".into()))
        })
        .await;
        assert!(outcome.unwrap_err().to_string().contains("pvc-1"));
    }
}
