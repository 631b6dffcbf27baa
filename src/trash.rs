//! `tombolo trash`: what was deleted and can still come back. Talks to the backends itself, so it runs where they are reachable.

use crate::api::storage_backend::StorageBackend;
use crate::backends::{Drivers, Registry, Secrets};
use crate::cli::{Common, Trash, TrashOf, own_namespace};
use crate::domain::class::Class;
use crate::domain::discarded::Discarded;
use crate::domain::ids::{BackendName, ClaimKey, PvName};
use crate::domain::size;
use crate::execute::api_server::ApiServer;
use crate::execute::cluster::Cluster;
use crate::plan::restore::{Asked, Restoring, decide, remark};
use crate::run::cluster_id;
use anyhow::{Context, anyhow, bail, ensure};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tombolo_backend_api::{BackendId, Disposal, Guarded, Mark, Remains, TrashEntry, TrashId};

/// Does what was asked of the trash.
///
/// # Errors
/// If a backend or the API server does not answer, or what was asked cannot be.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub async fn trash(common: &Common, what: &Trash) -> anyhow::Result<()> {
    let client = Client::try_from(common.kube_config().await?)?;
    match what {
        Trash::List { of } => {
            println!(
                "{:<16} {:<44} {:<32} {:>8}  DELETED",
                "BACKEND", "ENTRY", "OWNER", "SIZE"
            );
            let mut silent = Vec::new();
            for bin in opened(&client, of).await? {
                match bin.entries().await {
                    Ok(entries) => {
                        for row in entries.iter().filter_map(|entry| row(&bin.name, entry)) {
                            println!("{row}");
                        }
                    }
                    Err(error) => silent.push(format!("{error:#}")),
                }
            }
            ensure!(silent.is_empty(), "not all could be listed: {}", silent.join("; "));
            Ok(())
        }
        Trash::Purge { id, of } => {
            let Some((bin, _)) = find(&client, of, id).await? else {
                bail!("no backend has an entry {id}");
            };
            let purged = bin.guarded.purge(id, &()).await?;
            println!(
                "{id} of {}: {} files and {} directories are gone for ever",
                bin.name, purged.files, purged.directories
            );
            Ok(())
        }
        Trash::Restore { id, to, of } => {
            let (volume, remark) = restore(&client, of, id, to).await?;
            println!("{volume} is back and is the volume of claim {to}; Kubernetes binds it in a moment");
            if let Some(remark) = remark {
                println!("{remark}");
            }
            Ok(())
        }
    }
}

/// A line of the list; `None`: there is no volume, only a record that was left over.
fn row(backend: &BackendName, entry: &TrashEntry) -> Option<String> {
    let record = Discarded::of(entry);
    let (owner, bytes) = match &record {
        Some(r) => (r.owner.key.to_string(), size::format(r.bytes)),
        None => ("?".to_owned(), "?".to_owned()),
    };
    let at = match entry.remains {
        Remains::Whole => record.map_or(entry.since, |r| r.at).to_string(),
        Remains::Purging => "being purged".to_owned(),
        Remains::RecordOnly => return None,
    };
    Some(format!(
        "{:<16} {:<44} {owner:<32} {bytes:>8}  {at}",
        backend.as_str(),
        entry.id.as_str()
    ))
}

/// The trash of a backend.
struct Bin {
    name: BackendName,
    guarded: Guarded,
    on_a_node: bool,
}

impl Bin {
    async fn entries(&self) -> anyhow::Result<Vec<TrashEntry>> {
        let entries = self.guarded.trash().await;
        entries.with_context(|| format!("StorageBackend {}", self.name))
    }
}

async fn opened(client: &Client, of: &TrashOf) -> anyhow::Result<Vec<Bin>> {
    let list = Api::<StorageBackend>::all(client.clone())
        .list(&ListParams::default())
        .await?;
    let cluster_id = cluster_id(client).await?;
    let registry = Registry {
        secrets: Some(Secrets::of(client.clone(), own_namespace(of.namespace.as_deref()))),
    };
    let mut found = Vec::new();
    for object in list.items {
        let name = BackendName::new(object.name_any());
        if of.backend.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        let id = object
            .status
            .as_ref()
            .and_then(|s| s.backend_id.as_deref())
            .and_then(BackendId::parse);
        let Some(backend_id) = id else { continue };
        let opened = registry.open(&object.spec).await;
        let opened = opened.with_context(|| format!("StorageBackend {name}"))?;
        let mark = Mark {
            backend_id,
            cluster_id: cluster_id.clone(),
        };
        found.push(Bin {
            name,
            guarded: Guarded::new(opened.driver, mark),
            on_a_node: opened.node.is_some(),
        });
    }
    ensure!(!found.is_empty(), "no StorageBackend is known that has been used");
    Ok(found)
}

