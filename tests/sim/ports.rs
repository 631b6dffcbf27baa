//! The three ports of a controller behind its gate: API server, ledger, backend.

use crate::cluster::MemoryCluster;
use crate::gate::{Call, Gate};
use crate::leader::Counted;
use async_trait::async_trait;
use std::sync::Arc;
use tombolo::api::conditions::Statement;
use tombolo::api::revocation::RevocationStatus;
use tombolo::domain::change::Change;
use tombolo::domain::claim::Claim;
use tombolo::domain::cross_source::{CrossSource, CrossSourceKey};
use tombolo::domain::cut::Cut;
use tombolo::domain::grant::Grant;
use tombolo::domain::hold::Hold;
use tombolo::domain::ids::{
    BackendName, ClaimKey, ClaimRef, ClaimUid, ContentName, Handle, Namespace, PvName, PvUid, ResourceVersion,
    SnapshotClassName, VolumeId,
};
use tombolo::domain::pv::Pv;
use tombolo::domain::record::Record;
use tombolo::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use tombolo::domain::snapshot::content::{Content, ExactContent};
use tombolo::domain::snapshot::{Snapshot, SnapshotKey};
use tombolo::domain::token::{Note, Token};
use tombolo::execute::cluster::{ApiError, Cluster};
use tombolo::execute::revocations::{Revocation, Revocations};
use tombolo::execute::snapshots::{Mark as SnapshotMark, SnapshotObjects, Status};
use tombolo::ledger::epoch::Epoch;
use tombolo::ledger::memory::MemoryLedger;
use tombolo::ledger::{Book, Durability, Ledger, LedgerError};
use tombolo::observe::index::NamespaceView;
use tombolo::plan::NewPv;
use tombolo::plan::action::Exactly;
use tombolo::plan::resize::ResizeMark;
use tombolo::plan::snapshot::prepare::NewContent;
use tombolo_backend_api::{
    Admission, Backend, BackendError, Capabilities, Clones, Copied, CopyProgress, CopyTerms, CreateVolume, Disposal,
    ExportKey, Exported, Found, Listed, Mark, MountSource, PurgeProgress, Purged, Quota, Resize, Revoke, RootLocation,
    Share, Snapshot as TakenSnapshot, SnapshotId, Snapshots, Space, TrashEntry, TrashId, VolumePath,
};
use tombolo_backend_fake::Fake;

/// Something behind a gate.
pub struct Gated<T> {
    pub inner: T,
    pub gate: Arc<Gate>,
}

