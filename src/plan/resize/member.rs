//! The size of a member: its owner's. There is nothing to be made, and nothing that a member can ask for beyond that.

use super::{ForResize, ResizeMark, finished, mark, refused};
use crate::api::reasons::ClaimReason as R;
use crate::domain::claim::Claim;
use crate::domain::pv::Pv;
use crate::domain::size;
use crate::plan::{Action, Plan, Refusal};

/// The size that the owner's object shows, if it is that of the same data and stays.
fn of_owner(pv: &Pv, owner: Option<&Pv>) -> Option<u64> {
    let owner = owner.filter(|owner| owner.is_owner() && !owner.terminating)?;
    let handle = |pv: &Pv| pv.ours.as_ref().map(|ours| ours.handle.clone());
    (handle(owner) == handle(pv)).then_some(owner.capacity)
}

/// Whether a claim came into the volume by itself: nobody else's size is ours to say.
fn is_its_own(claim: &Claim, pv: &Pv) -> bool {
    claim.uid.pv_name() == pv.name
}

pub(super) fn is_quiet(claim: &Claim, pv: &Pv, owner: Option<&Pv>) -> bool {
    let (Some(size), Some(has)) = (of_owner(pv, owner), claim.growth.capacity) else {
        return true;
    };
    let asked = claim.request.unwrap_or_default();
    !is_its_own(claim, pv) || (size <= pv.capacity && pv.capacity <= has && asked <= has)
}

pub(super) fn decide(o: &ForResize<'_>) -> Plan {
    let (claim, pv) = (o.claim, o.pv);
    let (Some(size), Some(has)) = (of_owner(pv, o.owner), claim.growth.capacity) else {
        return Plan::settled();
    };
    if !is_its_own(claim, pv) {
        return Plan::settled();
    }
    if pv.capacity < size {
        return Plan::then_look_again(vec![Action::Grant {
            pv: pv.into(),
            bytes: size,
        }]);
    }
    let asked = claim.request.unwrap_or_default();
    if has < pv.capacity {
        let bytes = pv.capacity;
        // Whoever asked for more hears of it; for everybody else it is the owner's affair.
        return Plan::then_look_again(match asked > has {
            true => finished(claim, pv, bytes, false).into(),
            false => vec![mark(claim, ResizeMark::Finished { bytes })],
        });
    }
    if asked <= has {
        return Plan::settled();
    }
    refused(claim, asked, &too_large(asked, pv.capacity), true)
}

fn too_large(asked: u64, has: u64) -> Refusal {
    let (asked, has) = (size::format(asked), size::format(has));
    Refusal::new(
        R::TooLarge,
        format!(
            "the claim asks for {asked}, the shared volume has {has}; it grows when its owner's claim does, and nothing is wrong with this \
             one until then"
        ),
    )
}
