//! Every plan of the golden scenarios, with each of its steps failing once.

use super::*;

#[tokio::test]
async fn every_action_is_carried_out_once_and_in_order() {
    for (name, plan) in plans() {
        let w = watched(None).await;
        carry_out(&plan, &w.ports).await.unwrap();
        let expected: Vec<_> = plan.actions.iter().flat_map(steps_of).copied().collect();
        assert_eq!(w.steps.taken(), expected, "{name}");
    }
}

#[tokio::test]
async fn after_a_step_that_fails_nothing_is_begun() {
    let mut failures = 0;
    for (name, plan) in plans() {
        let steps: Vec<_> = plan.actions.iter().flat_map(steps_of).copied().collect();
        for at in (0..steps.len()).filter(|at| steps[*at] != "tell") {
            let w = watched(Some(at)).await;
            carry_out(&plan, &w.ports).await.unwrap_err();
            assert_eq!(w.steps.taken(), steps[..=at], "{name}: after step {at}");
            failures += 1;
        }
    }
    assert!(failures > 50, "{failures}");
}

#[tokio::test]
async fn a17_a37_d02_d05_d07_d12_d13_d16_d18_d26_what_the_ledger_does_not_take_no_backend_is_asked_for() {
    let mut failures = 0;
    for (name, plan) in plans() {
        let steps: Vec<_> = plan.actions.iter().flat_map(steps_of).copied().collect();
        let Some(at) = steps.iter().position(|step| *step == "record") else {
            continue;
        };
        let w = watched(Some(at)).await;
        let failure = carry_out(&plan, &w.ports).await.unwrap_err();
        assert!(matches!(failure, Failure::Ledger(_)), "{name}: {failure}");
        assert!(w.fake.calls().is_empty(), "{name}: {:?}", w.fake.calls());
        assert!(!w.steps.taken().contains(&"backend"), "{name}");
        failures += 1;
    }
    assert!(failures > 3, "{failures}");
}

/// Every plan that touches data says so first, on disk.
#[test]
fn whatever_touches_data_comes_after_a_record() {
    for (name, plan) in plans() {
        let touches = plan
            .actions
            .iter()
            .position(|a| matches!(a, Action::MakeData { .. } | Action::Discard { .. }));
        let records = plan.actions.iter().position(|a| matches!(a, Action::Record(_)));
        let Some(at) = touches else { continue };
        // After a crash the record is there already.
        assert!(
            records.is_some_and(|r| r < at) || name.ends_with("after-a-crash"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_plan_that_breaks_a_rule_is_not_begun() {
    let plan = plans().remove("delete-data").unwrap();
    let without_record: Vec<_> = plan
        .actions
        .into_iter()
        .filter(|a| !matches!(a, Action::Record(_)))
        .collect();
    let w = watched(None).await;
    let failure = run(&without_record, &w.ports).await.unwrap_err();
    assert!(matches!(failure, Failure::Rule(_)), "{failure}");
    assert!(w.steps.taken().is_empty() && w.fake.calls().is_empty());
}

#[tokio::test]
async fn a_backend_s_failure_to_make_leaves_no_object() {
    let plan = plans().remove("provision").unwrap();
    for op in [Op::Create, Op::Mount] {
        for fault in [Fault::Refused(Class::Full), Fault::LostAnswer(Class::Transient)] {
            let w = watched(None).await;
            w.fake.fail_next(op, fault);
            let failure = carry_out(&plan, &w.ports).await.unwrap_err();
            assert!(matches!(failure, Failure::Backend(_)), "{op:?}: {failure}");
            assert!(!w.steps.taken().contains(&"create pv"), "{op:?} {fault:?}");
            assert_eq!(w.fake.pending_faults(), 0);
        }
    }
}
