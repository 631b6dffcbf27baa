//! A claim is `Lost`: its PersistentVolume was removed by force. Make it again if that is safe, or say why not.

use super::context::Context;
use crate::domain::access::OnRevoke;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::consent::Grants;
use crate::domain::ids::VolumeId;
use crate::execute::{Failure, run};
use crate::observe::work::Work;
use crate::plan::repair::{self, LostMember, LostOwner};

/// Repairs a claim on live evidence, or says why that cannot be done. `ours`: whether its class is one of ours; a claim without that, of
/// which the ledger knows nothing, is none of our business.
///
/// # Errors
/// Whatever stopped the plan.
pub async fn repair(ctx: &Context, claim: &Claim, ours: bool) -> Result<(), Failure> {
    let Some(name) = &claim.volume_name else { return Ok(()) };
    let own = VolumeId::from(name);
    let record = ctx.ports.ledger.get(&own).or_else(|| ctx.ports.ledger.joined(name));
    if record.is_none() && !ours {
        return Ok(());
    }
    let volume = record.as_ref().map_or(&own, |record| &record.volume);
    let Some(_turn) = ctx.turn(volume, Work::Claim(claim.key.clone())) else {
        return Ok(());
    };
    let cluster = &ctx.ports.cluster;
    let still_lost = cluster
        .claim(&claim.key)
        .await?
        .filter(|c| c.uid == claim.uid && c.phase == ClaimPhase::Lost);
    let Some(claim) = still_lost.filter(|c| c.volume_name.as_ref() == Some(name) && !c.terminating) else {
        return Ok(());
    };
    let actions = match (cluster.pv(name).await?, &record) {
        (Some(pv), _) => repair::taken(&claim, &pv),
        (None, None) => repair::forgotten(&claim),
        (None, Some(record)) if record.volume == own => {
            let backend = ctx.ports.storage.behind(&record.handle).ok_or(Failure::NoBackend)?;
            let data = backend.inspect(&record.handle.path).await?;
            repair::owner(&LostOwner {
                claim: &claim,
                record,
                data: data.is_some(),
                limit: data.and_then(|found| found.enforced_bytes),
            })
        }
        (None, Some(record)) => {
            let owner = cluster.pv(&record.volume.pv_name()).await?;
            let source = cluster
                .claim(&record.owner.key)
                .await?
                .filter(|c| c.uid == record.owner.uid);
            repair::member(&LostMember {
                claim: &claim,
                record,
                owner: owner.as_ref(),
                on_revoke: source.map_or(OnRevoke::Keep, |c| Grants::of(&c.annotations).on_revoke),
            })
        }
    };
    run(&actions, &ctx.ports).await
}
