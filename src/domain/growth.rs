//! How far the growth of a claim has come, as the claim's status says it (KEP-1790, `RecoverVolumeExpansionFailure`).
//!
//! Tenants cannot write a claim's status, but they can write its annotations: one that names another resizer only keeps us away.

use super::size;
use crate::api::names;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

/// What a claim says of its size besides its request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Growth {
    /// `status.capacity`: what its pods may count on. `None` before it is bound.
    pub capacity: Option<u64>,
    /// `status.allocatedResources`: the size that is, or was last, being made.
    pub allocated: Option<u64>,
    /// `status.allocatedResourceStatuses`: how far that is; `None`: nothing is under way.
    pub step: Option<GrowthStep>,
    /// Whether it has the condition `Resizing`.
    pub resizing: bool,
    /// The message of its condition `ControllerResizeError`: why the last attempt came to nothing.
    pub error: Option<String>,
    /// Whoever else resizes it: the storage-resizer annotation, if that is not our name.
    pub elsewhere: bool,
}

/// How far a growth is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrowthStep {
    /// It is being made.
    InProgress,
    /// It cannot be made.
    Infeasible,
    /// A node's business, or unknown. No volume of ours has work on nodes.
    Other,
}

impl GrowthStep {
    /// As on the wire; `None`: nothing that we write.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::InProgress => Some(IN_PROGRESS),
            Self::Infeasible => Some(INFEASIBLE),
            Self::Other => None,
        }
    }
}

const IN_PROGRESS: &str = "ControllerResizeInProgress";
const INFEASIBLE: &str = "ControllerResizeInfeasible";

impl Growth {
    /// Reads it.
    pub fn of(claim: &PersistentVolumeClaim) -> Self {
        let status = claim.status.clone().unwrap_or_default();
        let annotations = claim.metadata.annotations.as_ref();
        let resizer = annotations.and_then(|a| a.get(names::ANNOTATION_STORAGE_RESIZER));
        let step = status.allocated_resource_statuses.and_then(|s| s.get(STORAGE).cloned());
        let conditions = status.conditions.unwrap_or_default();
        let given = |of: &str| conditions.iter().find(|c| c.type_ == of && c.status == "True");
        Self {
            capacity: status.capacity.and_then(|c| size::parse(&c.get(STORAGE)?.0)),
            allocated: status.allocated_resources.and_then(|c| size::parse(&c.get(STORAGE)?.0)),
            step: step.map(|step| match step.as_str() {
                IN_PROGRESS => GrowthStep::InProgress,
                INFEASIBLE => GrowthStep::Infeasible,
                _ => GrowthStep::Other,
            }),
            resizing: given(names::CONDITION_RESIZING).is_some(),
            error: given(names::CONDITION_RESIZE_ERROR).map(|c| c.message.clone().unwrap_or_default()),
            elsewhere: resizer.is_some_and(|name| !name.is_empty() && name != names::PROVISIONER),
        }
    }

    /// Whether this size is written down as being made, or as one that cannot be.
    pub fn is_at(&self, bytes: u64) -> bool {
        let ours = matches!(self.step, Some(GrowthStep::InProgress | GrowthStep::Infeasible));
        ours && self.allocated == Some(bytes)
    }

    /// Whether the API server keeps no sizes and steps, as one before 1.32 may not: then conditions are all that is said.
    pub fn has_no_steps(&self) -> bool {
        self.step.is_none() && self.allocated.is_none()
    }
}

/// The resource of a claim that is a size.
pub const STORAGE: &str = "storage";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(claim: Value) -> Growth {
        Growth::of(&serde_json::from_value(claim).unwrap())
    }

    #[test]
    fn a_status_is_read_as_external_resizer_writes_it() {
        let growth = read(json!({"status": {
            "capacity": {"storage": "1Gi"}, "allocatedResources": {"storage": "2Gi"},
            "allocatedResourceStatuses": {"storage": "ControllerResizeInProgress"},
            "conditions": [
                {"type": "Resizing", "status": "True"},
                {"type": "ControllerResizeError", "status": "True", "message": "no room"}]}}));
        let written = Growth {
            capacity: Some(1 << 30),
            allocated: Some(2 << 30),
            step: Some(GrowthStep::InProgress),
            resizing: true,
            error: Some("no room".into()),
            elsewhere: false,
        };
        assert_eq!(growth, written);
        assert!(growth.is_at(2 << 30) && !growth.is_at(1 << 30));
    }

    #[test]
    fn what_is_missing_or_odd_says_nothing_and_panics_nowhere() {
        assert_eq!(read(json!({})), Growth::default());
        let odd = read(json!({
            "metadata": {"annotations": {"volume.kubernetes.io/storage-resizer": ""}},
            "status": {"capacity": {"storage": "-1"}, "allocatedResources": {"inodes": "7"},
                "allocatedResourceStatuses": {"storage": "NodeResizePending"},
                "conditions": [{"type": "ControllerResizeError", "status": "False"}]}}));
        let other = Growth {
            step: Some(GrowthStep::Other),
            ..Growth::default()
        };
        assert_eq!(odd, other);
        assert!(!odd.is_at(0));
    }

    #[test]
    fn another_resizer_is_another_one_and_we_are_ourselves() {
        let named = |name: &str| json!({"metadata": {"annotations": {"volume.kubernetes.io/storage-resizer": name}}});
        assert!(read(named("csi.example.com")).elsewhere);
        assert!(!read(named("tombolo.dev")).elsewhere);
    }
}
