//! From what was read to what is said. Pure: every word about sharing, provisioning and consent is `plan`'s, and is the word of the
//! claim's events.

use super::Explanation;
use super::checks::{Check, Input, Member, Outcome, of_handshake, of_member};
use super::reading::Seen;
use super::sizing::growth;
use super::volume::{objects, owner_is_gone, volume};
use crate::api::names;
use crate::api::reasons::{BackendReason, ClaimReason as R};
use crate::domain::access::OnRevoke;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::pv::Role;
use crate::observe::consent::consent_of;
use crate::plan::exports::kept_by_one_of;
use crate::plan::handshake::{examine, wanted};
use crate::plan::upkeep::{self, ForUpkeep};
use crate::plan::{Action, Plan, Verdict, claim};

/// The verdict, and what to do next.
type Said = (String, Option<String>);

/// Explains what was read.
pub(super) fn tell(seen: &Seen) -> Explanation {
    let claim = seen.view.claim();
    let plan = claim::decide(&seen.view.to_decide());
    let (checks, (verdict, next)) = match claim.phase {
        ClaimPhase::Pending => pending(seen, claim, &plan),
        ClaimPhase::Bound => (consent(seen, claim), bound(&plan)),
        ClaimPhase::Lost => (Vec::new(), lost(claim)),
    };
    Explanation {
        claim: claim.key.to_string(),
        phase: match claim.phase {
            ClaimPhase::Pending => "Pending",
            ClaimPhase::Bound => "Bound",
            ClaimPhase::Lost => "Lost",
        },
        volume: volume(seen, claim),
        checks,
        notes: notes(seen, claim),
        verdict,
        next,
        unseen: seen.unseen.all(),
    }
}

fn refused(plan: &Plan) -> Option<Said> {
    match &plan.verdict {
        Verdict::Refused(refusal) => Some((refusal.to_string(), Some(refusal.reason.next_step().to_owned()))),
        Verdict::Settled | Verdict::Continue | Verdict::AskLive | Verdict::NotOurs => None,
    }
}

/// Nobody can tell; the controller, which reads all of it, can.
fn unknown(claim: &Claim, why: &str) -> Said {
    let next = format!(
        "What the controller says is in the claim's events: kubectl describe pvc {} -n {}",
        claim.key.name, claim.key.namespace
    );
    (format!("unknown: {why}"), Some(next))
}

fn bound(plan: &Plan) -> Said {
    refused(plan).unwrap_or_else(|| ("bound".to_owned(), None))
}

fn lost(claim: &Claim) -> Said {
    let name = claim.volume_name.as_ref().map_or("", |name| name.as_str());
    let text = format!(
        "its PersistentVolume {name} is gone; Tombolo makes it again if its ledger knows the volume and the data is there, and the \
         claim's events say what is in the way"
    );
    (text, Some(R::VolumeLost.next_step().to_owned()))
}

fn pending(seen: &Seen, claim: &Claim, plan: &Plan) -> (Vec<Check>, Said) {
    if claim.terminating {
        return (Vec::new(), ("it is being deleted".to_owned(), None));
    }
    let ours = ours(seen, claim, plan);
    if ours.outcome == Outcome::Failed {
        // What is said of it all the same is what is wrong for every provisioner.
        let said = refused(plan).unwrap_or_else(|| (ours.text.clone(), None));
        return (vec![ours], said);
    }
    let mut checks = vec![ours];
    let Some(handshake) = seen.view.handshake().filter(|_| wanted(claim).is_some()) else {
        let said = ordinary(seen, claim, plan);
        return (checks, said);
    };
    let examination = examine(&handshake);
    checks.extend(of_handshake(examination.rows, &seen.unseen));
    let first = checks.iter().find(|check| check.outcome != Outcome::Passed);
    let said = match first {
        Some(check) if check.outcome == Outcome::Unknown => unknown(claim, &check.text),
        // Whoever may not read classes has no plan to go by; what failed before has failed all the same.
        Some(_) => match examination.verdict {
            Err(refusal) => (refusal.to_string(), Some(refusal.reason.next_step().to_owned())),
            Ok(_) => waiting(seen, plan),
        },
        None => waiting(seen, plan),
    };
    (checks, said)
}

