//! Removing a discarded subvolume for ever: one call to the kernel for each subvolume in it, however much they hold.
//!
//! An entry that is a plain directory is removed as `local` removes it.

use crate::filer::Filer;
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use tombolo_backend_api::{Backend, BackendError, PurgeProgress, Purged, TRASH_DIR, TrashId};
use tombolo_backend_local::blocking::Work;
use tombolo_backend_local::error::Certain;
use tombolo_backend_local::{dir, trash};
use tombolo_btrfs::subvolume;

/// What is counted of a subvolume: itself. Nobody looks at what is in it.
const ONE: Purged = Purged {
    files: 0,
    directories: 1,
};

pub(crate) async fn purge(filer: &Filer, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError> {
    if filer.subvolumes().is_some() {
        let doomed = id.clone();
        let purged = filer
            .on_root(Work::Changes, move |root| purge_subvolume(root, &doomed))
            .await?;
        if let Some(purged) = purged {
            progress.purged(purged);
            return Ok(purged);
        }
    }
    filer.local().purge(id, progress).await
}

/// `None` if the entry is no subvolume, or not there.
fn purge_subvolume(root: &OwnedFd, id: &TrashId) -> Result<Option<Purged>, BackendError> {
    let Some(trash) = dir::open_private(root, TRASH_DIR)? else {
        return Ok(None);
    };
    let Some(found) = doomed(&trash, id)? else {
        return Ok(None);
    };
    let what = format!("purge {id}");
    let subvolume = match subvolume::info(&found) {
        Ok(info) => info.id,
        // Another purge was faster.
        Err(Errno::NOENT) => return Ok(Some(Purged::default())),
        Err(errno) => return Err(errno).maybe_done(&what),
    };
    drop(found);
    // Before the subvolume, which is what shows that there is something to finish.
    trash::remove_record(&trash, id)?;
    let removed = subvolume::destroy(root, subvolume).maybe_done(&what)?;
    // To disk, and on to the kernel's cleaner, so that its room is free soon.
    subvolume::sync(root).maybe_done(&what)?;
    Ok(Some(if removed { ONE } else { Purged::default() }))
}

/// The entry's subvolume, under the name from which nothing comes back. `None` if the entry is no subvolume, or not there.
fn doomed(trash: &OwnedFd, id: &TrashId) -> Result<Option<OwnedFd>, BackendError> {
    let purging = trash::purging_name(id);
    let open = |name: &str| match subvolume::open(trash, name) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno).not_done(&format!("open {name} in the trash")),
    };
    if let Some(found) = open(&purging)? {
        return Ok(Some(found));
    }
    if let Some(found) = open(id.as_str())? {
        match dir::rename_new(trash, id.as_str(), trash, purging.as_str()) {
            Ok(()) => {
                dir::persist(trash)?;
                return Ok(Some(found));
            }
            // A restore won, or another purge begins; a plain directory that is left is `local`'s to remove.
            Err(Errno::NOENT | Errno::EXIST | Errno::NOTEMPTY) => {}
            Err(errno) => return Err(errno).not_done(&format!("begin to purge {id}")),
        }
    }
    // Another purge may have begun between the two looks: its subvolume is still removed as a whole.
    open(&purging)
}
