//! What a request says beside its body: what it expects to find, and how long its sender waits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::Duration;

/// The backend id in the mark that the root must carry, or nothing is changed.
pub const ROOT: &str = "tombolo-root";
/// The [`Revision`] by which the sender knows the backend; under another one nothing is done.
pub const REVISION: &str = "tombolo-revision";
/// Milliseconds that the sender waits; after them nobody does.
pub const DEADLINE: &str = "tombolo-deadline";
/// A UUID by which both sides' logs name the request; chosen by the server if the sender chose none.
pub const REQUEST: &str = "x-request-id";

/// Shortest deadline: a shorter one is a mistake.
pub const SHORTEST: Duration = Duration::from_millis(100);
/// Longest deadline: what takes longer is an operation.
pub const LONGEST: Duration = Duration::from_secs(600);

/// Names a state of something by what it contains: 32 hexadecimal digits of its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[0-9a-f]{32}$"))]
pub struct Revision(String);

/// Why a text is no [`Revision`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not 32 hexadecimal digits")]
pub struct InvalidRevision;

impl Revision {
    /// The revision of a value, by its JSON.
    pub fn of(value: &impl Serialize) -> Self {
        // A value that does not serialise has no revision of its own; all of ours do.
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        Self(digits(&bytes))
    }

    /// Parses `text`.
    ///
    /// # Errors
    /// If it is no revision.
    pub fn parse(text: &str) -> Result<Self, InvalidRevision> {
        let fits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(text.to_owned())).ok_or(InvalidRevision)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first 32 hexadecimal digits of a SHA-256.
pub(crate) fn digits(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Revision {
    type Error = InvalidRevision;
    fn try_from(text: String) -> Result<Self, InvalidRevision> {
        Self::parse(&text)
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.0
    }
}

/// Parses a deadline.
pub fn deadline(text: &str) -> Option<Duration> {
    let digits = (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let deadline = Duration::from_millis(digits.then(|| text.parse().ok()).flatten()?);
    (SHORTEST..=LONGEST).contains(&deadline).then_some(deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_number_of_milliseconds_within_bounds() {
        assert_eq!(deadline("2500"), Some(Duration::from_millis(2500)));
        assert_eq!(deadline("600000"), Some(LONGEST));
        for bad in [
            "", "0", "99", "600001", "-1", "+100", "1e3", "100 ", "0x200", "9999999", "١٠٠٠",
        ] {
            assert_eq!(deadline(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_revision_is_32_digits() {
        let good = Revision::of(&"x");
        assert_eq!(Revision::parse(good.as_str()), Ok(good));
        for bad in ["", "0", &"g".repeat(32), &"A".repeat(32), &"0".repeat(33)] {
            assert_eq!(Revision::parse(bad), Err(InvalidRevision));
        }
    }
}
