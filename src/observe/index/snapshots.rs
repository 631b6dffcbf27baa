//! What the watches have shown of snapshots, and whom each change concerns. The kinds are another project's, and may not be there.

mod classes;
mod contents;

use super::{Index, Wake};
use crate::domain::ids::{ClaimKey, ClaimUid, ContentName, SnapshotClassName, SnapshotUid, VolumeId};
use crate::domain::served::Served;
use crate::domain::snapshot::content::Content;
use crate::domain::snapshot::{Kind, Snapshot, SnapshotClass, SnapshotKey, handle};
use crate::domain::source::{Source, SourceKind};
use crate::observe::work::Work;
use crate::plan::copy::asked::taken_of;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// All there is of them.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    snapshots: BTreeMap<SnapshotKey, Snapshot>,
    of_claims: BTreeMap<ClaimKey, BTreeSet<SnapshotKey>>,
    contents: BTreeMap<ContentName, Content>,
    /// Whose token is on which contents.
    tokens: HashMap<ClaimUid, BTreeSet<ContentName>>,
    classes: BTreeMap<SnapshotClassName, SnapshotClass>,
    snapshots_served: Served,
    contents_served: Served,
    classes_served: Served,
}

fn source(key: &SnapshotKey) -> Source {
    Source {
        namespace: key.namespace.clone(),
        kind: SourceKind::Snapshot,
        name: key.name.clone(),
    }
}

fn same_snapshot(a: &Snapshot, b: &Snapshot) -> bool {
    *a == Snapshot {
        version: a.version.clone(),
        ..b.clone()
    }
}

/// Whether nothing but finalizers has changed: neither what stands behind it nor who restores it is concerned.
fn same_but_for_finalizers(a: &Snapshot, b: &Snapshot) -> bool {
    let b = Snapshot {
        finalizers: a.finalizers.clone(),
        ..b.clone()
    };
    same_snapshot(a, &b)
}

impl Index {
    /// A VolumeSnapshot.
    pub fn snapshot(&self, key: &SnapshotKey) -> Option<&Snapshot> {
        self.snapshots.snapshots.get(key)
    }

