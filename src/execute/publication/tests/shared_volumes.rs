//! SharedVolumes: made, brought up to date, taken away, and found again by a process that did not make them.

use super::*;

const PATH: &str = "/apis/tombolo.dev/v1alpha1/sharedvolumes";
const ONE: &str = "/apis/tombolo.dev/v1alpha1/sharedvolumes/pvc-prod-data";

fn object(version: &str, status: Value) -> Value {
    json!({"apiVersion": "tombolo.dev/v1alpha1", "kind": "SharedVolume",
        "metadata": {"name": "pvc-prod-data", "uid": "s", "resourceVersion": version},
        "spec": {"volumeID": "pvc-prod-data", "backend": "nas1"}, "status": status})
}

fn names(volumes: &[&str]) -> Answer {
    let items: Vec<Value> = volumes.iter().map(|name| json!({"metadata": {"name": name}})).collect();
    list("PartialObjectMetadata", &items)
}

fn shared(members: &[&str], owner: bool) -> Wanted {
    let member = |name: &&str| SharedVolumeMember {
        namespace: "team".into(),
        name: (*name).to_owned(),
        pv: format!("pvc-{name}"),
        access: Access::ReadWrite,
    };
    let owner = owner.then(|| SharedVolumeOwner {
        namespace: "prod".into(),
        name: "data".into(),
        uid: "prod-data".into(),
    });
    Wanted {
        backend: BackendName::new("nas1"),
        status: SharedVolumeStatus {
            phase: Some(SharedVolumePhase::Shared),
            owner,
            backend: Some("nas1".into()),
            member_count: i64::try_from(members.len()).ok(),
            read_only_member_count: Some(0),
            members: members.iter().map(member).collect(),
            truncated: Some(false),
            conditions: Vec::new(),
        },
        conditions: Vec::new(),
        open: Vec::new(),
    }
}

fn holds(mut wanted: Wanted, reason: SharedVolumeReason) -> Wanted {
    wanted.conditions.push(Statement {
        condition: reason.as_str(),
        status: Status::True,
        reason: reason.as_str(),
        message: String::new(),
        observed_generation: None,
    });
    wanted
}

/// The status as it would be stored.
fn stored(wanted: &Wanted) -> Value {
    let status = SharedVolumeStatus {
        conditions: restate(&[], wanted, jiff::Timestamp::UNIX_EPOCH),
        ..wanted.status.clone()
    };
    json!(status)
}

#[tokio::test]
async fn one_that_is_missing_is_made_and_then_described() {
    let (statuses, asked) = talk([absent(), ok(object("1", json!(null))), ok(object("2", json!(null)))]);
    let wanted = shared(&["a"], true);
    statuses.shared_volume(&id("prod/data"), Some(&wanted)).await.unwrap();
    let requests = asked.asked();
    assert_eq!(requests[0].line, format!("GET {ONE}"));
    assert_eq!(requests[1].line, format!("POST {PATH}?fieldManager=tombolo"));
    assert_eq!(
        requests[1].body["spec"],
        json!({"volumeID": "pvc-prod-data", "backend": "nas1"})
    );
    assert_eq!(requests[2].line, format!("PATCH {ONE}/status?fieldManager=tombolo"));
    assert_eq!(requests[2].body["metadata"]["resourceVersion"], "1");
    assert_eq!(requests[2].body["status"], stored(&wanted));
    statuses.shared_volume(&id("prod/data"), Some(&wanted)).await.unwrap();
    assert_eq!(asked.lines().len(), 3, "an unchanged description asks nothing");
}

#[tokio::test]
async fn whoever_leaves_last_is_taken_out_of_the_list_and_so_is_an_owner_who_is_gone() {
    let before = stored(&shared(&["a", "b"], true));
    let (statuses, asked) = talk([ok(object("4", before)), ok(object("5", json!(null)))]);
    let wanted = holds(shared(&[], false), SharedVolumeReason::CleanupFailed);
    statuses.shared_volume(&id("prod/data"), Some(&wanted)).await.unwrap();
    let status = &asked.asked()[1].body["status"];
    assert_eq!(status["members"], Value::Null);
    assert!(
        status.as_object().unwrap().contains_key("members"),
        "left out, it would stay: {status}"
    );
    assert!(
        status.as_object().unwrap().contains_key("owner") && status["owner"].is_null(),
        "{status}"
    );
    assert_eq!(status["memberCount"], 0);
}

#[tokio::test]
async fn a_status_that_says_it_already_is_not_written() {
    let wanted = holds(shared(&["a"], true), SharedVolumeReason::HoldingOwner);
    let (statuses, asked) = talk([ok(object("4", stored(&wanted)))]);
    statuses.shared_volume(&id("prod/data"), Some(&wanted)).await.unwrap();
    assert_eq!(asked.lines(), [format!("GET {ONE}")]);
}

