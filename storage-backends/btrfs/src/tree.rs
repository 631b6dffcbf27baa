//! The tree of trees: which subvolumes there are, by their ids, and which lie in which.
//!
//! Only keys are read, so nothing here depends on what tenants named their directories.

use crate::SubvolumeId;
use crate::ioctl::{self, Key, Search};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;

/// `BTRFS_ROOT_TREE_OBJECTID`.
const ROOT_TREE: u64 = 1;
/// `BTRFS_ROOT_BACKREF_KEY`: object is a subvolume, offset the one that it lies in. It goes when the subvolume is deleted, long
/// before its tree is cleaned up.
const CHILD_TO_PARENT: u32 = 144;
/// `BTRFS_ROOT_REF_KEY`: object is a subvolume, offset one that lies in it.
const PARENT_TO_CHILD: u32 = 156;
/// `sizeof(struct btrfs_ioctl_search_header)`.
const HEADER: usize = 32;

/// Every subvolume that has not been deleted, but for the top level.
pub(crate) fn subvolumes(file_system: BorrowedFd<'_>) -> Result<Vec<SubvolumeId>, Errno> {
    let mut found = Vec::new();
    let all = (SubvolumeId::FIRST.get(), SubvolumeId::LAST.get());
    walk(file_system, CHILD_TO_PARENT, all, |object, _| {
        found.push(SubvolumeId::new(object))
    })?;
    // One that has two names at the moment is one.
    found.dedup();
    Ok(found)
}

/// The subvolumes that lie directly in `parent`.
pub(crate) fn children(file_system: BorrowedFd<'_>, parent: SubvolumeId) -> Result<Vec<SubvolumeId>, Errno> {
    let mut found = Vec::new();
    let one = (parent.get(), parent.get());
    walk(file_system, PARENT_TO_CHILD, one, |_, offset| {
        found.push(SubvolumeId::new(offset))
    })?;
    Ok(found)
}

/// Tells object and offset of every key of type `kind` whose object is in a range, in their order.
fn walk(
    file_system: BorrowedFd<'_>,
    kind: u32,
    (first, last): (u64, u64),
    mut tell: impl FnMut(u64, u64),
) -> Result<(), Errno> {
    let mut search = Search {
        key: Key {
            tree: ROOT_TREE,
            min_object: first,
            max_object: last,
            min_offset: 0,
            max_offset: u64::MAX,
            min_transaction: 0,
            max_transaction: u64::MAX,
            min_type: kind,
            max_type: kind,
            items: u32::MAX,
            unused: [0; 9],
        },
        found: [0; 3992],
    };
    loop {
        search.key.items = u32::MAX;
        ioctl::search(file_system, &mut search)?;
        let Some(next) = read_keys(&search.found, search.key.items, |object, offset, found| {
            // The kernel compares whole keys, so that other types lie between two objects.
            if found == kind {
                tell(object, offset);
            }
        }) else {
            return Ok(());
        };
        (search.key.min_object, search.key.min_type, search.key.min_offset) = next;
    }
}

/// Tells every key in the kernel's answer, and answers the key after the last one; `None` if there is none.
fn read_keys(found: &[u8], items: u32, mut tell: impl FnMut(u64, u64, u32)) -> Option<(u64, u32, u64)> {
    let mut rest = found;
    let mut last = None;
    for _ in 0..items {
        // transid, objectid, offset, type, len
        let (header, behind) = rest.split_at_checked(HEADER)?;
        let object = u64::from_ne_bytes(header.get(8..16)?.try_into().ok()?);
        let offset = u64::from_ne_bytes(header.get(16..24)?.try_into().ok()?);
        let kind = u32::from_ne_bytes(header.get(24..28)?.try_into().ok()?);
        let length = u32::from_ne_bytes(header.get(28..32)?.try_into().ok()?);
        tell(object, offset, kind);
        last = Some((object, kind, offset));
        rest = behind.get(usize::try_from(length).ok()?..)?;
    }
    let (object, kind, offset) = last?;
    match offset.checked_add(1) {
        Some(offset) => Some((object, kind, offset)),
        None => Some((object, kind.checked_add(1)?, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(object: u64, kind: u32, offset: u64, length: u32) -> Vec<u8> {
        let mut bytes = [7, object, offset].map(u64::to_ne_bytes).concat();
        bytes.extend([kind, length].map(u32::to_ne_bytes).concat());
        bytes.resize(HEADER + usize::try_from(length).unwrap(), b'x');
        bytes
    }

    #[test]
    fn keys_are_read_one_after_the_other_and_the_search_goes_on_behind_the_last() {
        let answer = [item(256, 144, 5, 20), item(257, 144, 256, 0)].concat();
        let mut keys = vec![];
        let next = read_keys(&answer, 2, |object, offset, kind| keys.push((object, offset, kind)));
        assert_eq!(keys, [(256, 5, 144), (257, 256, 144)]);
        assert_eq!(next, Some((257, 144, 257)));
        assert_eq!(read_keys(&answer, 0, |_, _, _| {}), None);
    }

    #[test]
    fn an_answer_that_ends_too_early_ends_the_search() {
        let answer = item(256, 144, 5, 20);
        for length in 0..answer.len() {
            assert_eq!(read_keys(&answer[..length], 1, |_, _, _| {}), None);
        }
    }
}
