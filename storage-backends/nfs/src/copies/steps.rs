//! The steps of a copy that are more than one procedure.

use crate::{
    call::Call,
    errors::{Fault, Kind},
    files::{Change, Writing},
    node::{Entry, FileKind, Handle, Node, Page},
    purge::{unspeakable, unspeakable_fault},
};
use nfs_rs::DirectoryCookie;
use std::ops::Range;
use tombolo_backend_api::{BackendError, Class};
use tombolo_backend_copy::{self as copy, Id, Kind as Thing, Moved, Name, Time};

/// Bytes of a file that are read at once.
const PART: u32 = 1 << 20;
/// What is all zero in a part so long is not written.
const BLOCK: usize = 64 * 1024;

/// A directory of the source or of a copy.
pub(crate) struct Dir {
    pub(super) handle: Handle,
    pub(super) file_system: u64,
    pub(super) owner: Option<u32>,
    pub(super) group: Option<u32>,
}

impl Dir {
    pub(super) fn of(node: &Node) -> Self {
        Self {
            handle: node.handle.clone(),
            file_system: node.file_system,
            owner: node.owner,
            group: node.group,
        }
    }
}

/// A file of the source, or of a copy.
pub(crate) struct File {
    pub(super) node: Node,
    pub(super) writing: Option<Writing>,
}

/// What the rules of copying are to know of an object.
pub(super) fn known(name: impl std::fmt::Debug, node: &Node) -> Result<copy::Node, BackendError> {
    let (Some(uid), Some(gid)) = (node.owner, node.group) else {
        let message = format!(
            "the server gives the owner of {name:?} a name and no number, so that a copy cannot have the same; configure \
             numeric owners on the server, or use NFS version 3"
        );
        return Err(BackendError::maybe_done(Class::Denied, message));
    };
    let time = |time: &nfs_rs::Time| Time {
        seconds: i64::from(time.seconds),
        nanoseconds: time.nseconds,
    };
    let [accessed, modified, changed] = &node.times;
    Ok(copy::Node {
        id: Id {
            device: node.file_system,
            inode: node.file_id,
        },
        kind: match node.kind {
            FileKind::Regular => Thing::File,
            FileKind::Directory => Thing::Directory,
            FileKind::Symlink => Thing::Symlink,
            FileKind::Other => Thing::Special,
        },
        mode: node.mode,
        links: u64::from(node.links),
        uid,
        gid,
        size: node.size,
        // Servers that count nothing say 0.
        allocated: if node.used == 0 { u64::MAX } else { node.used },
        accessed: time(accessed),
        modified: time(modified),
        changed: time(changed),
    })
}

pub(super) fn text(name: &Name) -> Result<&str, Fault> {
    std::str::from_utf8(name.as_bytes()).map_err(|_| Fault::found(Kind::Unfit, format!("{name:?} is not UTF-8")))
}

/// Lists a part of a directory; `None` if it has changed too much for its listing to go on. A directory that was removed
/// has nothing in it.
pub(super) async fn list(call: &Call<'_>, dir: &Handle, from: DirectoryCookie) -> Result<Option<Page>, Fault> {
    match call.list(dir, from).await {
        Ok(page) => Ok(Some(page)),
        Err(fault) if fault.is(Kind::BadCookie) => Ok(None),
        Err(fault) if fault.is(Kind::Stale) => {
            // If the whole file system is gone, this fails too.
            call.root().await?;
            Ok(Some(Page {
                entries: Vec::new(),
                next: None,
            }))
        }
        Err(fault) => Err(fault),
    }
}

/// What stands at a name that was listed; `None` if it has gone.
pub(super) async fn listed(call: &Call<'_>, dir: &Handle, entry: Entry) -> Result<Option<Node>, Fault> {
    // A name that can be said leads somewhere.
    let told = entry.node.filter(|_| !unspeakable(&entry.name));
    match told {
        Some(node) => Ok(Some(node)),
        None => match call.lookup(dir, &entry.name).await? {
            None if unspeakable(&entry.name) => Err(unspeakable_fault(&entry.name, "it cannot be copied")),
            found => Ok(found),
        },
    }
}

