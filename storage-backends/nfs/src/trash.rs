//! Discarded volumes: into the trash or the archive by one rename, and back.
//!
//! A record is written before the rename, so that whatever lies in the trash can be restored. Removing an entry for
//! ever is [`crate::purge`]'s business.

use crate::{
    call::Call,
    directory::PRIVATE,
    errors::{Fault, Kind},
    node::{FileKind, Handle, Node},
};
use futures::{StreamExt, TryStreamExt, stream};
use nfs_rs::DirectoryCookie;
use std::collections::BTreeMap;
use tombolo_backend_api::{
    ARCHIVE_DIR, BackendError, Class, Disposal, PURGING_PREFIX, Remains, TRASH_DIR, TrashEntry, TrashId, VolumePath,
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
    let taken = || {
        let message = format!("{what}: another volume lies in the {place} as {id}");
        Err(BackendError::not_done(Class::Invalid, message))
    };
    match call.lookup(&bin, id.as_str()).await.map_err(fail)? {
        // A second discard of the same volume was faster than our looks.
        Some(there) if there.file_id == node.file_id => return Ok(()),
        Some(_) => return taken(),
        None => {}
    }
    if let Disposal::Trash { record, .. } = disposal {
        if call.lookup(&bin, &purging_name(id)).await.map_err(fail)?.is_some() {
            let message = format!("{what}: an entry {id} is still under purge");
            return Err(BackendError::not_done(Class::Transient, message));
        }
        match put(call, &bin, &record_name(id), &write_record(record)?).await {
            // Without this, nothing on a full file system could ever be let go.
            Err(fault) if fault.is(Kind::Full) => {}
            done => done.map_err(fail)?,
        }
    }
    match call.rename((&parent, name), &node, (&bin, id.as_str())).await {
        // Or faster than our rename.
        Err(fault) if fault.is(Kind::NotFound) => match call.lookup(&bin, id.as_str()).await.map_err(fail)? {
            Some(_) => Ok(()),
            None => Err(fail(fault)),
        },
        Err(fault) if matches!(fault.kind, Kind::Exists | Kind::NotEmpty) => taken(),
        done => done.map_err(fail),
    }
}

/// Everything in the trash.
pub(crate) async fn entries(call: &Call<'_>) -> Result<Vec<TrashEntry>, Fault> {
    let root = call.root().await?;
    let Some(bin) = call.private(&root, TRASH_DIR).await? else {
        return Ok(Vec::new());
    };
    let (volumes, mut records) = names(call, &bin).await?;
    let mut found = Vec::new();
    for (id, purging, node) in volumes {
        let remains = if purging { Remains::Purging } else { Remains::Whole };
        let record = records.remove(&id).flatten();
        found.push((id, remains, Some(node), record));
    }
    found.extend(
        records
            .into_iter()
            .map(|(id, record)| (id, Remains::RecordOnly, None, record)),
    );
    let bin = &bin;
    let entries: Vec<Option<TrashEntry>> = stream::iter(found)
        .map(|(id, remains, volume, record)| entry(call, bin, id, remains, volume, record))
        .buffered(READERS)
        .try_collect()
        .await?;
    Ok(entries.into_iter().flatten().collect())
}

/// An entry, with what the listing told of its directory and its record; `None` if it has gone since.
async fn entry(
    call: &Call<'_>,
    bin: &Handle,
    id: TrashId,
    remains: Remains,
    volume: Option<Node>,
    record: Option<Node>,
) -> Result<Option<TrashEntry>, Fault> {
    let file = match record {
        Some(node) => Some(node),
        None => call.lookup(bin, &record_name(&id)).await?,
    };
    let Some(since) = volume.as_ref().or(file.as_ref()).map(|node| node.changed) else {
        return Ok(None);
    };
    let record = match &file {
        Some(file) => record_in(call, file).await?,
        None => None,
    };
    Ok(Some(TrashEntry {
        id,
        record,
        remains,
        since,
    }))
}

