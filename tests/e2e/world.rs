//! Where a story takes place: a cluster, a controller, a backend, a class, and names of its own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tombolo::api::shared_volume::SharedVolume;
use tombolo::api::storage_backend::StorageBackend;
use tombolo::api::trident_volume_reference::TridentVolumeReference;
use tombolo::api::volume_reference::VolumeReference;
use tombolo_harness::wait::Look;
use tombolo_harness::{Cluster, ClusterOptions, Controller, Filer, NfsClient, NfsServer, NfsVersion, report_skipped};

use crate::controller;
use crate::draft::Draft;

/// How long stories wait for what takes moments on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Our own definitions.
pub const KINDS: [&str; 4] = [
    "storagebackends.tombolo.dev",
    "volumereferences.tombolo.dev",
    "sharedvolumes.tombolo.dev",
    "crossnamespacesources.tombolo.dev",
];

/// The definition of VolumePopulators.
pub const POPULATORS: &str = "volumepopulators.populator.storage.k8s.io";

/// The definition of the reference that people know from Trident.
pub const TRIDENT: &str = "tridentvolumereferences.trident.netapp.io";

/// One story's place.
pub struct World<'c> {
    pub cluster: &'c Cluster,
    pub client: Client,
    /// Ends every name that the story makes.
    pub id: String,
    /// The story's class.
    pub class: String,
    /// The filer that the class is of; otherwise it is of the NFS server.
    pub filer: Option<&'static Filer>,
}

/// Whether this machine has no NFS server; then the story is reported as skipped.
pub fn cannot(story: &str) -> bool {
    let reason = NfsServer::unavailable();
    if let Some(reason) = &reason {
        report_skipped(story, reason);
    }
    reason.is_some()
}

/// The name of the backend and class that stories share.
pub fn shared_name() -> String {
    format!("shared-{}", std::process::id())
}

/// The controller that stories share, with a backend and a class. It runs as an installed one does.
pub async fn shared_controller() -> &'static Controller {
    static CONTROLLER: OnceCell<Controller> = OnceCell::const_new();
    let start = async || {
        let cluster = Cluster::shared().await.unwrap();
        let world = World::of(cluster, "shared").await;
        world.install_kinds().await;
        world.install_populators().await;
        // A cluster that is somebody else's gets neither roles nor a Lease of ours.
        let controller = if cluster.is_external() {
            controller::alone(cluster, "shared").await
        } else {
            controller::as_installed(cluster, "shared").await.unwrap()
        };
        let backend = shared_name();
        world.backend(&backend, json!({"trashRetention": "0s"})).await;
        world
            .storage_class(&backend, json!({"parameters": {"backend": backend}}))
            .await;
        controller
    };
    CONTROLLER.get_or_init(start).await
}

impl World<'static> {
    /// A place in the cluster that all stories share, with the controller, backend and class that they share.
    pub async fn shared(story: &str) -> Self {
        let cluster = Cluster::shared().await.unwrap();
        shared_controller().await;
        let mut world = World::of(cluster, story).await;
        world.class = shared_name();
        world
    }
}

impl<'c> World<'c> {
    /// A place in this cluster; nothing is made there yet.
    pub async fn of(cluster: &'c Cluster, story: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Unique in a cluster that outlives this program, too.
        let id = format!(
            "{story}-{:x}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Self {
            client: cluster.client().await.unwrap(),
            cluster,
            class: id.clone(),
            id,
            filer: None,
        }
    }

    /// A place in a cluster of its own: definitions, a backend and a class of the story's name, and no controller yet.
    pub async fn own(cluster: &'c Cluster, story: &str) -> Self {
        let world = World::of(cluster, story).await;
        world.install_kinds().await;
        world.make_backend(&world.id, json!({"trashRetention": "0s"})).await;
        world
            .storage_class(&world.id, json!({"parameters": {"backend": world.id}}))
            .await;
        world
    }

    /// Options of such a cluster: the NFS server and nothing that stories with a cluster of their own do not need.
    pub fn options() -> ClusterOptions {
        ClusterOptions::default().with_nfs()
    }

    /// Installs our definitions from the files that people install.
    pub async fn install_kinds(&self) {
        for file in KINDS.into_iter().chain([TRIDENT]) {
            self.install_kind(file).await;
        }
    }

