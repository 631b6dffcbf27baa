//! What people do with snapshots.

use super::{OWNER, claim, key};
use crate::leader::Leader;
use crate::store::Store;
use crate::world::World;
use k8s_openapi::api::core::v1::{TypedLocalObjectReference, TypedObjectReference};
use serde_json::json;
use tombolo::api::names;
use tombolo::domain::grant::Grant;
use tombolo::domain::ids::{ContentName, Namespace};
use tombolo::domain::snapshot::SnapshotKey;

/// A snapshot of the owner's claim, and those that may be made from it, in its namespace and in another.
pub const SNAPSHOT: &str = "primary/before";
pub const RESTORED: &str = "primary/restored";
pub const ELSEWHERE: &str = "secondary/restored";

pub fn snapshot_key(text: &str) -> SnapshotKey {
    let (namespace, name) = text.split_once('/').unwrap();
    SnapshotKey::new(namespace, name)
}

fn create(store: &mut Store, at: &str, of: &str, class: Option<&str>) {
    let mut spec = json!({"source": {"persistentVolumeClaimName": key(of).name}});
    if let Some(class) = class {
        spec["volumeSnapshotClassName"] = json!(class);
    }
    let _ = store.create_snapshot(&snapshot_key(at), spec);
}

impl World {
    /// Somebody asks for a snapshot of a claim of its namespace.
    pub fn snap(&mut self, at: &str, of: &str, class: &str) {
        create(&mut self.out.cluster.store(), at, of, Some(class));
        self.people_acted();
    }

    /// The same, of the default class.
    pub fn snap_by_default(&mut self, at: &str, of: &str) {
        create(&mut self.out.cluster.store(), at, of, None);
        self.people_acted();
    }

    pub fn delete_snapshot(&mut self, at: &str) {
        let _ = self.out.cluster.store().delete_snapshot(&snapshot_key(at));
        self.people_acted();
    }

    /// An admin deletes what stands behind a snapshot.
    pub fn delete_content(&mut self, name: &str) {
        let _ = self.out.cluster.store().delete_content(&ContentName::new(name));
        self.people_acted();
    }

    /// Somebody makes a claim that is to be made from a snapshot, of its own namespace or another.
    pub fn restore(&mut self, at: &str, from: &str, class: &str) {
        let mut restored = claim(at, class, &[]);
        let (from, own) = (snapshot_key(from), key(at).namespace);
        let spec = restored.spec.get_or_insert_default();
        let (group, kind) = (Some(names::SNAPSHOT_GROUP.to_owned()), "VolumeSnapshot".to_owned());
        if from.namespace == own {
            spec.data_source = Some(TypedLocalObjectReference {
                api_group: group,
                kind,
                name: from.name,
            });
        } else {
            spec.data_source_ref = Some(TypedObjectReference {
                api_group: group,
                kind,
                name: from.name,
                namespace: Some(from.namespace.to_string()),
            });
        }
        drop(self.out.cluster.store().create_claim(restored));
        self.people_acted();
    }

    /// Whoever may write in a namespace gives its snapshots to the claims of another. Everybody knows of it at once.
    pub fn grant(&mut self, of: &str, to: &str) {
        let spec = json!({
            "from": [{"group": "", "kind": "PersistentVolumeClaim", "namespace": to}],
            "to": [{"group": names::SNAPSHOT_GROUP, "kind": "VolumeSnapshot"}],
        });
        let grant = Grant::read(Namespace::new(of), format!("to-{to}"), false, Some(&spec));
        let mut store = self.out.cluster.store();
        store.grants.retain(|known| known.name != grant.name);
        store.grants.push(grant);
        drop(store);
        self.leaders.iter().for_each(Leader::hear_of_grants);
        self.people_acted();
    }

    /// An owner's volume, and a snapshot of it that is ready.
    pub fn taken(&mut self, class: &str) {
        self.owned("gold");
        self.snap(SNAPSHOT, OWNER, class);
        self.settle();
    }
}
