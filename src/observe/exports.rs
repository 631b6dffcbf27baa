//! Who needs which ways to the data of a backend, as caches and ledger know; and since when nobody has needed one.

use super::consent::Shown;
use super::index::Index;
use super::verdicts::Verdicts;
use crate::domain::ids::{BackendName, ClaimRef, Namespace};
use crate::domain::pv::Pv;
use crate::domain::record::Record;
use crate::domain::token::{Note, TokenKind};
use crate::ledger::Ledger;
use crate::plan::copy;
use crate::plan::exports::{Member, User};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tombolo_backend_api::{Access, BackendId, ExportKey, Tenant, VolumePath};

/// Who needs which.
#[derive(Debug, Clone, Default)]
pub struct Users {
    /// By export.
    pub known: BTreeMap<ExportKey, Vec<User>>,
    /// Volumes of which somebody needs one, and nobody can tell which.
    pub doubtful: BTreeSet<VolumePath>,
}

impl Users {
    /// Of one backend, whose root has this id.
    pub fn of(index: &Index, ledger: &dyn Ledger, verdicts: &Verdicts, id: &BackendId) -> Self {
        let mut users = Self::default();
        for pv in index.pvs().filter(|pv| is_on(pv, id)) {
            match pv.export() {
                Some(export) => users.add(export, user(index, verdicts, pv)),
                None => users.doubt(pv),
            }
            users.joining(pv);
        }
        for record in ledger.all().iter().filter(|r| r.handle.backend == *id) {
            users.recorded(index, record);
        }
        users
    }

    /// Of one volume, as read live: its owner's object and those of its members.
    pub fn live<'a>(owner: Option<&'a Pv>, members: impl IntoIterator<Item = &'a Pv>) -> Self {
        let mut users = Self::default();
        for pv in owner.into_iter().chain(members) {
            match pv.export() {
                Some(export) => users.add(export, User::Unseen),
                None => users.doubt(pv),
            }
            users.joining(pv);
        }
        users
    }

    /// Whether somebody may need an export.
    pub fn need(&self, export: &ExportKey) -> bool {
        self.known.contains_key(export) || self.doubtful.contains(&export.path)
    }

    fn add(&mut self, export: ExportKey, user: User) {
        self.known.entry(export).or_default().push(user);
    }

    fn doubt(&mut self, pv: &Pv) {
        self.doubtful
            .extend(pv.ours.as_ref().map(|ours| ours.handle.path.clone()));
    }

    /// Those whose token is on the volume: members to be, and whoever is to mount a copy of it. No copy needs one to read its source.
    fn joining(&mut self, pv: &Pv) {
        let Some(ours) = &pv.ours else { return };
        for (token, note) in &pv.tokens {
            let (path, known) = match token.kind {
                TokenKind::Joining => (
                    Some(ours.handle.path.clone()),
                    note.as_ref()
                        .and_then(Note::join)
                        .map(|note| (&note.claim.namespace, note.access)),
                ),
                TokenKind::Copying => (
                    copy::handle(&ours.handle.backend, token).map(|handle| handle.path),
                    note.as_ref()
                        .and_then(Note::copy)
                        .map(|note| (&note.claim.namespace, Access::ReadWrite)),
                ),
            };
            // A token of no claim's UID: no copy lies anywhere.
            let Some(path) = path else { continue };
            match known.and_then(|(namespace, access)| export(&path, namespace, access)) {
                Some(export) => self.add(export, User::Unseen),
                None => {
                    self.doubtful.insert(path);
                }
            }
        }
    }

    /// Whoever is recorded and has no object: it is about to be made, or was removed by force and pods run on.
    fn recorded(&mut self, index: &Index, record: &Record) {
        let path = &record.handle.path;
        let owner = (&record.volume.pv_name(), &record.owner.key.namespace, Access::ReadWrite);
        let members = record
            .members
            .iter()
            .map(|(pv, m)| (pv, &m.claim.key.namespace, m.access));
        let absent: Vec<_> = std::iter::once((owner.0.clone(), owner.1, owner.2))
            .chain(members.map(|(pv, namespace, access)| (pv.clone(), namespace, access)))
            .filter(|(pv, ..)| index.pv(pv).is_none())
            .collect();
        for (_, namespace, access) in absent {
            if let Some(export) = export(path, namespace, access) {
                self.add(export, User::Unseen);
            }
        }
    }
}

fn export(path: &VolumePath, namespace: &Namespace, access: Access) -> Option<ExportKey> {
    Some(ExportKey {
        path: path.clone(),
        tenant: Tenant::parse(namespace.as_str()).ok()?,
        access,
    })
}

fn is_on(pv: &Pv, id: &BackendId) -> bool {
    pv.ours.as_ref().is_some_and(|ours| ours.handle.backend == *id)
}

fn user(index: &Index, verdicts: &Verdicts, pv: &Arc<Pv>) -> User {
    if !pv.is_member() {
        return User::Owner(pv.clone());
    }
    let uid = pv.name.claim_uid();
    let claim = uid.as_ref().and_then(|uid| index.claim_by_uid(uid));
    let shown = claim.and_then(|claim| Shown::of(index, claim, pv));
    User::Member(Member {
        pv: pv.clone(),
        claim: claim.map(|claim| ClaimRef {
            key: claim.key.clone(),
            uid: claim.uid.clone(),
        }),
        consent: shown.and_then(|shown| verdicts.of(&pv.name, &shown)),
        age: verdicts.age(&pv.name),
    })
}

/// Exports that nobody seems to need, and since when.
#[derive(Default)]
pub struct Idle(Mutex<HashMap<BackendName, HashMap<ExportKey, Instant>>>);

impl Idle {
    /// The backend on which an export of this volume is idle: whoever joins it may get just that one, as it was left.
    pub fn at(&self, path: &VolumePath) -> Option<BackendName> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |idle: &HashMap<ExportKey, Instant>| idle.keys().any(|export| export.path == *path);
        all.iter().find(|(_, idle)| of(idle)).map(|(name, _)| name.clone())
    }

    /// These are the ones of a backend now. Answers which have been that for so long, and when the next one will have.
    pub fn longer_than(
        &self,
        long: Duration,
        backend: &BackendName,
        now: Vec<ExportKey>,
    ) -> (Vec<ExportKey>, Option<Duration>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.remove(backend).unwrap_or_default();
        let since = |export: &ExportKey| before.get(export).copied().unwrap_or_else(Instant::now);
        let idle: HashMap<ExportKey, Instant> =
            now.into_iter().map(|export| (export.clone(), since(&export))).collect();
        let (mut ripe, mut next) = (Vec::new(), None::<Duration>);
        for (export, since) in &idle {
            match long.saturating_sub(since.elapsed()) {
                Duration::ZERO => ripe.push(export.clone()),
                wait => next = Some(next.map_or(wait, |first| first.min(wait))),
            }
        }
        ripe.sort();
        all.insert(backend.clone(), idle);
        (ripe, next)
    }
}

#[cfg(test)]
mod tests;
