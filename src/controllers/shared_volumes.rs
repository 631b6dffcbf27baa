//! Something about a volume changed that people can read in its SharedVolume: written at most once a second (`Work::patience`).

use super::context::{Context, Next};
use crate::domain::ids::VolumeId;
use crate::execute::Failure;
use crate::observe::consent::consent_of;
use crate::observe::gather;
use crate::observe::work::Work;
use crate::plan::consent::Consent;
use crate::plan::shared_volume::{ForSharedVolume, describe};

/// Looks at a volume's description.
///
/// # Errors
/// What the API server answers.
pub async fn reconcile(ctx: &Context, volume: &VolumeId) -> Result<Next, Failure> {
    let record = ctx.ports.ledger.get(volume);
    let failed_attempts = ctx.retries.of(&Work::Volume(volume.clone()));
    let wanted = gather::with(&ctx.caches, |index| {
        let pv = index.pv(&volume.pv_name()).cloned();
        let members: Vec<_> = index
            .members(volume)
            .map(|member| {
                let claim = member.name.claim_uid().and_then(|uid| index.claim_by_uid(&uid));
                let consent = claim.and_then(|claim| consent_of(index, claim, member));
                (member.clone(), consent.unwrap_or(Consent::Given))
            })
            .collect();
        let owner = pv
            .as_ref()
            .and_then(|pv| pv.claim.as_ref())
            .and_then(|c| index.claim(&c.key));
        let holding = owner.is_some_and(|claim| claim.terminating && claim.held);
        describe(&ForSharedVolume {
            volume,
            pv: pv.as_deref(),
            members: &members,
            record: record.as_deref(),
            holding,
            failed_attempts,
        })
    });
    ctx.publication.shared_volume(volume, wanted.as_ref()).await?;
    Ok(Next::Change)
}
