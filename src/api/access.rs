//! What the controller may do in the cluster: one table, from which the RBAC manifests of `deploy/kustomize` are made.
//!
//! A request that the controller sends and that no row allows fails in every installation; a row that no request needs is power
//! for whoever gets hold of its token. `tests/repo` keeps the files equal to the table, `tests/e2e` asks a real API server. What
//! people may do is no business of this table: see `deploy/kustomize/base/roles-for-people.yaml`.

use super::names;
use std::fmt;
use strum::IntoEnumIterator;

/// One thing that the controller does with one kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// The role that grants it.
    pub role: Role,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Resource, with its subresource after a slash.
    pub resource: &'static str,
    /// Name of the only object it is about; `None` for all.
    pub object: Option<&'static str>,
    /// Verbs of the API.
    pub verbs: &'static [&'static str],
    /// What the controller does with it.
    pub why: &'static str,
}

/// The roles of the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumIter)]
pub enum Role {
    /// What it does in the whole cluster.
    Controller,
    /// What it does in its own namespace.
    Election,
    /// What it does in the whole cluster if it honours the compatible reference kind; installed with that option only.
    TridentReferences,
    /// What it does in the whole cluster if a backend on another machine keeps everybody but nodes away; installed with the component
    /// `remote` only.
    Nodes,
    /// What it does in its own namespace if a backend is on another machine; installed with the component `remote` only.
    Secrets,
}

const READ: &[&str] = &["get", "list", "watch"];
const CORE: &str = "";
const DEFINITIONS: &str = "apiextensions.k8s.io";

