//! Whom a change concerns: the work that has to be looked at again, and no more than that.

use super::{Index, Wake};
use crate::domain::claim::Claim;
use crate::domain::ids::{ClaimKey, ClaimUid, Namespace, PvName, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::reference::Reference;
use crate::domain::token::{Token, TokenKind};
use crate::observe::work::Work;
use crate::plan::copy::source::MOST_COPIES_OF_NAMESPACE;
use crate::plan::handshake;

impl Index {
    pub(super) fn concerned_by_loss(&self, old: &Claim) -> Wake {
        let mut wake = self.concerned_by_claim(old);
        // A member whose object vanished before its claim: it counted while the claim was there.
        let own = old.uid.pv_name();
        if !self.pvs.contains_key(&own) {
            wake.insert(Work::Member(own));
        }
        // What shows that it is copied for this claim.
        let volumes = self.tokens.get(&old.uid).into_iter().flatten();
        let owners = volumes.filter_map(|name| self.pvs.get(name)?.claim.as_ref());
        wake.extend(owners.map(|owner| Work::Claim(owner.key.clone())));
        let contents = self.contents_kept_for(&old.uid).filter_map(|name| self.content(name));
        wake.extend(contents.map(|content| Work::Snapshot(content.of.clone())));
        wake
    }

    /// What carries a finalizer of ours in a namespace.
    pub(super) fn held_in(&self, namespace: &Namespace) -> Wake {
        let claims = self.claims_in(namespace).filter(|claim| !claim.holds.is_empty());
        let snapshots = self
            .all_snapshots()
            .filter(|s| s.key.namespace == *namespace && s.is_held());
        let snapshots = snapshots.map(|s| Work::Snapshot(s.key.clone()));
        claims
            .map(|claim| Work::Claim(claim.key.clone()))
            .chain(snapshots)
            .collect()
    }

    pub(super) fn concerned_by_claim(&self, claim: &Claim) -> Wake {
        let mut wake = Wake::from([Work::Claim(claim.key.clone())]);
        wake.extend(
            self.askers
                .get(&claim.key)
                .into_iter()
                .flatten()
                .chain(self.copiers_of(&claim.key))
                .map(|key| Work::Claim(key.clone())),
        );
        let own = claim.uid.pv_name();
        for name in std::iter::once(&own).chain(claim.volume_name.as_ref()) {
            if let Some(pv) = self.pvs.get(name) {
                wake.extend(Self::work_of_pv(pv, self.volume_of(pv)));
            }
        }
        // Members, too, whose own annotation names another source by now. A claim that merely names a volume has none.
        let given = claim.volume_name.as_ref().filter(|name| {
            let bound = self.pvs.get(*name).and_then(|pv| pv.claim.as_ref());
            bound.is_some_and(|bound| bound.uid.as_ref() == Some(&claim.uid))
        });
        for name in std::iter::once(&own).chain(given) {
            wake.extend(self.claims_of_members(&VolumeId::from(name)));
            wake.extend(self.snapshots_of_members(&VolumeId::from(name)));
            wake.extend(self.copiers_of_members(&VolumeId::from(name)));
        }
        // The claim of a volume that is only in the ledger yet, or that lost its object.
        wake.insert(Work::Volume(VolumeId::from(&own)));
        wake.extend(self.awaiting(&claim.uid));
        let naming = self.naming.get(&claim.key).into_iter().flatten();
        wake.extend(naming.map(|key| Work::Reference(key.clone())));
        wake.extend(self.snapshots_of(&claim.key));
        wake
    }

    pub(super) fn work_of_pv(pv: &Pv, volume: Option<VolumeId>) -> Wake {
        let mut wake = Wake::new();
        if pv.is_owner() {
            wake.insert(Work::Volume(VolumeId::from(&pv.name)));
        } else if pv.is_member() {
            wake.insert(Work::Member(pv.name.clone()));
        } else if pv.bare {
            // Whose it was, only the ledger knows.
            wake.extend([Work::Volume(VolumeId::from(&pv.name)), Work::Member(pv.name.clone())]);
        }
        wake.extend(volume.map(Work::SharedVolume));
        wake
    }

    pub(super) fn concerned_by_pv(&self, pv: &Pv, volume: Option<VolumeId>) -> Wake {
        let mut wake = Self::work_of_pv(pv, volume);
        wake.extend(pv.name.claim_uid().iter().flat_map(|uid| self.awaiting(uid)));
        for token in pv.tokens.keys().filter(|token| token.kind == TokenKind::Copying) {
            wake.insert(Work::Volume(VolumeId::from(&token.claim.pv_name())));
            wake.extend(self.claims_by_uid.get(&token.claim).cloned().map(Work::Claim));
        }
        if pv.is_owner() {
            wake.extend(self.copiers_of_members(&VolumeId::from(&pv.name)));
        }
        let bound = pv.claim.iter().map(|c| &c.key);
        let by_name = pv.name.claim_uid().and_then(|uid| self.claims_by_uid.get(&uid));
        for key in bound.chain(by_name) {
            wake.extend(self.undone_snapshots_of(key));
            if let Some(claim) = self.claims.get(key) {
                wake.insert(Work::Claim(key.clone()));
                wake.extend(
                    self.askers
                        .get(&claim.key)
                        .into_iter()
                        .flatten()
                        .chain(self.copiers_of(&claim.key))
                        .map(|k| Work::Claim(k.clone())),
                );
            }
        }
        wake
    }

    /// A join costs two of these: were everybody who asks looked at each time, a crowd that joins at once would pay its square.
    pub(super) fn concerned_by_tokens(&self, old: &Pv, new: &Pv) -> Wake {
        let mut wake = Self::work_of_pv(new, self.volume_of(new));
        wake.extend(new.claim.iter().map(|c| Work::Claim(c.key.clone())));
        let changed = |token: &&Token| old.tokens.get(token) != new.tokens.get(token);
        let tokens = old.tokens.keys().chain(new.tokens.keys()).filter(changed);
        // A volume that is a copy is not let go while its source has the token.
        let copies = tokens.clone().filter(|token| token.kind == TokenKind::Copying);
        wake.extend(copies.map(|token| Work::Volume(VolumeId::from(&token.claim.pv_name()))));
        let claims = tokens.filter_map(|token| self.claims_by_uid.get(&token.claim));
        wake.extend(claims.map(|key| Work::Claim(key.clone())));
        // Where many copies had begun, one that is over makes room for another that waits.
        let copies = |pv: &Pv| {
            pv.tokens
                .keys()
                .filter(|token| token.kind == TokenKind::Copying)
                .count()
        };
        if copies(new) < copies(old) && copies(old) >= MOST_COPIES_OF_NAMESPACE {
            let source = new.claim.iter().flat_map(|claim| self.copiers_of(&claim.key));
            wake.extend(source.cloned().map(Work::Claim));
            wake.extend(self.copiers_of_members(&VolumeId::from(&new.name)));
        }
        wake
    }

    /// A near miss is named in messages, so every asking claim of the namespace is concerned, not only those that match.
    pub(super) fn concerned_by_reference(&self, reference: &Reference) -> Wake {
        let mut wake = self.consumers_in(&reference.key.namespace);
        wake.insert(Work::Reference(reference.key.clone()));
        wake
    }

    /// Claims of a namespace that ask for a share or have one, or ask for a copy by annotations, and what is said of the volumes they have.
    pub(super) fn consumers_in(&self, namespace: &Namespace) -> Wake {
        let mut wake = Wake::new();
        for claim in self.claims_in(namespace) {
            let member = self.pvs.get(&claim.uid.pv_name()).filter(|pv| pv.is_member());
            if member.is_some() || handshake::wanted(claim).is_some() || claim.annotations.clone_from().is_some() {
                wake.insert(Work::Claim(claim.key.clone()));
            }
            wake.extend(member.and_then(|pv| self.volume_of(pv)).map(Work::SharedVolume));
        }
        wake
    }

    /// Volumes on which the token of a claim waits for what becomes of it, or of the object that is named after it.
    fn awaiting(&self, claim: &ClaimUid) -> impl Iterator<Item = Work> {
        let volumes = self.tokens.get(claim).into_iter().flatten();
        let volumes = volumes.map(|name| Work::Volume(VolumeId::from(name)));
        volumes.chain(self.contents_kept_for(claim).cloned().map(Work::Content))
    }

    /// Everybody who has joined a volume of anybody's, and what is said of those volumes.
    pub(super) fn joined(&self) -> Wake {
        let mut wake = Wake::new();
        for volume in self.members.keys() {
            wake.extend(self.claims_of_members(volume));
            wake.insert(Work::SharedVolume(volume.clone()));
        }
        wake
    }

    pub(super) fn claims_of_members(&self, volume: &VolumeId) -> impl Iterator<Item = Work> {
        let members = self.members.get(volume).into_iter().flatten();
        members.filter_map(|pv| self.claim_named(pv)).map(Work::Claim)
    }

    /// The claim that the PersistentVolume of this name was made for, if it exists.
    pub(super) fn claim_named(&self, name: &PvName) -> Option<ClaimKey> {
        name.claim_uid().and_then(|uid| self.claims_by_uid.get(&uid)).cloned()
    }
}
