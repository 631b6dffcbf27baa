//! From stored objects to what decisions look at, for the kinds that need no file of their own.

pub mod snapshots;

use super::index::NamespaceView;
use super::optional::Foreign;
use crate::api::cross_namespace_source::{CrossNamespaceSource, SourceReference};
use crate::api::names;
use crate::api::trident_volume_reference::TridentVolumeReference;
use crate::api::volume_reference::VolumeReference;
use crate::domain::access::Access;
use crate::domain::cross_source::{CrossSource, CrossSourceKey};
use crate::domain::grant::Grant;
use crate::domain::ids::Namespace;
use crate::domain::populator::Populator;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use kube::core::{DynamicObject, ObjectMeta};

/// A namespace.
pub fn namespace(namespace: &KubeNamespace) -> Option<(Namespace, NamespaceView)> {
    let meta = &namespace.metadata;
    let view = NamespaceView {
        labels: meta.labels.clone().unwrap_or_default(),
        terminating: meta.deletion_timestamp.is_some(),
    };
    Some((Namespace::new(meta.name.clone()?), view))
}

/// A reference of our kind.
pub fn volume_reference(reference: &VolumeReference) -> Option<Reference> {
    let spec = &reference.spec;
    let key = key(ReferenceKind::Volume, &reference.metadata)?;
    let terminating = reference.metadata.deletion_timestamp.is_some();
    Some(Reference::new(
        key,
        terminating,
        Some(&spec.pvc_namespace),
        Some(&spec.pvc_name),
        spec.access,
    ))
}

/// A reference of the compatible kind: always read-write.
pub fn trident_reference(reference: &TridentVolumeReference) -> Option<Reference> {
    let spec = &reference.spec;
    let key = key(ReferenceKind::Trident, &reference.metadata)?;
    let terminating = reference.metadata.deletion_timestamp.is_some();
    Some(Reference::new(
        key,
        terminating,
        Some(&spec.pvc_namespace),
        Some(&spec.pvc_name),
        Access::ReadWrite,
    ))
}

/// A CrossNamespaceSource.
pub fn cross_source(object: &CrossNamespaceSource) -> Option<CrossSource> {
    let key = CrossSourceKey {
        namespace: Namespace::new(object.metadata.namespace.clone()?),
        name: object.metadata.name.clone()?,
    };
    let SourceReference {
        api_group,
        kind,
        name,
        namespace,
    } = &object.spec.source;
    let group = api_group.as_deref().unwrap_or_default();
    Some(CrossSource::new(key, group, kind, namespace, name))
}

/// ReferenceGrants of the Gateway API, which has them as v1 since its version 1.5.
pub const GRANTS: Foreign = Foreign {
    group: names::GRANT_GROUP,
    kind: "ReferenceGrant",
    plural: "referencegrants",
    versions: &["v1", "v1beta1"],
};

/// A ReferenceGrant; `None`: it concerns nothing of ours.
pub fn grant(object: &DynamicObject) -> Option<Grant> {
    let meta = &object.metadata;
    let namespace = Namespace::new(meta.namespace.clone()?);
    let terminating = meta.deletion_timestamp.is_some();
    Grant::read(namespace, meta.name.clone()?, terminating, object.data.get("spec")).concerning_us()
}

/// VolumePopulators of the volume-data-source-validator.
pub const POPULATORS: Foreign = Foreign {
    group: names::POPULATOR_GROUP,
    kind: "VolumePopulator",
    plural: "volumepopulators",
    versions: &[names::POPULATOR_VERSION],
};

/// A VolumePopulator. What cannot be read of the kind that it registers is empty, which is no kind.
pub fn populator(object: &DynamicObject) -> Option<Populator> {
    let kind = object.data.get("sourceKind");
    let text = |field| kind?.get(field)?.as_str();
    Some(Populator {
        name: object.metadata.name.clone()?,
        group: text("group").unwrap_or_default().to_owned(),
        kind: text("kind").unwrap_or_default().to_owned(),
    })
}

fn key(kind: ReferenceKind, meta: &ObjectMeta) -> Option<ReferenceKey> {
    Some(ReferenceKey {
        kind,
        namespace: Namespace::new(meta.namespace.clone()?),
        name: meta.name.clone()?,
    })
}
