//! What a populator does, and those whom it serves.

use super::{HELPER, OWNER, claim, key};
use crate::world::World;
use k8s_openapi::api::core::v1::TypedLocalObjectReference;
use tombolo::api::names;

impl World {
    /// An owner makes a claim for a populator to fill, that everybody may join.
    pub fn wanted(&mut self, at: &str, class: &str) {
        let mut wanted = claim(at, class, &[(names::claim::SHARE_TO, "*")]);
        let named = TypedLocalObjectReference {
            api_group: Some("hello.example.com".to_owned()),
            kind: "Hello".to_owned(),
            name: "greeting".to_owned(),
        };
        wanted.spec.get_or_insert_default().data_source = Some(named);
        drop(self.out.cluster.store().create_claim(wanted));
        self.people_acted();
    }

    /// The populator makes its helper, an ordinary claim.
    pub fn helper(&mut self, at: &str, class: &str) {
        drop(self.out.cluster.store().create_claim(claim(at, class, &[])));
        self.people_acted();
    }

    /// A claim waits for a populator, whose helper has its volume.
    pub fn filled(&mut self, class: &str) {
        self.wanted(OWNER, class);
        self.helper(HELPER, class);
        self.settle();
    }

    /// The populator writes the claim that it has filled a volume for into its claimRef.
    pub fn hand_over(&mut self, name: &str, to: &str) {
        let key = key(to);
        let found = self.out.cluster.store().claim(&key);
        let Some(claim) = found else { return };
        self.edit_pv(name, |pv| {
            let reference = pv.spec.get_or_insert_default().claim_ref.get_or_insert_default();
            reference.namespace = Some(key.namespace.to_string());
            reference.name = Some(key.name.clone());
            reference.uid = Some(claim.uid.to_string());
            let annotations = pv.metadata.annotations.get_or_insert_default();
            annotations.insert("hello.example.com/populated-from".to_owned(), format!("{to}/greeting"));
        });
    }
}
