//! What must be true after every step, whoever crashed or slept, and what must be true when nothing moves any more.

mod snapshots;

use crate::leader::Outside;
use crate::world::World;
use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tombolo::domain::access::OnDelete;
use tombolo::domain::claim::{Claim, ClaimPhase};
use tombolo::domain::consent::Grants;
use tombolo::domain::ids::{ClaimUid, Namespace, PvName};
use tombolo::domain::pv::{Pv, ReclaimPolicy, Role};
use tombolo::domain::record::Record;
use tombolo::domain::source::DataSource;
use tombolo::domain::token::TokenKind;
use tombolo::plan::action::Told;
use tombolo::plan::{Subject, rebuild};
use tombolo_backend_api::{Admission, Backend};

/// What has been seen so far.
#[derive(Default)]
pub struct History {
    /// Paths onto which a pod has written, with the UID of the claim that it ran on.
    written: BTreeSet<String>,
    /// Claims that have been bound to a volume, by its path.
    users: BTreeMap<ClaimUid, String>,
    /// Source claims and the namespaces to which owner and admin have both agreed at some time.
    consented: BTreeSet<(ClaimUid, Namespace)>,
    /// Namespaces that have lost consent at some time, by a live owner's word or an admin's.
    ended: BTreeSet<Namespace>,
    /// PersistentVolumes that somebody removed by force.
    forced: BTreeSet<PvName>,
    /// PersistentVolumes that somebody made free for any claim.
    freed: BTreeSet<PvName>,
    /// PersistentVolumes whose policy or class has ever said that nobody deletes the data.
    kept: BTreeSet<PvName>,
    /// What has been seen of snapshots.
    shelved: snapshots::Shelved,
    seen: u64,
}

fn data(path: &str) -> String {
    format!("{path}/bytes")
}

impl History {
    pub fn force_removed(&mut self, pv: &PvName) {
        self.forced.insert(pv.clone());
    }

    pub fn freed(&mut self, pv: &PvName) {
        self.freed.insert(pv.clone());
    }

    pub fn was_forced(&self, pv: &PvName) -> bool {
        self.forced.contains(pv)
    }

    pub fn kept(&self, pv: &PvName) -> bool {
        self.kept.contains(pv)
    }

    /// Whether a claim was ever bound to what was made from a snapshot.
    pub fn restored(&self) -> bool {
        self.shelved.restored()
    }

    /// Writes down who agrees now.
    pub fn consent(&mut self, out: &Outside) {
        let store = out.cluster.store();
        for claim in store.all_claims() {
            let grants = Grants::of(&claim.annotations);
            for reference in store.references.values().filter(|r| r.names(&claim.key)) {
                let namespace = &reference.key.namespace;
                if grants.to(namespace, &Default::default()).is_some() {
                    self.consented.insert((claim.uid.clone(), namespace.clone()));
                }
            }
        }
        for (uid, namespace) in &self.consented {
            let owner = store.all_claims().into_iter().find(|claim| claim.uid == *uid);
            let granted = owner.map(|o| Grants::of(&o.annotations).to(namespace, &Default::default()));
            let silent = granted == Some(None);
            let unreferenced = store.references.values().all(|r| r.key.namespace != *namespace);
            if silent || unreferenced {
                self.ended.insert(namespace.clone());
            }
        }
    }

    /// Looks at the world after a step.
    ///
    /// # Panics
    /// If a promise is broken.
    pub fn look(&mut self, out: &Outside) {
        let (pvs, claims, version) = {
            let store = out.cluster.store();
            if store.version() == self.seen && self.intact(out) {
                return;
            }
            (store.all_pvs(), store.all_claims(), store.version())
        };
        self.seen = version;
        // Before anybody writes to what was made from one.
        self.shelved.look(out, &pvs, &claims);
        self.pods(out, &pvs, &claims);
        self.data_waits_for_its_copies(out, &pvs);
        self.data_outlives_its_users(out, &pvs, &claims);
        self.members_came_by_consent(&pvs);
        self.owners_outlive_members(&pvs, &claims);
        self.access_is_taken_from_those_who_lost_consent(out);
        promises_cover_what_is_enforced(out, &pvs);
    }

