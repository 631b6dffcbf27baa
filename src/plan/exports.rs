//! The ways to the data of one backend, where those are something on its server: what each is to let through, which are missing, and
//! which nobody needs any more.
//!
//! An export belongs to a volume, a namespace and an access, and all that mount it share it: it is narrowed only if everybody who
//! uses it is a member whose consent has ended and who joined under `onRevoke: Cut`; anybody else keeps it whole. What is not known
//! changes nothing, in either direction. Whether the evidence of an end is old enough is decided here; whether it is still true is
//! read live by the caller, once more, and decided here again.

mod losses;
mod steps;
#[cfg(test)]
mod tests;

pub use losses::{is_news, losses, unsure};
pub use steps::actions;

use super::consent::Consent;
use crate::domain::access::OnRevoke;
use crate::domain::cut::Cut;
use crate::domain::ids::ClaimRef;
use crate::domain::pv::{Pv, PvPhase};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tombolo_backend_api::{Admission, ExportKey};

/// Somebody who needs an export.
#[derive(Debug, Clone)]
pub enum User {
    /// The volume's owner.
    Owner(Arc<Pv>),
    /// A member.
    Member(Member),
    /// Whoever is not to be found by an object: a join that is under way, or a claim that lost its object. Nothing is known of its
    /// consent, so nothing is taken from it, and nothing given back.
    Unseen,
}

/// A member.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its PersistentVolume.
    pub pv: Arc<Pv>,
    /// The claim it is for, if that is known.
    pub claim: Option<ClaimRef>,
    /// The state of its consent; `None`: it has not been read.
    pub consent: Option<Consent>,
    /// How long consent has been seen to have ended, without a break.
    pub age: Duration,
}

impl Member {
    /// What is written of access that was taken from it.
    fn written(&self) -> Option<&Cut> {
        self.pv.ours.as_ref()?.cut.as_ref()
    }
}

/// On what terms access is taken away.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Whether the backend can.
    pub revokes: bool,
    /// How old evidence has to be.
    pub grace: Duration,
}

/// What the decision about a backend looks at.
#[derive(Debug, Clone)]
pub struct ForExports<'a> {
    /// Exports that there are.
    pub found: &'a BTreeMap<ExportKey, Admission>,
    /// Who needs which.
    pub users: &'a BTreeMap<ExportKey, Vec<User>>,
    /// The terms.
    pub terms: Terms,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Exports that let through less than they are to, or of whose users it is not written down as it is.
    pub wider: Vec<Change>,
    /// Exports that are not there.
    pub missing: Vec<Change>,
    /// Exports that let through more than they are to.
    pub narrower: Vec<Change>,
    /// Exports that will have to be narrowed, if nothing changes.
    pub soon: Vec<ExportKey>,
    /// When the first of those may be due.
    pub again: Option<Duration>,
    /// Exports that nobody needs.
    pub unneeded: Vec<ExportKey>,
}

/// What becomes of one export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub export: ExportKey,
    /// What it lets through; `None`: it is not there.
    pub from: Option<Admission>,
    /// What it is to let through.
    pub to: Admission,
}

/// What one user asks of an export, or all of them together.
#[derive(Debug, Clone, Copy)]
struct Lets {
    admission: Admission,
    /// It will be less after this time.
    less_after: Option<Duration>,
}

/// Decides about a backend.
pub fn decide(o: &ForExports<'_>) -> Outlook {
    let mut outlook = Outlook::default();
    for (export, users) in o.users {
        let from = o.found.get(export).copied();
        let lets = lets(users, from, o.terms);
        if let Some(wait) = lets.less_after {
            outlook.soon.push(export.clone());
            outlook.again = Some(outlook.again.map_or(wait, |first| first.min(wait)));
        }
        let change = Change {
            export: export.clone(),
            from,
            to: lets.admission,
        };
        match from {
            // Nothing is made for whoever is to have nothing, or is about to go.
            None if lets.admission > Admission::Cut && users.iter().any(mounts) => outlook.missing.push(change),
            None => {}
            Some(from) if lets.admission < from => outlook.narrower.push(change),
            Some(from) if lets.admission > from || steps::notes(&change, users).next().is_some() => {
                outlook.wider.push(change)
            }
            Some(_) => {}
        }
    }
    let needed = |export: &&ExportKey| o.users.get(*export).is_none_or(Vec::is_empty);
    outlook.unneeded = o.found.keys().filter(needed).cloned().collect();
    outlook
}

