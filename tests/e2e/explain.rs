//! `tombolo explain pvc`: the words of the controller's events, as far as whoever asks may read what they rest on.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::draft::{claim, reference};
use crate::see::{Said, name_of, pv_phase};
use crate::world::{World, cannot};

/// Runs the command with the rights of whose kubeconfig file it is.
async fn command(kubeconfig: &Path, namespace: &str, name: &str, more: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tombolo"));
    command
        .args(["explain", "pvc", name, "-n", namespace])
        .args(more)
        .env("KUBECONFIG", kubeconfig)
        .kill_on_drop(true);
    command.output().await.unwrap()
}

fn printed(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it says to the administrator: as data, and as people read it.
async fn explained(w: &World<'_>, namespace: &str, name: &str) -> (Value, String) {
    let kubeconfig = w.cluster.kubeconfig();
    let data = printed(command(kubeconfig, namespace, name, &["-o", "json"]).await);
    let text = printed(command(kubeconfig, namespace, name, &[]).await);
    (serde_json::from_str(&data).unwrap(), text)
}

/// How a check came out, and what is said of it.
fn check<'a>(explained: &'a Value, name: &str) -> (&'a str, &'a str) {
    let checks = explained["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["check"] == name);
    let found = found.unwrap_or_else(|| panic!("no check {name} in {explained:#}"));
    (found["outcome"].as_str().unwrap(), found["text"].as_str().unwrap())
}

fn list(explained: &Value) -> Vec<&str> {
    explained
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap())
        .collect()
}

/// The explanation of a claim that is refused is the event's text, and one check failed.
async fn is_told_as(w: &World<'_>, namespace: &str, name: &str, said: &Said) {
    let (data, text) = explained(w, namespace, name).await;
    assert_eq!(data["verdict"], said.note.as_str(), "{data:#}");
    assert!(text.contains(&format!("Verdict  {}", said.note)), "{text}");
    assert!(data["next"].is_string() && data["phase"] == "Pending", "{data:#}");
    assert_eq!(data["unseen"], json!([]));
}

#[tokio::test]
async fn a_claim_that_waits_is_explained_in_the_words_of_its_event() {
    if cannot("a_claim_that_waits_is_explained_in_the_words_of_its_event") {
        return;
    }
    let w = World::shared("explain").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    w.bound_claim(&primary, claim("data").shared_to(&secondary)).await;
    w.bound_claim(&primary, claim("private")).await;
    for name in ["data", "private"] {
        w.refer(&secondary, reference(name, &primary, name)).await;
    }
    let rows = [
        (
            "gate",
            claim("gate").sharing(&primary, "other"),
            "ReferenceMissing",
            "Referenced",
        ),
        (
            "private",
            claim("private").sharing(&primary, "private"),
            "NotShared",
            "Granted",
        ),
        (
            "large",
            claim("large").sharing(&primary, "data").size("1Gi"),
            "TooLarge",
            "SizeFits",
        ),
        (
            "once",
            claim("once").sharing(&primary, "data").modes(&["ReadWriteOncePod"]),
            "AccessModeMismatch",
            "ModesFit",
        ),
        (
            "typo",
            claim("typo")
                .sharing(&primary, "data")
                .annotated("tombolo.dev/sharefrom", "x"),
            "UnknownAnnotation",
            "WellFormed",
        ),
    ];
    for (_, draft, ..) in &rows {
        w.claim(&secondary, draft.clone()).await;
    }
    for (name, _, reason, row) in &rows {
        // What a reference names instead is said as soon as that is seen, which may be after the claim was.
        let nearly = if *name == "gate" { " instead" } else { "" };
        let said = w.held(&secondary, name, reason, nearly).await;
        is_told_as(&w, &secondary, name, &said).await;
        let (data, text) = explained(&w, &secondary, name).await;
        assert_eq!(check(&data, row), ("failed", said.note.as_str()));
        assert_eq!(
            text.lines().filter(|line| line.trim_start().starts_with('✗')).count(),
            1,
            "{text}"
        );
    }
    // A claim that asks for nobody else's volume has no rows, and hears the same words.
    w.claim(&secondary, claim("plain").annotated("tombolo.dev/colour", "blue"))
        .await;
    let said = w.held(&secondary, "plain", "UnknownAnnotation", "").await;
    is_told_as(&w, &secondary, "plain", &said).await;

    let elsewhere = command(w.cluster.kubeconfig(), &secondary, "no-such-claim", &[]).await;
    assert!(!elsewhere.status.success());
    assert!(
        String::from_utf8_lossy(&elsewhere.stderr).contains("no claim"),
        "{elsewhere:?}"
    );
}

