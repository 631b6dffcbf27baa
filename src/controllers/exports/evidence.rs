//! Who uses an export, and whether consent stands, read live directly before its access is changed.

use super::Look;
use crate::domain::pv::Pv;
use crate::execute::Failure;
use crate::observe::consent::{Shown, live_consent_of};
use crate::observe::gather;
use crate::observe::work::Work;
use crate::plan::exports::{self, Member, User};
use std::sync::Arc;

impl Look<'_> {
    /// The users of an export: of those on whose consent its access rests, object and consent read live. With `there`, `None` if not
    /// one of their objects is there any more.
    pub(super) async fn read_live(&self, users: &[User], there: bool) -> Result<Option<Vec<User>>, Failure> {
        let cluster = &*self.ctx.ports.cluster;
        let (mut live, mut found) = (Vec::new(), !there);
        for user in users {
            match user {
                User::Member(member) if exports::may_lose(member, self.terms) => {
                    // What is written on it counts, and caches may lag. One that is gone needs nothing.
                    let Some(pv) = cluster.pv(&member.pv.name).await? else {
                        continue;
                    };
                    found |= !pv.terminating;
                    live.push(User::Member(self.read_consent(member, pv).await?));
                }
                User::Member(Member { pv, .. }) | User::Owner(pv) => {
                    if !found {
                        found = cluster.pv(&pv.name).await?.is_some_and(|pv| !pv.terminating);
                    }
                    live.push(user.clone());
                }
                User::Unseen => live.push(User::Unseen),
            }
        }
        Ok(found.then_some(live))
    }

    async fn read_consent(&self, member: &Member, pv: Pv) -> Result<Member, Failure> {
        let (ctx, pv) = (self.ctx, Arc::new(pv));
        let key = member.claim.as_ref().map(|claim| &claim.key);
        let shown = gather::with(&ctx.caches, |index| {
            let claim = index.claim(key?).cloned()?;
            let shown = Shown::of(index, &claim, &pv)?;
            Some((claim, shown))
        });
        let mut consent = None;
        if let Some((claim, shown)) = shown {
            consent = live_consent_of(&ctx.caches, &*ctx.ports.cluster, &claim, &pv).await?;
            if let Some(read) = consent
                && ctx.verdicts.note(&pv.name, shown, read)
            {
                let volume = gather::with(&ctx.caches, |index| index.volume_of(&pv));
                ctx.queue.add_all(volume.map(Work::SharedVolume));
            }
        }
        Ok(Member {
            pv,
            consent,
            ..member.clone()
        })
    }
}