/// Whether the claim is ours to serve at all. Whoever may not read classes is told what Kubernetes made of the class.
fn ours(seen: &Seen, claim: &Claim, plan: &Plan) -> Check {
    let class = claim.class.as_ref().map_or("", |name| name.as_str());
    let named = |outcome, text: String| Check::new("Ours", outcome, text);
    let foreign = "its StorageClass is not one of Tombolo's, or does not exist";
    match (&plan.verdict, seen.unseen.why(&[Input::Class])) {
        (_, Some(_)) if claim.asked.as_deref() == Some(names::PROVISIONER) => {
            named(Outcome::Passed, "Kubernetes asks Tombolo for its volume".into())
        }
        (_, Some(why)) => named(Outcome::Unknown, why.into()),
        (Verdict::NotOurs, None) => named(Outcome::Failed, foreign.into()),
        // Of a claim that is not ours it is said what would hold for every provisioner; one that was begun for stays ours without its class.
        (Verdict::Refused(refusal), None)
            if !seen.view.is_ours()
                && matches!(refusal.reason, R::UnrecognizedDataSourceKind | R::UnsupportedClass) =>
        {
            named(Outcome::Failed, foreign.into())
        }
        (Verdict::Settled | Verdict::Continue | Verdict::AskLive | Verdict::Refused(_), None) => {
            named(Outcome::Passed, format!("StorageClass {class} is Tombolo's"))
        }
    }
}

/// A claim that asks for nobody else's volume.
fn ordinary(seen: &Seen, claim: &Claim, plan: &Plan) -> Said {
    let rests_on: &[Input] = match &plan.verdict {
        // Without its class nothing of it was decided.
        Verdict::NotOurs => &[Input::Class],
        Verdict::Settled | Verdict::Continue | Verdict::AskLive | Verdict::Refused(_) if seen.view.wants_copy() => &[
            Input::CrossSource,
            Input::Grants,
            Input::References,
            Input::Source,
            Input::Volumes,
            Input::Backends,
        ],
        Verdict::Refused(refusal) if refusal.reason == R::WaitingForPopulator => &[Input::Populators],
        Verdict::Refused(refusal) if matches!(refusal.reason, R::BackendUnavailable | R::LimitReached) => {
            &[Input::Backends, Input::Volumes]
        }
        Verdict::Settled | Verdict::Continue if !plan.actions.is_empty() => &[Input::Volumes],
        Verdict::Settled | Verdict::Continue | Verdict::AskLive | Verdict::Refused(_) => &[],
    };
    match seen.unseen.why(rests_on) {
        Some(why) => unknown(claim, why),
        None => waiting(seen, plan),
    }
}

fn waiting(seen: &Seen, plan: &Plan) -> Said {
    let text = match &plan.verdict {
        Verdict::Refused(_) => return refused(plan).unwrap_or_default(),
        Verdict::NotOurs | Verdict::AskLive | Verdict::Continue if seen.view.wants_copy() => {
            "every check passes; the controller is about to copy its source"
        }
        Verdict::Settled if seen.view.is_copied() => return (copied(seen), None),
        Verdict::NotOurs | Verdict::AskLive | Verdict::Continue => {
            "every check passes; the controller is about to join it"
        }
        // What lies in the trash counts too, and only the controller sees it.
        Verdict::Settled if takes_of_limits(seen, plan) => {
            "it is about to be provisioned, unless what lies in the backend's trash uses up a limit: then its events say so"
        }
        Verdict::Settled if !plan.actions.is_empty() => "it is about to be provisioned",
        Verdict::Settled => "waiting for Kubernetes: to ask for it, to choose a node, or to bind it",
    };
    (text.to_owned(), None)
}

