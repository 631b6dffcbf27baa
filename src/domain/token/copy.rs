//! What stands beside the token of a copy.
//!
//! With the source's PersistentVolume it is all that finishing the copy needs. Where the copy lies is not in it: on the backend of its
//! source, at the name of its own volume. So nobody can have another place written to by editing an annotation.

use super::{modes, slashed};
use crate::domain::access::{AccessModes, MountMode, OnDelete, OnOwnerDelete};
use crate::domain::ids::{ClaimKey, ClassName};
use crate::domain::pv::ReclaimPolicy;
use crate::domain::record::Terms;
use crate::domain::source::Source;
use serde::{Deserialize, Serialize};

/// Value of a copying token's annotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyNote {
    /// The claim that gets the copy, as `<namespace>/<name>`.
    #[serde(with = "slashed")]
    pub claim: ClaimKey,
    /// Access modes that it asks for.
    #[serde(with = "modes")]
    pub modes: AccessModes,
    /// Its class.
    pub class: ClassName,
    /// Bytes that it asks for.
    pub bytes: u64,
    /// Reclaim policy of its class then.
    pub policy: ReclaimPolicy,
    /// What deleting it is to do with the data.
    pub on_delete: OnDelete,
    /// Whether it is to wait for members.
    pub on_owner_delete: OnOwnerDelete,
    /// Mount options of its class then.
    pub mount_options: Vec<String>,
    /// Who mounts it on nodes, as its class said then.
    #[serde(default, skip_serializing_if = "MountMode::goes_unsaid")]
    pub mount: MountMode,
    /// UID of the claim whose volume is copied, or of the VolumeSnapshot.
    #[serde(rename = "sourceUID")]
    pub source_uid: String,
    /// Whose consent it rests on; absent within a namespace, where nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ByConsent>,
}

/// Consent that a copy was begun by, and that is asked for again before it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ByConsent {
    /// What the claim asked to have copied.
    pub source: Source,
    /// How it asked.
    pub by: AskedBy,
}

/// How a claim asked for a copy: it says who has to consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AskedBy {
    /// By a data source, its own or that of a CrossNamespaceSource.
    DataSource,
    /// By the annotations of Trident.
    Annotation,
    /// By naming a claim of its own namespace that is a member of what is copied.
    Member,
}

impl CopyNote {
    /// Reads an annotation's value.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Writes it.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the copy's PersistentVolume will say of deleting and mounting.
    pub fn terms(&self) -> Terms {
        Terms {
            policy: self.policy,
            on_delete: self.on_delete,
            on_owner_delete: self.on_owner_delete,
            mount: self.mount,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::token::{Note, TokenKind};

    #[test]
    fn notes_of_copies_read_back_and_are_not_those_of_joins() {
        let note = CopyNote {
            claim: ClaimKey::new("a", "copy"),
            modes: AccessModes::parse(&["ReadWriteOnce"]),
            class: ClassName::new("gold"),
            bytes: 1 << 30,
            policy: ReclaimPolicy::Delete,
            on_delete: OnDelete::Archive,
            on_owner_delete: OnOwnerDelete::Hold,
            mount_options: vec!["hard".into()],
            mount: MountMode::Csi,
            source_uid: "s".into(),
            consent: None,
        };
        let across = CopyNote {
            consent: Some(ByConsent {
                source: Source::claim(ClaimKey::new("b", "data")),
                by: AskedBy::DataSource,
            }),
            ..note.clone()
        };
        assert_eq!(CopyNote::parse(&across.to_text()), Some(across));
        let text = note.to_text();
        let older = text.replace(r#""mount":"csi","#, "");
        let by_kubelet = CopyNote {
            mount: MountMode::Kubelet,
            ..note.clone()
        };
        assert_eq!(Note::parse(TokenKind::Copying, &older), Some(Note::Copy(by_kubelet)));
        assert_eq!(Note::parse(TokenKind::Copying, &text), Some(Note::Copy(note)));
        assert_eq!(Note::parse(TokenKind::Joining, &text), None);
        assert_eq!(Note::parse(TokenKind::Copying, "{}"), None);
    }
}
