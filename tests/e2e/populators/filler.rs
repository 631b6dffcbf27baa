//! The story's populator: the steps of lib-volume-populator, each by itself, so that a story can do something in between.

use super::*;

/// The group of the kind that it serves.
pub const GROUP: &str = "hello.example.com";
/// That kind.
pub const KIND: &str = "Hello";
/// What it leaves on volumes that it has given on.
pub const POPULATED: &str = "hello.example.com/populated-from";
/// What keeps a claim while its volume is being filled.
const PROTECTION: &str = "hello.example.com/populate-target-protection";
const SELECTED: &str = "volume.kubernetes.io/selected-node";

/// A populator with a namespace of its own.
pub struct Filler<'w, 'c> {
    w: &'w World<'c>,
    /// Where its helpers are.
    pub namespace: String,
}

impl<'w, 'c> Filler<'w, 'c> {
    /// Registers its kind and makes its namespace.
    pub async fn start(w: &'w World<'c>) -> Self {
        w.register(GROUP, KIND).await;
        let namespace = w.namespace("filler").await;
        Self { w, namespace }
    }

    /// The claim is as its populator has to find it: unbound, of its kind, with a node where its class waits for one. Makes its helper.
    pub async fn help(&self, target: &PersistentVolumeClaim) -> PersistentVolumeClaim {
        let spec = target.spec.as_ref().unwrap();
        assert_eq!(spec.data_source_ref.as_ref().unwrap().kind, KIND, "{:?}", shown(target));
        let node = target.annotations().get(SELECTED);
        let annotations = node.map_or_else(|| json!({}), |node| json!({SELECTED: node}));
        let helper = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": format!("prime-{}", target.uid().unwrap()), "annotations": annotations},
            "spec": {
                "accessModes": spec.access_modes, "resources": spec.resources, "storageClassName": spec.storage_class_name,
                "volumeMode": spec.volume_mode,
            },
        });
        let helper = serde_json::from_value(helper).unwrap();
        let claims = self.w.claims(&self.namespace);
        let helper = claims.create(&PostParams::default(), &helper).await.unwrap();
        let protected = json!({"metadata": {"finalizers": [PROTECTION]}});
        self.patch_target(target, Patch::Strategic(protected)).await;
        helper
    }

    /// Waits until the helper has its volume, and writes into that.
    pub async fn fill(&self, helper: &PersistentVolumeClaim, greeting: &str) -> PersistentVolume {
        let (_, pv) = self.w.bound(&self.namespace, &helper.name_any()).await;
        self.w.write(&pv, "greeting", greeting).await;
        pv
    }

    /// Gives the volume to the claim that it was filled for.
    pub async fn hand_over(&self, target: &PersistentVolumeClaim, pv: &PersistentVolume) {
        let namespace = target.namespace().unwrap();
        let target = self.w.claims(&namespace).get(&target.name_any()).await.unwrap();
        let source = format!(
            "{namespace}/{}",
            target.spec.as_ref().unwrap().data_source_ref.as_ref().unwrap().name
        );
        let patch = json!({
            "metadata": {"annotations": {POPULATED: source}},
            "spec": {"claimRef": {
                "namespace": namespace, "name": target.name_any(), "uid": target.uid(), "resourceVersion": target.resource_version(),
            }},
        });
        let patch = Patch::Strategic(patch);
        self.w
            .pvs()
            .patch(name_of(pv), &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Waits until kube-controller-manager says that the helper has lost its volume.
    pub async fn is_lost(&self, helper: &PersistentVolumeClaim) {
        let name = helper.name_any();
        let claims = self.w.claims(&self.namespace);
        let lost = |claim: &PersistentVolumeClaim| phase(claim) == "Lost";
        self.w.object(&format!("{name} to be lost"), &claims, &name, lost).await;
    }

    /// Deletes the helper and waits until it is gone.
    pub async fn end(&self, helper: &PersistentVolumeClaim) {
        let claims = self.w.claims(&self.namespace);
        self.w.delete(&claims, &helper.name_any()).await;
        self.w.gone(&claims, &helper.name_any()).await;
    }

    /// Takes its finalizer off.
    pub async fn lets_go(&self, target: &PersistentVolumeClaim) {
        let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": [PROTECTION]}});
        self.patch_target(target, Patch::Strategic(patch)).await;
    }

    async fn patch_target(&self, target: &PersistentVolumeClaim, patch: Patch<Value>) {
        let claims = self.w.claims(&target.namespace().unwrap());
        claims
            .patch(&target.name_any(), &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// All of it: a claim is asked for, filled, bound, and nothing of the populator is left.
    pub async fn populate(
        &self,
        namespace: &str,
        draft: Draft,
        greeting: &str,
    ) -> (PersistentVolumeClaim, PersistentVolume) {
        let target = self.w.claim(namespace, draft).await;
        let helper = self.help(&target).await;
        let pv = self.fill(&helper, greeting).await;
        self.hand_over(&target, &pv).await;
        let bound = self.w.bound(namespace, &target.name_any()).await;
        self.is_lost(&helper).await;
        self.end(&helper).await;
        self.lets_go(&target).await;
        bound
    }
}
