//! What the controller may do, asked of the API server for each row of [`ACCESS`].

use super::{Installation, Look, seen};
use crate::api::access::{ACCESS, Permission, Role};
use futures::{StreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};

/// How many questions are asked at once.
const AT_ONCE: usize = 8;

/// One verb of a row.
#[derive(Debug)]
pub(in crate::doctor) struct Right {
    /// The row.
    pub(in crate::doctor) row: &'static Permission,
    /// Its verb.
    pub(in crate::doctor) verb: &'static str,
    /// Whether the controller may.
    pub(in crate::doctor) given: Look<bool>,
}

/// Asks for all of them.
pub(super) async fn of(client: &Client, of: &Installation) -> Vec<Right> {
    let rows = ACCESS
        .iter()
        .flat_map(|row| row.verbs.iter().map(move |verb| (row, *verb)));
    stream::iter(rows)
        .map(async |(row, verb)| Right {
            row,
            verb,
            given: given(client, of, row, verb).await,
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

async fn given(client: &Client, of: &Installation, row: &Permission, verb: &str) -> Look<bool> {
    let review = SubjectAccessReview {
        spec: question(of, row, verb),
        ..SubjectAccessReview::default()
    };
    let asked = Api::all(client.clone()).create(&PostParams::default(), &review).await;
    let allowed = asked.map(|answer| answer.status.is_some_and(|status| status.allowed));
    seen("what others may do (create subjectaccessreviews)", allowed)
}

fn question(of: &Installation, row: &Permission, verb: &str) -> SubjectAccessReviewSpec {
    let Installation { namespace, account } = of;
    let (resource, subresource) = match row.resource.split_once('/') {
        Some((resource, below)) => (resource, Some(below.to_owned())),
        None => (row.resource, None),
    };
    let within = match row.role {
        Role::Election | Role::Secrets => Some(namespace.clone()),
        Role::Controller | Role::TridentReferences | Role::Nodes => None,
    };
    SubjectAccessReviewSpec {
        user: Some(format!("system:serviceaccount:{namespace}:{account}")),
        // As the API server adds them to the user of a token (Kubernetes documentation, "Using RBAC Authorization").
        groups: Some(vec![
            "system:authenticated".to_owned(),
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
        ]),
        resource_attributes: Some(ResourceAttributes {
            group: Some(row.group.to_owned()),
            resource: Some(resource.to_owned()),
            subresource,
            verb: Some(verb.to_owned()),
            name: row.object.map(str::to_owned),
            namespace: within,
            ..ResourceAttributes::default()
        }),
        ..SubjectAccessReviewSpec::default()
    }
}
