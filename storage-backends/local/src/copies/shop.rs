//! Where a copy comes from, is built and goes; and every step of it on a thread of the root.

use super::attributes;
use super::contents::{self, Shared};
use super::steps::{self, Descriptor};
use crate::blocking::{Threads, Work};
use crate::error::Certain;
use crate::{dir, snapshots};
use async_trait::async_trait;
use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, syncfs};
use rustix::io::Errno;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tombolo_backend_api::{BackendError, COPIES_DIR, SNAPSHOTS_DIR, SnapshotId, TRASH_DIR, VolumePath};
use tombolo_backend_copy::{Id, Linked, Listing, Moved, Name, Node, Placed, Tree, Workshop, doomed_name};

/// How long a disk may take to write everything that it has been given.
const SYNC: Duration = Duration::from_secs(15 * 60);

/// What is copied.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Volume(VolumePath),
    Snapshot(SnapshotId),
    /// Nothing: unfinished copies are abandoned.
    Nothing,
}

/// What a copy becomes.
#[derive(Debug, Clone)]
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
pub(crate) struct Shop {
    root: Arc<OwnedFd>,
    device: u64,
    threads: Threads,
    from: Origin,
    goal: Goal,
    reflinks: AtomicBool,
}

impl Shop {
    pub(super) fn new(root: OwnedFd, threads: Threads, from: Origin, goal: Goal) -> Result<Self, BackendError> {
        let device = fstat(&root).not_done("look at the root")?.st_dev;
        Ok(Self {
            root: Arc::new(root),
            device,
            threads,
            from,
            goal,
            reflinks: AtomicBool::new(true),
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        self.threads.run(Work::Reads, job).await
    }

    async fn change<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        self.threads.run(Work::Changes, job).await
    }
}

#[async_trait]
impl Tree for Shop {
    type Dir = Descriptor;
    type File = Descriptor;
    type Place = u64;

    const OPEN_LEVELS: usize = 16;
    const SKIPS_HOLES: bool = true;

    async fn list(&self, dir: &Descriptor, from: &u64) -> Result<Listing<u64>, BackendError> {
        let (dir, from) = (dir.clone(), *from);
        self.read(move || steps::list(&dir, from)).await
    }

    async fn look(&self, dir: &Descriptor, name: &Name) -> Result<Option<Node>, BackendError> {
        let (dir, name) = (dir.clone(), name.clone());
        self.read(move || steps::look(&dir, &name)).await
    }

    async fn enter(&self, dir: &Descriptor, name: &Name) -> Result<Option<(Descriptor, Node)>, BackendError> {
        let (dir, name, device) = (dir.clone(), name.clone(), self.device);
        let open = move || steps::open_inside(&dir, &name, OFlags::DIRECTORY, device);
        Ok(self.read(open).await?.map(|(dir, node)| (Arc::new(dir), node)))
    }

    async fn climb(&self, dir: &Descriptor, id: Id) -> Result<Option<Descriptor>, BackendError> {
        let dir = dir.clone();
        Ok(self.read(move || steps::climb(&dir, id)).await?.map(Arc::new))
    }

    async fn make_dir(&self, dir: &Descriptor, name: &Name) -> Result<(Descriptor, Node, bool), BackendError> {
        let (dir, name) = (dir.clone(), name.clone());
        let (made, node, is_new) = self.change(move || steps::make_dir(&dir, &name)).await?;
        Ok((Arc::new(made), node, is_new))
    }

    async fn open(&self, dir: &Descriptor, name: &Name) -> Result<Option<(Descriptor, Node)>, BackendError> {
        let (dir, name, device) = (dir.clone(), name.clone(), self.device);
        // Without NONBLOCK, opening a FIFO that somebody has put there would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = self
            .read(move || steps::open_inside(&dir, &name, flags, device))
            .await?;
        let file = opened.filter(|(_, node)| node.kind == tombolo_backend_copy::Kind::File);
        Ok(file.map(|(file, node)| (Arc::new(file), node)))
    }

