//! How a change prints: one line each.

use super::Change;
use crate::domain::record::Record;
use std::fmt;

/// One line that stays the same from release to release: the tests' expected texts and the logs have it.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(record) => write!(f, "begin {}", Line(record)),
            Self::Intend { volume, intent } => write!(f, "intend {volume}: {intent}"),
            Self::Settle { volume, intent } => write!(f, "settle {volume}: {intent}"),
            Self::Join { volume, pv, member } => write!(
                f,
                "{volume} members += {pv} ({}, {}{})",
                member.claim.key,
                member.access,
                member.mount.in_a_list()
            ),
            Self::Leave { volume, pv } => write!(f, "{volume} members -= {pv}"),
            Self::SetState { volume, state } => write!(f, "{volume} state = {state}"),
            Self::SetOwner { volume, owner } => write!(f, "{volume} owner = {}", owner.key),
            Self::SetBytes { volume, bytes } => write!(f, "{volume} bytes = {bytes}"),
            Self::SetTerms { volume, terms } => write!(
                f,
                "{volume} terms = {}, onDelete {}, onOwnerDelete {}{}",
                terms.policy.as_str(),
                terms.on_delete.as_str(),
                terms.on_owner_delete.as_str(),
                terms.mount.in_a_list()
            ),
            Self::Forget { volume } => write!(f, "forget {volume}"),
            Self::Restore(record) => write!(f, "restore {}", Line(record)),
        }
    }
}

/// A record on one line.
struct Line<'a>(&'a Record);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let r = self.0;
        write!(f, "{} {} of {}", r.volume, r.state, r.owner.key)?;
        write!(f, " on {} at {}, {} bytes", r.backend, r.handle, r.bytes)?;
        for pv in r.members.keys() {
            write!(f, ", member {pv}")?;
        }
        match &r.intent {
            Some(intent) => write!(f, ", intends {intent}"),
            None => Ok(()),
        }
    }
}
