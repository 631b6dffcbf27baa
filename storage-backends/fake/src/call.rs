//! What was asked of the fake: one value per call, for assertions.

use std::collections::BTreeSet;
use std::net::IpAddr;
use tombolo_backend_api::{
    Admission, CopyTerms, CreateVolume, Disposal, ExportKey, Mark, SnapshotId, TrashId, VolumePath,
};

/// An operation of the trait, without its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named after the trait's methods")]
pub enum Op {
    ReadMark,
    PlaceMark,
    Inspect,
    Create,
    Mount,
    Discard,
    Space,
    List,
    RemoveEmpty,
    Trash,
    Restore,
    Purge,
    Forget,
    Release,
    Exports,
    Admit,
    AdmitNodes,
    CloneVolume,
    AbandonCopy,
    TakeSnapshot,
    FindSnapshot,
    ListSnapshots,
    RemoveSnapshot,
    RestoreSnapshot,
    ResizeVolume,
    Pinned,
    MeasureVolume,
}

impl Op {
    /// All operations, so that a test can break each in turn.
    pub const EVERY: [Self; 27] = [
        Self::ReadMark,
        Self::PlaceMark,
        Self::Inspect,
        Self::Create,
        Self::Mount,
        Self::Discard,
        Self::Space,
        Self::List,
        Self::RemoveEmpty,
        Self::Trash,
        Self::Restore,
        Self::Purge,
        Self::Forget,
        Self::Release,
        Self::Exports,
        Self::Admit,
        Self::AdmitNodes,
        Self::CloneVolume,
        Self::AbandonCopy,
        Self::TakeSnapshot,
        Self::FindSnapshot,
        Self::ListSnapshots,
        Self::RemoveSnapshot,
        Self::RestoreSnapshot,
        Self::ResizeVolume,
        Self::Pinned,
        Self::MeasureVolume,
    ];
}

/// One call with its arguments, in the order in which calls began.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after the trait's methods and their parameters")]
pub enum Call {
    ReadMark,
    PlaceMark(Mark),
    Inspect(VolumePath),
    Create(CreateVolume),
    Mount(ExportKey),
    Discard {
        path: VolumePath,
        disposal: Disposal,
    },
    Space,
    List,
    RemoveEmpty(VolumePath),
    Trash,
    Restore {
        id: TrashId,
        path: VolumePath,
    },
    Purge(TrashId),
    Forget(TrashId),
    Release(ExportKey),
    Exports,
    Admit {
        export: ExportKey,
        admission: Admission,
    },
    AdmitNodes(BTreeSet<IpAddr>),
    CloneVolume {
        from: VolumePath,
        into: CreateVolume,
        terms: CopyTerms,
    },
    AbandonCopy(VolumePath),
    TakeSnapshot {
        id: SnapshotId,
        of: VolumePath,
        bytes: u64,
        terms: CopyTerms,
    },
    FindSnapshot(SnapshotId),
    ListSnapshots,
    RemoveSnapshot(SnapshotId),
    RestoreSnapshot {
        id: SnapshotId,
        into: CreateVolume,
        terms: CopyTerms,
    },
    ResizeVolume {
        path: VolumePath,
        bytes: u64,
    },
    Pinned,
    MeasureVolume(VolumePath),
}

impl Call {
    /// Which operation it is.
    pub fn op(&self) -> Op {
        match self {
            Self::ReadMark => Op::ReadMark,
            Self::PlaceMark(_) => Op::PlaceMark,
            Self::Inspect(_) => Op::Inspect,
            Self::Create(_) => Op::Create,
            Self::Mount(_) => Op::Mount,
            Self::Discard { .. } => Op::Discard,
            Self::Space => Op::Space,
            Self::List => Op::List,
            Self::RemoveEmpty(_) => Op::RemoveEmpty,
            Self::Trash => Op::Trash,
            Self::Restore { .. } => Op::Restore,
            Self::Purge(_) => Op::Purge,
            Self::Forget(_) => Op::Forget,
            Self::Release(_) => Op::Release,
            Self::Exports => Op::Exports,
            Self::Admit { .. } => Op::Admit,
            Self::AdmitNodes(_) => Op::AdmitNodes,
            Self::CloneVolume { .. } => Op::CloneVolume,
            Self::AbandonCopy(_) => Op::AbandonCopy,
            Self::TakeSnapshot { .. } => Op::TakeSnapshot,
            Self::FindSnapshot(_) => Op::FindSnapshot,
            Self::ListSnapshots => Op::ListSnapshots,
            Self::RemoveSnapshot(_) => Op::RemoveSnapshot,
            Self::RestoreSnapshot { .. } => Op::RestoreSnapshot,
            Self::ResizeVolume { .. } => Op::ResizeVolume,
            Self::Pinned => Op::Pinned,
            Self::MeasureVolume(_) => Op::MeasureVolume,
        }
    }

    /// Whether it may change what is stored.
    pub fn changes(&self) -> bool {
        match self.op() {
            Op::PlaceMark
            | Op::Create
            | Op::Discard
            | Op::RemoveEmpty
            | Op::Restore
            | Op::Purge
            | Op::Forget
            | Op::Release
            | Op::Admit
            | Op::AdmitNodes
            | Op::CloneVolume
            | Op::AbandonCopy
            | Op::TakeSnapshot
            | Op::RemoveSnapshot
            | Op::RestoreSnapshot
            | Op::ResizeVolume => true,
            Op::ReadMark
            | Op::Inspect
            | Op::Mount
            | Op::Space
            | Op::List
            | Op::Trash
            | Op::Exports
            | Op::FindSnapshot
            | Op::ListSnapshots
            | Op::Pinned
            | Op::MeasureVolume => false,
        }
    }
}