/// Everything the controller asks of the API server.
pub const ACCESS: &[Permission] = &[
    cluster(
        CORE,
        "persistentvolumeclaims",
        READ,
        "Claims ask for volumes; a join and a delete read them live.",
    ),
    cluster(
        CORE,
        "persistentvolumeclaims",
        &["patch"],
        "The finalizer of `onOwnerDelete: Hold`; those that keep it while a snapshot is taken, and while it is copied; a node that was chosen for a pod and has none of the class's storage. Nothing else.",
    ),
    cluster(
        CORE,
        "persistentvolumeclaims/status",
        &["patch"],
        "How far the growth of a bound claim is, and its new capacity.",
    ),
    cluster(
        CORE,
        "persistentvolumes",
        READ,
        "Volumes and members are PersistentVolumes; whether any member is left is a live list.",
    ),
    cluster(
        CORE,
        "persistentvolumes",
        &["create", "patch", "delete"],
        "Made for claims, marked while a join is under way, mended, deleted with preconditions.",
    ),
    cluster(
        CORE,
        "namespaces",
        READ,
        "Selectors of consent match their labels, and one that is going away withdraws nothing.",
    ),
    cluster(
        "storage.k8s.io",
        "storageclasses",
        &["list", "watch"],
        "A claim is ours if its class names our provisioner.",
    ),
    cluster(
        "events.k8s.io",
        "events",
        &["get", "create", "patch"],
        "Every claim that is not bound says why; a repeated event is read, and counted by a patch.",
    ),
    cluster(names::GROUP, "storagebackends", READ, "Where volumes are made."),
    cluster(
        names::GROUP,
        "storagebackends",
        &["patch"],
        "The finalizer that holds a backend while it has volumes or trash.",
    ),
    cluster(
        names::GROUP,
        "storagebackends/status",
        &["patch"],
        "The id of its root, conditions, and how full it is.",
    ),
    cluster(
        names::GROUP,
        "volumereferences",
        READ,
        "The consumer's half of consent.",
    ),
    cluster(
        names::GROUP,
        "volumereferences/status",
        &["patch"],
        "Whether a reference has an effect.",
    ),
    cluster(
        names::GROUP,
        "crossnamespacesources",
        READ,
        "Data sources in other namespaces that claims name.",
    ),
    cluster(
        names::GROUP,
        "crossnamespacesources/status",
        &["patch"],
        "Whether a copy would be granted.",
    ),
    cluster(
        names::GRANT_GROUP,
        "referencegrants",
        &["list", "watch"],
        "The source's half of consent to a copy across namespaces.",
    ),
    cluster(
        names::POPULATOR_GROUP,
        "volumepopulators",
        &["list", "watch"],
        "Which kinds of data sources somebody serves.",
    ),
    cluster(
        names::POPULATOR_GROUP,
        "volumepopulators",
        &["create"],
        "That CrossNamespaceSource is served: made once, where its definition is installed and nobody has.",
    ),
    cluster(
        names::SNAPSHOT_GROUP,
        "volumesnapshots",
        READ,
        "What claims are restored from, and what contents are made for.",
    ),
    cluster(
        names::SNAPSHOT_GROUP,
        "volumesnapshots",
        &["patch"],
        "The default class, for a volume for which the snapshot-controller chooses none; the finalizer that keeps it while it is restored. Nothing else.",
    ),
    cluster(
        names::SNAPSHOT_GROUP,
        "volumesnapshotcontents",
        READ,
        "What stands behind a snapshot; a restore and a deletion read it live.",
    ),
    cluster(
        names::SNAPSHOT_GROUP,
        "volumesnapshotcontents",
        &["create", "patch"],
        "Made for volumes that nodes mount by themselves; marked while it is taken or read; let go.",
    ),
    cluster(
        names::SNAPSHOT_GROUP,
        "volumesnapshotcontents/status",
        &["patch"],
        "Whether it can be restored from.",
    ),
    cluster(
        names::SNAPSHOT_GROUP,
        "volumesnapshotclasses",
        &["list", "watch"],
        "Whose snapshots are ours, and what deleting one does with the data.",
    ),
    cluster(
        names::GROUP,
        "sharedvolumes",
        &["get", "list", "create", "delete"],
        "Exists while a volume is shared, for admins to see.",
    ),
    cluster(
        names::GROUP,
        "sharedvolumes/status",
        &["patch"],
        "Who uses it, and what is wrong.",
    ),
    Permission {
        object: Some("volumereferences.tombolo.dev"),
        ..cluster(
            DEFINITIONS,
            "customresourcedefinitions",
            &["get"],
            "References that vanish with their definition are no withdrawal.",
        )
    },
    Permission {
        object: Some(names::REFERENCE_GRANTS),
        ..cluster(
            DEFINITIONS,
            "customresourcedefinitions",
            &["get"],
            "Grants that vanish with their definition are no withdrawal.",
        )
    },
    Permission {
        role: Role::Election,
        object: Some(names::LEASE),
        ..cluster(
            "coordination.k8s.io",
            "leases",
            &["get", "update"],
            "One controller acts at a time.",
        )
    },
    Permission {
        role: Role::Election,
        ..cluster(
            "coordination.k8s.io",
            "leases",
            &["create"],
            "Without a name, since RBAC cannot know the name of what does not exist yet.",
        )
    },
    trident(
        names::TRIDENT_GROUP,
        "tridentvolumereferences",
        READ,
        "The consumer's half of consent, in the compatible spelling.",
    ),
    trident(
        names::TRIDENT_GROUP,
        "tridentvolumereferences/status",
        &["patch"],
        "Whether a reference has an effect, where the definition has a status.",
    ),
    Permission {
        role: Role::Nodes,
        ..cluster(
            CORE,
            "nodes",
            &["list", "watch"],
            "Their addresses, for servers that let only nodes in.",
        )
    },
    Permission {
        role: Role::Secrets,
        ..cluster(
            CORE,
            "secrets",
            &["get"],
            "What is shown to backends on other machines; the Secret that a StorageBackend names.",
        )
    },
    Permission {
        object: Some("tridentvolumereferences.trident.netapp.io"),
        ..trident(
            DEFINITIONS,
            "customresourcedefinitions",
            &["get"],
            "References that vanish with their definition are no withdrawal; and whether it has a status.",
        )
    },
];

const fn cluster(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    why: &'static str,
) -> Permission {
    Permission {
        role: Role::Controller,
        group,
        resource,
        object: None,
        verbs,
        why,
    }
}

const fn trident(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    why: &'static str,
) -> Permission {
    Permission {
        role: Role::TridentReferences,
        ..cluster(group, resource, verbs, why)
    }
}

