//! The rows in which nothing has failed.

use super::*;
use crate::domain::backend::Health;
use crate::domain::ids::{ClaimUid, Namespace, PvName};

type Edit = (&'static str, fn(&mut Scene));

/// What a status says of a node's part, as kubelet and external-resizer write it; and what no version writes yet.
const ON_NODES: [&str; 5] = [
    "NodeResizePending",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizeFailed",
    "NodeResizeSomething",
];

#[test]
fn rz_01_a_larger_request_is_made_whatever_the_status_says_of_a_node() {
    for step in ON_NODES {
        let done = asks(20 * GI).said(step, "20Gi").run();
        has(&done, 20 * GI);
        assert_eq!(
            done.done.join("\n"),
            "cluster  mark claim prod/data as being resized to 21474836480 bytes\n\
             cluster  promise 21474836480 bytes on pv pvc-prod-data\n\
             tell     prod/data: Resizing: Resizing volume pvc-prod-data to 20Gi\n\
             backend  nas1 resize pvc-prod-data (21474836480 bytes)\n\
             cluster  grant 21474836480 bytes on pv pvc-prod-data\n\
             backend  nas1 resize pvc-prod-data (21474836480 bytes)\n\
             cluster  mark claim prod/data as having 21474836480 bytes\n\
             tell     prod/data: VolumeResizeSuccessful: Resize volume succeeded: it holds 20Gi",
            "{step}"
        );
    }
}

#[test]
fn rz_02_an_object_that_has_the_size_already_only_has_to_be_said() {
    let s = asks(20 * GI).with(|s| (s.pv.capacity, s.record.bytes) = (20 * GI, 20 * GI));
    let plan = s.plan();
    let writes = |a: &Action| matches!(a, Action::Grant { .. } | Action::Promise { .. });
    assert!(!plan.actions.iter().any(writes), "{plan}");
    has(&s.run(), 20 * GI);
}

#[test]
fn rz_10_what_is_only_written_down_takes_the_same_steps_without_the_backend_and_says_so() {
    let done = asks(20 * GI).unenforced().run();
    has(&done, 20 * GI);
    assert_eq!(done.told, None);
    assert_eq!(
        done.done.last().unwrap(),
        "tell     prod/data: VolumeResizeSuccessful: Resize volume succeeded: 20Gi are written down. This storage backend does not \
         enforce sizes, so that nothing but its disk limits what the volume holds"
    );
}

#[test]
fn rz_11_rz_12_an_object_as_large_as_asked_is_finished_although_the_status_speaks_of_a_node() {
    for (step, asked) in ON_NODES.into_iter().flat_map(|step| [(step, 15 * GI), (step, 20 * GI)]) {
        let s = asks(asked).said(step, "20Gi");
        let s = s.with(|s| (s.pv.capacity, s.record.bytes) = (20 * GI, 20 * GI)).run();
        has(&s, 20 * GI);
        let finished = "cluster  mark claim prod/data as having 21474836480 bytes".to_owned();
        assert!(s.done.contains(&finished), "{step}: {:?}", s.done);
    }
}

/// Ours, at that step, would be finished before anything else.
#[test]
fn rz_09_rz_13_a_node_that_is_said_to_be_busy_is_not_waited_for() {
    for step in ON_NODES {
        let done = asks(20 * GI).promised(20 * GI).said(step, "12Gi").run();
        has(&done, 20 * GI);
        assert!(!done.done.join("\n").contains("12884901888"), "{step}: {:?}", done.done);
    }
    let ours = asks(20 * GI).promised(20 * GI);
    let ours = ours.said("ControllerResizeInProgress", "12Gi").run();
    assert!(ours.done.join("\n").contains("12884901888"), "{:?}", ours.done);
}

#[test]
fn rz_14_in_progress_means_that_the_size_is_allocated_and_earlier_errors_are_gone() {
    let s = asks(20 * GI).with(|s| s.claim.growth.error = Some("old".into()));
    let plan = s.plan();
    let mark = plan.actions.iter().find_map(|a| match a {
        Action::MarkResize { mark, version, .. } => Some((mark, version)),
        _ => None,
    });
    assert_eq!(
        mark,
        Some((&ResizeMark::InProgress { bytes: 20 * GI }, &s.claim.version))
    );
    assert_eq!(plan.verdict, Verdict::Continue);
}

#[test]
fn rz_20_without_a_bound_claim_or_a_larger_request_there_is_nothing_to_do() {
    let nothing: [Edit; 8] = [
        ("as large as it is", |s| s.claim.request = Some(10 * GI)),
        ("smaller than it is", |s| s.claim.request = Some(GI)),
        ("unreadable", |s| s.claim.request = None),
        ("not bound", |s| s.claim.phase = ClaimPhase::Pending),
        ("lost", |s| s.claim.phase = ClaimPhase::Lost),
        ("bound to another object", |s| {
            s.claim.volume_name = Some(PvName::new("other"))
        }),
        ("without a capacity yet", |s| s.claim.growth.capacity = None),
        ("not ours", |s| s.pv.ours = None),
    ];
    for (what, edit) in nothing {
        let s = asks(20 * GI).with(edit);
        assert_eq!(s.plan(), Plan::settled(), "{what}");
        assert!(s.is_quiet(), "{what}");
    }
}

#[test]
fn rz_21_an_object_that_is_another_claims_is_left_alone() {
    let others: [fn(&mut Pv); 5] = [
        |pv| pv.claim = None,
        |pv| pv.claim.as_mut().unwrap().uid = None,
        |pv| pv.claim.as_mut().unwrap().uid = Some(ClaimUid::new("other")),
        |pv| pv.claim.as_mut().unwrap().key.namespace = Namespace::new("other"),
        |pv| pv.phase = PvPhase::Released,
    ];
    for edit in others {
        let s = asks(20 * GI).with(|s| edit(&mut s.pv));
        assert!(s.plan() == Plan::settled() && s.is_quiet());
    }
}

#[test]
fn what_is_going_or_not_known_to_the_ledger_is_not_resized() {
    let not: [Edit; 5] = [
        ("the claim goes", |s| s.claim.terminating = true),
        ("the object goes", |s| s.pv.terminating = true),
        ("soft-deleted", |s| s.record.state = State::SoftDeleted),
        ("being made", |s| s.record.state = State::Creating),
        ("another owner's", |s| {
            s.record.owner = crate::plan::testing::claim_ref("else/where")
        }),
    ];
    for (what, edit) in not {
        assert_eq!(asks(20 * GI).with(edit).plan(), Plan::settled(), "{what}");
    }
}

#[test]
fn rz_24_a_claim_that_names_another_resizer_is_left_alone() {
    let s = asks(20 * GI).with(|s| s.claim.growth.elsewhere = true);
    assert!(s.plan() == Plan::settled() && s.is_quiet());
}

#[test]
fn rz_29_a_volume_that_a_populator_gave_to_another_claim_grows_for_that_one() {
    let given_to = |name: &str| {
        claim(name).bound_to("pvc-prod-data").with(|c| {
            c.request = Some(20 * GI);
            c.growth.capacity = Some(10 * GI);
        })
    };
    let rebound = asks(20 * GI).with(|s| {
        let wanted = given_to("team/wanted");
        let owner = Some(wanted.uid.clone());
        s.pv = pv("prod/data").bound_to("team/wanted").ours(|o| o.owner_uid = owner);
        s.record.owner = wanted.reference();
        s.claim = wanted;
    });
    has(&rebound.run(), 20 * GI);
    let unexpected = asks(20 * GI).with(|s| {
        s.claim = given_to("team/odd");
        s.pv = pv("prod/data").bound_to("team/odd");
    });
    assert_eq!(
        unexpected.plan(),
        Plan::settled(),
        "a claim that nobody recorded gets nothing"
    );
}

#[test]
fn limits_count_for_what_a_volume_grows_by_and_are_waited_for() {
    let limited = |may: u64| {
        asks(20 * GI).with(|s| {
            let b = s.backend.as_mut().unwrap();
            (b.limits.namespace.bytes, b.used_by_namespace.bytes) = (Some(may), 10 * GI);
        })
    };
    has(&limited(20 * GI).run(), 20 * GI);
    let refusal = limited(19 * GI).refusal();
    assert_eq!(refusal.reason, ClaimReason::LimitReached);
    assert!(
        refusal.text.contains("namespace prod has 10Gi of the 19Gi"),
        "{refusal}"
    );
    let full = asks(20 * GI).with(|s| {
        let b = s.backend.as_mut().unwrap();
        (b.limits.bytes, b.used.bytes) = (Some(15 * GI), 10 * GI);
    });
    assert!(full.refusal().text.contains("full by its limits"), "{}", full.refusal());
    // What is counted already is not counted again.
    let counted = limited(19 * GI).promised(20 * GI).at(GrowthStep::InProgress, 20 * GI);
    has(&counted.run(), 20 * GI);
}

#[test]
fn what_a_growth_takes_of_the_limits_is_what_it_adds() {
    let s = asks(20 * GI);
    let taken = takes(&s.look(), &s.plan()).unwrap();
    assert_eq!(
        (taken.usage.bytes, taken.usage.volumes, taken.grows_to),
        (10 * GI, 0, Some(20 * GI))
    );
    assert_eq!(
        (taken.pv, taken.namespace.as_str()),
        (id("prod/data").pv_name(), "prod")
    );
    let counted = asks(20 * GI).promised(20 * GI);
    assert_eq!(takes(&counted.look(), &counted.plan()), None);
}

#[test]
fn a_backend_that_is_away_or_going_is_said_and_one_that_is_going_finishes_what_it_promised() {
    let health = |health: Health| asks(20 * GI).with(|s| s.backend.as_mut().unwrap().health = health);
    let ready = asks(20 * GI).backend.unwrap().ready().cloned();
    let away = [
        asks(20 * GI).with(|s| s.backend = None),
        asks(20 * GI).with(|s| s.backend.as_mut().unwrap().asked = false),
        health(Health::Degraded),
        health(Health::Terminating(None)),
        health(Health::Terminating(ready.clone())),
    ];
    for s in away {
        assert_eq!(s.refusal().reason, ClaimReason::BackendUnavailable);
    }
    let going = health(Health::Terminating(ready));
    has(
        &going.promised(20 * GI).at(GrowthStep::InProgress, 20 * GI).run(),
        20 * GI,
    );
}

#[test]
fn a_backend_that_enforces_and_cannot_change_says_so_and_promises_nothing() {
    let s = asks(20 * GI).with(|s| s.backend.as_mut().unwrap().capabilities.resize = false);
    let s = s.run();
    assert_eq!(s.claim.growth.step, Some(GrowthStep::Infeasible));
    assert!(s.refusal().text.contains("cannot change them"));
    assert_eq!((s.pv.promised(), s.record.bytes), (10 * GI, 10 * GI));
}