#[tokio::test]
async fn limits_are_counted_as_the_controller_counts_them() {
    if cannot("limits_are_counted_as_the_controller_counts_them") {
        return;
    }
    let mut w = World::shared("explain-limit").await;
    let limits = json!({"limits": {"perNamespace": {"members": 1, "volumes": 1}}, "trashRetention": "0s"});
    w.backend(&w.id, limits).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.class = w.id.clone();
    let pair = w.pair().await;
    w.claim(&pair.secondary, claim("second").sharing(&pair.primary, "data"))
        .await;
    let said = w.held(&pair.secondary, "second", "LimitReached", "").await;
    is_told_as(&w, &pair.secondary, "second", &said).await;
    let (data, _) = explained(&w, &pair.secondary, "second").await;
    assert_eq!(check(&data, "BackendServes").0, "failed");

    w.claim(&pair.primary, claim("second")).await;
    let said = w.held(&pair.primary, "second", "LimitReached", "").await;
    is_told_as(&w, &pair.primary, "second", &said).await;
}

/// A kubeconfig file of somebody who may read one namespace as `view` does where Tombolo is installed, and nothing else.
async fn viewer(w: &World<'_>, namespace: &str) -> std::path::PathBuf {
    let user = format!("viewer-{}", w.id);
    let account = format!("--user={user}");
    let resources = "--resource=volumereferences.tombolo.dev,tridentvolumereferences.trident.netapp.io";
    let references = [
        "create",
        "role",
        "references",
        "--verb=get,list,watch",
        resources,
        "-n",
        namespace,
    ];
    w.cluster.kubectl(&references).await.unwrap();
    // What `view` is made of: the controller that adds up roles does not run here.
    for (name, role) in [
        ("base", "--clusterrole=system:aggregate-to-view"),
        ("references", "--role=references"),
    ] {
        let arguments = ["create", "rolebinding", name, role, &account, "-n", namespace];
        w.cluster.kubectl(&arguments).await.unwrap();
    }
    w.cluster.kubeconfig_as(&user, &[]).unwrap()
}

#[tokio::test]
async fn who_may_not_read_something_is_told_what_is_unknown_and_nothing_else() {
    if cannot("who_may_not_read_something_is_told_what_is_unknown_and_nothing_else") {
        return;
    }
    let w = World::shared("explain-view").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let (_, pv) = w.bound_claim(&primary, claim("data").annotated("note", "hush")).await;
    for name in ["data", "absent"] {
        w.refer(&secondary, reference(name, &primary, name)).await;
        w.claim(&secondary, claim(name).sharing(&primary, name)).await;
        w.held(&secondary, name, "NotShared", "").await;
    }
    w.claim(&secondary, claim("gate").sharing(&primary, "third")).await;
    w.held(&secondary, "gate", "ReferenceMissing", "").await;
    let viewer = viewer(&w, &secondary).await;
    let ask = async |name: &str, more: &[&str]| printed(command(&viewer, &secondary, name, more).await);

    let text = ask("data", &[]).await;
    let why = format!("you may not read PersistentVolumeClaims of namespace {primary}");
    assert!(text.contains(&format!("Verdict  unknown: {why}")), "{text}");
    for secret in [name_of(&pv), "hush", "NotShared", &w.path(&pv)] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let data: Value = serde_json::from_str(&ask("data", &["-o", "json"]).await).unwrap();
    assert_eq!(check(&data, "Referenced").0, "passed");
    assert_eq!(check(&data, "Granted"), ("unknown", why.as_str()));
    assert_eq!(
        check(&data, "SourceBound"),
        ("unknown", "you may not read PersistentVolumes")
    );
    // A claim that is there and one that is not look the same.
    assert_eq!(ask("absent", &[]).await.replace("absent", "data"), text);
    // What they may read, they are told.
    let text = ask("gate", &[]).await;
    assert!(text.contains("Verdict  ReferenceMissing: "), "{text}");
    // Another namespace's claims they cannot even ask about.
    let elsewhere = command(&viewer, &primary, "data", &[]).await;
    assert!(
        !elsewhere.status.success() && elsewhere.stdout.is_empty(),
        "{elsewhere:?}"
    );
}

