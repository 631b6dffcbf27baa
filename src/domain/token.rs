//! The token that a join or a copy puts on the owner's PersistentVolume: a finalizer, and beside it all that finishing needs.
//!
//! A finalizer, because it is the one write that the API server itself refuses on an object under deletion (422, "no new
//! finalizers can be added"): `tests/e2e` shows that, and that a mere label loses data.

use super::access::{Access, AccessModes, MountMode, OnRevoke};
use super::ids::{ClaimKey, ClaimUid, ClassName};
use crate::api::names;
use serde::{Deserialize, Serialize};

mod copy;

pub use copy::{AskedBy, ByConsent, CopyNote};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenKind {
    /// A member joins.
    Joining,
    /// A copy reads.
    Copying,
}

/// One token: its kind and the claim it is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    /// What it is for.
    pub kind: TokenKind,
    /// The claim.
    pub claim: ClaimUid,
}

impl Token {
    /// The token of a join.
    pub fn joining(claim: ClaimUid) -> Self {
        Self {
            kind: TokenKind::Joining,
            claim,
        }
    }

    /// The token of a copy that becomes the volume of this claim.
    pub fn copying(claim: ClaimUid) -> Self {
        Self {
            kind: TokenKind::Copying,
            claim,
        }
    }

    /// Reads a finalizer; `None` if it is no token.
    pub fn of_finalizer(finalizer: &str) -> Option<Self> {
        let of = |prefix: &str, kind| {
            finalizer
                .strip_prefix(prefix)
                .filter(|uid| !uid.is_empty())
                .map(|uid| Self {
                    kind,
                    claim: ClaimUid::new(uid),
                })
        };
        of(names::TOKEN_JOINING, TokenKind::Joining).or_else(|| of(names::TOKEN_COPYING, TokenKind::Copying))
    }

    /// The finalizer, and the key of the annotation beside it.
    pub fn finalizer(&self) -> String {
        let prefix = match self.kind {
            TokenKind::Joining => names::TOKEN_JOINING,
            TokenKind::Copying => names::TOKEN_COPYING,
        };
        format!("{prefix}{}", self.claim)
    }
}

/// What stands beside a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Of a join.
    Join(JoinNote),
    /// Of a copy.
    Copy(CopyNote),
}

impl Note {
    /// Reads the value of the annotation beside a token of a kind.
    pub fn parse(kind: TokenKind, text: &str) -> Option<Self> {
        match kind {
            TokenKind::Joining => JoinNote::parse(text).map(Self::Join),
            TokenKind::Copying => CopyNote::parse(text).map(Self::Copy),
        }
    }

    /// Writes it.
    pub fn to_text(&self) -> String {
        match self {
            Self::Join(note) => note.to_text(),
            Self::Copy(note) => note.to_text(),
        }
    }

    /// The claim that the token is for.
    pub fn claim(&self) -> &ClaimKey {
        match self {
            Self::Join(note) => &note.claim,
            Self::Copy(note) => &note.claim,
        }
    }

    /// That of a join, if it is one.
    pub fn join(&self) -> Option<&JoinNote> {
        match self {
            Self::Join(note) => Some(note),
            Self::Copy(_) => None,
        }
    }

    /// That of a copy, if it is one.
    pub fn copy(&self) -> Option<&CopyNote> {
        match self {
            Self::Join(_) => None,
            Self::Copy(note) => Some(note),
        }
    }
}

/// Value of a joining token's annotation: with the owner's PersistentVolume, all that a join needs to be finished by whoever finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinNote {
    /// The claim, as `<namespace>/<name>`.
    #[serde(with = "slashed")]
    pub claim: ClaimKey,
    /// What it was granted.
    pub access: Access,
    /// The reference and grant it came by.
    pub via: String,
    /// The owner's `onRevoke` at that moment.
    pub on_revoke: OnRevoke,
    /// Access modes that the claim asks for: its PersistentVolume must offer them, or it never binds.
    #[serde(with = "modes")]
    pub modes: AccessModes,
    /// The claim's class.
    pub class: ClassName,
    /// Who mounts the member's volume, as that class says.
    #[serde(default, skip_serializing_if = "MountMode::goes_unsaid")]
    pub mount: MountMode,
    /// UID of the owner's claim that consented.
    #[serde(rename = "sourceUID")]
    pub source_uid: ClaimUid,
}

impl JoinNote {
    /// Reads an annotation's value.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Writes it.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

mod slashed {
    use super::ClaimKey;
    use crate::domain::ids::{is_dns_label, is_dns_subdomain};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(key: &ClaimKey, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(key)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ClaimKey, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (namespace, name) = text
            .split_once('/')
            .ok_or_else(|| D::Error::custom("not <namespace>/<name>"))?;
        if is_dns_label(namespace) && is_dns_subdomain(name) {
            Ok(ClaimKey::new(namespace, name))
        } else {
            Err(D::Error::custom("no claim's name"))
        }
    }
}

mod modes {
    use super::AccessModes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(modes: &AccessModes, serializer: S) -> Result<S::Ok, S::Error> {
        modes.to_list().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccessModes, D::Error> {
        Ok(AccessModes::parse(&Vec::<String>::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_back_from_finalizers() {
        let token = Token::joining(ClaimUid::new("u-1"));
        assert_eq!(token.finalizer(), "tombolo.dev/joining-u-1");
        assert_eq!(Token::of_finalizer(&token.finalizer()), Some(token));
        assert_eq!(
            Token::of_finalizer("tombolo.dev/copying-x").map(|t| t.kind),
            Some(TokenKind::Copying)
        );
        for other in [
            "tombolo.dev/joining-",
            "tombolo.dev/volume-protection",
            "kubernetes.io/pv-protection",
            "",
        ] {
            assert_eq!(Token::of_finalizer(other), None, "{other}");
        }
    }

    #[test]
    fn notes_read_back() {
        let note = JoinNote {
            claim: ClaimKey::new("b", "c"),
            access: Access::ReadOnly,
            via: "VolumeReference b/ref".into(),
            on_revoke: OnRevoke::Keep,
            modes: AccessModes::parse(&["ReadOnlyMany"]),
            class: ClassName::new("gold"),
            mount: MountMode::Csi,
            source_uid: ClaimUid::new("s"),
        };
        assert!(note.to_text().contains(r#""mount":"csi""#), "{}", note.to_text());
        let older = note.to_text().replace(r#""mount":"csi","#, "");
        let by_kubelet = JoinNote {
            mount: MountMode::Kubelet,
            ..note.clone()
        };
        assert_eq!(JoinNote::parse(&older), Some(by_kubelet));
        assert_eq!(JoinNote::parse(&note.to_text().replace(r#""csi""#, r#""nfs""#)), None);
        assert_eq!(JoinNote::parse(&note.to_text()), Some(note));
        assert_eq!(JoinNote::parse("{}"), None);
    }
}
