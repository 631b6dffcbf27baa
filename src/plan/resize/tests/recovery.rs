//! Refusals, lowered requests, and controllers that die between any two writes.

use super::*;
use tombolo_backend_api::BackendError;

fn error(class: Class) -> BackendError {
    BackendError::not_done(class, "secret server path")
}

/// Asked for `bytes`, and refused by the backend when it was told.
fn refused_at(bytes: u64, class: Class) -> Scene {
    let mut s = asks(bytes);
    for _ in 0..5 {
        for action in s.plan().actions {
            if matches!(action, Action::ResizeData { .. }) {
                let answer = answer(bytes, &error(class)).unwrap();
                for action in &note_refused(&s.claim, bytes, &answer) {
                    s.carry_out(action);
                }
                return s;
            }
            s.carry_out(&action);
        }
    }
    panic!("the backend was never told")
}

/// The same, and then its owner asks for less.
fn lowered(s: Scene, bytes: u64) -> Scene {
    s.with(|s| s.claim.request = Some(bytes))
}

#[test]
fn rz_03_after_an_infeasible_size_the_request_as_it_is_now_is_made() {
    let s = lowered(refused_at(100 * GI, Class::TooLarge), 50 * GI);
    assert_eq!(s.claim.growth.step, Some(GrowthStep::Infeasible));
    let done = s.run();
    has(&done, 50 * GI);
    assert_eq!((done.told, done.claim.growth.allocated), (Some(50 * GI), Some(50 * GI)));
}

#[test]
fn rz_04_rz_25_after_a_refusal_that_may_pass_a_lowered_request_is_made_at_once() {
    let s = lowered(refused_at(100 * GI, Class::Full), 50 * GI);
    assert_eq!(s.claim.growth.step, Some(GrowthStep::InProgress));
    assert!(s.claim.growth.error.is_some());
    has(&s.run(), 50 * GI);
}

#[test]
fn rz_05_rz_06_a_refused_size_is_written_once_and_tried_again_as_it_was() {
    for (class, step) in [
        (Class::Full, GrowthStep::InProgress),
        (Class::Invalid, GrowthStep::Infeasible),
    ] {
        let s = refused_at(20 * GI, class);
        let growth = &s.claim.growth;
        assert_eq!((growth.step, growth.allocated), (Some(step), Some(20 * GI)));
        let answer = answer(20 * GI, &error(class)).unwrap();
        assert!(
            note_refused(&s.claim, 20 * GI, &answer).is_empty(),
            "it is written already"
        );
        let again = s.plan();
        assert!(
            !again.actions.iter().any(|a| matches!(a, Action::MarkResize { .. })),
            "{again}"
        );
        has(&s.run(), 20 * GI);
    }
}

#[test]
fn rz_07_what_may_have_been_carried_out_is_finished_before_anything_smaller_or_larger() {
    let open = |asked| asks(asked).at(GrowthStep::InProgress, 20 * GI).promised(20 * GI);
    // It holds more than was asked for in the end, and is not made smaller.
    has(&open(15 * GI).run(), 20 * GI);
    let more = open(30 * GI).run();
    assert!(
        more.done
            .first()
            .unwrap()
            .contains("resize pvc-prod-data (21474836480 bytes)"),
        "{:?}",
        more.done
    );
    has(&more, 30 * GI);
    let never_told = asks(15 * GI).at(GrowthStep::InProgress, 20 * GI);
    has(&never_told.run(), 15 * GI);
}

#[test]
fn rz_08_a_lowered_request_that_the_object_has_already_is_finished_at_what_the_object_has() {
    let s = asks(15 * GI).at(GrowthStep::Infeasible, 100 * GI);
    let s = s.with(|s| (s.pv.capacity, s.record.bytes) = (20 * GI, 20 * GI));
    has(&s.run(), 20 * GI);
}

#[test]
fn rz_15_each_refusal_has_its_step_and_says_what_to_do_without_quoting_the_backend() {
    let cases = [
        (Class::TooLarge, Some((ClaimReason::TooLarge, true))),
        (Class::Invalid, Some((ClaimReason::BackendUnavailable, true))),
        (Class::Full, Some((ClaimReason::BackendUnavailable, false))),
        (Class::Denied, Some((ClaimReason::BackendUnavailable, false))),
        (Class::Waiting, None),
        (Class::Transient, None),
        (Class::Bug, None),
    ];
    for (class, expected) in cases {
        let found = answer(20 * GI, &error(class));
        let kind = found.as_ref().map(|a| (a.refusal.reason, a.infeasible));
        assert_eq!(kind, expected, "{class:?}");
        assert!(found.is_none_or(|a| !a.refusal.text.contains("secret")));
        let unknown = BackendError::maybe_done(class, "");
        assert_eq!(answer(20 * GI, &unknown), None, "nobody knows");
    }
}

#[test]
fn rz_26_a_crash_between_any_two_writes_changes_no_ending() {
    let scenes = [
        asks(20 * GI),
        asks(20 * GI).unenforced(),
        lowered(refused_at(100 * GI, Class::Full), 15 * GI),
    ];
    for scene in scenes {
        let bytes = scene.claim.request.unwrap();
        for lives in 0..12 {
            let mut s = scene.clone();
            let mut left = lives;
            loop {
                let plan = s.plan();
                for action in plan.actions.iter().take(left) {
                    s.carry_out(action);
                }
                let whole = left >= plan.actions.len();
                left = left.saturating_sub(plan.actions.len());
                if !whole || plan.verdict != Verdict::Continue {
                    break;
                }
            }
            has(&s.clone().run(), bytes);
            // The ledger was lost, too: then it says what the object says.
            let told = s.told;
            let rebuilt = s.with(|s| s.record.bytes = s.pv.promised());
            assert!(told.is_none_or(|told| told <= rebuilt.record.bytes));
            has(&rebuilt.run(), bytes);
        }
    }
}

#[test]
fn a_promise_that_nobody_asks_for_any_more_is_taken_back() {
    let s = asks(10 * GI).promised(20 * GI);
    assert!(!s.is_quiet());
    let done = s.run();
    has(&done, 10 * GI);
    assert_eq!(done.told, Some(10 * GI));
    assert!(!done.done.iter().any(|d| d.contains("mark claim")), "{:?}", done.done);
}

#[test]
fn whoever_was_overtaken_tells_the_backend_what_stands() {
    let s = asks(10 * GI).with(|s| s.uncertain = true).run();
    assert_eq!(s.done, ["backend  nas1 resize pvc-prod-data (10737418240 bytes)"]);
    has(&s, 10 * GI);
}

/// Before 1.32, `allocatedResources` and its statuses are dropped where a feature gate was not switched on.
#[test]
fn an_api_server_that_keeps_no_steps_makes_no_endless_work() {
    let mut s = asks(20 * GI);
    for _ in 0..6 {
        let plan = s.plan();
        for action in &plan.actions {
            s.carry_out(action);
            (s.claim.growth.step, s.claim.growth.allocated) = (None, None);
        }
        if plan.verdict != Verdict::Continue {
            break;
        }
    }
    has(&s, 20 * GI);
    assert_eq!(s.done.iter().filter(|d| d.contains("being resized")).count(), 1);
}