    async fn create(&self, dir: &Descriptor, name: &Name) -> Result<Option<Descriptor>, BackendError> {
        let (dir, name) = (dir.clone(), name.clone());
        let create = move || {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match openat(&dir, steps::os(&name), flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => Ok(Some(Arc::new(file))),
                Err(Errno::EXIST) => Ok(None),
                Err(errno) => Err(errno).maybe_done(&format!("make {name:?}")),
            }
        };
        self.change(create).await
    }

    async fn reflink(&self, from: &Descriptor, to: &Descriptor) -> Result<bool, BackendError> {
        if !self.reflinks.load(Relaxed) {
            return Ok(false);
        }
        let (from, to) = (from.clone(), to.clone());
        let shared = self.change(move || contents::reflink(&from, &to)).await?;
        if shared == Shared::None {
            self.reflinks.store(false, Relaxed);
        }
        Ok(shared == Shared::Done)
    }

    async fn next_data(&self, file: &Descriptor, range: Range<u64>) -> Result<Option<Range<u64>>, BackendError> {
        let file = file.clone();
        self.read(move || contents::next_data(&file, range)).await
    }

    async fn transfer(&self, from: &Descriptor, to: &Descriptor, range: Range<u64>) -> Result<Moved, BackendError> {
        let (from, to) = (from.clone(), to.clone());
        self.change(move || contents::transfer(&from, &to, range)).await
    }

    async fn finish(&self, from: &Descriptor, to: Descriptor, size: u64, like: &Node) -> Result<(), BackendError> {
        let (from, like) = (from.clone(), *like);
        self.change(move || contents::finish(&from, &to, size, &like)).await
    }

    async fn symlink(
        &self,
        from: &Descriptor,
        to: &Descriptor,
        name: &Name,
        like: &Node,
    ) -> Result<bool, BackendError> {
        let (from, to, name, like) = (from.clone(), to.clone(), name.clone(), *like);
        self.change(move || steps::symlink(&from, &to, &name, &like)).await
    }

    async fn link(
        &self,
        (dir, name): (&Descriptor, &Name),
        (to, new): (&Descriptor, &Name),
    ) -> Result<Linked, BackendError> {
        let (dir, name, to, new) = (dir.clone(), name.clone(), to.clone(), new.clone());
        self.change(move || steps::link((&dir, &name), (&to, &new))).await
    }

    async fn rename(
        &self,
        (dir, name): (&Descriptor, &Name),
        (to, new): (&Descriptor, &Name),
    ) -> Result<bool, BackendError> {
        let (dir, name, to, new) = (dir.clone(), name.clone(), to.clone(), new.clone());
        self.change(move || steps::rename((&dir, &name), (&to, &new))).await
    }

    async fn remove(&self, dir: &Descriptor, name: &Name) -> Result<(), BackendError> {
        let (dir, name) = (dir.clone(), name.clone());
        self.change(move || steps::remove(&dir, &name, AtFlags::empty()).map(|_| ()))
            .await
    }

    async fn remove_dir(&self, dir: &Descriptor, name: &Name) -> Result<bool, BackendError> {
        let (dir, name) = (dir.clone(), name.clone());
        self.change(move || steps::remove(&dir, &name, AtFlags::REMOVEDIR))
            .await
    }

    async fn finish_dir(&self, from: &Descriptor, to: &Descriptor, like: &Node) -> Result<(), BackendError> {
        let (from, to, like) = (from.clone(), to.clone(), *like);
        self.change(move || attributes::set(&from, &to, &like)).await
    }
}

#[async_trait]
impl Workshop for Shop {
    async fn source(&self) -> Result<Option<(Descriptor, Node)>, BackendError> {
        let (root, device, from) = (self.root.clone(), self.device, self.from.clone());
        let open = move || {
            let located = match &from {
                Origin::Volume(path) => dir::locate(&root, path)?,
                Origin::Snapshot(id) => snapshots::locate(&root, id)?.map(|dir| (dir, id.as_str())),
                Origin::Nothing => None,
            };
            let Some((above, name)) = located else { return Ok(None) };
            let Some(name) = Name::parse(name.as_bytes()) else {
                return Ok(None);
            };
            steps::open_inside(&above, &name, OFlags::DIRECTORY, device)
        };
        Ok(self.read(open).await?.map(|(dir, node)| (Arc::new(dir), node)))
    }

