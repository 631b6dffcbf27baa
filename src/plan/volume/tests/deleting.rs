//! An object under deletion: what ends with it, and what keeps it.

use super::*;
use crate::domain::access::MountMode;

fn discarded(v: &LiveVolume) -> Plan {
    let plan = planned(v);
    let order: Vec<_> = plan
        .actions
        .iter()
        .map(|a| match a {
            Action::Record(_) => "record",
            Action::Discard { .. } => "discard",
            Action::Unprotect { .. } => "unprotect",
            Action::Note(_) => "note",
            _ => "?",
        })
        .collect();
    assert!(order.ends_with(&["record", "discard", "unprotect", "note"]), "{plan}");
    plan
}

fn keeps_data(v: &LiveVolume) -> bool {
    let plan = planned(v);
    let [before @ .., Action::Unprotect { .. }, Action::Note(_)] = plan.actions.as_slice() else {
        return false;
    };
    before.iter().all(|a| matches!(a, Action::Record(_)))
}

#[test]
fn the_data_goes_when_nobody_is_left_and_the_ledger_says_so_first() {
    // The object says it, whatever the ledger remembers.
    let by_plugin = ending().object(|p| p.with(|p| p.mount = MountMode::Csi));
    let plan = discarded(&by_plugin);
    let owner = plan.actions.iter().find_map(|a| match a {
        Action::Discard {
            owner,
            handle,
            bytes,
            mount,
            volume,
            ..
        } => Some((owner.clone(), handle.clone(), *bytes, *mount, volume.clone())),
        _ => None,
    });
    let expected = (
        claim_ref("prod/data"),
        testing::handle(&pv_name("prod/data")),
        10 * GI,
        MountMode::Csi,
        id("prod/data"),
    );
    assert_eq!(owner, Some(expected), "a restore needs these");
}

#[test]
fn every_state_and_open_step_that_a_crash_can_leave_is_gone_on_from() {
    for state in [State::Creating, State::Live, State::SoftDeleted, State::Deleting] {
        for intent in [
            None,
            Some(Intent::Create),
            Some(Intent::Join {
                pv: pv_name("team/app"),
            }),
            Some(Intent::Discard { how: OnDelete::Delete }),
            Some(Intent::Discard { how: OnDelete::Archive }),
        ] {
            let v = ending().record(|r| Record {
                intent: intent.clone(),
                ..r.state(state)
            });
            if crate::domain::change::check(v.record.as_ref().unwrap()).is_ok() {
                let _ = discarded(&v);
                assert!(
                    keeps_data(&v.object(|p| p.policy(ReclaimPolicy::Retain))),
                    "{state} {intent:?}"
                );
            }
        }
    }
}

#[test]
fn how_data_goes_is_written_on_the_object_and_not_read_anywhere_else() {
    let with = |how: OnDelete| ending().object(|p| p.ours(|o| o.on_delete = how));
    assert_eq!(discards(&with(OnDelete::Delete)), Some(OnDelete::Delete));
    assert_eq!(discards(&with(OnDelete::Archive)), Some(OnDelete::Archive));
    assert!(keeps_data(&with(OnDelete::Retain)));
    for how in [OnDelete::Delete, OnDelete::Archive, OnDelete::Retain] {
        assert!(
            keeps_data(&with(how).object(|p| p.policy(ReclaimPolicy::Retain))),
            "policy Retain keeps, whatever onDelete says"
        );
    }
}

#[test]
fn retained_data_stays_when_an_admin_deletes_the_object() {
    let kept = ending().object(|p| p.policy(ReclaimPolicy::Retain));
    assert!(keeps_data(&kept));
    assert!(keeps_data(&kept.clone().unrecorded()));
    assert!(keeps_data(&kept.record(|r| r.member("left/long-ago"))));
}

#[test]
fn a_policy_that_became_retain_amid_a_discard_keeps_the_data_also_when_a_crash_follows_the_object_s_end() {
    for how in [OnDelete::Delete, OnDelete::Archive] {
        let begun = ending().record(|r| Record {
            intent: Some(Intent::Discard { how }),
            ..r.state(State::Deleting)
        });
        let kept = begun.object(|p| p.policy(ReclaimPolicy::Retain));
        let plan = planned(&kept);
        let gone = plan.actions.iter().position(|a| matches!(a, Action::Unprotect { .. }));
        let mut record = kept.record.clone();
        for action in plan.actions.iter().take(gone.unwrap()) {
            let Action::Record(changes) = action else {
                panic!("{plan}")
            };
            for change in changes {
                record = crate::domain::change::apply(record, change).unwrap();
            }
        }
        let crashed = kept.with(|v| (v.pv, v.record) = (None, record));
        assert!(discards(&crashed).is_none(), "{plan}");
    }
}

