//! Copies: begun below a name of their own that carries the epoch, filled, and put in their place in one step.

use crate::backend::{full, purging_path};
use crate::fake::State;
use crate::tree::{Dir, Node};
use crate::{Call, Fake};
use async_trait::async_trait;
use tombolo_backend_api::{
    BackendError, COPIES_DIR, Class, Clones, Copied, CopyProgress, CopyTerms, CreateVolume, PRIVATE_DIR, Seen, TrashId,
    VolumePath,
};

/// What is to be copied.
pub(crate) struct Copy {
    /// The source's path in the tree.
    pub from: String,
    /// What the copy is called while it is not finished, but for its epoch.
    pub name: String,
    /// Bytes that the source may have.
    pub bytes: u64,
    pub terms: CopyTerms,
}

#[async_trait]
impl Clones for Fake {
    async fn clone_volume(
        &self,
        from: &VolumePath,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let call = Call::CloneVolume {
            from: from.clone(),
            into: into.clone(),
            terms: *terms,
        };
        self.make_volume(call, from.to_string(), into, *terms, progress).await
    }

    async fn abandon_copy(&self, into: &VolumePath) -> Result<(), BackendError> {
        self.play(Call::AbandonCopy(into.clone()), |state| {
            state.abandon(&volume_copy(into));
            Ok(())
        })
        .await
    }
}

impl Fake {
    /// Makes the volume `into` as a copy of the directory `from`, which must be there.
    pub(crate) async fn make_volume(
        &self,
        call: Call,
        from: String,
        into: &CreateVolume,
        terms: CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let copy = Copy {
            from,
            name: volume_copy(&into.path),
            bytes: into.bytes,
            terms,
        };
        let mut left = Copied::default();
        let first = |state: &mut State| {
            if state.volume(&into.path)?.is_some() {
                return Ok(Some(Copied::default()));
            }
            left = state.begin_copy(&copy)?;
            Ok(None)
        };
        let second = |state: &mut State| {
            let (unfinished, copied) = state.fill_copy(&copy)?;
            let volume = state.number();
            let placed = state.tree.rename(&unfinished, into.path.as_str(), state.now);
            placed.map_err(|_| BackendError::maybe_done(Class::Transient, format!("{} is taken", into.path)))?;
            let given = state.given(into.bytes);
            if let Some(dir) = state.tree.dir_mut(into.path.as_str()) {
                (dir.mode, dir.bytes, dir.volume) = (into.mode, given, volume);
            }
            Ok(copied)
        };
        let copied = self.play_in_halves(call, first, second).await?;
        let copied = Copied {
            reused_bytes: left.bytes,
            reused_files: left.files,
            ..copied
        };
        let seen = Seen {
            bytes: copied.bytes,
            entries: copied.files + copied.directories,
            whole: true,
        };
        progress.copied(copied, seen);
        Ok(copied)
    }
}

impl State {
    /// Makes the first half of a copy, or takes over what there is of it; answers how much that is.
    pub(crate) fn begin_copy(&mut self, copy: &Copy) -> Result<Copied, BackendError> {
        self.source(copy)
            .map_err(|why| BackendError::not_done(Class::Invalid, why))?;
        let newest = self.unfinished(&copy.name).into_iter().max_by_key(|(_, epoch)| *epoch);
        let mine = unfinished_path(&copy.name, copy.terms.epoch);
        match newest {
            Some((_, epoch)) if epoch > copy.terms.epoch => {
                let message = format!("a leader of epoch {epoch} makes this copy");
                return Err(BackendError::not_done(Class::Transient, message));
            }
            _ if self.full => return Err(full()),
            Some((path, epoch)) if epoch < copy.terms.epoch => {
                // It was found under this lock, and nothing has the new name, whose epoch would be the newest.
                let _ = self.tree.rename(&path, &mine, self.now);
            }
            Some(_) => {}
            None => {
                self.make_private_dir();
                self.tree.make_dir(&mine, Dir::new(0o700, self.now));
            }
        }
        let left = self.count(&mine);
        let entries = self.tree.below(&copy.from);
        self.copy_entries(copy, &mine, entries.iter().take(entries.len() / 2));
        Ok(left)
    }

