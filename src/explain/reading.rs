//! Reading all that explains a claim, with the caller's rights.
//!
//! What may not be read is remembered with its reason, and never taken for absent.

mod populators;
mod snapshots;

use super::checks::{Input, Unseen};
use super::copying;
use crate::api::cross_namespace_source::CrossNamespaceSource;
use crate::api::names::claim as keys;
use crate::api::revocation::Pause;
use crate::api::storage_backend::StorageBackend;
use crate::api::trident_volume_reference::TridentVolumeReference;
use crate::api::volume_reference::VolumeReference;
use crate::api::{conditions, names};
use crate::domain::backend::{Backend, Health, Limits};
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::Class;
use crate::domain::ids::{BackendName, ClaimKey, Namespace};
use crate::domain::record::Usage;
use crate::domain::reference::ReferenceKind;
use crate::domain::snapshot::handle::Imports;
use crate::execute::api_server::{ApiServer, fault};
use crate::execute::cluster::{ApiError, Cluster, Fault};
use crate::ledger::Ledger;
use crate::ledger::memory::{MemoryDisk, MemoryLedger};
use crate::observe::gather::ClaimView;
use crate::observe::index::Index;
use crate::observe::project;
use crate::plan::copy::asked::{Asked, asked, wants};
use crate::plan::handshake::wanted;
use crate::plan::rebuild;
use anyhow::Context;
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeMap;
use tombolo_backend_api::{BackendId, Capabilities};

/// All that was read of a claim and around it.
pub(super) struct Seen {
    /// What decisions about the claim look at.
    pub(super) view: ClaimView,
    /// Everything, for looking things up.
    pub(super) index: Index,
    /// The controller's last word, of a claim that waits for a copy.
    pub(super) word: Option<String>,
    /// Backends on which cutting access waits for an admin.
    pub(super) paused: BTreeMap<BackendName, Pause>,
    /// What could not be read.
    pub(super) unseen: Unseen,
}

/// Reads a claim and what decisions about it look at.
///
/// # Errors
/// If the claim cannot be read.
pub(super) async fn everything(client: Client, key: &ClaimKey) -> anyhow::Result<Seen> {
    let mut reading = Reading {
        cluster: ApiServer::new(client.clone()),
        client,
        index: Index::default(),
        unseen: Unseen::default(),
        paused: BTreeMap::new(),
    };
    let claim = reading.cluster.claim(key).await?;
    let claim = claim.with_context(|| format!("no claim {key}"))?;
    // The ledger as the controller would rebuild it: what namespaces use of backends is counted by the same code.
    let ledger = MemoryLedger::open(&MemoryDisk::default())?.ledger;
    ledger.replace_all(rebuild::records(&reading.volumes().await)).await?;
    reading.around(&claim).await;
    let backends = reading.backends(&ledger, &key.namespace).await;
    let word = reading.word(&claim).await;
    reading.index.put_claim(claim);
    let Reading {
        index, unseen, paused, ..
    } = reading;
    let view = ClaimView::cached(&index, &ledger, backends, key);
    Ok(Seen {
        view: view.with_context(|| format!("no claim {key}"))?,
        index,
        word,
        paused,
        unseen,
    })
}

struct Reading {
    client: Client,
    cluster: ApiServer,
    index: Index,
    unseen: Unseen,
    paused: BTreeMap<BackendName, Pause>,
}

