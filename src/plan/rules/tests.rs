//! Each rule refuses the plan that breaks it, and only that: honest plans are checked wherever plans are tested.

use super::*;
use crate::domain::backend::Backend;
use crate::domain::ids::ResourceVersion;
use crate::domain::record::Record;
use crate::domain::token::{Note, Token};
use crate::plan::testing::{self, backend, class, id, note, pv, pv_name, record, uid};
use crate::plan::volume::{LiveVolume, decide};
use crate::plan::{Refusal, join, provision};

mod exports;
mod sizes;

/// A discard as it is planned.
fn discard() -> Vec<Action> {
    let ending = LiveVolume {
        copies: Default::default(),
        volume: id("prod/data"),
        twins: false,
        pv: Some(pv("prod/data").released().terminating()),
        tokens: Default::default(),
        owners: Vec::new(),
        members: Default::default(),
        record: Some(record("prod/data")),
        backend: None,
    };
    decide(&ending).actions
}

/// A join's second half as it is planned.
fn joining() -> Vec<Action> {
    let owner = pv("prod/data");
    let note = note("team/app", &owner.name);
    join::finish(
        &owner,
        owner.ours.as_ref().unwrap(),
        &Token::joining(uid("team/app")),
        &note,
        None,
    )
}

fn provisioning() -> Vec<Action> {
    let backends: [Backend; 1] = [backend("nas1")];
    let p = provision::Provisioning {
        claim: &testing::claim("team/app"),
        class: &class("gold"),
        record: None,
        backends: &backends,
    };
    provision::plan(&p).actions
}

fn kept(mut actions: Vec<Action>, edit: impl FnOnce(&mut Vec<Action>)) -> bool {
    assert_eq!(check(&actions), Ok(()), "the plan is sound before it is edited");
    edit(&mut actions);
    check(&actions).is_ok()
}

fn at(actions: &[Action], wanted: fn(&Action) -> bool) -> usize {
    actions.iter().position(wanted).unwrap()
}

fn is_record(a: &Action) -> bool {
    matches!(a, Action::Record(_))
}

fn unprotect(owner: &str) -> Action {
    Action::Unprotect {
        pv: pv_name(owner),
        uid: pv(owner).uid,
    }
}

#[test]
fn data_is_not_made_before_its_intent_is_on_disk() {
    assert!(!kept(provisioning(), |a| drop(a.remove(0))));
    assert!(!kept(provisioning(), |a| a.swap(0, 2)));
    assert!(
        !kept(provisioning(), |a| {
            if let Action::Record(changes) = a[0].clone() {
                a[0] = Action::Note(changes);
            }
        }),
        "a note may be lost"
    );
    assert!(
        !kept(provisioning(), |a| {
            a[0] = Action::Record(vec![Change::Begin(record("some/other"))]);
        }),
        "another volume's intent"
    );
}

#[test]
fn an_owner_s_object_is_not_made_before_its_data_unless_it_is_made_again() {
    let make = |a: &Action| matches!(a, Action::MakeData { .. });
    assert!(!kept(provisioning(), |a| drop(a.remove(at(a, make)))));
    assert!(!kept(provisioning(), |a| {
        let i = at(a, make);
        a.swap(i, i + 1);
    }));
    let again = |state: State| {
        let begin = Change::Begin(Record { ..record("team/app") }.state(state));
        let object = provisioning()
            .into_iter()
            .find(|a| matches!(a, Action::CreatePv(_)))
            .unwrap();
        check(&[Action::Record(vec![begin]), object]).is_ok()
    };
    assert!(again(State::Live) && again(State::SoftDeleted));
    assert!(!again(State::Deleting) && !again(State::Creating));
}

#[test]
fn data_is_not_discarded_before_the_ledger_says_so_nor_after_its_finalizer_came_off() {
    assert!(!kept(discard(), |a| drop(a.remove(at(a, is_record)))));
    assert!(!kept(discard(), |a| a.swap(0, 1)));
    assert!(!kept(discard(), |a| a.swap(1, 2)));
    for what in 0..2 {
        assert!(
            !kept(discard(), |a| {
                if let Action::Record(changes) = &mut a[0] {
                    changes.remove(what);
                }
            }),
            "without the state, or without the intent"
        );
    }
    assert!(
        !kept(discard(), |a| a.insert(
            1,
            Action::Record(vec![Change::Settle {
                volume: id("prod/data"),
                intent: Intent::Discard { how: OnDelete::Delete },
            }])
        )),
        "settled before it was done"
    );
}

#[test]
fn retained_data_is_not_discarded_and_how_is_what_was_intended() {
    for other in [OnDelete::Retain, OnDelete::Archive] {
        assert!(!kept(discard(), |a| {
            if let Action::Discard { how, .. } = &mut a[1] {
                *how = other;
            }
        }));
    }
}

#[test]
fn nothing_else_is_done_where_data_is_discarded() {
    for other in joining().into_iter().chain([unprotect("some/other")]) {
        let harmless = matches!(other, Action::Tell(_));
        assert_eq!(kept(discard(), |a| a.insert(2, other.clone())), harmless, "{other}");
    }
    assert!(!kept(discard(), |a| a.insert(2, a[1].clone())), "twice");
    assert!(
        !kept(provisioning(), |a| a.push(Action::RemoveEmpty {
            backend: backend("nas1").name,
            handle: testing::handle(&pv_name("team/app")),
        })),
        "made and removed"
    );
}

