//! Who may do what: the controller what its table says, people what their role says, and where the controller's requests queue.

use super::{CONTROLLER, NAMESPACE, SOON, controller_kubeconfig, installed};
use anyhow::{Context as _, Result};
use http::Request;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::flowcontrol::v1::FlowSchema;
use kube::api::PostParams;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use tombolo::api::access::{ACCESS, Role};
use tombolo::api::names;
use tombolo_harness::Cluster;
use tombolo_harness::wait::{Look, until};

/// A request to ask about: verb, group, resource with subresource, name of the object, namespace; empty for any.
struct Asked<'a> {
    verb: &'a str,
    group: &'a str,
    resource: &'a str,
    object: &'a str,
    namespace: &'a str,
}

fn about<'a>(verb: &'a str, group: &'a str, resource: &'a str, namespace: &'a str) -> Asked<'a> {
    Asked {
        verb,
        group,
        resource,
        object: "",
        namespace,
    }
}

async fn may(client: &Client, asked: &Asked<'_>) -> Result<bool> {
    let (resource, subresource) = asked.resource.split_once('/').unwrap_or((asked.resource, ""));
    let attributes = ResourceAttributes {
        verb: Some(asked.verb.into()),
        group: Some(asked.group.into()),
        resource: Some(resource.into()),
        subresource: Some(subresource.into()),
        name: Some(asked.object.into()),
        namespace: Some(asked.namespace.into()),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = Api::<SelfSubjectAccessReview>::all(client.clone())
        .create(&PostParams::default(), &review)
        .await?;
    Ok(answer.status.context("no answer")?.allowed)
}

async fn controller(cluster: &Cluster) -> Client {
    let file = controller_kubeconfig(cluster).await.unwrap();
    let kubeconfig = Kubeconfig::read_from(file).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    Client::try_from(config).unwrap()
}

#[tokio::test]
async fn the_controller_may_do_what_it_does() {
    let Some(cluster) = installed("the_controller_may_do_what_it_does").await else {
        return;
    };
    let client = controller(cluster).await;
    for permission in ACCESS {
        for verb in permission.verbs {
            let asked = Asked {
                verb,
                group: permission.group,
                resource: permission.resource,
                object: permission.object.unwrap_or_default(),
                namespace: match permission.role {
                    Role::Election | Role::Secrets => NAMESPACE,
                    Role::Controller | Role::TridentReferences | Role::Nodes => "",
                },
            };
            let what = format!("{verb} {} {:?}", permission.resource, permission.object);
            until(&what, SOON, async || Ok(Look::holds(may(&client, &asked).await?, "no")))
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn the_controller_may_do_nothing_else() {
    let Some(cluster) = installed("the_controller_may_do_nothing_else").await else {
        return;
    };
    let client = controller(cluster).await;
    let definitions = "apiextensions.k8s.io";
    let (leases, rbac) = ("coordination.k8s.io", "rbac.authorization.k8s.io");
    let refused = [
        ("get", "", "secrets", "", ""),
        ("list", "", "secrets", "", NAMESPACE),
        ("get", "", "pods", "", ""),
        ("create", "", "pods", "", NAMESPACE),
        ("get", "", "nodes", "", ""),
        ("create", "", "persistentvolumeclaims", "", ""),
        ("delete", "", "persistentvolumeclaims", "", ""),
        ("update", "", "persistentvolumes", "", ""),
        ("deletecollection", "", "persistentvolumes", "", ""),
        ("patch", "", "namespaces", "", ""),
        ("create", names::GROUP, "volumereferences", "", ""),
        ("patch", names::GROUP, "volumereferences", "", ""),
        ("delete", names::GROUP, "storagebackends", "", ""),
        ("create", names::TRIDENT_GROUP, "tridentvolumereferences", "", ""),
        ("get", definitions, "customresourcedefinitions", "", ""),
        (
            "delete",
            definitions,
            "customresourcedefinitions",
            "volumereferences.tombolo.dev",
            "",
        ),
        ("get", leases, "leases", names::LEASE, "kube-system"),
        ("get", leases, "leases", "another", NAMESPACE),
        ("update", leases, "leases", "another", NAMESPACE),
        ("delete", leases, "leases", names::LEASE, NAMESPACE),
        ("create", rbac, "clusterrolebindings", "", ""),
        ("impersonate", "", "users", "", ""),
    ];
    for (verb, group, resource, object, namespace) in refused {
        let asked = Asked {
            verb,
            group,
            resource,
            object,
            namespace,
        };
        assert!(
            !may(&client, &asked).await.unwrap(),
            "{verb} {resource} {object} {namespace}"
        );
    }
}

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 4] = ["create", "update", "patch", "delete"];

#[tokio::test]
async fn only_consumers_pass_the_gate() {
    let Some(cluster) = installed("only_consumers_pass_the_gate").await else {
        return;
    };
    let references = [
        (names::GROUP, "volumereferences"),
        (names::TRIDENT_GROUP, "tridentvolumereferences"),
    ];
    for (role, reads, writes) in [
        ("view", true, false),
        ("edit", true, false),
        ("admin", true, false),
        ("tombolo-volume-consumer", true, true),
        // Bound for the sake of having some role: it says nothing about references.
        ("system:discovery", false, false),
    ] {
        let user = format!("{}-person", role.replace(':', "-"));
        let (as_role, of) = (format!("--clusterrole={role}"), format!("--user={user}"));
        let bind = ["create", "rolebinding", &user, "-n", "secondary", &as_role, &of];
        cluster.kubectl(&bind).await.unwrap();
        let client = cluster.client_as(&user, &[]).await.unwrap();
        for (group, resource) in references {
            if reads {
                // Roles are aggregated, and bindings take effect, a moment later.
                for verb in READ {
                    let read = about(verb, group, resource, "secondary");
                    let look = async || Ok(Look::holds(may(&client, &read).await?, "no"));
                    until(&format!("{role} to {verb} {resource}"), SOON, look)
                        .await
                        .unwrap();
                }
            }
            let expected = READ
                .map(|verb| (verb, reads))
                .into_iter()
                .chain(WRITE.map(|verb| (verb, writes)));
            for (verb, allowed) in expected.chain([("deletecollection", false)]) {
                let here = about(verb, group, resource, "secondary");
                assert_eq!(may(&client, &here).await.unwrap(), allowed, "{role}: {verb} {resource}");
                let elsewhere = about(verb, group, resource, "primary");
                assert!(
                    !may(&client, &elsewhere).await.unwrap(),
                    "{role}: {verb} {resource} elsewhere"
                );
            }
            let status = format!("{resource}/status");
            for (group, resource) in [
                (group, status.as_str()),
                (names::GROUP, "storagebackends"),
                (names::GROUP, "sharedvolumes"),
            ] {
                for verb in ["get", "create", "patch", "delete"] {
                    let asked = about(verb, group, resource, "secondary");
                    assert!(!may(&client, &asked).await.unwrap(), "{role}: {verb} {resource}");
                }
            }
        }
    }
}

/// The UID of the FlowSchema by which the API server queued a request.
async fn queued_by(client: &Client, path: &str) -> Result<String> {
    let answer = client.send(Request::get(path).body(Body::empty())?).await?;
    let uid = answer.headers().get("x-kubernetes-pf-flowschema-uid");
    Ok(uid.context("priority and fairness is off")?.to_str()?.to_owned())
}

#[tokio::test]
async fn the_lease_has_a_queue_of_its_own() {
    let Some(cluster) = installed("the_lease_has_a_queue_of_its_own").await else {
        return;
    };
    let schemas: Api<FlowSchema> = Api::all(cluster.client().await.unwrap());
    let client = controller(cluster).await;
    let lease = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{}",
        names::LEASE
    );
    let paths = [
        ("tombolo-lease", lease.as_str()),
        ("tombolo", "/api/v1/persistentvolumes"),
        ("tombolo", "/version"),
        ("tombolo", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"),
    ];
    for (schema, path) in paths {
        let uid = schemas.get(schema).await.unwrap().metadata.uid.unwrap();
        let look = async || {
            let by = queued_by(&client, path).await?;
            Ok(Look::holds(by == uid, by))
        };
        until(&format!("{path} of {CONTROLLER} to be queued by {schema}"), SOON, look)
            .await
            .unwrap();
    }
}