/// The volumes in the trash and whether their purge has begun, and the records, with what the server told of each.
async fn names(
    call: &Call<'_>,
    bin: &Handle,
) -> Result<(Vec<(TrashId, bool, Node)>, BTreeMap<TrashId, Option<Node>>), Fault> {
    let (mut volumes, mut records) = (Vec::new(), BTreeMap::new());
    let mut next = Some(DirectoryCookie::default());
    while let Some(from) = next {
        let page = call.list(bin, from).await?;
        next = page.next;
        for entry in page.entries {
            if let Some(id) = entry.name.strip_suffix(".json").and_then(TrashId::parse) {
                records.insert(id, entry.node);
                continue;
            }
            let (name, purging) = match entry.name.strip_prefix(PURGING_PREFIX) {
                Some(name) => (name, true),
                None => (entry.name.as_str(), false),
            };
            let Some(id) = TrashId::parse(name) else { continue };
            let node = match entry.node {
                Some(node) => Some(node),
                None => call.lookup(bin, &entry.name).await?,
            };
            volumes.extend(node.filter(Node::is_directory).map(|node| (id, purging, node)));
        }
    }
    Ok((volumes, records))
}

const GONE: &str = "it is not in the trash";
const TAKEN: &str = "something is there already";

/// Moves an entry back to `path`.
pub(crate) async fn restore(call: &Call<'_>, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
    let what = format!("restoring {id} to {path}");
    let fail = |fault| call.fail(&what, fault);
    let refuse = |why: &str| Err(BackendError::not_done(Class::Invalid, format!("{what}: {why}")));
    let root = call.root().await.map_err(fail)?;
    let Some(bin) = call.private(&root, TRASH_DIR).await.map_err(fail)? else {
        return refuse("there is no trash");
    };
    if call.lookup(&bin, &purging_name(id)).await.map_err(fail)?.is_some() {
        return refuse("it is being purged");
    }
    let Some(entry) = call.directory(&bin, id.as_str()).await.map_err(fail)? else {
        return refuse(GONE);
    };
    let (parent, name) = call.ensure_parent(&root, path).await.map_err(fail)?;
    // RENAME replaces an empty directory in silence (RFC 1813 §3.3.14, RFC 8881 §18.26.3). Between this look and the
    // rename nobody but us makes anything here, and what an intruder could lose is an empty directory.
    if call.lookup(&parent, name).await.map_err(fail)?.is_some() {
        return refuse(TAKEN);
    }
    match call.rename((&bin, id.as_str()), &entry, (&parent, name)).await {
        Err(fault) if fault.is(Kind::NotFound) && !fault.repeated => return refuse(GONE),
        Err(fault) if matches!(fault.kind, Kind::Exists | Kind::NotEmpty | Kind::NotDirectory) => return refuse(TAKEN),
        done => done.map_err(fail)?,
    }
    call.remove(&bin, &record_name(id)).await.map_err(fail)?;
    Ok(())
}

/// Removes a record that has no volume.
pub(crate) async fn forget(call: &Call<'_>, id: &TrashId) -> Result<(), Fault> {
    let root = call.root().await?;
    forget_record(call, &root, TRASH_DIR, id).await
}

/// For a volume that is not there: done before, or never made. In the latter case a record would promise what is not
/// in the trash.
pub(crate) async fn forget_record(call: &Call<'_>, root: &Handle, place: &str, id: &TrashId) -> Result<(), Fault> {
    let Some(bin) = call.private(root, place).await? else {
        return Ok(());
    };
    for name in [id.as_str(), &purging_name(id)] {
        if call.lookup(&bin, name).await?.is_some() {
            return Ok(());
        }
    }
    if call.lookup(&bin, &record_name(id)).await?.is_some() {
        call.remove(&bin, &record_name(id)).await?;
    }
    Ok(())
}

/// Puts a file in place whole.
pub(crate) async fn put(call: &Call<'_>, directory: &Handle, name: &str, contents: &[u8]) -> Result<(), Fault> {
    let draft = format!(".{name}.{}", uuid::Uuid::new_v4());
    let placed = async {
        let file = call.write_file(directory, &draft, contents).await?;
        let file = call.getattr(&file).await?;
        call.rename((directory, &draft), &file, (directory, name)).await
    };
    let placed = placed.await;
    if placed.as_ref().is_err_and(|fault| !fault.is_transport()) {
        call.remove(directory, &draft).await?;
    }
    placed
}

/// What a record says; `None` if nobody can tell.
pub(crate) async fn record_in(call: &Call<'_>, file: &Node) -> Result<Option<serde_json::Value>, Fault> {
    if file.kind != FileKind::Regular {
        return Ok(None);
    }
    match call.read_file(file, MAX_RECORD).await {
        Ok(text) => Ok(read_record(&text)),
        Err(fault) if fault.is(Kind::Unfit) || fault.is(Kind::Stale) => Ok(None),
        Err(fault) => Err(fault),
    }
}
