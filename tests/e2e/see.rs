//! What a story expects to see, and everything worth knowing when it does not come.

use std::fmt;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::events::v1::Event;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tombolo::api::shared_volume::SharedVolume;
use tombolo::api::storage_backend::StorageBackend;
use tombolo_harness::wait::{Look, until};

use crate::draft;
use crate::world::{PATIENCE, World};

/// An object as a person would look at it.
pub struct Shown(serde_json::Value);

/// Shows an object without what only the API server reads.
pub fn shown(object: &impl Serialize) -> Shown {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(metadata) = value.get_mut("metadata").and_then(|m| m.as_object_mut()) {
        metadata.remove("managedFields");
    }
    Shown(value)
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

/// An event, reduced to what is read of it.
#[derive(Debug, Clone)]
pub struct Said {
    pub type_: String,
    pub reason: String,
    pub note: String,
    /// How often it was said, the first time included.
    pub times: i32,
    /// Who said it.
    pub by: String,
}

impl Said {
    fn of(event: &Event) -> Self {
        Self {
            type_: event.type_.clone().unwrap_or_default(),
            reason: event.reason.clone().unwrap_or_default(),
            note: event.note.clone().unwrap_or_default(),
            times: event.series.as_ref().map_or(1, |series| series.count),
            by: event.reporting_controller.clone().unwrap_or_default(),
        }
    }
}

impl World<'_> {
    /// Waits; when it is in vain, the controller's words on this story are shown, too.
    pub async fn until<T, F, Fut>(&self, what: &str, look: F) -> T
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = anyhow::Result<Look<T>>>,
    {
        self.until_within(what, PATIENCE, look).await
    }

    /// The same with another deadline.
    pub async fn until_within<T, F, Fut>(&self, what: &str, within: Duration, look: F) -> T
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = anyhow::Result<Look<T>>>,
    {
        // Boxed: futures of stories hold whole objects, and one inside another grows beyond what a stack should hold.
        match Box::pin(until(what, within, look)).await {
            Ok(value) => value,
            Err(error) => {
                panic!("{error:#}\n{}", self.cluster.words_on(&self.id))
            }
        }
    }

    /// Waits until an object is as expected, and answers it.
    pub async fn object<K>(&self, what: &str, api: &Api<K>, name: &str, expected: impl Fn(&K) -> bool) -> K
    where
        K: Resource + Clone + fmt::Debug + DeserializeOwned + Serialize,
    {
        self.until(what, async || {
            let object = api.get(name).await?;
            let seen = shown(&object);
            Ok(Look::found(expected(&object).then_some(object), seen))
        })
        .await
    }

    /// Waits until an object is gone.
    pub async fn gone<K>(&self, api: &Api<K>, name: &str)
    where
        K: Resource + Clone + fmt::Debug + DeserializeOwned + Serialize,
    {
        self.until(&format!("{name} to be gone"), async || {
            let found = api.get_opt(name).await?;
            Ok(Look::holds(found.is_none(), found.as_ref().map(shown)))
        })
        .await;
    }

    /// Waits until a claim is bound; answers it and its PersistentVolume.
    pub async fn bound(&self, namespace: &str, name: &str) -> (PersistentVolumeClaim, PersistentVolume) {
        let claims = self.claims(namespace);
        let claim = self
            .until(&format!("{namespace}/{name} to be bound"), async || {
                let claim = claims.get(name).await?;
                if phase(&claim) == "Bound" {
                    return Ok(Look::Done(claim));
                }
                let events = self.events(namespace, name).await?;
                Ok(Look::NotYet(format!("{:?}\n{events:#?}", shown(&claim))))
            })
            .await;
        let volume = claim.spec.as_ref().and_then(|s| s.volume_name.clone()).unwrap();
        let pv = self
            .object("the PersistentVolume to be bound", &self.pvs(), &volume, |pv| {
                pv_phase(pv) == "Bound"
            })
            .await;
        (claim, pv)
    }

    /// Creates a claim and waits until it is bound.
    pub async fn bound_claim(&self, namespace: &str, draft: draft::Draft) -> (PersistentVolumeClaim, PersistentVolume) {
        let claim = self.claim(namespace, draft).await;
        self.bound(namespace, claim.metadata.name.as_deref().unwrap()).await
    }

    /// A bound owner `primary/data` shared with everybody, and a bound member `data` in another namespace with a reference.
    pub async fn pair(&self) -> Pair {
        self.pair_in("primary", "secondary").await
    }

    /// The owner of a pair deletes its claim, and the volume is soft-deleted.
    pub async fn owner_leaves(&self, pair: &Pair) {
        self.delete(&self.claims(&pair.primary), "data").await;
        self.shared_volume("be soft-deleted", pair.volume(), |v| has_condition(v, "SoftDeleted"))
            .await;
    }

    /// Another such pair: the one to which happens what must not happen to the first.
    pub async fn control(&self) -> Pair {
        self.control_of("control").await
    }

    /// The same where there are several, each with a name of its own.
    pub async fn control_of(&self, name: &str) -> Pair {
        self.pair_in(name, &format!("{name}-member")).await
    }

    /// A pair in namespaces of these names.
    pub async fn pair_in(&self, primary: &str, secondary: &str) -> Pair {
        let (primary, secondary) = (self.namespace(primary).await, self.namespace(secondary).await);
        let (_, owner) = Box::pin(self.bound_claim(&primary, draft::claim("data").shared_to("*"))).await;
        let member = Box::pin(self.member(&secondary, "data", &primary, "data")).await;
        Pair {
            primary,
            secondary,
            owner,
            member,
        }
    }

    /// Makes a reference and a claim that joins, and waits until it is bound.
    pub async fn member(&self, namespace: &str, name: &str, primary: &str, source: &str) -> PersistentVolume {
        self.refer(namespace, draft::reference(&format!("for-{name}"), primary, source))
            .await;
        self.bound_claim(namespace, draft::claim(name).sharing(primary, source))
            .await
            .1
    }

    /// What was said about a claim.
    pub async fn events(&self, namespace: &str, claim: &str) -> anyhow::Result<Vec<Said>> {
        self.events_on(namespace, "PersistentVolumeClaim", claim).await
    }

    /// What was said about an object; about one without a namespace it is said in `default`.
    pub async fn events_on(&self, namespace: &str, kind: &str, name: &str) -> anyhow::Result<Vec<Said>> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let all = events.list(&Default::default()).await?;
        let regards = |event: &&Event| {
            event
                .regarding
                .as_ref()
                .is_some_and(|r| r.name.as_deref() == Some(name) && r.kind.as_deref() == Some(kind))
        };
        Ok(all.items.iter().filter(regards).map(Said::of).collect())
    }

    /// Waits for an event on a claim with that reason, and with that text in it.
    pub async fn told(&self, namespace: &str, claim: &str, reason: &str, text: &str) -> Said {
        self.told_on(namespace, "PersistentVolumeClaim", claim, reason, text)
            .await
    }

    /// The same on any object.
    pub async fn told_on(&self, namespace: &str, kind: &str, name: &str, reason: &str, text: &str) -> Said {
        let what = format!("an event {reason} on {kind} {name} that says {text:?}");
        self.said(&what, (namespace, kind, name), |e| {
            e.reason == reason && e.note.contains(text)
        })
        .await
    }

    /// Waits for an event on an object.
    async fn said(
        &self,
        what: &str,
        (namespace, kind, name): (&str, &str, &str),
        expected: impl Fn(&Said) -> bool,
    ) -> Said {
        self.until(what, async || {
            let events = self.events_on(namespace, kind, name).await?;
            let found = events.iter().find(|event| expected(event)).cloned();
            Ok(Look::found(found, events))
        })
        .await
    }

    /// Waits until a claim is refused for that reason and in words that have that text, and sees that there is no volume.
    pub async fn held(&self, namespace: &str, name: &str, reason: &str, text: &str) -> Said {
        let what = format!("{namespace}/{name} to be refused for {reason}, with {text:?}");
        let begin = format!("{reason}: ");
        let said = self.said(&what, (namespace, "PersistentVolumeClaim", name), |e| {
            // One reason may have had other words before.
            e.reason == "ProvisioningFailed" && e.note.starts_with(&begin) && e.note.contains(text)
        });
        let said = said.await;
        assert_eq!(said.type_, "Warning", "{said:#?}");
        self.is_unserved(namespace, name).await;
        said
    }

    /// A claim is Pending and has no PersistentVolume of ours.
    pub async fn is_unserved(&self, namespace: &str, name: &str) {
        let claim = self.claims(namespace).get(name).await.unwrap();
        assert_eq!(phase(&claim), "Pending", "{:?}", shown(&claim));
        let pv = self.pvs().get_opt(&pv_name(&claim)).await.unwrap();
        assert!(pv.is_none(), "{:?}", pv.as_ref().map(shown));
    }

    /// Waits until a condition of a backend has that status; answers the backend.
    pub async fn backend_is(&self, name: &str, condition: &str, status: &str) -> StorageBackend {
        let what = format!("backend {name} to be {condition}={status}");
        self.object(&what, &self.all::<StorageBackend>(), name, |backend| {
            backend
                .status
                .iter()
                .flat_map(|s| &s.conditions)
                .any(|c| c.type_ == condition && c.status == status)
        })
        .await
    }

    /// Waits until a backend is degraded for that reason.
    pub async fn backend_degraded(&self, name: &str, reason: &str) -> StorageBackend {
        let what = format!("backend {name} to be Degraded for {reason}");
        self.object(&what, &self.all::<StorageBackend>(), name, |backend| {
            let degraded = |c: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
                c.type_ == "Degraded" && c.status == "True" && c.reason == reason
            };
            backend.status.iter().flat_map(|s| &s.conditions).any(degraded)
        })
        .await
    }

    /// Waits until the SharedVolume of a volume is as expected.
    pub async fn shared_volume(
        &self,
        what: &str,
        volume: &str,
        expected: impl Fn(&SharedVolume) -> bool,
    ) -> SharedVolume {
        self.object(
            &format!("the SharedVolume to {what}"),
            &self.shared_volumes(),
            volume,
            expected,
        )
        .await
    }

    /// Deletes a namespace and waits until it is gone.
    pub async fn end_namespace(&self, name: &str) {
        let namespaces = self.all::<Namespace>();
        self.delete(&namespaces, name).await;
        self.gone(&namespaces, name).await;
    }

    /// The path of a volume's directory below the export; what a filer exports are the volumes themselves.
    pub fn path(&self, pv: &PersistentVolume) -> String {
        let spec = pv.spec.as_ref().unwrap();
        let by_plugin = || spec.csi.as_ref()?.volume_attributes.as_ref()?.get("share");
        let path = spec.nfs.as_ref().map(|nfs| &nfs.path).or_else(by_plugin).unwrap();
        let export = match self.filer {
            Some(_) => "",
            None => &self.cluster.nfs().unwrap().endpoint().export,
        };
        path.strip_prefix(&format!("{export}/")).unwrap().to_owned()
    }

    /// Writes a file into a volume, over NFS.
    pub async fn write(&self, pv: &PersistentVolume, file: &str, contents: &str) {
        let path = format!("{}/{file}", self.path(pv));
        self.until(&format!("{path} to be written"), async || {
            self.files().write(&path, contents.as_bytes()).await.map(Look::Done)
        })
        .await;
    }

    /// Reads a file from a volume, over NFS.
    pub async fn read(&self, pv: &PersistentVolume, file: &str) -> String {
        self.read_at(&format!("{}/{file}", self.path(pv))).await
    }

    /// Reads a file from the export.
    pub async fn read_at(&self, path: &str) -> String {
        let read = async || self.files().read(path).await.map(Look::Done);
        let bytes = self.until(&format!("{path} to be read"), read).await;
        String::from_utf8(bytes).unwrap()
    }

    /// Whether something is there in the export.
    pub async fn exists(&self, path: &str) -> bool {
        let look = async || self.files().exists(path).await.map(Look::Done);
        self.until(&format!("an answer about {path}"), look).await
    }

    /// Waits until nothing of a volume is left: no PersistentVolume, no SharedVolume, no directory, nothing in the trash.
    pub async fn nothing_left(&self, pv: &PersistentVolume) {
        self.left_but_for(pv, |_| false).await;
    }

    /// The same where two controllers at once took a volume for theirs to delete: the slower one's record of it (not its data) may be
    /// left beside an entry that the faster one has purged already.
    pub async fn no_data_left(&self, pv: &PersistentVolume) {
        self.left_but_for(pv, |entry| entry.ends_with(".json")).await;
    }

    async fn left_but_for(&self, pv: &PersistentVolume, tolerated: impl Fn(&str) -> bool) {
        let name = pv.metadata.name.as_deref().unwrap();
        self.gone(&self.pvs(), name).await;
        self.gone(&self.shared_volumes(), name).await;
        let path = self.path(pv);
        let (root, _) = path.rsplit_once('/').unwrap();
        self.until("the data to be gone", async || {
            let volumes = self.files().list(root).await?;
            let trash = self.files().list(&format!("{root}/.tombolo/trash")).await?;
            let left: Vec<_> = volumes
                .iter()
                .chain(&trash)
                .filter(|entry| entry.contains(name) && !tolerated(entry))
                .collect();
            Ok(Look::holds(left.is_empty(), left))
        })
        .await;
    }
}

/// A volume with one member.
pub struct Pair {
    pub primary: String,
    pub secondary: String,
    pub owner: PersistentVolume,
    pub member: PersistentVolume,
}

impl Pair {
    /// The volume's id.
    pub fn volume(&self) -> &str {
        name_of(&self.owner)
    }
}

pub fn name_of(pv: &PersistentVolume) -> &str {
    pv.metadata.name.as_deref().unwrap()
}

pub fn phase(claim: &PersistentVolumeClaim) -> &str {
    claim
        .status
        .as_ref()
        .and_then(|s| s.phase.as_deref())
        .unwrap_or_default()
}

pub fn pv_phase(pv: &PersistentVolume) -> &str {
    pv.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

/// The name that a claim's own PersistentVolume has.
pub fn pv_name(claim: &PersistentVolumeClaim) -> String {
    format!("pvc-{}", claim.metadata.uid.as_deref().unwrap())
}

/// Whether a SharedVolume has that condition.
pub fn has_condition(volume: &SharedVolume, condition: &str) -> bool {
    let conditions = volume.status.iter().flat_map(|s| &s.conditions);
    conditions
        .into_iter()
        .any(|c| c.type_ == condition && c.status == "True")
}
