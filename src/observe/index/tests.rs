use super::*;
use crate::api::names;
use crate::domain::token::Token;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use serde_json::json;

mod queries;
mod wakes;

fn claim(name: &str, asks: Option<&str>) -> Claim {
    let annotations = asks.map(|source| json!({format!("{}shareFromPVC", names::PREFIX): source}));
    let object: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": {"namespace": if asks.is_some() { "m" } else { "n" }, "name": name, "uid": name, "resourceVersion": "1", "annotations": annotations},
        "spec": {"storageClassName": "gold"}, "status": {"phase": "Pending"},
    }))
    .unwrap();
    Claim::of(&object).unwrap()
}

/// The volume of the claim `owner`, in some version, with the tokens of some claims.
fn pv(version: u32, phase: &str, tokens: &[&str]) -> Pv {
    let tokens = tokens.iter().map(|uid| Token::joining(ClaimUid::new(*uid)).finalizer());
    let object: PersistentVolume = serde_json::from_value(json!({
        "metadata": {
            "name": "pvc-owner", "uid": "pv", "resourceVersion": version.to_string(),
            "finalizers": tokens.collect::<Vec<_>>(),
            "annotations": {names::ANNOTATION_HANDLE: format!("{}:pvc-owner", "0".repeat(36))},
        },
        "spec": {"claimRef": {"namespace": "n", "name": "owner", "uid": "owner"}},
        "status": {"phase": phase},
    }))
    .unwrap();
    let pv = Pv::of(&object).unwrap();
    assert!(pv.is_owner());
    pv
}

fn crowd() -> Index {
    let mut index = Index::default();
    index.put_claim(claim("owner", None));
    for asker in ["a", "b", "c"] {
        index.put_claim(claim(asker, Some("n/owner")));
    }
    index
}

