use super::content::*;
use super::*;
use serde_json::json;

fn meta(more: Value) -> ObjectMeta {
    let mut whole = json!({"name": "x", "namespace": "team", "uid": "u", "resourceVersion": "7"});
    if let (Some(whole), Value::Object(more)) = (whole.as_object_mut(), more) {
        whole.extend(more);
    }
    serde_json::from_value(whole).unwrap()
}

#[test]
fn a_snapshot_says_of_which_claim_and_what_it_is_bound_to() {
    let object = json!({
        "spec": {"source": {"persistentVolumeClaimName": "data"}, "volumeSnapshotClassName": "gold"},
        "status": {"boundVolumeSnapshotContentName": "c", "readyToUse": true},
    });
    let read = Snapshot::read(&meta(json!({})), &object).unwrap();
    assert_eq!(read.of, Some(ClaimKey::new("team", "data")));
    assert_eq!((read.content, read.ready), (Some(ContentName::new("c")), Some(true)));
    assert_eq!(read.class, Some(SnapshotClassName::new("gold")));
}

#[test]
fn what_a_content_says_is_read_and_garbage_is_nothing() {
    let object = json!({
        "spec": {
            "driver": "tombolo.dev", "deletionPolicy": "Delete", "source": {"volumeHandle": "pvc-1"},
            "volumeSnapshotRef": {"namespace": "team", "name": "snap", "uid": "s"}, "sourceVolumeMode": "Filesystem",
        },
        "status": {"snapshotHandle": "h", "readyToUse": true, "restoreSize": 5},
    });
    let finalizers = json!({"finalizers": ["a", "tombolo.dev/copying-c", "tombolo.dev/joining-c"]});
    let read = Content::read(&meta(finalizers), &object).unwrap();
    assert!(read.ours && read.is_ready() && read.policy == DeletionPolicy::Delete);
    assert_eq!(
        read.source,
        ContentSource::Volume(crate::domain::ids::PvName::new("pvc-1"))
    );
    assert_eq!((read.of_uid, read.block), (Some(SnapshotUid::new("s")), Some(false)));
    assert_eq!(read.tokens.len(), 1, "a join has no business here");
    for hostile in [
        json!({}),
        json!([]),
        json!({"spec": 1, "status": 2}),
        json!({"spec": {"source": []}}),
    ] {
        let read = Content::read(&meta(json!({})), &hostile).unwrap();
        assert_eq!(
            (read.ours, read.source, read.status),
            (false, ContentSource::Nothing, None)
        );
        assert!(Snapshot::read(&meta(json!({})), &hostile).unwrap().of.is_none());
        assert!(!SnapshotClass::read(&meta(json!({})), &hostile).unwrap().ours);
    }
    assert!(Content::read(&ObjectMeta::default(), &object).is_none());
}

#[test]
fn sn_19_only_a_clear_yes_lets_the_mode_change() {
    for (text, may) in [
        ("true", true),
        ("1", true),
        ("false", false),
        ("yes", false),
        ("", false),
    ] {
        let annotated = json!({"annotations": {"snapshot.storage.kubernetes.io/allow-volume-mode-change": text}});
        assert_eq!(
            Content::read(&meta(annotated), &json!({})).unwrap().converts,
            may,
            "{text}"
        );
    }
}