/// Looks for an entry on every backend. One that does not answer keeps no other's from being found.
async fn find(client: &Client, of: &TrashOf, id: &TrashId) -> anyhow::Result<Option<(Bin, TrashEntry)>> {
    let mut silent = Vec::new();
    for bin in opened(client, of).await? {
        match bin.entries().await {
            Ok(entries) => {
                if let Some(entry) = entries.into_iter().find(|entry| entry.id == *id) {
                    return Ok(Some((bin, entry)));
                }
            }
            Err(error) => silent.push(format!("{error:#}")),
        }
    }
    ensure!(
        silent.is_empty(),
        "{id} was not found, but not everywhere could be looked: {}",
        silent.join("; ")
    );
    Ok(None)
}

/// Gives an entry to a claim; what is to be said of it besides. Interrupted anywhere, the same command goes on.
async fn restore(
    client: &Client,
    of: &TrashOf,
    id: &TrashId,
    to: &ClaimKey,
) -> anyhow::Result<(PvName, Option<String>)> {
    let cluster = ApiServer::new(client.clone());
    let name = PvName::new(id.as_str());
    let claim = cluster.claim(to).await?.with_context(|| format!("no claim {to}"))?;
    let class = match &claim.class {
        Some(class) => Api::<StorageClass>::all(client.clone()).get_opt(class.as_str()).await?,
        None => None,
    };
    let class = class.as_ref().and_then(Class::of);
    let pv = cluster.pv(&name).await?;
    let (bin, entry) = match find(client, of, id).await? {
        Some((bin, entry)) => (bin, Some(entry)),
        // Perhaps it is back already, where the object says.
        None => {
            let handle = pv.as_ref().and_then(|pv| pv.ours.as_ref()).map(|ours| &ours.handle);
            let bins = opened(client, of).await?;
            let behind = bins
                .into_iter()
                .find(|bin| handle.is_some_and(|handle| handle.backend == bin.guarded.mark().backend_id));
            (behind.with_context(|| format!("no backend has an entry {id}"))?, None)
        }
    };
    let record = entry.as_ref().and_then(Discarded::of);
    let decided = decide(&Asked {
        id,
        remains: entry.as_ref().map(|entry| entry.remains),
        record: record.as_ref(),
        claim: &claim,
        class: class.as_ref(),
        pv: pv.as_ref(),
        backend: &bin.name,
        root: &bin.guarded.mark().backend_id,
        on_a_node: bin.on_a_node,
    });
    let mut said = None;
    let path = match decided.map_err(|why| anyhow!(why))? {
        Restoring::Everything(pv) => {
            said = class.as_ref().and_then(|class| remark(pv.mount, class));
            let path = pv.handle.path.clone();
            let source = bin.guarded.mount(&pv.export()?).await?;
            cluster.create_pv(&pv, &source).await?;
            path
        }
        Restoring::Data(path) => path,
        Restoring::Nothing(path) => {
            let found = bin.guarded.inspect(&path).await?;
            ensure!(
                found.is_some(),
                "{id} is neither in the trash nor at its new path {path}"
            );
            bin.guarded.forget(id).await?;
            return Ok((name, None));
        }
    };
    let restored = bin.guarded.restore(id, &path).await;
    restored.with_context(|| {
        format!("PersistentVolume {name} is made, its data is not back; run the command again, or delete claim {to}")
    })?;
    // Whoever deleted the claim meanwhile had the controller discard a path where nothing was yet.
    let stays = cluster.pv(&name).await?.is_some_and(|pv| !pv.terminating);
    if !stays {
        let record = entry.and_then(|entry| entry.record).unwrap_or_default();
        let back = Disposal::Trash { id: id.clone(), record };
        bin.guarded.discard(&path, &back).await?;
        bail!("claim {to} was deleted meanwhile; the data is in the trash again, as {id}");
    }
    Ok((name, said))
}
