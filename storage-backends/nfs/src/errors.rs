//! What can go wrong in one NFS procedure, and what the admin is told of it.
//!
//! The client library's errors become a [`Fault`] with a [`Kind`] that callers branch on; a fault that nobody expected
//! becomes a [`BackendError`]. Nothing else in this crate looks into the library's errors.

use nfs_rs::{
    Nfs3ErrorCode as V3, Nfs3MountErrorCode as Mnt, Nfs4ErrorCode as V4, NfsError, OperationOutcome,
    RequestTransmission,
};
use std::time::Duration;
use tombolo_backend_api::{BackendError, Certainty, Class};

/// What kind of failure it is, whichever protocol version said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    NotFound,
    Exists,
    /// Something else stands where a directory is needed.
    NotDirectory,
    NotEmpty,
    /// The object behind a handle is gone, or its file system is.
    Stale,
    Denied,
    Full,
    /// The server can never do this: a name it does not take, a procedure it does not have.
    Unfit,
    CrossDevice,
    /// A directory has changed too much for a listing to go on.
    BadCookie,
    /// The server asks for patience.
    Busy,
    /// The connection broke, or what came over it made no sense.
    Lost,
    /// No connection could be made.
    Unreachable,
    /// The deadline passed.
    TimedOut,
    Other,
}

/// How far a failed request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// It was not executed: never sent, or the server refused it.
    No,
    /// Nobody knows.
    Perhaps,
}

/// A failed procedure.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) reached: Reached,
    /// It failed in a second attempt, after a first one that perhaps was executed.
    pub(crate) repeated: bool,
    why: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Fault {
    /// A fault found by this crate, before anything was sent.
    pub(crate) fn found(kind: Kind, why: impl Into<String>) -> Self {
        Self {
            kind,
            reached: Reached::No,
            repeated: false,
            why: why.into(),
            source: None,
        }
    }

    pub(crate) fn timed_out(after: Duration) -> Self {
        let why = format!("no answer within {} s", after.as_secs_f32());
        Self {
            kind: Kind::TimedOut,
            reached: Reached::Perhaps,
            repeated: false,
            why,
            source: None,
        }
    }

    /// A failure to connect: unless the server answered with a refusal, it is away.
    pub(crate) fn connecting(server: &str, error: NfsError) -> Self {
        let mut fault = Self::from(error);
        fault.reached = Reached::No;
        fault.kind = match fault.kind {
            kind @ (Kind::Denied | Kind::Unfit) => kind,
            // Never as "not found", which would be believed of whatever is being looked for.
            Kind::NotFound | Kind::NotDirectory => Kind::Stale,
            _ => Kind::Unreachable,
        };
        fault.why = format!("cannot mount from {server}: {}", fault.why);
        fault
    }

    /// The same news for somebody else who waited for the same connection.
    pub(crate) fn retold(&self) -> Self {
        Self {
            kind: self.kind,
            reached: self.reached,
            repeated: false,
            why: self.why.clone(),
            source: None,
        }
    }

    /// The same fault, to be treated as `kind`.
    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same fault, with what it means for the admin.
    pub(crate) fn saying(mut self, meaning: &str) -> Self {
        self.why = format!("{meaning} ({})", self.why);
        self
    }

    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// Whether going on without a new connection, or at all, is pointless.
    pub(crate) fn is_transport(&self) -> bool {
        matches!(self.kind, Kind::Lost | Kind::Unreachable | Kind::TimedOut)
    }

    /// What the caller of the backend learns. `changed`: something on the server was, or may have been, changed.
    pub(crate) fn into_error(self, what: &str, changed: bool) -> BackendError {
        let class = match self.kind {
            Kind::Denied => Class::Denied,
            Kind::Full => Class::Full,
            Kind::NotDirectory | Kind::Unfit | Kind::CrossDevice => Class::Invalid,
            Kind::Stale | Kind::Unreachable => Class::Waiting,
            Kind::Lost | Kind::TimedOut if changed => Class::Transient,
            Kind::Lost | Kind::TimedOut => Class::Waiting,
            Kind::NotFound | Kind::Exists | Kind::NotEmpty | Kind::BadCookie | Kind::Busy | Kind::Other => {
                Class::Transient
            }
        };
        BackendError {
            class,
            certainty: if changed {
                Certainty::MaybeDone
            } else {
                Certainty::NotDone
            },
            message: format!("{what}: {}", self.why),
            source: self.source,
        }
    }
}

