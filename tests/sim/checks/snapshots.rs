//! What must be true of snapshots after every step, and when nothing moves any more.

use crate::leader::Outside;
use crate::snapshot_controller;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tombolo::api::names;
use tombolo::domain::claim::{Claim, ClaimPhase};
use tombolo::domain::hold::Hold;
use tombolo::domain::ids::{ClaimUid, PvName};
use tombolo::domain::pv::Pv;
use tombolo::domain::snapshot::content::{Content, DeletionPolicy};
use tombolo::domain::snapshot::handle::SnapshotHandle;
use tombolo_backend_api::{PRIVATE_DIR, SNAPSHOTS_DIR, SnapshotId};

/// Paths below a directory, with what the files among them hold.
type Files = BTreeMap<String, Option<Vec<u8>>>;

/// What has been seen of them so far.
#[derive(Default)]
pub struct Shelved {
    /// What was in each when its content became ready, and how large it was said to be.
    taken: BTreeMap<SnapshotId, (Files, u64)>,
    /// From which each claim is made.
    restored: BTreeMap<ClaimUid, SnapshotId>,
    /// Claims whose restored volume was found whole when it was bound.
    whole: BTreeSet<ClaimUid>,
    /// Those that have to have their data now.
    guarded: Vec<SnapshotId>,
    /// Those whose policy has ever said that nobody deletes the data.
    kept: BTreeSet<SnapshotId>,
}

fn directory(id: &SnapshotId) -> String {
    format!("{PRIVATE_DIR}/{SNAPSHOTS_DIR}/{id}")
}

/// What is written last of a snapshot, and first taken away.
fn record(id: &SnapshotId) -> String {
    format!("{}.json", directory(id))
}

fn files(out: &Outside, at: &str) -> Files {
    let tree = out.fake.tree();
    let below = tree
        .paths()
        .filter_map(|path| Some((path, path.strip_prefix(at)?.strip_prefix('/')?)));
    below
        .map(|(path, rest)| (rest.to_owned(), tree.read(path).map(<[u8]>::to_vec)))
        .collect()
}

fn id_of(content: &Content) -> Option<SnapshotId> {
    Some(SnapshotHandle::parse(content.handle().filter(|_| content.ours)?)?.id)
}

impl Shelved {
    /// Whether what was ready when anything changed last still has its data.
    pub fn intact(&self, out: &Outside) -> bool {
        self.guarded.iter().all(|id| out.fake.read(&record(id)).is_some())
    }

    pub fn restored(&self) -> bool {
        !self.whole.is_empty()
    }

    pub fn look(&mut self, out: &Outside, pvs: &[Arc<Pv>], claims: &[Arc<Claim>]) {
        self.guarded.clear();
        for content in out.cluster.store().shelf.all_contents() {
            let Some(id) = id_of(&content) else { continue };
            if content.policy == DeletionPolicy::Retain {
                self.kept.insert(id.clone());
            }
            let tokens = content.tokens.keys().map(|token| token.claim.clone());
            self.restored.extend(tokens.map(|claim| (claim, id.clone())));
            // Removing it and saying so are two writes; from the first on nobody new can read it.
            let given_up = content.terminating && content.tokens.is_empty();
            if !content.is_ready() || given_up {
                continue;
            }
            let now = files(out, &directory(&id));
            let size = content.status.as_ref().and_then(|s| s.restore_size).unwrap_or_default();
            let (then, _) = self.taken.entry(id.clone()).or_insert_with(|| (now.clone(), size));
            assert!(
                out.fake.read(&record(&id)).is_some() && *then == now,
                "{} is ready, and the data of {id} is not what it was",
                content.name
            );
        }
        for claim in claims
            .iter()
            .filter(|c| c.phase == ClaimPhase::Bound && c.is_bound_to_own())
        {
            self.is_whole(out, pvs, claim);
        }
    }

    /// Whether a directory is one that a claim was to get from a snapshot.
    pub fn was_made_for(&self, name: &PvName) -> bool {
        name.claim_uid().is_some_and(|claim| self.restored.contains_key(&claim))
    }

