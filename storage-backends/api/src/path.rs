//! A volume's path below the root: parsed once, so that nothing behind it has to ask whether it is safe.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest single component; NFS servers commonly allow 255 bytes, and prefixes are added in the trash.
const MAX_COMPONENT: usize = 128;
/// Longest path: with the root before it, it stays below `PATH_MAX` (limits.h), which counts 4096 bytes.
const MAX_PATH: usize = 1024;

/// A relative path of one or more components `[A-Za-z0-9._-]{1,128}`, none beginning with a dot, of at most 1024 bytes.
///
/// It cannot leave the root, name the private directory, or carry a character that means something to a shell, a
/// configuration file or an NFS mount option.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("maxLength" = 1024, "pattern" = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127})*$"))]
pub struct VolumePath(String);

/// Why a text is no [`VolumePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a volume path is one or more components of [A-Za-z0-9._-]{{1,128}} without a leading dot, of at most 1024 bytes"
)]
pub struct InvalidPath;

impl VolumePath {
    /// Parses `text`; nothing is normalised.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let fits = |c: &str| {
            (1..=MAX_COMPONENT).contains(&c.len())
                && !c.starts_with('.')
                && c.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        if text.len() <= MAX_PATH && text.split('/').all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPath)
        }
    }

    /// The path as text, components joined by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components, outermost first.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for VolumePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for VolumePath {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::parse(&text)
    }
}

impl From<VolumePath> for String {
    fn from(path: VolumePath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_parse_and_hostile_ones_do_not() {
        for good in ["pvc-1", "a/b/c", "A_b-c.d", "x..y"] {
            assert_eq!(VolumePath::parse(good).map(String::from), Ok(good.to_owned()));
        }
        let long = "a".repeat(129);
        let longest = ["a"; 512].join("/") + "b";
        assert!(VolumePath::parse(&longest).is_ok());
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            ".tombolo",
            "a/.b",
            "a b",
            "a\0",
            "a\n",
            "é",
            "a;b",
            &long,
            &(longest + "c"),
        ] {
            assert_eq!(VolumePath::parse(bad), Err(InvalidPath), "{bad:?}");
        }
    }
}
