//! Every key and name on the wire, once: the group, annotations, labels, finalizers, the field manager.
//!
//! Nothing else in the repository spells these strings (`tests/repo` looks). Parsing their values is `domain`'s business.

/// API group of our kinds, `provisioner` of our classes, `driver` of our snapshots and CSI volumes.
pub const GROUP: &str = "tombolo.dev";
/// Version of our kinds.
pub const VERSION: &str = "v1alpha1";
/// Name by which StorageClasses and PersistentVolumes refer to us.
pub const PROVISIONER: &str = GROUP;
/// Field manager of all our writes.
pub const FIELD_MANAGER: &str = "tombolo";
/// Prefix of our annotations.
pub const PREFIX: &str = "tombolo.dev/";
/// Prefix of the compatible spellings.
pub const TRIDENT_PREFIX: &str = "trident.netapp.io/";
/// API group of the compatible reference kind.
pub const TRIDENT_GROUP: &str = "trident.netapp.io";
/// Version of the compatible reference kind.
pub const TRIDENT_VERSION: &str = "v1";
/// Name of the definition of our reference kind.
pub const VOLUME_REFERENCES: &str = "volumereferences.tombolo.dev";
/// Name of the definition of the compatible reference kind.
pub const TRIDENT_VOLUME_REFERENCES: &str = "tridentvolumereferences.trident.netapp.io";
/// Our kind that names a data source in another namespace.
pub const CROSS_NAMESPACE_SOURCE: &str = "CrossNamespaceSource";
/// API group of snapshots (kubernetes-csi).
pub const SNAPSHOT_GROUP: &str = "snapshot.storage.k8s.io";
/// Version of their kinds.
pub const SNAPSHOT_VERSION: &str = "v1";
/// API group of VolumePopulators (kubernetes-csi/volume-data-source-validator).
pub const POPULATOR_GROUP: &str = "populator.storage.k8s.io";
/// Version of them.
pub const POPULATOR_VERSION: &str = "v1beta1";
/// Name of the VolumePopulator by which CrossNamespaceSource is known.
pub const POPULATOR_OF_SOURCES: &str = "crossnamespacesources.tombolo.dev";
/// API group of ReferenceGrants (Gateway API).
pub const GRANT_GROUP: &str = "gateway.networking.k8s.io";
/// Name of the definition of ReferenceGrants.
pub const REFERENCE_GRANTS: &str = "referencegrants.gateway.networking.k8s.io";
/// Name of the Lease that elects the leader.
pub const LEASE: &str = "tombolo-controller";

/// Keys of annotations that people write on claims, without their prefix.
pub mod claim {
    /// Owner: namespaces that may join, read-write.
    pub const SHARE_TO: &str = "shareToNamespace";
    /// Owner: namespaces that may join, read-only.
    pub const SHARE_READ_ONLY_TO: &str = "shareReadOnlyToNamespace";
    /// Owner: a label selector of namespaces that may join, read-write.
    pub const SHARE_TO_SELECTOR: &str = "shareToNamespaceSelector";
    /// Owner: namespaces that may copy.
    pub const CLONE_TO: &str = "cloneToNamespace";
    /// Owner: what becomes of members when consent ends.
    pub const ON_REVOKE: &str = "onRevoke";
    /// Consumer: the claim whose volume is asked for, `<namespace>/<name>`.
    pub const SHARE_FROM: &str = "shareFromPVC";
    /// Consumer, compatible spelling only: the namespace of a clone's source.
    pub const CLONE_FROM_NAMESPACE: &str = "cloneFromNamespace";
    /// Consumer, compatible spelling only: the claim that is a clone's source.
    pub const CLONE_FROM_PVC: &str = "cloneFromPVC";
    /// Consumer, compatible spelling only: the snapshot that is a clone's source.
    pub const CLONE_FROM_SNAPSHOT: &str = "cloneFromSnapshot";

    /// Keys known under our prefix.
    pub const OURS: [&str; 6] = [
        SHARE_TO,
        SHARE_READ_ONLY_TO,
        SHARE_TO_SELECTOR,
        CLONE_TO,
        ON_REVOKE,
        SHARE_FROM,
    ];
    /// Keys known under the compatible prefix.
    pub const TRIDENT: [&str; 6] = [
        SHARE_TO,
        SHARE_FROM,
        CLONE_TO,
        CLONE_FROM_NAMESPACE,
        CLONE_FROM_PVC,
        CLONE_FROM_SNAPSHOT,
    ];