#[tokio::test]
async fn what_held_is_over_unless_that_cannot_be_told_now() {
    let before = stored(&holds(shared(&["a"], true), SharedVolumeReason::ConsentWithdrawn));
    let after = async |wanted: Wanted| {
        let (statuses, asked) = talk([ok(object("4", before.clone())), ok(object("5", json!(null)))]);
        statuses.shared_volume(&id("prod/data"), Some(&wanted)).await.unwrap();
        asked
            .asked()
            .get(1)
            .map(|a| a.body["status"]["conditions"][0]["status"].clone())
    };
    assert_eq!(after(shared(&["a"], true)).await, Some(json!("False")));
    let open = Wanted {
        open: vec![SharedVolumeReason::ConsentWithdrawn],
        ..shared(&["a"], true)
    };
    assert_eq!(after(open).await, None, "nothing is written");
}

#[tokio::test]
async fn a_status_changed_by_another_meanwhile_is_written_at_the_next_look() {
    let wanted = shared(&["a"], true);
    let (statuses, asked) = talk([
        ok(object("4", json!(null))),
        refusal(409, "Conflict", "the object has been modified"),
        ok(object("5", json!(null))),
        ok(object("6", json!(null))),
    ]);
    let volume = id("prod/data");
    let overtaken = statuses.shared_volume(&volume, Some(&wanted)).await.unwrap_err();
    assert_eq!(overtaken.fault, Fault::Conflict);
    statuses.shared_volume(&volume, Some(&wanted)).await.unwrap();
    let requests = asked.asked();
    let versions = [1, 3].map(|n: usize| requests[n].body["metadata"]["resourceVersion"].clone());
    assert_eq!(versions, [json!("4"), json!("5")]);
}

#[tokio::test]
async fn most_volumes_have_none_and_nobody_is_asked_about_them() {
    let (statuses, asked) = talk([names(&[])]);
    assert!(statuses.look_again().await.unwrap().is_empty());
    statuses.shared_volume(&id("prod/data"), None).await.unwrap();
    assert_eq!(asked.lines(), [format!("GET {PATH}")]);
}

#[tokio::test]
async fn before_the_first_list_one_may_exist() {
    let (statuses, asked) = talk([
        ok(object("4", json!(null))),
        ok(json!({"kind": "Status", "status": "Success"})),
    ]);
    statuses.shared_volume(&id("prod/data"), None).await.unwrap();
    assert_eq!(asked.lines(), [format!("GET {ONE}"), format!("DELETE {ONE}")]);
}

/// The process ended between the removal of the PersistentVolume and the look at its SharedVolume.
#[tokio::test]
async fn one_that_outlived_its_volume_is_named_and_taken_away() {
    let (statuses, asked) = talk([
        names(&["pvc-prod-data"]),
        ok(object("4", json!(null))),
        ok(json!({"kind": "Status", "status": "Success"})),
    ]);
    assert_eq!(statuses.look_again().await.unwrap(), [id("prod/data")]);
    statuses.shared_volume(&id("prod/data"), None).await.unwrap();
    statuses.shared_volume(&id("prod/data"), None).await.unwrap();
    let expected = [format!("GET {PATH}"), format!("GET {ONE}"), format!("DELETE {ONE}")];
    assert_eq!(asked.lines(), expected);
}

#[tokio::test]
async fn one_that_was_made_since_the_list_was_taken_is_not_forgotten() {
    let gone = || ok(json!({"kind": "Status", "status": "Success"}));
    let (statuses, asked) = talk([
        absent(),
        ok(object("1", json!(null))),
        ok(object("2", json!(null))),
        names(&[]),
        ok(object("2", json!(null))),
        gone(),
    ]);
    statuses
        .shared_volume(&id("prod/data"), Some(&shared(&["a"], true)))
        .await
        .unwrap();
    assert!(statuses.look_again().await.unwrap().is_empty(), "a list from before");
    statuses.shared_volume(&id("prod/data"), None).await.unwrap();
    assert_eq!(asked.lines().last(), Some(&format!("DELETE {ONE}")));
}

#[tokio::test]
async fn one_whose_making_was_not_answered_may_exist_all_the_same() {
    let (statuses, asked) = talk([
        names(&[]),
        absent(),
        Answer::Cut,
        ok(object("1", json!(null))),
        ok(json!({"kind": "Status", "status": "Success"})),
    ]);
    statuses.look_again().await.unwrap();
    let volume = id("prod/data");
    let cut = statuses
        .shared_volume(&volume, Some(&shared(&["a"], true)))
        .await
        .unwrap_err();
    assert_eq!(cut.fault, Fault::Unknown);
    statuses.shared_volume(&volume, None).await.unwrap();
    assert_eq!(asked.lines().last(), Some(&format!("DELETE {ONE}")));
}

#[tokio::test]
async fn what_somebody_else_changed_is_found_after_a_look_again() {
    let wanted = shared(&["a"], true);
    let tampered = json!({"phase": "Deleting"});
    let (statuses, asked) = talk([
        ok(object("4", stored(&wanted))),
        names(&["pvc-prod-data"]),
        ok(object("5", tampered)),
        ok(object("6", json!(null))),
    ]);
    let volume = id("prod/data");
    statuses.shared_volume(&volume, Some(&wanted)).await.unwrap();
    statuses.look_again().await.unwrap();
    statuses.shared_volume(&volume, Some(&wanted)).await.unwrap();
    assert_eq!(asked.asked()[3].body["status"]["phase"], "Shared");
}
