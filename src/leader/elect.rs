//! The loop around the decisions: stand for election, keep the term, give it up.
//!
//! It only writes the Lease. What the process does with a term, and ending the process when the term is lost, is the
//! caller's: select over [`Term::keep`] and the rest, and be gone within [`Timing::grace`] once it returns.

use super::decide::{self, Keep, Lost, Sighting, Stand, Tenure};
use super::store::{LeaseStore, StoreError};
use super::{Epoch, Identity, Leadership, LeaseSeen, Timing};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

/// A process that wants to lead.
pub struct Elector<S> {
    store: S,
    me: Identity,
    timing: Timing,
    /// The Lease as last read or written: what the next write replaces, foreign fields and labels included.
    lease: Option<Lease>,
    seen: Option<Sighting>,
    attempt: Option<Attempt>,
}

/// A write that would make us the holder, remembered until it is known whether it was done.
struct Attempt {
    before: Option<Epoch>,
    transitions: i32,
}

impl Attempt {
    fn made(&self, found: &Epoch) -> bool {
        self.transitions == found.transitions && self.before.as_ref().is_none_or(|before| before.lease == found.lease)
    }
}

/// A term that was won.
pub struct Term<S> {
    elector: Elector<S>,
    tenure: Tenure,
    leadership: Leadership,
}

impl<S: LeaseStore> Elector<S> {
    /// Prepares; nothing is read or written yet.
    pub fn new(store: S, me: Identity, timing: Timing) -> Self {
        Self {
            store,
            me,
            timing,
            lease: None,
            seen: None,
            attempt: None,
        }
    }

    /// Waits, however long it takes, until the term is ours. Dropping the future gives up standing.
    pub async fn acquire(mut self) -> Term<S> {
        loop {
            let pause = match self.attempt_once().await {
                Ok((tenure, leadership)) => {
                    info!(holder = %self.me, "leading");
                    return Term {
                        elector: self,
                        tenure,
                        leadership,
                    };
                }
                Err(NotYet::Held(pause)) => pause,
                Err(NotYet::Failed(StoreError::Conflict)) => {
                    debug!("another candidate was quicker");
                    self.timing.retry_period
                }
                Err(NotYet::Failed(error)) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot stand for election yet"
                    );
                    self.timing.retry_period
                }
            };
            sleep(pause).await;
        }
    }

    async fn attempt_once(&mut self) -> Result<(Tenure, Leadership), NotYet> {
        self.look().await?;
        match decide::stand(self.seen.as_ref(), &self.me, Instant::now(), &self.timing) {
            Stand::Acquire => Ok(self.claim().await?),
            Stand::Wait(pause) => {
                if let Some(seen) = &self.seen {
                    debug!(holder = seen.lease.epoch.holder, "waiting for the Lease");
                }
                Err(NotYet::Held(pause))
            }
        }
    }

    /// Writes ourselves into the Lease, whatever it says: the decision was made.
    async fn claim(&mut self) -> Result<(Tenure, Leadership), StoreError> {
        let found = self.seen.as_ref().map(|seen| seen.lease.epoch.clone());
        let ours = found.as_ref().filter(|epoch| epoch.holder == self.me.as_str());
        let attempt = match (ours, self.attempt.take()) {
            // A write of ours succeeded without our hearing of it: what it replaced is what counts as before.
            (Some(epoch), Some(attempt)) if attempt.made(epoch) => attempt,
            (Some(epoch), _) => Attempt {
                before: None,
                transitions: epoch.transitions,
            },
            (None, _) => Attempt {
                transitions: found.as_ref().map_or(0, |epoch| epoch.transitions.saturating_add(1)),
                before: found,
            },
        };
        let transitions = attempt.transitions;
        let before = self.attempt.insert(attempt).before.clone();

        let sent = Instant::now();
        #[expect(
            clippy::disallowed_methods,
            reason = "what others read in the Lease is wall-clock time; nothing here is decided by it"
        )]
        let now = MicroTime(jiff::Timestamp::now());
        self.write(|spec, timing, me| {
            spec.holder_identity = Some(me.to_string());
            spec.lease_transitions = Some(transitions);
            spec.lease_duration_seconds = Some(seconds(timing.lease_duration));
            spec.acquire_time = Some(now.clone());
            spec.renew_time = Some(now.clone());
        })
        .await?;

        let now = self
            .seen
            .as_ref()
            .map(|seen| seen.lease.epoch.clone())
            .ok_or(StoreError::Gone)?;
        let tenure = Tenure {
            lease: now.lease.clone(),
            renewed: sent,
            tried: sent,
        };
        Ok((tenure, Leadership::Elected { before, now }))
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let lease = within(self.timing.request(), self.store.get()).await?;
        self.note(lease);
        Ok(())
    }

    /// Writes the Lease as last seen with `change` applied, or a new one if there is none.
    async fn write(&mut self, change: impl FnOnce(&mut LeaseSpec, &Timing, &Identity)) -> Result<(), StoreError> {
        let limit = self.timing.request();
        let mut lease = self.lease.clone().unwrap_or_default();
        let spec = lease.spec.get_or_insert_default();
        change(spec, &self.timing, &self.me);
        let written = if self.lease.is_some() {
            within(limit, self.store.replace(&lease)).await
        } else {
            within(limit, self.store.create(spec.clone())).await
        };
        match written {
            Ok(lease) => {
                self.note(Some(lease));
                Ok(())
            }
            Err(StoreError::Gone) => {
                self.note(None);
                Err(StoreError::Gone)
            }
            Err(error) => Err(error),
        }
    }

    fn note(&mut self, lease: Option<Lease>) {
        // An edit of labels is no sign of life of the holder: only the spec counts.
        let same = match (&self.lease, &lease) {
            (Some(old), Some(new)) => old.metadata.uid == new.metadata.uid && old.spec == new.spec,
            (None, _) | (_, None) => false,
        };
        let since = match &self.seen {
            Some(seen) if same => seen.since,
            Some(_) | None => Instant::now(),
        };
        self.seen = lease.as_ref().map(|lease| Sighting {
            lease: LeaseSeen::of(lease),
            since,
        });
        self.lease = lease;
    }
}