    /// Those by which an owner says with whom a volume is shared.
    pub const SHARES: [&str; 3] = [SHARE_TO, SHARE_READ_ONLY_TO, SHARE_TO_SELECTOR];
}

/// Finalizer on every PersistentVolume of ours: the data behind it is accounted for.
pub const FINALIZER_VOLUME: &str = "tombolo.dev/volume-protection";
/// Prefix of the finalizer and annotation that a join in progress puts on the owner's PersistentVolume.
pub const TOKEN_JOINING: &str = "tombolo.dev/joining-";
/// Prefix of the finalizer and annotation that a copy in progress puts on its source's PersistentVolume.
pub const TOKEN_COPYING: &str = "tombolo.dev/copying-";
/// Finalizer on an owner's claim whose class says `onOwnerDelete: Hold`, while members exist. A courtesy: tenants can strip it.
pub const FINALIZER_HOLD: &str = "tombolo.dev/hold";
/// Finalizer on a claim or VolumeSnapshot while a copy reads what it stands for. A courtesy, as above.
pub const FINALIZER_SOURCE: &str = "tombolo.dev/source-in-use";
/// Finalizer on a StorageBackend with volumes or trash.
pub const FINALIZER_BACKEND: &str = "tombolo.dev/in-use";

/// Label of a PersistentVolume: the volume's id.
pub const LABEL_VOLUME: &str = "tombolo.dev/volume";
/// Label of a PersistentVolume: `owner` or `member`.
pub const LABEL_ROLE: &str = "tombolo.dev/role";
/// Label of a PersistentVolume: the StorageBackend's name.
pub const LABEL_BACKEND: &str = "tombolo.dev/backend";

/// Annotation of a PersistentVolume: backend id and path.
pub const ANNOTATION_HANDLE: &str = "tombolo.dev/handle";
/// Annotation of a PersistentVolume: what deleting does with the data.
pub const ANNOTATION_ON_DELETE: &str = "tombolo.dev/onDelete";
/// Annotation of a PersistentVolume: whether the owner's claim waits for its members.
pub const ANNOTATION_ON_OWNER_DELETE: &str = "tombolo.dev/onOwnerDelete";
/// Annotation of a PersistentVolume: `ReadWrite` or `ReadOnly`.
pub const ANNOTATION_ACCESS: &str = "tombolo.dev/access";
/// Annotation of a member's PersistentVolume: the reference and grant by which it joined.
pub const ANNOTATION_VIA: &str = "tombolo.dev/via";
/// Annotation of a member's PersistentVolume: UID of the owner's claim at the join.
pub const ANNOTATION_SOURCE_UID: &str = "tombolo.dev/sourceUID";
/// Annotation of a member's PersistentVolume: the owner's `onRevoke` at the join.
pub const ANNOTATION_ON_REVOKE: &str = "tombolo.dev/onRevoke";
/// Annotation of a PersistentVolume: the namespace whose way to the data it mounts, which a reclaim does not change.
pub const ANNOTATION_TENANT: &str = "tombolo.dev/tenant";
/// Annotation of a member's PersistentVolume whose access was taken away: since when, what is left, and on whose word.
pub const ANNOTATION_CUT: &str = "tombolo.dev/cut";
/// Annotation of an owner's PersistentVolume after a reclaim: UID of the claim that owns it now.
pub const ANNOTATION_OWNER_UID: &str = "tombolo.dev/ownerUID";
/// Annotation of an owner's PersistentVolume that grows: bytes that its backend may have been told of.
pub const ANNOTATION_PROMISED: &str = "tombolo.dev/promised";
/// Annotation of a StorageBackend: the id of a mass revocation that an admin confirms.
pub const ANNOTATION_CONFIRM_REVOCATION: &str = "tombolo.dev/confirmRevocation";
/// Annotation of a StorageBackend: snapshots that an admin gives to a namespace in which they were not taken, each as
/// `<namespace>/<snapshot id>`.
pub const ANNOTATION_IMPORT_SNAPSHOTS: &str = "tombolo.dev/importSnapshots";

