//! `tombolo reclaim`: give a volume whose owner has gone to a claim that waits for it.
//!
//! One patch on the PersistentVolume; the controller sees it and records the new owner. Members stay, with the consent they had.

use crate::cli::{Common, ReclaimArgs};
use crate::domain::class::Class;
use crate::execute::api_server::ApiServer;
use crate::execute::cluster::Cluster;
use crate::plan::reclaim::decide;
use crate::plan::restore::remark;
use anyhow::{Context, anyhow};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::{Api, Client};

/// Gives a volume to a claim.
///
/// # Errors
/// If the two do not fit, or the API server refuses.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub async fn reclaim(common: &Common, args: &ReclaimArgs) -> anyhow::Result<()> {
    let client = Client::try_from(common.kube_config().await?)?;
    let cluster = ApiServer::new(client.clone());
    let name = args.volume.pv_name();
    let pv = cluster
        .pv(&name)
        .await?
        .with_context(|| format!("no PersistentVolume {name}"))?;
    let claim = cluster
        .claim(&args.to)
        .await?
        .with_context(|| format!("no claim {}", args.to))?;
    let mut old_owner_lives = false;
    if let Some(bound) = &pv.claim {
        let found = cluster.claim(&bound.key).await?;
        old_owner_lives = found
            .is_some_and(|c| c.uid != claim.uid && pv.claim_uids().contains(&c.uid) && !c.is_bound_elsewhere(&name));
    }
    let gift = decide(&pv, &claim, old_owner_lives).map_err(|why| anyhow!(why))?;
    cluster.give(&gift).await?;
    println!(
        "{name} is now the volume of claim {}; Kubernetes binds it in a moment",
        args.to
    );
    let class = match &claim.class {
        // Only for what is said: it is done, whether or not that may be read.
        Some(name) => Api::<StorageClass>::all(client)
            .get_opt(name.as_str())
            .await
            .ok()
            .flatten(),
        None => None,
    };
    if let Some(remark) = class
        .as_ref()
        .and_then(Class::of)
        .and_then(|class| remark(pv.mount, &class))
    {
        println!("{remark}");
    }
    Ok(())
}
