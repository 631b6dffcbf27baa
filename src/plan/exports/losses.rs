//! Who is to lose access, who has lost some, and whether that is known of everybody: what is counted before anything is cut.

use super::{Change, ForExports, Member, Outlook, Terms, User, may_lose};
use crate::domain::cut::Left;
use crate::plan::consent::Consent;
use crate::plan::revocation::Loss;
use jiff::Timestamp;
use std::collections::BTreeMap;
use tombolo_backend_api::{Admission, ExportKey};

/// Whether somebody loses access by a change that nobody has decided before.
pub fn is_news(change: &Change, users: &BTreeMap<ExportKey, Vec<User>>) -> bool {
    let of = users.get(&change.export).into_iter().flatten();
    members(of).any(|member| takes(change.to, member))
}

/// All that is to be lost now or soon, and all that is lost. A backend may have done what is not written yet: that counts as of now.
pub fn losses(o: &ForExports<'_>, outlook: &Outlook, now: Timestamp) -> Vec<Loss> {
    let mut losses = Vec::new();
    let mut add = |export: &ExportKey, member: &Member, since| {
        losses.push(Loss {
            export: export.clone(),
            member: member.pv.name.clone(),
            since,
        })
    };
    let due = outlook.narrower.iter().map(|change| (&change.export, change.to));
    let soon = outlook.soon.iter().map(|export| (export, Admission::Cut));
    for (export, to) in due.chain(soon) {
        let of = o.users.get(export).into_iter().flatten();
        members(of)
            .filter(|member| takes(to, member))
            .for_each(|member| add(export, member, None));
    }
    for (export, users) in o.users {
        let found = o.found.get(export).copied().unwrap_or(Admission::Full);
        for member in members(users.iter().filter(|_| o.terms.revokes)) {
            let ended = member.consent.and_then(Consent::ended).is_some();
            let unwritten = ended && may_lose(member, o.terms) && takes(found, member);
            match member.written() {
                _ if unwritten => add(export, member, Some(now)),
                Some(cut) => add(export, member, Some(cut.since)),
                None => {}
            }
        }
    }
    losses
}

/// Whether there are members who may lose access, and of whom nobody can tell now whether they should.
pub fn unsure(users: &BTreeMap<ExportKey, Vec<User>>, terms: Terms) -> bool {
    let open = |member: &Member| match member.consent {
        Some(Consent::Unknown) => true,
        None => member.claim.is_some(),
        Some(_) => false,
    };
    let has_some = |member: &Member| member.written().is_none_or(|cut| cut.left > Left::Nothing);
    members(users.values().flatten()).any(|member| may_lose(member, terms) && has_some(member) && open(member))
}

fn members<'a>(users: impl Iterator<Item = &'a User>) -> impl Iterator<Item = &'a Member> {
    users.filter_map(|user| match user {
        User::Member(member) => Some(member),
        User::Owner(_) | User::Unseen => None,
    })
}

/// Whether a member has more than that, as far as is written.
fn takes(to: Admission, member: &Member) -> bool {
    let left = member.written().map_or(Admission::Full, |cut| cut.left.admission());
    left > to
}
