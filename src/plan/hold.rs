//! Which finalizers of ours a tenant's object carries: each exactly while something needs it, whoever put it there and however that ended.
//!
//! Decided from what there is, never from what was done: so nothing of it is left behind by a crash, a lost ledger, a target that went, or a
//! manifest that was copied with its finalizers. Nothing that counts rests on them, so one that cannot be put on is done without.

use crate::domain::access::OnOwnerDelete;
use crate::domain::claim::Claim;
use crate::domain::hold::Hold;
use crate::domain::pv::Pv;
use crate::domain::snapshot::Snapshot;
use crate::domain::snapshot::content::Content;
use crate::domain::token::{Token, TokenKind};

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
    pub fn of_claim(hold: Hold, claim: &Claim, pv: Option<&Pv>, members: usize) -> Self {
        Self {
            needed: needs(hold, claim, pv, members),
            on: claim.holds.contains(&hold),
            terminating: claim.terminating,
            lately: false,
        }
    }

    /// Of a VolumeSnapshot, by the content that it names.
    pub fn of_snapshot(snapshot: &Snapshot, content: Option<&Content>) -> Self {
        Self {
            needed: is_restored(snapshot, content),
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
pub fn needs(hold: Hold, claim: &Claim, pv: Option<&Pv>, members: usize) -> bool {
    let Some(pv) = pv.filter(|pv| pv.is_owner()) else {
        return false;
    };
    match hold {
        Hold::Members => {
            let wanted = pv.ours.as_ref().map(|ours| ours.on_owner_delete) == Some(OnOwnerDelete::Hold);
            wanted && (members > 0 || has(pv.tokens.keys(), TokenKind::Joining))
        }
        // Of whatever namespace they are: each has its token there. The volume may have become another claim's.
        Hold::Copies => {
            let its = pv.claim.as_ref().and_then(|bound| bound.uid.as_ref()) == Some(&claim.uid);
            its && has(pv.tokens.keys(), TokenKind::Copying)
        }
    }
}

/// Whether a VolumeSnapshot is being restored, by the content that it names; one that names another snapshot holds nothing.
fn is_restored(snapshot: &Snapshot, content: Option<&Content>) -> bool {
    let own = |content: &&Content| {
        snapshot.content.as_ref() == Some(&content.name)
            && content.of == snapshot.key
            && content.of_uid.as_ref() == Some(&snapshot.uid)
    };
    content
        .filter(own)
        .is_some_and(|content| has(content.tokens.keys(), TokenKind::Copying))
}

fn has<'a>(mut tokens: impl Iterator<Item = &'a Token>, kind: TokenKind) -> bool {
    tokens.any(|token| token.kind == kind)
}

#[cfg(test)]
mod tests;