impl Reading {
    async fn around(&mut self, claim: &Claim) {
        self.class(claim).await;
        self.populators(claim).await;
        self.references(&claim.key.namespace).await;
        let bound = claim.volume_name.as_ref().and_then(|name| self.index.pv(name));
        let volume = bound.and_then(|pv| self.index.volume_of(pv));
        let owner = volume.and_then(|volume| self.index.pv(&volume.pv_name())?.claim.as_ref().map(|c| c.key.clone()));
        let copied = self.copied(claim).await;
        // Before the join the claim says whose volume it wants, after it the volume says whose it is.
        let source = match claim.phase {
            ClaimPhase::Pending => wanted(claim).and_then(Result::ok).or(copied),
            ClaimPhase::Bound | ClaimPhase::Lost => owner.filter(|owner| *owner != claim.key),
        };
        let mut by_label = false;
        if let Some(source) = source {
            if let Some(found) = self.source(&source).await {
                by_label = found.annotations.has(keys::SHARE_TO_SELECTOR);
                // Of a member's volume a copy needs its owner's word.
                let member = found.volume_name.as_ref().and_then(|name| self.index.pv(name));
                let volume = member
                    .filter(|pv| pv.is_member())
                    .and_then(|pv| self.index.volume_of(pv));
                let owned = volume.and_then(|volume| self.index.pv(&volume.pv_name())?.claim.clone());
                self.index.put_claim(found);
                if let Some(owned) = owned
                    && let Some(owner) = self.source(&owned.key).await
                {
                    self.index.put_claim(owner);
                }
            }
            self.namespace(Input::SourceNamespace, &source.namespace).await;
            if source.namespace != claim.key.namespace {
                self.grants(&source.namespace).await;
            }
        }
        let found = self.cluster.namespace(&claim.key.namespace).await;
        // Its labels count only where an owner grants by them.
        let found = match found {
            Err(_) if !by_label => None,
            found => self.seen(Input::Namespace, "this claim's namespace", found).flatten(),
        };
        if found.is_some() {
            self.index.put_namespace(claim.key.namespace.clone(), found);
        }
    }

    async fn source(&mut self, key: &ClaimKey) -> Option<Claim> {
        let what = format!("PersistentVolumeClaims of namespace {}", key.namespace);
        let found = self.cluster.claim(key).await;
        self.seen(Input::Source, &what, found).flatten()
    }

    /// The claim whose volume a claim is to be a copy of; with it, what consent to that rests on.
    async fn copied(&mut self, claim: &Claim) -> Option<ClaimKey> {
        let asked = asked(claim)
            .ok()
            .flatten()
            .filter(|_| claim.phase == ClaimPhase::Pending)?;
        let namespace = &claim.key.namespace;
        if let Asked::Indirect(name) = &asked {
            let all = Api::<CrossNamespaceSource>::namespaced(self.client.clone(), namespace.as_str());
            let found = all.get_opt(name).await.map_err(fault);
            let found = self
                .seen(Input::CrossSource, "CrossNamespaceSources of this namespace", found)
                .flatten();
            if let Some(source) = found.as_ref().and_then(project::cross_source) {
                self.index.put_cross_source(source);
            }
        }
        let source = self.index.meant(namespace, &asked)?;
        self.snapshot(&source).await;
        source.as_claim()
    }

    async fn namespace(&mut self, input: Input, name: &Namespace) {
        let found = self.cluster.namespace(name).await;
        if let Some(view) = self.seen(input, &format!("namespace {name}"), found).flatten() {
            self.index.put_namespace(name.clone(), Some(view));
        }
    }

    async fn volumes(&mut self) -> Vec<crate::domain::pv::Pv> {
        let found = self.cluster.pvs().await;
        let all = self
            .seen(Input::Volumes, "PersistentVolumes", found)
            .unwrap_or_default();
        self.index.reset_pvs(all.clone());
        all
    }

    async fn class(&mut self, claim: &Claim) {
        let Some(name) = &claim.class else { return };
        let classes: Api<StorageClass> = Api::all(self.client.clone());
        let found = classes.get_opt(name.as_str()).await.map_err(fault);
        let class = self.seen(Input::Class, "StorageClasses", found).flatten();
        self.index.put_class(name.clone(), class.as_ref().and_then(Class::of));
    }

