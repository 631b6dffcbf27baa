//! Looking at the cluster: every look has a deadline, and says in words what it saw.
//!
//! Looks read from the API server, as any client may; none asks the controller.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{Namespace, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::events::v1::Event;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::wait::{Look, never, until};

/// Long enough for anything that has no limit of its own.
pub(super) const SOON: Duration = Duration::from_secs(30);

/// A claim by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub namespace: &'static str,
    pub name: &'static str,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What was seen, and in words.
pub(super) struct Seen<T> {
    pub what: T,
    pub words: String,
}

impl<T> Seen<T> {
    pub(super) fn new(what: T, words: impl Into<String>) -> Self {
        Self {
            what,
            words: words.into(),
        }
    }
}

/// Where a claim's data is.
pub(super) struct Volume {
    /// The PersistentVolume.
    pub pv: String,
    /// The volume, which several PersistentVolumes may give access to.
    pub id: String,
    /// The directory on the NFS server.
    pub path: String,
}

/// Everything that must survive the controller, by kind and name.
pub(super) type Picture = BTreeMap<String, Value>;

/// A pair of eyes.
pub(super) struct Looks(pub Client);

impl Looks {
    fn claims(&self, namespace: &str) -> Api<PersistentVolumeClaim> {
        Api::namespaced(self.0.clone(), namespace)
    }

    fn pvs(&self) -> Api<PersistentVolume> {
        Api::all(self.0.clone())
    }

    fn shared_volumes(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("tombolo.dev", "v1alpha1", "SharedVolume");
        Api::all_with(self.0.clone(), &ApiResource::from_gvk(&kind))
    }

    /// Waits until the claim is Bound; `since` is when the command had returned that should bring it about. What kubectl itself takes
    /// does not count: to change a custom resource it reads an OpenAPI document which the API server takes seconds to build at first.
    pub(super) async fn bound(&self, claim: Claim, since: Instant, within: Duration) -> Result<Seen<Volume>> {
        let is_bound = |claim: Option<&PersistentVolumeClaim>| claim.is_some_and(|claim| phase(claim) == "Bound");
        let bound = await_condition(self.claims(claim.namespace), claim.name, is_bound);
        let Ok(bound) = tokio::time::timeout(within.saturating_sub(since.elapsed()), bound).await else {
            bail!(
                "{claim} is not Bound after {within:?}; its events: {:#?}",
                self.notes(claim).await?
            );
        };
        bound?;
        let took = since.elapsed();
        let volume = self.volume(claim).await?;
        let words = format!(
            "Bound {:.2} s after kubectl returned, to {}",
            took.as_secs_f64(),
            volume.pv
        );
        Ok(Seen::new(volume, words))
    }

    /// Where the claim's data is, by its PersistentVolume.
    pub(super) async fn volume(&self, claim: Claim) -> Result<Volume> {
        let found = self.claims(claim.namespace).get(claim.name).await?;
        let pv = found.spec.and_then(|spec| spec.volume_name);
        let pv = pv.with_context(|| format!("{claim} has no volume"))?;
        let found = self.pvs().get(&pv).await?;
        let id = found.labels().get("tombolo.dev/volume").cloned();
        let path = found.spec.and_then(|spec| spec.nfs).map(|nfs| nfs.path);
        Ok(Volume {
            id: id.with_context(|| format!("{pv} has no label tombolo.dev/volume"))?,
            path: path.with_context(|| format!("{pv} has no NFS source"))?,
            pv,
        })
    }

    /// Waits for an event on the claim whose text has all of these in it, and returns the text.
    pub(super) async fn event(&self, claim: Claim, wanted: &[&str]) -> Result<Seen<String>> {
        let look = async || {
            let notes = self.notes(claim).await?;
            let found = notes.iter().find(|note| wanted.iter().all(|text| note.contains(text)));
            Ok(Look::found(found.cloned(), &notes))
        };
        let note = until(&format!("an event on {claim} with {wanted:?}"), SOON, look).await?;
        let words = format!("event: {note}");
        Ok(Seen::new(note, words))
    }

    async fn notes(&self, claim: Claim) -> Result<Vec<String>> {
        let events: Api<Event> = Api::namespaced(self.0.clone(), claim.namespace);
        let on_claim = format!("regarding.kind=PersistentVolumeClaim,regarding.name={}", claim.name);
        let found = events.list(&ListParams::default().fields(&on_claim)).await?;
        Ok(found.items.into_iter().filter_map(|event| event.note).collect())
    }

    /// Watches for a second that the claim gets nothing.
    pub(super) async fn stays_pending(&self, claim: Claim) -> Result<Seen<()>> {
        let during = Duration::from_secs(1);
        let look = async || {
            let found = self.claims(claim.namespace).get(claim.name).await?;
            let its = format!("pvc-{}", found.uid().context("a claim without a UID")?);
            let volume = found.spec.as_ref().and_then(|spec| spec.volume_name.clone());
            let made = self.pvs().get_opt(&its).await?.map(|pv| pv.name_any());
            Ok(match (phase(&found), volume.or(made)) {
                ("Pending", None) => Look::NotYet(String::new()),
                (phase, volume) => Look::Done(format!("{phase}, volume {volume:?}")),
            })
        };
        never(&format!("{claim} did not stay Pending"), during, look).await?;
        Ok(Seen::new(
            (),
            format!("{claim} is Pending, and no PersistentVolume was made for it"),
        ))
    }

