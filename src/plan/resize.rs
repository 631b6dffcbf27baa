//! A bound claim that asks for more than it has: its volume grows, or it is told why not; and members follow their owner.
//!
//! Looks at the claim, the object it is bound to and, for a member, the owner's object, all read live; one step, then a new look,
//! so there is no other code for crashes. What a claim has is never taken away again: only a size that was never granted is lowered
//! (KEP-1790). Before a backend is told of a size, that is written on the object and in the ledger: what is promised is never
//! counted for less than it is. Steps and status are those of kubernetes-csi/external-resizer, but that nothing is left to nodes.

use super::takes::Taken;
use super::volume::expected_owner;
use super::{Action, Plan, Refusal};
use crate::api::reasons::ClaimReason as R;
use crate::domain::backend::Backend;
use crate::domain::change::Change;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::growth::GrowthStep;
use crate::domain::pv::{Pv, PvPhase};
use crate::domain::record::{Intent, Record, State, Usage};
use crate::domain::size;

mod answer;
pub mod enforced;
mod member;
#[cfg(test)]
pub(crate) mod tests;

pub use answer::{Answer, answer, note_refused};
use answer::{away, cannot, going, refused};

/// What the decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct ForResize<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// The object it is bound to.
    pub pv: &'a Pv,
    /// Of a member: the owner's object.
    pub owner: Option<&'a Pv>,
    /// What the ledger knows of the volume.
    pub record: Option<&'a Record>,
    /// The backend it lies on, with what the claim's namespace uses of it.
    pub backend: Option<&'a Backend>,
    /// Whether this process has told the backend of a size, and cannot know whether it was the last to do so.
    pub uncertain: bool,
}

/// What a claim is told of, besides being told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResizeMark {
    /// This size is being made.
    InProgress {
        /// It.
        bytes: u64,
    },
    /// This size was refused.
    Refused {
        /// It.
        bytes: u64,
        /// Whether it can never be made as things are, and not only not now.
        infeasible: bool,
        /// Why, in words for everybody.
        why: String,
    },
    /// The claim has this size, and nothing is under way any more.
    Finished {
        /// It.
        bytes: u64,
    },
}

/// Whether nothing is to be decided, by what the caches show. `owner`: of a member, its owner's object.
pub fn is_quiet(claim: &Claim, pv: &Pv, owner: Option<&Pv>) -> bool {
    if !is_concerned(claim, pv) {
        return true;
    }
    match pv.is_member() {
        true => member::is_quiet(claim, pv, owner),
        false => goal(claim, pv).is_none(),
    }
}

/// The size that a volume is to have next; `None`: the one it has.
pub fn goal(claim: &Claim, pv: &Pv) -> Option<u64> {
    let growth = &claim.growth;
    let has = growth.capacity?;
    let open = pv.promised() > pv.capacity;
    let Some(asked) = claim.request.filter(|asked| *asked > has) else {
        // Nobody asks any more for what was promised.
        return open.then_some(pv.capacity);
    };
    if pv.capacity >= asked {
        return Some(pv.capacity);
    }
    // An attempt that may have been carried out is finished first: only one that was refused, or never promised, is given up.
    let unanswered = growth.step == Some(GrowthStep::InProgress) && growth.error.is_none();
    let begun = |bytes: &u64| open && unanswered && (pv.capacity..=pv.promised()).contains(bytes);
    Some(growth.allocated.filter(begun).unwrap_or(asked))
}

/// Whether the claim has this volume, and nobody else sees to its size.
fn is_concerned(claim: &Claim, pv: &Pv) -> bool {
    let bound = claim.phase == ClaimPhase::Bound && claim.volume_name.as_ref() == Some(&pv.name);
    let alive = !claim.terminating && !pv.terminating && pv.phase == PvPhase::Bound && pv.ours.is_some();
    let its = pv
        .claim
        .as_ref()
        .is_some_and(|c| c.uid.as_ref() == Some(&claim.uid) && c.key.namespace == claim.key.namespace);
    bound && alive && its && !claim.growth.elsewhere
}

/// Decides about a claim's size.
pub fn decide(o: &ForResize<'_>) -> Plan {
    if !is_concerned(o.claim, o.pv) {
        return Plan::settled();
    }
    if o.pv.is_member() {
        return member::decide(o);
    }
    let Some(record) = o.record.filter(|record| is_known(record, o.pv)) else {
        return Plan::settled();
    };
    let goal = goal(o.claim, o.pv);
    let Some(bytes) = goal.or(o.uncertain.then_some(o.pv.capacity)) else {
        return Plan::settled();
    };
    match steps(o, record, bytes) {
        Ok(plan) => plan,
        Err(refusal) => Plan::refused(refusal),
    }
}

