//! The steps of a change: the backend, what is written on members' objects, what they are told.

use super::{Change, Member, User};
use crate::api::reasons::ClaimReason as R;
use crate::domain::cut::{Cut, Left, Side};
use crate::domain::ids::Handle;
use crate::plan::consent::Consent;
use crate::plan::{Action, Refusal, upkeep};
use jiff::Timestamp;
use tombolo_backend_api::{Admission, BackendId};

const RESTORED: &str =
    "consent is given again, and access over the same path is back; pods that still get errors have to be restarted";

/// What has to be written on members' objects once an export lets through what it is to; nothing, where that is so already.
pub(super) fn notes<'a>(
    change: &Change,
    users: &'a [User],
) -> impl Iterator<Item = (&'a Member, Option<(Left, Side)>)> {
    let left = match change.to {
        Admission::Full => None,
        Admission::ReadOnly => Some(Left::ReadOnly),
        Admission::Cut => Some(Left::Nothing),
    };
    users.iter().filter_map(move |user| {
        let User::Member(member) = user else { return None };
        let written = member.written();
        match (left, member.consent.and_then(Consent::ended)) {
            (None, _) => written.map(|_| (member, None)),
            (Some(left), Some((_, by))) => {
                let same = written.is_some_and(|cut| (cut.left, cut.by) == (left, by));
                (!same).then_some((member, Some((left, by))))
            }
            // What is not known stays as it is written.
            (Some(_), None) => None,
        }
    })
}

/// Whether it is yet to be written of a member that so much is left to it. Then nobody knows whether the backend has done all of it:
/// a list says what its exports are to be, and a call that failed halfway may have changed the list alone.
fn is_news(change: &Change, users: &[User]) -> bool {
    let left = |wanted: Option<Left>, member: &Member| wanted != member.written().map(|cut| cut.left);
    notes(change, users).any(|(member, wanted)| left(wanted.map(|(left, _)| left), member))
}

/// The steps by which a change is made, in an order that a crash may interrupt anywhere: first the backend, then what says so. The
/// backend is asked also for what it lists already, as long as that is not written: asking twice is harmless, and it answers with an
/// error while it lets through anything else.
pub fn actions(change: &Change, users: &[User], backend: &BackendId, now: Timestamp) -> Vec<Action> {
    let handle = Handle {
        backend: backend.clone(),
        path: change.export.path.clone(),
    };
    let mut actions = Vec::new();
    let export = change.export.clone();
    match (change.from, change.to) {
        (None, Admission::Full) => actions.push(Action::MakeExport { handle, export }),
        (from, to) if from == Some(to) && !is_news(change, users) => {}
        (_, admission) => actions.push(Action::Admit {
            handle,
            export,
            admission,
        }),
    }
    for (member, wanted) in notes(change, users) {
        let cut = wanted.map(|(left, by)| {
            let since = member.written().filter(|cut| cut.left == left).map(|cut| cut.since);
            let since = since.unwrap_or(now);
            Cut { since, left, by }
        });
        let told = match &cut {
            Some(cut) => upkeep::access_cut(cut),
            None => Refusal::new(R::AccessRestored, RESTORED),
        };
        let over = cut.is_none();
        let note = Action::NoteCut {
            pv: member.pv.name.clone(),
            uid: member.pv.uid.clone(),
            cut,
        };
        let claim = member.claim.as_ref();
        let tell = claim.map(|claim| Action::tell(claim, told.reason, told.text));
        // What is written is all that remembers a cut: each look at the claim tells of it while it is there, and who dies before it is
        // taken off tells of its end again.
        match over {
            true => actions.extend(tell.into_iter().chain([note])),
            false => actions.extend([note].into_iter().chain(tell)),
        }
    }
    actions
}