    /// Installs one definition and waits until it is served.
    pub async fn install_kind(&self, name: &str) {
        let file = format!("{}/crds/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        self.cluster
            .kubectl(&["apply", "--server-side", "-f", &file])
            .await
            .unwrap();
        self.is_established(name).await;
    }

    /// Waits until a definition is served.
    async fn is_established(&self, name: &str) {
        // kubectl fails at once where there is no condition yet, instead of waiting for one.
        self.until(&format!("{name} to be served"), async || {
            let wait = ["wait", "--for=condition=Established", "--timeout=10s", "crd", name];
            let waited = self.cluster.kubectl(&wait).await;
            Ok(Look::holds(waited.is_ok(), waited.err()))
        })
        .await;
    }

    /// Installs the definition of VolumePopulators from the file that people install, unless there is one.
    pub async fn install_populators(&self) {
        if self.cluster.kubectl(&["get", "crd", POPULATORS]).await.is_ok() {
            return;
        }
        let directory = format!("{}/deploy/kustomize/volume-populator-crd", env!("CARGO_MANIFEST_DIR"));
        self.cluster.kubectl(&["apply", "-k", &directory]).await.unwrap();
        self.is_established(POPULATORS).await;
    }

    /// Makes a backend on the NFS server, in a subdirectory of its name, and waits until it is ready.
    pub async fn backend(&self, name: &str, spec: Value) -> StorageBackend {
        self.make_backend(name, spec).await;
        self.backend_is(name, "Ready", "True").await
    }

    /// The same without waiting.
    pub async fn make_backend(&self, name: &str, spec: Value) {
        let nfs = self.cluster.nfs().unwrap().endpoint();
        let mut whole = json!({"nfs": {
            "server": nfs.server, "export": nfs.export, "subdirectory": name, "port": nfs.port, "mountPort": nfs.mount_port,
        }});
        merge(&mut whole, spec);
        let backend = json!({
            "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": name}, "spec": whole,
        });
        self.create::<StorageBackend>(self.all(), backend).await;
    }

    /// Makes a StorageClass of ours; `more` has its parameters and whatever else.
    pub async fn storage_class(&self, name: &str, more: Value) {
        let mut class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}, "provisioner": "tombolo.dev",
        });
        merge(&mut class, more);
        self.create::<StorageClass>(self.all(), class).await;
    }

    /// Makes a class for this story alone, on the shared backend, and uses it from now on.
    pub async fn with_class(mut self, more: Value) -> Self {
        let mut whole = json!({"parameters": {"backend": self.class}});
        merge(&mut whole, more);
        self.storage_class(&self.id, whole).await;
        self.class = self.id.clone();
        self
    }

    /// Makes a namespace of the story and answers its full name.
    pub async fn namespace(&self, name: &str) -> String {
        self.labelled_namespace(name, json!({})).await
    }

    /// The same, with labels.
    pub async fn labelled_namespace(&self, name: &str, labels: Value) -> String {
        let name = format!("{name}-{}", self.id);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        self.create::<Namespace>(self.all(), namespace).await;
        name
    }

    /// Creates a claim; one without a class gets the story's.
    pub async fn claim(&self, namespace: &str, draft: Draft) -> PersistentVolumeClaim {
        self.try_claim(namespace, draft).await.unwrap()
    }

    /// The same, where a refusal is expected.
    pub async fn try_claim(&self, namespace: &str, draft: Draft) -> kube::Result<PersistentVolumeClaim> {
        let mut value = draft.0;
        let elsewhere = value["metadata"]["annotations"]
            .get("volume.beta.kubernetes.io/storage-class")
            .is_some();
        if value["spec"].get("storageClassName").is_none() && !elsewhere {
            value["spec"]["storageClassName"] = json!(self.class);
        }
        let claim = serde_json::from_value(value).unwrap();
        self.claims(namespace).create(&PostParams::default(), &claim).await
    }

    /// Creates a reference of either kind.
    pub async fn refer(&self, namespace: &str, reference: Value) {
        if reference["kind"] == "VolumeReference" {
            self.create::<VolumeReference>(Api::namespaced(self.client.clone(), namespace), reference)
                .await;
        } else {
            self.create::<TridentVolumeReference>(Api::namespaced(self.client.clone(), namespace), reference)
                .await;
        }
    }

    /// Changes an object by a merge patch.
    pub async fn patch<K>(&self, api: &Api<K>, name: &str, patch: Value) -> K
    where
        K: Resource + Clone + std::fmt::Debug + DeserializeOwned,
    {
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap()
    }

    /// Sets or, with null, removes an annotation of a claim.
    pub async fn annotate(&self, namespace: &str, name: &str, key: &str, value: Value) {
        self.patch(
            &self.claims(namespace),
            name,
            json!({"metadata": {"annotations": {key: value}}}),
        )
        .await;
    }

    /// Deletes an object and does not wait.
    pub async fn delete<K>(&self, api: &Api<K>, name: &str)
    where
        K: Resource + Clone + std::fmt::Debug + DeserializeOwned,
    {
        drop(api.delete(name, &DeleteParams::default()).await.unwrap());
    }

    pub async fn create<K>(&self, api: Api<K>, object: Value) -> K
    where
        K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Serialize,
    {
        let object: K = serde_json::from_value(object).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap()
    }

    pub fn claims(&self, namespace: &str) -> Api<PersistentVolumeClaim> {
        Api::namespaced(self.client.clone(), namespace)
    }

    pub fn pvs(&self) -> Api<PersistentVolume> {
        self.all()
    }

    pub fn shared_volumes(&self) -> Api<SharedVolume> {
        self.all()
    }

    pub fn references(&self, namespace: &str) -> Api<VolumeReference> {
        Api::namespaced(self.client.clone(), namespace)
    }

    pub fn all<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = ()>,
    {
        Api::all(self.client.clone())
    }

    /// A client of the server that shares no code with the product.
    pub fn files(&self) -> NfsClient {
        match self.filer {
            Some(filer) => filer.client(NfsVersion::V4),
            None => self.cluster.nfs().unwrap().client(NfsVersion::V4),
        }
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
