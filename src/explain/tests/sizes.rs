//! What is said of claims that ask for more.

use super::*;
use crate::domain::growth::GrowthStep;
use crate::plan::testing::GI;

/// The owner, who asks for this much and has 10Gi.
fn asking(edit: impl FnOnce(&mut Claim)) -> Vec<String> {
    let w = world().with(|w| {
        let owner = testing::claim("prod/data").bound().shares("team");
        w.claims[1] = owner.with(|c| {
            (c.request, c.growth.capacity) = (Some(20 * GI), Some(10 * GI));
            edit(c);
        });
    });
    w.tell("prod/data").notes
}

#[test]
fn a_growth_is_under_way_refused_or_left_to_somebody_else() {
    let under_way = "Resizing: it has 10Gi and asks for 20Gi; that is under way";
    assert_eq!(asking(|_| ()), [under_way]);
    assert_eq!(asking(|c| c.growth.step = Some(GrowthStep::InProgress)), [under_way]);
    let error = |c: &mut Claim| c.growth.error = Some("TooLarge: no\n".into());
    assert_eq!(asking(error), ["VolumeResizeFailed: TooLarge: no"]);
    assert!(asking(|c| c.growth.elsewhere = true)[0].contains("names somebody else"));
    assert!(asking(|c| c.request = Some(10 * GI)).is_empty());
}

#[test]
fn a_member_that_asks_for_too_much_reads_why_and_who_may_not_read_that_is_told_nothing_wrong() {
    let w = || {
        joined().with(|w| {
            w.claims[0].request = Some(20 * GI);
            w.claims[0].growth.capacity = Some(10 * GI);
        })
    };
    let told = |w: &World| w.tell("team/app").notes.join("\n");
    // It has not been refused yet.
    assert!(told(&w()).contains("under way"), "{}", told(&w()));
    let blind = w().without(Input::Backends);
    assert!(told(&blind).contains("under way"), "{}", told(&blind));
}
