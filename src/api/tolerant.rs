//! Reading stored objects without ever failing: one field that does not have its type must not end the watch of all.
//!
//! The API server checks objects against our schemas, but it stores what it was given before a schema was changed, and another
//! project's definition of a kind may be installed in place of ours. A field that cannot be read counts as absent; where being
//! absent would grant more, the field says what it counts as instead.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The value, or its default if it is not what it should be.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// A field of an object that may be no object at all.
pub(super) fn text(object: Option<&Value>, field: &str) -> String {
    let value = object.and_then(|o| o.get(field)).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use crate::api::shared_volume::SharedVolume;
    use crate::api::storage_backend::{StorageBackend, StorageBackendSpec};
    use crate::api::trident_volume_reference::TridentVolumeReference;
    use crate::api::volume_reference::VolumeReference;
    use crate::domain::access::Access;
    use serde_json::{Value, json};

    /// Objects that no schema of ours admits, and that are read all the same.
    fn odd() -> Vec<Value> {
        vec![
            json!({ "spec": {} }),
            json!({ "spec": { "nfs": 1, "local": [], "gidRange": {}, "trashRetention": 5, "limits": "all" } }),
            json!({ "spec": { "nfs": { "server": "x" }, "pvcName": 1, "pvcNamespace": null, "access": "Everything" } }),
            json!({ "spec": { "volumeID": [], "backend": {} } }),
            json!({ "spec": {}, "status": { "phase": "Odd", "owner": 1, "members": [{}], "memberCount": "1" } }),
            json!({ "spec": {}, "status": { "conditions": [{ "type": "Ready" }], "volumes": -0.5 } }),
        ]
    }

    #[test]
    fn no_stored_object_is_unreadable() {
        for mut object in odd() {
            object["metadata"] = json!({ "name": "odd" });
            serde_json::from_value::<StorageBackend>(object.clone()).unwrap();
            serde_json::from_value::<SharedVolume>(object.clone()).unwrap();
            serde_json::from_value::<VolumeReference>(object).unwrap();
        }
        let without_schema = [
            json!({}),
            json!({ "spec": null }),
            json!({ "spec": "x" }),
            json!({ "spec": [1] }),
        ];
        for mut object in odd().into_iter().chain(without_schema) {
            object["metadata"] = json!({ "name": "odd" });
            let read: TridentVolumeReference = serde_json::from_value(object).unwrap();
            assert_eq!(
                (read.spec.pvc_namespace.as_str(), read.spec.pvc_name.as_str()),
                ("", "")
            );
        }
    }

    #[test]
    fn what_cannot_be_read_never_grants_more() {
        let spec = json!({ "pvcNamespace": "a", "pvcName": "b", "access": "readwrite" });
        let reference: VolumeReference = serde_json::from_value(json!({ "metadata": {}, "spec": spec })).unwrap();
        assert_eq!(reference.spec.access, Access::ReadOnly);
        let spec: StorageBackendSpec = serde_json::from_value(json!({ "limits": { "volumes": "many" } })).unwrap();
        assert_eq!(spec.limits.unwrap().volumes, Some(0));
    }
}
