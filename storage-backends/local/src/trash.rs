//! Discarded volumes: a record, a rename, and the way back. Removing them is in `purge`.

use crate::dir::{self, Standing};
use crate::error::Certain;
use crate::mark::{read_file, remove_beside, write_beside};
use crate::volumes::time;
use rustix::fs::{AtFlags, Dir, FileType, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use tombolo_backend_api::{
    ARCHIVE_DIR, BackendError, Class, Disposal, PURGING_PREFIX, Remains, TRASH_DIR, TrashEntry, TrashId, VolumePath,
    read_record, write_record,
};

pub(crate) fn record_name(id: &TrashId) -> String {
    format!("{id}.json")
}

/// Name of an entry under purge.
pub fn purging_name(id: &TrashId) -> String {
    format!("{PURGING_PREFIX}{id}")
}

/// Moves a volume into the trash or the archive; see the trait.
pub fn discard(root: &OwnedFd, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
    let Some((above, name)) = dir::locate(root, path)? else {
        return Ok(());
    };
    match dir::standing(&above, name)? {
        Standing::Nothing => return Ok(()),
        Standing::Directory => {}
        Standing::SomethingElse => return Err(dir::in_the_way(path)),
    }
    let (to, id) = match disposal {
        Disposal::Trash { id, .. } => (dir::make_private(root, TRASH_DIR)?, id),
        Disposal::Archive { id } => (dir::make_private(root, ARCHIVE_DIR)?, id),
    };
    if let Some(refusal) = refusal(&to, disposal)? {
        return unless_gone(&above, name, refusal);
    }
    if let Disposal::Trash { id, record } = disposal {
        match put_record(&to, id, record) {
            // Without this, nothing on a full file system could ever be let go.
            Err(error) if error.class == Class::Full => {}
            other => other?,
        }
    }
    match dir::rename_new(&above, name, &to, id.as_str()) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::EXIST | Errno::NOTEMPTY) => return unless_gone(&above, name, taken(id)),
        Err(errno) => return Err(errno).not_done(&format!("discard {path}")),
    }
    dir::persist(&to)?;
    dir::persist(&above)
}

/// Whether there is something to discard. Fails as [`discard`] would if its place is taken, and changes nothing.
pub fn may_discard(root: &OwnedFd, path: &VolumePath, disposal: &Disposal) -> Result<bool, BackendError> {
    let Some((above, name)) = dir::locate(root, path)? else {
        return Ok(false);
    };
    match dir::standing(&above, name)? {
        Standing::Nothing => return Ok(false),
        Standing::Directory => {}
        Standing::SomethingElse => return Err(dir::in_the_way(path)),
    }
    let place = match disposal {
        Disposal::Trash { .. } => TRASH_DIR,
        Disposal::Archive { .. } => ARCHIVE_DIR,
    };
    let refusal = dir::open_private(root, place)?
        .map(|to| refusal(&to, disposal))
        .transpose()?;
    match refusal.flatten() {
        Some(refusal) => unless_gone(&above, name, refusal).map(|()| false),
        None => Ok(true),
    }
}

/// The same discard, made by somebody else since its place was looked at, is no conflict.
fn unless_gone(above: &OwnedFd, name: &str, refusal: BackendError) -> Result<(), BackendError> {
    match dir::standing(above, name)? {
        Standing::Nothing => Ok(()),
        Standing::Directory | Standing::SomethingElse => Err(refusal),
    }
}

fn taken(id: &TrashId) -> BackendError {
    BackendError::not_done(Class::Invalid, format!("the place {id} of a discarded volume is taken"))
}

/// Why a volume cannot go where it is to go.
fn refusal(to: &OwnedFd, disposal: &Disposal) -> Result<Option<BackendError>, BackendError> {
    let (Disposal::Trash { id, .. } | Disposal::Archive { id }) = disposal;
    if dir::standing(to, id.as_str())? != Standing::Nothing {
        return Ok(Some(taken(id)));
    }
    let purging =
        matches!(disposal, Disposal::Trash { .. }) && dir::standing(to, &purging_name(id))? != Standing::Nothing;
    let message = format!("the trash entry {id} is still under purge");
    Ok(purging.then(|| BackendError::not_done(Class::Transient, message)))
}