/// Path below `deploy/kustomize` and text of every file that is made from [`ACCESS`].
pub fn rbac_manifests() -> Vec<(&'static str, String)> {
    let mut files: Vec<(&'static str, String)> = vec![];
    for role in Role::iter() {
        match files.iter_mut().find(|(file, _)| *file == role.file()) {
            Some((_, text)) => *text += &format!("---\n{role}"),
            None => files.push((
                role.file(),
                format!(
                    "# Made from src/api/access.rs by `UPDATE=1 cargo test --test repo`; edit that instead.\n{role}"
                ),
            )),
        }
    }
    files
}

impl Role {
    fn file(self) -> &'static str {
        match self {
            Self::Controller | Self::Election => "base/rbac.yaml",
            Self::TridentReferences => "components/trident/rbac.yaml",
            Self::Nodes | Self::Secrets => "components/remote/rbac.yaml",
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::Controller => "kind: ClusterRole\nmetadata:\n  name: tombolo-controller\n",
            Self::Election => "kind: Role\nmetadata:\n  name: tombolo-controller\n  namespace: tombolo-system\n",
            Self::TridentReferences => "kind: ClusterRole\nmetadata:\n  name: tombolo-controller-trident-references\n",
            Self::Nodes => "kind: ClusterRole\nmetadata:\n  name: tombolo-controller-nodes\n",
            Self::Secrets => "kind: Role\nmetadata:\n  name: tombolo-controller-secrets\n  namespace: tombolo-system\n",
        }
    }
}

/// The role as YAML, its rules in the order of the table, each below its reason.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "apiVersion: rbac.authorization.k8s.io/v1\n{}rules:\n", self.head())?;
        for permission in ACCESS.iter().filter(|permission| permission.role == *self) {
            writeln!(f, "  # {}", permission.why)?;
            writeln!(f, "  - apiGroups: [{:?}]", permission.group)?;
            writeln!(f, "    resources: [{:?}]", permission.resource)?;
            if let Some(object) = permission.object {
                writeln!(f, "    resourceNames: [{object:?}]")?;
            }
            writeln!(f, "    verbs: {:?}", permission.verbs)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        cross_namespace_source, shared_volume, storage_backend, trident_volume_reference, volume_reference,
    };
    use super::*;
    use cross_namespace_source::CrossNamespaceSource;
    use k8s_openapi::api::rbac::v1::PolicyRule;
    use kube::{CustomResourceExt, Resource};
    use serde_json::Value;
    use shared_volume::SharedVolume;
    use std::collections::BTreeSet;
    use storage_backend::StorageBackend;
    use trident_volume_reference::TridentVolumeReference;
    use volume_reference::VolumeReference;

    #[test]
    fn a_role_grants_what_its_rows_say() {
        for role in Role::iter() {
            let manifest: Value = serde_saphyr::from_str(&role.to_string()).unwrap();
            let rules: Vec<PolicyRule> = serde_json::from_value(manifest["rules"].clone()).unwrap();
            let rows = ACCESS.iter().filter(|p| p.role == role);
            let expected: Vec<_> = rows
                .map(|p| PolicyRule {
                    api_groups: Some(vec![p.group.into()]),
                    resources: Some(vec![p.resource.into()]),
                    resource_names: p.object.map(|o| vec![o.into()]),
                    verbs: p.verbs.iter().map(|v| (*v).into()).collect(),
                    non_resource_urls: None,
                })
                .collect();
            assert_eq!(rules, expected, "{role}");
        }
    }

    #[test]
    fn nothing_is_granted_twice_or_wholesale() {
        let mut seen = BTreeSet::new();
        for p in ACCESS {
            assert!(![p.group, p.resource].contains(&"*") && !p.verbs.is_empty(), "{p:?}");
            for verb in p.verbs {
                assert!(*verb != "*", "{p:?}");
                assert!(seen.insert((p.group, p.resource, p.object, verb)), "{p:?}: {verb}");
            }
        }
    }

    #[test]
    fn kinds_and_definitions_are_called_what_they_are() {
        let kinds = [
            StorageBackend::plural(&()),
            VolumeReference::plural(&()),
            SharedVolume::plural(&()),
            CrossNamespaceSource::plural(&()),
            TridentVolumeReference::plural(&()),
        ];
        let definitions = [VolumeReference::crd_name(), TridentVolumeReference::crd_name()];
        let definitions = definitions
            .into_iter()
            .chain([names::REFERENCE_GRANTS])
            .collect::<Vec<_>>();
        for p in ACCESS {
            let plural = p.resource.split('/').next().unwrap();
            if [names::GROUP, names::TRIDENT_GROUP].contains(&p.group) {
                assert!(kinds.iter().any(|kind| kind == plural), "{p:?}");
            }
            if p.group == DEFINITIONS {
                assert!(definitions.contains(&p.object.unwrap()), "{p:?}");
            }
        }
    }

    #[test]
    fn the_compatible_group_comes_with_its_option_only() {
        for p in ACCESS {
            let foreign =
                p.group == names::TRIDENT_GROUP || p.object.is_some_and(|o| o.ends_with(names::TRIDENT_GROUP));
            assert_eq!(foreign, p.role == Role::TridentReferences, "{p:?}");
        }
    }
}
