//! What keeps data while copies read it, and what each look at that does about them.
//!
//! A clone reads a volume, which its PersistentVolume keeps; a restore reads a snapshot, which its VolumeSnapshotContent keeps, since a
//! snapshot outlives its volume. Both take the same token, with the same note, and both refuse it once they are being deleted.

use super::{Origin, Wanted, handle, record, steps};
use crate::domain::backend::Backend;
use crate::domain::change::Change;
use crate::domain::ids::{BackendName, Handle, Namespace, VolumeId};
use crate::domain::pv::{Ours, Pv};
use crate::domain::record::{Intent, Record, State};
use crate::domain::snapshot::content::{Content, ContentSource};
use crate::domain::snapshot::handle::SnapshotHandle;
use crate::domain::token::{CopyNote, Token};
use crate::plan::volume::TokenClaim;
use crate::plan::{Action, Data};
use std::collections::BTreeMap;
use tombolo_backend_api::BackendId;

/// The object that keeps the data.
#[derive(Debug, Clone, Copy)]
pub enum Keeper<'a> {
    /// The volume's own.
    Volume(&'a Pv),
    /// That of a snapshot.
    Content(&'a Content),
}

/// Data that is read, and what keeps it.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    keeper: Keeper<'a>,
    data: Data,
}

impl<'a> Reading<'a> {
    /// A volume's.
    pub fn of_volume(pv: &'a Pv, ours: &Ours) -> Self {
        Self {
            keeper: Keeper::Volume(pv),
            data: Data::Volume(ours.handle.clone()),
        }
    }

    /// A snapshot's.
    pub const fn of_snapshot(content: &'a Content, handle: SnapshotHandle) -> Self {
        Self {
            keeper: Keeper::Content(content),
            data: Data::Snapshot(handle),
        }
    }

    /// What is read.
    pub const fn data(&self) -> &Data {
        &self.data
    }

    /// Where it lies.
    pub const fn backend(&self) -> &BackendId {
        self.data.backend()
    }

    /// The object that keeps it.
    pub fn origin(&self) -> Origin {
        match self.keeper {
            Keeper::Volume(pv) => Origin::Volume(pv.name.clone()),
            Keeper::Content(content) => Origin::Content(content.name.clone()),
        }
    }

    /// What the ledger calls it.
    pub fn from(&self) -> VolumeId {
        self.origin().volume()
    }

    /// Whose data it is; `None`: nobody can tell, as of what an admin imported, be it into a namespace of the same name.
    pub fn namespace(&self) -> Option<&Namespace> {
        match self.keeper {
            Keeper::Volume(pv) => pv.claim.as_ref().map(|c| &c.key.namespace),
            Keeper::Content(content) => {
                matches!(content.source, ContentSource::Volume(_)).then_some(&content.of.namespace)
            }
        }
    }

    /// Takes a token off.
    pub fn take(&self, token: &Token) -> Action {
        match self.keeper {
            Keeper::Volume(pv) => Action::TakeToken {
                pv: pv.name.clone(),
                uid: pv.uid.clone(),
                token: token.clone(),
            },
            Keeper::Content(content) => Action::LetSnapshotGo {
                content: content.into(),
                token: token.clone(),
            },
        }
    }
}

/// What is known of one copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// What the ledger knows of its volume.
    pub record: Option<Record>,
    /// Whether a PersistentVolume has its handle, as only an edit can bring about while there is none of its name.
    pub twins: bool,
    /// Whether it was given up: its source was found too large for it, or consent to it has ended.
    pub given_up: bool,
}

impl Known {
    fn is_over(&self) -> bool {
        self.given_up || self.record.as_ref().is_some_and(is_ending)
    }
}

/// What becomes of a copy that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Wanted,
    /// Its object is there: what is left takes a moment.
    Finishing,
    /// It stops: nobody waits for it any more, or nothing keeps its source.
    Stopped,
}

impl Fate {
    /// By whether its token is on, what has become of its claim, and what else is known of it.
    pub fn of(on: bool, claim: &TokenClaim, known: Option<&Known>) -> Self {
        match claim {
            TokenClaim::Served => Self::Finishing,
            TokenClaim::Waiting if on && !known.is_some_and(Known::is_over) => Self::Wanted,
            TokenClaim::Waiting | TokenClaim::Gone => Self::Stopped,
        }
    }
}

/// Data that is kept for copies, and all that is known of those.
#[derive(Debug, Clone)]
pub struct Kept<'a> {
    /// The data.
    pub reading: Reading<'a>,
    /// Tokens of copies, with what finishing them needs.
    pub tokens: Vec<(&'a Token, Option<&'a CopyNote>)>,
    /// What has become of the claim that each is for.
    pub claims: &'a BTreeMap<Token, TokenClaim>,
    /// What else is known of each copy.
    pub known: &'a BTreeMap<Token, Known>,
    /// The backend, if it can be used.
    pub backend: Option<&'a Backend>,
    /// Its name, if that is known.
    pub backend_name: Option<BackendName>,
}

