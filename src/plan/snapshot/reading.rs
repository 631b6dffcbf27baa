//! Restores that read a snapshot: the tokens on its content, as those of clones on a volume.
//!
//! A content can be forged, with tokens and all. So what is read is what [`trust`] ties to it; what is made is for claims of the
//! snapshot's own namespace, or by a consent that is asked for again; and of what lies at a copy's name only that is cleared away which the
//! ledger calls a copy of this content. Without a record that may be a kept volume of somebody else's, and it stays, to be found as an
//! orphan.

use super::{LiveContent, trust};
use crate::domain::snapshot::Snapshot;
use crate::domain::snapshot::content::Content;
use crate::domain::source::SourceKind;
use crate::domain::token::{CopyNote, Note, Token};
use crate::plan::Action;
use crate::plan::copy::Wanted;
use crate::plan::copy::keeping::{Fate, Kept, Reading, Seen};
use crate::plan::copy::outcome::Attempts;
use crate::plan::volume::cleared;

/// What is done about the tokens on a content; nothing, if all is well.
pub fn plan(v: &LiveContent) -> Vec<Action> {
    let Some(kept) = kept(v) else {
        return untied(v);
    };
    match kept.see(|token, _| end(v, &kept, token)) {
        Seen::Ends(actions) | Seen::Under(actions) => actions,
    }
}

/// The restores that are to be made, or to go on.
pub fn wanted(v: &LiveContent) -> Vec<Wanted> {
    kept(v).map(|kept| kept.wanted()).unwrap_or_default()
}

/// What becomes of the restore with a token.
pub fn fate(v: &LiveContent, token: &Token) -> Fate {
    kept(v).map_or(Fate::Stopped, |kept| kept.fate(token))
}

/// Whether a restore that its claim still waits for is given up: somebody deletes the snapshot, with its namespace perhaps, and may not be
/// kept from it for ever by a stranger's claim. One that runs is finished, and one whose turn has not come yet will be; one that the backend
/// objects to again and again, or that nobody makes because no consent stands beside its token, has no end. The owner's own claims may
/// wait for as long as they like. It is the same where the data is retained: the VolumeSnapshot itself is held while it is restored.
pub fn is_given_up(v: &LiveContent, token: &Token, attempts: Attempts) -> bool {
    let content = &v.content;
    let own = |snapshot: &&Snapshot| content.of_uid.as_ref() == Some(&snapshot.uid);
    let snapshot_goes = v.snapshot.as_ref().filter(own).is_some_and(|s| s.terminating);
    let goes = content.terminating || content.being_deleted || snapshot_goes;
    let note = content.tokens.get(token).and_then(Option::as_ref);
    let stranger_s = note
        .and_then(Note::copy)
        .is_some_and(|note| note.claim.namespace != content.of.namespace);
    goes && (!is_meant(content, token) || (stranger_s && attempts.are_hopeless()))
}

fn kept(v: &LiveContent) -> Option<Kept<'_>> {
    let content = &v.content;
    let handle = trust::tied(content, &v.imports).ok().filter(|_| content.ours)?;
    let tokens = content.tokens.iter().map(|(token, note)| {
        let note = note.as_ref().and_then(Note::copy);
        (token, note.filter(|note| is_agreed(content, note)))
    });
    Some(Kept {
        tokens: tokens.collect(),
        claims: &v.tokens,
        known: &v.copies,
        backend: v.backend.as_ref(),
        backend_name: v.backend.as_ref().map(|backend| backend.name.clone()),
        reading: Reading::of_snapshot(content, handle),
    })
}

/// Whether a token on a content is one by which a claim gets its volume, as far as anybody can tell.
pub fn is_meant(content: &Content, token: &Token) -> bool {
    let note = content.tokens.get(token).and_then(Option::as_ref);
    // A note that cannot be read may be a later version's.
    note.is_none_or(|note| note.copy().is_some_and(|note| is_agreed(content, note)))
}

/// Whether a note says by whose consent a claim of another namespace reads this snapshot. Whether that is still given is asked before
/// anything is read.
fn is_agreed(content: &Content, note: &CopyNote) -> bool {
    if note.claim.namespace == content.of.namespace {
        return true;
    }
    note.consent.as_ref().is_some_and(|consent| {
        let source = &consent.source;
        source.kind == SourceKind::Snapshot
            && source.namespace == content.of.namespace
            && source.name == content.of.name
    })
}

/// Nothing was ever read by such a content, or nothing is to be any more.
fn untied(v: &LiveContent) -> Vec<Action> {
    let token = v.content.tokens.keys().next();
    let take = token.map(|token| Action::LetSnapshotGo {
        content: (&v.content).into(),
        token: token.clone(),
    });
    take.into_iter().collect()
}

/// Clears away what the ledger calls a copy of this, and what is unfinished, then takes the token off.
fn end(v: &LiveContent, kept: &Kept<'_>, token: &Token) -> Option<Vec<Action>> {
    let take = kept.reading.take(token);
    let Some(handle) = kept.handle(token) else {
        return Some(vec![take]);
    };
    let backend = v.backend.as_ref()?;
    let mut actions = match kept.record(token) {
        Some(record) if kept.is_its_copy(record) => {
            let twins = v.copies.get(token).is_some_and(|known| known.twins);
            cleared(record, backend, twins)
        }
        Some(_) => Vec::new(),
        None => vec![Action::AbandonCopy {
            backend: backend.name.clone(),
            handle,
        }],
    };
    actions.push(take);
    Some(actions)
}
