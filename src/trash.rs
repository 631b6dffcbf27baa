//! `tombolo trash`: what was deleted and can still come back. Talks to the backends itself, so it runs where they are reachable.

use crate::api::storage_backend::StorageBackend;
use crate::backends;
use crate::cli::{Common, Trash, TrashOf};
use crate::domain::access::{Access, OnDelete, OnOwnerDelete};
use crate::domain::class::Class;
use crate::domain::discarded::Discarded;
use crate::domain::ids::{BackendName, ClaimKey, Handle};
use crate::domain::pv::ReclaimPolicy;
use crate::domain::size;
use crate::execute::api_server::ApiServer;
use crate::execute::cluster::Cluster;
use crate::plan::NewPv;
use crate::run::cluster_id;
use anyhow::{Context, anyhow, bail, ensure};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tombolo_backend_api::{BackendId, Guarded, Mark, Remains, TrashEntry, TrashId, VolumePath};

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
            for (name, guarded) in opened(&client, of).await? {
                for entry in guarded.trash().await? {
                    println!("{}", row(&name, &entry));
                }
            }
            Ok(())
        }
        Trash::Purge { id, of } => {
            let (name, guarded, _) = find(&client, of, id).await?;
            let purged = guarded.purge(id, &()).await?;
            println!(
                "{id} of {name}: {} files and {} directories are gone for ever",
                purged.files, purged.directories
            );
            Ok(())
        }
        Trash::Restore { id, to, of } => {
            let volume = restore(&client, of, id, to).await?;
            println!("{volume} is back and is the volume of claim {to}; Kubernetes binds it in a moment");
            Ok(())
        }
    }
}

fn row(backend: &BackendName, entry: &TrashEntry) -> String {
    let record = entry
        .record
        .clone()
        .and_then(|r| serde_json::from_value::<Discarded>(r).ok());
    let (owner, bytes, at) = match &record {
        Some(r) => (r.owner.key.to_string(), size::format(r.bytes), r.at.to_string()),
        None => ("?".to_owned(), "?".to_owned(), "?".to_owned()),
    };
    let at = match entry.remains {
        Remains::Whole => at,
        Remains::Purging => "being purged".to_owned(),
        Remains::RecordOnly => "a record without a volume".to_owned(),
    };
    format!(
        "{:<16} {:<44} {owner:<32} {bytes:>8}  {at}",
        backend.as_str(),
        entry.id.as_str()
    )
}

async fn opened(client: &Client, of: &TrashOf) -> anyhow::Result<Vec<(BackendName, Guarded)>> {
    let list = Api::<StorageBackend>::all(client.clone())
        .list(&ListParams::default())
        .await?;
    let cluster_id = cluster_id(client).await?;
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
        let driver = backends::open(&object.spec)
            .map_err(|why| anyhow!("StorageBackend {name}: {why}"))?
            .driver;
        found.push((
            name,
            Guarded::new(
                driver,
                Mark {
                    backend_id,
                    cluster_id: cluster_id.clone(),
                },
            ),
        ));
    }
    ensure!(!found.is_empty(), "no StorageBackend is known that has been used");
    Ok(found)
}

async fn find(client: &Client, of: &TrashOf, id: &TrashId) -> anyhow::Result<(BackendName, Guarded, TrashEntry)> {
    for (name, guarded) in opened(client, of).await? {
        if let Some(entry) = guarded.trash().await?.into_iter().find(|entry| entry.id == *id) {
            return Ok((name, guarded, entry));
        }
    }
    bail!("no backend has an entry {id}")
}

/// Brings an entry back under a new path: a controller that was paused in the middle of the old deletion, and wakes up now,
/// finds nothing where it looks.
async fn restore(client: &Client, of: &TrashOf, id: &TrashId, to: &ClaimKey) -> anyhow::Result<String> {
    let (backend, guarded, entry) = find(client, of, id).await?;
    ensure!(entry.remains == Remains::Whole, "{id} is being purged, or gone");
    let record = entry
        .record
        .context("the entry has no record; move its directory by hand")?;
    let record: Discarded = serde_json::from_value(record).context("the entry's record cannot be read")?;
    let cluster = ApiServer::new(client.clone());
    let name = record.volume.pv_name();
    let claim = cluster.claim(to).await?.with_context(|| format!("no claim {to}"))?;
    ensure!(
        !claim.terminating && claim.volume_name.as_ref() == Some(&name),
        "claim {to} must have spec.volumeName: {name}"
    );
    ensure!(
        claim.request.is_some_and(|bytes| bytes <= record.bytes),
        "claim {to} asks for more than {}",
        size::format(record.bytes)
    );
    ensure!(
        cluster.pv(&name).await?.is_none(),
        "PersistentVolume {name} still exists; wait until its deletion has ended"
    );
    let class_name = claim.class.clone().context("the claim has no storageClassName")?;
    let class = Api::<StorageClass>::all(client.clone())
        .get_opt(class_name.as_str())
        .await?;
    let class = class
        .as_ref()
        .and_then(Class::of)
        .context("the claim's StorageClass is not one of Tombolo's")?;
    let parameters = class.parameters.as_ref().ok();
    let path = VolumePath::parse(&format!("{name}.{}", claim.uid)).context("the new path cannot be spelt")?;
    let pv = NewPv {
        name: name.clone(),
        claim: claim.reference(),
        volume: record.volume.clone(),
        backend,
        handle: Handle {
            backend: guarded.mark().backend_id.clone(),
            path: path.clone(),
        },
        class: class_name,
        bytes: record.bytes,
        modes: claim.modes,
        policy: match class.policy {
            ReclaimPolicy::Retain => ReclaimPolicy::Retain,
            ReclaimPolicy::Delete | ReclaimPolicy::Recycle => ReclaimPolicy::Delete,
        },
        mount_options: class.mount_options.clone(),
        access: Access::ReadWrite,
        on_delete: parameters.map_or(OnDelete::Retain, |p| p.on_delete),
        on_owner_delete: parameters.map_or(OnOwnerDelete::Detach, |p| p.on_owner_delete),
        joined: None,
        node_affinity: None,
    };
    // The object first: if this is interrupted, the same command finds the entry still there and goes on.
    match cluster.pv(&name).await? {
        None => {
            let source = guarded.mount(&path, to.namespace.as_str(), false).await?;
            cluster.create_pv(&pv, &source).await?;
        }
        Some(found) => ensure!(
            !found.terminating
                && found
                    .ours
                    .is_some_and(|o| o.handle == pv.handle && o.owner_uid.as_ref() == Some(&claim.uid)),
            "PersistentVolume {name} still exists; wait until its deletion has ended"
        ),
    }
    guarded.restore(id, &path).await?;
    Ok(name.to_string())
}
