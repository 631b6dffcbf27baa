//! `tombolo explain pvc`: every check of the handshake with its outcome, by the very code that decides.
//!
//! Reads what the caller may read, and says where that was not enough. Changes nothing.

use crate::api::storage_backend::StorageBackend;
use crate::api::trident_volume_reference::TridentVolumeReference;
use crate::api::volume_reference::VolumeReference;
use crate::cli::{Common, ExplainPvc, Output};
use crate::domain::backend::{Backend, Health, Limits};
use crate::domain::claim::ClaimPhase;
use crate::domain::class::Class;
use crate::domain::ids::{BackendName, ClaimKey, PvName};
use crate::domain::record::Usage;
use crate::domain::reference::ReferenceKind;
use crate::execute::api_server::ApiServer;
use crate::execute::cluster::{ApiError, Cluster, Fault};
use crate::ledger::memory::{MemoryDisk, MemoryLedger};
use crate::observe::consent::consent_of;
use crate::observe::gather::ClaimView;
use crate::observe::index::Index;
use crate::observe::project;
use crate::plan::handshake::{Outcome, Row, examine, wanted};
use crate::plan::{Verdict, claim};
use anyhow::Context;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use tombolo_backend_api::{BackendId, Capabilities};

/// What is said of a claim.
#[derive(Debug, Serialize)]
struct Explanation {
    claim: String,
    phase: String,
    checks: Vec<Check>,
    verdict: String,
    next: Option<String>,
    unseen: Vec<String>,
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    outcome: &'static str,
    text: String,
}

/// Explains a claim.
///
/// # Errors
/// If the claim cannot be read.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub async fn pvc(common: &Common, args: &ExplainPvc) -> anyhow::Result<()> {
    let config = common.kube_config().await?;
    let namespace = args
        .namespace
        .clone()
        .unwrap_or_else(|| config.default_namespace.clone());
    let explanation = explain(Client::try_from(config)?, &ClaimKey::new(namespace, &args.name)).await?;
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&explanation)?),
        Output::Text => println!("{}", explanation.to_text()),
    }
    Ok(())
}

async fn explain(client: Client, key: &ClaimKey) -> anyhow::Result<Explanation> {
    let mut reading = Reading {
        cluster: ApiServer::new(client.clone()),
        client,
        index: Index::default(),
        unseen: Vec::new(),
    };
    reading.everything(key).await?;
    let backends = reading.backends().await;
    let ledger = MemoryLedger::open(&MemoryDisk::default())?.ledger;
    let view = ClaimView::cached(&reading.index, &ledger, backends, key).with_context(|| format!("no claim {key}"))?;
    let claim = view.claim();
    let mut checks: Vec<Check> = Vec::new();
    if let Some(handshake) = view
        .handshake()
        .filter(|_| wanted(claim).is_some() && claim.phase == ClaimPhase::Pending)
    {
        checks.extend(
            examine(&handshake)
                .rows
                .into_iter()
                .map(|(row, outcome)| check(row, outcome)),
        );
    }
    let own = reading.index.pv(&claim.uid.pv_name()).cloned();
    if let Some(consent) = own.as_ref().and_then(|pv| consent_of(&reading.index, claim, pv)) {
        checks.push(Check {
            check: "Consent",
            outcome: "seen",
            text: format!("{consent:?}"),
        });
    }
    let plan = claim::decide(&view.to_decide());
    let (verdict, next) = match (&plan.verdict, claim.phase) {
        (Verdict::Refused(refusal), _) => (
            format!("{}: {}", refusal.reason, refusal.text),
            Some(refusal.reason.next_step().to_owned()),
        ),
        (Verdict::NotOurs, _) => (
            "its StorageClass is not one of Tombolo's, or does not exist".to_owned(),
            None,
        ),
        (_, ClaimPhase::Bound) => ("bound".to_owned(), None),
        (_, ClaimPhase::Lost) => ("its PersistentVolume is gone".to_owned(), None),
        (Verdict::AskLive | Verdict::Continue, _) => (
            "every check passes; the controller is about to join it".to_owned(),
            None,
        ),
        (Verdict::Settled, _) if !plan.actions.is_empty() => ("it is about to be provisioned".to_owned(), None),
        (Verdict::Settled, _) => (
            "waiting for Kubernetes: to ask for it, to choose a node, or to bind it".to_owned(),
            None,
        ),
    };
    Ok(Explanation {
        claim: key.to_string(),
        phase: format!("{:?}", claim.phase),
        checks,
        verdict,
        next,
        unseen: reading.unseen,
    })
}

fn check(row: Row, outcome: Outcome) -> Check {
    let name: &'static str = row.into();
    match outcome {
        Outcome::Passed(text) => Check {
            check: name,
            outcome: "passed",
            text,
        },
        Outcome::Failed(refusal) => Check {
            check: name,
            outcome: "failed",
            text: format!("{}: {}", refusal.reason, refusal.text),
        },
        Outcome::NotReached => Check {
            check: name,
            outcome: "not reached",
            text: String::new(),
        },
    }
}

impl Explanation {
    fn to_text(&self) -> String {
        let mut lines = vec![format!("Claim    {}", self.claim), format!("Phase    {}", self.phase)];
        for check in &self.checks {
            let sign = match check.outcome {
                "passed" => "✓",
                "failed" => "✗",
                _ => "·",
            };
            lines.push(format!("  {sign} {:<14} {}", check.check, check.text));
        }
        lines.push(format!("Verdict  {}", self.verdict));
        lines.extend(self.next.iter().map(|next| format!("Next     {next}")));
        lines.extend(self.unseen.iter().map(|unseen| format!("Unseen   {unseen}")));
        lines.join("\n")
    }
}

