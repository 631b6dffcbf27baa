//! From stored objects to what decisions look at, for the kinds that need no file of their own.

use super::index::NamespaceView;
use crate::api::trident_volume_reference::TridentVolumeReference;
use crate::api::volume_reference::VolumeReference;
use crate::domain::access::Access;
use crate::domain::ids::Namespace;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use kube::core::ObjectMeta;

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

fn key(kind: ReferenceKind, meta: &ObjectMeta) -> Option<ReferenceKey> {
    Some(ReferenceKey {
        kind,
        namespace: Namespace::new(meta.namespace.clone()?),
        name: meta.name.clone()?,
    })
}
