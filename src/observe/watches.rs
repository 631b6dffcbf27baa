//! The watches: each kind's stream goes into the caches, and what comes out goes into the queue.
//!
//! Decides nothing. A relist goes through the index' `reset_…`, because what vanished while a watch was down is in no event.

mod foreign;
mod snapshots;

use super::gather::Caches;
use super::index::{Index, Wake};
use super::optional;
use super::project;
use super::queue::Queue;
use crate::api::cross_namespace_source::CrossNamespaceSource;
use crate::api::trident_volume_reference::TridentVolumeReference;
use crate::api::volume_reference::VolumeReference;
use crate::domain::claim::Claim;
use crate::domain::class::Class;
use crate::domain::cross_source::CrossSource;
use crate::domain::ids::{ClaimKey, ClassName, Namespace, PvName, PvUid};
use crate::domain::pv::Pv;
use crate::domain::reference::{ReferenceKey, ReferenceKind};
use futures::{Stream, StreamExt, TryStreamExt, pin_mut};
use k8s_openapi::api::core::v1::{Namespace as KubeNamespace, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError};
use tokio::sync::watch;

/// Feeds the caches and wakes the queue.
#[derive(Clone)]
pub struct Feed {
    caches: Caches,
    queue: Arc<Queue>,
}

/// How one kind enters the caches.
type Reset = Box<dyn Fn(&mut Index, Vec<Entry>) -> Wake + Send + Sync>;

struct Way<T> {
    project: fn(&T) -> Option<Entry>,
    remove: fn(&mut Index, &T) -> Wake,
    reset: Reset,
}

/// A projected object of any kind.
enum Entry {
    Claim(Box<Claim>),
    Pv(Box<Pv>),
    Class(ClassName, Option<Class>),
    Namespace(Namespace, super::index::NamespaceView),
    Reference(crate::domain::reference::Reference),
    CrossSource(CrossSource),
}

impl Feed {
    /// Takes what it feeds.
    pub fn new(caches: Caches, queue: Arc<Queue>) -> Self {
        Self { caches, queue }
    }

    fn change(&self, with: impl FnOnce(&mut Index) -> Wake) {
        let wake = with(&mut self.caches.write().unwrap_or_else(PoisonError::into_inner));
        self.queue.add_all(wake);
    }

    /// What the API server answered to a write of ours.
    pub fn pv_written(&self, pv: Pv) {
        self.change(|index| index.pv_written(pv));
    }

    /// Claims.
    pub async fn claims(self, client: Client, synced: watch::Sender<bool>) {
        let how = Way {
            project: |claim: &PersistentVolumeClaim| Claim::of(claim).map(|c| Entry::Claim(Box::new(c))),
            remove: |index, claim| {
                let key = ClaimKey::new(claim.namespace().unwrap_or_default(), claim.name_any());
                index.remove_claim(&key)
            },
            reset: Box::new(|index, all| {
                index.reset_claims(
                    all.into_iter()
                        .filter_map(|e| if let Entry::Claim(c) = e { Some(*c) } else { None })
                        .collect(),
                )
            }),
        };
        self.follow(Api::<PersistentVolumeClaim>::all(client), how, synced)
            .await;
    }

    /// PersistentVolumes.
    pub async fn pvs(self, client: Client, synced: watch::Sender<bool>) {
        let how = Way {
            project: |pv: &PersistentVolume| Pv::of(pv).map(|p| Entry::Pv(Box::new(p))),
            remove: |index, pv| index.pv_deleted(&PvName::new(pv.name_any()), pv.uid().map(PvUid::new).as_ref()),
            reset: Box::new(|index, all| {
                index.reset_pvs(
                    all.into_iter()
                        .filter_map(|e| if let Entry::Pv(p) = e { Some(*p) } else { None })
                        .collect(),
                )
            }),
        };
        self.follow(Api::<PersistentVolume>::all(client), how, synced).await;
    }