/// A port whose asynchronous calls all go through the gate.
macro_rules! gated {
    ($port:ident for $inner:ty { $($at_once:tt)* } $($call:ident fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl $port for Gated<$inner> {
            $($at_once)*
            $(
                async fn $name(&self, $($arg: $type),*) -> $out {
                    self.gate.pass(Call::$call, stringify!($name), <$inner as $port>::$name(&self.inner, $($arg),*)).await
                }
            )*
        }
    };
}

gated! {
    Cluster for MemoryCluster {}
    Read fn claim(key: &ClaimKey) -> Result<Option<Claim>, ApiError>;
    Read fn pv(name: &PvName) -> Result<Option<Pv>, ApiError>;
    Read fn members(volume: &VolumeId) -> Result<Vec<Pv>, ApiError>;
    Read fn pvs() -> Result<Vec<Pv>, ApiError>;
    Read fn reference(key: &ReferenceKey) -> Result<Option<Reference>, ApiError>;
    Read fn references(kind: ReferenceKind, namespace: &Namespace) -> Result<Option<Vec<Reference>>, ApiError>;
    Read fn grants(namespace: &Namespace) -> Result<Option<Vec<Grant>>, ApiError>;
    Read fn cross_source(key: &CrossSourceKey) -> Result<Option<CrossSource>, ApiError>;
    Read fn claims() -> Result<Vec<Claim>, ApiError>;
    Read fn namespace(name: &Namespace) -> Result<Option<NamespaceView>, ApiError>;
    Write fn create_pv(pv: &NewPv, source: &MountSource) -> Result<(), ApiError>;
    Write fn delete_pv(pv: &Exactly) -> Result<(), ApiError>;
    Write fn unprotect(pv: &PvName, uid: &PvUid) -> Result<(), ApiError>;
    Write fn put_token(pv: &Exactly, token: &Token, note: &Note) -> Result<(), ApiError>;
    Write fn take_token(pv: &PvName, uid: &PvUid, token: &Token) -> Result<(), ApiError>;
    Write fn put_hold(hold: Hold, claim: &ClaimRef) -> Result<(), ApiError>;
    Write fn take_hold(hold: Hold, claim: &ClaimRef) -> Result<(), ApiError>;
    Write fn reschedule(claim: &ClaimRef, version: &ResourceVersion) -> Result<(), ApiError>;
    Write fn mend(pv: &Exactly, volume: &VolumeId, backend: &BackendName, handle: &Handle, member: bool) -> Result<(), ApiError>;
    Write fn set_retain(pv: &Exactly) -> Result<(), ApiError>;
    Write fn promise(pv: &Exactly, bytes: u64) -> Result<(), ApiError>;
    Write fn grant(pv: &Exactly, bytes: u64) -> Result<(), ApiError>;
    Write fn mark_resize(claim: &ClaimRef, version: &ResourceVersion, mark: &ResizeMark, at: jiff::Timestamp) -> Result<(), ApiError>;
    Write fn note_cut(pv: &PvName, uid: &PvUid, cut: Option<&Cut>) -> Result<(), ApiError>;
    Write fn record_owner(pv: &Exactly, owner: &ClaimUid) -> Result<(), ApiError>;
}

gated! {
    SnapshotObjects for MemoryCluster {}
    Read fn snapshot(key: &SnapshotKey) -> Result<Option<Snapshot>, ApiError>;
    Read fn content(name: &ContentName) -> Result<Option<Content>, ApiError>;
    Read fn contents() -> Result<Vec<Content>, ApiError>;
    Write fn choose_class(snapshot: &Snapshot, class: &SnapshotClassName) -> Result<(), ApiError>;
    Write fn keep_source(claim: &ClaimRef) -> Result<(), ApiError>;
    Write fn let_source_go(claim: &ClaimRef) -> Result<(), ApiError>;
    Write fn put_hold(snapshot: &Snapshot) -> Result<(), ApiError>;
    Write fn take_hold(snapshot: &Snapshot) -> Result<(), ApiError>;
    Write fn create_content(content: &NewContent) -> Result<(), ApiError>;
    Write fn mark_content(content: &ExactContent, mark: &SnapshotMark) -> Result<(), ApiError>;
    Write fn content_status(content: &ExactContent, status: &Status) -> Result<(), ApiError>;
    Write fn release_content(content: &ExactContent) -> Result<(), ApiError>;
    Write fn put_content_token(content: &ExactContent, token: &Token, note: &Note) -> Result<(), ApiError>;
    Write fn take_content_token(content: &ExactContent, token: &Token) -> Result<(), ApiError>;
}

gated! {
    Ledger for MemoryLedger {
        fn book(&self) -> &Book {
            self.inner.book()
        }
    }
    Write fn apply(changes: Vec<Change>, durability: Durability) -> Result<(), LedgerError>;
    Write fn replace_all(records: Vec<Record>) -> Result<(), LedgerError>;
    Write fn set_epoch(epoch: Epoch) -> Result<(), LedgerError>;
}

gated! {
    Backend for Fake {
        fn capabilities(&self) -> Capabilities {
            // What has no gate here cannot be stopped, and is not given out.
            Capabilities {
                usage: false,
                node_access: false,
                ..self.inner.capabilities()
            }
        }

        fn root(&self) -> RootLocation {
            self.inner.root()
        }

        fn snapshots(&self) -> Option<&dyn Snapshots> {
            Some(self)
        }

        fn clones(&self) -> Option<&dyn Clones> {
            Some(self)
        }

        fn share(&self) -> Option<&dyn Share> {
            Some(self)
        }

        fn revoke(&self) -> Option<&dyn Revoke> {
            Some(self)
        }

        fn quota(&self) -> Option<&dyn Quota> {
            Some(self)
        }

        fn resize(&self) -> Option<&dyn Resize> {
            Some(self)
        }
    }
    Read fn read_mark() -> Result<Option<Mark>, BackendError>;
    Write fn place_mark(mark: &Mark) -> Result<Mark, BackendError>;
    Read fn inspect(path: &VolumePath) -> Result<Option<Found>, BackendError>;
    Write fn create(volume: &CreateVolume) -> Result<Found, BackendError>;
    Write fn mount(export: &ExportKey) -> Result<MountSource, BackendError>;
    Write fn discard(path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError>;
    Read fn space() -> Result<Space, BackendError>;
    Read fn list() -> Result<Vec<Listed>, BackendError>;
    Write fn remove_empty(path: &VolumePath) -> Result<bool, BackendError>;
    Read fn trash() -> Result<Vec<TrashEntry>, BackendError>;
    Write fn restore(id: &TrashId, path: &VolumePath) -> Result<(), BackendError>;
    Write fn forget(id: &TrashId) -> Result<(), BackendError>;
    Write fn purge(id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError>;
}

gated! {
    Clones for Fake {}
    Write fn clone_volume(from: &VolumePath, into: &CreateVolume, terms: &CopyTerms, progress: &dyn CopyProgress) -> Result<Copied, BackendError>;
    Write fn abandon_copy(into: &VolumePath) -> Result<(), BackendError>;
}

gated! {
    Snapshots for Fake {}
    Write fn take_snapshot(id: &SnapshotId, of: &VolumePath, bytes: u64, terms: &CopyTerms, progress: &dyn CopyProgress) -> Result<TakenSnapshot, BackendError>;
    Read fn find_snapshot(id: &SnapshotId) -> Result<Option<TakenSnapshot>, BackendError>;
    Read fn list_snapshots() -> Result<Vec<TakenSnapshot>, BackendError>;
    Write fn remove_snapshot(id: &SnapshotId) -> Result<(), BackendError>;
    Write fn restore_snapshot(id: &SnapshotId, into: &CreateVolume, terms: &CopyTerms, progress: &dyn CopyProgress) -> Result<Copied, BackendError>;
}

gated! {
    Share for Fake {}
    Write fn release(export: &ExportKey) -> Result<(), BackendError>;
    Read fn exports() -> Result<Vec<Exported>, BackendError>;
}

gated! {
    Revoke for Fake {}
    Write fn admit(export: &ExportKey, admission: Admission) -> Result<(), BackendError>;
}

gated! {
    Resize for Fake {}
    Write fn resize_volume(path: &VolumePath, bytes: u64) -> Result<Found, BackendError>;
}

gated! {
    Quota for Fake {}
    Read fn pinned() -> Result<u64, BackendError>;
}

gated! {
    Revocations for Counted {}
    Read fn read(name: &BackendName) -> Result<Option<Revocation>, ApiError>;
    Write fn remember(name: &BackendName, read: &Revocation, status: RevocationStatus, said: Statement) -> Result<(), ApiError>;
}