/// What becomes of an export, by its users alone.
pub fn change(export: &ExportKey, users: &[User], from: Option<Admission>, terms: Terms) -> Change {
    Change {
        export: export.clone(),
        from,
        to: lets(users, from, terms).admission,
    }
}

/// Whether a user's pods mount it, or are about to.
fn mounts(user: &User) -> bool {
    let there = |pv: &Pv| !pv.terminating && matches!(pv.phase, PvPhase::Bound | PvPhase::Pending);
    match user {
        User::Owner(pv) => there(pv),
        User::Member(member) => there(&member.pv),
        User::Unseen => false,
    }
}

fn lets(users: &[User], from: Option<Admission>, terms: Terms) -> Lets {
    let all: Vec<Lets> = users.iter().map(|user| one(user, from, terms)).collect();
    let admission = all.iter().map(|l| l.admission).max().unwrap_or_default();
    // It becomes less when the last of those who keep it as it is has waited long enough; one who does not wait never lets that happen.
    let keeping: Vec<_> = all
        .iter()
        .filter(|l| l.admission == admission)
        .map(|l| l.less_after)
        .collect();
    let less_after = keeping.into_iter().collect::<Option<Vec<_>>>();
    Lets {
        admission,
        less_after: less_after.and_then(|waits| waits.into_iter().max()),
    }
}

fn one(user: &User, from: Option<Admission>, terms: Terms) -> Lets {
    let exactly = |admission| Lets {
        admission,
        less_after: None,
    };
    let member = match user {
        User::Member(member) if may_lose(member, terms) => member,
        User::Member(_) | User::Owner(_) => return exactly(Admission::Full),
        User::Unseen => return exactly(from.unwrap_or_default()),
    };
    let written = member.written();
    let as_it_is = from.unwrap_or_else(|| written.map_or(Admission::Full, |cut| cut.left.admission()));
    let left = match member.consent {
        Some(Consent::Given) => return exactly(Admission::Full),
        // It seems to have ended, and whoever reads that live may find that it has. Without its claim it is leaving, and nobody will.
        None if member.claim.is_some() && as_it_is > Admission::Cut => {
            return Lets {
                admission: as_it_is,
                less_after: Some(terms.grace),
            };
        }
        None | Some(Consent::Unknown) => return exactly(as_it_is),
        Some(ended) => ended.ended(),
    };
    let Some((left, _)) = left else {
        return exactly(as_it_is);
    };
    let target = left.admission();
    // What was taken once, and given back by nobody who may, needs no new evidence.
    let decided = written.is_some_and(|cut| cut.left <= left);
    if decided || as_it_is <= target || member.age >= terms.grace {
        return exactly(target);
    }
    Lets {
        admission: as_it_is,
        less_after: Some(terms.grace.saturating_sub(member.age)),
    }
}

/// Whether it is up to a member's consent what its export lets through.
pub fn may_lose(member: &Member, terms: Terms) -> bool {
    terms.revokes && cuts(&member.pv)
}

/// Whether a member joined under `onRevoke: Cut`.
fn cuts(pv: &Pv) -> bool {
    pv.joined().is_some_and(|joined| joined.on_revoke == OnRevoke::Cut)
}

/// Whether the use of an export of their volume by one of these keeps it whole, also for a member who joined under `onRevoke: Cut`.
pub fn kept_by_one_of<'a>(member: &Pv, mut all: impl Iterator<Item = &'a Pv>) -> bool {
    let access = |pv: &Pv| pv.ours.as_ref().map(|ours| ours.access);
    cuts(member) && all.any(|pv| !cuts(pv) && pv.tenant() == member.tenant() && access(pv) == access(member))
}
