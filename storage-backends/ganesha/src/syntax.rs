//! NFS-Ganesha's configuration as values: what can be built here says what it was built from, and nothing else.
//!
//! The grammar is that of `src/config_parsing` in NFS-Ganesha 4.3. A value that a caller brings is a number, a network, or a
//! text in double quotes, and a text with anything in it that could end the quotes, or that the lexer would change, cannot be
//! made. `read` is the way back, for the check of an admin's file and for the tests of this.

pub(crate) mod read;

use ipnet::IpNet;
use std::fmt;
use tombolo_backend_api::{BackendError, Class};

/// The lexer keeps paths in buffers of this size (`MAXPATHLEN`), the end of the text included.
const LONGEST: usize = 4095;

/// A text that stands in double quotes as it is.
///
/// Printable ASCII but for `"` and `\`. The lexer ends a text at the first quote that no backslash precedes, turns backslash
/// sequences into control characters, and looks tokens up by a comparison that ends at NUL; what is beyond ASCII
/// would have to be UTF-8 on the bus, and is not worth the doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quoted(String);

impl Quoted {
    pub(crate) fn new(text: &str) -> Result<Self, BackendError> {
        let fits = |b: u8| (b == b' ' || b.is_ascii_graphic()) && b != b'"' && b != b'\\';
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        let message =
            format!("{text:?} cannot be said in NFS-Ganesha's configuration: printable ASCII without \" and \\ can");
        Err(BackendError::not_done(Class::Invalid, message))
    }
}

/// A path that the directives `%include` and `%dir` take, which have a lexer of their own (`INCLPATH`, `DIR_PATH`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IncludePath(String);

impl IncludePath {
    pub(crate) fn new(path: &str) -> Result<Self, BackendError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        let component = |part: &str| !part.is_empty() && part.bytes().all(fits);
        let absolute = path.strip_prefix('/');
        if path.len() < 1024 && absolute.is_some_and(|rest| rest.split('/').all(component)) {
            return Ok(Self(path.to_owned()));
        }
        let message = format!("{path:?} cannot be included by NFS-Ganesha: an absolute path of [A-Za-z0-9._-] can");
        Err(BackendError::not_done(Class::Invalid, message))
    }
}

/// One value of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A word of the language, written in this source.
    Word(&'static str),
    Number(u64),
    /// Two numbers with a dot between, as `Filesystem_Id` has.
    Pair(u64, u64),
    Text(Quoted),
    Network(IpNet),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Number(number) => number.fmt(f),
            Self::Pair(one, other) => write!(f, "{one}.{other}"),
            Self::Text(Quoted(text)) => write!(f, "\"{text}\""),
            // An address alone has a token of its own, and no prefix of three digits.
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => network.addr().fmt(f),
            Self::Network(network) => network.fmt(f),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Word(if value { "true" } else { "false" })
    }
}

/// A block: a name, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    name: &'static str,
    items: Vec<(&'static str, Vec<Value>)>,
    blocks: Vec<Block>,
}

impl Block {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            items: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// Adds an item with one value.
    #[must_use]
    pub(crate) fn set(self, name: &'static str, value: Value) -> Self {
        self.list(name, vec![value])
    }

    /// Adds an item with several values; none at all is an item that is not there.
    #[must_use]
    pub(crate) fn list(mut self, name: &'static str, values: Vec<Value>) -> Self {
        if !values.is_empty() {
            self.items.push((name, values));
        }
        self
    }

    /// Adds a block within this one.
    #[must_use]
    pub(crate) fn block(mut self, block: Self) -> Self {
        self.blocks.push(block);
        self
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let inner = depth.saturating_add(1);
        writeln!(f, "{:indent$}{} {{", "", self.name, indent = depth * 4)?;
        for (name, values) in &self.items {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            writeln!(f, "{:indent$}{name} = {};", "", values.join(", "), indent = inner * 4)?;
        }
        for block in &self.blocks {
            block.write(f, inner)?;
        }
        writeln!(f, "{:indent$}}}", "", indent = depth * 4)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

/// A directive that reads another file, or a directory's files of one suffix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Directive {
    Include(IncludePath),
    /// All `*.conf` of a directory, which has to be there.
    Directory(IncludePath),
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Include(IncludePath(path)) => writeln!(f, "%include \"{path}\""),
            Self::Directory(IncludePath(path)) => writeln!(f, "%dir \"{path}/*.conf\""),
        }
    }
}

#[cfg(test)]
mod tests;
