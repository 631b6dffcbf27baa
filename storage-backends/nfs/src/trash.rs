//! Discarded volumes: into the trash or the archive by one rename, and back.
//!
//! A record is written before the rename, so that whatever lies in the trash can be restored. Removing an entry for ever is
//! [`crate::purge`]'s business.

use crate::{
    call::{Call, Handle, Node},
    directory::PRIVATE,
    errors::{Fault, Kind},
};
use futures::{StreamExt, TryStreamExt, stream};
use nfs_rs::DirectoryCookie;
use tombolo_backend_api::{
    ARCHIVE_DIR, BackendError, Class, Disposal, PURGING_PREFIX, TRASH_DIR, TrashEntry, TrashId, VolumePath,
    read_record, write_record,
};

/// Records are the size of a Kubernetes object at most.
const MAX_RECORD: u32 = 4 * 1024 * 1024;
/// Records read at once.
const READERS: usize = 16;

pub(crate) fn record_name(id: &TrashId) -> String {
    format!("{id}.json")
}

pub(crate) fn purging_name(id: &TrashId) -> String {
    format!("{PURGING_PREFIX}{id}")
}

/// Takes the volume at `path` out of use.
pub(crate) async fn discard(call: &Call<'_>, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
    let what = format!("discarding {path}");
    let fail = |fault| call.fail(&what, fault);
    let (place, id) = match disposal {
        Disposal::Trash { id, .. } => (TRASH_DIR, id),
        Disposal::Archive { id } => (ARCHIVE_DIR, id),
    };
    let root = call.root().await.map_err(fail)?;
    let volume = match call.parent(&root, path).await.map_err(fail)? {
        Some((parent, name)) => call
            .directory(&parent, name)
            .await
            .map_err(fail)?
            .map(|node| (parent, name, node)),
        None => None,
    };
    let Some((parent, name, node)) = volume else {
        return forget_record(call, &root, place, id).await.map_err(fail);
    };
    let private = call.ensure_private(&root).await.map_err(fail)?;
    let bin = call
        .ensure_directory(&private, place, PRIVATE)
        .await
        .map_err(fail)?
        .handle;
    match entry(call, &bin, id).await.map_err(fail)? {
        // A second discard of the same volume was faster than our looks.
        Some(there) if there.file_id == node.file_id => return Ok(()),
        Some(_) => {
            let message = format!("{what}: {place} has an entry {id} already, which is another volume's");
            return Err(BackendError::not_done(Class::Bug, message));
        }
        None => {}
    }
    if let Disposal::Trash { record, .. } = disposal {
        let text = write_record(record)?;
        put(call, &bin, &record_name(id), &text).await.map_err(fail)?;
    }
    match call.rename((&parent, name), &node, (&bin, id.as_str())).await {
        // Or faster than our rename.
        Err(fault) if fault.is(Kind::NotFound) && entry(call, &bin, id).await.map_err(fail)?.is_some() => Ok(()),
        done => done.map_err(fail),
    }
}

/// Everything in the trash.
pub(crate) async fn entries(call: &Call<'_>) -> Result<Vec<TrashEntry>, Fault> {
    let root = call.root().await?;
    let Some(bin) = call.private(&root, TRASH_DIR).await? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut next = Some(DirectoryCookie::default());
    while let Some(from) = next {
        let page = call.list(&bin, from).await?;
        next = page.next;
        for entry in page
            .entries
            .iter()
            .filter(|e| e.node.as_ref().is_none_or(|node| node.is_directory()))
        {
            let (name, purging) = match entry.name.strip_prefix(PURGING_PREFIX) {
                Some(name) => (name, true),
                None => (entry.name.as_str(), false),
            };
            if let Some(id) = TrashId::parse(name) {
                found.push((id, purging));
            }
        }
    }
    let bin = &bin;
    stream::iter(found)
        .map(|(id, purging)| async move {
            let record = record(call, bin, &id).await?;
            Ok(TrashEntry { id, record, purging })
        })
        .buffered(READERS)
        .try_collect()
        .await
}

/// Moves an entry back to `path`.
pub(crate) async fn restore(call: &Call<'_>, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
    let what = format!("restoring {id} to {path}");
    let fail = |fault| call.fail(&what, fault);
    let refuse = |why: &str| Err(BackendError::not_done(Class::Invalid, format!("{what}: {why}")));
    let root = call.root().await.map_err(fail)?;
    let Some(bin) = call.private(&root, TRASH_DIR).await.map_err(fail)? else {
        return refuse("there is no trash");
    };
    let Some(entry) = call.directory(&bin, id.as_str()).await.map_err(fail)? else {
        let purging = call.lookup(&bin, &purging_name(id)).await.map_err(fail)?.is_some();
        return refuse(if purging {
            "it is being purged"
        } else {
            "it is not in the trash"
        });
    };
    let (parent, name) = call.ensure_parent(&root, path).await.map_err(fail)?;
    // RENAME replaces an empty directory in silence (RFC 1813 §3.3.14, RFC 8881 §18.26.3). Between this look and the rename
    // nobody but us makes anything here, and what an intruder could lose is an empty directory.
    if call.lookup(&parent, name).await.map_err(fail)?.is_some() {
        return refuse("something is there already");
    }
    call.rename((&bin, id.as_str()), &entry, (&parent, name))
        .await
        .map_err(fail)?;
    call.remove(&bin, &record_name(id)).await.map_err(fail)?;
    Ok(())
}

/// For a volume that is not there: done before, or never made. In the latter case a record would promise what is not in the trash.
async fn forget_record(call: &Call<'_>, root: &Handle, place: &str, id: &TrashId) -> Result<(), Fault> {
    if let Some(bin) = call.private(root, place).await?
        && entry(call, &bin, id).await?.is_none()
        && call.lookup(&bin, &record_name(id)).await?.is_some()
    {
        call.remove(&bin, &record_name(id)).await?;
    }
    Ok(())
}

/// What lies in the trash or archive under this name, be it under purge.
async fn entry(call: &Call<'_>, bin: &Handle, id: &TrashId) -> Result<Option<Node>, Fault> {
    match call.lookup(bin, id.as_str()).await? {
        Some(entry) => Ok(Some(entry)),
        None => call.lookup(bin, &purging_name(id)).await,
    }
}

/// Puts a file in place whole.
async fn put(call: &Call<'_>, directory: &Handle, name: &str, contents: &[u8]) -> Result<(), Fault> {
    let draft = format!(".{name}.{}", uuid::Uuid::new_v4());
    call.write_file(directory, &draft, contents).await?;
    let Some(file) = call.lookup(directory, &draft).await? else {
        return Err(Fault::found(Kind::Other, "a file that was just written is not there"));
    };
    call.rename((directory, &draft), &file, (directory, name)).await
}

async fn record(call: &Call<'_>, bin: &Handle, id: &TrashId) -> Result<Option<serde_json::Value>, Fault> {
    let Some(file) = call.lookup(bin, &record_name(id)).await? else {
        return Ok(None);
    };
    if file.kind != crate::call::FileKind::Regular {
        return Ok(None);
    }
    match call.read_file(&file.handle, MAX_RECORD).await {
        Ok(text) => Ok(read_record(&text)),
        Err(fault) if fault.is(Kind::Unfit) || fault.is(Kind::Stale) => Ok(None),
        Err(fault) => Err(fault),
    }
}