    /// Whoever is bound to what was made from a snapshot has all that was in it, and as much room.
    fn is_whole(&mut self, out: &Outside, pvs: &[Arc<Pv>], claim: &Claim) {
        let Some(id) = self
            .restored
            .get(&claim.uid)
            .filter(|_| !self.whole.contains(&claim.uid))
        else {
            return;
        };
        let pv = pvs.iter().find(|pv| claim.volume_name.as_ref() == Some(&pv.name));
        let Some((pv, ours)) = pv.and_then(|pv| Some((pv, pv.ours.as_ref()?))) else {
            return;
        };
        let (taken, size) = &self.taken[id];
        let has = files(out, ours.handle.path.as_str());
        assert!(
            has == *taken && pv.capacity >= *size,
            "{} was made from {id} and holds {has:?} instead of {taken:?}",
            claim.key
        );
        self.whole.insert(claim.uid.clone());
    }
}

impl World {
    /// What lies on the backend and is complete.
    pub fn snapshots_on_backend(&self) -> Vec<SnapshotId> {
        let tree = self.out.fake.tree();
        let directory = format!("{PRIVATE_DIR}/{SNAPSHOTS_DIR}/");
        let names = tree
            .paths()
            .filter_map(|path| path.strip_prefix(&directory)?.strip_suffix(".json"));
        names.map(|name| SnapshotId::parse(name).unwrap()).collect()
    }

    /// Of a snapshot that is gone nothing is left, and nothing is kept for a restore that is over.
    pub(super) fn snapshots_are_what_is_said(&self, claims: &[Arc<Claim>]) {
        let store = self.out.cluster.store();
        let (snapshots, contents) = (store.shelf.all_snapshots(), store.shelf.all_contents());
        let said: BTreeSet<SnapshotId> = contents.iter().filter_map(|c| id_of(c)).collect();
        let path = format!("{PRIVATE_DIR}/{SNAPSHOTS_DIR}/");
        for found in self.out.fake.tree().paths().filter_map(|p| p.strip_prefix(&path)) {
            let name = found.split('/').next().unwrap_or_default().trim_end_matches(".json");
            let id = SnapshotId::parse(name).unwrap();
            assert!(
                said.contains(&id) || self.history.shelved.kept.contains(&id),
                "the snapshot {id} belongs to nobody, {:?}",
                self.script
            );
        }
        for content in &contents {
            let under_way = !content.tokens.is_empty() || content.being_created;
            assert!(!under_way, "{content:?} is under way, {:?}", self.script);
            let whose = snapshots.iter().any(|s| content.of_uid.as_ref() == Some(&s.uid));
            // Whoever slept before the POST makes an object for nothing, as with any other; which story may end so, it says itself.
            let without_data = id_of(content).is_none();
            assert!(
                whose || content.policy == DeletionPolicy::Retain || without_data,
                "{} is left of a snapshot that is gone, {:?}",
                content.name,
                self.script
            );
        }
        for snapshot in &snapshots {
            // Whoever asks for it when it is being deleted gets it no more, and the snapshot-controller waits for them all the same.
            let waited_for = snapshot_controller::is_being_restored(&store, snapshot);
            let going = (snapshot.terminating && !waited_for) || snapshot.is_held();
            assert!(!going, "{snapshot:?} is kept by nothing, {:?}", self.script);
        }
        for claim in claims {
            let of_it = snapshots.iter().filter(|s| s.of.as_ref() == Some(&claim.key));
            let waited = of_it.clone().any(|s| s.ready != Some(true));
            let finalizers = store.claims[&claim.key].metadata.finalizers.clone().unwrap_or_default();
            let kept = finalizers.iter().any(|f| f == names::FINALIZER_SNAPSHOT_SOURCE);
            assert!(
                !kept || waited,
                "{} is kept for a snapshot, {:?}",
                claim.key,
                self.script
            );
            assert!(
                !claim.holds.contains(&Hold::Copies),
                "{} is kept for a copy, {:?}",
                claim.key,
                self.script
            );
        }
    }
}