    /// Whoever agreed all the time has all the time what they agreed to.
    fn access_is_taken_from_those_who_lost_consent(&self, out: &Outside) {
        for (key, admission) in out.exports() {
            assert!(
                admission == Admission::Full || self.ended.iter().any(|n| n.as_str() == key.tenant.as_str()),
                "{key} lets through {admission:?}, and consent never ended"
            );
        }
    }

    fn intact(&self, out: &Outside) -> bool {
        self.written.iter().all(|path| out.fake.read(&data(path)).is_some()) && self.shelved.intact(out)
    }

    /// A pod runs on every bound claim of an owner, and writes.
    fn pods(&mut self, out: &Outside, pvs: &[Arc<Pv>], claims: &[Arc<Claim>]) {
        for pv in pvs {
            let Some(ours) = &pv.ours else { continue };
            if pv.policy == ReclaimPolicy::Retain || ours.on_delete == OnDelete::Retain {
                self.kept.insert(pv.name.clone());
            }
            for claim in claims.iter().filter(|c| c.phase == ClaimPhase::Bound && uses(c, pv)) {
                let path = ours.handle.path.to_string();
                if let DataSource::Object(source) = &claim.source
                    && claim.is_bound_to_own()
                    && !self.written.contains(&path)
                {
                    let made = out.fake.read(&data(&path));
                    assert!(
                        made.is_some(),
                        "{} asked for a copy of {source:?} and got an empty volume",
                        claim.key
                    );
                }
                if ours.role == Role::Owner && self.written.insert(path.clone()) {
                    assert!(
                        out.fake.tree().mode(&path).is_some(),
                        "{} is bound to a directory that is not there",
                        claim.key
                    );
                    out.fake.write(&data(&path), claim.uid.as_str());
                }
                self.users.insert(claim.uid.clone(), path);
            }
        }
    }

    /// The data under the token of a copy stays, whatever happens to whoever had it.
    fn data_waits_for_its_copies(&self, out: &Outside, pvs: &[Arc<Pv>]) {
        let copied = pvs
            .iter()
            .filter(|pv| pv.tokens.keys().any(|t| t.kind == TokenKind::Copying));
        for path in copied.filter_map(|pv| Some(pv.ours.as_ref()?.handle.path.to_string())) {
            let gone = self.written.contains(&path) && out.fake.read(&data(&path)).is_none();
            assert!(!gone, "the data of {path} is gone while it is being copied");
        }
    }

    /// Promises 1 and 5: no data is gone that a live claim has, or can get.
    fn data_outlives_its_users(&self, out: &Outside, pvs: &[Arc<Pv>], claims: &[Arc<Claim>]) {
        for path in self.written.iter().filter(|path| out.fake.read(&data(path)).is_none()) {
            let on_it = pvs
                .iter()
                .filter(|pv| pv.ours.as_ref().is_some_and(|o| o.handle.path.as_str() == path));
            for pv in on_it {
                let user = claims
                    .iter()
                    .find(|claim| pv.claim_uids().contains(&claim.uid) && can_use(claim, pv));
                assert!(
                    user.is_none(),
                    "the data of {path} is gone, and {} can use {}",
                    user.unwrap().key,
                    pv.name
                );
            }
            // Also where the object was removed by force. Whoever merely got hold of a free volume counts only while it exists. Where an
            // admin did both, removed a member's object by force and cleared the claimRef of the owner's, nothing but the ledger of one
            // of the two controllers ties that claim to this volume any more, and the other cannot know.
            if self.freed.contains(&PvName::new(path.clone())) {
                continue;
            }
            let invited = |c: &Claim| self.users.get(&c.uid) == Some(path) && c.is_bound_to_own();
            let pods = claims.iter().find(|c| invited(c) && c.phase != ClaimPhase::Pending);
            assert!(
                pods.is_none(),
                "the data of {path} is gone under the pods of {}",
                pods.unwrap().key
            );
        }
    }

