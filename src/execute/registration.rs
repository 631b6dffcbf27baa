//! Registering a kind as a VolumePopulator. What is there under the name is left as it is.

use super::api_server::fault;
use super::cluster::{ApiError, Fault};
use crate::api::names;
use crate::domain::populator::Populator;
use crate::observe::project::POPULATORS;
use kube::api::PostParams;
use kube::core::DynamicObject;
use kube::{Api, Client};
use serde_json::json;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It was made.
    Made,
    /// Another object has the name.
    NameTaken,
}

/// Makes the object.
///
/// # Errors
/// What the API server answers.
pub async fn register(client: &Client, new: &Populator) -> Result<Registered, ApiError> {
    let resource = POPULATORS.in_version(names::POPULATOR_VERSION);
    let mut object = DynamicObject::new(&new.name, &resource);
    object.data = json!({"sourceKind": {"group": new.group, "kind": new.kind}});
    let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
    let ours = PostParams {
        field_manager: Some(names::FIELD_MANAGER.into()),
        ..PostParams::default()
    };
    match api.create(&ours, &object).await.map_err(fault) {
        Ok(_) => Ok(Registered::Made),
        Err(error) if error.fault == Fault::Exists => Ok(Registered::NameTaken),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::testing::scripted::{ok, refusal, server};

    fn ours() -> Populator {
        Populator {
            name: names::POPULATOR_OF_SOURCES.into(),
            group: names::GROUP.into(),
            kind: names::CROSS_NAMESPACE_SOURCE.into(),
        }
    }

    #[tokio::test]
    async fn a_registration_names_group_and_kind_at_its_top() {
        let made = json!({"apiVersion": "populator.storage.k8s.io/v1beta1", "kind": "VolumePopulator",
            "metadata": {"name": "crossnamespacesources.tombolo.dev"},
            "sourceKind": {"group": "tombolo.dev", "kind": "CrossNamespaceSource"}});
        let (client, asked) = server([ok(made.clone())]);
        let ended = register(&client, &ours()).await.unwrap();
        assert_eq!(ended, Registered::Made);
        let asked = asked.only();
        assert!(
            asked
                .line
                .starts_with("POST /apis/populator.storage.k8s.io/v1beta1/volumepopulators?"),
            "{asked:?}"
        );
        assert_eq!(asked.body, made);
    }

    #[tokio::test]
    async fn what_has_the_name_stays_and_what_else_is_answered_is_an_error() {
        let (client, _) = server([
            refusal(409, "AlreadyExists", "there is one"),
            refusal(403, "Forbidden", "you may not"),
        ]);
        let taken = register(&client, &ours()).await.unwrap();
        assert_eq!(taken, Registered::NameTaken);
        let error = register(&client, &ours()).await.unwrap_err();
        assert_eq!(error.fault, Fault::Forbidden);
    }
}
