//! `tombolo reclaim`: give a volume whose owner has gone to a claim that waits for it.
//!
//! One patch on the PersistentVolume; the controller sees it and records the new owner. Members stay, with the consent they had.

use crate::cli::{Common, ReclaimArgs};
use crate::execute::api_server::ApiServer;
use crate::execute::cluster::Cluster;
use crate::plan::reclaim::decide;
use anyhow::{Context, anyhow};
use kube::Client;

/// Gives a volume to a claim.
///
/// # Errors
/// If the two do not fit, or the API server refuses.
#[expect(clippy::print_stdout, reason = "what the command is for")]
pub async fn reclaim(common: &Common, args: &ReclaimArgs) -> anyhow::Result<()> {
    let cluster = ApiServer::new(Client::try_from(common.kube_config().await?)?);
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
    Ok(())
}
