//! Clones and restored snapshots: writable snapshots, made among the unfinished copies and renamed into place when they have their
//! limit and mode. The time that takes has nothing to do with how much is copied, unless somebody has to look into the copy.
//!
//! That is so for another tenant, who must not get set-id bits and devices, and where the source may be larger than the target:
//! then the copy, which nobody else has, is walked through.

use crate::filer::Filer;
use crate::room::{Room, charged};
use crate::subvolumes::{Volume, locate_or_make};
use crate::walk::{Errand, Walked, walk};
use rustix::fs::{FlockOperation, Mode, XattrFlags, fchmod, fgetxattr, flock, fsetxattr};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use tombolo_backend_api::{
    BackendError, COPIES_DIR, Certainty, Class, Copied, CopyTerms, CreateVolume, SnapshotId, VolumePath,
};
use tombolo_backend_local::blocking::Work;
use tombolo_backend_local::dir::{self, Standing};
use tombolo_backend_local::error::Certain;
use tombolo_btrfs::subvolume::{self, Writable};

mod name;

use name::{Attempt, Earlier, Target};

/// On a subvolume: bytes that it has of the subvolume that it was made of, and which are charged to that. Attributes of this kind
/// are out of reach for clients (xattr(7), RFC 8276).
const INHERITED: &str = "trusted.tombolo.inherited";

/// What is copied.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Volume(VolumePath),
    Snapshot(SnapshotId),
}

/// A copy that has not come to its place yet.
struct Unfinished {
    attempt: Attempt,
    copy: Volume,
    held: u64,
}

/// Bytes that a subvolume has at most: what is charged to it, and what it inherited.
pub(crate) fn held(volume: &Volume) -> Result<u64, BackendError> {
    let mut text = [0_u8; 20];
    let inherited = match fgetxattr(&volume.fd, INHERITED, &mut text[..]) {
        Ok(length) => text
            .get(..length)
            .and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()),
        Err(Errno::NODATA) => Some(0),
        Err(errno) => return Err(errno).not_done("ask what a volume has inherited"),
    };
    // Unreadable: as much as there can be, so that somebody looks.
    let inherited = inherited.unwrap_or(u64::MAX);
    Ok(charged(&volume.fd, volume.id)?.used.saturating_add(inherited))
}

/// The unfinished copies, of which one call at a time makes, renames and removes some. `None`: there never was one.
fn turn(root: &OwnedFd, make: bool) -> Result<Option<OwnedFd>, BackendError> {
    let copies = if make {
        Some(dir::make_private(root, COPIES_DIR)?)
    } else {
        dir::open_private(root, COPIES_DIR)?
    };
    if let Some(copies) = &copies {
        flock(copies, FlockOperation::LockExclusive).not_done("wait for a turn")?;
    }
    Ok(copies)
}

/// Copies `source` into `into`.
pub(crate) async fn copy(
    filer: &Filer,
    source: Source,
    into: &CreateVolume,
    terms: CopyTerms,
) -> Result<Copied, BackendError> {
    let (begun, target) = (filer.clone(), into.clone());
    let begin = move |root: &OwnedFd| begin(&begun, root, &source, &target, terms.epoch);
    let Some(begun) = filer.on_root(Work::Changes, begin).await? else {
        return Ok(Copied::default());
    };
    let looked_into = if terms.drop_set_id || begun.held > into.bytes {
        let errand = Errand {
            disarm: terms.drop_set_id,
            most_bytes: into.bytes,
            most_entries: if terms.drop_set_id { terms.max_entries } else { u64::MAX },
        };
        look_into(filer, &begun.copy.fd, errand).await
    } else {
        Ok(())
    };
    let (ended, target) = (filer.clone(), into.clone());
    filer
        .on_root(Work::Changes, move |root| {
            let placed = looked_into.and_then(|()| place(&ended, root, &begun, &target));
            match placed {
                Ok(()) => Ok(Copied::default()),
                Err(error) => Err(give_up(root, &begun.attempt, error)),
            }
        })
        .await
}

pub(crate) async fn look_into(filer: &Filer, copy: &OwnedFd, errand: Errand) -> Result<(), BackendError> {
    let top = copy
        .try_clone()
        .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::MFILE));
    let top = top.maybe_done("look into a copy")?;
    let job = move |walked: &Walked| walk(&top, errand, walked);
    filer
        .threads()
        .watch("a look into a copy", Arc::new(Walked::default()), |_| {}, job)
        .await
}

