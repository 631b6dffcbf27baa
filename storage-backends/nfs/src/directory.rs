//! From the export down to a directory, one looked-up component at a time.
//!
//! Every component must be a directory by the server's word: a symbolic link is never followed, wherever it stands.

use crate::{
    call::Call,
    errors::{Fault, Kind},
    node::{Handle, Node},
};
use tombolo_backend_api::{PRIVATE_DIR, VolumePath};

/// Mode of the root and of directories between it and a volume: passable, not listable.
pub(crate) const PASSABLE: u32 = 0o711;
/// Mode of what is ours alone.
pub(crate) const PRIVATE: u32 = 0o700;

impl Call<'_> {
    /// The root, which must exist.
    pub(crate) async fn root(&self) -> Result<Handle, Fault> {
        let export = self.export().await?;
        let Some(below) = &self.pool().config().subdirectory else {
            return Ok(export);
        };
        match self.walk(&export, below.components()).await? {
            Some(root) => Ok(root.handle),
            None => Err(Fault::found(
                Kind::Stale,
                format!("the export has no directory {below}"),
            )),
        }
    }

    /// The root, made if it is a subdirectory that does not exist. The second value: whether it has the mode it
    /// should have.
    pub(crate) async fn ensure_root(&self) -> Result<(Handle, bool), Fault> {
        let export = self.export().await?;
        let mut root = self.getattr(&export).await?;
        if let Some(below) = &self.pool().config().subdirectory {
            for name in below.components() {
                root = self.ensure_directory(&root.handle, name, PASSABLE).await?;
            }
        }
        match self.ensure_mode(&root, PASSABLE).await {
            Ok(()) => Ok((root.handle, true)),
            // Somebody else's directory serves as well, if we may work in it.
            Err(fault) if fault.is(Kind::Denied) => Ok((root.handle, false)),
            Err(fault) => Err(fault),
        }
    }

    /// The directory that `components` lead to from `start`, if all of them exist.
    pub(crate) async fn walk(
        &self,
        start: &Handle,
        components: impl Iterator<Item = &str> + Send,
    ) -> Result<Option<Node>, Fault> {
        let mut at = None;
        for name in components {
            let directory = at.as_ref().map_or(start, |node: &Node| &node.handle);
            match self.directory(directory, name).await? {
                Some(node) => at = Some(node),
                None => return Ok(None),
            }
        }
        Ok(at)
    }

    /// The directory `name`, if it exists.
    pub(crate) async fn directory(&self, directory: &Handle, name: &str) -> Result<Option<Node>, Fault> {
        match self.lookup(directory, name).await? {
            Some(node) if !node.is_directory() => Err(no_directory(name)),
            found => Ok(found),
        }
    }

    /// The directory `name`; one that is made now has `mode`, whatever the server makes of it at first.
    pub(crate) async fn ensure_directory(&self, directory: &Handle, name: &str, mode: u32) -> Result<Node, Fault> {
        match self.directory(directory, name).await? {
            Some(found) => Ok(found),
            None => self.make_directory(directory, name, mode).await,
        }
    }

    /// Makes the directory `name`, or sets the mode of the one that is there.
    pub(crate) async fn make_directory(&self, directory: &Handle, name: &str, mode: u32) -> Result<Node, Fault> {
        let exists = match self.mkdir(directory, name, mode).await {
            Ok(made) => return self.ensure_mode(&made, mode).await.map(|()| made),
            Err(fault) if fault.is(Kind::Exists) => fault,
            Err(fault) => return Err(fault),
        };
        let found = self.directory(directory, name).await?.ok_or(exists)?;
        // Not only if it differs: a server may answer with the attributes it remembers.
        self.set_mode(&found.handle, mode).await?;
        Ok(found)
    }

    /// Servers may apply a umask or an inherited ACL to a new directory; only setting the mode makes it what was
    /// asked for.
    pub(crate) async fn ensure_mode(&self, node: &Node, mode: u32) -> Result<(), Fault> {
        if node.mode == mode {
            Ok(())
        } else {
            self.set_mode(&node.handle, mode).await
        }
    }

    /// The private directory's subdirectory `name`, if it exists.
    pub(crate) async fn private(&self, root: &Handle, name: &str) -> Result<Option<Handle>, Fault> {
        Ok(self
            .walk(root, [PRIVATE_DIR, name].into_iter())
            .await?
            .map(|node| node.handle))
    }

    /// The private directory, made if need be.
    pub(crate) async fn ensure_private(&self, root: &Handle) -> Result<Handle, Fault> {
        let private = self.ensure_directory(root, PRIVATE_DIR, PRIVATE).await?;
        self.ensure_mode(&private, PRIVATE).await?;
        Ok(private.handle)
    }

    /// The directory that holds the last component of `path`, and that component; `None` if there is no such directory.
    pub(crate) async fn parent<'p>(
        &self,
        root: &Handle,
        path: &'p VolumePath,
    ) -> Result<Option<(Handle, &'p str)>, Fault> {
        let (parents, name) = split(path);
        match parents {
            None => Ok(Some((root.clone(), name))),
            Some(parents) => Ok(self
                .walk(root, parents.split('/'))
                .await?
                .map(|node| (node.handle, name))),
        }
    }

    /// As [`Call::parent`], making the directories that are missing.
    pub(crate) async fn ensure_parent<'p>(
        &self,
        root: &Handle,
        path: &'p VolumePath,
    ) -> Result<(Handle, &'p str), Fault> {
        let (parents, name) = split(path);
        let mut at = root.clone();
        for component in parents.into_iter().flat_map(|parents| parents.split('/')) {
            at = self.ensure_directory(&at, component, PASSABLE).await?.handle;
        }
        Ok((at, name))
    }
}

fn split(path: &VolumePath) -> (Option<&str>, &str) {
    match path.as_str().rsplit_once('/') {
        Some((parents, name)) => (Some(parents), name),
        None => (None, path.as_str()),
    }
}

fn no_directory(name: &str) -> Fault {
    Fault::found(
        Kind::NotDirectory,
        format!("{name} is no directory, and no link is followed"),
    )
}
