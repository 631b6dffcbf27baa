//! An owner's object in each state, with and without users, members and a record.

use super::*;
use crate::domain::access::{Access, OnDelete};
use crate::domain::ids::ClaimRef;
use crate::plan::action::Told;
use crate::plan::rules;
use crate::plan::testing::{self, GI, backend, claim_ref, id, pv, pv_name, record, uid};

mod deleting;
mod rewriting;
mod tokens;

/// The volume of `prod/data`, live and without members; tests edit it.
fn volume() -> LiveVolume {
    LiveVolume {
        volume: id("prod/data"),
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
        self.with(|v| drop(v.tokens.insert(token, claim)))
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

/// Every change is one that the ledger takes.
fn legal(v: &LiveVolume, plan: &Plan) {
    let mut record = v.record.clone();
    for action in &plan.actions {
        if let Action::Record(changes) | Action::Note(changes) = action {
            for change in changes {
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

use crate::plan::Verdict;

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
fn the_ledger_follows_what_is_bound() {
    let grown = volume().object(|p| p.with(|p| p.capacity = 20 * GI));
    assert_eq!(
        notes(&grown),
        [Change::SetBytes {
            volume: id("prod/data"),
            bytes: 20 * GI
        }]
    );

    let made = volume().record(|r| r.state(State::Creating).intends(Intent::Create));
    assert_eq!(notes(&made).len(), 2, "settled, and live");

    let back = volume().record(|r| r.state(State::SoftDeleted));
    assert_eq!(
        notes(&back),
        [Change::SetState {
            volume: id("prod/data"),
            state: State::Live
        }]
    );

    let renamed = volume().record(|r| Record {
        owner: claim_ref("old/one"),
        ..r
    });
    assert_eq!(
        notes(&renamed),
        [Change::SetOwner {
            volume: id("prod/data"),
            owner: claim_ref("prod/data")
        }]
    );
}

#[test]
fn an_open_step_that_nobody_takes_is_settled() {
    let join = || Intent::Join {
        pv: pv_name("team/app"),
    };
    let settled = |changes: &[Change]| matches!(changes, [Change::Settle { intent, .. }, ..] if *intent == join());
    assert!(settled(&notes(&volume().record(|r| r.intends(join())))));
    assert!(settled(&notes(
        &orphaned().members(&["a/b"]).record(|r| r.intends(join()))
    )));
    let discarding = Intent::Discard { how: OnDelete::Delete };
    assert!(
        rests(&volume().record(|r| r.intends(discarding))),
        "only its own plan knows whether that was done"
    );
}

#[test]
fn a_record_of_a_volume_under_deletion_does_not_come_back_to_life() {
    let discarding = Intent::Discard { how: OnDelete::Delete };
    assert!(rests(
        &volume().record(|r| r.state(State::Deleting).intends(discarding))
    ));
}

#[test]
fn a_lost_record_is_made_again_from_the_object() {
    let restored = |v: &LiveVolume| match notes(v).as_slice() {
        [Change::Restore(record)] => record.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(restored(&volume().unrecorded()), record("prod/data"));
    let soft = restored(&orphaned().members(&["team/app"]).unrecorded());
    assert_eq!(soft.state, State::SoftDeleted);
    assert!(soft.members.is_empty(), "members are added by their own");
    let reclaimed = volume()
        .unrecorded()
        .object(|p| p.bound_to("new/one").ours(|o| o.owner_uid = Some(uid("new/one"))));
    assert_eq!(restored(&reclaimed).owner, claim_ref("new/one"));
    let stolen = volume().unrecorded().object(|p| p.bound_to("else/where"));
    assert_eq!(
        said(&stolen),
        Some(SharedVolumeReason::UnexpectedClaim),
        "and nothing is recorded"
    );
}

#[test]
fn a_record_made_from_a_stolen_object_does_not_make_the_thief_its_owner() {
    let stolen = pv("prod/data").bound_to("else/where");
    let record = record_of(&stolen, stolen.ours.as_ref().unwrap(), BackendName::new("nas1")).unwrap();
    assert_eq!(record.owner.uid, uid("prod/data"));
    assert!(!expected_owner(&stolen, Some(&record)).contains(&uid("else/where")));
    let free = stolen.clone().with(|p| p.claim = None);
    assert_eq!(
        record_of(&free, free.ours.as_ref().unwrap(), BackendName::new("nas1")),
        None
    );
    let odd = pv("prod/data").with(|p| p.name = PvName::new("adopted"));
    let owner = record_of(&odd, odd.ours.as_ref().unwrap(), BackendName::new("nas1"))
        .unwrap()
        .owner;
    assert_eq!(
        owner,
        ClaimRef {
            ..claim_ref("prod/data")
        },
        "a name that is no UID says nothing"
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
    let kept = orphaned().object(|p| p.policy(ReclaimPolicy::Retain));
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
            let v = orphaned().owners(&[claim.clone()]).object(|p| p.phase(phase));
            assert!(rests(&v), "{what}, {phase:?}");
        }
        assert!(rests(&ending().owners(&[claim])), "{what}, deleted by hand");
    }
    let elsewhere = testing::claim("prod/data").bound_to("pv-of-a-stranger");
    assert!(deletes_object(&orphaned().owners(&[elsewhere.clone()])));
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

#[test]
fn without_an_object_only_the_ledger_is_cleared_and_only_when_nobody_is_left() {
    let bare = |v: LiveVolume| v.with(|v| v.pv = None);
    assert!(rests(&bare(volume())), "its claim is Lost or waits");
    assert!(rests(&bare(volume().unrecorded())));
    assert!(rests(&bare(orphaned().members(&["team/app"]))));
    assert_eq!(
        notes(&bare(orphaned().record(|r| r.member("left/long-ago")))).len(),
        2,
        "it leaves, and all is forgotten"
    );
    let elsewhere = testing::claim("prod/data").bound_to("pv-of-a-stranger");
    for v in [orphaned(), orphaned().owners(&[elsewhere])] {
        for state in [State::Live, State::SoftDeleted, State::Deleting] {
            let changes = notes(&bare(v.clone().record(|r| r.state(state))));
            assert_eq!(
                changes,
                [Change::Forget {
                    volume: id("prod/data")
                }]
            );
        }
        let open = Intent::Discard { how: OnDelete::Delete };
        assert_eq!(
            notes(&bare(v.record(|r| r.state(State::Deleting).intends(open)))).len(),
            2,
            "settled, then forgotten"
        );
    }
}

#[test]
fn a_directory_that_nobody_ever_mounted_is_removed_if_it_is_empty() {
    let begun = orphaned()
        .with(|v| v.pv = None)
        .record(|r| r.state(State::Creating).intends(Intent::Create));
    let plan = planned(&begun);
    assert!(
        matches!(plan.actions.as_slice(), [Action::RemoveEmpty { .. }, Action::Note(c)] if c.len() == 2),
        "{plan}"
    );
    let waiting = begun.owners(&[testing::claim("prod/data")]);
    assert!(rests(&waiting), "its claim's own plan goes on");
}