impl From<NfsError> for Fault {
    fn from(error: NfsError) -> Self {
        let (kind, reached) = classify(&error);
        Self {
            kind,
            reached,
            repeated: false,
            why: error.to_string(),
            source: root_cause(error),
        }
    }
}

/// The library wraps causes whose text its own text does not repeat.
fn root_cause(error: NfsError) -> Option<Box<dyn std::error::Error + Send + Sync>> {
    match error {
        NfsError::OperationOutcome(outcome) => Some(outcome.source),
        NfsError::ServerBusy(busy) => Some(busy.source),
        _ => None,
    }
}

fn classify(error: &NfsError) -> (Kind, Reached) {
    use Reached::{No, Perhaps};
    match error {
        NfsError::Nfs3(code) => (version_3(code), No),
        NfsError::Nfs4(code) => version_4(*code),
        NfsError::Mount(code) => (mount_service(code), No),
        NfsError::ServerBusy(_) | NfsError::LockDenied { .. } => (Kind::Busy, No),
        NfsError::Unsupported(_) | NfsError::InvalidInput(_) => (Kind::Unfit, No),
        NfsError::Rpc(text) if text == RPC_DENIED => (Kind::Denied, No),
        NfsError::Io(_) if error.request_transmission() == Some(RequestTransmission::NotSent) => (Kind::Lost, No),
        NfsError::OperationOutcome(outcome) => match (outcome.transmission, outcome.outcome) {
            (_, OperationOutcome::SafeToRetry) => (Kind::Lost, No),
            (RequestTransmission::NotSent, _) => (Kind::Lost, No),
            (RequestTransmission::Sent, OperationOutcome::DefiniteFailure) => classify(&outcome.source),
            // What the server said of one part of the work; what became of the others is open.
            (RequestTransmission::Sent, OperationOutcome::Uncertain) => (classify(&outcome.source).0, Perhaps),
        },
        NfsError::RdattrError(_) => (Kind::Other, No),
        NfsError::Io(_)
        | NfsError::Rpc(_)
        | NfsError::Xdr(_)
        | NfsError::ClosedResource(_)
        | NfsError::ModeViolation(_)
        | NfsError::ClientClosed(_)
        | NfsError::PositionUncertain(_)
        | NfsError::LostOpenState(_)
        | NfsError::FileClose(_) => (Kind::Lost, Perhaps),
    }
}

/// How the library words a reply of status MSG_DENIED (RFC 5531 §9): the server rejects our credentials, address or
/// port. It offers no other evidence of it; a test of `connection.rs` holds the wording.
const RPC_DENIED: &str = "could not parse response due to bad status";

fn version_3(code: &V3) -> Kind {
    match code {
        V3::NFS3ERR_NOENT => Kind::NotFound,
        V3::NFS3ERR_EXIST => Kind::Exists,
        V3::NFS3ERR_NOTDIR => Kind::NotDirectory,
        V3::NFS3ERR_NOTEMPTY => Kind::NotEmpty,
        V3::NFS3ERR_STALE | V3::NFS3ERR_BADHANDLE => Kind::Stale,
        V3::NFS3ERR_PERM | V3::NFS3ERR_ACCES | V3::NFS3ERR_ROFS => Kind::Denied,
        V3::NFS3ERR_NOSPC | V3::NFS3ERR_DQUOT => Kind::Full,
        V3::NFS3ERR_NAMETOOLONG | V3::NFS3ERR_NOTSUPP | V3::NFS3ERR_BADTYPE | V3::NFS3ERR_MLINK => Kind::Unfit,
        V3::NFS3ERR_XDEV => Kind::CrossDevice,
        V3::NFS3ERR_BAD_COOKIE => Kind::BadCookie,
        V3::NFS3ERR_JUKEBOX => Kind::Busy,
        _ => Kind::Other,
    }
}