/// Whether the ledger knows the volume by this object, alive and with this claim as its owner. If not, it will, or somebody else has it.
pub fn is_known(record: &Record, pv: &Pv) -> bool {
    let uid = pv.claim.as_ref().and_then(|c| c.uid.as_ref());
    let same = pv.ours.as_ref().is_some_and(|ours| ours.handle == record.handle);
    let owner = uid.is_some_and(|uid| expected_owner(pv, Some(record)).contains(uid) && record.owner.uid == *uid);
    same && owner && record.state == State::Live && !matches!(record.intent, Some(Intent::Discard { .. }))
}

fn steps(o: &ForResize<'_>, record: &Record, bytes: u64) -> Result<Plan, Refusal> {
    let backend = o.backend.filter(|b| b.asked && b.id().is_some()).ok_or_else(away)?;
    let (claim, pv) = (o.claim, o.pv);
    let enforced = backend.capabilities.quota;
    let asked = claim.asks_for_more();
    let open = pv.promised() > pv.capacity;
    if bytes == pv.capacity && !open {
        // Granted already: what a controller that died did not say any more, or an object that was made again. What the backend was told
        // last is not known.
        let mut actions = told(o, record, backend, bytes);
        if asked {
            actions.extend(finished(claim, pv, bytes, enforced));
        }
        return Ok(Plan::finally(actions));
    }
    let counted = record.bytes.max(pv.promised());
    let more = bytes.saturating_sub(counted);
    if more > 0 {
        if backend.is_terminating() {
            return Err(going());
        }
        if let Some(text) = backend.refuses_bytes(&claim.key.namespace, more) {
            return Err(Refusal::new(R::LimitReached, text));
        }
    }
    if enforced && !backend.capabilities.resize {
        return Ok(match asked {
            true => refused(claim, bytes, &cannot(), true),
            false => Plan::settled(),
        });
    }
    let promise = enforced && pv.promised() < bytes;
    let growth = &claim.growth;
    let said = growth.is_at(bytes) || (growth.has_no_steps() && growth.resizing && growth.error.is_none());
    let unmarked = asked && !said;
    if unmarked || promise {
        let mut actions = vec![recorded(record, counted.max(bytes))];
        if unmarked {
            actions.push(mark(claim, ResizeMark::InProgress { bytes }));
        }
        if promise {
            actions.push(Action::Promise { pv: pv.into(), bytes });
        }
        if unmarked {
            let text = format!("Resizing volume {} to {}", pv.name, size::format(bytes));
            actions.push(Action::tell(&claim.reference(), R::Resizing, text));
        }
        return Ok(Plan::then_look_again(actions));
    }
    let mut actions = told(o, record, backend, bytes);
    actions.push(Action::Grant { pv: pv.into(), bytes });
    Ok(Plan::then_look_again(actions))
}

/// The ledger, on disk, and then the backend.
fn told(o: &ForResize<'_>, record: &Record, backend: &Backend, bytes: u64) -> Vec<Action> {
    let counted = record.bytes.max(o.pv.promised()).max(bytes);
    let mut actions = vec![recorded(record, counted)];
    if backend.capabilities.quota && backend.capabilities.resize {
        actions.push(Action::ResizeData {
            backend: backend.name.clone(),
            handle: record.handle.clone(),
            bytes,
        });
    }
    actions
}

fn recorded(record: &Record, bytes: u64) -> Action {
    let volume = record.volume.clone();
    Action::Record(vec![Change::SetBytes { volume, bytes }])
}

fn mark(claim: &Claim, mark: ResizeMark) -> Action {
    Action::MarkResize {
        claim: claim.reference(),
        version: claim.version.clone(),
        mark,
    }
}

/// The claim's status says it, and its owner is told: also that a size is none where nobody enforces it.
fn finished(claim: &Claim, pv: &Pv, bytes: u64, enforced: bool) -> [Action; 2] {
    let size = size::format(bytes);
    let text = match (pv.is_member(), enforced) {
        (true, _) => format!("Resize volume succeeded: the shared volume has {size}"),
        (false, true) => format!("Resize volume succeeded: it holds {size}"),
        (false, false) => format!(
            "Resize volume succeeded: {size} are written down. This storage backend does not enforce sizes, so that nothing but its disk \
             limits what the volume holds"
        ),
    };
    [
        mark(claim, ResizeMark::Finished { bytes }),
        Action::tell(&claim.reference(), R::VolumeResizeSuccessful, text),
    ]
}

/// What a growth takes of its backend's limits, from the decision until the ledger has it.
pub fn takes(o: &ForResize<'_>, plan: &Plan) -> Option<Taken> {
    let record = o.record?;
    let bytes = plan.actions.iter().find_map(|action| match action {
        Action::Record(changes) => changes.iter().find_map(|change| match change {
            Change::SetBytes { bytes, .. } if *bytes > record.bytes => Some(*bytes),
            _ => None,
        }),
        _ => None,
    })?;
    Some(Taken {
        pv: record.volume.pv_name(),
        backend: record.backend.clone(),
        namespace: record.owner.key.namespace.clone(),
        usage: Usage {
            bytes: bytes - record.bytes,
            ..Usage::default()
        },
        grows_to: Some(bytes),
    })
}