/// Its token is on the source; how far that is, and how fast, only whoever makes it knows.
fn copied(seen: &Seen) -> String {
    match &seen.word {
        Some(word) => format!("its source is being copied; last told {word}"),
        None => "its source is being copied; events say how far that is".to_owned(),
    }
}

/// Whether a plan is for a volume on a backend that limits volumes or bytes.
fn takes_of_limits(seen: &Seen, plan: &Plan) -> bool {
    let taken = plan.takes(None);
    let looked_at = seen.view.to_decide();
    let mut on = looked_at.backends.iter();
    on.any(|b| taken.as_ref().is_some_and(|t| t.backend == b.name) && b.limits.of_volumes())
}

/// What upkeep looks at; consent only as far as the caller may read what it rests on.
fn for_upkeep<'a>(seen: &'a Seen, claim: &'a Claim) -> ForUpkeep<'a> {
    let pv = objects(seen, claim).map(|(pv, _)| pv);
    let volume = pv.and_then(|pv| seen.index.volume_of(pv));
    let of = |volume| seen.index.members(volume).chain(seen.index.pv(&volume.pv_name()));
    let all = volume.iter().flat_map(of);
    let readable = seen
        .unseen
        .why(&[Input::References, Input::Source, Input::Namespace, Input::Volumes])
        .is_none();
    ForUpkeep {
        claim,
        ours: seen.view.is_ours(),
        pv,
        consent: pv
            .filter(|_| readable)
            .and_then(|pv| consent_of(&seen.index, claim, pv)),
        backend: pv.and_then(|pv| seen.view.backend_of(pv)),
        kept: pv.is_some_and(|pv| kept_by_one_of(pv, all.map(|pv| &**pv))),
    }
}

/// What the controller says of a claim that it keeps in order.
fn notes(seen: &Seen, claim: &Claim) -> Vec<String> {
    let actions = upkeep::plan(&for_upkeep(seen, claim));
    let told = actions.iter().filter_map(|action| match action {
        Action::Tell(told) => Some(format!("{}: {}", told.reason, told.text)),
        _ => None,
    });
    told.chain(paused(seen, claim)).chain(growth(seen, claim)).collect()
}

/// That access to its volume is cut for nobody until an admin has looked, where that concerns it: its owner, who may have ended consent,
/// and a member that can be cut off, and is not yet.
fn paused(seen: &Seen, claim: &Claim) -> Option<String> {
    let (pv, _) = objects(seen, claim)?;
    let ours = pv.ours.as_ref()?;
    let concerned = match &ours.role {
        Role::Owner => true,
        Role::Member(joined) => joined.on_revoke == OnRevoke::Cut && ours.cut.is_none(),
    };
    let name = ours.backend.as_ref().filter(|_| concerned)?;
    let pause = super::backend::paused(seen.paused.get(name)?);
    Some(format!(
        "{}: on storage backend {name} {pause}",
        BackendReason::MassRevocation
    ))
}

/// The state of a member's consent.
fn consent(seen: &Seen, claim: &Claim) -> Vec<Check> {
    let joined = objects(seen, claim).filter(|(pv, _)| pv.is_member());
    let unread = seen.unseen.why(&[Input::Volumes]).is_some() && wanted(claim).is_some();
    let consent = joined.and_then(|(pv, _)| consent_of(&seen.index, claim, pv));
    let upkeep = for_upkeep(seen, claim);
    match consent {
        Some(consent) => of_member(
            &Member {
                consent,
                ended: upkeep::ended(consent, &upkeep).map(|refusal| refusal.to_string()),
                owner_gone: joined.is_some_and(|(_, owner)| owner_is_gone(seen, owner)),
            },
            &seen.unseen,
        ),
        // By its words it is a member; whether it is, nobody can tell who may not read its volume.
        None if unread => of_member(
            &Member {
                consent: crate::plan::consent::Consent::Unknown,
                ended: None,
                owner_gone: false,
            },
            &seen.unseen,
        ),
        None => Vec::new(),
    }
}