fn put_record(trash: &OwnedFd, id: &TrashId, record: &serde_json::Value) -> Result<(), BackendError> {
    let name = record_name(id);
    let written = write_beside(trash, &name, &write_record(record)?)?;
    renameat(trash, &written, trash, &name).not_done(&format!("write {name}"))
}

pub(crate) fn list(root: &OwnedFd) -> Result<Vec<TrashEntry>, BackendError> {
    let Some(trash) = dir::open_private(root, TRASH_DIR)? else {
        return Ok(Vec::new());
    };
    let mut entries = Vec::new();
    for entry in Dir::read_from(&trash).not_done("list the trash")? {
        let entry = entry.not_done("list the trash")?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        let stat = match statat(&trash, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(errno).not_done(&format!("look at {name} in the trash")),
        };
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let (id, remains) = match (
            is_directory,
            name.strip_prefix(PURGING_PREFIX),
            name.strip_suffix(".json"),
        ) {
            (true, Some(id), _) => (id, Remains::Purging),
            (true, None, _) => (name, Remains::Whole),
            (false, _, Some(id)) => (id, Remains::RecordOnly),
            (false, _, None) => continue,
        };
        let Some(id) = TrashId::parse(id) else { continue };
        // After the record was seen: a discard makes the record first.
        if remains == Remains::RecordOnly && is_there(&trash, &id)? {
            continue;
        }
        // Unreadable in whatever way: the entry is shown without it.
        let bytes = read_file(&trash, &record_name(&id)).ok().flatten();
        entries.push(TrashEntry {
            record: bytes.as_deref().and_then(read_record),
            id,
            remains,
            since: time(stat.st_ctime, stat.st_ctime_nsec),
        });
    }
    Ok(entries)
}

/// Whether there is more of an entry than its record.
fn is_there(trash: &OwnedFd, id: &TrashId) -> Result<bool, BackendError> {
    Ok(dir::standing(trash, id.as_str())? != Standing::Nothing
        || dir::standing(trash, &purging_name(id))? != Standing::Nothing)
}

pub(crate) fn forget(root: &OwnedFd, id: &TrashId) -> Result<(), BackendError> {
    match dir::open_private(root, TRASH_DIR)? {
        Some(trash) if !is_there(&trash, id)? => {
            remove_record(&trash, id)?;
            dir::persist(&trash)
        }
        Some(_) | None => Ok(()),
    }
}

/// Removes the record of an entry.
pub fn remove_record(trash: &OwnedFd, id: &TrashId) -> Result<(), BackendError> {
    match unlinkat(trash, record_name(id), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => remove_beside(trash, &record_name(id)),
        Err(errno) => Err(errno).maybe_done(&format!("remove the record of {id}")),
    }
}

/// Moves an entry to `path`; see the trait.
pub fn restore(root: &OwnedFd, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
    let refused = |why: &str| BackendError::not_done(Class::Invalid, format!("trash entry {id} {why}"));
    let Some(trash) = dir::open_private(root, TRASH_DIR)? else {
        return Err(refused("is gone"));
    };
    if dir::standing(&trash, &purging_name(id))? != Standing::Nothing {
        return Err(refused("is under purge"));
    }
    if dir::standing(&trash, id.as_str())? != Standing::Directory {
        return Err(refused("is gone"));
    }
    let (above, name) = dir::locate_or_make(root, path)?;
    match dir::rename_new(&trash, id.as_str(), &above, name) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Err(refused("is gone")),
        Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {
            return Err(refused("cannot go where something else is"));
        }
        Err(errno) => return Err(errno).not_done(&format!("restore {id} to {path}")),
    }
    dir::persist(&above)?;
    // One that stays is found as a record without a volume, and removed later.
    let _ = remove_record(&trash, id);
    dir::persist(&trash)
}
