//! What is patched into a claim's status while it grows, as kubernetes-csi/external-resizer patches it.
//!
//! A strategic merge patch: conditions are merged by their type, so that those of others stay, and maps by their keys.

use crate::api::names;
use crate::domain::growth::{GrowthStep, STORAGE};
use crate::domain::ids::{ClaimRef, ResourceVersion};
use crate::domain::size;
use crate::plan::resize::ResizeMark;
use serde_json::{Value, json};

/// Conditions of any growth.
const CONDITIONS: [&str; 4] = [
    names::CONDITION_RESIZING,
    names::CONDITION_FILE_SYSTEM_RESIZE_PENDING,
    names::CONDITION_RESIZE_ERROR,
    names::CONDITION_NODE_RESIZE_ERROR,
];

/// The patch, for exactly this claim in this version.
pub fn patch(claim: &ClaimRef, version: &ResourceVersion, mark: &ResizeMark, at: jiff::Timestamp) -> Value {
    // `None`: the annotation stays as it is.
    let (annotation, status) = match mark {
        ResizeMark::InProgress { bytes } => {
            let resizing = condition(names::CONDITION_RESIZING, "", at);
            let status = json!({
                "conditions": all_but(&[names::CONDITION_RESIZING]).chain([resizing]).collect::<Vec<_>>(),
                "allocatedResources": {STORAGE: size::format(*bytes)},
                "allocatedResourceStatuses": {STORAGE: GrowthStep::InProgress.as_str()}});
            (Some(Value::Null), status)
        }
        ResizeMark::Refused { bytes, infeasible, why } => {
            let step = match infeasible {
                true => GrowthStep::Infeasible,
                false => GrowthStep::InProgress,
            };
            let status = json!({
                "conditions": [condition(names::CONDITION_RESIZE_ERROR, why, at)],
                "allocatedResources": {STORAGE: size::format(*bytes)},
                "allocatedResourceStatuses": {STORAGE: step.as_str()}});
            (None, status)
        }
        ResizeMark::Finished { bytes } => {
            let status = json!({
                "capacity": {STORAGE: size::format(*bytes)},
                "conditions": all_but(&[]).collect::<Vec<_>>(),
                "allocatedResourceStatuses": {STORAGE: null}});
            // No kubelet is waited for.
            (Some(json!("true")), status)
        }
    };
    let mut metadata = json!({"uid": claim.uid.as_str(), "resourceVersion": version.as_str()});
    if let (Some(value), Some(fields)) = (annotation, metadata.as_object_mut()) {
        let key = names::ANNOTATION_NODE_EXPANSION_NOT_REQUIRED;
        fields.insert("annotations".into(), json!({key: value}));
    }
    json!({"metadata": metadata, "status": status})
}

fn condition(of: &str, message: &str, at: jiff::Timestamp) -> Value {
    // To the second, as the API server keeps it.
    let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({"type": of, "status": "True", "lastTransitionTime": at, "message": message})
}

fn all_but(stay: &[&str]) -> impl Iterator<Item = Value> {
    let go = CONDITIONS.iter().filter(|of| !stay.contains(*of));
    go.map(|of| json!({"type": of, "$patch": "delete"}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{GI, claim_ref};

    fn of(mark: ResizeMark) -> Value {
        patch(
            &claim_ref("team/app"),
            &ResourceVersion::new("7"),
            &mark,
            jiff::Timestamp::UNIX_EPOCH,
        )
    }

    fn types(patch: &Value, deleted: bool) -> Vec<&str> {
        let all = patch["status"]["conditions"].as_array().unwrap().iter();
        let some = all.filter(|c| c.get("$patch").is_some() == deleted);
        some.map(|c| c["type"].as_str().unwrap()).collect()
    }

    #[test]
    fn rz_17_rz_27_a_growth_that_begins_drops_what_an_earlier_one_left_and_nothing_of_others() {
        let patch = of(ResizeMark::InProgress { bytes: 2 * GI });
        assert_eq!(types(&patch, false), ["Resizing"]);
        assert_eq!(
            types(&patch, true),
            ["FileSystemResizePending", "ControllerResizeError", "NodeResizeError"]
        );
        let status = &patch["status"];
        assert_eq!(status["allocatedResources"], json!({"storage": "2Gi"}));
        assert_eq!(
            status["allocatedResourceStatuses"],
            json!({"storage": "ControllerResizeInProgress"})
        );
        assert_eq!(status.get("capacity"), None);
        assert_eq!(
            patch["metadata"],
            json!({"uid": "team-app", "resourceVersion": "7",
                "annotations": {"volume.kubernetes.io/node-expansion-not-required": null}})
        );
    }

    #[test]
    fn rz_27_a_refusal_is_a_condition_beside_the_others() {
        let refused = |infeasible| {
            let why = "no room".to_owned();
            of(ResizeMark::Refused {
                bytes: GI,
                infeasible,
                why,
            })
        };
        for (infeasible, step) in [
            (true, "ControllerResizeInfeasible"),
            (false, "ControllerResizeInProgress"),
        ] {
            let patch = refused(infeasible);
            let condition = json!({"type": "ControllerResizeError", "status": "True", "message": "no room",
                "lastTransitionTime": "1970-01-01T00:00:00Z"});
            assert_eq!(patch["status"]["conditions"], json!([condition]), "and none for a node");
            assert_eq!(patch["status"]["allocatedResourceStatuses"], json!({"storage": step}));
            assert_eq!(patch["metadata"].get("annotations"), None);
        }
    }

    #[test]
    fn rz_16_rz_22_rz_27_a_growth_that_ends_leaves_its_size_and_nothing_for_a_node_to_do() {
        let patch = of(ResizeMark::Finished { bytes: 3 * GI });
        assert!(types(&patch, false).is_empty());
        assert_eq!(types(&patch, true).len(), 4);
        let status = &patch["status"];
        assert_eq!(status["capacity"], json!({"storage": "3Gi"}));
        assert_eq!(status["allocatedResourceStatuses"], json!({"storage": null}));
        assert_eq!(status.get("allocatedResources"), None, "it is kept");
        let note = &patch["metadata"]["annotations"]["volume.kubernetes.io/node-expansion-not-required"];
        assert_eq!(note, "true");
    }
}