/// Makes the snapshot that is to become the copy; `None` if the target is there.
fn begin(
    filer: &Filer,
    root: &OwnedFd,
    source: &Source,
    into: &CreateVolume,
    epoch: u64,
) -> Result<Option<Unfinished>, BackendError> {
    if Volume::find(root, &into.path)?.is_some() {
        return Ok(None);
    }
    let source = match source {
        Source::Volume(path) => {
            let none = || BackendError::not_done(Class::Invalid, format!("there is no volume {path} to copy"));
            let volume = Volume::find(root, path)?.ok_or_else(none)?;
            (held(&volume)?, volume)
        }
        Source::Snapshot(id) => crate::snapshots::open(root, id)?,
    };
    let Some(copies) = turn(root, true)? else {
        return Ok(None);
    };
    if Volume::find(root, &into.path)?.is_some() {
        return Ok(None);
    }
    let target = Target::of(&into.path);
    clear(root, &copies, &target, Earlier::UpTo(epoch))?;
    Room::of(filer, root)?.check(into.bytes, None)?;
    let attempt = Attempt::new(target, epoch);
    let name = attempt.name();
    let (held_before, source) = source;
    subvolume::snapshot(&source.fd, &copies, &name, Writable::Yes).not_done(&format!("copy into {}", into.path))?;
    let gone = || BackendError::maybe_done(Class::Transient, "a copy was removed while it was made");
    let copy = Volume::at(&copies, &name, &into.path)?.ok_or_else(gone)?;
    // What was not written to disk before is charged to the source by now.
    let held = match held(&source) {
        Ok(now) => held_before.max(now),
        Err(_) => held_before,
    };
    Ok(Some(Unfinished { attempt, copy, held }))
}

/// Gives the copy what a volume has, and renames it to its place.
fn place(filer: &Filer, root: &OwnedFd, begun: &Unfinished, into: &CreateVolume) -> Result<(), BackendError> {
    let what = format!("finish a copy into {}", into.path);
    let (above, name) = locate_or_make(root, &into.path)?;
    let Some(copies) = turn(root, true)? else { return Ok(()) };
    let copy = &begun.copy;
    Room::of(filer, root)?.promise(&copy.fd, copy.id, into.bytes)?;
    let inherited = begun.held.to_string();
    fsetxattr(&copy.fd, INHERITED, inherited.as_bytes(), XattrFlags::empty()).maybe_done(&what)?;
    fchmod(&copy.fd, Mode::from_raw_mode(into.mode)).maybe_done(&what)?;
    dir::persist(&copy.fd)?;
    match dir::rename_new(&copies, begun.attempt.name().as_str(), &above, name) {
        Ok(()) => {}
        // Another attempt was faster, and this one is of no use.
        Err(Errno::EXIST | Errno::NOTEMPTY) => return remove(root, &copies, &begun.attempt.name()),
        Err(errno) => return Err(errno).maybe_done(&what),
    }
    dir::persist(&copies)?;
    dir::persist(&above)
}

/// What an attempt that failed says, once it is gone.
fn give_up(root: &OwnedFd, attempt: &Attempt, error: BackendError) -> BackendError {
    let gone = || {
        let Some(copies) = turn(root, false)? else {
            return Ok(false);
        };
        let taken_away = dir::standing(&copies, &attempt.name())? == Standing::Nothing;
        remove(root, &copies, &attempt.name()).map(|()| taken_away)
    };
    match gone() {
        Ok(false) => BackendError {
            certainty: Certainty::NotDone,
            ..error
        },
        // By a later leader, or by an abandon; or it cannot be asked, and the next attempt finds it.
        Ok(true) => BackendError::not_done(Class::Transient, "the copy was taken over or abandoned").because(error),
        Err(_) => BackendError {
            certainty: Certainty::MaybeDone,
            ..error
        },
    }
}

/// Removes what unfinished copies into `into` have made.
pub(crate) fn abandon(root: &OwnedFd, into: &VolumePath) -> Result<(), BackendError> {
    match turn(root, false)? {
        Some(copies) => clear(root, &copies, &Target::of(into), Earlier::All),
        None => Ok(()),
    }
}

/// Removes earlier attempts, so that those that still run fail. There is nothing in them that is not made again in no time.
fn clear(root: &OwnedFd, copies: &OwnedFd, target: &Target, which: Earlier) -> Result<(), BackendError> {
    let doomed = name::earlier(&names(copies)?, target, which)?;
    for name in &doomed {
        remove(root, copies, name)?;
    }
    Ok(())
}

fn names(copies: &OwnedFd) -> Result<Vec<String>, BackendError> {
    let what = "list the unfinished copies";
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(copies).not_done(what)? {
        // What is no UTF-8 was not made here.
        names.extend(entry.not_done(what)?.file_name().to_str().map(str::to_owned));
    }
    Ok(names)
}

/// Removes a subvolume of ours by its name in a private directory; absent is success.
pub(crate) fn remove(root: impl AsFd, private: &OwnedFd, name: &str) -> Result<(), BackendError> {
    let what = format!("remove {name}");
    match subvolume::open(private, name) {
        Ok(doomed) => {
            let id = subvolume::info(&doomed).maybe_done(&what)?.id;
            subvolume::destroy(&root, id).maybe_done(&what)?;
            // To disk, and on to the kernel's cleaner, so that its room is free soon.
            subvolume::sync(root).maybe_done(&what)
        }
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno).maybe_done(&what),
    }
}
