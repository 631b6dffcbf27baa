//! When each PersistentVolume was first seen, and when each claim was first seen Bound: by watches of the bench's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What was seen.
pub struct Sightings {
    seen: Arc<Seen>,
    /// Ends the watches when it is dropped.
    _watches: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    volumes: Mutex<HashMap<String, Instant>>,
    bound: Mutex<HashMap<String, Instant>>,
    count: watch::Sender<usize>,
}

impl Sightings {
    /// Begins to watch, and returns when the watches are up.
    pub async fn begin(client: &Client) -> Result<Self> {
        let seen = Arc::new(Seen::default());
        let (mut watches, (ready, mut up)) = (JoinSet::new(), watch::channel(0));
        let volumes = watcher(
            Api::<PartialObjectMeta<PersistentVolume>>::all(client.clone()),
            watcher::Config::default(),
        );
        let claims = watcher(
            Api::<PersistentVolumeClaim>::all(client.clone()),
            watcher::Config::default(),
        );
        let (to, is_up) = (seen.clone(), ready.clone());
        watches.spawn(follow(volumes, is_up, move |volume| {
            to.note(&to.volumes, volume.name_any());
        }));
        let to = seen.clone();
        watches.spawn(follow(claims, ready, move |claim| {
            let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
            if let (Some("Bound"), Some(uid)) = (phase, claim.uid()) {
                to.note(&to.bound, volume_of(&uid));
            }
        }));
        let both = up.wait_for(|count| *count == 2);
        tokio::time::timeout(Duration::from_secs(30), both)
            .await
            .context("the watches did not come up")??;
        Ok(Self {
            seen,
            _watches: watches,
        })
    }

    /// When the PersistentVolumes of these claims were first seen, in their order.
    pub async fn volumes(&self, claims: &[String], within: Duration) -> Result<Vec<Instant>> {
        self.all(&self.seen.volumes, claims, within).await
    }

    /// When these claims were first seen Bound, in their order.
    pub async fn bound(&self, claims: &[String], within: Duration) -> Result<Vec<Instant>> {
        self.all(&self.seen.bound, claims, within).await
    }

    async fn all(
        &self,
        of: &Mutex<HashMap<String, Instant>>,
        claims: &[String],
        within: Duration,
    ) -> Result<Vec<Instant>> {
        let names: Vec<_> = claims.iter().map(|uid| volume_of(uid)).collect();
        let mut changes = self.seen.count.subscribe();
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let there = changes.borrow_and_update().to_owned();
            let found: Vec<_> = {
                let seen = lock(of);
                names.iter().filter_map(|name| seen.get(name).copied()).collect()
            };
            if found.len() == names.len() {
                return Ok(found);
            }
            if tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
                bail!(
                    "{} of {} claims after {within:?} ({there} sightings)",
                    found.len(),
                    names.len()
                );
            }
        }
    }
}

impl Seen {
    fn note(&self, to: &Mutex<HashMap<String, Instant>>, name: String) {
        let now = Instant::now();
        lock(to).entry(name).or_insert(now);
        self.count.send_modify(|count| *count += 1);
    }
}

/// The name of the PersistentVolume of the claim with that UID.
fn volume_of(uid: &str) -> String {
    format!("pvc-{uid}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn follow<K: Resource>(
    events: impl futures::Stream<Item = watcher::Result<watcher::Event<K>>>,
    up: watch::Sender<usize>,
    each: impl Fn(K),
) {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => each(object),
            Ok(watcher::Event::InitDone) => up.send_modify(|count| *count += 1),
            Ok(watcher::Event::Init | watcher::Event::Delete(_)) => {}
            Err(error) => eprintln!("a watch of the bench: {error}"),
        }
    }
}
