//! What an error number of the kernel means for the caller.

use rustix::io::Errno;
use tombolo_backend_api::{BackendError, Class};

fn class_of(errno: Errno) -> Class {
    match errno {
        Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::BUSY | Errno::XDEV => Class::Denied,
        Errno::NOSPC | Errno::DQUOT => Class::Full,
        // The disk, or the network file system that the directory lies on, has gone.
        Errno::IO | Errno::STALE | Errno::NODEV | Errno::NXIO | Errno::NOTCONN | Errno::HOSTDOWN | Errno::TIMEDOUT => {
            Class::Waiting
        }
        Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG => Class::Invalid,
        _ => Class::Transient,
    }
}

/// Says of a failed call whether something may have changed.
pub trait Certain<T> {
    /// Nothing was changed.
    fn not_done(self, what: &str) -> Result<T, BackendError>;
    /// Something may have been changed.
    fn maybe_done(self, what: &str) -> Result<T, BackendError>;
}

impl<T> Certain<T> for Result<T, Errno> {
    fn not_done(self, what: &str) -> Result<T, BackendError> {
        self.map_err(|errno| BackendError::not_done(class_of(errno), what).because(errno))
    }

    fn maybe_done(self, what: &str) -> Result<T, BackendError> {
        self.map_err(|errno| BackendError::maybe_done(class_of(errno), what).because(errno))
    }
}
