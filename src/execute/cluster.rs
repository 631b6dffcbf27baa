//! The API server as a port: live reads, and each write a plan can ask for, one method each.
//!
//! An implementation carries out exactly one request per write and decides nothing. `api_server` talks to a real one,
//! `memory` is one for simulations, with the same refusals.

use crate::domain::claim::Claim;
use crate::domain::cross_source::{CrossSource, CrossSourceKey};
use crate::domain::cut::Cut;
use crate::domain::grant::Grant;
use crate::domain::hold::Hold;
use crate::domain::ids::{
    BackendName, ClaimKey, ClaimRef, ClaimUid, Handle, Namespace, PvName, PvUid, ResourceVersion, VolumeId,
};
use crate::domain::pv::Pv;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::token::{Note, Token};
use crate::observe::index::NamespaceView;
use crate::plan::NewPv;
use crate::plan::action::Exactly;
use crate::plan::resize::ResizeMark;
use async_trait::async_trait;
use tombolo_backend_api::MountSource;

/// The API server. Reads are consistent (never from a cache).
#[async_trait]
pub trait Cluster: Send + Sync + 'static {
    /// A claim.
    async fn claim(&self, key: &ClaimKey) -> Result<Option<Claim>, ApiError>;
    /// A PersistentVolume.
    async fn pv(&self, name: &PvName) -> Result<Option<Pv>, ApiError>;
    /// Members' PersistentVolumes of a volume, by label.
    async fn members(&self, volume: &VolumeId) -> Result<Vec<Pv>, ApiError>;
    /// All PersistentVolumes.
    async fn pvs(&self) -> Result<Vec<Pv>, ApiError>;
    /// A reference.
    async fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, ApiError>;
    /// All references of a kind in a namespace; `None`: the kind is not served, or is about to be no more.
    async fn references(&self, kind: ReferenceKind, namespace: &Namespace) -> Result<Option<Vec<Reference>>, ApiError>;
    /// All ReferenceGrants of a namespace; `None`: the kind is not served.
    async fn grants(&self, namespace: &Namespace) -> Result<Option<Vec<Grant>>, ApiError>;
    /// A CrossNamespaceSource.
    async fn cross_source(&self, key: &CrossSourceKey) -> Result<Option<CrossSource>, ApiError>;
    /// All claims: asked for only where data is about to go, or where nothing says where a claim may be.
    async fn claims(&self) -> Result<Vec<Claim>, ApiError>;
    /// A namespace.
    async fn namespace(&self, name: &Namespace) -> Result<Option<NamespaceView>, ApiError>;

    /// Makes a PersistentVolume.
    async fn create_pv(&self, pv: &NewPv, source: &MountSource) -> Result<(), ApiError>;
    /// Deletes a PersistentVolume, if it is exactly this one.
    async fn delete_pv(&self, pv: &Exactly) -> Result<(), ApiError>;
    /// Takes our finalizer off a PersistentVolume.
    async fn unprotect(&self, pv: &PvName, uid: &PvUid) -> Result<(), ApiError>;
    /// Puts a token on a PersistentVolume, if it is exactly this one.
    async fn put_token(&self, pv: &Exactly, token: &Token, note: &Note) -> Result<(), ApiError>;
    /// Takes a token off.
    async fn take_token(&self, pv: &PvName, uid: &PvUid, token: &Token) -> Result<(), ApiError>;
    /// Puts a hold on a claim.
    async fn put_hold(&self, hold: Hold, claim: &ClaimRef) -> Result<(), ApiError>;
    /// Takes a hold off a claim.
    async fn take_hold(&self, hold: Hold, claim: &ClaimRef) -> Result<(), ApiError>;
    /// Takes the scheduler's choice of a node back from a claim, if it is in exactly this version.
    async fn reschedule(&self, claim: &ClaimRef, version: &ResourceVersion) -> Result<(), ApiError>;
    /// Puts back what makes a PersistentVolume ours.
    async fn mend(
        &self,
        pv: &Exactly,
        volume: &VolumeId,
        backend: &BackendName,
        handle: &Handle,
        member: bool,
    ) -> Result<(), ApiError>;
    /// Sets the reclaim policy to Retain.
    async fn set_retain(&self, pv: &Exactly) -> Result<(), ApiError>;
    /// Writes down what a backend is going to be told of a volume, if it is exactly this one.
    async fn promise(&self, pv: &Exactly, bytes: u64) -> Result<(), ApiError>;
    /// Gives a PersistentVolume a capacity, if it is exactly this one, and takes off what was promised.
    async fn grant(&self, pv: &Exactly, bytes: u64) -> Result<(), ApiError>;
    /// Writes down in a claim's status, if it is in exactly this version, how far its growth is.
    async fn mark_resize(
        &self,
        claim: &ClaimRef,
        version: &ResourceVersion,
        mark: &ResizeMark,
        at: jiff::Timestamp,
    ) -> Result<(), ApiError>;
    /// Writes down what was taken from a member, or that it has all again.
    async fn note_cut(&self, pv: &PvName, uid: &PvUid, cut: Option<&Cut>) -> Result<(), ApiError>;
    /// Writes down which claim owns a volume now.
    async fn record_owner(&self, pv: &Exactly, owner: &ClaimUid) -> Result<(), ApiError>;
}

/// Why the API server did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The object is not there.
    NotFound,
    /// It is there in another version, or another one of its name is.
    Conflict,
    /// Something of that name exists.
    Exists,
    /// It is going away and takes no new finalizer.
    Terminating,
    /// We may not.
    Forbidden,
    /// It is not valid, whatever the reason.
    Refused,
    /// No answer, or one that leaves open whether it was done.
    Unknown,
    /// The server is away or overloaded, and nothing was done.
    Away,
}

/// A failed request.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What kind of failure it is.
    pub fault: Fault,
    /// What was asked and what was answered.
    pub message: String,
}

impl ApiError {
    /// Puts an error together.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self {
            fault,
            message: message.into(),
        }
    }
    /// Of something that was to be read for whoever runs a command, in words for them: of a refusal that they may not, of anything else
    /// what was answered.
    pub fn unread(&self, what: &str) -> String {
        match self.fault {
            Fault::Forbidden => format!("you may not read {what}"),
            Fault::NotFound
            | Fault::Conflict
            | Fault::Exists
            | Fault::Terminating
            | Fault::Refused
            | Fault::Unknown
            | Fault::Away => format!("{what} could not be read: {self}"),
        }
    }
}
