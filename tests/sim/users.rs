//! What people do to the cluster.

use crate::cluster::take_finalizer;
use crate::leader::Leader;
use crate::store::Expect;
use crate::world::{World, class};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, TypedLocalObjectReference};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::json;
use tombolo::api::names;
use tombolo::domain::access::Access;
use tombolo::domain::claim::{Claim, ClaimPhase};
use tombolo::domain::hold::Hold;
use tombolo::domain::ids::{ClaimKey, Namespace, PvName};
use tombolo::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use tombolo::observe::index::NamespaceView;

mod populating;
mod snapshots;

pub use snapshots::{ELSEWHERE, RESTORED, SNAPSHOT};

/// An owner's claim, those that may join it, and one that may begin as a copy of it.
pub const OWNER: &str = "primary/data";
pub const MEMBER: &str = "secondary/data";
pub const OTHER: &str = "third/data";
pub const COPY: &str = "primary/copy";
/// The helper claim of a populator.
pub const HELPER: &str = "third/prime";

pub fn key(text: &str) -> ClaimKey {
    let (namespace, name) = text.split_once('/').unwrap();
    ClaimKey::new(namespace, name)
}

fn claim(at: &str, class: &str, annotations: &[(&str, &str)]) -> PersistentVolumeClaim {
    let key = key(at);
    let annotations: serde_json::Map<_, _> = annotations
        .iter()
        .map(|(k, v)| (format!("{}{k}", names::PREFIX), json!(v)))
        .collect();
    let object = json!({
        "metadata": {"namespace": key.namespace.as_str(), "name": key.name, "annotations": annotations},
        "spec": {"storageClassName": class, "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Pending"},
    });
    serde_json::from_value(object).unwrap()
}

impl World {
    /// An owner makes a claim that everybody may join.
    pub fn own(&mut self, at: &str, class: &str) {
        let made = self
            .out
            .cluster
            .store()
            .create_claim(claim(at, class, &[(names::claim::SHARE_TO, "*")]));
        drop(made);
        self.people_acted();
    }

    /// The same, and whoever loses consent is to lose access too.
    pub fn own_strictly(&mut self, at: &str, class: &str) {
        let annotations = [(names::claim::SHARE_TO, "*"), (names::claim::ON_REVOKE, "Cut")];
        let made = self.out.cluster.store().create_claim(claim(at, class, &annotations));
        drop(made);
        self.people_acted();
    }

    /// A consumer makes a claim that asks for another's volume.
    pub fn ask(&mut self, at: &str, source: &str, class: &str) {
        let made = self
            .out
            .cluster
            .store()
            .create_claim(claim(at, class, &[(names::claim::SHARE_FROM, source)]));
        drop(made);
        self.people_acted();
    }

    /// Somebody makes a claim that is to begin as a copy of another one of its namespace.
    pub fn copy(&mut self, at: &str, source: &str, class: &str) {
        let mut copy = claim(at, class, &[]);
        let named = TypedLocalObjectReference {
            api_group: None,
            kind: "PersistentVolumeClaim".to_owned(),
            name: key(source).name,
        };
        copy.spec.get_or_insert_default().data_source = Some(named);
        let made = self.out.cluster.store().create_claim(copy);
        drop(made);
        self.people_acted();
    }

    /// An admin puts a reference into a namespace.
    pub fn refer(&mut self, namespace: &str, source: &str) {
        let source = key(source);
        let at = ReferenceKey {
            kind: ReferenceKind::Volume,
            namespace: Namespace::new(namespace),
            name: source.name.clone(),
        };
        let reference = Reference::new(
            at.clone(),
            false,
            Some(source.namespace.as_str()),
            Some(&source.name),
            Access::ReadWrite,
        );
        self.out.cluster.store().put_reference(at, Some(reference));
        self.people_acted();
    }

    /// An admin takes a reference away.
    pub fn unrefer(&mut self, namespace: &str, name: &str) {
        let at = ReferenceKey {
            kind: ReferenceKind::Volume,
            namespace: Namespace::new(namespace),
            name: name.to_owned(),
        };
        self.out.cluster.store().put_reference(at, None);
        self.people_acted();
    }

    /// An owner changes who may join.
    pub fn share_to(&mut self, at: &str, list: &str) {
        let annotation = format!("{}{}", names::PREFIX, names::claim::SHARE_TO);
        self.edit_claim(at, |c| {
            drop(
                c.metadata
                    .annotations
                    .get_or_insert_default()
                    .insert(annotation, list.to_owned()),
            )
        });
    }

    /// An admin deletes a class and makes it again with another way of mounting. Everybody knows of it at once: that somebody may still
    /// act by what it was is what `midway` is for.
    pub fn make_class_again(&mut self, name: &str, mount: &str) {
        let (name, class) = class(name, "Delete", &[("mount", mount)]);
        drop(self.out.cluster.store().classes.insert(name, class));
        self.leaders.iter().for_each(Leader::hear_of_classes);
        self.people_acted();
    }