impl<S: LeaseStore> Term<S> {
    /// What was won, and what was there before.
    pub fn leadership(&self) -> &Leadership {
        &self.leadership
    }

    /// Renews until the term is lost. Cancel-safe: dropping the future and calling again goes on.
    pub async fn keep(&mut self) -> Lost {
        loop {
            let elector = &self.elector;
            let now = Instant::now();
            match decide::keep(elector.seen.as_ref(), &elector.me, &self.tenure, now, &elector.timing) {
                Keep::Renew => self.renew().await,
                Keep::Wait(pause) => sleep(pause).await,
                Keep::Lost(lost) => return lost,
            }
        }
    }

    /// Tries a renewal. A failure is only logged: whether it matters is for [`decide::keep`] to say.
    async fn renew(&mut self) {
        self.tenure.tried = Instant::now();
        let left = self.tenure.ends(&self.elector.timing) - self.tenure.tried;
        match within(left, self.touch(self.elector.timing.lease_duration)).await {
            Ok(sent) => self.tenure.renewed = sent,
            Err(error) => warn!(error = &error as &dyn std::error::Error, "cannot renew the Lease"),
        }
    }

    /// Ends the term early, so that another process need not wait for it to run out. Call it when nothing writes any more,
    /// the ledger included. The holder stays in the Lease: it is how the next start knows that its ledger missed nothing.
    ///
    /// # Errors
    /// If the Lease could not be written, which costs the next process its wait and nothing else.
    pub async fn release(mut self) -> Result<(), StoreError> {
        self.touch(Duration::from_secs(1)).await.map(|_| ())
    }

    /// Writes `renewTime` and the duration if the Lease is ours; answers when the write that succeeded was sent.
    async fn touch(&mut self, duration: Duration) -> Result<Instant, StoreError> {
        match self.touch_once(duration).await {
            // An edit of somebody who isn't a candidate (a label), or a write of ours that was answered with an error.
            Err(StoreError::Conflict) => {
                self.elector.look().await?;
                self.touch_once(duration).await
            }
            answer => answer,
        }
    }

    async fn touch_once(&mut self, duration: Duration) -> Result<Instant, StoreError> {
        let held = self
            .elector
            .seen
            .as_ref()
            .map(|seen| &seen.lease.epoch)
            .ok_or(StoreError::Gone)?;
        if held.lease != self.tenure.lease || held.holder != self.elector.me.as_str() {
            return Err(StoreError::Conflict);
        }
        let sent = Instant::now();
        #[expect(
            clippy::disallowed_methods,
            reason = "what others read in the Lease is wall-clock time; nothing here is decided by it"
        )]
        let now = MicroTime(jiff::Timestamp::now());
        self.elector
            .write(|spec, _, _| {
                spec.renew_time = Some(now);
                spec.lease_duration_seconds = Some(seconds(duration));
            })
            .await?;
        Ok(sent)
    }
}

/// Why a candidate does not lead yet.
enum NotYet {
    Held(Duration),
    Failed(StoreError),
}

impl From<StoreError> for NotYet {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

async fn within<T>(limit: Duration, request: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(limit, request)
        .await
        .unwrap_or(Err(StoreError::NoAnswer(limit)))
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
