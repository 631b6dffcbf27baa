//! Which finalizers of ours a tenant's object carries: each exactly while something needs it, whoever put it there and however that ended.
//!
//! Decided from what there is, never from what was done: so nothing of it is left behind by a crash, a lost ledger, a target that went, or a
//! manifest that was copied with its finalizers. Nothing that counts rests on them, so one that cannot be put on is done without.

use crate::domain::access::OnOwnerDelete;
use crate::domain::claim::Claim;
use crate::domain::hold::Hold;
use crate::domain::ids::ClaimUid;
use crate::domain::pv::Pv;
use crate::domain::snapshot::Snapshot;
use crate::domain::snapshot::content::Content;
use crate::domain::token::{Note, Token, TokenKind};
use std::collections::{BTreeMap, BTreeSet};

/// What an object that is copied has around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// Whether its namespace is going away. A courtesy must not be what keeps it: whoever copies may be of another one, and never end.
    pub leaving: bool,
    /// Those claims that are there of the ones that copies are for.
    pub targets: BTreeSet<ClaimUid>,
}

impl Around {
    /// Whether any copy is shown to whoever deletes the object: one whose target went is merely not cleared away yet.
    fn shows(&self, tokens: &BTreeMap<Token, Option<Note>>) -> bool {
        let copies = tokens.iter().filter(|(token, _)| token.kind == TokenKind::Copying);
        let mut shown = copies.filter(|(token, note)| note.is_none() || self.targets.contains(&token.claim));
        !self.leaving && shown.next().is_some()
    }
}

/// What is seen of one hold on one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForHold {
    /// Whether something needs it.
    pub needed: bool,
    /// Whether the object carries it.
    pub on: bool,
    /// Whether the object is going away: the API server takes no new finalizer then.
    pub terminating: bool,
    /// Whether it was put on a moment ago, for the same need: then somebody strips it, and is not fought over it.
    pub lately: bool,
}

impl ForHold {
    /// Of a claim, which has this PersistentVolume with so many members.
    pub fn of_claim(hold: Hold, claim: &Claim, pv: Option<&Pv>, members: usize, around: &Around) -> Self {
        Self {
            needed: needs(hold, claim, pv, members, around),
            on: claim.holds.contains(&hold),
            terminating: claim.terminating,
            lately: false,
        }
    }

    /// Of a VolumeSnapshot, by the content that it names.
    pub fn of_snapshot(snapshot: &Snapshot, content: Option<&Content>, around: &Around) -> Self {
        Self {
            needed: is_restored(snapshot, content, around),
            on: snapshot.is_held(),
            terminating: snapshot.terminating,
            lately: false,
        }
    }

    /// Whether it is there in vain.
    pub const fn is_left_over(&self) -> bool {
        self.on && !self.needed
    }
}

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is as it should be, or it is too late.
    Nothing,
    /// Put it on.
    Put,
    /// Take it off.
    Take,
    /// Put it on when it was put on long enough ago.
    Later,
}

/// Decides about one hold.
pub const fn decide(o: ForHold) -> Step {
    match (o.needed, o.on) {
        (true, true) | (false, false) => Step::Nothing,
        (false, true) => Step::Take,
        (true, false) if o.terminating => Step::Nothing,
        (true, false) if o.lately => Step::Later,
        (true, false) => Step::Put,
    }
}

/// Whether a claim needs a hold, by the PersistentVolume that it has.
pub fn needs(hold: Hold, claim: &Claim, pv: Option<&Pv>, members: usize, around: &Around) -> bool {
    // The volume may have become another claim's, and this one is then only where it was made.
    let its = |pv: &&Pv| pv.is_owner() && pv.claim.as_ref().and_then(|bound| bound.uid.as_ref()) == Some(&claim.uid);
    let Some(pv) = pv.filter(its) else {
        return false;
    };
    match hold {
        Hold::Members => {
            let wanted = pv.ours.as_ref().map(|ours| ours.on_owner_delete) == Some(OnOwnerDelete::Hold);
            wanted && (members > 0 || pv.tokens.keys().any(|token| token.kind == TokenKind::Joining))
        }
        // Of whatever namespace they are: each has its token there.
        Hold::Copies => around.shows(&pv.tokens),
    }
}

/// Whether a VolumeSnapshot is being restored, by the content that it names; one that names another snapshot holds nothing.
fn is_restored(snapshot: &Snapshot, content: Option<&Content>, around: &Around) -> bool {
    let own = |content: &&Content| {
        snapshot.content.as_ref() == Some(&content.name)
            && content.of == snapshot.key
            && content.of_uid.as_ref() == Some(&snapshot.uid)
    };
    content.filter(own).is_some_and(|content| around.shows(&content.tokens))
}

#[cfg(test)]
mod tests;