/// What is done about copies before anything else: the end of one, and a record for each that has begun.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// One is over: this is its end.
    Ends(Vec<Action>),
    /// They are under way, or wait; these records are missing.
    Under(Vec<Action>),
}

impl<'a> Kept<'a> {
    fn claim(&self, token: &Token) -> &TokenClaim {
        // One that was not looked up counts as waiting.
        self.claims.get(token).unwrap_or(&TokenClaim::Waiting)
    }

    /// What the ledger knows of a copy's volume.
    pub fn record(&self, token: &Token) -> Option<&'a Record> {
        self.known.get(token)?.record.as_ref()
    }

    /// Whether a copy that its claim still waits for is over all the same: it was given up, or its end has begun.
    fn is_over(&self, token: &Token) -> bool {
        self.known.get(token).is_some_and(Known::is_over)
    }

    fn new_record(&self, token: &Token, note: &CopyNote) -> Option<Record> {
        record(&self.reading, token, note, self.backend_name.clone()?)
    }

    /// The copies that are to be made, or to go on.
    pub fn wanted(&self) -> Vec<Wanted> {
        let wanted = |(token, note): &(&Token, Option<&CopyNote>)| {
            let waits = *self.claim(token) == TokenClaim::Waiting && !self.is_over(token);
            // Somebody has edited the source's handle: nothing is copied onto itself.
            let onto_itself = |copy: Handle| self.reading.data == Data::Volume(copy);
            let note = (*note).filter(|_| waits && self.handle(token).is_some_and(|copy| !onto_itself(copy)))?;
            let record = match self.record(token) {
                Some(record) if self.is_another(record) => return None,
                Some(record) if record.state == State::Creating => record.clone(),
                // Its object was there: whoever repairs that, it is no copy's work.
                Some(_) => return None,
                None => self.new_record(token, note)?,
            };
            Some(steps(&self.reading, token, note, record))
        };
        self.tokens.iter().filter_map(wanted).collect()
    }

    /// What becomes of the copy with a token.
    pub fn fate(&self, token: &Token) -> Fate {
        let on = self.tokens.iter().any(|(on, _)| *on == token);
        Fate::of(on, self.claim(token), self.known.get(token))
    }

    /// What a look does. `end`: what clears a copy away that is over and takes its token off; `None`: that has to wait.
    pub fn see(&self, end: impl Fn(&Token, Option<&CopyNote>) -> Option<Vec<Action>>) -> Seen {
        let mut begun = Vec::new();
        for (token, note) in &self.tokens {
            match self.claim(token) {
                TokenClaim::Served => return Seen::Ends(vec![self.reading.take(token)]),
                // What was begun first is gone on with; whoever asks for something else is told so.
                TokenClaim::Waiting if self.record(token).is_some_and(|r| self.is_another(r)) => {
                    return Seen::Ends(vec![self.reading.take(token)]);
                }
                TokenClaim::Waiting if !self.is_over(token) => {
                    let missing = note.filter(|_| self.record(token).is_none());
                    let record = missing.and_then(|note| self.new_record(token, note));
                    begun.extend(record.map(|record| Action::Record(vec![Change::Begin(record)])));
                }
                TokenClaim::Gone | TokenClaim::Waiting => {
                    if let Some(actions) = end(token, *note) {
                        return Seen::Ends(actions);
                    }
                }
            }
        }
        Seen::Under(begun)
    }

    /// Whether the ledger says that something else than a copy of this was begun in the copy's place.
    fn is_another(&self, record: &Record) -> bool {
        record.state == State::Creating
            && match &record.intent {
                Some(Intent::Create) => true,
                Some(Intent::Copy { from }) => *from != self.reading.from(),
                Some(Intent::Join { .. } | Intent::Discard { .. }) | None => false,
            }
    }

    /// Where a copy lies.
    pub fn handle(&self, token: &Token) -> Option<Handle> {
        handle(self.reading.backend(), token)
    }

    /// Whether the ledger says that a volume is being made as a copy of this, or that such a copy is being cleared away.
    pub fn is_its_copy(&self, record: &Record) -> bool {
        matches!(&record.intent, Some(Intent::Copy { from }) if *from == self.reading.from()) || is_ending(record)
    }
}

fn is_ending(record: &Record) -> bool {
    record.state == State::Deleting || matches!(record.intent, Some(Intent::Discard { .. }))
}