    /// StorageClasses.
    pub async fn classes(self, client: Client, synced: watch::Sender<bool>) {
        let how = Way {
            project: |class: &StorageClass| Some(Entry::Class(ClassName::new(class.name_any()), Class::of(class))),
            remove: |index, class| index.put_class(ClassName::new(class.name_any()), None),
            reset: Box::new(|index, all| {
                let ours = all
                    .into_iter()
                    .filter_map(|e| if let Entry::Class(_, class) = e { class } else { None });
                index.reset_classes(ours.collect())
            }),
        };
        self.follow(Api::<StorageClass>::all(client), how, synced).await;
    }

    /// Namespaces.
    pub async fn namespaces(self, client: Client, synced: watch::Sender<bool>) {
        let how = Way {
            project: |namespace: &KubeNamespace| project::namespace(namespace).map(|(n, v)| Entry::Namespace(n, v)),
            remove: |index, namespace| index.put_namespace(Namespace::new(namespace.name_any()), None),
            reset: Box::new(|index, all| {
                let all = all.into_iter().filter_map(|e| {
                    if let Entry::Namespace(n, v) = e {
                        Some((n, v))
                    } else {
                        None
                    }
                });
                index.reset_namespaces(all.collect())
            }),
        };
        self.follow(Api::<KubeNamespace>::all(client), how, synced).await;
    }

    /// References of our kind.
    pub async fn volume_references(self, client: Client, synced: watch::Sender<bool>) {
        let how = Way {
            project: |r: &VolumeReference| project::volume_reference(r).map(Entry::Reference),
            remove: |index, r| index.remove_reference(&reference_key(ReferenceKind::Volume, r)),
            reset: references(ReferenceKind::Volume),
        };
        self.follow(Api::<VolumeReference>::all(client), how, synced).await;
    }

    /// References of the compatible kind, where that is honoured. Its definition may be missing; nothing waits for it.
    pub async fn trident_references(self, client: Client, synced: watch::Sender<bool>) {
        let how = Way {
            project: |r: &TridentVolumeReference| project::trident_reference(r).map(Entry::Reference),
            remove: |index, r| index.remove_reference(&reference_key(ReferenceKind::Trident, r)),
            reset: references(ReferenceKind::Trident),
        };
        self.follow(Api::<TridentVolumeReference>::all(client), how, synced)
            .await;
    }

    /// CrossNamespaceSources.
    pub async fn cross_sources(self, client: Client, synced: watch::Sender<bool>) {
        let how = Way {
            project: |source: &CrossNamespaceSource| project::cross_source(source).map(Entry::CrossSource),
            remove: |index, source| {
                project::cross_source(source).map_or_else(Wake::new, |s| index.remove_cross_source(&s.key))
            },
            reset: Box::new(|index, all| {
                let all = all
                    .into_iter()
                    .filter_map(|e| if let Entry::CrossSource(s) = e { Some(s) } else { None });
                index.reset_cross_sources(all.collect())
            }),
        };
        self.follow(Api::<CrossNamespaceSource>::all(client), how, synced).await;
    }

    /// ReferenceGrants, in whatever version there is, if there is one. `known`: something is known of them.
    pub async fn grants(self, client: Client, known: watch::Sender<bool>) {
        let way = foreign::Way {
            served: Index::grants_are,
            read: project::grant,
            put: Index::put_grant,
            reset: Index::reset_grants,
            remove: |index, object| {
                let namespace = Namespace::new(object.namespace().unwrap_or_default());
                index.remove_grant(&namespace, &object.name_any())
            },
        };
        let told = || {
            known.send_replace(true);
        };
        self.follow_foreign(client, project::GRANTS, way, told).await;
    }

    /// VolumePopulators, if there are any. `known`: how many times something was heard of them.
    pub async fn populators(self, client: Client, known: watch::Sender<u64>) {
        let way = foreign::Way {
            served: Index::populators_are,
            read: project::populator,
            put: Index::put_populator,
            reset: Index::reset_populators,
            remove: |index, object| index.remove_populator(&object.name_any()),
        };
        let told = || known.send_modify(|heard| *heard = heard.saturating_add(1));
        self.follow_foreign(client, project::POPULATORS, way, told).await;
    }

