//! A mount of its own for a subvolume, which an NFS server wants before it serves one, and the list of those there are.
//!
//! A mount is made from an open descriptor onto an open descriptor (open_tree(2), move_mount(2)), so that nobody can put something
//! else in either place. It is a second view of the same file system as `mount -o subvol=` would make it, but needs neither the
//! device nor the subvolume's path.

use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount_remount, move_mount, open_tree, unmount,
};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What holds for each of these mounts. It concerns programs of this host that come by it, not clients: an NFS server opens files
/// only to read and write, answers itself whether a client may execute one, and clients decide themselves about set-id bits and
/// devices.
///
/// * `NOSUID`: a tenant's set-id program is none here.
/// * `NODEV`: a tenant may make device files over NFS; here they open nothing.
/// * `NOEXEC`: nothing that a tenant wrote is run here.
const FLAGS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Mounts the directory `source` over the directory `target`, without what is mounted below `source`.
pub fn mount(source: impl AsFd, target: impl AsFd) -> Result<(), Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let tree = open_tree(source, "", flags)?;
    let both = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(&tree, "", target, "", both)?;
    // By the descriptor, which is the new mount wherever it is.
    restrict(&tree)
}

/// Makes a mount be as each of these is to be, if whoever made it ended before that. By a descriptor of its topmost directory.
pub fn restrict(mounted: impl AsFd) -> Result<(), Errno> {
    let itself = format!("/proc/self/fd/{}", mounted.as_fd().as_raw_fd());
    mount_remount(&itself, MountFlags::BIND | FLAGS, "")
}

/// Takes away the uppermost mount at a path, at once for whoever looks there, and for those who use it when they end. `INVAL`:
/// nothing is mounted there.
pub fn unmount_at(path: &Path) -> Result<(), Errno> {
    unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)
}

/// A mount of this process' view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is.
    pub at: PathBuf,
    /// What of its file system is mounted: a directory, from the file system's own top. `//deleted` ends it if that is gone.
    pub root: OsString,
    /// Its device numbers, major and minor.
    pub device: (u32, u32),
    /// Kind of file system, such as `btrfs`.
    pub kind: OsString,
}

/// All mounts below `directory`, not on it, in the order in which they were made. Its path has no links in it.
pub fn below(directory: &Path) -> io::Result<Vec<Mount>> {
    let table = fs::read("/proc/self/mountinfo")?;
    let mut mounts = parse(&table);
    mounts.retain(|mount| mount.at != directory && mount.at.starts_with(directory));
    Ok(mounts)
}

/// All mounts at `place`, the uppermost last. Its path has no links in it.
pub fn at(place: &Path) -> io::Result<Vec<Mount>> {
    let table = fs::read("/proc/self/mountinfo")?;
    let mut mounts = parse(&table);
    mounts.retain(|mount| mount.at == place);
    Ok(mounts)
}

/// The mount that a path lies in: the last of those whose mount points are nearest above it. Its path has no links in it.
pub fn of(path: &Path) -> io::Result<Option<Mount>> {
    let table = fs::read("/proc/self/mountinfo")?;
    let above = parse(&table).into_iter().filter(|mount| path.starts_with(&mount.at));
    Ok(above.max_by_key(|mount| mount.at.components().count()))
}

/// Reads the table of proc_pid_mountinfo(5). Lines of another form are left out.
fn parse(table: &[u8]) -> Vec<Mount> {
    table.split(|b| *b == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|b| *b == b' ');
    let (major, minor) = std::str::from_utf8(fields.nth(2)?).ok()?.split_once(':')?;
    let root = unescape(fields.next()?);
    let at = unescape(fields.next()?);
    // Any number of optional fields, which a hyphen ends.
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some(Mount {
        at: PathBuf::from(OsString::from_vec(at)),
        root: OsString::from_vec(root),
        device: (major.parse().ok()?, minor.parse().ok()?),
        kind: OsStr::from_bytes(kind).to_owned(),
    })
}

/// Blank, tab, newline and backslash are written as a backslash and three octal digits.
fn unescape(mut text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        let escaped = rest.split_at_checked(3).filter(|_| *first == b'\\');
        match escaped.and_then(|(digits, behind)| Some((octal(digits)?, behind))) {
            Some((byte, behind)) => {
                plain.push(byte);
                text = behind;
            }
            None => {
                plain.push(*first);
                text = rest;
            }
        }
    }
    plain
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(
        std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?,
        8,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_mounts_is_read_with_its_escapes() {
        let table = b"44 27 0:39 / /srv/pool rw,relatime - btrfs /dev/loop0 rw,subvolid=5\n\
            43 27 0:40 /vol /srv/with\\040blank\\134\\011x rw,nosuid shared:1 master:2 - btrfs /dev/loop0 rw\n\
            nonsense\n\
            45 27 0:41 /gone//deleted /srv/\\0 rw - tmpfs none rw\n\
            46 27 0:x / /srv/z rw - tmpfs none rw\n\
            47 27 0:42 / /srv/cut rw shared:1";
        let mounts = parse(table);
        let at: Vec<_> = mounts.iter().map(|m| m.at.to_str().unwrap()).collect();
        assert_eq!(at, ["/srv/pool", "/srv/with blank\\\tx", "/srv/\\0"]);
        assert_eq!(mounts[1].root, "/vol");
        assert_eq!(mounts[1].device, (0, 40));
        assert_eq!(mounts[1].kind, "btrfs");
        assert_eq!(mounts[2].root, "/gone//deleted");
        assert_eq!(mounts[2].kind, "tmpfs");
    }

    #[test]
    fn digits_that_are_none_stay_as_they_are() {
        for (escaped, plain) in [
            ("\\040", " "),
            ("\\+04", "\\+04"),
            ("\\04", "\\04"),
            ("\\999", "\\999"),
            ("\\", "\\"),
        ] {
            assert_eq!(unescape(escaped.as_bytes()), plain.as_bytes(), "{escaped}");
        }
    }
}
