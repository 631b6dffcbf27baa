//! Where a claim wants its first bytes from, and whether the API server silently dropped the answer.
//!
//! KEP-1495 (any volume data source) and KEP-3294 (cross namespace). Nothing here decides; see `plan::claim`.

use crate::api::names;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

/// The effective data source of a claim: `dataSourceRef` if set, else `dataSource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSource {
    /// None is asked for.
    None,
    /// Another claim of the same namespace, whose volume is to be copied.
    Claim {
        /// Its name.
        name: String,
    },
    /// A snapshot, a CrossNamespaceSource, or anything of another namespace: ours to serve, but not yet.
    Served {
        /// The kind.
        kind: String,
        /// The name.
        name: String,
    },
    /// A kind that a populator serves (KEP-1495): not our business.
    Populator {
        /// The kind's group.
        group: String,
        /// The kind.
        kind: String,
    },
    /// One was asked for and the API server dropped it.
    Dropped(DropCause),
}

/// Why the API server drops a data source without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropCause {
    /// `dataSourceRef.namespace` while the gate `CrossNamespaceVolumeDataSource` is off.
    GateOff,
    /// `dataSource` holds neither a claim nor a snapshot; Kubernetes takes custom kinds in `dataSourceRef` only.
    CustomKindInDataSource,
}

impl DataSource {
    /// Reads it from a claim. The managed fields must still be there: they are the only trace of a dropped field.
    pub fn of(claim: &PersistentVolumeClaim) -> Self {
        let spec = claim.spec.as_ref();
        let reference = spec.and_then(|s| s.data_source_ref.as_ref());
        let legacy = spec.and_then(|s| s.data_source.as_ref());
        let named = Managed::of(claim);
        if named.namespace && reference.is_none_or(|r| r.namespace.as_deref().is_none_or(str::is_empty)) {
            // Also where `dataSource` re-filled the reference: the source that is left may be the wrong one.
            return Self::Dropped(DropCause::GateOff);
        }
        let group = |group: &Option<String>| group.clone().unwrap_or_default();
        match (reference, legacy) {
            (Some(r), _) => {
                let elsewhere = r
                    .namespace
                    .as_ref()
                    .is_some_and(|n| !n.is_empty() && Some(n) != claim.metadata.namespace.as_ref());
                Self::of_kind(&group(&r.api_group), &r.kind, &r.name, elsewhere)
            }
            (None, Some(d)) => Self::of_kind(&group(&d.api_group), &d.kind, &d.name, false),
            (None, None) if named.reference => Self::Dropped(DropCause::GateOff),
            (None, None) if named.legacy => Self::Dropped(DropCause::CustomKindInDataSource),
            (None, None) => Self::None,
        }
    }

    /// By group and kind together: another group's kind of the same name is a populator's.
    fn of_kind(group: &str, kind: &str, name: &str, elsewhere: bool) -> Self {
        match (group, kind) {
            ("", "PersistentVolumeClaim") if !elsewhere => Self::Claim { name: name.to_owned() },
            ("", "PersistentVolumeClaim")
            | ("snapshot.storage.k8s.io", "VolumeSnapshot")
            | (names::GROUP, "CrossNamespaceSource") => Self::Served {
                kind: kind.to_owned(),
                name: name.to_owned(),
            },
            _ => Self::Populator {
                group: group.to_owned(),
                kind: kind.to_owned(),
            },
        }
    }
}

/// Which of the fields somebody once wrote, as far as the managed fields tell.
#[derive(Default)]
struct Managed {
    legacy: bool,
    reference: bool,
    namespace: bool,
}

impl Managed {
    fn of(claim: &PersistentVolumeClaim) -> Self {
        let mut found = Self::default();
        for entry in claim.metadata.managed_fields.iter().flatten() {
            let Some(spec) = entry.fields_v1.as_ref().and_then(|f| f.0.get("f:spec")) else {
                continue;
            };
            found.legacy |= spec.get("f:dataSource").is_some();
            if let Some(reference) = spec.get("f:dataSourceRef") {
                found.reference = true;
                found.namespace |= reference.get("f:namespace").is_some();
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source(spec: serde_json::Value, managed: serde_json::Value) -> DataSource {
        let claim = json!({
            "metadata": {"name": "c", "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": managed}}]},
            "spec": spec,
        });
        DataSource::of(&serde_json::from_value(claim).unwrap())
    }

    #[test]
    fn the_reference_wins_and_mirrored_fields_are_one() {
        let both = json!({
            "dataSource": {"apiGroup": "tombolo.dev", "kind": "CrossNamespaceSource", "name": "s"},
            "dataSourceRef": {"apiGroup": "tombolo.dev", "kind": "CrossNamespaceSource", "name": "s"},
        });
        assert_eq!(
            source(both, json!({"f:dataSourceRef": {"f:name": {}}})),
            DataSource::Served {
                kind: "CrossNamespaceSource".into(),
                name: "s".into()
            }
        );
    }

    #[test]
    fn a_claim_of_the_same_namespace_is_a_clone_and_one_of_another_is_not() {
        let named = |namespace: serde_json::Value| {
            let source = json!({"kind": "PersistentVolumeClaim", "name": "s", "namespace": namespace});
            let claim = json!({"metadata": {"name": "c", "namespace": "here"}, "spec": {"dataSourceRef": source}});
            DataSource::of(&serde_json::from_value(claim).unwrap())
        };
        let clone = || DataSource::Claim { name: "s".into() };
        for here in [json!(null), json!(""), json!("here")] {
            assert_eq!(named(here), clone());
        }
        let served = DataSource::Served {
            kind: "PersistentVolumeClaim".into(),
            name: "s".into(),
        };
        assert_eq!(named(json!("there")), served);
        let legacy = json!({"dataSource": {"kind": "PersistentVolumeClaim", "name": "s"}});
        assert_eq!(source(legacy, json!({})), clone());
    }

    #[test]
    fn kinds_of_populators_are_not_ours() {
        let spec = json!({"dataSourceRef": {"apiGroup": "example.com", "kind": "Hello", "name": "s"}});
        assert_eq!(
            source(spec, json!({})),
            DataSource::Populator {
                group: "example.com".into(),
                kind: "Hello".into()
            }
        );
    }

    #[test]
    fn a_dropped_source_is_seen_in_the_managed_fields() {
        let gate = json!({"f:dataSourceRef": {"f:kind": {}, "f:namespace": {}}});
        assert_eq!(source(json!({}), gate.clone()), DataSource::Dropped(DropCause::GateOff));
        let refilled = json!({"dataSource": {"kind": "PersistentVolumeClaim", "name": "x"},
                              "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "x"}});
        assert_eq!(source(refilled, gate), DataSource::Dropped(DropCause::GateOff));
        let custom = json!({"f:dataSource": {"f:kind": {}}});
        assert_eq!(
            source(json!({}), custom),
            DataSource::Dropped(DropCause::CustomKindInDataSource)
        );
        assert_eq!(source(json!({}), json!({"f:resources": {}})), DataSource::None);
    }
}
