//! What is said of a bound claim that asks for more than it has.

use super::checks::Input;
use super::reading::Seen;
use super::volume::objects;
use crate::api::names;
use crate::api::reasons::ClaimReason as R;
use crate::domain::claim::Claim;
use crate::domain::size;
use crate::plan::Verdict;
use crate::plan::resize::{ForResize, decide};

/// Longest word of a status that is shown, in characters.
const NOTE: usize = 1024;

/// How its growth is; `None`: it has what it asks for.
pub(super) fn growth(seen: &Seen, claim: &Claim) -> Option<String> {
    let (asked, has) = (claim.request?, claim.growth.capacity?);
    if !claim.asks_for_more() {
        return None;
    }
    let (asked, has) = (size::format(asked), size::format(has));
    if claim.growth.elsewhere {
        let by = names::ANNOTATION_STORAGE_RESIZER;
        return Some(format!(
            "it has {has} and asks for {asked}; its annotation {by} names somebody else, whom that is left to"
        ));
    }
    let refused = claim.growth.error.clone().or_else(|| refusal(seen, claim));
    Some(match refused {
        Some(why) => {
            let why: String = why.chars().filter(|c| !c.is_control()).take(NOTE).collect();
            format!("{}: {why}", R::VolumeResizeFailed)
        }
        None => format!("{}: it has {has} and asks for {asked}; that is under way", R::Resizing),
    })
}

/// Why not, as far as whoever asks may read what that rests on.
fn refusal(seen: &Seen, claim: &Claim) -> Option<String> {
    if seen.unseen.why(&[Input::Backends, Input::Volumes]).is_some() {
        return None;
    }
    let (pv, owner) = objects(seen, claim)?;
    let looked_at = seen.view.to_decide();
    let plan = decide(&ForResize {
        claim,
        pv,
        owner: owner.filter(|_| pv.is_member()),
        record: looked_at.record,
        backend: seen.view.backend_of(pv),
        uncertain: false,
    });
    match plan.verdict {
        Verdict::Refused(refusal) => Some(refusal.to_string()),
        Verdict::Settled | Verdict::Continue | Verdict::AskLive | Verdict::NotOurs => None,
    }
}