    /// An owner asks for another size, as far as the API server takes it: nothing that is not bound, and no less than it has.
    pub fn resize(&mut self, at: &str, gibibytes: u64) {
        self.edit_claim(at, |c| {
            let Some(seen) = Claim::of(c) else { return };
            let bytes = gibibytes << 30;
            let lowered = seen.request > Some(bytes);
            if seen.phase != ClaimPhase::Bound || (lowered && seen.growth.capacity >= Some(bytes)) {
                return;
            }
            let resources = c.spec.get_or_insert_default().resources.get_or_insert_default();
            let requests = resources.requests.get_or_insert_default();
            requests.insert("storage".to_owned(), Quantity(format!("{gibibytes}Gi")));
        });
    }

    pub fn delete(&mut self, at: &str) {
        let _ = self.out.cluster.store().delete_claim(&key(at));
        self.people_acted();
    }

    pub fn delete_pv(&mut self, name: &str) {
        let _ = self
            .out
            .cluster
            .store()
            .delete_pv(&PvName::new(name), Expect::default());
        self.people_acted();
    }

    pub fn delete_namespace(&mut self, name: &str) {
        let going = NamespaceView {
            terminating: true,
            ..NamespaceView::default()
        };
        self.out
            .cluster
            .store()
            .put_namespace(Namespace::new(name), Some(going));
        self.people_acted();
    }

    /// A namespace that has gone is made again.
    pub fn remake_namespace(&mut self, name: &str) {
        let name = Namespace::new(name);
        let mut store = self.out.cluster.store();
        if !store.namespaces.contains_key(&name) {
            store.put_namespace(name, Some(NamespaceView::default()));
        }
    }

    pub fn edit_claim(&mut self, at: &str, edit: impl FnOnce(&mut PersistentVolumeClaim)) {
        let _ = self.out.cluster.store().edit_claim(&key(at), Expect::default(), edit);
        self.people_acted();
    }

    pub fn edit_pv(&mut self, name: &str, edit: impl FnOnce(&mut PersistentVolume)) {
        let _ = self
            .out
            .cluster
            .store()
            .edit_pv(&PvName::new(name), Expect::default(), edit);
        self.people_acted();
    }

    /// `kubectl delete` and every finalizer off: what nobody should do and somebody does.
    pub fn force_remove_pv(&mut self, name: &str) {
        self.history.force_removed(&PvName::new(name));
        self.delete_pv(name);
        self.edit_pv(name, |pv| pv.metadata.finalizers = None);
    }

    /// The finalizer off: until it is put back, or at once if it is being deleted, the object can go like one removed by force.
    pub fn strip_protection(&mut self, name: &str) {
        self.history.force_removed(&PvName::new(name));
        self.edit_pv(name, |pv| take_finalizer(&mut pv.metadata, names::FINALIZER_VOLUME));
    }

    pub fn strip_label(&mut self, name: &str, label: &str) {
        self.edit_pv(name, |pv| {
            drop(pv.metadata.labels.get_or_insert_default().remove(label))
        });
    }

    pub fn strip_hold(&mut self, at: &str) {
        self.edit_claim(at, |c| {
            Hold::ALL
                .iter()
                .for_each(|hold| take_finalizer(&mut c.metadata, hold.finalizer()))
        });
    }

    pub fn set_policy(&mut self, name: &str, policy: &str) {
        self.edit_pv(name, |pv| {
            pv.spec.get_or_insert_default().persistent_volume_reclaim_policy = Some(policy.to_owned())
        });
    }

    pub fn clear_claim_ref(&mut self, name: &str) {
        self.history.freed(&PvName::new(name));
        self.edit_pv(name, |pv| pv.spec.get_or_insert_default().claim_ref = None);
    }

    /// What people did is seen by the history too, for consent counts from the moment it is given.
    fn people_acted(&mut self) {
        self.history.consent(&self.out);
        self.history.look(&self.out);
    }
}

impl World {
    /// An owner with a volume.
    pub fn owned(&mut self, class: &str) {
        self.own(OWNER, class);
        self.settle();
    }

    /// A member asks, by consent.
    pub fn asked(&mut self, at: &str, class: &str) {
        self.refer(at.split_once('/').unwrap().0, OWNER);
        self.ask(at, OWNER, class);
    }

    /// An owner (c1) and one member (c2).
    pub fn shared(&mut self, class: &str) {
        self.owned(class);
        self.asked(MEMBER, class);
        self.settle();
    }

    /// The same, under an owner who wants access cut when consent ends.
    pub fn shared_strictly(&mut self) {
        self.own_strictly(OWNER, "gold");
        self.settle();
        self.asked(MEMBER, "gold");
        self.settle();
    }

    /// An owner (c1) and two members (c2, c3).
    pub fn shared_by_two(&mut self, class: &str) {
        self.shared(class);
        self.asked(OTHER, class);
        self.settle();
    }
}
