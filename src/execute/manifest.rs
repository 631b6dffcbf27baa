//! A planned PersistentVolume as the object that is POSTed: everything that deleting and rebuilding need, from birth.

use crate::api::names;
use crate::domain::access::{Access, MountMode};
use crate::domain::ids::PvName;
use crate::domain::size;
use crate::plan::NewPv;
use k8s_openapi::api::core::v1::{
    CSIPersistentVolumeSource, HostPathVolumeSource, NFSVolumeSource, NodeSelector, NodeSelectorRequirement,
    NodeSelectorTerm, ObjectReference, PersistentVolume, PersistentVolumeSpec, VolumeNodeAffinity,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;
use tombolo_backend_api::MountSource;

/// Puts the object together.
pub fn persistent_volume(pv: &NewPv, source: &MountSource) -> PersistentVolume {
    let read_only = pv.access == Access::ReadOnly;
    let mut spec = PersistentVolumeSpec {
        capacity: Some(BTreeMap::from([(
            "storage".to_owned(),
            Quantity(size::format(pv.bytes)),
        )])),
        access_modes: Some(pv.modes.to_list()),
        persistent_volume_reclaim_policy: Some(pv.policy.as_str().to_owned()),
        storage_class_name: Some(pv.class.to_string()),
        volume_mode: Some("Filesystem".to_owned()),
        // Set before the object exists, so that no other claim can take it.
        claim_ref: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("PersistentVolumeClaim".to_owned()),
            namespace: Some(pv.claim.key.namespace.to_string()),
            name: Some(pv.claim.key.name.clone()),
            uid: Some(pv.claim.uid.to_string()),
            ..ObjectReference::default()
        }),
        ..PersistentVolumeSpec::default()
    };
    match source {
        MountSource::Nfs {
            server,
            path,
            options,
            version,
        } => {
            spec.mount_options = Some(mount_options(&pv.mount_options, options, version, read_only));
            // kubelet ignores `readOnly` of either source of a PersistentVolume; it documents what the option `ro` does.
            let read_only = Some(read_only).filter(|r| *r);
            match pv.mount {
                MountMode::Kubelet => {
                    spec.nfs = Some(NFSVolumeSource {
                        server: server.clone(),
                        path: path.clone(),
                        read_only,
                    });
                }
                MountMode::Csi => spec.csi = Some(csi(&pv.name, server, path, read_only)),
            }
            spec.node_affinity = pv.node_affinity.clone();
        }
        // There is no other way to it. `plan` refuses `mount: csi` where it knows of the node, which it does not through `remote`.
        MountSource::HostPath { path, node } => {
            spec.host_path = Some(HostPathVolumeSource {
                path: path.clone(),
                type_: Some("Directory".to_owned()),
            });
            spec.node_affinity = Some(only_on(node));
        }
    }
    PersistentVolume {
        metadata: metadata(pv),
        spec: Some(spec),
        status: None,
    }
}

/// What the node plugin of csi-driver-nfs reads: `server`, `share`, and mount options from the PersistentVolume's own
/// list. `subdir`, `mountOptions` and `mountPermissions`, which it would read too, would say a second time, or undo, what Tombolo
/// said. The handle means nothing to the plugin; to kubelet, two PersistentVolumes of one handle are one volume, so a member must
/// not have its owner's.
fn csi(name: &PvName, server: &str, share: &str, read_only: Option<bool>) -> CSIPersistentVolumeSource {
    CSIPersistentVolumeSource {
        driver: names::PROVISIONER.to_owned(),
        volume_handle: name.to_string(),
        read_only,
        volume_attributes: Some(BTreeMap::from([
            (names::ATTRIBUTE_SERVER.to_owned(), server.to_owned()),
            (names::ATTRIBUTE_SHARE.to_owned(), share.to_owned()),
        ])),
        ..CSIPersistentVolumeSource::default()
    }
}

fn metadata(pv: &NewPv) -> ObjectMeta {
    let role = if pv.joined.is_some() { "member" } else { "owner" };
    let mut annotations = BTreeMap::from([
        (
            names::ANNOTATION_PROVISIONED_BY.to_owned(),
            names::PROVISIONER.to_owned(),
        ),
        (names::ANNOTATION_HANDLE.to_owned(), pv.handle.to_string()),
        (names::ANNOTATION_ON_DELETE.to_owned(), pv.on_delete.as_str().to_owned()),
        (
            names::ANNOTATION_ON_OWNER_DELETE.to_owned(),
            pv.on_owner_delete.as_str().to_owned(),
        ),
        (names::ANNOTATION_ACCESS.to_owned(), pv.access.as_str().to_owned()),
        (names::ANNOTATION_TENANT.to_owned(), pv.claim.key.namespace.to_string()),
    ]);
    if let Some(joined) = &pv.joined {
        annotations.extend([
            (names::ANNOTATION_VIA.to_owned(), joined.via.clone()),
            (names::ANNOTATION_SOURCE_UID.to_owned(), joined.source_uid.to_string()),
            (
                names::ANNOTATION_ON_REVOKE.to_owned(),
                joined.on_revoke.as_str().to_owned(),
            ),
        ]);
    }
    if pv.joined.is_none() && pv.claim.uid.pv_name() != pv.name {
        // The name says whom it was made for first; this, whose it is now.
        annotations.insert(names::ANNOTATION_OWNER_UID.to_owned(), pv.claim.uid.to_string());
    }
    ObjectMeta {
        name: Some(pv.name.to_string()),
        labels: Some(BTreeMap::from([
            (names::LABEL_VOLUME.to_owned(), pv.volume.to_string()),
            (names::LABEL_ROLE.to_owned(), role.to_owned()),
            (names::LABEL_BACKEND.to_owned(), pv.backend.to_string()),
        ])),
        annotations: Some(annotations),
        finalizers: Some(vec![names::FINALIZER_VOLUME.to_owned()]),
        ..ObjectMeta::default()
    }
}

/// The class's options, with defaults where it says nothing, then those that reaching the server needs, then `ro`. What is
/// there already is not repeated: a member inherits its owner's list.
fn mount_options(class: &[String], needed: &[String], version: &str, read_only: bool) -> Vec<String> {
    let mut options: Vec<String> = class.to_vec();
    let given = |options: &[String], keys: &[&str]| {
        options
            .iter()
            .flat_map(|o| o.split(','))
            .any(|o| keys.contains(&o.split_once('=').map_or(o, |(key, _)| key)))
    };
    if !given(&options, &["nfsvers", "vers"]) {
        options.push(format!("nfsvers={version}"));
    }
    if !given(&options, &["hard", "soft", "softerr"]) {
        options.push("hard".to_owned());
    }
    let missing: Vec<String> = needed.iter().filter(|o| !options.contains(o)).cloned().collect();
    options.extend(missing);
    if read_only && !given(&options, &["ro"]) {
        options.push("ro".to_owned());
    }
    options
}

fn only_on(node: &str) -> VolumeNodeAffinity {
    let requirement = NodeSelectorRequirement {
        key: names::LABEL_HOSTNAME.to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![node.to_owned()]),
    };
    let term = NodeSelectorTerm {
        match_expressions: Some(vec![requirement]),
        match_fields: None,
    };
    VolumeNodeAffinity {
        required: Some(NodeSelector {
            node_selector_terms: vec![term],
        }),
    }
}

#[cfg(test)]
mod tests;
