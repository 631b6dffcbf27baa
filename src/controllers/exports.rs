//! A backend's exports: each lets through what its users' consent allows, none that is needed is missing, none that nobody needs is
//! left. What there is is read from the backend each time; nothing of it is remembered here.
//!
//! Access is taken on evidence that is old enough, read live once more directly before, and not while an admin has to look first. It
//! is given back at once, on a live read too. One volume's turn is held for each change.

mod evidence;

use super::DEADLINE;
use super::context::{Context, Next};
use crate::domain::ids::{BackendName, Handle, VolumeId};
use crate::execute::{Failure, run};
use crate::metrics::labels::ExportChange;
use crate::observe::exports::Users;
use crate::observe::gather;
use crate::observe::roots::{Root, RootState};
use crate::observe::work::Work;
use crate::plan::Action;
use crate::plan::exports::{self, Change, ForExports, Outlook, Terms, User};
use crate::plan::revocation::{self, ForRevocation};
use std::collections::BTreeMap;
use std::time::Duration;
use tombolo_backend_api::{Admission, BackendId, ExportKey, Guarded};

/// How long an export that nobody needs is left: whatever another controller had under way has ended by then. A deposed one may have
/// made the export, and be about to make the object that needs it.
const IDLE: Duration = DEADLINE;

/// One look.
struct Look<'a> {
    ctx: &'a Context,
    name: &'a BackendName,
    id: BackendId,
    terms: Terms,
}

/// Looks at a backend's exports.
///
/// # Errors
/// What the backend answers to the list; else the last of whatever stopped single changes, none of which stops the others.
pub async fn reconcile(ctx: &Context, name: &BackendName) -> Result<Next, Failure> {
    let Some(root) = ctx.roots.get(name) else {
        return Ok(Next::Change);
    };
    let RootState::Ready(guarded) = &root.state else {
        return Ok(Next::Change);
    };
    if !are_on(guarded) {
        return Ok(Next::Change);
    }
    // First: a join makes its export between its token and its object, so whoever needs one that is listed is seen afterwards.
    let found = listed(guarded).await?;
    let look = Look {
        ctx,
        name,
        id: guarded.mark().backend_id.clone(),
        terms: Terms {
            revokes: guarded.capabilities().revoke,
            grace: ctx.revoke_grace,
        },
    };
    let users = look.users();
    let seen = ForExports {
        found: &found,
        users: &users.known,
        terms: look.terms,
    };
    let outlook = exports::decide(&seen);
    let mut failed = None;
    for change in outlook.wider.iter().chain(&outlook.missing) {
        failed = look.change(change, &users).await.err().or(failed);
    }
    failed = look.narrow(&root, &seen, &outlook, &users).await.err().or(failed);
    let unneeded = outlook.unneeded.into_iter().filter(|export| !users.need(export));
    let (idle, next) = ctx.idle_exports.longer_than(IDLE, name, unneeded.collect());
    for export in &idle {
        failed = look.release(export).await.err().or(failed);
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(outlook
            .again
            .into_iter()
            .chain(next)
            .min()
            .map_or(Next::Change, Next::After)),
    }
}

/// Whether ways to data are something on a backend's server, and can be listed.
pub fn are_on(guarded: &Guarded) -> bool {
    let can = guarded.capabilities();
    can.share && can.has_exports()
}

async fn listed(guarded: &Guarded) -> Result<BTreeMap<ExportKey, Admission>, Failure> {
    let all = guarded.exports().await?;
    Ok(all
        .into_iter()
        .map(|exported| (exported.key, exported.admission))
        .collect())
}