    /// Waits until the PersistentVolume is in that phase.
    pub(super) async fn pv_phase(&self, pv: &str, wanted: &str) -> Result<Seen<()>> {
        let what = format!("{pv} to be {wanted}");
        until(&what, SOON, async || {
            let status = self.pvs().get(pv).await?.status;
            let phase = status.and_then(|status| status.phase).unwrap_or_default();
            Ok(Look::holds(phase == wanted, phase))
        })
        .await?;
        Ok(Seen::new((), format!("{pv} is {wanted}")))
    }

    /// Waits until the volume's SharedVolume is in that phase.
    pub(super) async fn shared_volume_phase(&self, id: &str, wanted: &str) -> Result<Seen<()>> {
        let what = format!("SharedVolume {id} to be {wanted}");
        until(&what, SOON, async || {
            let status = self.shared_volumes().get(id).await?.data;
            let phase = status
                .pointer("/status/phase")
                .and_then(Value::as_str)
                .unwrap_or("absent");
            Ok(Look::holds(phase == wanted, phase))
        })
        .await?;
        Ok(Seen::new((), format!("its SharedVolume is {wanted}")))
    }

    /// Whether that namespace is gone.
    pub(super) async fn no_namespace(&self, name: &str) -> Result<Seen<()>> {
        let namespaces: Api<Namespace> = Api::all(self.0.clone());
        if let Some(found) = namespaces.get_opt(name).await? {
            bail!("namespace {name} is still there: {:?}", found.status);
        }
        Ok(Seen::new((), format!("namespace {name} does not exist any more")))
    }

    /// Waits until nothing of these volumes is left in the cluster.
    pub(super) async fn nothing_of(&self, ids: &[&str]) -> Result<Seen<()>> {
        let selector = ListParams::default().labels(&format!("tombolo.dev/volume in ({})", ids.join(",")));
        until("the volume's objects to go", SOON, async || {
            let pvs = self.pvs().list(&selector).await?.items;
            let pvs = pvs.iter().map(ResourceExt::name_any);
            let shared = self.shared_volumes().list(&ListParams::default()).await?.items;
            let shared = shared
                .iter()
                .map(ResourceExt::name_any)
                .filter(|name| ids.contains(&name.as_str()));
            let left: Vec<_> = pvs.chain(shared).collect();
            Ok(Look::holds(left.is_empty(), left))
        })
        .await?;
        Ok(Seen::new((), "no PersistentVolume and no SharedVolume of it is left"))
    }

    /// All claims, PersistentVolumes and SharedVolumes, with what people and controllers decided about them: no status, no versions.
    pub(super) async fn picture(&self) -> Result<Picture> {
        let all = ListParams::default();
        let claims: Api<PersistentVolumeClaim> = Api::all(self.0.clone());
        let mut picture = Picture::new();
        for object in claims.list(&all).await?.items {
            add(&mut picture, "claim", &serde_json::to_value(object)?);
        }
        for object in self.pvs().list(&all).await?.items {
            add(&mut picture, "PersistentVolume", &serde_json::to_value(object)?);
        }
        for object in self.shared_volumes().list(&all).await?.items {
            add(&mut picture, "SharedVolume", &serde_json::to_value(object)?);
        }
        Ok(picture)
    }

    /// Watches for two seconds that the picture stays as it was.
    pub(super) async fn same_picture(&self, before: &Picture) -> Result<Seen<()>> {
        let during = Duration::from_secs(2);
        let look = async || {
            let now = self.picture().await?;
            let names = before.keys().chain(now.keys());
            let changed = names.filter(|name| before.get(*name) != now.get(*name));
            let changed: Vec<_> = changed.map(|name| (name, before.get(name), now.get(name))).collect();
            Ok(if changed.is_empty() {
                Look::NotYet(String::new())
            } else {
                Look::Done(format!("{changed:#?}"))
            })
        };
        never("something changed", during, look).await?;
        let words = format!(
            "the {} objects are the same for {during:?}: UIDs, specs, finalizers, labels, phases",
            before.len()
        );
        Ok(Seen::new((), words))
    }
}

fn phase(claim: &PersistentVolumeClaim) -> &str {
    let status = claim.status.as_ref();
    status.and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

fn add(picture: &mut Picture, kind: &str, object: &Value) {
    let part = |path: &str| object.pointer(path).cloned().unwrap_or_default();
    let named = ["/metadata/namespace", "/metadata/name"].map(part);
    let name: Vec<_> = named.iter().filter_map(Value::as_str).collect();
    let mut metadata = part("/metadata");
    if let Some(fields) = metadata.as_object_mut() {
        fields.remove("resourceVersion");
        fields.remove("managedFields");
    }
    let seen = json!({"metadata": metadata, "spec": part("/spec"), "phase": part("/status/phase")});
    picture.insert(format!("{kind} {}", name.join("/")), seen);
}