    async fn follow<T>(self, api: Api<T>, how: Way<T>, synced: watch::Sender<bool>)
    where
        T: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let kind = T::kind(&()).into_owned();
        let events = watcher(api, watcher::Config::default()).default_backoff();
        self.consume(&kind, events, how, synced).await;
    }

    async fn consume<T>(
        self,
        kind: &str,
        events: impl Stream<Item = watcher::Result<watcher::Event<T>>>,
        how: Way<T>,
        synced: watch::Sender<bool>,
    ) {
        pin_mut!(events);
        let mut relist: Vec<Entry> = Vec::new();
        loop {
            match events.try_next().await {
                Ok(Some(watcher::Event::Init)) => relist.clear(),
                Ok(Some(watcher::Event::InitApply(object))) => relist.extend((how.project)(&object)),
                Ok(Some(watcher::Event::InitDone)) => {
                    let all = std::mem::take(&mut relist);
                    self.change(|index| (how.reset)(index, all));
                    synced.send_replace(true);
                }
                Ok(Some(watcher::Event::Apply(object))) => {
                    if let Some(entry) = (how.project)(&object) {
                        self.change(|index| put(index, entry));
                    }
                }
                Ok(Some(watcher::Event::Delete(object))) => self.change(|index| (how.remove)(index, &object)),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(kind, %error, "a watch failed; it is tried again");
                    self.not_served(kind, &error);
                }
            }
        }
    }

    /// A kind of reference whose definition is gone: what was known of it stays, and nothing counts as withdrawn.
    fn not_served(&self, kind: &str, error: &watcher::Error) {
        let of = [ReferenceKind::Volume, ReferenceKind::Trident]
            .into_iter()
            .find(|k| k.as_str() == kind);
        if let Some(reference) = of.filter(|_| optional::refused_with(error) == Some(404)) {
            self.change(|index| index.references_not_served(reference));
        }
    }
}

fn reference_key<T: ResourceExt>(kind: ReferenceKind, object: &T) -> ReferenceKey {
    ReferenceKey {
        kind,
        namespace: Namespace::new(object.namespace().unwrap_or_default()),
        name: object.name_any(),
    }
}

fn references(kind: ReferenceKind) -> Reset {
    Box::new(move |index, all| {
        let all = all
            .into_iter()
            .filter_map(|e| if let Entry::Reference(r) = e { Some(r) } else { None });
        index.reset_references(kind, all.collect())
    })
}

fn put(index: &mut Index, entry: Entry) -> Wake {
    match entry {
        Entry::Claim(claim) => index.put_claim(*claim),
        Entry::Pv(pv) => index.put_pv(*pv),
        Entry::Class(name, class) => index.put_class(name, class),
        Entry::Namespace(name, view) => index.put_namespace(name, Some(view)),
        Entry::Reference(reference) => index.put_reference(reference),
        Entry::CrossSource(source) => index.put_cross_source(source),
    }
}

/// A watch over one kind that does not enter the caches: `each` sees every object, with `false` one that is gone; `listed` the names
/// of all that there are after a list, since what vanished while the watch was down is in no event.
pub async fn watch_each<T>(
    client: Client,
    each: impl Fn(T, bool) + Send,
    listed: impl Fn(&BTreeSet<String>) + Send,
    synced: watch::Sender<bool>,
) where
    T: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let events = watcher(Api::<T>::all(client), watcher::Config::default()).default_backoff();
    see_each(&T::kind(&()), events, each, listed, synced).await;
}

async fn see_each<T: ResourceExt>(
    kind: &str,
    events: impl Stream<Item = watcher::Result<watcher::Event<T>>>,
    each: impl Fn(T, bool) + Send,
    listed: impl Fn(&BTreeSet<String>) + Send,
    synced: watch::Sender<bool>,
) {
    pin_mut!(events);
    let mut there = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => there.clear(),
            Ok(watcher::Event::InitApply(object)) => {
                there.insert(object.name_any());
                each(object, true);
            }
            Ok(watcher::Event::InitDone) => {
                listed(&there);
                synced.send_replace(true);
            }
            Ok(watcher::Event::Apply(object)) => each(object, true),
            Ok(watcher::Event::Delete(object)) => each(object, false),
            Err(error) => tracing::warn!(kind, %error, "a watch failed; it is tried again"),
        }
    }
}

#[cfg(test)]
mod tests;