fn claims(wake: &Wake) -> Vec<&str> {
    wake.iter()
        .filter_map(|work| match work {
            Work::Claim(key) => Some(key.name.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn what_a_write_answered_is_no_news_when_the_watch_brings_it() {
    let mut index = crowd();
    assert!(!index.pv_written(pv(2, "Pending", &[])).is_empty());
    assert!(index.put_pv(pv(2, "Pending", &[])).is_empty());
    assert!(!index.put_pv(pv(3, "Bound", &[])).is_empty());
}

#[test]
fn nothing_older_takes_the_place_of_something_newer() {
    let mut index = crowd();
    index.put_pv(pv(2, "Bound", &[]));
    index.pv_written(pv(10, "Bound", &["a"]));
    assert!(index.put_pv(pv(9, "Bound", &[])).is_empty());
    assert!(index.pv_written(pv(9, "Bound", &[])).is_empty());
    assert_eq!(index.pv(&PvName::new("pvc-owner")).unwrap().version.as_str(), "10");
    index.reset_pvs(vec![pv(5, "Bound", &[])]);
    let after_a_restore = index.pv(&PvName::new("pvc-owner")).unwrap();
    assert_eq!(after_a_restore.version.as_str(), "5", "a list is the last word");
}

#[test]
fn an_answer_that_comes_late_brings_nothing_back() {
    let mut index = crowd();
    index.put_pv(pv(2, "Bound", &[]));
    index.remove_pv(&PvName::new("pvc-owner"));
    assert!(index.pv_written(pv(3, "Bound", &[])).is_empty());
    assert!(index.pv(&PvName::new("pvc-owner")).is_none());
    index.put_pv(pv(4, "Bound", &[]));
    assert!(index.pv(&PvName::new("pvc-owner")).is_some(), "the watch is believed");
}

#[test]
fn a_token_concerns_its_own_claim_and_no_other_that_asks() {
    let mut index = crowd();
    assert_eq!(claims(&index.put_pv(pv(2, "Bound", &[]))), ["a", "b", "c", "owner"]);
    assert_eq!(claims(&index.put_pv(pv(3, "Bound", &["a"]))), ["a", "owner"]);
    assert_eq!(claims(&index.put_pv(pv(4, "Bound", &["a", "b"]))), ["b", "owner"]);
    assert_eq!(claims(&index.put_pv(pv(5, "Bound", &[]))), ["a", "b", "owner"]);
    assert_eq!(claims(&index.put_pv(pv(6, "Released", &[]))), ["a", "b", "c", "owner"]);
}

#[test]
fn references_are_found_by_namespace_and_by_what_they_name() {
    let mut index = crowd();
    let reference = |kind, namespace: &str, name: &str, source: &str| {
        let key = ReferenceKey {
            kind,
            namespace: Namespace::new(namespace),
            name: name.into(),
        };
        Reference::new(
            key,
            false,
            Some("n"),
            Some(source),
            crate::domain::access::Access::ReadWrite,
        )
    };
    for (namespace, name) in [("m", "z"), ("n", "a"), ("n", "b"), ("o", "a")] {
        for kind in [ReferenceKind::Volume, ReferenceKind::Trident] {
            index.put_reference(reference(kind, namespace, name, "owner"));
        }
    }
    assert_eq!(index.references_in(&Namespace::new("n")).count(), 4);
    assert_eq!(index.references_in(&Namespace::new("nobody")).count(), 0);
    let named = |wake: Wake| wake.into_iter().filter(|w| matches!(w, Work::Reference(_))).count();
    assert_eq!(named(index.remove_claim(&ClaimKey::new("n", "owner"))), 8);
    index.put_reference(reference(ReferenceKind::Volume, "n", "a", "another"));
    assert_eq!(named(index.put_claim(claim("owner", None))), 7);
    assert_eq!(named(index.put_claim(claim("another", None))), 1);
}

/// A member of the volume of `owner`, made for the claim `uid`.
fn member(uid: &str) -> Pv {
    let object: PersistentVolume = serde_json::from_value(json!({
        "metadata": {
            "name": format!("pvc-{uid}"), "uid": format!("pv-{uid}"), "resourceVersion": "1",
            "labels": {names::LABEL_VOLUME: "pvc-owner", names::LABEL_ROLE: "member"},
            "annotations": {
                names::ANNOTATION_HANDLE: format!("{}:pvc-owner", "0".repeat(36)), names::ANNOTATION_SOURCE_UID: "owner",
            },
        },
        "spec": {"claimRef": {"namespace": "m", "name": uid, "uid": uid}}, "status": {"phase": "Bound"},
    }))
    .unwrap();
    Pv::of(&object).unwrap()
}

/// The volume of `owner` after it was given to the claim `n/new`.
fn given(version: u32) -> Pv {
    let mut pv = pv(version, "Bound", &[]);
    pv.claim = Some(crate::domain::pv::BoundTo {
        key: ClaimKey::new("n", "new"),
        uid: Some(ClaimUid::new("new")),
    });
    pv
}

#[test]
fn a_member_s_claim_that_goes_after_its_object_wakes_the_member() {
    let mut index = crowd();
    index.put_pv(pv(1, "Bound", &[]));
    let wake = index.remove_claim(&ClaimKey::new("m", "a"));
    assert!(wake.contains(&Work::Member(PvName::new("pvc-a"))), "{wake:?}");
    index.put_pv(member("b"));
    let wake = index.remove_claim(&ClaimKey::new("m", "b"));
    assert!(wake.contains(&Work::Member(PvName::new("pvc-b"))), "{wake:?}");
    assert!(
        index
            .put_claim(claim("d", None))
            .iter()
            .all(|w| !matches!(w, Work::Member(_)))
    );
}

#[test]
fn the_last_member_out_wakes_the_claim_that_a_reclaim_made_the_owner() {
    let mut index = crowd();
    index.put_claim(claim("new", None));
    index.put_pv(given(1));
    index.put_pv(member("a"));
    let wake = index.remove_pv(&PvName::new("pvc-a"));
    assert!(wake.contains(&Work::Claim(ClaimKey::new("n", "new"))), "{wake:?}");
    let mut lost = crowd();
    lost.put_pv(member("a"));
    let wake = lost.remove_pv(&PvName::new("pvc-a"));
    assert!(
        wake.contains(&Work::Claim(ClaimKey::new("n", "owner"))),
        "held without an object: {wake:?}"
    );
}

#[test]
fn members_hear_of_the_claim_that_owns_their_volume_and_of_none_that_merely_names_it() {
    let mut index = crowd();
    index.put_pv(given(1));
    index.put_pv(member("a"));
    let named = |name: &str| {
        let mut claim = claim(name, None);
        claim.volume_name = Some(PvName::new("pvc-owner"));
        claim
    };
    assert!(claims(&index.put_claim(named("new"))).contains(&"a"));
    assert!(!claims(&index.put_claim(named("stranger"))).contains(&"a"));
}

#[test]
fn a_claim_made_again_in_a_watch_s_gap_wakes_what_the_old_one_left() {
    let mut index = crowd();
    index.put_pv(pv(1, "Bound", &["a"]));
    let mut again = claim("a", Some("n/owner"));
    again.uid = ClaimUid::new("a2");
    let wake = index.put_claim(again);
    for expected in [
        Work::Volume(VolumeId::new("pvc-a")),
        Work::Member(PvName::new("pvc-a")),
        Work::Volume(VolumeId::new("pvc-owner")),
    ] {
        assert!(wake.contains(&expected), "{expected:?} in {wake:?}");
    }
}

#[test]
fn what_becomes_of_a_claim_wakes_the_volume_its_token_is_on() {
    let mut index = crowd();
    index.put_pv(pv(1, "Bound", &["a"]));
    let volume = Work::Volume(VolumeId::new("pvc-owner"));
    assert!(index.remove_claim(&ClaimKey::new("m", "a")).contains(&volume));
    index.put_pv(pv(2, "Bound", &[]));
    assert!(!index.put_claim(claim("a", Some("n/owner"))).contains(&volume));
}

#[test]
fn a_late_word_of_a_deletion_does_not_remove_the_object_made_since() {
    let mut index = crowd();
    index.put_pv(pv(1, "Bound", &[]));
    let name = PvName::new("pvc-owner");
    assert!(index.pv_deleted(&name, Some(&PvUid::new("before"))).is_empty());
    assert!(index.pv(&name).is_some());
    assert!(!index.pv_deleted(&name, Some(&PvUid::new("pv"))).is_empty());
    assert!(index.pv(&name).is_none());
}

#[test]
fn a_kind_of_reference_that_appears_or_goes_concerns_every_member_and_is_said_once() {
    use crate::plan::testing;
    let mut index = Index::default();
    index.put_claim(testing::claim("team/app").bound());
    index.put_claim(testing::claim("team/ordinary").bound());
    index.put_pv(testing::pv("prod/data"));
    index.put_pv(testing::pv("team/ordinary"));
    index.put_pv(testing::member_pv("team/app", "prod/data"));
    let concerned = Wake::from([
        Work::Claim(testing::key("team/app")),
        Work::SharedVolume(testing::id("prod/data")),
    ]);
    for kind in [ReferenceKind::Volume, ReferenceKind::Trident] {
        assert!(index.references_not_served(kind).is_empty(), "it was not served before");
        assert_eq!(index.reset_references(kind, vec![]), concerned);
        assert!(index.reset_references(kind, vec![]).is_empty(), "it was served before");
        assert_eq!(index.references_not_served(kind), concerned);
        assert!(
            index.references_not_served(kind).is_empty(),
            "each failed try is not news"
        );
    }
}

#[test]
fn what_went_is_remembered_and_what_is_there_is_not_taken_for_gone() {
    let mut index = crowd();
    let (owner, asker) = (PvName::new("pvc-owner"), PvName::new("pvc-a"));
    index.put_pv(pv(1, "Bound", &["a"]));
    assert!(!index.went(&owner) && !index.went(&asker));
    index.put_pv(pv(2, "Bound", &["b"]));
    assert!(index.went(&asker) && !index.went(&PvName::new("pvc-b")));
    index.remove_pv(&owner);
    assert!(index.went(&owner));
}

#[test]
fn only_the_watch_says_how_far_the_caches_have_come() {
    let mut index = crowd();
    assert_eq!(index.seen(), None);
    index.pv_written(pv(9, "Pending", &[]));
    assert_eq!(
        index.seen(),
        None,
        "the answer to a write is one object's, and shows nothing of the others"
    );
    index.put_pv(pv(3, "Pending", &[]));
    index.put_pv(pv(2, "Pending", &[]));
    assert_eq!(index.seen(), Some(&crate::domain::ids::ResourceVersion::new("3")));
    index.reset_pvs(vec![pv(1, "Bound", &[])]);
    assert_eq!(
        index.seen(),
        Some(&crate::domain::ids::ResourceVersion::new("1")),
        "after a backup was restored"
    );
}
