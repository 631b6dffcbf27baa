//! What a failed call means: whether anything was done, and what to do next.
//!
//! The server answers every refusal with one of two error names and a sentence, so that the sentences of
//! `src/support/export_mgr.c` have to be read. A sentence that is not known is no promise of anything.

use std::time::Duration;
use tombolo_backend_api::{BackendError, Class};
use zbus::fdo;

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was sent.
    Away(BackendError),
    /// The server was not there to be asked: nothing was done.
    Absent(String),
    /// No answer came: anything may have been done.
    Lost(BackendError),
    /// The server said no.
    Refused(Refusal),
}

/// The server's no.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Another operation is going on; nothing was done.
    pub(super) busy: bool,
    /// The export is there already; nothing was done.
    pub(super) active: bool,
    /// There is no such export; nothing was done.
    pub(super) unknown: bool,
    /// What it said.
    said: String,
}

impl Refusal {
    fn new(said: String) -> Self {
        Self {
            busy: said.contains("another export admin operation is in progress"),
            active: said.contains("already active"),
            unknown: said.contains("Export id not found"),
            said,
        }
    }
}

impl Failure {
    pub(super) fn of(method: &str, error: zbus::Error) -> Self {
        match error {
            zbus::Error::FDO(error) => match *error {
                fdo::Error::ServiceUnknown(said) | fdo::Error::NameHasNoOwner(said) => Self::Absent(said),
                fdo::Error::InvalidArgs(said) | fdo::Error::InvalidFileContent(said) => {
                    Self::Refused(Refusal::new(said))
                }
                // The server's thread has no such object yet, or it is none of the servers that we know.
                fdo::Error::UnknownObject(said)
                | fdo::Error::UnknownInterface(said)
                | fdo::Error::UnknownMethod(said) => Self::Absent(said),
                fdo::Error::AccessDenied(said) => Self::Away(BackendError::not_done(
                    Class::Denied,
                    format!("{method}: D-Bus lets us not call NFS-Ganesha, which takes calls of root alone: {said}"),
                )),
                other => Self::lost(method, other),
            },
            zbus::Error::MethodError(name, said, _) => {
                Self::Refused(Refusal::new(format!("{name}: {}", said.unwrap_or_default())))
            }
            other => Self::lost(method, other),
        }
    }

    fn lost(method: &str, error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Lost(BackendError::maybe_done(Class::Waiting, format!("{method}: D-Bus went away")).because(error))
    }

    pub(super) fn late(method: &str, after: Duration) -> Self {
        Self::Lost(BackendError::maybe_done(
            Class::Waiting,
            format!("{method}: NFS-Ganesha did not answer within {after:?}"),
        ))
    }

    /// As an error of a call that changes something.
    pub(super) fn changing(self) -> BackendError {
        match self {
            Self::Away(error) | Self::Lost(error) => error,
            Self::Absent(said) => BackendError::not_done(
                Class::Waiting,
                format!("NFS-Ganesha is not on the bus: see systemctl status nfs-ganesha ({said})"),
            ),
            Self::Refused(Refusal { busy: true, said, .. }) => BackendError::not_done(Class::Transient, said),
            // An AddExport that fails late leaves parts of an export behind.
            Self::Refused(refusal) => {
                BackendError::maybe_done(Class::Transient, format!("NFS-Ganesha refuses: {}", refusal.said))
            }
        }
    }

    /// As an error of a call that changes nothing.
    pub(super) fn reading(self) -> BackendError {
        let mut error = self.changing();
        error.certainty = tombolo_backend_api::Certainty::NotDone;
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tombolo_backend_api::Certainty::{MaybeDone, NotDone};

    fn told(error: fdo::Error) -> (Class, tombolo_backend_api::Certainty) {
        let error = Failure::of("AddExport", zbus::Error::FDO(Box::new(error))).changing();
        (error.class, error.certainty)
    }

    #[test]
    fn only_what_certainly_did_nothing_says_so() {
        assert_eq!(told(fdo::Error::ServiceUnknown("x".into())), (Class::Waiting, NotDone));
        assert_eq!(told(fdo::Error::NameHasNoOwner("x".into())), (Class::Waiting, NotDone));
        assert_eq!(told(fdo::Error::AccessDenied("x".into())), (Class::Denied, NotDone));
        let busy = "another export admin operation is in progress, try again later";
        assert_eq!(told(fdo::Error::InvalidArgs(busy.into())), (Class::Transient, NotDone));
        for unclear in [
            fdo::Error::NoReply("x".into()),
            fdo::Error::Disconnected("x".into()),
            fdo::Error::Timeout("x".into()),
        ] {
            assert_eq!(told(unclear), (Class::Waiting, MaybeDone));
        }
        let late = "0 export entries in /x added because resource alloc errors";
        assert_eq!(
            told(fdo::Error::InvalidFileContent(late.into())),
            (Class::Transient, MaybeDone)
        );
    }

    #[test]
    fn the_sentences_of_the_server_are_known() {
        let unknown = Refusal::new("lookup_export failed with Export id not found".into());
        assert!(unknown.unknown && !unknown.busy && !unknown.active);
        assert!(Refusal::new("Selected entries in /x already active!!!".into()).active);
    }
}
