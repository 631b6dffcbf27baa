//! What is known of a thing in a tree.

/// Which thing it is, whatever its names: file system and number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    /// The file system.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, socket or FIFO.
    Special,
}

/// A point in time as file systems have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: i64,
    /// And nanoseconds.
    pub nanoseconds: u32,
}

/// A thing and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Which thing.
    pub id: Id,
    /// What kind of thing.
    pub kind: Kind,
    /// Permission bits, set-id and sticky bits among them.
    pub mode: u32,
    /// How many names it has.
    pub links: u64,
    /// Whose it is.
    pub uid: u32,
    /// And whose group's.
    pub gid: u32,
    /// Its length in bytes.
    pub size: u64,
    /// Bytes on disk; more than `size` where nobody knows.
    pub allocated: u64,
    /// When it was last read.
    pub accessed: Time,
    /// When its contents were last changed.
    pub modified: Time,
    /// When anything about it was last changed, by the server's clock.
    pub changed: Time,
}

impl Node {
    /// Bytes of a file, as far as can be told without reading it: holes count nothing.
    pub fn data(&self) -> u64 {
        match self.kind {
            Kind::File => self.size.min(self.allocated),
            Kind::Directory | Kind::Symlink | Kind::Special => 0,
        }
    }
}

/// A name in a directory: any bytes but `/` and NUL, and neither `.` nor `..`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Box<[u8]>);

impl Name {
    /// Takes a name; `None` for what can be none, be it from a server that lies.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let fits = !matches!(bytes, b"" | b"." | b"..") && !bytes.iter().any(|b| matches!(b, b'/' | 0));
        fits.then(|| Self(bytes.into()))
    }

    /// The name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_step_down() {
        for good in [&b"a"[..], b"...", b" ", b"\n", b"\xff\xfe", "\u{e9}".as_bytes()] {
            assert_eq!(Name::parse(good).unwrap().as_bytes(), good);
        }
        for bad in [&b""[..], b".", b"..", b"/", b"a/b", b"a\0b"] {
            assert_eq!(Name::parse(bad), None, "{bad:?}");
        }
    }
}
