//! Something about a volume changed that people can read in its SharedVolume: written at most once a second (`Work::patience`).

use super::context::{Context, Next};
use crate::domain::hold::Hold;
use crate::domain::ids::{BackendName, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::record::Record;
use crate::execute::Failure;
use crate::observe::consent::Shown;
use crate::observe::gather;
use crate::observe::index::Index;
use crate::observe::work::Work;
use crate::plan::cleanup::{self, Cleanup, ForCleanup};
use crate::plan::consent::Consent;
use crate::plan::shared_volume::{ForSharedVolume, describe};
use std::sync::Arc;

/// Looks at a volume's description.
///
/// # Errors
/// What the API server answers.
pub async fn reconcile(ctx: &Context, volume: &VolumeId) -> Result<Next, Failure> {
    let record = ctx.ports.ledger.get(volume);
    let (wanted, unread) = gather::with(&ctx.caches, |index| {
        let pv = index.pv(&volume.pv_name()).cloned();
        let members: Vec<_> = index
            .members(volume)
            .map(|member| (member.clone(), consent(ctx, index, member)))
            .collect();
        let owner = pv
            .as_ref()
            .and_then(|pv| pv.claim.as_ref())
            .and_then(|c| index.claim(&c.key));
        let holding = owner.is_some_and(|claim| claim.terminating && claim.holds.contains(&Hold::Members));
        let backend = pv.as_ref().and_then(|pv| backend(ctx, pv));
        let cleanup = pv
            .as_ref()
            .map(|pv| cleanup(ctx, index, volume, pv, record.as_deref(), backend.as_ref()));
        let wanted = describe(&ForSharedVolume {
            volume,
            pv: pv.as_deref(),
            members: &members,
            record: record.as_deref(),
            holding,
            cleanup: cleanup.unwrap_or(Cleanup::NotDue),
            backend: backend.as_ref(),
            revokes: backend.as_ref().and_then(|name| revokes(ctx, name)),
        });
        let unread = members.iter().filter(|(_, consent)| consent.is_none());
        let claims = unread.filter_map(|(member, _)| index.claim_by_uid(&member.name.claim_uid()?));
        (
            wanted,
            claims.map(|claim| Work::Claim(claim.key.clone())).collect::<Vec<_>>(),
        )
    });
    // Whoever looks at the claim reads its consent live, and says so here.
    ctx.queue.add_all(unread);
    ctx.publication.shared_volume(volume, wanted.as_ref()).await?;
    Ok(Next::Change)
}

/// How many volumes there are whose data could not be removed.
pub fn stuck(ctx: &Context) -> usize {
    gather::with(&ctx.caches, |index| {
        let ended = index.pvs().filter(|pv| pv.is_owner() && pv.is_let_go());
        let failed = ended.filter(|pv| {
            let volume = VolumeId::from(&pv.name);
            let record = ctx.ports.ledger.get(&volume);
            let backend = backend(ctx, pv);
            let state = cleanup(ctx, index, &volume, pv, record.as_deref(), backend.as_ref());
            matches!(state, Cleanup::Failed(_))
        });
        failed.count()
    })
}

/// A member whose claim has gone is leaving, and keeps what it had until then.
fn consent(ctx: &Context, index: &Index, member: &Arc<Pv>) -> Option<Consent> {
    let claim = member.name.claim_uid().and_then(|uid| index.claim_by_uid(&uid));
    match claim.and_then(|claim| Shown::of(index, claim, member)) {
        Some(shown) => ctx.verdicts.of(&member.name, &shown),
        None => Some(Consent::Given),
    }
}

fn revokes(ctx: &Context, name: &BackendName) -> Option<bool> {
    Some(ctx.roots.get(name)?.driver?.capabilities().revoke)
}

fn backend(ctx: &Context, pv: &Pv) -> Option<BackendName> {
    ctx.roots.name_behind(&pv.ours.as_ref()?.handle)
}

fn cleanup(
    ctx: &Context,
    index: &Index,
    volume: &VolumeId,
    pv: &Pv,
    record: Option<&Record>,
    backend: Option<&BackendName>,
) -> Cleanup {
    let twins = pv.ours.as_ref().map_or(0, |ours| index.owners_of(&ours.handle).count()) > 1;
    let recorded = record.map(|r| r.owner.uid.clone());
    let mut claims = pv
        .claim_uids()
        .into_iter()
        .chain(recorded)
        .filter_map(|uid| index.claim_by_uid(&uid));
    cleanup::state(&ForCleanup {
        pv,
        record,
        backend,
        twins,
        used: claims.any(|claim| !claim.is_bound_elsewhere(&pv.name)),
        members: index.members(volume).count(),
        failed_attempts: ctx.retries.of(&Work::Volume(volume.clone())),
    })
}

#[cfg(test)]
mod tests;
