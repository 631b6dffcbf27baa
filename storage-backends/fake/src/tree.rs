//! A file system in memory, as far as a backend needs one: directories with modes, files with bytes, renames that replace
//! nothing.
//!
//! Kept flat (full path → node), so that no operation recurses however deep a tree is.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// All that lies below one root. Paths are relative, with `/` between components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Dir(Dir),
    File(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dir {
    pub mode: u32,
    pub bytes: u64,
    /// Which volume's data this is, wherever it lies; 0 for directories that are no volume. A snapshot has its volume's.
    pub volume: u64,
    pub modified: Timestamp,
    /// As `modified`, and by a rename of the directory itself.
    pub changed: Timestamp,
}

impl Dir {
    pub(crate) fn new(mode: u32, modified: Timestamp) -> Self {
        Self {
            mode,
            bytes: 0,
            volume: 0,
            modified,
            changed: modified,
        }
    }
}

/// Why a rename did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RenameRefused {
    Missing,
    Taken,
}

impl Tree {
    /// The bytes of a file; `None` if nothing or a directory is there.
    pub fn read(&self, path: &str) -> Option<&[u8]> {
        match self.0.get(path)? {
            Node::File(bytes) => Some(bytes),
            Node::Dir(_) => None,
        }
    }

    /// Writes a file and makes the directories above it.
    pub fn write(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.make_parents(path, Timestamp::UNIX_EPOCH);
        self.0.insert(path.to_owned(), Node::File(bytes.into()));
    }

    /// Permission bits of a directory.
    pub fn mode(&self, path: &str) -> Option<u32> {
        self.dir(path).map(|dir| dir.mode)
    }

    /// The paths of everything, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn node(&self, path: &str) -> Option<&Node> {
        self.0.get(path)
    }

    pub(crate) fn dir(&self, path: &str) -> Option<&Dir> {
        match self.0.get(path)? {
            Node::Dir(dir) => Some(dir),
            Node::File(_) => None,
        }
    }

    pub(crate) fn dir_mut(&mut self, path: &str) -> Option<&mut Dir> {
        match self.0.get_mut(path)? {
            Node::Dir(dir) => Some(dir),
            Node::File(_) => None,
        }
    }

    pub(crate) fn make_dir(&mut self, path: &str, dir: Dir) {
        self.make_parents(path, dir.modified);
        self.0.insert(path.to_owned(), Node::Dir(dir));
    }

    fn make_parents(&mut self, path: &str, now: Timestamp) {
        for (at, _) in path.match_indices('/') {
            let above = path.get(..at).unwrap_or_default().to_owned();
            self.0.entry(above).or_insert_with(|| Node::Dir(Dir::new(0o711, now)));
        }
    }

    /// Names directly inside a directory; `""` is the root.
    pub(crate) fn children(&self, path: &str) -> Vec<&str> {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let below = self
            .0
            .range(prefix.clone()..)
            .map_while(|(key, _)| key.strip_prefix(&prefix));
        below.filter(|rest| !rest.contains('/')).collect()
    }

    pub(crate) fn is_empty_dir(&self, path: &str) -> bool {
        self.dir(path).is_some() && self.below(path).is_empty()
    }

    /// What lies below a directory, parents before their children.
    pub(crate) fn below(&self, path: &str) -> Vec<String> {
        // '0' is the character after '/', so the range holds exactly the keys that begin with "path/".
        self.0
            .range(format!("{path}/")..format!("{path}0"))
            .map(|(key, _)| key.clone())
            .collect()
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str, now: Timestamp) -> Result<(), RenameRefused> {
        if self.0.contains_key(to) {
            return Err(RenameRefused::Taken);
        }
        let mut node = self.0.remove(from).ok_or(RenameRefused::Missing)?;
        if let Node::Dir(dir) = &mut node {
            dir.changed = now;
        }
        self.make_parents(to, now);
        for old in self.below(from) {
            let moved = self.0.remove(&old).zip(old.strip_prefix(from));
            if let Some((node, rest)) = moved {
                self.0.insert(format!("{to}{rest}"), node);
            }
        }
        self.0.insert(to.to_owned(), node);
        Ok(())
    }

    /// The files below a directory, by their paths from there.
    pub(crate) fn files(&self, path: &str) -> Vec<(String, &[u8])> {
        let below = self.below(path).into_iter();
        below
            .filter_map(|full| {
                let bytes = self.read(&full)?;
                let rest = full.strip_prefix(path)?.strip_prefix('/')?;
                Some((rest.to_owned(), bytes))
            })
            .collect()
    }

    /// Every directory that is a volume's data, by its path.
    pub(crate) fn volumes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().filter_map(|(path, node)| match node {
            Node::Dir(dir) if dir.volume != 0 => Some((path.as_str(), dir.volume)),
            Node::Dir(_) | Node::File(_) => None,
        })
    }

    /// Removes one file or empty directory.
    pub(crate) fn remove(&mut self, path: &str) -> Option<Node> {
        self.0.remove(path)
    }

    /// What lies below a directory, children before their parents.
    pub(crate) fn contents_first(&self, path: &str) -> Vec<String> {
        let mut all = self.below(path);
        all.reverse();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.paths().collect()
    }

    #[test]
    fn a_rename_takes_all_below_and_nothing_beside() {
        let mut tree = Tree::default();
        for path in ["a/x", "a/y/z", "a-b/x", "ab/x"] {
            tree.write(path, path);
        }
        assert_eq!(tree.rename("a", "c/a", NOW), Ok(()));
        assert_eq!(
            paths(&tree),
            ["a-b", "a-b/x", "ab", "ab/x", "c", "c/a", "c/a/x", "c/a/y", "c/a/y/z"]
        );
        assert_eq!(tree.read("c/a/y/z"), Some(&b"a/y/z"[..]));
    }

    #[test]
    fn a_rename_replaces_nothing() {
        let mut tree = Tree::default();
        tree.make_dir("a", Dir::new(0o777, NOW));
        tree.make_dir("b", Dir::new(0o777, NOW));
        assert_eq!(tree.rename("a", "b", NOW), Err(RenameRefused::Taken));
        assert_eq!(tree.rename("c", "d", NOW), Err(RenameRefused::Missing));
        assert_eq!(paths(&tree), ["a", "b"]);
    }

    #[test]
    fn children_are_the_names_directly_inside() {
        let mut tree = Tree::default();
        for path in ["a/x", "a/y/z", "ab/x", "q"] {
            tree.write(path, "");
        }
        assert_eq!(tree.children(""), ["a", "ab", "q"]);
        assert_eq!(tree.children("a"), ["x", "y"]);
        assert_eq!(tree.contents_first("a"), ["a/y/z", "a/y", "a/x"]);
    }
}
