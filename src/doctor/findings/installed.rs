//! Kubernetes, our definitions, the controller and its rights.

use super::super::examine::{Held, Look, Right, Seen};
use super::Finding;
use crate::api::access::Role;
use crate::api::names::{self, TRIDENT_GROUP};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps, JSONSchemaPropsOrArray,
    JSONSchemaPropsOrBool,
};
use kube::ResourceExt;
use strum::IntoEnumIterator;

const KUBERNETES: &str = "kubernetes";
const DEFINITION: &str = "definition";
const CONTROLLER: &str = "controller";
const RIGHTS: &str = "rights";

/// The oldest minor version of Kubernetes 1 whose API server keeps a source of a foreign kind (KEP-1495, locked since).
const OLDEST: u32 = 33;

pub(super) fn of(seen: &Seen) -> Vec<Finding> {
    let mut found = vec![kubernetes(&seen.version)];
    found.extend(
        seen.definitions
            .iter()
            .map(|(ours, theirs)| Finding::from(DEFINITION, theirs, |theirs| definition(ours, theirs.as_ref()))),
    );
    found.push(controller(seen));
    found.extend(Role::iter().flat_map(|role| rights(role, &seen.rights)));
    found
}

fn kubernetes((major, minor): &(String, String)) -> Finding {
    // Vendors write `33+`.
    let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok();
    let text = format!("version {major}.{minor}");
    match (number(major), number(minor)) {
        (Some(1), Some(minor)) if minor < OLDEST => Finding::failed(
            KUBERNETES,
            format!("{text}: data sources need 1.{OLDEST}"),
            format!("Upgrade to Kubernetes 1.{OLDEST} or newer."),
        ),
        (Some(_), Some(_)) => Finding::passed(KUBERNETES, text),
        (None, _) | (_, None) => Finding::unknown(KUBERNETES, text),
    }
}

fn definition(ours: &CustomResourceDefinition, theirs: Option<&CustomResourceDefinition>) -> Finding {
    let name = ours.name_any();
    let apply = "Run: tombolo crd | kubectl apply -f -";
    let Some(theirs) = theirs else {
        return if ours.spec.group == TRIDENT_GROUP {
            Finding::absent(
                DEFINITION,
                format!(
                    "{name} is not installed: references are {} only",
                    names::VOLUME_REFERENCES
                ),
            )
        } else {
            Finding::failed(DEFINITION, format!("{name} is not installed"), apply)
        };
    };
    if theirs.metadata.deletion_timestamp.is_some() {
        let look = format!("Look at the finalizers of crd/{name}.");
        return Finding::failed(DEFINITION, format!("{name} is being deleted"), look);
    }
    if !established(theirs) {
        return Finding::failed(
            DEFINITION,
            format!("{name} is not served yet (its condition Established is not True)"),
            format!("Look at the conditions of crd/{name}."),
        );
    }
    match lacking_in(ours, theirs) {
        None => Finding::passed(DEFINITION, name),
        // Whoever has Trident has its definition, which says less.
        Some(_) if ours.spec.group == TRIDENT_GROUP && serves_ours(ours, theirs) => Finding::passed(DEFINITION, name),
        Some(_) if ours.spec.group == TRIDENT_GROUP => {
            let text = format!("{name} does not serve version {}", names::TRIDENT_VERSION);
            Finding::failed(DEFINITION, text, "Run without --trident-references.")
        }
        Some(what) => {
            let text =
                format!("{name} is older than this program: it has no {what}, and what is written there is lost");
            Finding::failed(DEFINITION, text, apply)
        }
    }
}

fn serves_ours(ours: &CustomResourceDefinition, theirs: &CustomResourceDefinition) -> bool {
    let served = |version: &str| theirs.spec.versions.iter().any(|v| v.name == version && v.served);
    ours.spec.versions.iter().all(|v| served(&v.name))
}

/// The first version or field of ours that theirs does not have. The API server drops such fields in silence.
fn lacking_in(ours: &CustomResourceDefinition, theirs: &CustomResourceDefinition) -> Option<String> {
    ours.spec.versions.iter().find_map(|our| {
        let their = theirs.spec.versions.iter().find(|v| v.name == our.name && v.served);
        let Some(their) = their else {
            return Some(format!("version {}", our.name));
        };
        let schema = |v: &CustomResourceDefinitionVersion| v.schema.clone()?.open_api_v3_schema;
        field_lacking(&schema(our)?, &schema(their).unwrap_or_default(), "")
    })
}

fn field_lacking(ours: &JSONSchemaProps, theirs: &JSONSchemaProps, at: &str) -> Option<String> {
    let named = ours.properties.iter().flatten().find_map(|(name, our)| {
        let field = format!("{at}.{name}");
        match theirs.properties.as_ref().and_then(|all| all.get(name)) {
            Some(their) => field_lacking(our, their, &field),
            None => Some(field),
        }
    });
    let of_items = || {
        let each = items(ours)?;
        below(each, items(theirs), format!("{at}[]"))
    };
    let of_values = || {
        let each = values(ours)?;
        below(each, values(theirs), format!("{at}.*"))
    };
    named.or_else(of_items).or_else(of_values)
}

/// What is lacking of what each item, or each value, has; where theirs says nothing of them, all of it.
fn below(ours: &JSONSchemaProps, theirs: Option<&JSONSchemaProps>, at: String) -> Option<String> {
    field_lacking(ours, theirs.unwrap_or(&JSONSchemaProps::default()), &at)
}

fn items(of: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match of.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(each) => Some(each),
        // No structural schema has these, and no definition without one is accepted.
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

fn values(of: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match of.additional_properties.as_ref()? {
        JSONSchemaPropsOrBool::Schema(each) => Some(each),
        JSONSchemaPropsOrBool::Bool(_) => None,
    }
}

fn established(crd: &CustomResourceDefinition) -> bool {
    let conditions = crd.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|c| c.type_ == "Established" && c.status == "True")
}

