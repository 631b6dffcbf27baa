//! Reading what is examined, with the caller's rights.

mod lease;
mod rights;

use crate::api::all_crds;
use crate::api::names;
use crate::api::storage_backend::StorageBackend;
use crate::domain::class::Class;
use crate::execute::api_server::fault;
use crate::observe::optional::Foreign;
use crate::observe::project::{GRANTS, POPULATORS, snapshots};
use anyhow::Context;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::storage::v1::{CSIDriver, StorageClass};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client, ResourceExt};
pub(super) use lease::Held;
pub(super) use rights::Right;

/// The alpha gate behind `dataSourceRef.namespace` (KEP-3294).
const GATE: &str = "CrossNamespaceVolumeDataSource";
/// The policy of our manifests about pods with an inline nfs volume, and its binding.
pub(super) const INLINE_NFS: &str = "tombolo-inline-nfs";
/// Kinds of other projects that are read where they are served.
pub(super) const FOREIGN: [Foreign; 5] = [
    GRANTS,
    snapshots::SNAPSHOTS,
    snapshots::CONTENTS,
    snapshots::CLASSES,
    POPULATORS,
];
/// The Lease of kubernetes-csi's volume-data-source-validator, in whatever namespace it runs; it may run without.
const VALIDATOR: &str = "data-source-validator-leader";

/// Which controller is meant.
#[derive(Debug)]
pub(super) struct Installation {
    /// Its namespace.
    pub(super) namespace: String,
    /// Its ServiceAccount there.
    pub(super) account: String,
}

/// What was read, or why it could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look<T> {
    /// This was read.
    Saw(T),
    /// Nothing was, for this reason.
    Unseen(String),
}

/// All that was read.
#[derive(Debug)]
pub(super) struct Seen {
    /// Where the controller is said to be.
    pub(super) namespace: String,
    /// Kubernetes' version, as it says itself: major, minor.
    pub(super) version: (String, String),
    /// Our definitions, as this program has them, and as the cluster has them.
    pub(super) definitions: Vec<(CustomResourceDefinition, Look<Option<CustomResourceDefinition>>)>,
    /// Who leads.
    pub(super) lease: Look<Option<Held>>,
    /// What the controller may do.
    pub(super) rights: Vec<Right>,
    /// Kinds of other projects, each with the version in which it is served.
    pub(super) foreign: Vec<(Foreign, Look<Option<String>>)>,
    /// Whether the API server takes a namespace in a claim's source; `None`: it knows no such gate.
    pub(super) gate: Look<Option<bool>>,
    /// Namespaces in which another validator of data sources has a Lease.
    pub(super) validators: Look<Vec<String>>,
    /// Classes of ours.
    pub(super) classes: Look<Vec<Class>>,
    /// Whether nodes know of our driver.
    pub(super) driver: Look<bool>,
    /// How many classes of snapshots name our driver.
    pub(super) snapshot_classes: Look<usize>,
    /// What happens to pods that mount NFS past all consent, as the binding of our policy says; `None`: there is none.
    pub(super) inline_nfs: Look<Option<Vec<String>>>,
    /// All backends.
    pub(super) backends: Look<Vec<StorageBackend>>,
}

/// Looks at everything.
///
/// # Errors
/// If there is no answer at all.
pub(super) async fn examine(client: &Client, of: &Installation) -> anyhow::Result<Seen> {
    let version = client
        .apiserver_version()
        .await
        .context("the cluster does not answer")?;
    let mut definitions = Vec::new();
    for ours in all_crds() {
        let theirs = Api::<CustomResourceDefinition>::all(client.clone())
            .get_opt(&ours.name_any())
            .await;
        definitions.push((ours, seen("CustomResourceDefinitions", theirs)));
    }
    let mut foreign = Vec::new();
    for kind in FOREIGN {
        let served = kind.served(client).await.map(|found| found.map(|r| r.version));
        foreign.push((kind, seen(kind.plural, served)));
    }
    let all = ListParams::default();
    let lease = lease::held(client, &of.namespace).await;
    let policy = Api::<ValidatingAdmissionPolicyBinding>::all(client.clone())
        .get_opt(INLINE_NFS)
        .await;
    let actions = |binding: ValidatingAdmissionPolicyBinding| binding.spec.validation_actions;
    let classes = Api::<StorageClass>::all(client.clone()).list(&all).await;
    let driver = Api::<CSIDriver>::all(client.clone()).get_opt(names::PROVISIONER).await;
    let backends = Api::<StorageBackend>::all(client.clone()).list(&all).await;
    Ok(Seen {
        namespace: of.namespace.clone(),
        version: (version.major, version.minor),
        definitions,
        lease: seen("the controller's Lease", lease),
        inline_nfs: seen(
            "ValidatingAdmissionPolicyBindings",
            policy.map(|found| found.map(actions)),
        ),
        rights: rights::of(client, of).await,
        gate: gate(client).await,
        validators: validators(client).await,
        classes: seen(
            "StorageClasses",
            classes.map(|list| list.iter().filter_map(Class::of).collect()),
        ),
        driver: seen("CSIDrivers", driver.map(|found| found.is_some())),
        snapshot_classes: snapshot_classes(client, &foreign).await,
        backends: seen("StorageBackends", backends.map(|list| list.items)),
        foreign,
    })
}

async fn validators(client: &Client) -> Look<Vec<String>> {
    let named = ListParams::default().fields(&format!("metadata.name={VALIDATOR}"));
    let found = Api::<Lease>::all(client.clone()).list(&named).await;
    let namespaces = found.map(|list| list.iter().filter_map(ResourceExt::namespace).collect());
    seen("Leases of all namespaces", namespaces)
}

async fn snapshot_classes(client: &Client, foreign: &[(Foreign, Look<Option<String>>)]) -> Look<usize> {
    let served = foreign.iter().find(|(kind, _)| *kind == snapshots::CLASSES);
    let Some((kind, Look::Saw(Some(version)))) = served else {
        return Look::Saw(0);
    };
    let all: Api<DynamicObject> = Api::all_with(client.clone(), &kind.in_version(version));
    let found = all.list(&ListParams::default()).await;
    let ours = found.map(|list| list.iter().filter_map(snapshots::class).count());
    seen("VolumeSnapshotClasses", ours)
}

/// Which gates are on, the API server tells in its metrics (`kubernetes_feature_enabled` of k8s.io/component-base).
async fn gate(client: &Client) -> Look<Option<bool>> {
    let request = match http::Request::get("/metrics").body(Vec::new()) {
        Ok(request) => request,
        Err(error) => return Look::Unseen(error.to_string()),
    };
    let text = client.request_text(request).await;
    seen("the API server's metrics", text.map(|text| enabled(&text, GATE)))
}

/// What `kubernetes_feature_enabled` says of a gate.
pub(super) fn enabled(metrics: &str, gate: &str) -> Option<bool> {
    let name = format!("name=\"{gate}\"");
    let line = metrics
        .lines()
        .find(|line| line.starts_with("kubernetes_feature_enabled{") && line.contains(&name))?;
    match line.rsplit(' ').next()? {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

fn seen<T>(what: &str, answer: kube::Result<T>) -> Look<T> {
    match answer.map_err(fault) {
        Ok(found) => Look::Saw(found),
        Err(error) => Look::Unseen(error.unread(what)),
    }
}