/// Annotation of a VolumeSnapshotContent: the handle under which taking it has begun; whatever came of that, something may lie there until
/// its status says so, or it is gone.
pub const ANNOTATION_TAKING: &str = "tombolo.dev/taking";
/// Annotation of a VolumeSnapshotContent: taking it has begun, and its outcome is not known (external-snapshotter, as all below).
pub const ANNOTATION_BEING_CREATED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";
/// Annotation of a VolumeSnapshotContent: its VolumeSnapshot is being deleted.
pub const ANNOTATION_BEING_DELETED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
/// Annotation of a VolumeSnapshotContent: volumes of the other mode may be made of it.
pub const ANNOTATION_MODE_CHANGE: &str = "snapshot.storage.kubernetes.io/allow-volume-mode-change";
/// Annotation of a VolumeSnapshotContent that is part of a group.
pub const ANNOTATION_GROUP_HANDLE: &str = "groupsnapshot.storage.k8s.io/volumeGroupSnapshotHandle";
/// Annotation of a VolumeSnapshotClass: it is the one for snapshots that name none.
pub const ANNOTATION_DEFAULT_SNAPSHOT_CLASS: &str = "snapshot.storage.kubernetes.io/is-default-class";
/// Finalizer of a VolumeSnapshotContent that whoever plays the sidecar takes off.
pub const FINALIZER_CONTENT: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";
/// Finalizer of a VolumeSnapshot by which the snapshot-controller sees its end: what has it does not go before that has looked at what
/// stands behind it.
pub const FINALIZER_SNAPSHOT: &str = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection";
/// Finalizer of a claim that a snapshot is being taken of.
pub const FINALIZER_SNAPSHOT_SOURCE: &str = "snapshot.storage.kubernetes.io/pvc-as-source-protection";
/// Prefix of the names of VolumeSnapshotContents that are made for a VolumeSnapshot; its UID follows.
pub const SNAPSHOT_CONTENT_PREFIX: &str = "snapcontent-";

/// Annotation by which Kubernetes asks an external provisioner to act (KEP-1979 and `pkg/controller/volume/persistentvolume`).
pub const ANNOTATION_STORAGE_PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
/// The same under its beta name, which kube-controller-manager still writes beside it.
pub const ANNOTATION_STORAGE_PROVISIONER_BETA: &str = "volume.beta.kubernetes.io/storage-provisioner";
/// Annotation that the scheduler writes on a claim of a class with `WaitForFirstConsumer`.
pub const ANNOTATION_SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Annotation of a claim that names who resizes it (kube-controller-manager writes it for volumes of its own plugins only).
pub const ANNOTATION_STORAGE_RESIZER: &str = "volume.kubernetes.io/storage-resizer";
/// Annotation of a claim that tells kubelet that a growth is none of its business (KEP-1790).
pub const ANNOTATION_NODE_EXPANSION_NOT_REQUIRED: &str = "volume.kubernetes.io/node-expansion-not-required";
/// Conditions of a claim that a growth gives, and takes with it. The second and last are never ours to give.
pub const CONDITION_RESIZING: &str = "Resizing";
/// See [`CONDITION_RESIZING`].
pub const CONDITION_FILE_SYSTEM_RESIZE_PENDING: &str = "FileSystemResizePending";
/// See [`CONDITION_RESIZING`].
pub const CONDITION_RESIZE_ERROR: &str = "ControllerResizeError";
/// See [`CONDITION_RESIZING`].
pub const CONDITION_NODE_RESIZE_ERROR: &str = "NodeResizeError";
/// Annotation of a claim that names its class, older than `spec.storageClassName`.
pub const ANNOTATION_CLASS_BETA: &str = "volume.beta.kubernetes.io/storage-class";
/// Annotation of a PersistentVolume that names its provisioner; without it kube-controller-manager acts by itself.
pub const ANNOTATION_PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// Attribute of a CSI volume by which the node plugin of csi-driver-nfs knows the server.
pub const ATTRIBUTE_SERVER: &str = "server";
/// Attribute of a CSI volume by which that plugin knows the path on the server.
pub const ATTRIBUTE_SHARE: &str = "share";
/// Suffix of the annotation that a populator leaves on a volume it has rebound (lib-volume-populator).
pub const POPULATED_FROM_SUFFIX: &str = "/populated-from";
/// Label by which a node is known to a `hostPath` volume's node affinity.
pub const LABEL_HOSTNAME: &str = "kubernetes.io/hostname";
