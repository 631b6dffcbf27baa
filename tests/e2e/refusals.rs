//! Claims that ask for a share and cannot have it: each hears what is wrong and what to change, and gets no volume.

use serde_json::json;

use crate::draft::{claim, reference};
use crate::world::{World, cannot};

#[tokio::test]
async fn what_cannot_be_understood_never_gives_an_empty_volume() {
    if cannot("what_cannot_be_understood_never_gives_an_empty_volume") {
        return;
    }
    let w = World::shared("typo").await;
    let ns = w.namespace("secondary").await;
    let key = "tombolo.dev/shareFromPVC";
    let rows = [
        ("empty", key, "".to_owned(), "InvalidShareFrom", "<namespace>/<claim>"),
        (
            "no-slash",
            key,
            "primary".into(),
            "InvalidShareFrom",
            "<namespace>/<claim>",
        ),
        (
            "too-many",
            key,
            "a/b/c".into(),
            "InvalidShareFrom",
            "<namespace>/<claim>",
        ),
        (
            "upper",
            key,
            "Primary/data".into(),
            "InvalidShareFrom",
            "<namespace>/<claim>",
        ),
        (
            "dots",
            key,
            "../../etc".into(),
            "InvalidShareFrom",
            "<namespace>/<claim>",
        ),
        (
            "itself",
            key,
            format!("{ns}/itself"),
            "InvalidShareFrom",
            "this namespace",
        ),
        (
            "case",
            "tombolo.dev/shareFromPvc",
            "a/b".into(),
            "UnknownAnnotation",
            "tombolo.dev/shareFromPVC",
        ),
        (
            "unknown",
            "tombolo.dev/colour",
            "blue".into(),
            "UnknownAnnotation",
            "tombolo.dev/colour",
        ),
        (
            "theirs",
            "trident.netapp.io/ShareFromPvc",
            "a/b".into(),
            "UnknownAnnotation",
            "trident.netapp.io/shareFromPVC",
        ),
        (
            "clone",
            "trident.netapp.io/cloneFromPvc",
            "b".into(),
            "UnknownAnnotation",
            "trident.netapp.io/cloneFromPVC",
        ),
    ];
    for (name, key, value, ..) in &rows {
        w.claim(&ns, claim(name).annotated(key, value)).await;
    }
    for (name, _, _, reason, text) in &rows {
        w.held(&ns, name, reason, text).await;
    }
    // Trident's own settings are not for us, and harmless.
    w.bound_claim(
        &ns,
        claim("fine").annotated("trident.netapp.io/exportPolicy", "default"),
    )
    .await;
    // Corrected in place, the claim goes on.
    w.annotate(&ns, "unknown", "tombolo.dev/colour", json!(null)).await;
    w.bound(&ns, "unknown").await;
    // On a bound claim a typo is a warning and nothing more.
    w.annotate(&ns, "fine", "tombolo.dev/shareTo", json!("x")).await;
    w.told(&ns, "fine", "UnknownAnnotation", "tombolo.dev/shareToNamespace")
        .await;
}

#[tokio::test]
async fn a_claim_cannot_ask_for_a_share_and_for_something_else() {
    if cannot("a_claim_cannot_ask_for_a_share_and_for_something_else") {
        return;
    }
    let w = World::shared("two").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let join = |name: &str| claim(name).sharing(&primary, "data");
    let snapshot = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"});
    let hello = json!({"apiGroup": "hello.example.com", "kind": "Hello", "name": "h"});
    w.claim(&secondary, join("source").spec("dataSource", snapshot)).await;
    w.claim(&secondary, join("populator").spec("dataSourceRef", hello))
        .await;
    w.claim(
        &secondary,
        join("selector").spec("selector", json!({"matchLabels": {"a": "b"}})),
    )
    .await;
    w.claim(&secondary, join("volume").spec("volumeName", json!("pv")))
        .await;
    w.claim(
        &secondary,
        join("clone").annotated("trident.netapp.io/cloneFromPVC", "x"),
    )
    .await;
    w.claim(
        &secondary,
        join("attributes").spec("volumeAttributesClassName", json!("gold")),
    )
    .await;
    for (name, text) in [
        ("source", "data source"),
        ("populator", "data source"),
        ("selector", "selector"),
        ("volume", "volumeName"),
        ("clone", "cloneFromPVC"),
    ] {
        w.held(&secondary, name, "ConflictingSource", text).await;
    }
    w.held(&secondary, "attributes", "AttributesClassNotSupported", "")
        .await;
}

#[tokio::test]
async fn what_does_not_fit_the_source_is_refused_with_what_to_change() {
    if cannot("what_does_not_fit_the_source_is_refused_with_what_to_change") {
        return;
    }
    let w = World::shared("fit").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    w.bound_claim(&primary, claim("wide").shared_to("*").size("2Mi")).await;
    w.bound_claim(&primary, claim("narrow").shared_to("*").modes(&["ReadWriteOnce"]))
        .await;
    for name in ["wide", "narrow"] {
        w.refer(&secondary, reference(name, &primary, name)).await;
    }
    let wide = |name: &str| claim(name).sharing(&primary, "wide");
    let other = format!("other-{}", w.id);
    w.storage_class(&other, json!({"parameters": {"backend": w.class}}))
        .await;
    w.claim(&secondary, wide("class").class(&other)).await;
    w.claim(&secondary, wide("pod").modes(&["ReadWriteOncePod"])).await;
    w.claim(&secondary, wide("block").spec("volumeMode", json!("Block")))
        .await;
    w.claim(&secondary, wide("large").size("3Mi")).await;
    w.claim(&secondary, claim("once").sharing(&primary, "narrow")).await;
    w.held(&secondary, "class", "ClassMismatch", &w.class).await;
    w.held(&secondary, "pod", "AccessModeMismatch", "ReadWriteMany").await;
    w.held(&secondary, "block", "AccessModeMismatch", "Filesystem").await;
    w.held(&secondary, "large", "TooLarge", "2Mi").await;
    w.held(&secondary, "once", "AccessModeMismatch", "ReadWriteMany").await;

    let (member, pv) = w
        .bound_claim(&secondary, wide("small").size("1Mi").modes(&["ReadWriteOnce"]))
        .await;
    assert_eq!(member.status.unwrap().capacity.unwrap()["storage"].0, "2Mi");
    assert_eq!(pv.spec.unwrap().access_modes.unwrap(), ["ReadWriteOnce"]);

    // A member is not a source.
    let third = w.namespace("third").await;
    w.annotate(&secondary, "small", "tombolo.dev/shareToNamespace", json!("*"))
        .await;
    w.refer(&third, reference("chain", &secondary, "small")).await;
    w.claim(&third, claim("chain").sharing(&secondary, "small")).await;
    w.held(&third, "chain", "SourceIsMember", "owner").await;
}

#[tokio::test]
async fn limits_of_a_namespace_count_its_members() {
    if cannot("limits_of_a_namespace_count_its_members") {
        return;
    }
    let mut w = World::shared("member-limit").await;
    let limits = json!({"limits": {"perNamespace": {"members": 1}}, "trashRetention": "0s"});
    w.backend(&w.id, limits).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.class = w.id.clone();
    let pair = w.pair().await;
    w.claim(&pair.secondary, claim("second").sharing(&pair.primary, "data"))
        .await;
    w.held(&pair.secondary, "second", "LimitReached", "").await;
    let third = w.namespace("third").await;
    w.member(&third, "data", &pair.primary, "data").await;
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.bound(&pair.secondary, "second").await;
}