fn controller(seen: &Seen) -> Finding {
    let place = format!("{}/{}", seen.namespace, names::LEASE);
    let start = "Look at the controller's pod and its log.";
    Finding::from(CONTROLLER, &seen.lease, |lease| {
        let Some(lease) = lease else {
            let text =
                format!("there is no Lease {place}: none has run there, or it runs with --leader-election=false");
            return Finding::unknown(CONTROLLER, text);
        };
        let Held { holder, renewed } = lease;
        match (holder.as_str(), renewed) {
            ("", _) => Finding::failed(CONTROLLER, format!("nobody leads by Lease {place}"), start),
            (holder, true) => Finding::passed(CONTROLLER, format!("{holder} leads")),
            (holder, false) => Finding::failed(
                CONTROLLER,
                format!("nobody leads: {holder} held Lease {place}, and does not renew it"),
                start,
            ),
        }
    })
}

/// One finding for a role that is all there, or not at all; else one for each row of it of which something is missing.
fn rights(role: Role, all: &[Right]) -> Vec<Finding> {
    let mine = || all.iter().filter(|right| right.row.role == role);
    if let Some(why) = mine().find_map(|right| match &right.given {
        Look::Unseen(why) => Some(why),
        Look::Saw(_) => None,
    }) {
        return vec![Finding::unknown(RIGHTS, why)];
    }
    let missing: Vec<&Right> = mine().filter(|right| right.given == Look::Saw(false)).collect();
    if missing.is_empty() {
        return vec![Finding::passed(
            RIGHTS,
            format!("all {} for {}", mine().count(), what_for(role)),
        )];
    }
    if missing.len() == mine().count() {
        return vec![match role {
            Role::Controller | Role::Election => Finding::failed(
                RIGHTS,
                format!("none for {}, as the ServiceAccount of deploy/kustomize", what_for(role)),
                "Install deploy/kustomize; a controller that runs as another user has that one's rights, which are not looked at.",
            ),
            Role::TridentReferences | Role::Nodes | Role::Secrets => {
                Finding::absent(RIGHTS, format!("none for {}", what_for(role)))
            }
        }];
    }
    missing.chunk_by(|a, b| a.row == b.row).filter_map(lacking).collect()
}

/// What is missing of one row.
fn lacking(rights: &[&Right]) -> Option<Finding> {
    let row = rights.first()?.row;
    let verbs: Vec<&str> = rights.iter().map(|right| right.verb).collect();
    let group = if row.group.is_empty() {
        String::new()
    } else {
        format!(".{}", row.group)
    };
    let one = row.object.map(|name| format!(" {name}")).unwrap_or_default();
    let text = format!(
        "the controller may not {} {}{group}{one}: {}",
        verbs.join(", "),
        row.resource,
        row.why
    );
    Some(Finding::failed(
        RIGHTS,
        text,
        "Apply the roles and bindings of deploy/kustomize again.",
    ))
}

fn what_for(role: Role) -> &'static str {
    match role {
        Role::Controller => "the controller, in the cluster",
        Role::Election => "its election, in its namespace",
        Role::TridentReferences => "references of Trident (component `trident`)",
        Role::Nodes => "servers that let only nodes in (component `remote`)",
        Role::Secrets => "backends on other machines (component `remote`)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::all_crds;
    use serde_json::{Value, json};

    fn lacking(ours: &Value, theirs: &Value) -> Option<String> {
        let schema = |value: &Value| serde_json::from_value(value.clone()).unwrap();
        field_lacking(&schema(ours), &schema(theirs), "")
    }

    #[test]
    fn a_field_is_missed_in_items_and_in_values_too() {
        let of = |fields: Value| json!({"type": "object", "properties": fields});
        let ours = of(json!({
            "list": {"type": "array", "items": of(json!({"a": {}, "b": {}}))},
            "map": {"type": "object", "additionalProperties": of(json!({"a": {}, "b": {}}))},
        }));
        assert_eq!(lacking(&ours, &ours), None);
        for (at, remove, said) in [
            ("/properties/list/items/properties", "b", ".list[].b"),
            ("/properties/list", "items", ".list[].a"),
            ("/properties/map/additionalProperties/properties", "b", ".map.*.b"),
            ("/properties/map", "additionalProperties", ".map.*.a"),
        ] {
            let mut theirs = ours.clone();
            let _ = theirs.pointer_mut(at).unwrap().as_object_mut().unwrap().remove(remove);
            assert_eq!(lacking(&ours, &theirs).as_deref(), Some(said));
        }
    }

    /// Where there are fields in a schema, as JSON pointers.
    fn fields(schema: &Value, at: &str, found: &mut Vec<(String, String)>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            found.push((format!("{at}/properties"), name.clone()));
            fields(field, &format!("{at}/properties/{name}"), found);
        }
        for each in ["items", "additionalProperties"] {
            if schema[each].is_object() {
                fields(&schema[each], &format!("{at}/{each}"), found);
            }
        }
    }

    #[test]
    fn every_field_of_every_definition_is_missed_however_deep() {
        for crd in all_crds() {
            let ours = serde_json::to_value(&crd.spec.versions[0].schema).unwrap()["openAPIV3Schema"].clone();
            let mut all = Vec::new();
            fields(&ours, "", &mut all);
            assert!(!all.is_empty());
            for (at, name) in all {
                let mut theirs = ours.clone();
                let _ = theirs.pointer_mut(&at).unwrap().as_object_mut().unwrap().remove(&name);
                assert!(lacking(&ours, &theirs).is_some(), "{at}/{name}");
            }
        }
    }
}