    async fn is_placed(&self) -> Result<bool, BackendError> {
        let (root, goal) = (self.root.clone(), self.goal.clone());
        self.read(move || match &goal {
            Goal::Volume(path) => Ok(crate::volumes::inspect(&root, path)?.is_some()),
            Goal::Snapshot { id, .. } => Ok(snapshots::find(&root, id)?.is_some()),
            Goal::Nothing => Ok(false),
        })
        .await
    }

    async fn find_copies(&self) -> Result<Option<Descriptor>, BackendError> {
        let root = self.root.clone();
        let found = self.read(move || dir::open_private(&root, COPIES_DIR)).await?;
        Ok(found.map(Arc::new))
    }

    async fn make_copies(&self) -> Result<Descriptor, BackendError> {
        let root = self.root.clone();
        let made = self.change(move || dir::make_private(&root, COPIES_DIR)).await?;
        Ok(Arc::new(made))
    }

    async fn doom(&self, name: &Name) -> Result<(), BackendError> {
        let (root, name) = (self.root.clone(), name.clone());
        self.change(move || {
            let Some(copies) = dir::open_private(&root, COPIES_DIR)? else {
                return Ok(());
            };
            doom(&root, &copies, steps::os(&name))
        })
        .await
    }

    async fn persist(&self, copies: &Descriptor) -> Result<(), BackendError> {
        let copies = copies.clone();
        let sync = move || syncfs(&copies).maybe_done("write a copy to disk");
        self.threads.run_within(SYNC, Work::Changes, sync).await
    }

    async fn place(&self, name: &Name, began: Node) -> Result<Placed, BackendError> {
        let (root, goal, name) = (self.root.clone(), self.goal.clone(), name.clone());
        self.change(move || {
            let Some(copies) = dir::open_private(&root, COPIES_DIR)? else {
                return Ok(Placed::Gone);
            };
            let (above, last) = match &goal {
                Goal::Volume(path) => dir::locate_or_make(&root, path)?,
                Goal::Snapshot { id, of, bytes } => {
                    let above = dir::make_private(&root, SNAPSHOTS_DIR)?;
                    snapshots::record(&above, id, of, *bytes, began)?;
                    (above, id.as_str())
                }
                Goal::Nothing => return Ok(Placed::Gone),
            };
            match dir::rename_new(&copies, steps::os(&name), &above, last.as_ref()) {
                Ok(()) => {}
                Err(Errno::NOENT) => return Ok(Placed::Gone),
                Err(Errno::EXIST | Errno::NOTEMPTY) => return Ok(Placed::Taken),
                Err(errno) => return Err(errno).maybe_done("put a copy in its place"),
            }
            dir::persist(&above)?;
            dir::persist(&copies)?;
            Ok(Placed::Done)
        })
        .await
    }

    /// Data is on disk when the whole copy is, and not after each file: what was written before a power failure may be lost.
    fn trusts(&self) -> String {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        boot.unwrap_or_else(|_| doomed_name())
    }
}

/// Puts a directory into the trash, under purge.
pub(crate) fn doom(root: &OwnedFd, above: &OwnedFd, name: &std::ffi::OsStr) -> Result<(), BackendError> {
    let trash = dir::make_private(root, TRASH_DIR)?;
    match dir::rename_new(above, name, &trash, doomed_name().as_ref()) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno).maybe_done("put an unfinished copy into the trash"),
    }
    dir::persist(&trash)?;
    dir::persist(above)
}
