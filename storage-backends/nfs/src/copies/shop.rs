//! Where a copy comes from, is built and goes; and every step of it as a call.

use super::steps::{self, Dir, File, known, text};
use crate::{
    call::Call,
    directory::PRIVATE,
    errors::{Fault, Kind},
    node::{FileKind, Handle, Node},
    snapshots,
};
use async_trait::async_trait;
use nfs_rs::DirectoryCookie;
use std::ops::Range;
use tombolo_backend_api::{
    BackendError, COPIES_DIR, Class, PRIVATE_DIR, SNAPSHOTS_DIR, SnapshotId, TRASH_DIR, VolumePath,
};
use tombolo_backend_copy::{
    self as copy, Entry, Id, Linked, Listing, Moved, Name, Placed, Tree, Workshop, doomed_name,
};

/// What is copied.
pub(crate) enum Origin {
    Volume(VolumePath),
    Snapshot(SnapshotId),
    /// Nothing: unfinished copies are abandoned.
    Nothing,
}

/// What a copy becomes.
pub(crate) enum Goal {
    Volume(VolumePath),
    Snapshot {
        id: SnapshotId,
        of: VolumePath,
        bytes: u64,
    },
    /// Nothing: unfinished copies are abandoned.
    Nothing,
}

/// The place of one copy.
pub(crate) struct Shop<'a> {
    call: Call<'a>,
    from: Origin,
    goal: Goal,
}

impl<'a> Shop<'a> {
    pub(super) fn new(call: Call<'a>, from: Origin, goal: Goal) -> Self {
        Self { call, from, goal }
    }

    fn fail(&self, what: &str) -> impl Fn(Fault) -> BackendError {
        move |fault| self.call.fail(&format!("copying: {what}"), fault)
    }

    fn at(&self, what: &str, name: &Name) -> impl Fn(Fault) -> BackendError {
        move |fault| self.call.fail(&format!("copying: {what} {name:?}"), fault)
    }

    /// What is at a name, if it is on the same file system as the directory that it was looked up in.
    async fn inside(&self, dir: &Dir, name: &Name) -> Result<Option<Node>, BackendError> {
        let fail = self.at("looking at", name);
        let name = text(name).map_err(&fail)?;
        match self.call.lookup(&dir.handle, name).await {
            // The directory itself has gone, unless the whole root has.
            Err(fault) if fault.is(Kind::Stale) => self.call.root().await.map(|_| None).map_err(&fail),
            found => found.map_err(&fail),
        }
    }
}

fn other_file_system(name: &Name) -> BackendError {
    let message = format!("another file system is mounted at {name:?} inside the source, and is not entered");
    BackendError::maybe_done(Class::Denied, message)
}

