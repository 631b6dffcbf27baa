//! An owner's object in each state, with and without users, members and a record.

use super::*;
use crate::api::reasons::SharedVolumeReason;
use crate::domain::access::OnDelete;
use crate::plan::action::Told;
use crate::plan::testing::{self, GI, backend, claim_ref, id, pv, pv_name, record, uid};
use crate::plan::{Verdict, rules};

mod copies;
mod deleting;
mod hostile;
mod populating;
mod recording;
mod rewriting;
mod tokens;

/// The volume of `prod/data`, live and without members; tests edit it.
fn volume() -> LiveVolume {
    LiveVolume {
        copies: Default::default(),
        volume: id("prod/data"),
        twins: false,
        pv: Some(pv("prod/data")),
        tokens: BTreeMap::new(),
        owners: vec![testing::claim("prod/data").bound()],
        members: BTreeSet::new(),
        record: Some(record("prod/data")),
        backend: Some(backend("nas1")),
    }
}

/// Its owner has gone.
fn orphaned() -> LiveVolume {
    volume().owners(&[]).object(Pv::released)
}

/// And its object is being deleted.
fn ending() -> LiveVolume {
    orphaned().object(Pv::terminating)
}

impl LiveVolume {
    fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    fn object(self, edit: impl FnOnce(Pv) -> Pv) -> Self {
        self.with(|v| v.pv = v.pv.take().map(edit))
    }

    fn owners(self, claims: &[Claim]) -> Self {
        self.with(|v| v.owners = claims.to_vec())
    }

    fn members(self, members: &[&str]) -> Self {
        self.with(|v| v.members = members.iter().map(|m| pv_name(m)).collect())
    }

    fn record(self, edit: impl FnOnce(Record) -> Record) -> Self {
        self.with(|v| v.record = v.record.take().map(edit))
    }

    fn unrecorded(self) -> Self {
        self.with(|v| v.record = None)
    }

    /// With a token for this claim, of which this has become.
    fn token(self, member: &str, claim: TokenClaim) -> Self {
        let (token, member) = (Token::joining(uid(member)), member.to_owned());
        self.with(|v| v.tokens.extend([(token, claim)]))
            .object(|pv| pv.token(&member))
    }
}

fn planned(v: &LiveVolume) -> Plan {
    let plan = decide(v);
    assert_eq!(rules::check_plan(&plan), Ok(()), "{plan}");
    assert_eq!(plan, decide(v), "planning twice gives the same plan");
    legal(v, &plan);
    plan
}

/// Every change is one that the ledger takes: of this volume, and of each copy of it.
fn legal(v: &LiveVolume, plan: &Plan) {
    legal_of(&v.volume, v.record.clone(), plan);
    for (token, known) in &v.copies.of_this {
        legal_of(&VolumeId::from(&token.claim.pv_name()), known.record.clone(), plan);
    }
}

fn legal_of(volume: &VolumeId, mut record: Option<Record>, plan: &Plan) {
    for action in &plan.actions {
        if let Action::Record(changes) | Action::Note(changes) = action {
            for change in changes.iter().filter(|c| c.volume() == volume) {
                record = crate::domain::change::apply(record, change).unwrap_or_else(|e| panic!("{e}\n{plan}"));
            }
        }
    }
}

fn rests(v: &LiveVolume) -> bool {
    planned(v) == Plan::settled()
}

/// Nothing but the ledger is changed.
fn notes(v: &LiveVolume) -> Vec<Change> {
    let plan = planned(v);
    assert_eq!(plan.verdict, Verdict::Settled, "{plan}");
    let mut found = Vec::new();
    for action in plan.actions {
        match action {
            Action::Note(changes) | Action::Record(changes) => found.extend(changes),
            other => panic!("{other}"),
        }
    }
    found
}

fn deletes_object(v: &LiveVolume) -> bool {
    matches!(planned(v).actions.last(), Some(Action::DeletePv(_)))
}

fn discards(v: &LiveVolume) -> Option<OnDelete> {
    planned(v).actions.iter().find_map(|a| match a {
        Action::Discard { how, .. } => Some(*how),
        _ => None,
    })
}

fn said(v: &LiveVolume) -> Option<SharedVolumeReason> {
    planned(v).actions.iter().find_map(|a| match a {
        Action::Tell(a) => match a.reason {
            Told::SharedVolume(reason) => Some(reason),
            _ => None,
        },
        _ => None,
    })
}

fn soft_deleted() -> Change {
    Change::SetState {
        volume: id("prod/data"),
        state: State::SoftDeleted,
    }
}

#[test]
fn a_bound_volume_rests() {
    assert!(rests(&volume()));
    assert!(rests(&volume().members(&["team/app"])));
    assert!(rests(&volume().object(|p| p.phase(PvPhase::Pending))));
    assert!(
        rests(&volume().owners(&[testing::claim("prod/data").bound().terminating()])),
        "held by Kubernetes"
    );
}

