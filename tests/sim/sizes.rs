//! What the API server keeps of a volume that grows.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaimCondition, PersistentVolumeClaimStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use tombolo::api::names;
use tombolo::domain::growth::{GrowthStep, STORAGE};
use tombolo::domain::size;
use tombolo::plan::resize::ResizeMark;

pub fn promise(pv: &mut PersistentVolume, bytes: u64) {
    let annotations = pv.metadata.annotations.get_or_insert_default();
    annotations.insert(names::ANNOTATION_PROMISED.into(), size::format(bytes));
}

pub fn grant(pv: &mut PersistentVolume, bytes: u64) {
    let annotations = pv.metadata.annotations.get_or_insert_default();
    annotations.remove(names::ANNOTATION_PROMISED);
    let capacity = pv.spec.get_or_insert_default().capacity.get_or_insert_default();
    capacity.insert(STORAGE.into(), Quantity(size::format(bytes)));
}

pub fn mark(status: &mut PersistentVolumeClaimStatus, mark: &ResizeMark) {
    let quantity = |bytes: &u64| Quantity(size::format(*bytes));
    let (size, step, allocated) = match mark {
        ResizeMark::InProgress { bytes }
        | ResizeMark::Refused {
            bytes,
            infeasible: false,
            ..
        } => (None, GrowthStep::InProgress.as_str(), Some(bytes)),
        ResizeMark::Refused { bytes, .. } => (None, GrowthStep::Infeasible.as_str(), Some(bytes)),
        ResizeMark::Finished { bytes } => (Some(bytes), None, None),
    };
    let conditions = status.conditions.get_or_insert_default();
    conditions.retain(|c| c.type_ != names::CONDITION_RESIZE_ERROR);
    if let ResizeMark::Refused { why, .. } = mark {
        conditions.push(PersistentVolumeClaimCondition {
            type_: names::CONDITION_RESIZE_ERROR.into(),
            status: "True".into(),
            message: Some(why.clone()),
            ..PersistentVolumeClaimCondition::default()
        });
    }
    let steps = status.allocated_resource_statuses.get_or_insert_default();
    match step {
        Some(step) => drop(steps.insert(STORAGE.into(), step.into())),
        None => drop(steps.remove(STORAGE)),
    }
    if let Some(bytes) = allocated {
        let sizes = status.allocated_resources.get_or_insert_default();
        sizes.insert(STORAGE.into(), quantity(bytes));
    }
    if let Some(bytes) = size {
        status
            .capacity
            .get_or_insert_default()
            .insert(STORAGE.into(), quantity(bytes));
    }
}