    /// Makes the rest of a copy, and answers where it is.
    pub(crate) fn fill_copy(&mut self, copy: &Copy) -> Result<(String, Copied), BackendError> {
        let mine = unfinished_path(&copy.name, copy.terms.epoch);
        if self.tree.dir(&mine).is_none() {
            let message = "the copy was taken over, finished or abandoned by somebody else";
            return Err(BackendError::maybe_done(Class::Transient, message));
        }
        self.source(copy)
            .map_err(|why| BackendError::maybe_done(Class::Invalid, why))?;
        if self.full {
            return Err(BackendError::maybe_done(Class::Full, "the fake is full"));
        }
        let entries = self.tree.below(&copy.from);
        self.copy_entries(copy, &mine, entries.iter());
        let copied = self.count(&mine);
        if copied.bytes > copy.bytes || entries.len() as u64 > copy.terms.max_entries {
            self.abandon(&copy.name);
            let message = format!("{} is larger than its copy may be", copy.from);
            return Err(BackendError::maybe_done(Class::TooLarge, message));
        }
        Ok((mine, copied))
    }

    fn source(&self, copy: &Copy) -> Result<(), String> {
        self.tree
            .dir(&copy.from)
            .map(|_| ())
            .ok_or_else(|| format!("{} is not there to be copied", copy.from))
    }

    fn copy_entries<'a>(&mut self, copy: &Copy, to: &str, entries: impl Iterator<Item = &'a String>) {
        for entry in entries {
            let Some((node, rest)) = self.tree.node(entry).cloned().zip(entry.strip_prefix(&copy.from)) else {
                continue;
            };
            let to = format!("{to}{rest}");
            match node {
                Node::Dir(dir) => self.tree.make_dir(&to, Dir { volume: 0, ..dir }),
                Node::File(bytes) => self.tree.write(&to, bytes),
            }
        }
    }

    fn count(&self, at: &str) -> Copied {
        let mut copied = Copied {
            directories: 1,
            ..Copied::default()
        };
        for entry in self.tree.below(at) {
            match self.tree.node(&entry) {
                Some(Node::Dir(_)) => copied.directories += 1,
                Some(Node::File(bytes)) => {
                    copied.files += 1;
                    copied.bytes += bytes.len() as u64;
                }
                None => {}
            }
        }
        copied
    }

    /// Puts what there is of an unfinished copy into the trash, under purge.
    pub(crate) fn abandon(&mut self, name: &str) {
        for (path, _) in self.unfinished(name) {
            self.doom(&path);
        }
    }

    /// The same for all unfinished copies whose names begin so.
    pub(crate) fn abandon_all(&mut self, prefix: &str) {
        let copies = copies();
        let names = self.tree.children(&copies).into_iter();
        let found: Vec<_> = names
            .filter(|name| name.starts_with(prefix))
            .map(|name| format!("{copies}/{name}"))
            .collect();
        found.iter().for_each(|path| self.doom(path));
    }

    /// Puts a directory into the trash, under purge and a name that nothing else has.
    pub(crate) fn doom(&mut self, path: &str) {
        let number = self.number();
        if let Some(id) = TrashId::parse(&format!("copy-{number}")) {
            // What is not there need not go.
            let _ = self.tree.rename(path, &purging_path(&id), self.now);
        }
    }

    /// What there is of a copy, by epoch.
    fn unfinished(&self, name: &str) -> Vec<(String, u64)> {
        let all = self.tree.children(&copies()).into_iter();
        all.filter_map(|found| {
            let epoch = found.strip_prefix(name)?.strip_prefix('@')?.parse().ok()?;
            Some((format!("{}/{found}", copies()), epoch))
        })
        .collect()
    }
}

fn copies() -> String {
    format!("{PRIVATE_DIR}/{COPIES_DIR}")
}

fn unfinished_path(name: &str, epoch: u64) -> String {
    format!("{}/{name}@{epoch}", copies())
}

/// What an unfinished volume is called.
fn volume_copy(into: &VolumePath) -> String {
    format!("volume+{}", one_component(into))
}

/// A path as one component, which no other path becomes: none has a `+`.
pub(crate) fn one_component(path: &VolumePath) -> String {
    path.as_str().replace('/', "+")
}