    /// Promise 2: nobody is in a volume without the owner's and the admin's consent, by UID.
    fn members_came_by_consent(&self, pvs: &[Arc<Pv>]) {
        for pv in pvs {
            let Some(Role::Member(joined)) = pv.ours.as_ref().map(|o| &o.role) else {
                continue;
            };
            let Some(claim) = &pv.claim else { continue };
            // kube-controller-manager gives a free volume to whoever fits it, at once; that is no join, and the controller takes it away.
            if self.freed.contains(&pv.name) && claim.uid != pv.name.claim_uid() {
                continue;
            }
            let agreed = self
                .consented
                .contains(&(joined.source_uid.clone(), claim.key.namespace.clone()));
            assert!(
                agreed,
                "{} is a member of what nobody shared with its namespace",
                claim.key
            );
        }
    }

    /// A volume with a member has its own object too, unless somebody removed that by force.
    fn owners_outlive_members(&self, pvs: &[Arc<Pv>], claims: &[Arc<Claim>]) {
        for pv in pvs.iter().filter(|pv| pv.is_member()) {
            let Some(volume) = pv.volume() else { continue };
            let owner = pvs.iter().any(|o| o.name == volume.pv_name());
            let used = claims.iter().any(|c| uses(c, pv));
            assert!(
                owner || !used || self.forced.contains(&volume.pv_name()),
                "{volume} is gone under {}",
                pv.name
            );
        }
    }
}

/// Bytes that a volume may hold, as its backend enforces it.
fn limit(out: &Outside, pv: &Pv) -> Option<u64> {
    let path = &pv.ours.as_ref()?.handle.path;
    out.fake.inspect(path).now_or_never()?.ok()??.enforced_bytes
}

/// From the objects a lost ledger is made again, so they must promise no less than the backend was told.
fn promises_cover_what_is_enforced(out: &Outside, pvs: &[Arc<Pv>]) {
    for pv in pvs.iter().filter(|pv| pv.is_owner()) {
        let limit = limit(out, pv).unwrap_or_default();
        assert!(
            limit <= pv.promised(),
            "{} promises {}, and the backend was told {limit}",
            pv.name,
            pv.promised()
        );
    }
}

/// Whether a claim is bound to a volume, or waits for it.
fn uses(claim: &Claim, pv: &Pv) -> bool {
    pv.claim_uids().contains(&claim.uid) && claim.volume_name.as_ref() == Some(&pv.name)
}

fn can_use(claim: &Claim, pv: &Pv) -> bool {
    claim.volume_name.as_ref().is_none_or(|name| *name == pv.name)
}

impl World {
    /// Checks the end.
    ///
    /// # Panics
    /// If something was left behind, the ledger is wrong, or a claim does not know why it waits.
    pub fn check_end(&self) {
        let (pvs, claims) = {
            let store = self.out.cluster.store();
            (store.all_pvs(), store.all_claims())
        };
        for pv in &pvs {
            // Its claimRef was cleared, and its record lost besides: nobody knows whose volume it is, and the promise stands until an
            // admin says so.
            let nobodys = pv.claim.is_none() && self.leaders[0].ctx.ports.ledger.get(&(&pv.name).into()).is_none();
            assert!(
                pv.tokens.is_empty() || nobodys,
                "{} has a token left, {:?}",
                pv.name,
                self.script
            );
        }
        self.nothing_leaked(&pvs);
        self.snapshots_are_what_is_said(&claims);
        self.exports_are_those_that_are_needed(&pvs);
        self.people_know_of_their_access(&pvs);
        self.the_ledger_agrees(&pvs);
        for claim in claims.iter().filter(|c| c.is_unbound()) {
            let told = self.out.told.lock().unwrap();
            let why = |a: &&tombolo::plan::Announcement| {
                a.subject == Subject::Claim(claim.reference()) && matches!(a.reason, Told::Refused(_))
            };
            assert!(
                told.iter().any(|a| why(&a)),
                "{} waits and was not told why, {:?}",
                claim.key,
                self.script
            );
        }
    }

