//! Owner, extended attributes, mode and times, in the order in which they do not undo each other.

use super::steps::times;
use crate::error::Certain;
use rustix::buffer::spare_capacity;
use rustix::fs::{
    Gid, Mode, Uid, XattrFlags, fchmod, fchown, fgetxattr, flistxattr, flistxattr_query, fsetxattr, fstat, futimens,
};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use tombolo_backend_api::BackendError;
use tombolo_backend_copy::Node;

/// The most that the kernel gives of a list of names, and of one value (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`: xattr(7)).
const LONGEST: usize = 64 * 1024;

/// Whether an attribute is the tenant's. `security.` and `trusted.` say what the system thinks of a file, capabilities
/// among it.
fn is_tenants(name: &[u8]) -> bool {
    name.starts_with(b"user.") || is_acl(name)
}

fn is_acl(name: &[u8]) -> bool {
    matches!(name, b"system.posix_acl_access" | b"system.posix_acl_default")
}

/// Makes what is open like something else. The times come last: they say that all the rest is done.
pub(super) fn set(from: &OwnedFd, to: &OwnedFd, like: &Node) -> Result<(), BackendError> {
    let now = fstat(to).maybe_done("look at a copy")?;
    if (now.st_uid, now.st_gid) != (like.uid, like.gid) {
        let (owner, group) = (Uid::from_raw(like.uid), Gid::from_raw(like.gid));
        fchown(to, Some(owner), Some(group)).maybe_done("set the owner of a copy")?;
    }
    copy_xattrs(from, to)?;
    // After the owner, which takes set-id bits away, and the access list, which sets the mode too.
    fchmod(to, Mode::from_raw_mode(like.mode)).maybe_done("set the mode of a copy")?;
    futimens(to, &times(like)).maybe_done("set the times of a copy")
}

fn copy_xattrs(from: &OwnedFd, to: &OwnedFd) -> Result<(), BackendError> {
    let mut names = Vec::new();
    match flistxattr_query(from) {
        Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(()),
        Ok(_) => {}
        Err(errno) => return Err(errno).maybe_done("list extended attributes"),
    }
    names.reserve_exact(LONGEST);
    flistxattr(from, spare_capacity(&mut names)).maybe_done("list extended attributes")?;
    let mut value = Vec::with_capacity(LONGEST);
    for name in names.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else {
            continue;
        };
        if !is_tenants(name.to_bytes()) {
            continue;
        }
        value.clear();
        match fgetxattr(from, name, spare_capacity(&mut value)) {
            Ok(_) => {}
            // Removed meanwhile.
            Err(Errno::NODATA) => continue,
            Err(errno) => return Err(errno).maybe_done(&format!("read the extended attribute {name:?}")),
        }
        match fsetxattr(to, name, &value, XattrFlags::empty()) {
            Ok(()) => {}
            Err(Errno::PERM) if is_acl(name.to_bytes()) && !geteuid().is_root() => {}
            Err(errno) => return Err(errno).maybe_done(&format!("set the extended attribute {name:?}")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_tenant_says_comes_along() {
        for ours in [&b"user.a"[..], b"system.posix_acl_access", b"system.posix_acl_default"] {
            assert!(is_tenants(ours));
        }
        for other in [
            &b"security.capability"[..],
            b"trusted.overlay.opaque",
            b"system.nfs4_acl",
            b"username",
        ] {
            assert!(!is_tenants(other));
        }
    }
}
