//! What a member's PersistentVolume says of access that was taken from it: since when, how much is left, and on whose word.
//!
//! Written after the backend has done it, taken off after the backend has undone it. While nobody can speak for the side on whose word
//! it was done, what is written here is that side's last word.

use super::access::Access;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use tombolo_backend_api::Admission;

/// Of the two sides whose consent a member needs, one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// The owner of the volume, by annotations of the claim.
    Owner,
    /// The admin of the member's namespace, by a reference.
    Reference,
}

/// Access that was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Since when.
    pub since: Timestamp,
    /// What is left.
    pub left: Left,
    /// On whose word.
    pub by: Side,
}

/// What is left of a member's access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// Reading.
    ReadOnly,
}

impl Left {
    /// What the backend lets through.
    pub const fn admission(self) -> Admission {
        match self {
            Self::Nothing => Admission::Cut,
            Self::ReadOnly => Admission::ReadOnly,
        }
    }

    /// The access that is left.
    pub const fn access(self) -> Option<Access> {
        match self {
            Self::Nothing => None,
            Self::ReadOnly => Some(Access::ReadOnly),
        }
    }
}

impl Cut {
    /// Reads an annotation's value. One that cannot be read says nothing.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Writes it.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What was taken, and since when. Whether more is about to be, only the controller knows.
impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.left {
            Left::Nothing => "access",
            Left::ReadOnly => "writing",
        };
        write!(f, "{what} has been cut since {}", self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_reads_back_as_written_and_garbage_says_nothing() {
        for (left, by) in [(Left::Nothing, Side::Owner), (Left::ReadOnly, Side::Reference)] {
            let since = Timestamp::UNIX_EPOCH;
            let cut = Cut { since, left, by };
            assert_eq!(Cut::parse(&cut.to_text()), Some(cut));
        }
        for bad in ["", "yes", "{}", r#"{"since":"now","left":"Nothing","by":"Owner"}"#] {
            assert_eq!(Cut::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_object_says_what_was_taken_and_by_which_way_it_is_mounted() {
        let read = |annotations: serde_json::Value| {
            let object = serde_json::json!({
                "metadata": {"name": "pvc-a", "uid": "u", "annotations": annotations},
                "spec": {"claimRef": {"namespace": "team", "name": "app", "uid": "a"}},
            });
            crate::domain::pv::Pv::of(&serde_json::from_value(object).unwrap()).unwrap()
        };
        let cut = r#"{"since":"1970-01-01T00:00:00Z","left":"ReadOnly","by":"Reference"}"#;
        let whole = read(
            serde_json::json!({"tombolo.dev/handle": "6d1f:pvc-b", "tombolo.dev/access": "ReadWrite",
            "tombolo.dev/tenant": "first", "tombolo.dev/cut": cut}),
        );
        assert_eq!(
            whole.export().map(|e| e.to_string()).as_deref(),
            Some("pvc-b for first (ReadWrite)")
        );
        assert_eq!(whole.ours.unwrap().cut, Cut::parse(cut));
        let bare = read(
            serde_json::json!({"tombolo.dev/handle": "6d1f:pvc-b", "tombolo.dev/tenant": "../x", "tombolo.dev/cut": "!"}),
        );
        assert_eq!(
            bare.export().map(|e| e.to_string()).as_deref(),
            Some("pvc-b for team (ReadOnly)")
        );
        assert_eq!(bare.ours.unwrap().cut, None);
        assert_eq!(read(serde_json::json!({})).export(), None, "it is not ours");
    }
}
