//! What was begun for a claim is finished as that, or not at all: its annotations can be edited at any time, and what lies at its volume's
//! path does not say whether it is an empty volume, a copy, or half of one.

use super::ForClaim;
use crate::api::reasons::ClaimReason as R;
use crate::domain::ids::{ClaimUid, VolumeId};
use crate::domain::record::{Intent, Record, State};
use crate::domain::token::{Note, Token, TokenKind};
use crate::plan::Refusal;
use std::collections::BTreeMap;

/// That a claim's token is on something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promised {
    /// What it is for.
    pub kind: TokenKind,
    /// Whether what finishing needs is beside it.
    pub noted: bool,
}

impl Promised {
    /// By what is on each object that may have it.
    pub fn among<'a>(
        claim: &ClaimUid,
        objects: impl IntoIterator<Item = &'a BTreeMap<Token, Option<Note>>>,
    ) -> Option<Self> {
        let of_claim = |(token, note): (&Token, &Option<Note>)| {
            (token.claim == *claim).then_some(Self {
                kind: token.kind,
                noted: note.is_some(),
            })
        };
        let all = objects.into_iter().flatten();
        all.filter_map(of_claim).max_by_key(|promised| promised.noted)
    }
}

/// What a claim asks for by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// A volume of its own.
    Empty,
    /// A copy.
    Copy,
    /// A share.
    Share,
}

/// Whether it is finished from what its token is on, which asks the claim no more.
pub(super) fn goes_on(o: &ForClaim<'_>) -> bool {
    o.promised.is_some_and(|promised| promised.noted)
}

/// Whether what was begun is what the claim asks for. A directory that was made for it may be taken for a copy, and half a copy for an
/// empty volume; and whoever made one may be about to make its object.
pub(super) fn same(o: &ForClaim<'_>, asks: Asks) -> Result<(), Refusal> {
    let promised = o.promised.map(|promised| match promised.kind {
        TokenKind::Copying => Asks::Copy,
        TokenKind::Joining => Asks::Share,
    });
    let recorded = o.record.and_then(|r| match &r.intent {
        Some(Intent::Copy { .. }) => Some(Asks::Copy),
        _ => (r.state == State::Creating).then_some(Asks::Empty),
    });
    match promised.or(recorded) {
        Some(begun) if begun != asks => Err(another(match begun {
            Asks::Empty => "an empty one, before it asked for data",
            Asks::Copy => "a copy",
            Asks::Share => "a share",
        })),
        Some(_) | None => Ok(()),
    }
}

/// The same of a copy's source, which can be named anew as well.
pub(in crate::plan) fn same_source(record: Option<&Record>, source: &VolumeId) -> Result<(), Refusal> {
    let begun = record.filter(|r| r.state == State::Creating);
    match begun.and_then(|r| r.intent.as_ref()) {
        Some(Intent::Copy { from }) if from != source => Err(another("a copy of another source")),
        Some(_) | None => Ok(()),
    }
}

fn another(what: &str) -> Refusal {
    let text = format!(
        "the volume of this claim was begun as {what}; have it ask for what it asked for then, or delete the claim and make it again"
    );
    Refusal::new(R::ConflictingSource, text)
}
