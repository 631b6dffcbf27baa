//! A snapshot counts as many bytes as its volume has, for the namespace that it is taken in.

use super::*;
use crate::domain::backend::NamespaceLimits;
use crate::plan::testing::GI;

fn with_limits(edit: fn(&mut Backend)) -> LiveContent {
    live().with(|v| edit(v.backend.as_mut().unwrap()))
}

#[test]
fn one_that_would_go_beyond_a_limit_is_not_begun_and_says_so() {
    let size = pv("team/data").capacity;
    type Edit = fn(&mut Backend);
    let edits: [(Edit, &str); 2] = [
        (
            |b| {
                b.limits.namespace = NamespaceLimits {
                    bytes: Some(pv("team/data").capacity + GI - 1),
                    ..NamespaceLimits::default()
                };
                b.used_by_namespace.bytes = GI;
            },
            "namespace team has 1Gi",
        ),
        (
            |b| (b.limits.bytes, b.used.bytes) = (Some(pv("team/data").capacity), 1),
            "full by its limits",
        ),
    ];
    for (edit, words) in edits {
        let failure = with_limits(edit).failure();
        assert!(
            failure.text.contains("LimitReached: ") && failure.text.contains(words),
            "{}",
            failure.text
        );
        // What has begun counts already.
        let marked = with_limits(edit).with(|v| v.content.being_created = true);
        assert!(matches!(decide(&marked), Step::Take(_)));
    }
    let fits = with_limits(|b| b.limits.bytes = Some(pv("team/data").capacity));
    assert!(matches!(decide(&fits), Step::Begin(take) if take.bytes == size));
    let volumes = with_limits(|b| (b.limits.volumes, b.limits.namespace.volumes) = (Some(0), Some(0)));
    assert!(matches!(decide(&volumes), Step::Begin(_)), "it is no volume");
}

#[test]
fn a_backend_that_is_being_deleted_takes_no_new_one() {
    let going: fn(&mut Backend) = |b| {
        let id = b.id().cloned();
        b.health = crate::domain::backend::Health::Terminating(id);
    };
    assert!(with_limits(going).failure().text.contains("is being deleted"));
    let marked = with_limits(going).with(|v| v.content.being_created = true);
    assert!(matches!(decide(&marked), Step::Take(_)), "what was begun is finished");
}
