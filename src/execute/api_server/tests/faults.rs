//! What each answer is taken for: as much as the product needs, and never more than was said.

use super::*;
use crate::domain::access::Access;
use crate::domain::access::{AccessModes, MountMode, OnDelete, OnOwnerDelete};
use crate::domain::ids::ClassName;
use crate::domain::pv::ReclaimPolicy;

async fn fault_of_a_write(answer: Answer) -> Fault {
    let (api, _) = talk([answer]);
    api.set_retain(&exact()).await.unwrap_err().fault
}

async fn fault_of_a_read(answer: Answer) -> Fault {
    let (api, _) = talk([answer]);
    api.pv(&pv_name("prod/data")).await.unwrap_err().fault
}

#[tokio::test]
async fn a_write_s_answer_says_whether_it_may_have_been_done() {
    for (answer, expected) in [
        (absent(), Fault::NotFound),
        (
            refusal(409, "Conflict", "the object has been modified"),
            Fault::Conflict,
        ),
        (refusal(409, "AlreadyExists", "already exists"), Fault::Exists),
        (
            refusal(
                422,
                "Invalid",
                "Forbidden: no new finalizers can be added if the object is being deleted",
            ),
            Fault::Terminating,
        ),
        (refusal(422, "Invalid", "spec: Invalid value"), Fault::Refused),
        (refusal(400, "BadRequest", "bad"), Fault::Refused),
        (refusal(401, "Unauthorized", "who"), Fault::Forbidden),
        (refusal(403, "Forbidden", "no"), Fault::Forbidden),
        (refusal(429, "TooManyRequests", "later"), Fault::Away),
        (refusal(503, "ServiceUnavailable", "later"), Fault::Away),
        (
            refusal(500, "InternalError", "etcdserver: request timed out"),
            Fault::Unknown,
        ),
        (refusal(504, "Timeout", "request did not complete"), Fault::Unknown),
        (Answer::Cut, Fault::Unknown),
        (Answer::Is(200, json!("not an object")), Fault::Unknown),
    ] {
        let said = format!("{answer:?}");
        assert_eq!(fault_of_a_write(answer).await, expected, "{said}");
    }
}

#[tokio::test]
async fn a_read_without_an_answer_is_a_server_that_is_away() {
    for answer in [
        refusal(500, "InternalError", "etcd"),
        refusal(504, "Timeout", "slow"),
        refusal(503, "ServiceUnavailable", "later"),
        Answer::Cut,
    ] {
        assert_eq!(fault_of_a_read(answer).await, Fault::Away);
    }
    assert_eq!(fault_of_a_read(refusal(403, "Forbidden", "no")).await, Fault::Forbidden);
    let (api, _) = talk([absent()]);
    assert_eq!(api.pv(&pv_name("prod/data")).await.unwrap(), None);
}

#[tokio::test]
async fn a_claim_under_deletion_takes_no_hold() {
    let words = "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted";
    let (api, _) = talk([refusal(422, "Invalid", words)]);
    let refused = api.put_hold(Hold::Members, &claim_ref("prod/data")).await.unwrap_err();
    assert_eq!(refused.fault, Fault::Terminating);
}

#[tokio::test]
async fn taking_off_what_is_gone_is_done_and_another_object_of_the_name_is_not_it() {
    let (api, _) = talk([absent(), absent(), absent()]);
    api.unprotect(&pv_name("prod/data"), &pv_uid()).await.unwrap();
    api.take_token(&pv_name("prod/data"), &pv_uid(), &token())
        .await
        .unwrap();
    api.take_hold(Hold::Members, &claim_ref("prod/data")).await.unwrap();
    // Strategic merge with another UID: the API server answers 409, and the world is looked at again.
    let (api, _) = talk([refusal(409, "Conflict", "Precondition failed: UID in precondition")]);
    let other = api.unprotect(&pv_name("prod/data"), &pv_uid()).await.unwrap_err();
    assert_eq!(other.fault, Fault::Conflict);
}

fn new_pv() -> NewPv {
    NewPv {
        name: pv_name("prod/data"),
        claim: claim_ref("prod/data"),
        volume: id("prod/data"),
        backend: BackendName::new("nas1"),
        handle: handle(&pv_name("prod/data")),
        class: ClassName::new("gold"),
        bytes: 1 << 30,
        modes: AccessModes::parse(&["ReadWriteMany"]),
        policy: ReclaimPolicy::Delete,
        mount_options: Vec::new(),
        mount: MountMode::Kubelet,
        access: Access::ReadWrite,
        on_delete: OnDelete::Delete,
        on_owner_delete: OnOwnerDelete::Detach,
        joined: None,
        node_affinity: None,
    }
}

fn source() -> MountSource {
    MountSource::Nfs {
        server: "nas1".into(),
        path: "/k8s/pvc-prod-data".into(),
        options: Vec::new(),
        version: "4.1",
    }
}

/// As the API server would answer: with a UID.
fn stored(edit: impl FnOnce(&mut Value)) -> Value {
    let mut object = serde_json::to_value(persistent_volume(&new_pv(), &source())).unwrap();
    object["metadata"]["uid"] = json!("u");
    edit(&mut object);
    object
}

#[tokio::test]
async fn an_object_is_made_in_one_post_with_everything_on_it() {
    let (api, asked) = talk([Answer::Is(201, stored(|_| ()))]);
    api.create_pv(&new_pv(), &source()).await.unwrap();
    let asked = asked.only();
    assert_eq!(asked.line, "POST /api/v1/persistentvolumes?fieldManager=tombolo");
    assert_eq!(asked.body["metadata"]["finalizers"], json!([names::FINALIZER_VOLUME]));
    assert_eq!(asked.body["spec"]["claimRef"]["uid"], "prod-data");
    assert_eq!(
        asked.body["metadata"]["annotations"][names::ANNOTATION_HANDLE],
        "6d1f:pvc-prod-data"
    );
}

#[tokio::test]
async fn one_that_exists_is_ours_only_for_the_same_claim_and_the_same_data() {
    let exists = || refusal(409, "AlreadyExists", "already exists");
    let answered = async |found: Answer| {
        let (api, asked) = talk([exists(), found]);
        let made = api.create_pv(&new_pv(), &source()).await.map_err(|e| e.fault);
        assert_eq!(asked.lines()[1], format!("GET {PV}"));
        made
    };
    assert_eq!(answered(ok(stored(|_| ()))).await, Ok(()), "an answer was lost");
    let elsewhere = stored(|o| o["metadata"]["annotations"][names::ANNOTATION_HANDLE] = json!("6d1f:other"));
    assert_eq!(answered(ok(elsewhere)).await, Err(Fault::Exists));
    let other_claim = stored(|o| o["spec"]["claimRef"]["uid"] = json!("other"));
    assert_eq!(answered(ok(other_claim)).await, Err(Fault::Exists));
    assert_eq!(answered(ok(object())).await, Err(Fault::Exists), "not ours at all");
    assert_eq!(
        answered(absent()).await,
        Err(Fault::Exists),
        "gone again: looked at again"
    );
    assert_eq!(answered(Answer::Cut).await, Err(Fault::Away));
}
