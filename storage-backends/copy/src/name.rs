//! What an unfinished copy is called, and what a new attempt does about those that it finds.
//!
//! `<target>.<source>.<epoch>.<attempt>.<part>`: the target and the source as digests, the leader's term, and a name of the
//! attempt's own that nobody can have guessed.

use crate::node::{Id, Name};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use tombolo_backend_api::{PURGING_PREFIX, SnapshotId, VolumePath};

/// From how many earlier attempts files are taken. Each gives up what it has, so that there are seldom two.
const MOST_GIVERS: usize = 4;

/// What a copy is to become, as one part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

/// Of a copy that is to become a volume.
pub fn key_of_volume(path: &VolumePath) -> Key {
    Key(digest(&["volume", path.as_str()], 16))
}

/// Of a copy that is to become a snapshot.
pub fn key_of_snapshot(id: &SnapshotId) -> Key {
    Key(digest(&["snapshot", id.as_str()], 16))
}

/// A name in the trash, under purge, that nothing has: for what is not to come back.
pub fn doomed_name() -> String {
    format!("{PURGING_PREFIX}copy-{}", uuid::Uuid::new_v4().simple())
}

impl Key {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which source it is, and which of our promises about its files still hold.
pub(crate) fn origin(id: Id, trust: &str) -> String {
    digest(&[&id.device.to_string(), &id.inode.to_string(), trust], 8)
}

/// The first bytes of a digest of some texts, none of which contains the separator.
fn digest(texts: &[&str], bytes: usize) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(texts.join("\0").as_bytes()).iter().take(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What a directory among the unfinished copies is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The copy itself.
    Tree,
    /// Files of several names, each by the number that it has in the source.
    Shared,
}

/// A directory among the unfinished copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfinished {
    pub(crate) key: String,
    pub(crate) origin: String,
    pub(crate) epoch: u64,
    pub(crate) attempt: String,
    pub(crate) part: Part,
}

impl Unfinished {
    /// Reads a name; `None` if it is of another copy.
    pub(crate) fn parse(name: &Name, key: &Key) -> Option<Self> {
        let text = std::str::from_utf8(name.as_bytes()).ok()?;
        let mut fields = text.split('.');
        let mut next = || fields.next().filter(|field| !field.is_empty());
        let found = Self {
            key: next()?.to_owned(),
            origin: next()?.to_owned(),
            epoch: next()?.parse().ok()?,
            attempt: next()?.to_owned(),
            part: match next()? {
                "tree" => Part::Tree,
                "shared" => Part::Shared,
                _ => return None,
            },
        };
        (found.key == key.as_str() && next().is_none()).then_some(found)
    }

    pub(crate) fn name(&self) -> Option<Name> {
        let part = match self.part {
            Part::Tree => "tree",
            Part::Shared => "shared",
        };
        let Self {
            key,
            origin,
            epoch,
            attempt,
            part: _,
        } = self;
        Name::parse(format!("{key}.{origin}.{epoch}.{attempt}.{part}").as_bytes())
    }
}

/// What is done about earlier attempts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Takeover {
    /// Nothing, and nothing else: a later leader is at work.
    Refused {
        /// Its term.
        by: u64,
    },
    /// Some give their files, others go.
    Granted {
        /// Trees to be renamed to the new term and harvested.
        givers: Vec<Unfinished>,
        /// What is of no use.
        refuse: Vec<Unfinished>,
    },
}

/// Decides about what was found, for an attempt of a term to copy what is said by `origin`.
pub(crate) fn takeover(found: Vec<Unfinished>, epoch: u64, origin: &str) -> Takeover {
    if let Some(by) = found.iter().map(|f| f.epoch).filter(|e| *e > epoch).max() {
        return Takeover::Refused { by };
    }
    let fits = |f: &Unfinished| f.part == Part::Tree && f.origin == origin;
    let (mut givers, mut refuse): (Vec<_>, Vec<_>) = found.into_iter().partition(fits);
    // Newest first: a newer one has taken over what an older one had.
    givers.sort_by_key(|giver| std::cmp::Reverse(giver.epoch));
    refuse.extend(givers.split_off(givers.len().min(MOST_GIVERS)));
    Takeover::Granted { givers, refuse }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        key_of_volume(&VolumePath::parse(text).unwrap())
    }

    fn tree(origin: &str, epoch: u64, attempt: usize) -> Unfinished {
        Unfinished {
            key: key("a").as_str().into(),
            origin: origin.into(),
            epoch,
            attempt: attempt.to_string(),
            part: Part::Tree,
        }
    }

    fn shared(origin: &str, epoch: u64) -> Unfinished {
        Unfinished {
            part: Part::Shared,
            ..tree(origin, epoch, 1)
        }
    }

    #[test]
    fn a_name_is_read_back_and_others_are_not_ours() {
        for unfinished in [tree("o", u64::MAX, 1), shared("o", 0)] {
            let name = unfinished.name().unwrap();
            assert!(name.as_bytes().len() < 120, "a prefix still has to fit");
            assert_eq!(Unfinished::parse(&name, &key("a")), Some(unfinished));
            assert_eq!(Unfinished::parse(&name, &key("b")), None);
        }
        let key_text = key("a").as_str().to_owned();
        for bad in [
            "x",
            "o.1.2.tree",
            ".o.1.2.tree",
            "K.o.x.2.tree",
            "K.o.1.2.other",
            "K.o.1.2.tree.3",
            "K.o.-1.2.tree",
        ] {
            let name = Name::parse(bad.replace('K', &key_text).as_bytes()).unwrap();
            assert_eq!(Unfinished::parse(&name, &key("a")), None, "{bad}");
        }
    }

    #[test]
    fn a_volume_and_a_snapshot_of_one_name_are_two_things() {
        let snapshot = key_of_snapshot(&SnapshotId::parse("a").unwrap());
        assert_ne!(snapshot, key("a"));
        assert_ne!(key("a/b"), key("a.b"));
        let id = |inode| Id { device: 1, inode };
        assert_ne!(origin(id(1), "boot"), origin(id(2), "boot"));
        assert_ne!(origin(id(1), "boot"), origin(id(1), "another boot"));
    }

    #[test]
    fn a_later_leader_is_left_alone() {
        let found = vec![tree("o", 1, 1), shared("o", 9), tree("other", 4, 1)];
        assert_eq!(takeover(found, 3, "o"), Takeover::Refused { by: 9 });
    }

    #[test]
    fn earlier_attempts_at_the_same_give_and_all_else_goes() {
        let found = vec![tree("o", 1, 1), tree("other", 1, 2), shared("o", 2), tree("o", 3, 3)];
        let granted = Takeover::Granted {
            givers: vec![tree("o", 3, 3), tree("o", 1, 1)],
            refuse: vec![tree("other", 1, 2), shared("o", 2)],
        };
        assert_eq!(takeover(found, 3, "o"), granted);
    }

    #[test]
    fn a_controller_that_crashes_all_the_time_does_not_leave_ever_more() {
        let found = (0..10).map(|n| tree("o", n, 1)).collect();
        let Takeover::Granted { givers, refuse } = takeover(found, 10, "o") else {
            panic!("no later leader was there")
        };
        assert_eq!((givers.len(), refuse.len()), (MOST_GIVERS, 10 - MOST_GIVERS));
        assert_eq!(givers[0].epoch, 9);
    }
}
