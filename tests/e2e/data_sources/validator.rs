//! Claims of any class whose data source is of a kind that nobody serves are told so; whoever tells it may be another one.

use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::json;
use tombolo_harness::wait::Look;
use tombolo_harness::{Cluster, Controller, report_skipped};

use crate::controller;
use crate::draft::{Draft, claim};
use crate::see::Said;
use crate::world::{POPULATORS, World, cannot};

const REASON: &str = "UnrecognizedDataSourceKind";

fn of(name: &str, kind: &str) -> Draft {
    let source = json!({"apiGroup": "hello.example.com", "kind": kind, "name": "h"});
    claim(name).spec("dataSourceRef", source)
}

/// A claim of a class that is nobody's.
fn theirs(name: &str, kind: &str) -> Draft {
    of(name, kind).class("nobody-s")
}

fn populators(w: &World<'_>) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk("populator.storage.k8s.io", "v1beta1", "VolumePopulator");
    Api::all_with(w.client.clone(), &ApiResource::from_gvk(&gvk))
}

impl World<'_> {
    /// Registers a kind as one that somebody serves, unless it is registered already.
    pub async fn register(&self, group: &str, kind: &str) {
        let name = format!("{}.{group}", kind.to_lowercase());
        let populator = json!({
            "apiVersion": "populator.storage.k8s.io/v1beta1", "kind": "VolumePopulator", "metadata": {"name": name},
            "sourceKind": {"group": group, "kind": kind},
        });
        self.cluster.apply(&populator.to_string()).await.unwrap();
    }
}

/// What we said of a claim.
async fn ours(w: &World<'_>, ns: &str, name: &str) -> Vec<Said> {
    let all = w.events(ns, name).await.unwrap();
    all.into_iter().filter(|e| e.by == "tombolo.dev").collect()
}