/// Copies a part of a file, but for blocks of zeros.
pub(super) async fn transfer(call: &Call<'_>, from: &File, to: &File, range: Range<u64>) -> Result<Moved, Fault> {
    let Some(writing) = &to.writing else {
        return Err(Fault::found(Kind::Other, "the copy of a file is not open"));
    };
    let most = u32::try_from(range.end - range.start).unwrap_or(PART).min(PART);
    let part = call.read_part(&from.node.handle, range.start, most).await?;
    let mut written = 0;
    for run in runs(&part) {
        let at = range.start + run.start as u64;
        let data = part.slice(run);
        written += data.len() as u64;
        call.write_part(writing, at, data).await?;
    }
    Ok(Moved {
        read: part.len() as u64,
        written,
    })
}

/// The parts that are not all zero, in whole blocks.
fn runs(part: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (number, block) in part.chunks(BLOCK).enumerate() {
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        let here = number * BLOCK..number * BLOCK + block.len();
        match found.last_mut() {
            Some(last) if last.end == here.start => last.end = here.end,
            _ => found.push(here),
        }
    }
    found
}

/// Sets owner, mode and times, the times last of all.
pub(super) async fn attributes(
    call: &Call<'_>,
    handle: &Handle,
    (owner, group): (Option<u32>, Option<u32>),
    like: &copy::Node,
) -> Result<(), Fault> {
    let (uid, gid) = (like.uid, like.gid);
    if (owner, group) != (Some(uid), Some(gid)) {
        let refused = |fault: Fault| {
            match fault.kind {
            Kind::Denied => fault.saying(&format!(
                "the server does not let this client give files to user {uid} and group {gid}: root must not be squashed \
                 for a copy that keeps owners"
            )),
            _ => fault,
        }
        };
        call.set(handle, &Change::Owner { uid, gid }).await.map_err(refused)?;
    }
    let times = [like.accessed, like.modified].map(|time| nfs_rs::Time {
        seconds: u32::try_from(time.seconds).unwrap_or(0),
        nseconds: time.nanoseconds,
    });
    let change = match like.kind {
        // A link has no mode of its own.
        Thing::Symlink => Change::Times(times),
        Thing::File | Thing::Directory | Thing::Special => Change::ModeAndTimes(like.mode, times),
    };
    call.set(handle, &change).await
}

/// Gives a copied file its size, waits until its data is safe, and makes it like its source.
pub(super) async fn finish(call: &Call<'_>, file: File, size: u64, like: &copy::Node) -> Result<(), Fault> {
    let File { node, writing } = file;
    let mut now = node.size;
    if let Some(writing) = writing {
        call.end_file(writing).await?;
        now = call.getattr(&node.handle).await?.size;
    }
    if now != size {
        call.set(&node.handle, &Change::Size(size)).await?;
    }
    attributes(call, &node.handle, (node.owner, node.group), like).await
}

/// Makes the same link.
pub(super) async fn symlink(
    call: &Call<'_>,
    from: &Handle,
    to: &Handle,
    name: &str,
    like: &copy::Node,
) -> Result<bool, Fault> {
    let target = match call.lookup(from, name).await? {
        Some(link) if link.kind == FileKind::Symlink => match call.read_link(&link.handle).await {
            Err(fault) if fault.is(Kind::Stale) => return Ok(false),
            target => target?,
        },
        Some(_) | None => return Ok(false),
    };
    let made = match call.make_link(to, name, &target).await {
        Err(fault) if fault.is(Kind::Exists) && !fault.repeated => return Ok(false),
        Err(fault) if fault.is(Kind::Exists) => match call.lookup(to, name).await? {
            Some(made) => made,
            None => return Err(fault),
        },
        made => made?,
    };
    attributes(call, &made.handle, (made.owner, made.group), like).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_all_zero_is_not_written() {
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&vec![0; 3 * BLOCK + 5]), []);
        let mut part = vec![0; 4 * BLOCK + 5];
        part[BLOCK + 1] = 1;
        part[2 * BLOCK] = 1;
        *part.last_mut().unwrap() = 1;
        assert_eq!(runs(&part), [BLOCK..3 * BLOCK, 4 * BLOCK..4 * BLOCK + 5]);
    }
}