impl Look<'_> {
    fn users(&self) -> Users {
        let ctx = self.ctx;
        gather::with(&ctx.caches, |index| {
            Users::of(index, &*ctx.ports.ledger, &ctx.verdicts, &self.id)
        })
    }

    fn handle(&self, export: &ExportKey) -> Handle {
        Handle {
            backend: self.id.clone(),
            path: export.path.clone(),
        }
    }

    fn volume(&self, export: &ExportKey) -> VolumeId {
        let handle = self.handle(export);
        let known = gather::with(&self.ctx.caches, |index| index.owners_of(&handle).next().cloned());
        known.unwrap_or_else(|| VolumeId::new(export.path.as_str()))
    }

    /// Changes one export, if a live read says the same of its users.
    async fn change(&self, change: &Change, users: &Users) -> Result<(), Failure> {
        let Some(_turn) = self
            .ctx
            .turn(&self.volume(&change.export), Work::Exports(self.name.clone()))
        else {
            return Ok(());
        };
        let Some(users) = users.known.get(&change.export) else {
            return Ok(());
        };
        let Some(users) = self.read_live(users, change.from.is_none()).await? else {
            return Ok(());
        };
        let again = exports::change(&change.export, &users, change.from, self.terms);
        if again != *change {
            // Whoever reads that consent anew says so, and it is looked at again.
            return Ok(());
        }
        let actions = exports::actions(&again, &users, &self.id, self.ctx.ports.clock.now());
        let done = run(&actions, &self.ctx.ports).await;
        if actions
            .iter()
            .any(|a| matches!(a, Action::Admit { .. } | Action::MakeExport { .. }))
            && done.is_ok()
        {
            let what = kind(&again);
            tracing::info!(backend = %self.name, export = %again.export, ?what, "the access of an export was changed");
            self.ctx.metrics.export_changed(self.name, what);
        }
        done
    }

    /// Narrows what is to be narrowed, unless so much of that is new that a person has to look first.
    async fn narrow(
        &self,
        root: &Root,
        seen: &ForExports<'_>,
        outlook: &Outlook,
        users: &Users,
    ) -> Result<(), Failure> {
        let is_news = |change: &&Change| exports::is_news(change, &users.known);
        let (new, decided): (Vec<_>, Vec<_>) = outlook.narrower.iter().partition(is_news);
        let mut failed = None;
        for change in decided {
            failed = self.change(change, users).await.err().or(failed);
        }
        if (!new.is_empty() || root.paused) && self.may(seen, outlook).await? {
            for change in new {
                failed = self.change(change, users).await.err().or(failed);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Whether so much may be cut; a pause is written down before anything is.
    async fn may(&self, seen: &ForExports<'_>, outlook: &Outlook) -> Result<bool, Failure> {
        let Some(read) = self.ctx.revocations.read(self.name).await? else {
            return Ok(false);
        };
        let members = seen
            .users
            .values()
            .flatten()
            .filter(|user| matches!(user, User::Member(_)));
        let now = self.ctx.ports.clock.now();
        let fresh = uuid::Uuid::new_v4().simple().to_string();
        let ruling = revocation::decide(&ForRevocation {
            before: &read.status,
            word: read.word.as_deref(),
            losses: &exports::losses(seen, outlook, now),
            unsure: exports::unsure(seen.users, self.terms),
            of: u64::try_from(members.count()).unwrap_or(u64::MAX),
            fresh: fresh.get(..8).unwrap_or(&fresh),
            now,
        });
        if ruling.status != read.status {
            let said = revocation::statement(self.name.as_str(), &ruling.status);
            let revocations = &self.ctx.revocations;
            revocations
                .remember(self.name, &read, ruling.status.clone(), said)
                .await?;
        }
        if let Some(pause) = ruling.status.paused.as_ref().filter(|_| !ruling.go) {
            tracing::warn!(backend = %self.name, id = %pause.id, "so many consents ended at once that cutting waits for an admin");
        }
        self.ctx.metrics.cuts_paused(self.name, !ruling.go);
        Ok(ruling.go)
    }

    /// Removes an export that was not needed for long enough, if a live read says the same.
    async fn release(&self, export: &ExportKey) -> Result<(), Failure> {
        let (volume, cluster) = (self.volume(export), &*self.ctx.ports.cluster);
        let Some(_turn) = self.ctx.turn(&volume, Work::Exports(self.name.clone())) else {
            return Ok(());
        };
        let (owner, members) = (cluster.pv(&volume.pv_name()).await?, cluster.members(&volume).await?);
        if Users::live(owner.as_ref(), &members).need(export) || self.users().need(export) {
            return Ok(());
        }
        let release = Action::Release {
            handle: self.handle(export),
            export: export.clone(),
        };
        run(&[release], &self.ctx.ports).await?;
        tracing::info!(backend = %self.name, %export, "an export that nobody needs was removed");
        self.ctx.metrics.export_changed(self.name, ExportChange::Released);
        Ok(())
    }
}

fn kind(change: &Change) -> ExportChange {
    match (change.from, change.to) {
        (None, _) => ExportChange::Made,
        (Some(_), Admission::Full) => ExportChange::Restored,
        (Some(from), to) if to > from => ExportChange::Restored,
        (Some(_), Admission::ReadOnly) => ExportChange::ReadOnly,
        (Some(_), _) => ExportChange::Cut,
    }
}

#[cfg(test)]
mod tests;