    /// All VolumeSnapshots.
    pub fn all_snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        self.snapshots.snapshots.values()
    }

    /// A VolumeSnapshotContent.
    pub fn content(&self, name: &ContentName) -> Option<&Content> {
        self.snapshots.contents.get(name)
    }

    /// All VolumeSnapshotContents.
    pub fn all_contents(&self) -> impl Iterator<Item = &Content> {
        self.snapshots.contents.values()
    }

    /// A VolumeSnapshotClass.
    pub fn snapshot_class(&self, name: &SnapshotClassName) -> Option<&SnapshotClass> {
        self.snapshots.classes.get(name)
    }

    /// All VolumeSnapshotClasses.
    pub fn snapshot_classes(&self) -> impl Iterator<Item = &SnapshotClass> {
        self.snapshots.classes.values()
    }

    /// Whether a kind can be read.
    pub const fn snapshots_served(&self, kind: Kind) -> Served {
        match kind {
            Kind::Snapshot => self.snapshots.snapshots_served,
            Kind::Content => self.snapshots.contents_served,
            Kind::Class => self.snapshots.classes_served,
        }
    }

    /// Contents with the token of a copy that becomes the volume of a claim.
    pub fn contents_kept_for(&self, claim: &ClaimUid) -> impl Iterator<Item = &ContentName> {
        self.snapshots.tokens.get(claim).into_iter().flatten()
    }

    /// Whether a kind can be read, as it is by now. What cannot be there any more is forgotten; what merely cannot be read is kept.
    pub fn snapshots_are(&mut self, kind: Kind, served: Served) -> Wake {
        let known = match kind {
            Kind::Snapshot => &mut self.snapshots.snapshots_served,
            Kind::Content => &mut self.snapshots.contents_served,
            Kind::Class => &mut self.snapshots.classes_served,
        };
        if *known == served {
            return Wake::new();
        }
        *known = served;
        let mut wake = match (served, kind) {
            (Served::NotInstalled, Kind::Snapshot) => self.keep_snapshots(&BTreeSet::new()),
            (Served::NotInstalled, Kind::Content) => self.keep_contents(&BTreeSet::new()),
            (Served::NotInstalled, Kind::Class) => self.keep_classes(&BTreeSet::new()),
            (Served::Unknown | Served::Yes | Served::Forbidden, _) => Wake::new(),
        };
        wake.extend(self.waiting_for_snapshots());
        wake.extend(self.all_snapshots().map(|s| Work::Snapshot(s.key.clone())));
        wake.extend(self.all_contents().map(|c| Work::Content(c.name.clone())));
        wake
    }

    /// A VolumeSnapshot is as given.
    pub fn put_snapshot(&mut self, new: Snapshot) -> Wake {
        let old = self.snapshots.snapshots.get(&new.key);
        if old.is_some_and(|old| same_snapshot(old, &new)) {
            return Wake::new();
        }
        let key = new.key.clone();
        if old.is_some_and(|old| same_but_for_finalizers(old, &new)) {
            self.snapshots.snapshots.insert(key.clone(), new);
            return Wake::from([Work::Snapshot(key)]);
        }
        let mut wake = self.forget_snapshot(&key);
        if let Some(of) = &new.of {
            self.snapshots
                .of_claims
                .entry(of.clone())
                .or_default()
                .insert(key.clone());
        }
        self.snapshots.snapshots.insert(key.clone(), new);
        wake.extend(self.concerned_by_snapshot(&key));
        wake
    }

    /// A VolumeSnapshot is gone.
    pub fn remove_snapshot(&mut self, key: &SnapshotKey) -> Wake {
        self.forget_snapshot(key)
    }

    /// These are all VolumeSnapshots that there are; they can be read.
    pub fn reset_snapshots(&mut self, all: Vec<Snapshot>) -> Wake {
        let mut wake = self.snapshots_are(Kind::Snapshot, Served::Yes);
        wake.extend(self.keep_snapshots(&all.iter().map(|s| s.key.clone()).collect()));
        wake.extend(all.into_iter().flat_map(|snapshot| self.put_snapshot(snapshot)));
        wake
    }

    fn keep_snapshots(&mut self, there: &BTreeSet<SnapshotKey>) -> Wake {
        let known = self.snapshots.snapshots.keys();
        let gone: Vec<SnapshotKey> = known.filter(|key| !there.contains(key)).cloned().collect();
        gone.iter().flat_map(|key| self.forget_snapshot(key)).collect()
    }

    fn forget_snapshot(&mut self, key: &SnapshotKey) -> Wake {
        let wake = self.concerned_by_snapshot(key);
        let Some(old) = self.snapshots.snapshots.remove(key) else {
            return Wake::new();
        };
        if let Some(of) = &old.of
            && let Some(known) = self.snapshots.of_claims.get_mut(of)
        {
            known.remove(key);
            if known.is_empty() {
                self.snapshots.of_claims.remove(of);
            }
        }
        wake
    }

    fn concerned_by_snapshot(&self, key: &SnapshotKey) -> Wake {
        let mut wake = Wake::from([Work::Snapshot(key.clone())]);
        if let Some(snapshot) = self.snapshot(key) {
            let own = handle::content_name(&snapshot.uid);
            let contents = snapshot.content.iter().chain([&own]);
            let known = contents.filter(|name| self.content(name).is_some());
            wake.extend(known.cloned().map(Work::Content));
        }
        wake.extend(self.restorers_of(key));
        wake
    }

    fn restorers_of(&self, key: &SnapshotKey) -> impl Iterator<Item = Work> {
        let claims = self.copiers.get(&source(key)).into_iter().flatten();
        claims.cloned().map(Work::Claim)
    }

    /// Claims that wait to be made from a snapshot.
    fn waiting_for_snapshots(&self) -> Wake {
        let of = |source: &Source| source.kind == SourceKind::Snapshot;
        let waiting = self.copiers.iter().filter(|(source, _)| of(source));
        waiting
            .flat_map(|(_, claims)| claims.iter().cloned().map(Work::Claim))
            .collect()
    }

    /// Snapshots of a claim that are not done, with what stands behind them; and whoever asks for any of them, done or not, by the word of
    /// the claim's owner.
    pub(super) fn snapshots_of(&self, claim: &ClaimKey) -> Wake {
        let mut wake = self.undone_snapshots_of(claim);
        let done = self.all_of(claim).filter(|snapshot| snapshot.ready == Some(true));
        wake.extend(done.flat_map(|snapshot| self.restorers_of(&snapshot.key)));
        wake.extend(self.restorers_naming(claim));
        wake
    }

    /// Snapshots of a claim that are not done, with what stands behind them.
    pub(super) fn undone_snapshots_of(&self, claim: &ClaimKey) -> Wake {
        let undone = self.all_of(claim).filter(|snapshot| snapshot.ready != Some(true));
        undone
            .flat_map(|snapshot| self.concerned_by_snapshot(&snapshot.key))
            .collect()
    }

    /// Whether another VolumeSnapshot than this one of a claim is not done.
    pub fn is_to_be_taken(&self, claim: &ClaimKey, but: &SnapshotUid) -> bool {
        let mut all = self.all_of(claim);
        all.any(|snapshot| snapshot.ready != Some(true) && snapshot.uid != *but)
    }

    fn all_of(&self, claim: &ClaimKey) -> impl Iterator<Item = &Snapshot> {
        let of_it = self.snapshots.of_claims.get(claim).into_iter().flatten();
        of_it.filter_map(|key| self.snapshot(key))
    }

    /// Claims that ask for a snapshot, whichever it is of, and name this claim as the one that it has to be of.
    fn restorers_naming(&self, named: &ClaimKey) -> impl Iterator<Item = Work> {
        let there = self.copiers_in(&named.namespace);
        let asking = there.flat_map(|(source, claims)| claims.iter().map(move |claim| (source, claim)));
        let names = move |(source, claim): &(&Source, &ClaimKey)| {
            let claim = self.claim(claim);
            claim.is_some_and(|claim| taken_of(claim, source).as_ref() == Some(named))
        };
        asking.filter(names).map(|(_, claim)| Work::Claim(claim.clone()))
    }

    /// Snapshots of the members of a volume, whose owner may have to allow them.
    pub(super) fn snapshots_of_members(&self, volume: &VolumeId) -> Wake {
        let members = self.members.get(volume).into_iter().flatten();
        let claims = members.filter_map(|pv| self.claim_named(pv));
        claims.flat_map(|claim| self.snapshots_of(&claim)).collect()
    }

    /// Contents of ours that nobody has begun to take, as they may wait for room.
    pub fn contents_not_begun(&self) -> Wake {
        let waits = |c: &&Content| c.ours && !c.is_ready() && !c.terminating && !c.being_created;
        let contents = self.all_contents().filter(waits);
        contents.map(|c| Work::Content(c.name.clone())).collect()
    }

    /// Snapshots that are not done, and contents of ours of which something is still to do.
    pub fn unfinished_snapshots(&self) -> Wake {
        let unbound = self.all_snapshots().filter(|s| s.content.is_none());
        let undone =
            |c: &&Content| c.ours && (!c.is_ready() || c.terminating || c.being_created || !c.tokens.is_empty());
        let contents = self.all_contents().filter(undone);
        let snapshots = unbound.map(|s| Work::Snapshot(s.key.clone()));
        snapshots
            .chain(contents.map(|c| Work::Content(c.name.clone())))
            .collect()
    }
}
