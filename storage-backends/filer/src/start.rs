//! What a filer looks at before it begins: whose file system this is, what else is on it, and what quotas it keeps.
//!
//! Whoever reaches an NFS server from an allowed address can forge file handles to everything on the file systems that it exports
//! from. So these hold volumes and nothing else, and the one of `/` is refused in any case.

use crate::config::{Config, QuotaMode};
use crate::exposed::Exposed;
use crate::filer::Kind;
use rustix::fs::{Dir, fstat};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tombolo_backend_api::{BackendError, Class};
use tombolo_backend_local::dir;
use tombolo_backend_local::error::Certain;
use tombolo_btrfs::quota::{self, Qgroups, Quotas};
use tombolo_btrfs::{Division, mounts, subvolume};

/// A directory of ext4's own.
const LOST_AND_FOUND: &[u8] = b"lost+found";

/// What kind of file system a root lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// A btrfs, with these quotas, and whose room is divided so.
    Btrfs(Quotas, Division),
    /// Another, on which volumes are plain directories.
    Other,
}

/// A root that may be worked on, but for its quotas.
pub(crate) struct Looked {
    /// The root, or what is above it.
    open: OwnedFd,
    /// The root as the kernel spells it.
    pub(crate) root: PathBuf,
    pub(crate) on: FileSystem,
}

/// Decides what volumes are to be, and answers the root as the kernel spells it.
pub(crate) fn start(config: &Config) -> Result<(Kind, PathBuf), BackendError> {
    let looked = look(config)?;
    let kind = match looked.on {
        FileSystem::Btrfs(found, division) => {
            quotas(&looked.open, found, config.quota())?;
            Kind::Subvolumes(Exposed::prepare(config.exports_dir())?, division)
        }
        FileSystem::Other => Kind::Directories,
    };
    Ok((kind, looked.root))
}

/// Looks at a root, and changes nothing. It may be missing: marking makes it.
pub(crate) fn look(config: &Config) -> Result<Looked, BackendError> {
    let away = || {
        let message = format!(
            "the root {} is not there, nor the directory above it",
            config.root().display()
        );
        BackendError::not_done(Class::Waiting, message)
    };
    let (found, missing) = match config.root().canonicalize() {
        Ok(root) => (root, None),
        Err(_) => {
            let (above, name) = config.root().parent().zip(config.root().file_name()).ok_or_else(away)?;
            (above.canonicalize().map_err(|e| away().because(e))?, Some(name))
        }
    };
    let open = dir::root(&found)?;
    let own = missing.map_or_else(|| found.clone(), |name| found.join(name));
    own_file_system(&open, &own)?;
    let on = if subvolume::is_on_btrfs(&open).not_done("look at the root's file system")? {
        let kind = Qgroups::of(&open).and_then(|groups| groups.kind());
        let kind = kind.not_done("ask for the quotas of the root's file system")?;
        FileSystem::Btrfs(
            kind,
            Division::of(&open).not_done("ask how the room of the root's file system is divided")?,
        )
    } else {
        FileSystem::Other
    };
    Ok(Looked { open, root: own, on })
}

fn refused(message: String) -> BackendError {
    BackendError::not_done(Class::Invalid, message)
}

/// Fails unless the root's file system is another than that of `/` and holds nothing but the root.
fn own_file_system(open: &OwnedFd, root: &Path) -> Result<(), BackendError> {
    let what = "look at the root's file system";
    let top = dir::root(Path::new("/"))?;
    let same = match (subvolume::file_system(open), subvolume::file_system(&top)) {
        // Each subvolume has a device number of its own.
        (Ok(one), Ok(other)) => one == other,
        _ => fstat(open).not_done(what)?.st_dev == fstat(&top).not_done(what)?.st_dev,
    };
    if same {
        return Err(refused(format!(
            "{} is on the file system of /: whoever reaches the NFS server could read all of this host; give it one of its own",
            root.display()
        )));
    }
    let mount = mounts::of(root)
        .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))
        .not_done(what)?;
    let mount = mount.ok_or_else(|| refused(format!("{} is in no mount", root.display())))?;
    if mount.root != "/" {
        return Err(refused(format!(
            "only {} of a file system is mounted at {}: mount all of it, so that it can be seen to hold nothing else",
            mount.root.display(),
            mount.at.display()
        )));
    }
    let mut above = mount.at.clone();
    for component in root.strip_prefix(&mount.at).unwrap_or(Path::new("")) {
        if let Some(stranger) = stranger(&above, component.as_encoded_bytes())? {
            return Err(refused(format!(
                "{} is on the file system of the root {}, which must hold nothing else",
                above.join(stranger).display(),
                root.display()
            )));
        }
        above.push(component);
    }
    Ok(())
}

/// Something in a directory besides `known`.
fn stranger(directory: &Path, known: &[u8]) -> Result<Option<String>, BackendError> {
    let what = format!("list {}", directory.display());
    for entry in Dir::read_from(dir::root(directory)?).not_done(&what)? {
        let entry = entry.not_done(&what)?;
        let name = entry.file_name();
        if ![&b"."[..], b"..", LOST_AND_FOUND, known].contains(&name.to_bytes()) {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// Makes sure that there are quotas of the kind that was asked for.
fn quotas(root: &OwnedFd, found: Quotas, wanted: QuotaMode) -> Result<(), BackendError> {
    match (found, wanted) {
        (Quotas::Simple, _) | (Quotas::Full, QuotaMode::Full) => Ok(()),
        (Quotas::Off, QuotaMode::Simple) => match quota::enable(root) {
            Ok(()) => Ok(()),
            Err(Errno::INVAL) => Err(refused("this kernel has no simple quotas: they came with Linux 6.7".to_owned())),
            Err(errno) => Err(errno).maybe_done("switch simple quotas on"),
        },
        (Quotas::Off, QuotaMode::Full) => Err(refused(
            "quota: Full, but no quotas are on: see btrfs quota enable, or leave it to simple ones".to_owned(),
        )),
        (Quotas::Full, QuotaMode::Simple) => Err(refused(
            "full quota groups are on, which make deletions slow and which snapshots escape: btrfs quota disable, and simple ones \
             are switched on here; or configure quota: Full"
                .to_owned(),
        )),
    }
}