    async fn references(&mut self, namespace: &Namespace) {
        let params = ListParams::default();
        let own: Api<VolumeReference> = Api::namespaced(self.client.clone(), namespace.as_str());
        let found = own.list(&params).await.map_err(fault);
        if let Some(list) = self.seen(Input::References, "VolumeReferences", found) {
            let all = list.items.iter().filter_map(project::volume_reference).collect();
            self.index.reset_references(ReferenceKind::Volume, all);
        }
        // An option that may not be installed. To whoever may not read its kind the API server says so even then; everybody may ask
        // which kinds there are.
        let group = format!("{}/v1", names::TRIDENT_GROUP);
        match self.client.list_api_group_resources(&group).await.map_err(fault) {
            Err(error) if error.fault == Fault::NotFound => return,
            Ok(_) | Err(_) => {}
        }
        let compatible: Api<TridentVolumeReference> = Api::namespaced(self.client.clone(), namespace.as_str());
        let found = compatible.list(&params).await.map_err(fault);
        if let Some(list) = self.seen(Input::References, "TridentVolumeReferences", found) {
            let all = list.items.iter().filter_map(project::trident_reference).collect();
            self.index.reset_references(ReferenceKind::Trident, all);
        }
    }

    /// The controller's last word to a claim that waits for a copy.
    async fn word(&mut self, claim: &Claim) -> Option<String> {
        if claim.phase != ClaimPhase::Pending || !wants(claim) {
            return None;
        }
        let namespace = &claim.key.namespace;
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace.as_str());
        let of_it = ListParams::default().fields(&format!("involvedObject.uid={}", claim.uid));
        let found = events.list(&of_it).await.map_err(fault);
        let what = format!("Events of namespace {namespace}, which say how far a copy is");
        copying::last_word(&self.seen(Input::Events, &what, found)?.items)
    }

    async fn backends(&mut self, ledger: &dyn Ledger, namespace: &Namespace) -> Vec<Backend> {
        let all: Api<StorageBackend> = Api::all(self.client.clone());
        let found = all.list(&ListParams::default()).await.map_err(fault);
        let list = self.seen(Input::Backends, "StorageBackends", found);
        let all = || list.iter().flat_map(|list| &list.items);
        let pause = |object: &StorageBackend| object.status.as_ref()?.revocation.as_ref()?.paused.clone();
        self.paused = all()
            .filter_map(|object| Some((BackendName::new(object.name_any()), pause(object)?)))
            .collect();
        all().map(|object| backend(object, ledger, namespace)).collect()
    }

    /// Remembers what could not be read, in words for the caller.
    fn seen<T>(&mut self, input: Input, what: &str, found: Result<T, ApiError>) -> Option<T> {
        match found {
            Ok(found) => Some(found),
            Err(error) => {
                self.unseen.add(input, error.unread(what));
                None
            }
        }
    }
}

/// A backend as its object describes it, and as the ledger says it is used.
fn backend(object: &StorageBackend, ledger: &dyn Ledger, namespace: &Namespace) -> Backend {
    let status = object.status.clone().unwrap_or_default();
    let name = BackendName::new(object.name_any());
    let ready = status
        .conditions
        .iter()
        .any(|c| c.type_ == conditions::READY && c.status == "True");
    let id = status
        .backend_id
        .as_deref()
        .and_then(BackendId::parse)
        .filter(|_| ready);
    // The controller also counts what is being made at this moment, of which no PersistentVolume tells yet.
    let counted = ledger.usage(&name, None);
    let known = |figure: Option<i64>| figure.and_then(|f| u64::try_from(f).ok());
    let told = |figure: Option<i64>| known(figure).unwrap_or_default();
    let capabilities = Capabilities::of_names(&status.capabilities);
    Backend {
        labels: object.metadata.labels.clone().unwrap_or_default(),
        health: match (id, object.metadata.deletion_timestamp.is_some()) {
            (id, true) => Health::Terminating(id),
            (Some(id), false) => Health::Ready(id),
            (None, false) => Health::Degraded,
        },
        capabilities,
        asked: status.backend_id.is_some(),
        limits: Limits::from(object.spec.limits.as_ref()).on(known(status.total_bytes), &capabilities),
        free: known(status.free_bytes),
        imports: Imports::of(object.annotations()),
        node: object.spec.local.as_ref().map(|local| local.node.clone()),
        used: Usage {
            volumes: counted.volumes.max(told(status.volumes)),
            bytes: counted
                .bytes
                .max(told(status.provisioned_bytes))
                .saturating_add(told(status.pinned_bytes)),
            ..counted
        },
        used_by_namespace: ledger.usage(&name, Some(namespace)),
        name,
    }
}
