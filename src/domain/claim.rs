//! A PersistentVolumeClaim, reduced to what decisions look at.
//!
//! Everything in it was written by a tenant. What cannot be read is kept as such and refused later, with words.

use super::access::AccessModes;
use super::annotations::Annotations;
use super::growth::Growth;
use super::hold::{Hold, Holds};
use super::ids::{ClaimKey, ClaimRef, ClaimUid, ClassName, PvName, ResourceVersion};
use super::size;
use super::source::DataSource;
use crate::api::names;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

/// A claim as decisions see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Namespace and name.
    pub key: ClaimKey,
    /// Which one of that name.
    pub uid: ClaimUid,
    /// The version that was read.
    pub version: ResourceVersion,
    /// Whether it is going away.
    pub terminating: bool,
    /// How far binding has come.
    pub phase: ClaimPhase,
    /// The PersistentVolume it is bound to, or asks for.
    pub volume_name: Option<PvName>,
    /// Its class: from the beta annotation, else from the spec, as in Kubernetes' `GetPersistentVolumeClaimClass`.
    pub class: Option<ClassName>,
    /// Access modes asked for.
    pub modes: AccessModes,
    /// Whether a block device is asked for.
    pub block: bool,
    /// Bytes asked for; `None` if missing or unreadable.
    pub request: Option<u64>,
    /// How far a change of its size has come.
    pub growth: Growth,
    /// Whether it carries a label selector.
    pub selector: bool,
    /// Its `volumeAttributesClassName`, if it has one.
    pub attributes_class: Option<String>,
    /// Where its first bytes come from.
    pub source: DataSource,
    /// Whom Kubernetes asks to provision it: the storage-provisioner annotation.
    pub asked: Option<String>,
    /// The node that the scheduler chose, for classes with `WaitForFirstConsumer`.
    pub selected_node: Option<String>,
    /// Finalizers of ours that it carries.
    pub holds: Holds,
    /// Whether it is kept for a snapshot that is taken of it.
    pub kept_for_snapshot: bool,
    /// What people wrote under our prefixes.
    pub annotations: Annotations,
}

/// `status.phase` of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimPhase {
    /// Not bound yet.
    Pending,
    /// Bound to its volume.
    Bound,
    /// Its volume's object is gone.
    Lost,
}

impl Claim {
    /// Reads a claim. `None`: an object without identity, which the API server does not send.
    pub fn of(claim: &PersistentVolumeClaim) -> Option<Self> {
        let meta = &claim.metadata;
        let spec = claim.spec.clone().unwrap_or_default();
        let annotation = |key: &str| {
            meta.annotations
                .as_ref()
                .and_then(|a| a.get(key))
                .filter(|v| !v.is_empty())
                .cloned()
        };
        let finalizers = meta.finalizers.as_deref().unwrap_or_default();
        // The annotation first, as Kubernetes reads it: quotas by class would charge another one otherwise.
        let beta = meta
            .annotations
            .as_ref()
            .and_then(|a| a.get(names::ANNOTATION_CLASS_BETA).cloned());
        let class = beta.or(spec.storage_class_name).filter(|c| !c.is_empty());
        let request = spec
            .resources
            .and_then(|r| r.requests)
            .and_then(|r| size::parse(&r.get("storage")?.0));
        Some(Self {
            key: ClaimKey::new(meta.namespace.clone()?, meta.name.clone()?),
            uid: ClaimUid::new(meta.uid.clone()?),
            version: ResourceVersion::new(meta.resource_version.clone().unwrap_or_default()),
            terminating: meta.deletion_timestamp.is_some(),
            phase: match claim.status.as_ref().and_then(|s| s.phase.as_deref()) {
                Some("Bound") => ClaimPhase::Bound,
                Some("Lost") => ClaimPhase::Lost,
                _ => ClaimPhase::Pending,
            },
            volume_name: spec.volume_name.filter(|v| !v.is_empty()).map(PvName::new),
            class: class.map(ClassName::new),
            modes: AccessModes::parse(&spec.access_modes.unwrap_or_default()),
            block: spec.volume_mode.as_deref() == Some("Block"),
            request,
            growth: Growth::of(claim),
            selector: spec.selector.is_some(),
            attributes_class: spec.volume_attributes_class_name.filter(|c| !c.is_empty()),
            source: DataSource::of(claim),
            asked: annotation(names::ANNOTATION_STORAGE_PROVISIONER)
                .or_else(|| annotation(names::ANNOTATION_STORAGE_PROVISIONER_BETA)),
            selected_node: annotation(names::ANNOTATION_SELECTED_NODE),
            holds: Hold::among(finalizers),
            kept_for_snapshot: finalizers.iter().any(|f| f == names::FINALIZER_SNAPSHOT_SOURCE),
            annotations: Annotations::of(meta.annotations.as_ref()),
        })
    }

    /// Its key and UID.
    pub fn reference(&self) -> ClaimRef {
        ClaimRef {
            key: self.key.clone(),
            uid: self.uid.clone(),
        }
    }

    /// Whether it is live and has no volume yet.
    pub fn is_unbound(&self) -> bool {
        !self.terminating && self.phase == ClaimPhase::Pending
    }

    /// Whether it is bound, and asks for more than it has.
    pub fn asks_for_more(&self) -> bool {
        let more = self.growth.capacity.is_some_and(|has| self.request > Some(has));
        self.phase == ClaimPhase::Bound && more
    }

    /// Whether it is bound to the PersistentVolume made for it.
    pub fn is_bound_to_own(&self) -> bool {
        self.volume_name.as_ref() == Some(&self.uid.pv_name())
    }

    /// Whether it is bound to a PersistentVolume that is not `name`.
    pub fn is_bound_elsewhere(&self, name: &PvName) -> bool {
        self.phase == ClaimPhase::Bound && self.volume_name.as_ref().is_some_and(|v| v != name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_beta_class_counts_before_the_spec_as_in_kubernetes() {
        let read = |annotations: serde_json::Value, spec: serde_json::Value| {
            let claim = json!({"metadata": {"namespace": "n", "name": "c", "uid": "u", "annotations": annotations}, "spec": spec});
            Claim::of(&serde_json::from_value(claim).unwrap()).unwrap().class
        };
        let beta = |class: &str| json!({"volume.beta.kubernetes.io/storage-class": class});
        let new = || json!({"storageClassName": "new"});
        assert_eq!(read(json!({}), new()), Some(ClassName::new("new")));
        assert_eq!(read(beta("old"), json!({})), Some(ClassName::new("old")));
        assert_eq!(
            read(beta("old"), new()),
            Some(ClassName::new("old")),
            "a quota by class charges that one"
        );
        assert_eq!(read(beta(""), new()), None);
    }

    #[test]
    fn an_empty_object_and_garbage_are_read_without_a_panic() {
        assert_eq!(Claim::of(&PersistentVolumeClaim::default()), None);
        let odd = json!({"metadata": {"namespace": "n", "name": "c", "uid": "u"},
            "spec": {"resources": {"requests": {"storage": "-9Zi"}}, "accessModes": ["Nonsense"], "volumeName": ""}});
        let claim = Claim::of(&serde_json::from_value(odd).unwrap()).unwrap();
        assert_eq!(claim.request, None);
        assert_eq!(claim.modes, AccessModes::default());
        assert_eq!(claim.volume_name, None);
    }
}