/// Objects read for one explanation.
struct Reading {
    client: Client,
    cluster: ApiServer,
    index: Index,
    unseen: Vec<String>,
}

impl Reading {
    async fn everything(&mut self, key: &ClaimKey) -> anyhow::Result<()> {
        let claim = self
            .cluster
            .claim(key)
            .await?
            .with_context(|| format!("no claim {key}"))?;
        let source = wanted(&claim).and_then(Result::ok);
        let mut volumes = vec![claim.uid.pv_name()];
        volumes.extend(claim.volume_name.clone());
        if let Some(name) = &claim.class {
            let found = Api::<StorageClass>::all(self.client.clone())
                .get_opt(name.as_str())
                .await;
            let class = self
                .seen("StorageClasses", found.map_err(crate::execute::api_server::fault))
                .flatten();
            self.index.put_class(name.clone(), class.as_ref().and_then(Class::of));
        }
        self.references(key).await;
        self.namespace(key).await;
        if let Some(source) = &source {
            self.namespace(source).await;
            let found = self.cluster.claim(source).await;
            if let Some(claim) = self.seen("the source claim", found).flatten() {
                volumes.extend(claim.volume_name.clone());
                self.index.put_claim(claim);
            }
        }
        self.index.put_claim(claim);
        for name in volumes {
            self.pv(&name).await;
        }
        Ok(())
    }

    async fn pv(&mut self, name: &PvName) {
        let found = self.cluster.pv(name).await;
        if let Some(pv) = self.seen("PersistentVolumes", found).flatten() {
            let owner = self
                .index
                .volume_of(&pv)
                .map(|volume| volume.pv_name())
                .filter(|owner| owner != name);
            self.index.put_pv(pv);
            if let Some(owner) = owner {
                let found = self.cluster.pv(&owner).await;
                if let Some(pv) = self.seen("PersistentVolumes", found).flatten() {
                    self.index.put_pv(pv);
                }
            }
        }
    }

    async fn namespace(&mut self, of: &ClaimKey) {
        let found = self.cluster.namespace(&of.namespace).await;
        if let Some(view) = self.seen("namespaces", found).flatten() {
            self.index.put_namespace(of.namespace.clone(), Some(view));
        }
    }

    async fn references(&mut self, of: &ClaimKey) {
        let namespace = of.namespace.as_str();
        let own: Api<VolumeReference> = Api::namespaced(self.client.clone(), namespace);
        let found = own
            .list(&ListParams::default())
            .await
            .map_err(crate::execute::api_server::fault);
        if let Some(list) = self.seen("VolumeReferences", found) {
            let all = list.items.iter().filter_map(project::volume_reference).collect();
            self.index.reset_references(ReferenceKind::Volume, all);
        }
        let compatible: Api<TridentVolumeReference> = Api::namespaced(self.client.clone(), namespace);
        match compatible
            .list(&ListParams::default())
            .await
            .map_err(crate::execute::api_server::fault)
        {
            Ok(list) => {
                let all = list.items.iter().filter_map(project::trident_reference).collect();
                self.index.reset_references(ReferenceKind::Trident, all);
            }
            // An option that is not installed.
            Err(error) if error.fault == Fault::NotFound => {}
            Err(error) => drop(self.seen::<()>("TridentVolumeReferences", Err(error))),
        }
    }

    async fn backends(&mut self) -> Vec<Backend> {
        let all: Api<StorageBackend> = Api::all(self.client.clone());
        let found = all
            .list(&ListParams::default())
            .await
            .map_err(crate::execute::api_server::fault);
        let list = self.seen("StorageBackends", found);
        list.map(|list| list.items.iter().map(backend).collect())
            .unwrap_or_default()
    }

    fn seen<T>(&mut self, what: &str, found: Result<T, ApiError>) -> Option<T> {
        found.map_err(|error| self.unseen.push(format!("{what}: {error}"))).ok()
    }
}

/// A backend as its status describes it; limits are known to the controller alone.
fn backend(object: &StorageBackend) -> Backend {
    let status = object.status.clone().unwrap_or_default();
    let ready = status
        .conditions
        .iter()
        .any(|c| c.type_ == crate::api::conditions::READY && c.status == "True");
    let id = status.backend_id.as_deref().and_then(BackendId::parse);
    let has = |name: &str| status.capabilities.iter().any(|c| c == name);
    Backend {
        name: BackendName::new(object.name_any()),
        labels: object.metadata.labels.clone().unwrap_or_default(),
        health: match (id, ready, object.metadata.deletion_timestamp.is_some()) {
            (Some(id), true, true) => Health::Terminating(Some(id)),
            (Some(id), true, false) => Health::Ready(id),
            (None, _, _) | (_, false, _) => Health::Degraded,
        },
        capabilities: Capabilities {
            share: has("share"),
            revoke: has("revoke"),
            read_only_enforced: has("readOnlyEnforced"),
            quota: has("quota"),
        },
        limits: Limits::default(),
        free: status.free_bytes.and_then(|b| u64::try_from(b).ok()),
        node: object.spec.local.as_ref().map(|local| local.node.clone()),
        used: Usage::default(),
        used_by_namespace: Usage::default(),
    }
}