fn version_4(code: V4) -> (Kind, Reached) {
    let kind = match code {
        V4::NFS4ERR_NOENT => Kind::NotFound,
        V4::NFS4ERR_EXIST => Kind::Exists,
        V4::NFS4ERR_NOTDIR | V4::NFS4ERR_SYMLINK | V4::NFS4ERR_WRONG_TYPE => Kind::NotDirectory,
        V4::NFS4ERR_NOTEMPTY => Kind::NotEmpty,
        V4::NFS4ERR_STALE | V4::NFS4ERR_BADHANDLE | V4::NFS4ERR_FHEXPIRED | V4::NFS4ERR_MOVED => Kind::Stale,
        V4::NFS4ERR_PERM | V4::NFS4ERR_ACCESS | V4::NFS4ERR_ROFS | V4::NFS4ERR_WRONGSEC => Kind::Denied,
        V4::NFS4ERR_NOSPC | V4::NFS4ERR_DQUOT => Kind::Full,
        V4::NFS4ERR_NAMETOOLONG | V4::NFS4ERR_NOTSUPP | V4::NFS4ERR_BADTYPE | V4::NFS4ERR_BADNAME => Kind::Unfit,
        V4::NFS4ERR_BADCHAR | V4::NFS4ERR_MLINK | V4::NFS4ERR_MINOR_VERS_MISMATCH => Kind::Unfit,
        V4::NFS4ERR_XDEV => Kind::CrossDevice,
        V4::NFS4ERR_BAD_COOKIE | V4::NFS4ERR_NOT_SAME => Kind::BadCookie,
        V4::NFS4ERR_DELAY | V4::NFS4ERR_GRACE | V4::NFS4ERR_FILE_OPEN | V4::NFS4ERR_LOCKED => Kind::Busy,
        // The session is not what the client thinks it is: an answer about the connection, not about the request.
        V4::NFS4ERR_BADSESSION
        | V4::NFS4ERR_DEADSESSION
        | V4::NFS4ERR_BADSLOT
        | V4::NFS4ERR_SEQ_MISORDERED
        | V4::NFS4ERR_SEQ_FALSE_RETRY
        | V4::NFS4ERR_RETRY_UNCACHED_REP
        | V4::NFS4ERR_CONN_NOT_BOUND_TO_SESSION
        | V4::NFS4ERR_STALE_CLIENTID
        | V4::NFS4ERR_EXPIRED => return (Kind::Lost, Reached::Perhaps),
        _ => Kind::Other,
    };
    (kind, Reached::No)
}