#[tokio::test]
async fn a_claim_with_a_volume_is_explained_from_both_ends() {
    if cannot("a_claim_with_a_volume_is_explained_from_both_ends") {
        return;
    }
    let w = World::shared("explain-bound").await;
    let pair = w.pair().await;
    let (owner, member) = (format!("{}/data", pair.primary), format!("{}/data", pair.secondary));

    let (data, text) = explained(&w, &pair.primary, "data").await;
    assert_eq!(data["verdict"], "bound");
    assert_eq!(data["volume"]["name"], pair.volume());
    assert_eq!(list(&data["volume"]["sharedWith"]), ["* (ReadWrite)"]);
    assert_eq!(list(&data["volume"]["members"]), [format!("{member} (ReadWrite)")]);
    assert!(text.contains(&format!("joined    {member} (ReadWrite)")), "{text}");

    let (data, text) = explained(&w, &pair.secondary, "data").await;
    assert_eq!(
        (check(&data, "Referenced").0, check(&data, "Granted").0),
        ("passed", "passed")
    );
    assert!(
        text.contains(&format!("joined the volume of {owner} (ReadWrite)")),
        "{text}"
    );
    assert_eq!(data["notes"], json!([]));

    w.annotate(&pair.primary, "data", "tombolo.dev/shareToNamespace", json!("nobody"))
        .await;
    let said = w.told(&pair.secondary, "data", "ConsentWithdrawn", "owner").await;
    let (data, _) = explained(&w, &pair.secondary, "data").await;
    let words = format!("ConsentWithdrawn: {}", said.note);
    assert_eq!(check(&data, "Granted"), ("failed", words.as_str()));
    assert_eq!(list(&data["notes"]), [words]);

    // The owner goes: the consent of the join stays.
    w.delete(&w.claims(&pair.primary), "data").await;
    w.object("the volume to be released", &w.pvs(), pair.volume(), |pv| {
        pv_phase(pv) == "Released"
    })
    .await;
    let (data, text) = explained(&w, &pair.secondary, "data").await;
    assert!(
        text.contains("its owner has gone, and its data stays while a member has it"),
        "{text}"
    );
    assert_eq!(
        (check(&data, "Referenced").0, check(&data, "Granted").0),
        ("passed", "passed")
    );
    assert_eq!(data["notes"], json!([]));
}

#[tokio::test]
async fn a_lost_claim_that_cannot_be_repaired_says_why() {
    if cannot("a_lost_claim_that_cannot_be_repaired_says_why") {
        return;
    }
    let w = World::shared("explain-lost").await;
    let ns = w.namespace("primary").await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;
    let (_, kept) = w.bound_claim(&ns, claim("kept")).await;
    let export = &w.cluster.nfs().unwrap().endpoint().export_dir;
    std::fs::remove_dir(export.join(w.path(&pv))).unwrap();
    for pv in [&pv, &kept] {
        w.delete(&w.pvs(), name_of(pv)).await;
        w.patch(&w.pvs(), name_of(pv), json!({"metadata": {"finalizers": null}}))
            .await;
    }
    let said = w.told(&ns, "data", "VolumeLost", "data is gone").await;
    assert_eq!(said.type_, "Warning");
    let (data, text) = explained(&w, &ns, "data").await;
    assert_eq!(data["phase"], "Lost");
    assert!(text.contains(name_of(&pv)) && data["next"].is_string(), "{text}");
    // The one whose data is there is made again.
    w.told(&ns, "kept", "VolumeRecreated", "").await;
    w.bound(&ns, "kept").await;
}

#[tokio::test]
async fn a_backend_is_explained_and_a_pause_of_cuts_with_it() {
    if cannot("a_backend_is_explained_and_a_pause_of_cuts_with_it") {
        return;
    }
    let mut w = World::shared("explain-backend").await;
    w.backend(&w.id, json!({})).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.class = w.id.clone();
    let ns = w.namespace("primary").await;
    w.bound_claim(&ns, claim("data")).await;
    let explain = async |arguments: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tombolo"));
        command.arg("explain").args(arguments);
        printed(
            command
                .env("KUBECONFIG", w.cluster.kubeconfig())
                .output()
                .await
                .unwrap(),
        )
    };
    let text = explain(&["sb", &w.id]).await;
    assert!(text.contains("Verdict  ready") && text.contains("clone"), "{text}");
    let pause = json!({"id": "abcd1234", "since": "2024-05-01T10:00:00Z", "exports": 60, "members": 70, "of": 200});
    let status = kube::api::Patch::Merge(json!({"status": {"revocation": {"paused": pause}}}));
    let backends = w.all::<tombolo::api::storage_backend::StorageBackend>();
    backends
        .patch_status(&w.id, &Default::default(), &status)
        .await
        .unwrap();
    let text = explain(&["storagebackend", &w.id]).await;
    let confirm = format!(
        "kubectl annotate storagebackend {} --overwrite tombolo.dev/confirmRevocation=abcd1234",
        w.id
    );
    assert!(
        text.contains("Verdict  MassRevocation: ") && text.contains(&confirm),
        "{text}"
    );
    let text = explain(&["pvc", "data", "-n", &ns]).await;
    assert!(text.contains("Note     MassRevocation: on storage backend"), "{text}");
}