#[test]
fn strangers_and_members_are_not_decided_about_here() {
    assert_eq!(
        planned(&volume().object(|p| p.with(|p| p.ours = None))),
        Plan::not_ours()
    );
    assert_eq!(
        planned(&volume().object(|_| testing::member_pv("prod/data", "x/y"))),
        Plan::not_ours()
    );
}

#[test]
fn what_somebody_stripped_is_put_back_unless_the_object_is_going() {
    let stripped = |v: LiveVolume| v.object(|p| p.ours(|o| (o.intact, o.backend) = (false, None)));
    for v in [
        volume(),
        orphaned(),
        volume().token("team/app", TokenClaim::Waiting),
        volume().unrecorded(),
    ] {
        let plan = planned(&stripped(v));
        assert!(
            matches!(plan.actions.as_slice(), [Action::Mend { backend, member: false, .. }] if backend.as_str() == "nas1")
        );
    }
    assert!(
        !planned(&stripped(ending()))
            .actions
            .iter()
            .any(|a| matches!(a, Action::Mend { .. }))
    );
    let nameless = stripped(volume().unrecorded()).with(|v| v.backend = None);
    assert!(rests(&nameless), "a wrong name would stay");
}

#[test]
fn a_recycled_volume_would_be_scrubbed_and_is_set_back_before_all_else() {
    for v in [
        volume(),
        orphaned(),
        ending(),
        volume().token("team/app", TokenClaim::Gone),
        volume().unrecorded(),
    ] {
        let plan = planned(&v.object(|p| p.policy(ReclaimPolicy::Recycle)));
        assert!(
            matches!(plan.actions.as_slice(), [Action::SetRetain(_), Action::Tell(_)]),
            "{plan}"
        );
        assert_eq!(plan.verdict, Verdict::Continue);
    }
}

#[test]
fn an_owner_that_has_gone_leaves_the_volume_to_its_members() {
    let soft = orphaned().members(&["team/app"]);
    assert_eq!(notes(&soft), [soft_deleted()]);
    assert!(rests(
        &soft.clone().record(|r| r.state(State::SoftDeleted).member("team/app"))
    ));
    assert_eq!(
        notes(&soft.object(|p| p.phase(PvPhase::Failed))),
        [soft_deleted()],
        "Failed counts as Released"
    );
}

#[test]
fn a_volume_without_users_and_members_is_deleted_object_first() {
    assert!(deletes_object(&orphaned()));
    assert!(deletes_object(&orphaned().object(|p| p.phase(PvPhase::Failed))));
    assert!(deletes_object(&orphaned().unrecorded()));
    assert!(deletes_object(
        &orphaned().record(|r| r.state(State::SoftDeleted).member("left/long-ago"))
    ));
    assert_eq!(planned(&orphaned()).verdict, Verdict::Continue);
}

#[test]
fn retained_volumes_stay_until_somebody_deletes_the_object() {
    let kept = orphaned()
        .object(|p| p.policy(ReclaimPolicy::Retain))
        .record(|r| Record {
            terms: pv("prod/data").policy(ReclaimPolicy::Retain).terms().unwrap(),
            ..r
        });
    assert_eq!(notes(&kept), [soft_deleted()]);
    assert!(rests(&kept.record(|r| r.state(State::SoftDeleted))));
}

#[test]
fn released_does_not_mean_unused() {
    for (what, claim) in [
        ("bound for seconds more", testing::claim("prod/data").bound()),
        ("terminating", testing::claim("prod/data").bound().terminating()),
        ("lost", testing::claim("prod/data").lost()),
        ("not bound yet", testing::claim("prod/data")),
        (
            "one that a reclaim named",
            testing::claim("new/one").with(|c| c.volume_name = Some(pv_name("prod/data"))),
        ),
    ] {
        for phase in [PvPhase::Released, PvPhase::Failed] {
            let v = orphaned()
                .owners(std::slice::from_ref(&claim))
                .object(|p| p.phase(phase));
            assert!(rests(&v), "{what}, {phase:?}");
        }
        assert!(rests(&ending().owners(&[claim])), "{what}, deleted by hand");
    }
    let elsewhere = testing::claim("prod/data").bound_to("pv-of-a-stranger");
    assert!(deletes_object(&orphaned().owners(std::slice::from_ref(&elsewhere))));
    let both = [elsewhere, testing::claim("new/one").bound_to("pvc-prod-data")];
    assert!(rests(&orphaned().owners(&both)), "one that is left is enough");
}

#[test]
fn a_volume_that_is_free_for_anybody_is_not_deleted_and_it_is_said() {
    let free = |v: LiveVolume| v.object(|p| p.phase(PvPhase::Available).with(|p| p.claim = None));
    for v in [
        volume(),
        orphaned(),
        orphaned().members(&["team/app"]),
        volume().unrecorded(),
    ] {
        assert_eq!(said(&free(v)), Some(SharedVolumeReason::UnexpectedClaim));
    }
}