#[test]
fn what_is_removed_if_it_is_empty_makes_way_for_a_copy_in_its_own_place_only() {
    let copy = |name: &str| {
        let (intent, handle) = (Intent::Copy { from: id("team/data") }, testing::handle(&pv_name(name)));
        let record = testing::record(name).state(State::Creating).intends(intent);
        let backend = backend("nas1").name;
        let clear = Action::RemoveEmpty {
            backend: backend.clone(),
            handle: testing::handle(&pv_name("team/app")),
        };
        let copy = Action::Copy {
            backend,
            from: crate::plan::Data::Volume(testing::handle(&pv_name("team/data"))),
            handle,
            bytes: 1,
            drop_set_id: false,
        };
        vec![Action::Record(vec![Change::Begin(record)]), clear, copy]
    };
    assert!(kept(copy("team/app"), |_| {}));
    assert!(check(&copy("team/other")).is_err());
    assert!(!kept(copy("team/app"), |a| a.swap(1, 2)), "made and removed");
}

#[test]
fn a_volume_is_forgotten_after_everything_else() {
    assert!(!kept(discard(), |a| a.swap(2, 3)));
    assert!(!kept(vec![], |a| a.extend([
        Action::Note(vec![Change::Forget { volume: id("x/y") }]),
        unprotect("x/y")
    ])));
}

#[test]
fn a_member_is_not_made_without_an_intent_and_looks_like_no_owner() {
    assert!(!kept(joining(), |a| drop(a.remove(0))));
    let edited = |edit: fn(&mut NewPv)| {
        kept(joining(), |a| {
            if let Action::CreatePv(pv) = &mut a[1] {
                edit(pv);
            }
        })
    };
    assert!(edited(|_| ()));
    assert!(!edited(|pv| pv.on_delete = OnDelete::Delete));
    assert!(!edited(|pv| pv.policy = ReclaimPolicy::Retain));
    assert!(!edited(|pv| pv.name = pv_name("some/other")));
    assert!(!edited(|pv| pv.volume = id("some/other")));
    assert!(!edited(|pv| pv.joined = None), "an owner's object needs data");
}

#[test]
fn a_token_does_not_come_off_before_its_member_exists_and_is_known() {
    let off = |a: &Action| matches!(a, Action::TakeToken { .. });
    assert!(!kept(joining(), |a| a.swap(1, 3)));
    assert!(!kept(joining(), |a| a.swap(2, 3)));
    assert!(!kept(joining(), |a| drop(a.remove(2))), "the ledger does not know it");
    assert!(kept(joining(), |a| drop(a.remove(at(a, off)))), "it may stay on");
}

#[test]
fn after_a_token_or_a_delete_comes_a_new_look() {
    let delete = Action::DeletePv((&pv("prod/data")).into());
    let put = Action::PutToken {
        pv: (&pv("prod/data")).into(),
        token: Token::joining(uid("team/app")),
        note: Box::new(Note::Join(note("team/app", &pv_name("prod/data")))),
    };
    for end in [delete, put] {
        assert_eq!(check(std::slice::from_ref(&end)), Ok(()));
        assert!(check(&[end.clone(), unprotect("prod/data")]).is_err());
        assert!(check(&[end, Action::Note(Vec::new())]).is_err());
    }
}

#[test]
fn a_verdict_and_its_actions_go_together() {
    let refusal = Refusal::new(crate::api::reasons::ClaimReason::NotShared, "no");
    for verdict in [Verdict::AskLive, Verdict::NotOurs, Verdict::Refused(refusal)] {
        let no = Plan {
            actions: Vec::new(),
            verdict: verdict.clone(),
        };
        assert_eq!(check_plan(&no), Ok(()));
        assert!(
            check_plan(&Plan {
                actions: vec![unprotect("x/y")],
                verdict
            })
            .is_err()
        );
    }
    let again = Action::Reschedule {
        claim: testing::claim_ref("x/y"),
        version: ResourceVersion::new("1"),
    };
    let refused = |actions| Plan {
        actions,
        ..Plan::refused(Refusal::new(
            crate::api::reasons::ClaimReason::BackendUnavailable,
            "elsewhere",
        ))
    };
    assert_eq!(
        check_plan(&refused(vec![again.clone()])),
        Ok(()),
        "it may change the verdict"
    );
    assert!(check_plan(&refused(vec![again, unprotect("x/y")])).is_err());
    let idle = [
        Vec::new(),
        vec![Action::Note(Vec::new())],
        vec![Action::RemoveEmpty {
            backend: backend("nas1").name,
            handle: testing::handle(&pv_name("x/y")),
        }],
    ];
    for actions in idle {
        assert!(
            check_plan(&Plan::then_look_again(actions)).is_err(),
            "it would look again for ever"
        );
    }
    assert_eq!(check_plan(&Plan::then_look_again(vec![unprotect("x/y")])), Ok(()));
}