#[test]
fn a_member_of_any_kind_keeps_data_and_object() {
    for v in [
        ending().members(&["team/app"]),
        ending()
            .members(&["team/app"])
            .object(|p| p.policy(ReclaimPolicy::Retain)),
        ending().members(&["team/app"]).unrecorded(),
        ending().members(&["team/app"]).record(|r| r.state(State::Deleting)),
    ] {
        let plan = planned(&v);
        let harmless = plan
            .actions
            .iter()
            .all(|a| matches!(a, Action::Note(_) | Action::Record(_)));
        assert!(harmless, "{plan}");
    }
}

#[test]
fn members_that_only_the_ledger_remembers_do_not_keep_it() {
    let plan = discarded(&ending().record(|r| r.state(State::SoftDeleted).member("a/b").member("c/d")));
    let left = plan.actions.iter().filter_map(|a| match a {
        Action::Record(changes) => Some(changes.iter().filter(|c| matches!(c, Change::Leave { .. })).count()),
        _ => None,
    });
    assert_eq!(left.sum::<usize>(), 2);
}

#[test]
fn a_live_owner_keeps_an_object_deleted_by_hand() {
    for phase in [PvPhase::Bound, PvPhase::Released, PvPhase::Available, PvPhase::Pending] {
        let by_hand = volume().object(|p| p.terminating().phase(phase));
        assert!(rests(&by_hand), "{phase:?}");
        assert!(rests(&by_hand.members(&["team/app"])), "{phase:?}, shared");
    }
}

#[test]
fn an_object_deleted_by_hand_ends_like_any_other_once_its_owner_has_gone() {
    for phase in [PvPhase::Bound, PvPhase::Released, PvPhase::Failed, PvPhase::Pending] {
        let _ = discarded(&ending().object(|p| p.phase(phase)));
    }
}

#[test]
fn a_lost_record_does_not_stop_the_end() {
    let plan = discarded(&ending().unrecorded());
    assert!(matches!(plan.actions.first(), Some(Action::Record(c)) if matches!(c.as_slice(), [Change::Restore(_)])));
}

#[test]
fn what_contradicts_the_ledger_or_belongs_to_nobody_is_said_and_not_discarded() {
    let elsewhere = ending().object(|p| p.ours(|o| o.handle = testing::handle(&pv_name("other/volume"))));
    assert_eq!(said(&elsewhere), Some(SharedVolumeReason::CleanupFailed));
    let nobody_s = ending().unrecorded().object(|p| p.with(|p| p.claim = None));
    assert_eq!(said(&nobody_s), Some(SharedVolumeReason::CleanupFailed));
    let nowhere = ending()
        .unrecorded()
        .object(|p| p.ours(|o| o.backend = None))
        .with(|v| v.backend = None);
    assert_eq!(said(&nowhere), Some(SharedVolumeReason::CleanupFailed));
    assert!(
        keeps_data(&nobody_s.object(|p| p.policy(ReclaimPolicy::Retain))),
        "an admin can let it go"
    );
}

#[test]
fn a_backend_that_is_away_does_not_change_the_decision() {
    let _ = discarded(&ending().with(|v| v.backend = None));
}

#[test]
fn an_object_without_our_finalizer_is_protected_before_it_is_deleted() {
    // Nothing says on which backend it lies, so nothing can be put back yet.
    let bare = orphaned()
        .unrecorded()
        .with(|v| v.backend = None)
        .object(|pv| pv.ours(|o| (o.intact, o.backend) = (false, None)));
    assert!(!deletes_object(&bare), "a DELETE would be the end of it at once");
    let known = bare.with(|v| v.backend = Some(backend("nas1")));
    assert!(matches!(planned(&known).actions.as_slice(), [Action::Mend { .. }]));
    assert!(deletes_object(&orphaned()));
}

#[test]
fn data_that_two_volumes_claim_is_nobody_s_to_delete() {
    let twins = ending().with(|v| v.twins = true);
    assert_eq!(
        (discards(&twins), said(&twins)),
        (None, Some(SharedVolumeReason::CleanupFailed))
    );
    assert!(discards(&ending()).is_some());
}

#[test]
fn what_was_begun_is_finished_when_the_object_was_taken_away_by_force() {
    let gone = |how| {
        let begun = Intent::Discard { how };
        ending()
            .record(|r| r.state(State::Deleting).intends(begun))
            .with(|v| v.pv = None)
    };
    assert_eq!(discards(&gone(OnDelete::Delete)), Some(OnDelete::Delete));
    assert_eq!(discards(&gone(OnDelete::Archive)), Some(OnDelete::Archive));
    let forgets = |v: &LiveVolume| matches!(notes(v).last(), Some(Change::Forget { .. }));
    assert!(
        forgets(&gone(OnDelete::Delete).with(|v| v.twins = true)),
        "the data is the other's"
    );
    assert!(rests(&gone(OnDelete::Delete).members(&["team/app"])));
    let kept = ending().record(|r| r.state(State::SoftDeleted)).with(|v| v.pv = None);
    assert!(forgets(&kept), "nothing was begun");
}
