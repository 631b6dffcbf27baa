//! A claim is `Lost`: its PersistentVolume was removed by force. Make it again, if that is safe.

use super::context::Context;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::ids::VolumeId;
use crate::execute::{Failure, run};
use crate::observe::work::Work;
use crate::plan::repair::{self, LostMember, LostOwner};

/// Repairs a claim on live evidence, or leaves it as it is.
///
/// # Errors
/// Whatever stopped the plan.
pub async fn repair(ctx: &Context, claim: &Claim) -> Result<(), Failure> {
    let Some(name) = &claim.volume_name else { return Ok(()) };
    let ledger = &ctx.ports.ledger;
    let own = ledger.get(&VolumeId::from(name));
    let Some(record) = own.or_else(|| ledger.joined(name)) else {
        return Ok(());
    };
    let Some(_turn) = ctx.turn(&record.volume, Work::Claim(claim.key.clone())) else {
        return Ok(());
    };
    let still_lost = ctx
        .ports
        .cluster
        .claim(&claim.key)
        .await?
        .filter(|c| c.uid == claim.uid && c.phase == ClaimPhase::Lost);
    let Some(claim) = still_lost.filter(|c| c.volume_name.as_ref() == Some(name) && !c.terminating) else {
        return Ok(());
    };
    if ctx.ports.cluster.pv(name).await?.is_some() {
        return Ok(());
    }
    let actions = if record.volume.pv_name() == *name {
        let backend = ctx.ports.storage.behind(&record.handle).ok_or(Failure::NoBackend)?;
        let data = backend.inspect(&record.handle.path).await?.is_some();
        repair::owner(&LostOwner {
            claim: &claim,
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