/// Waits until the controller knows this of VolumePopulators.
async fn known(w: &World<'_>, controller: &Controller, state: &str) {
    let line = format!(r#"tombolo_foreign_kind{{kind="VolumePopulator",state="{state}"}} 1"#);
    w.until(&line, async || {
        let (_, text) = controller.get("/metrics").await?;
        Ok(Look::holds(text.lines().any(|found| found == line), "another state"))
    })
    .await;
}

/// How often the validator has found this.
async fn found(controller: &Controller, result: &str) -> u64 {
    let begin = format!(r#"tombolo_data_sources_validated_total{{result="{result}"}} "#);
    let (_, text) = controller.get("/metrics").await.unwrap();
    let count = text.lines().find_map(|line| line.strip_prefix(&begin));
    count.map_or(0, |count| count.parse().unwrap())
}

/// Waits until our own kind is registered.
async fn registered(w: &World<'_>) -> DynamicObject {
    let all = populators(w);
    w.until("CrossNamespaceSource to be registered", async || {
        let found = all.get_opt("crossnamespacesources.tombolo.dev").await?;
        Ok(Look::found(found, "there is no such VolumePopulator"))
    })
    .await
}

#[tokio::test]
async fn va_05_va_09_va_11_va_12_a_kind_that_nobody_serves_is_said_once_and_its_registration_is_noticed() {
    const STORY: &str =
        "va_05_va_09_va_11_va_12_a_kind_that_nobody_serves_is_said_once_and_its_registration_is_noticed";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the cluster of E2E_KUBECONFIG has what definitions it has");
    }
    let w = World::own(&cluster, "kinds").await;
    let controller = controller::as_installed(&cluster, "kinds").await.unwrap();
    let ns = w.namespace("team").await;
    known(&w, &controller, "not_installed").await;

    // Whatever the class, and without the definition as well.
    w.claim(&ns, of("data", "Hello")).await;
    w.claim(&ns, theirs("theirs", "Hello")).await;
    for name in ["data", "theirs"] {
        let said = w.told(&ns, name, REASON, "is not installed").await;
        assert_eq!(said.type_, "Warning");
        assert!(said.note.contains("Hello.hello.example.com"), "{said:?}");
    }
    assert!(found(&controller, "invalid").await >= 2);
    assert_eq!(found(&controller, "populator").await, 0);

    // It comes later, and our own kind is registered in it.
    w.install_populators().await;
    known(&w, &controller, "yes").await;
    w.told(&ns, "theirs", REASON, "how the kind is written").await;
    let registration = registered(&w).await;
    assert_eq!(
        registration.data["sourceKind"],
        json!({"group": "tombolo.dev", "kind": "CrossNamespaceSource"})
    );

    // Edited a hundred times, it is said as often as before: of each text once.
    for n in 0..100 {
        w.annotate(
            &ns,
            "theirs",
            "tombolo.dev/cloneToNamespace",
            json!(format!("team-{n}")),
        )
        .await;
    }
    w.claim(&ns, theirs("after", "Hello")).await;
    w.told(&ns, "after", REASON, "").await;
    let said = ours(&w, &ns, "theirs").await;
    assert!(said.len() == 2 && said.iter().all(|e| e.times == 1), "{said:#?}");

    // Registered, it is the populator's: our own claim is told whom it waits for, and the other one nothing more.
    w.register("hello.example.com", "Hello").await;
    w.told(&ns, "data", "WaitingForPopulator", "Hello.hello.example.com")
        .await;
    w.claim(&ns, theirs("known", "Hello")).await;
    w.claim(&ns, theirs("unknown", "Goodbye")).await;
    w.told(&ns, "unknown", REASON, "Goodbye.hello.example.com").await;
    assert!(ours(&w, &ns, "known").await.is_empty());
    assert_eq!(ours(&w, &ns, "theirs").await.len(), 2);
    assert!(found(&controller, "populator").await > 0);

    // The definition takes every registration with it, and comes back without one but ours.
    cluster.kubectl(&["delete", "crd", POPULATORS]).await.unwrap();
    known(&w, &controller, "not_installed").await;
    w.told(&ns, "known", REASON, "is not installed").await;
    w.install_populators().await;
    registered(&w).await;
    let (_, pv) = w.bound_claim(&ns, claim("plain")).await;
    w.write(&pv, "file", "as ever").await;

    // What may not be read is not said, and counts as such. (A watch that runs outlives the right to it.)
    controller.end_well().await.unwrap();
    closed(&w, true).await;
    controller.start().await.unwrap();
    known(&w, &controller, "forbidden").await;
    let errors = found(&controller, "error").await;
    w.claim(&ns, theirs("closed", "Goodbye")).await;
    w.until("the error to be counted", async || {
        let now = found(&controller, "error").await;
        Ok(Look::holds(now > errors, now))
    })
    .await;
    assert!(ours(&w, &ns, "closed").await.is_empty());
    closed(&w, false).await;
    w.told(&ns, "closed", REASON, "Goodbye").await;
    known(&w, &controller, "yes").await;
}

/// Takes the right to read VolumePopulators away, or gives it back.
async fn closed(w: &World<'_>, closed: bool) {
    let roles: Api<ClusterRole> = w.all();
    let mut role = roles.get("tombolo-controller").await.unwrap();
    for rule in role.rules.iter_mut().flatten() {
        let (from, to) = if closed {
            ("volumepopulators", "closed")
        } else {
            ("closed", "volumepopulators")
        };
        for resource in rule.resources.iter_mut().flatten().filter(|r| *r == from) {
            *resource = to.to_owned();
        }
    }
    roles
        .replace("tombolo-controller", &Default::default(), &role)
        .await
        .unwrap();
}

#[tokio::test]
async fn where_another_validator_runs_ours_says_nothing_and_a_source_across_namespaces_is_registered_all_the_same() {
    const STORY: &str =
        "where_another_validator_runs_ours_says_nothing_and_a_source_across_namespaces_is_registered_all_the_same";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the cluster of E2E_KUBECONFIG has what registrations it has");
    }
    let w = World::own(&cluster, "quiet").await;
    w.install_populators().await;
    // Somebody has the name already, for another kind: it is left as it is.
    let taken = json!({
        "apiVersion": "populator.storage.k8s.io/v1beta1", "kind": "VolumePopulator",
        "metadata": {"name": "crossnamespacesources.tombolo.dev"}, "sourceKind": {"group": "x.example.com", "kind": "X"},
    });
    cluster.apply(&taken.to_string()).await.unwrap();
    let options = controller::options("quiet").flag("--validator=false");
    let controller = Controller::launch(&cluster, options).await.unwrap();
    known(&w, &controller, "yes").await;
    let ns = w.namespace("team").await;
    w.claim(&ns, theirs("theirs", "Hello")).await;
    w.claim(&ns, of("data", "Hello")).await;
    let source = json!({"apiGroup": "tombolo.dev", "kind": "CrossNamespaceSource", "name": "s"});
    w.claim(&ns, claim("across").class("nobody-s").spec("dataSourceRef", source))
        .await;
    w.told(&ns, "data", "WaitingForPopulator", "").await;
    w.held(&ns, "across", "UnsupportedClass", "nobody-s").await;
    assert!(ours(&w, &ns, "theirs").await.is_empty());
    assert_eq!(ours(&w, &ns, "across").await.len(), 1);
    let left = populators(&w).get("crossnamespacesources.tombolo.dev").await.unwrap();
    assert_eq!(left.data["sourceKind"]["kind"], "X");
    assert_eq!(found(&controller, "invalid").await, 0);
    controller.end_well().await.unwrap();

    // With the name free, and the validator on: one word, and it is not the validator's.
    cluster
        .kubectl(&["delete", "volumepopulator", "crossnamespacesources.tombolo.dev"])
        .await
        .unwrap();
    let controller = controller::alone(&cluster, "heard").await;
    registered(&w).await;
    w.told(&ns, "theirs", REASON, "").await;
    let said = ours(&w, &ns, "across").await;
    assert!(said.iter().all(|e| e.note.starts_with("UnsupportedClass")), "{said:#?}");
    controller.end_well().await.unwrap();
}
