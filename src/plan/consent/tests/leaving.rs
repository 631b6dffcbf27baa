//! A member whose namespace is being deleted.

use super::*;

/// The namespace is being deleted, whatever that has done to the references in it.
fn leaving(edit: impl Fn(Scene) -> Scene) -> [Consent; 3] {
    let ways = [None, Some(Vec::new()), Some(vec![reference("team/ref", "prod/data")])];
    ways.map(|references| edit(scene().with(|s| (s.namespace_terminating, s.references) = (true, references))).state())
}

#[test]
fn what_goes_with_its_namespace_is_leaving_and_not_revoked() {
    assert_eq!(leaving(|s| s), [Consent::Given; 3]);
    let without_owner = leaving(|s| s.with(|s| s.owner = None));
    assert_eq!(without_owner, [Consent::Given; 3]);
    let owner_leaves = leaving(|s| s.annotated(&[]).with(|s| s.owner.as_mut().unwrap().terminating = true));
    assert_eq!(owner_leaves, [Consent::Given; 3]);
}

#[test]
fn an_owner_s_word_counts_also_while_the_other_namespace_goes() {
    assert_eq!(leaving(|s| s.annotated(&[])), [Consent::WithdrawnByOwner; 3]);
    let narrowed = leaving(|s| s.annotated(&[("tombolo.dev/shareReadOnlyToNamespace", "team")]));
    assert_eq!(narrowed, [Consent::ReadOnlyNow(Side::Owner); 3]);
    let half = leaving(|s| s.annotated(&[("tombolo.dev/shareToNamespace", "te am")]));
    assert_eq!(half, [Consent::Given; 3], "half a list is no evidence here either");
}

#[test]
fn the_labels_of_a_namespace_count_while_it_goes_and_not_once_it_has_gone() {
    let selected = |labels: Option<Labels>| {
        let by = |s: Scene| s.annotated(&[("tombolo.dev/shareToNamespaceSelector", "tier=gold")]);
        leaving(|s| by(s).with(|s| s.labels = labels.clone()))
    };
    assert_eq!(selected(Some(labels(&[("tier", "gold")]))), [Consent::Given; 3]);
    assert_eq!(selected(Some(Labels::new())), [Consent::WithdrawnByOwner; 3]);
    assert_eq!(selected(None), [Consent::Given; 3]);
    let named = leaving(|s| s.annotated(&[]).with(|s| s.labels = None));
    assert_eq!(named, [Consent::WithdrawnByOwner; 3], "no label is asked for");
}
