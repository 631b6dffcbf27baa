//! Many objects made at once: claims, and bare PersistentVolumes to compare with.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::bench::stage::{CONSUMERS, OWNERS};
use crate::bench::timing::Timing;

/// Requests under way at once, of ours as of the controller's.
pub const AT_ONCE: usize = 64;

/// Makes claims of one class.
pub struct Crowd {
    client: Client,
    class: String,
}

/// Claims that were made.
pub struct Claims {
    /// When the first was asked for.
    pub from: Instant,
    /// Their UIDs.
    pub uids: Vec<String>,
    /// When each was accepted.
    pub accepted: Vec<Instant>,
}

impl Crowd {
    pub(super) fn new(client: Client, class: &str) -> Self {
        Self {
            client,
            class: class.to_owned(),
        }
    }

    /// Claims of another class.
    #[must_use]
    pub fn of_class(mut self, class: &str) -> Self {
        self.class = class.to_owned();
        self
    }

    /// Claims that already carry what the controller manager writes on them.
    pub async fn asked(&self, names: Vec<String>) -> Result<Claims> {
        let asked = json!({"volume.kubernetes.io/storage-provisioner": "tombolo.dev"});
        self.make(OWNERS, names.into_iter().map(|name| (name, asked.clone())))
            .await
    }

    /// Ordinary claims.
    pub async fn ordinary(&self, names: Vec<String>) -> Result<Claims> {
        self.make(OWNERS, names.into_iter().map(|name| (name, json!({})))).await
    }

    /// Claims whose volumes consumers may join.
    pub async fn shared(&self, names: Vec<String>) -> Result<Claims> {
        let grant = json!({"tombolo.dev/shareToNamespace": CONSUMERS});
        self.make(OWNERS, names.into_iter().map(|name| (name, grant.clone())))
            .await
    }

    /// Claims that ask to join: the name of each, and of the owner's claim.
    pub async fn joining(&self, pairs: Vec<(String, String)>) -> Result<Claims> {
        let asks = |source| json!({"tombolo.dev/shareFromPVC": format!("{OWNERS}/{source}")});
        let members = pairs.into_iter().map(|(name, source)| (name, asks(source)));
        self.make(CONSUMERS, members).await
    }

    async fn make(&self, namespace: &str, claims: impl Iterator<Item = (String, Value)>) -> Result<Claims> {
        let api: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), namespace);
        let objects = claims.map(|(name, annotations)| {
            json!({
                "metadata": {"name": name, "annotations": annotations},
                "spec": {
                    "storageClassName": self.class, "accessModes": ["ReadWriteMany"],
                    "resources": {"requests": {"storage": "1Mi"}},
                },
            })
        });
        let objects: Vec<PersistentVolumeClaim> = objects.map(serde_json::from_value).collect::<Result<_, _>>()?;
        let from = Instant::now();
        let made = all_at_once(objects, move |claim| {
            let api = api.clone();
            async move {
                let claim = api.create(&PostParams::default(), &claim).await?;
                Ok((claim.uid().context("a claim without UID")?, Instant::now()))
            }
        })
        .await?;
        let (uids, accepted) = made.into_iter().unzip();
        Ok(Claims { from, uids, accepted })
    }
}

/// How fast the API server accepts PersistentVolumes like ours from a client that does nothing else. They are removed again.
pub async fn bare_volumes(client: &Client, count: usize) -> Result<Timing> {
    let api: Api<PersistentVolume> = Api::all(client.clone());
    let label = "bench=bare";
    // While kube-controller-manager is stopped, nobody takes its protection off those of the round before.
    static ROUND: AtomicUsize = AtomicUsize::new(0);
    let round = ROUND.fetch_add(1, Ordering::Relaxed);
    let volume = |n: usize| {
        let name = format!("bare-{round}-{n:030}");
        serde_json::from_value::<PersistentVolume>(json!({
            "metadata": {
                "name": name,
                "labels": {"bench": "bare", "volume": name, "role": "owner", "backend": "bench"},
                "annotations": {
                    "pv.kubernetes.io/provisioned-by": "nobody", "handle": format!("{}/{name}", "0".repeat(36)),
                    "onDelete": "delete", "onOwnerDelete": "Detach", "access": "ReadWrite",
                },
            },
            "spec": {
                "storageClassName": "bare", "accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Mi"},
                "persistentVolumeReclaimPolicy": "Retain", "mountOptions": ["nfsvers=4.1", "hard"],
                "nfs": {"server": "127.0.0.1", "path": format!("/export/{name}")},
            },
        }))
    };
    let objects: Vec<_> = (0..count).map(volume).collect::<Result<_, _>>()?;
    let (from, to) = (Instant::now(), api.clone());
    let spans = all_at_once(objects, move |volume| {
        let api = to.clone();
        async move {
            let begin = Instant::now();
            api.create(&PostParams::default(), &volume).await?;
            Ok((begin, Instant::now()))
        }
    })
    .await?;
    api.delete_collection(&DeleteParams::default(), &ListParams::default().labels(label))
        .await?;
    Ok(Timing::of(from, spans))
}

/// Does it for all, [`AT_ONCE`] at a time; the outcomes in the order of the things.
async fn all_at_once<T, R, F>(things: Vec<T>, work: impl Fn(T) -> F) -> Result<Vec<R>>
where
    R: Send + 'static,
    F: Future<Output = Result<R>> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (n, thing) in things.into_iter().enumerate() {
        let (slots, one) = (slots.clone(), work(thing));
        tasks.spawn(async move {
            let _slot = slots.acquire().await?;
            anyhow::Ok((n, one.await?))
        });
    }
    let mut done = Vec::with_capacity(tasks.len());
    while let Some(one) = tasks.join_next().await {
        done.push(one??);
    }
    done.sort_by_key(|(n, _)| *n);
    Ok(done.into_iter().map(|(_, outcome)| outcome).collect())
}
