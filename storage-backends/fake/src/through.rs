//! What a tenant's mount lets through: the server's rules, without which a test would only see what is stored.

use crate::Fake;
use crate::tree::Node;
use std::collections::BTreeSet;
use tombolo_backend_api::{Access, Admission, MountSource};

/// Why the server refused a tenant something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// `ESTALE`: the way is gone, or cut.
    Stale,
    /// `EROFS`.
    ReadOnly,
    /// `EDQUOT`, or `ENOSPC` while the whole fake is full.
    NoSpace,
    /// `ENOENT`, and `ENOTDIR` and `EISDIR` too.
    Missing,
}

/// A volume as one tenant has mounted it. Paths are relative to it.
#[derive(Debug, Clone)]
pub struct Through {
    fake: Fake,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Path(String),
    Export(u64),
}

impl Fake {
    /// Mounts: what `mount` answered is looked up now, and what it leads to is held as a file handle holds it.
    pub fn through(&self, source: &MountSource) -> Result<Through, Denial> {
        let (MountSource::Nfs { path, .. } | MountSource::HostPath { path, .. }) = source;
        let below = path
            .strip_prefix(&self.root.path)
            .and_then(|rest| rest.strip_prefix('/'));
        let below = below.ok_or(Denial::Missing)?;
        let state = self.state();
        let way = if state.exports.are_paths {
            Way::Path(below.to_owned())
        } else {
            Way::Export(state.exports.mounted_at(below).ok_or(Denial::Missing)?.1.id)
        };
        drop(state);
        let through = Through {
            fake: self.clone(),
            way,
        };
        through.volume(false).map(|_| through.clone())
    }
}

impl Through {
    /// The bytes of a file.
    pub fn read(&self, file: &str) -> Result<Vec<u8>, Denial> {
        let volume = self.volume(false)?;
        self.fake.read(&format!("{volume}/{file}")).ok_or(Denial::Missing)
    }

    /// Writes a file anew, with the directories above it, unless that is more than the volume may hold.
    pub fn write(&self, file: &str, bytes: &[u8]) -> Result<(), Denial> {
        let volume = self.volume(true)?;
        let mut state = self.fake.state();
        if state.full {
            return Err(Denial::NoSpace);
        }
        let path = format!("{volume}/{file}");
        let limit = state.tree.dir(&volume).ok_or(Denial::Stale)?.bytes;
        let before = match state.tree.node(&path) {
            Some(Node::Dir(_)) => return Err(Denial::Missing),
            Some(Node::File(bytes)) => Some(bytes.clone()),
            None => None,
        };
        state.tree.write(&path, bytes);
        if self.fake.capabilities.quota && state.charged(&volume) > limit {
            match before {
                Some(bytes) => state.tree.write(&path, bytes),
                None => drop(state.tree.remove(&path)),
            }
            return Err(Denial::NoSpace);
        }
        Ok(())
    }

    /// The names in a directory; `""` is the volume's own.
    pub fn list(&self, directory: &str) -> Result<BTreeSet<String>, Denial> {
        let volume = self.volume(false)?;
        let at = format!("{volume}/{directory}");
        let at = at.trim_end_matches('/');
        let tree = self.fake.tree();
        tree.dir(at).ok_or(Denial::Missing)?;
        Ok(tree.children(at).into_iter().map(str::to_owned).collect())
    }

    /// Where the volume is, if it may be reached.
    fn volume(&self, to_write: bool) -> Result<String, Denial> {
        let state = self.fake.state();
        let at = match &self.way {
            Way::Path(path) => path.clone(),
            Way::Export(id) => {
                let (key, export) = state.exports.numbered(*id).ok_or(Denial::Stale)?;
                let writes = self.fake.capabilities.read_only_enforced.then_some(key.access) != Some(Access::ReadOnly);
                match export.serves {
                    Admission::Cut => return Err(Denial::Stale),
                    Admission::ReadOnly if to_write => return Err(Denial::ReadOnly),
                    Admission::Full if to_write && !writes => return Err(Denial::ReadOnly),
                    Admission::ReadOnly | Admission::Full => key.path.to_string(),
                }
            }
        };
        state.tree.dir(&at).map(|_| at).ok_or(Denial::Stale)
    }
}