    /// What a claim has, it can use, and what it asks for, it has.
    ///
    /// # Panics
    /// If it is not so.
    pub fn check_sizes(&self) {
        let store = self.out.cluster.store();
        for pv in store.all_pvs().iter().filter(|pv| pv.is_owner()) {
            let limit = limit(&self.out, pv);
            let capacity = Some(pv.capacity);
            assert!(
                limit.is_none() || limit == capacity,
                "{}: {limit:?} of {capacity:?}, {:?}",
                pv.name,
                self.script
            );
        }
        for claim in store
            .all_claims()
            .iter()
            .filter(|c| c.phase == ClaimPhase::Bound && !c.terminating)
        {
            let own = claim.volume_name.as_ref().and_then(|name| store.pv(name));
            let has = own.filter(|pv| !pv.terminating).map(|pv| pv.capacity);
            let settled = has.is_none_or(|has| claim.growth.capacity == Some(has)) && !claim.asks_for_more();
            assert!(
                settled,
                "{} has {has:?} and says {:?}, {:?}",
                claim.key, claim.growth, self.script
            );
        }
    }

    fn nothing_leaked(&self, pvs: &[Arc<Pv>]) {
        for path in self
            .out
            .fake
            .tree()
            .paths()
            .filter(|p| !p.contains('/') && !p.starts_with('.'))
        {
            let name = PvName::new(path);
            let known = pvs.iter().any(|pv| pv.name == name);
            let kept = self.history.was_forced(&name) || self.history.kept(&name);
            // A token on a content may be forged, so what is whole is removed by the ledger's word only; where that was lost, an orphan is
            // counted. Which story may end so, it says itself.
            let made_from_a_snapshot = self.history.shelved.was_made_for(&name);
            assert!(
                known || kept || made_from_a_snapshot,
                "the directory {path} belongs to nobody, {:?}",
                self.script
            );
        }
        for path in self.out.fake.tree().paths() {
            assert!(
                !path.starts_with(".tombolo/trash/") && !path.starts_with(".tombolo/copies/"),
                "{path} was left, {:?}",
                self.script
            );
        }
    }

    fn the_ledger_agrees(&self, pvs: &[Arc<Pv>]) {
        let ledger = &self.leaders[0].ctx.ports.ledger;
        // What was removed by force is nowhere in the cluster, and may be remembered.
        let comparable = |records: Vec<Record>| -> Vec<Record> {
            let known = records
                .into_iter()
                .filter(|r| !self.history.was_forced(&r.volume.pv_name()));
            known
                .map(|mut r| {
                    r.members.retain(|pv, _| !self.history.was_forced(pv));
                    r
                })
                .collect()
        };
        let mut known = comparable(ledger.all().iter().map(|r| r.as_ref().clone()).collect());
        let told = comparable(rebuild::records(
            &pvs.iter().map(|pv| (**pv).clone()).collect::<Vec<_>>(),
        ));
        // A volume is recorded before it is mounted, with its class's options: what the backend adds stands on the object only, and is
        // added again when that is made again (`execute::manifest`).
        for (known, told) in known.iter_mut().zip(&told) {
            if known.mount_options.iter().all(|o| told.mount_options.contains(o)) {
                known.mount_options.clone_from(&told.mount_options);
            }
        }
        assert_eq!(known, told, "the ledger and the cluster differ, {:?}", self.script);
    }
}
