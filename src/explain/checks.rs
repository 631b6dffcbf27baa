//! Checks as people see them: how each came out, or that nobody can tell for lack of rights.
//!
//! A check that rests on something unread is neither passed nor failed. Nothing is decided here: the outcomes are `plan`'s.

use crate::domain::cut::Side;
use crate::plan::consent::Consent;
use crate::plan::handshake::{self, Row};
use serde::Serialize;
use std::collections::BTreeMap;

/// Something that checks rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Input {
    /// The claim's class.
    Class,
    /// References in its namespace.
    References,
    /// Its namespace, where an owner grants by the labels of it.
    Namespace,
    /// The claim that it asks to join, or that owns its volume.
    Source,
    /// The namespace of that one.
    SourceNamespace,
    /// The CrossNamespaceSource that it names.
    CrossSource,
    /// VolumePopulators.
    Populators,
    /// ReferenceGrants in the namespace of what it wants copied.
    Grants,
    /// PersistentVolumes, and with them what namespaces use of backends.
    Volumes,
    /// StorageBackends.
    Backends,
    /// Events of the claim, by which nothing is checked.
    Events,
}

/// What could not be read, each with why.
#[derive(Debug, Default)]
pub(super) struct Unseen(BTreeMap<Input, String>);

impl Unseen {
    /// This could not be read. What was said first stays.
    pub(super) fn add(&mut self, input: Input, why: String) {
        self.0.entry(input).or_insert(why);
    }

    /// Why the first of these could not be read, if one could not.
    pub(super) fn why(&self, inputs: &[Input]) -> Option<&str> {
        inputs.iter().find_map(|input| self.0.get(input)).map(String::as_str)
    }

    /// All of it.
    pub(super) fn all(&self) -> Vec<String> {
        self.0.values().cloned().collect()
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Outcome {
    /// Passed.
    Passed,
    /// Failed.
    Failed,
    /// It rests on something that the caller may not read.
    Unknown,
    /// Not looked at, because an earlier one failed.
    NotReached,
}

/// One check.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) check: &'static str,
    pub(super) outcome: Outcome,
    pub(super) text: String,
}

impl Check {
    pub(super) fn new(check: impl Into<&'static str>, outcome: Outcome, text: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            outcome,
            text: text.into(),
        }
    }
}

/// What a row of the handshake rests on besides the claim.
fn needs(row: Row) -> &'static [Input] {
    match row {
        Row::Unbound | Row::WellFormed | Row::NoConflict => &[],
        Row::Referenced => &[Input::References],
        Row::Granted => &[Input::Source, Input::Namespace, Input::Grants],
        Row::SourceBound | Row::SourceOwns | Row::SameClass | Row::SizeFits => &[Input::Volumes],
        Row::SourceStays => &[Input::Volumes, Input::SourceNamespace],
        Row::ModesFit => &[Input::References, Input::Volumes],
        Row::BackendServes => &[Input::Volumes, Input::Backends, Input::Class],
    }
}

/// Whether a row passes where it sees nothing, and would not fail.
fn passes_blindly(row: Row) -> bool {
    matches!(row, Row::SourceStays | Row::BackendServes)
}

/// The rows of a handshake. One that failed because nothing was seen has not failed; what comes after it cannot be told either, as far
/// as it rests on what is unseen.
pub(super) fn of_handshake(rows: Vec<(Row, handshake::Outcome)>, unseen: &Unseen) -> Vec<Check> {
    use handshake::Outcome as O;
    let mut doubtful = false;
    let shown = rows.into_iter().map(|(row, outcome)| {
        let missing = unseen.why(needs(row)).filter(|_| match outcome {
            O::Passed(_) => passes_blindly(row),
            O::Failed(_) => true,
            O::NotReached => doubtful,
        });
        match (outcome, missing) {
            (_, Some(why)) => {
                doubtful = true;
                Check::new(row, Outcome::Unknown, why)
            }
            (O::Passed(text), None) => Check::new(row, Outcome::Passed, text),
            (O::Failed(refusal), None) => Check::new(row, Outcome::Failed, refusal.to_string()),
            (O::NotReached, None) => Check::new(row, Outcome::NotReached, ""),
        }
    });
    shown.collect()
}

/// What the state of a member's consent is told from.
#[derive(Debug)]
pub(super) struct Member {
    /// As `plan` reads it.
    pub(super) consent: Consent,
    /// What it says if consent has ended.
    pub(super) ended: Option<String>,
    /// Whether the volume's owner has gone.
    pub(super) owner_gone: bool,
}

/// The rows of a handshake that stay after the join, as the state of consent.
pub(super) fn of_member(member: &Member, unseen: &Unseen) -> Vec<Check> {
    let reference = unseen.why(&[Input::Volumes, Input::References]);
    let grant = unseen.why(&[Input::Volumes, Input::Source, Input::Namespace]);
    let ended = || member.ended.clone().unwrap_or_default();
    let referenced = match (member.consent, reference) {
        (_, Some(why)) => (Outcome::Unknown, why.to_owned()),
        (Consent::WithdrawnByReference, None) => (Outcome::Failed, ended()),
        (Consent::WithdrawnByOwner, None) => (Outcome::NotReached, String::new()),
        (Consent::Unknown, None) => {
            let text = "references of the kind that it came by cannot be read now; nothing is changed meanwhile";
            (Outcome::Unknown, text.to_owned())
        }
        (Consent::ReadOnlyNow(Side::Reference), None) => (Outcome::Failed, ended()),
        (Consent::Given | Consent::ReadOnlyNow(Side::Owner), None) => {
            (Outcome::Passed, "a reference in this namespace permits it".to_owned())
        }
    };
    let granted = match (member.consent, grant) {
        _ if member.owner_gone && unseen.why(&[Input::Volumes]).is_none() => {
            let text = "the owner has gone; its consent stays as it was at the join";
            (Outcome::Passed, text.to_owned())
        }
        (_, Some(why)) => (Outcome::Unknown, why.to_owned()),
        (Consent::WithdrawnByOwner | Consent::ReadOnlyNow(Side::Owner), None) => (Outcome::Failed, ended()),
        (
            Consent::Given | Consent::WithdrawnByReference | Consent::ReadOnlyNow(Side::Reference) | Consent::Unknown,
            None,
        ) => (Outcome::Passed, "its owner shares it with this namespace".to_owned()),
    };
    vec![
        Check::new(Row::Referenced, referenced.0, referenced.1),
        Check::new(Row::Granted, granted.0, granted.1),
    ]
}
