//! Objects that somebody has written by hand: handles that point elsewhere, one handle on two volumes, everything twice. Nothing that
//! cannot be read is acted on, and nothing is made of it that the ledger has not said.

use super::*;
use crate::api::names;
use crate::domain::pv::Role;
use crate::plan::testing::{ROOT, member_pv};
use crate::plan::{Plan, member, rebuild};
use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::{Value, json};

/// Handles that are none.
fn hostile() -> Vec<String> {
    let paths = [
        "..",
        "../pvc-other",
        "pvc-1/../../etc",
        "/",
        "/etc/passwd",
        "//server/share",
        ".tombolo/trash",
        ".tombolo/backend.json",
        "pvc-1\0",
        "\0",
        "pvc-1\n",
        "pvc 1",
        "pvc-1;rm",
        "\u{202e}pvc-1",
        "",
    ];
    let mut all: Vec<String> = paths.iter().map(|path| format!("{ROOT}:{path}")).collect();
    all.push(format!("{ROOT}:{}", "a".repeat(4096)));
    all.push(format!("{}:pvc-1", "a".repeat(4096)));
    all.push("a".repeat(4096));
    all.extend(["", ":", "pvc-1", ":pvc-1", "../..:pvc-1"].map(str::to_owned));
    all
}

/// The released and terminating PersistentVolume of `prod/data`, as the API server stores it, with this handle.
fn stored(handle: &str) -> PersistentVolume {
    let object = json!({
        "metadata": {
            "name": "pvc-prod-data", "uid": "u", "resourceVersion": "7", "deletionTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": [names::FINALIZER_VOLUME],
            "labels": {names::LABEL_VOLUME: "pvc-prod-data", names::LABEL_ROLE: "owner", names::LABEL_BACKEND: "nas1"},
            "annotations": {
                names::ANNOTATION_PROVISIONED_BY: names::PROVISIONER, names::ANNOTATION_HANDLE: handle,
                names::ANNOTATION_ON_DELETE: "delete",
            },
        },
        "spec": {
            "persistentVolumeReclaimPolicy": "Delete", "capacity": {"storage": "10Gi"},
            "claimRef": {"namespace": "prod", "name": "data", "uid": "prod-data"},
        },
        "status": {"phase": "Released"},
    });
    serde_json::from_value(object).unwrap()
}

fn acts(plan: &Plan) -> bool {
    plan.actions.iter().any(|a| !matches!(a, Action::Tell(_)))
}

#[test]
fn a_sound_handle_would_be_acted_on() {
    let sound = Pv::of(&stored(&format!("{ROOT}:pvc-prod-data"))).unwrap();
    let v = ending().with(|v| v.pv = Some(sound));
    assert!(decide(&v).actions.iter().any(Action::touches_data));
}

#[test]
fn a_hostile_handle_is_none_and_nothing_is_done_about_its_object() {
    for handle in hostile() {
        let pv = Pv::of(&stored(&handle)).unwrap();
        assert_eq!(pv.ours, None, "{handle:.40?}");
        let unknown = ending().unrecorded().with(|v| v.pv = Some(pv.clone()));
        assert!(!acts(&decide(&unknown)), "{handle:.40?}");
        assert_eq!(rebuild::records(std::slice::from_ref(&pv)), [], "{handle:.40?}");
        let as_member = member::decide(&member::LiveMember {
            name: pv.name.clone(),
            pv: Some(pv),
            claims: Vec::new(),
            volume: None,
            record: None,
        });
        assert!(!acts(&as_member), "{handle:.40?}");
    }
}

#[test]
fn where_the_ledger_remembers_the_handle_that_one_is_put_back_and_the_hostile_one_is_never_used() {
    for handle in hostile() {
        let v = ending().with(|v| v.pv = Pv::of(&stored(&handle)));
        let plan = decide(&v);
        match plan.actions.as_slice() {
            [Action::Mend { handle: mended, .. }] => assert_eq!(*mended, record("prod/data").handle),
            _ => panic!("{handle:.40?}: {plan}"),
        }
    }
}

#[test]
fn of_two_volumes_with_one_handle_neither_loses_the_data() {
    let edited = pv("prod/other").ours(|o| o.handle = testing::handle(&pv_name("prod/data")));
    for pv in [pv("prod/data"), edited.clone()] {
        let v = ending().with(|v| {
            v.volume = VolumeId::from(&pv.name);
            (v.twins, v.record) = (true, None);
            v.pv = Some(pv.released().terminating());
        });
        assert!(!decide(&v).actions.iter().any(Action::touches_data));
    }
    let records = rebuild::records(&[pv("prod/data"), edited, member_pv("team/app", "prod/data")]);
    assert_eq!(
        records.len(),
        2,
        "each keeps a record, and the member is in one of them"
    );
    assert_eq!(records.iter().map(|r| r.members.len()).sum::<usize>(), 1);
}

/// With every list entry twice.
fn doubled(mut object: Value) -> PersistentVolume {
    let metadata = &mut object["metadata"];
    let once = metadata["finalizers"].as_array().unwrap().clone();
    metadata["finalizers"] = json!([once.clone(), once].concat());
    serde_json::from_value(object).unwrap()
}

#[test]
fn finalizers_that_are_there_twice_count_once() {
    let mut object = serde_json::to_value(stored(&format!("{ROOT}:pvc-prod-data"))).unwrap();
    let token = Token::joining(uid("team/app")).finalizer();
    object["metadata"]["finalizers"] = json!([names::FINALIZER_VOLUME, token.clone()]);
    object["metadata"]["annotations"][&token] = json!(testing::note("team/app", &pv_name("prod/data")).to_text());
    let once = Pv::of(&serde_json::from_value(object.clone()).unwrap()).unwrap();
    let twice = Pv::of(&doubled(object)).unwrap();
    assert_eq!(twice, once);
    assert_eq!(twice.tokens.len(), 1);
    let waiting = |pv: Pv| {
        let tokens = pv
            .tokens
            .keys()
            .map(|token| (token.clone(), TokenClaim::Waiting))
            .collect();
        decide(&ending().with(|v| (v.pv, v.tokens) = (Some(pv), tokens)))
    };
    let plan = waiting(twice);
    assert_eq!(plan, waiting(once));
    let taken = |a: &&Action| matches!(a, Action::TakeToken { .. });
    assert_eq!(plan.actions.iter().filter(taken).count(), 1, "{plan}");
}

/// JSON lets a key come twice; the last one counts, and an object that says both is what the last says.
#[test]
fn a_label_that_is_there_twice_is_read_as_the_last_one() {
    let text = format!(
        r#"{{"metadata": {{"name": "pvc-m", "uid": "u", "annotations": {{"{}": "{ROOT}:pvc-o"}},
            "labels": {{"{role}": "owner", "{role}": "member"}}}}}}"#,
        names::ANNOTATION_HANDLE,
        role = names::LABEL_ROLE,
    );
    let pv = Pv::of(&serde_json::from_str(&text).unwrap()).unwrap();
    assert!(matches!(pv.ours.unwrap().role, Role::Member(_)));
}