#[async_trait]
impl Tree for Shop<'_> {
    type Dir = Dir;
    type File = File;
    type Place = DirectoryCookie;

    /// A directory is a handle, and costs its bytes.
    const OPEN_LEVELS: usize = usize::MAX;
    const SKIPS_HOLES: bool = false;

    async fn list(&self, dir: &Dir, from: &DirectoryCookie) -> Result<Listing<DirectoryCookie>, BackendError> {
        let fail = self.fail("listing a directory");
        let Some(page) = steps::list(&self.call, &dir.handle, *from).await.map_err(&fail)? else {
            return Ok(Listing::Unsettled);
        };
        let mut entries = Vec::new();
        for entry in page.entries {
            let Some(name) = Name::parse(entry.name.as_bytes()) else {
                continue;
            };
            if let Some(node) = steps::listed(&self.call, &dir.handle, entry).await.map_err(&fail)? {
                let node = Some(known(&name, &node)?);
                entries.push(Entry { name, node });
            }
        }
        Ok(Listing::Page {
            entries,
            next: page.next,
        })
    }

    async fn look(&self, dir: &Dir, name: &Name) -> Result<Option<copy::Node>, BackendError> {
        let found = self.inside(dir, name).await?;
        found.map(|node| known(name, &node)).transpose()
    }

    async fn enter(&self, dir: &Dir, name: &Name) -> Result<Option<(Dir, copy::Node)>, BackendError> {
        match self.inside(dir, name).await? {
            Some(node) if !node.is_directory() => Ok(None),
            Some(node) if node.file_system != dir.file_system => Err(other_file_system(name)),
            Some(node) => Ok(Some((Dir::of(&node), known(name, &node)?))),
            None => Ok(None),
        }
    }

    /// Nothing is ever closed.
    async fn climb(&self, _: &Dir, _: Id) -> Result<Option<Dir>, BackendError> {
        Ok(None)
    }

    async fn make_dir(&self, dir: &Dir, name: &Name) -> Result<(Dir, copy::Node, bool), BackendError> {
        let fail = self.at("making", name);
        let text = text(name).map_err(&fail)?;
        let (node, is_new) = match self.call.mkdir(&dir.handle, text, PRIVATE).await {
            Ok(made) => (made, true),
            Err(fault) if fault.is(Kind::Exists) => {
                let is_new = fault.repeated;
                let found = self.call.directory(&dir.handle, text).await.map_err(&fail)?;
                (found.ok_or_else(|| fail(fault))?, is_new)
            }
            Err(fault) => return Err(fail(fault)),
        };
        Ok((Dir::of(&node), known(name, &node)?, is_new))
    }

    async fn open(&self, dir: &Dir, name: &Name) -> Result<Option<(File, copy::Node)>, BackendError> {
        match self.inside(dir, name).await? {
            Some(node) if node.kind != FileKind::Regular => Ok(None),
            Some(node) if node.file_system != dir.file_system => Err(other_file_system(name)),
            Some(node) => {
                let known = known(name, &node)?;
                Ok(Some((File { node, writing: None }, known)))
            }
            None => Ok(None),
        }
    }

    async fn create(&self, dir: &Dir, name: &Name) -> Result<Option<File>, BackendError> {
        let fail = self.at("making", name);
        let text = text(name).map_err(&fail)?;
        let (node, writing) = self.call.begin_file(&dir.handle, text).await.map_err(&fail)?;
        // The client library cannot ask for a name that nothing has. What is not empty was here before; an empty file that was
        // is made once more.
        let is_new = node.size == 0 && node.links == 1;
        Ok(is_new.then_some(File {
            node,
            writing: Some(writing),
        }))
    }

    async fn next_data(&self, _: &File, range: Range<u64>) -> Result<Option<Range<u64>>, BackendError> {
        Ok(Some(range))
    }

    async fn transfer(&self, from: &File, to: &File, range: Range<u64>) -> Result<Moved, BackendError> {
        match steps::transfer(&self.call, from, to, range).await {
            // It was removed while it was read: what there was is all there is.
            Err(fault) if fault.is(Kind::Stale) && self.is_gone(from).await? => Ok(Moved { read: 0, written: 0 }),
            moved => moved.map_err(self.fail("a file's contents")),
        }
    }

    async fn finish(&self, _: &File, to: File, size: u64, like: &copy::Node) -> Result<(), BackendError> {
        let done = steps::finish(&self.call, to, size, like).await;
        done.map_err(self.fail("finishing a file"))
    }

    async fn symlink(&self, from: &Dir, to: &Dir, name: &Name, like: &copy::Node) -> Result<bool, BackendError> {
        let fail = self.at("the link", name);
        let text = text(name).map_err(&fail)?;
        let done = steps::symlink(&self.call, &from.handle, &to.handle, text, like).await;
        done.map_err(fail)
    }

    async fn link(&self, (dir, name): (&Dir, &Name), (to, new): (&Dir, &Name)) -> Result<Linked, BackendError> {
        let fail = self.at("linking", new);
        let Some(file) = self.inside(dir, name).await? else {
            return Ok(Linked::Gone);
        };
        let text = text(new).map_err(&fail)?;
        match self.call.link(&file.handle, &to.handle, text).await {
            Ok(()) => Ok(Linked::Made),
            Err(fault) if fault.is(Kind::Exists) && fault.repeated => Ok(Linked::Made),
            Err(fault) if fault.is(Kind::Exists) => Ok(Linked::Taken),
            Err(fault) if matches!(fault.kind, Kind::Unfit | Kind::Denied) => Ok(Linked::Unable),
            Err(fault) => Err(fail(fault)),
        }
    }

    async fn rename(&self, (dir, name): (&Dir, &Name), (to, new): (&Dir, &Name)) -> Result<bool, BackendError> {
        let fail = self.at("moving", name);
        let (Some(node), None) = (self.inside(dir, name).await?, self.inside(to, new).await?) else {
            return Ok(false);
        };
        let (old, new) = (text(name).map_err(&fail)?, text(new).map_err(&fail)?);
        match self.call.rename((&dir.handle, old), &node, (&to.handle, new)).await {
            Ok(()) => Ok(true),
            // Refused where the directory of an earlier attempt has its final mode already, which does not stop root.
            Err(fault)
                if matches!(
                    fault.kind,
                    Kind::NotFound | Kind::Exists | Kind::NotEmpty | Kind::Denied
                ) =>
            {
                Ok(false)
            }
            Err(fault) => Err(fail(fault)),
        }
    }

    async fn remove(&self, dir: &Dir, name: &Name) -> Result<(), BackendError> {
        let fail = self.at("removing", name);
        let text = text(name).map_err(&fail)?;
        self.call.remove(&dir.handle, text).await.map(|_| ()).map_err(fail)
    }

    async fn remove_dir(&self, dir: &Dir, name: &Name) -> Result<bool, BackendError> {
        let fail = self.at("removing", name);
        let text = text(name).map_err(&fail)?;
        match self.call.rmdir(&dir.handle, text).await {
            Ok(_) => Ok(true),
            Err(fault) if fault.is(Kind::NotEmpty) => Ok(false),
            Err(fault) => Err(fail(fault)),
        }
    }

    async fn finish_dir(&self, _: &Dir, to: &Dir, like: &copy::Node) -> Result<(), BackendError> {
        let done = steps::attributes(&self.call, &to.handle, (to.owner, to.group), like).await;
        done.map_err(self.fail("finishing a directory"))
    }
}

