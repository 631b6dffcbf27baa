//! A claim is `Lost`: its PersistentVolume was removed by force. Make it again, if that is safe.

use super::context::Context;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::ids::VolumeId;
use crate::execute::{Failure, run};
use crate::observe::gather;
use crate::observe::work::Work;
use crate::plan::repair::{self, LostMember, LostOwner};

/// Repairs a claim on live evidence, or leaves it as it is.
///
/// # Errors
/// Whatever stopped the plan.
pub async fn repair(ctx: &Context, claim: &Claim) -> Result<(), Failure> {
    let name = claim.uid.pv_name();
    let own = VolumeId::from(&name);
    let ledger = &ctx.ports.ledger;
    let record = match ledger.get(&own) {
        Some(record) => Some(record),
        None => ledger.all().into_iter().find(|r| r.members.contains_key(&name)),
    };
    let Some(record) = record else { return Ok(()) };
    let Some(_turn) = ctx.turn(&record.volume, Work::Claim(claim.key.clone())) else {
        return Ok(());
    };
    let still_lost = ctx
        .ports
        .cluster
        .claim(&claim.key)
        .await?
        .filter(|c| c.uid == claim.uid && c.phase == ClaimPhase::Lost);
    let Some(claim) = still_lost.filter(|c| c.is_bound_to_own() && !c.terminating) else {
        return Ok(());
    };
    if ctx.ports.cluster.pv(&name).await?.is_some() {
        return Ok(());
    }
    let actions = if record.volume == own {
        let backend = ctx.ports.storage.behind(&record.handle).ok_or(Failure::NoBackend)?;
        let data = backend.inspect(&record.handle.path).await?.is_some();
        let class = gather::with(&ctx.caches, |index| {
            claim.class.as_ref().and_then(|name| index.class(name)).cloned()
        });
        repair::owner(&LostOwner {
            claim: &claim,
            class: class.as_deref(),
            record: &record,
            data,
        })
    } else {
        let Some(owner) = ctx.ports.cluster.pv(&record.volume.pv_name()).await? else {
            return Ok(());
        };
        repair::member(&LostMember {
            claim: &claim,
            record: &record,
            owner: &owner,
        })
    };
    run(&actions, &ctx.ports).await
}
