//! Manifests in the making. Names on the wire are spelled out here and in the stories, never taken from the code under test.

use serde_json::{Value, json};

/// A claim, ReadWriteMany and of one mebibyte unless it is said otherwise.
#[derive(Debug, Clone)]
pub struct Draft(pub Value);

/// A claim of that name.
pub fn claim(name: &str) -> Draft {
    Draft(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "annotations": {}},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Mi"}}},
    }))
}

impl Draft {
    /// Of that class.
    pub fn class(self, name: &str) -> Self {
        self.spec("storageClassName", json!(name))
    }

    /// With these access modes.
    pub fn modes(self, modes: &[&str]) -> Self {
        self.spec("accessModes", json!(modes))
    }

    /// Of that size.
    pub fn size(self, size: &str) -> Self {
        self.spec("resources", json!({"requests": {"storage": size}}))
    }

    /// With one more annotation.
    pub fn annotated(mut self, key: &str, value: &str) -> Self {
        self.0["metadata"]["annotations"][key] = json!(value);
        self
    }

    /// Asking to join that claim, in our own spelling.
    pub fn sharing(self, namespace: &str, name: &str) -> Self {
        self.annotated("tombolo.dev/shareFromPVC", &format!("{namespace}/{name}"))
    }

    /// Shared with these namespaces, in our own spelling.
    pub fn shared_to(self, namespaces: &str) -> Self {
        self.annotated("tombolo.dev/shareToNamespace", namespaces)
    }

    /// With that field of the spec.
    pub fn spec(mut self, field: &str, value: Value) -> Self {
        self.0["spec"][field] = value;
        self
    }
}

/// A CrossNamespaceSource of a claim.
pub fn cross_source(name: &str, namespace: &str, claim: &str) -> Value {
    json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "CrossNamespaceSource", "metadata": {"name": name},
        "spec": {"source": {"kind": "PersistentVolumeClaim", "name": claim, "namespace": namespace}},
    })
}

/// A ReferenceGrant of all claims of its namespace to claims of another.
pub fn grant(name: &str, to: &str) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant", "metadata": {"name": name},
        "spec": {"from": [{"group": "", "kind": "PersistentVolumeClaim", "namespace": to}],
                 "to": [{"group": "", "kind": "PersistentVolumeClaim"}]},
    })
}

/// A ReferenceGrant that shares all claims of its namespace with another, read-only.
pub fn share_grant(name: &str, to: &str) -> Value {
    let mut sharing = grant(name, to);
    sharing["spec"]["from"] = json!([{"group": "tombolo.dev", "kind": "VolumeReference", "namespace": to}]);
    sharing
}

/// A reference to a claim, ReadWrite.
pub fn reference(name: &str, namespace: &str, claim: &str) -> Value {
    json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "VolumeReference", "metadata": {"name": name},
        "spec": {"pvcNamespace": namespace, "pvcName": claim},
    })
}

/// The same, ReadOnly.
pub fn read_only_reference(name: &str, namespace: &str, claim: &str) -> Value {
    let mut reference = reference(name, namespace, claim);
    reference["spec"]["access"] = json!("ReadOnly");
    reference
}

/// A reference as people who know Trident write it.
pub fn trident_reference(name: &str, namespace: &str, claim: &str) -> Value {
    json!({
        "apiVersion": "trident.netapp.io/v1", "kind": "TridentVolumeReference", "metadata": {"name": name},
        "spec": {"pvcNamespace": namespace, "pvcName": claim},
    })
}
