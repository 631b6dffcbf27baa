//! What stands behind snapshots, and whose token is on it.

use super::{Index, Wake};
use crate::domain::ids::ContentName;
use crate::domain::served::Served;
use crate::domain::snapshot::Kind;
use crate::domain::snapshot::content::Content;
use crate::observe::work::Work;
use std::collections::BTreeSet;

fn same_content(a: &Content, b: &Content) -> bool {
    *a == Content {
        version: a.version.clone(),
        ..b.clone()
    }
}

impl Index {
    /// A VolumeSnapshotContent is as given.
    pub fn put_content(&mut self, new: Content) -> Wake {
        let old = self.snapshots.contents.get(&new.name);
        if old.is_some_and(|old| same_content(old, &new)) {
            return Wake::new();
        }
        let name = new.name.clone();
        let mut wake = self.forget_content(&name);
        for token in new.tokens.keys() {
            self.snapshots
                .tokens
                .entry(token.claim.clone())
                .or_default()
                .insert(name.clone());
        }
        self.snapshots.contents.insert(name.clone(), new);
        wake.extend(self.concerned_by_content(&name));
        wake
    }

    /// A VolumeSnapshotContent is gone.
    pub fn remove_content(&mut self, name: &ContentName) -> Wake {
        self.forget_content(name)
    }

    /// These are all VolumeSnapshotContents that there are; they can be read.
    pub fn reset_contents(&mut self, all: Vec<Content>) -> Wake {
        let mut wake = self.keep_contents(&all.iter().map(|c| c.name.clone()).collect());
        wake.extend(all.into_iter().flat_map(|content| self.put_content(content)));
        // Only now: whoever asks for tokens finds all of them.
        wake.extend(self.snapshots_are(Kind::Content, Served::Yes));
        wake
    }

    pub(super) fn keep_contents(&mut self, there: &BTreeSet<ContentName>) -> Wake {
        let known = self.snapshots.contents.keys();
        let gone: Vec<ContentName> = known.filter(|name| !there.contains(name)).cloned().collect();
        gone.iter().flat_map(|name| self.forget_content(name)).collect()
    }

    fn forget_content(&mut self, name: &ContentName) -> Wake {
        let wake = self.concerned_by_content(name);
        let Some(old) = self.snapshots.contents.remove(name) else {
            return Wake::new();
        };
        for token in old.tokens.keys() {
            if let Some(known) = self.snapshots.tokens.get_mut(&token.claim) {
                known.remove(name);
                if known.is_empty() {
                    self.snapshots.tokens.remove(&token.claim);
                }
            }
        }
        wake
    }

    fn concerned_by_content(&self, name: &ContentName) -> Wake {
        let Some(content) = self.content(name) else {
            return Wake::new();
        };
        let mut wake = Wake::from([Work::Content(name.clone()), Work::Snapshot(content.of.clone())]);
        wake.extend(self.restorers_of(&content.of));
        for token in content.tokens.keys() {
            wake.insert(Work::Volume((&token.claim.pv_name()).into()));
            let claim = self.claim_by_uid(&token.claim);
            wake.extend(claim.map(|claim| Work::Claim(claim.key.clone())));
        }
        wake
    }
}
