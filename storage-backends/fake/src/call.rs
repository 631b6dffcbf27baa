//! What was asked of the fake: one value per call, for assertions.

use tombolo_backend_api::{CreateVolume, Disposal, ExportKey, Mark, TrashId, VolumePath};

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
}

impl Op {
    /// All operations, so that a test can break each in turn.
    pub const EVERY: [Self; 13] = [
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
    Discard { path: VolumePath, disposal: Disposal },
    Space,
    List,
    RemoveEmpty(VolumePath),
    Trash,
    Restore { id: TrashId, path: VolumePath },
    Purge(TrashId),
    Forget(TrashId),
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
        }
    }

    /// Whether it may change what is stored.
    pub fn changes(&self) -> bool {
        match self.op() {
            Op::PlaceMark | Op::Create | Op::Discard | Op::RemoveEmpty | Op::Restore | Op::Purge | Op::Forget => true,
            Op::ReadMark | Op::Inspect | Op::Mount | Op::Space | Op::List | Op::Trash => false,
        }
    }
}