#[async_trait]
impl Workshop for Shop<'_> {
    async fn source(&self) -> Result<Option<(Dir, copy::Node)>, BackendError> {
        let fail = self.fail("looking for the source");
        let root = self.call.root().await.map_err(&fail)?;
        let found = match &self.from {
            Origin::Volume(path) => self.call.walk(&root, path.components()).await,
            Origin::Snapshot(id) => snapshots::directory(&self.call, id).await,
            Origin::Nothing => Ok(None),
        };
        let found = found.map_err(&fail)?;
        found
            .map(|node| Ok((Dir::of(&node), known("the source", &node)?)))
            .transpose()
    }

    async fn is_placed(&self) -> Result<bool, BackendError> {
        let fail = self.fail("looking for what is there");
        let root = self.call.root().await.map_err(&fail)?;
        let found = match &self.goal {
            Goal::Volume(path) => self
                .call
                .walk(&root, path.components())
                .await
                .map(|found| found.is_some()),
            Goal::Snapshot { id, .. } => snapshots::find(&self.call, id).await.map(|found| found.is_some()),
            Goal::Nothing => Ok(false),
        };
        found.map_err(fail)
    }

    async fn find_copies(&self) -> Result<Option<Dir>, BackendError> {
        let fail = self.fail("looking for unfinished copies");
        let root = self.call.root().await.map_err(&fail)?;
        let found = self.call.walk(&root, [PRIVATE_DIR, COPIES_DIR].into_iter()).await;
        Ok(found.map_err(fail)?.map(|node| Dir::of(&node)))
    }

    async fn make_copies(&self) -> Result<Dir, BackendError> {
        let fail = self.fail("making a place for copies");
        let root = self.call.root().await.map_err(&fail)?;
        let private = self.call.ensure_private(&root).await.map_err(&fail)?;
        let made = self.call.ensure_directory(&private, COPIES_DIR, PRIVATE).await;
        Ok(Dir::of(&made.map_err(fail)?))
    }

    async fn doom(&self, name: &Name) -> Result<(), BackendError> {
        let fail = self.at("putting into the trash", name);
        let text = text(name).map_err(&fail)?;
        doom(&self.call, COPIES_DIR, text).await.map_err(fail)
    }

    /// The server keeps what it has answered to (RFC 1813 §4.8), and was asked to keep each file's data.
    async fn persist(&self, _: &Dir) -> Result<(), BackendError> {
        Ok(())
    }

    async fn place(&self, name: &Name, began: copy::Node) -> Result<Placed, BackendError> {
        let fail = self.fail("putting a copy in its place");
        let text = text(name).map_err(&fail)?;
        let root = self.call.root().await.map_err(&fail)?;
        let Some(copies) = self.find_copies().await? else {
            return Ok(Placed::Gone);
        };
        let (above, last) = match &self.goal {
            Goal::Volume(path) => self.call.ensure_parent(&root, path).await.map_err(&fail)?,
            Goal::Snapshot { id, of, bytes } => {
                let private = self.call.ensure_private(&root).await.map_err(&fail)?;
                let above = self.call.ensure_directory(&private, SNAPSHOTS_DIR, PRIVATE).await;
                let above = above.map_err(&fail)?.handle;
                let written = snapshots::record(&self.call, &above, id, of, *bytes, began).await;
                written.map_err(&fail)?;
                (above, id.as_str())
            }
            Goal::Nothing => return Ok(Placed::Gone),
        };
        let Some(tree) = self.call.lookup(&copies.handle, text).await.map_err(&fail)? else {
            return Ok(Placed::Gone);
        };
        // RENAME replaces an empty directory in silence (RFC 1813 §3.3.14): nobody but us makes anything here meanwhile.
        if self.call.lookup(&above, last).await.map_err(&fail)?.is_some() {
            return Ok(Placed::Taken);
        }
        match self.call.rename((&copies.handle, text), &tree, (&above, last)).await {
            Ok(()) => Ok(Placed::Done),
            Err(fault) if fault.is(Kind::NotFound) => Ok(Placed::Gone),
            Err(fault) if matches!(fault.kind, Kind::Exists | Kind::NotEmpty) => Ok(Placed::Taken),
            Err(fault) => Err(fail(fault)),
        }
    }

    /// Each file is on stable storage before it gets its time.
    fn trusts(&self) -> String {
        String::new()
    }
}

impl Shop<'_> {
    /// Whether a file, and not the whole export, has gone.
    async fn is_gone(&self, file: &File) -> Result<bool, BackendError> {
        let fail = self.fail("looking for a file that was there");
        self.call.root().await.map_err(&fail)?;
        match self.call.getattr(&file.node.handle).await {
            Ok(_) => Ok(false),
            Err(fault) if fault.is(Kind::Stale) => Ok(true),
            Err(fault) => Err(fail(fault)),
        }
    }
}

/// Puts a directory out of a private one into the trash, under purge. Gone is success.
pub(crate) async fn doom(call: &Call<'_>, place: &str, name: &str) -> Result<(), Fault> {
    let root = call.root().await?;
    let Some(above) = call.private(&root, place).await? else {
        return Ok(());
    };
    let Some(node) = call.directory(&above, name).await? else {
        return Ok(());
    };
    let private: Handle = call.ensure_private(&root).await?;
    let trash = call.ensure_directory(&private, TRASH_DIR, PRIVATE).await?.handle;
    match call.rename((&above, name), &node, (&trash, &doomed_name())).await {
        Err(fault) if fault.is(Kind::NotFound) => Ok(()),
        done => done,
    }
}
