//! The values a label can have.
//!
//! Dashboards and alerts are written against these words: a test prints them all, so that none changes by accident.

mod copies;
mod exports;
pub mod resizes;
mod served;
mod subject;

pub use copies::CopyEnd;
pub(super) use copies::CopyLabels;
pub use {exports::ExportChange, served::*, subject::Subject};

use crate::plan::validator::Validity;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use std::fmt::{self, Write};
use strum::{IntoStaticStr, VariantArray};
use tombolo_backend_api::Class;

/// A variant, spelled as its enum says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Label<E>(pub(super) E);

impl<E: Copy + Into<&'static str>> EncodeLabelValue for Label<E> {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.0.into())
    }
}

/// What a new volume begins as: the kind named in the claim's data source, as sig-storage-lib-external-provisioner has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
pub enum Source {
    /// Empty.
    #[strum(serialize = "")]
    Empty,
    /// No new volume: a membership in another claim's.
    VolumeReference,
    /// A copy of a claim's volume.
    PersistentVolumeClaim,
    /// A copy of a snapshot.
    VolumeSnapshot,
}

/// How an attempt to provision or delete ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Done.
    Succeeded,
    /// Not done, or not known to be.
    Failed,
}

/// A call of the backend trait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "each is the trait's method of that name")]
pub enum Operation {
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

/// How a backend's call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// As asked.
    Ok,
    /// The request can never succeed.
    Invalid,
    /// The server refuses us.
    Denied,
    /// The backend is away.
    Waiting,
    /// Worth another try.
    Transient,
    /// No room.
    Full,
    /// It does not fit.
    TooLarge,
    /// A broken rule of our own.
    Bug,
    /// Nobody waited for the answer.
    Cancelled,
}

impl From<Class> for Outcome {
    fn from(class: Class) -> Self {
        match class {
            Class::Invalid => Self::Invalid,
            Class::Denied => Self::Denied,
            Class::Waiting => Self::Waiting,
            Class::Transient => Self::Transient,
            Class::Full => Self::Full,
            Class::TooLarge => Self::TooLarge,
            Class::Bug => Self::Bug,
        }
    }
}

impl<T> From<&Result<T, tombolo_backend_api::BackendError>> for Outcome {
    fn from(result: &Result<T, tombolo_backend_api::BackendError>) -> Self {
        match result {
            Ok(_) => Self::Ok,
            Err(error) => error.class.into(),
        }
    }
}

/// How a look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Reconciled {
    /// There was nothing to do.
    Unchanged,
    /// Something was done.
    Changed,
    /// The object waits for somebody else.
    Held,
    /// It failed; see the errors.
    Failed,
    /// It was given up half-way, as the process is ending.
    Cancelled,
}

/// What kind of error ended a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ErrorClass {
    /// The request can never succeed.
    Invalid,
    /// No consent, or no permission.
    Denied,
    /// Something else has to come first.
    Waiting,
    /// Worth another try.
    Transient,
    /// It may have been done.
    Unknown,
    /// A broken rule of our own.
    Bug,
}

impl From<crate::api::reasons::Class> for ErrorClass {
    fn from(class: crate::api::reasons::Class) -> Self {
        use crate::api::reasons::Class;
        match class {
            Class::Invalid => Self::Invalid,
            Class::Denied => Self::Denied,
            Class::Waiting => Self::Waiting,
            Class::Transient => Self::Transient,
            Class::Unknown => Self::Unknown,
            Class::Bug => Self::Bug,
        }
    }
}

/// What a sweep finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Leftover {
    /// A volume whose owner has gone and that has no member.
    SoftDeleted,
    /// A token of a join or copy.
    Token,
    /// A finalizer of ours on a claim or VolumeSnapshot that nothing needs.
    Hold,
    /// An intent that nobody is carrying out.
    Intent,
    /// An empty directory that nothing accounts for.
    EmptyOrphan,
    /// A directory with content that nothing accounts for.
    Orphan,
    /// A snapshot that no VolumeSnapshot or content accounts for: retained, or left.
    OrphanSnapshot,
    /// A trash entry past its retention.
    ExpiredTrash,
}

/// Why a ledger was made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum RebuildCause {
    /// There was none.
    Missing,
    /// Somebody else may have led since it was written.
    Stale,
    /// It could not be read.
    Corrupt,
}

impl From<crate::ledger::epoch::Doubt> for RebuildCause {
    fn from(doubt: crate::ledger::epoch::Doubt) -> Self {
        use crate::ledger::epoch::Doubt;
        match doubt {
            Doubt::Unwritten => Self::Missing,
            Doubt::Quarantined(_) => Self::Corrupt,
            Doubt::ElectionSwitched
            | Doubt::LeaseGone
            | Doubt::LeaseReplaced
            | Doubt::LedByAnother
            | Doubt::HeldByAnother => Self::Stale,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ProvisionLabels {
    pub(super) class: String,
    pub(super) source: Label<Source>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ClassLabels {
    pub(super) class: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BackendLabels {
    pub(super) backend: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallLabels {
    pub(super) backend: String,
    pub(super) operation: Label<Operation>,
    pub(super) outcome: Label<Outcome>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ExportLabels {
    pub(super) backend: String,
    pub(super) what: Label<ExportChange>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ValidityLabels {
    pub(super) result: Label<Validity>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) kind: Label<Subject>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReconcileLabels {
    pub(super) kind: Label<Subject>,
    pub(super) outcome: Label<Reconciled>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ErrorLabels {
    pub(super) kind: Label<Subject>,
    pub(super) class: Label<ErrorClass>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FoundLabels {
    pub(super) what: Label<Leftover>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RebuildLabels {
    pub(super) why: Label<RebuildCause>,
}