fn mount_service(code: &Mnt) -> Kind {
    match code {
        Mnt::MNT3ERR_PERM | Mnt::MNT3ERR_ACCES => Kind::Denied,
        Mnt::MNT3ERR_NOENT => Kind::NotFound,
        Mnt::MNT3ERR_NOTDIR => Kind::NotDirectory,
        Mnt::MNT3ERR_NAMETOOLONG | Mnt::MNT3ERR_NOTSUPP | Mnt::MNT3ERR_INVAL => Kind::Unfit,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nfs_rs::{OperationClass, OperationOutcomeError, RecoveryAction, RequestContext};

    fn context() -> RequestContext {
        RequestContext {
            operation: "mkdir".into(),
            protocol: nfs_rs::NFSVersion::NFSv3,
            request_id: None,
        }
    }

    fn uncertain() -> NfsError {
        let cut = NfsError::Io(std::io::ErrorKind::BrokenPipe.into());
        NfsError::OperationOutcome(Box::new(OperationOutcomeError::new(
            OperationOutcome::Uncertain,
            OperationClass::ReplaySensitive,
            RecoveryAction::VerifyThenResume,
            context(),
            cut,
        )))
    }

    fn unsent() -> NfsError {
        let cut = NfsError::Io(std::io::ErrorKind::NotConnected.into());
        NfsError::before_send_failure(OperationClass::ReplaySensitive, context(), None, cut)
    }

    #[test]
    fn both_versions_tell_the_same_class() {
        for (v3, v4, class) in [
            (V3::NFS3ERR_ACCES, V4::NFS4ERR_ACCESS, Class::Denied),
            (V3::NFS3ERR_PERM, V4::NFS4ERR_PERM, Class::Denied),
            (V3::NFS3ERR_ROFS, V4::NFS4ERR_ROFS, Class::Denied),
            (V3::NFS3ERR_NOSPC, V4::NFS4ERR_NOSPC, Class::Full),
            (V3::NFS3ERR_DQUOT, V4::NFS4ERR_DQUOT, Class::Full),
            (V3::NFS3ERR_STALE, V4::NFS4ERR_STALE, Class::Waiting),
            (V3::NFS3ERR_NOTDIR, V4::NFS4ERR_SYMLINK, Class::Invalid),
            (V3::NFS3ERR_NAMETOOLONG, V4::NFS4ERR_BADNAME, Class::Invalid),
            (V3::NFS3ERR_JUKEBOX, V4::NFS4ERR_DELAY, Class::Transient),
            (V3::NFS3ERR_IO, V4::NFS4ERR_IO, Class::Transient),
        ] {
            for error in [NfsError::Nfs3(v3), NfsError::Nfs4(v4)] {
                let text = error.to_string();
                let error = Fault::from(error).into_error("x", false);
                assert_eq!((error.class, error.certainty), (class, Certainty::NotDone), "{text}");
            }
        }
    }

    #[test]
    fn a_lost_answer_is_told_from_an_unsent_question() {
        let fault = Fault::from(uncertain());
        assert_eq!((fault.kind, fault.reached), (Kind::Lost, Reached::Perhaps));
        let fault = Fault::from(unsent());
        assert_eq!((fault.kind, fault.reached), (Kind::Lost, Reached::No));
    }

    #[test]
    fn lost_and_late_answers_wait_unless_something_may_have_changed() {
        for fault in [Fault::from(uncertain()), Fault::timed_out(Duration::from_secs(30))] {
            let error = fault.into_error("x", true);
            assert_eq!((error.class, error.certainty), (Class::Transient, Certainty::MaybeDone));
        }
        let error = Fault::timed_out(Duration::from_secs(30)).into_error("x", false);
        assert_eq!((error.class, error.certainty), (Class::Waiting, Certainty::NotDone));
    }

    #[test]
    fn a_missing_export_is_no_missing_file() {
        for missing in [NfsError::Mount(Mnt::MNT3ERR_NOENT), NfsError::Nfs4(V4::NFS4ERR_NOENT)] {
            let fault = Fault::connecting("nas", missing);
            assert!(!fault.is(Kind::NotFound));
            assert_eq!(fault.into_error("x", false).class, Class::Waiting);
        }
    }

    #[test]
    fn a_server_that_is_away_is_waited_for_and_one_that_refuses_is_not() {
        let away = NfsError::Io(std::io::ErrorKind::ConnectionRefused.into());
        let error = Fault::connecting("nas", away).into_error("x", false);
        assert_eq!((error.class, error.certainty), (Class::Waiting, Certainty::NotDone));
        for refusal in [NfsError::Mount(Mnt::MNT3ERR_ACCES), NfsError::Rpc(RPC_DENIED.into())] {
            assert_eq!(
                Fault::connecting("nas", refusal).into_error("x", false).class,
                Class::Denied
            );
        }
    }
}
