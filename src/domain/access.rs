//! Small closed sets: access, access modes, who mounts, what deleting and revoking do.

use serde::{Deserialize, Serialize};
use std::fmt;
pub use tombolo_backend_api::Access;

/// What becomes of the data when the last user has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum OnDelete {
    /// Into the trash, and purged when its retention ends.
    #[default]
    Delete,
    /// Left where it is.
    Retain,
    /// Into the archive.
    Archive,
}

impl OnDelete {
    /// As in a class's parameters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Retain => "retain",
            Self::Archive => "archive",
        }
    }

    /// Reads the wire's text.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "delete" => Some(Self::Delete),
            "retain" => Some(Self::Retain),
            "archive" => Some(Self::Archive),
            _ => None,
        }
    }
}

/// Whether a deleted owner's claim waits for the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum OnOwnerDelete {
    /// The claim goes at once, its PersistentVolume stays.
    #[default]
    Detach,
    /// The claim stays `Terminating` until the last member has gone.
    Hold,
}

impl OnOwnerDelete {
    /// As in a class's parameters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Detach => "Detach",
            Self::Hold => "Hold",
        }
    }

    /// Reads the wire's text.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "Detach" => Some(Self::Detach),
            "Hold" => Some(Self::Hold),
            _ => None,
        }
    }
}

/// What the end of consent does to members that joined by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum OnRevoke {
    /// They keep the data; nobody new joins.
    #[default]
    Keep,
    /// Their access is cut, on backends that can.
    Cut,
}

impl OnRevoke {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "Keep",
            Self::Cut => "Cut",
        }
    }

    /// Reads the wire's text.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "Keep" => Some(Self::Keep),
            "Cut" => Some(Self::Cut),
            _ => None,
        }
    }
}

/// Who mounts a volume on a node. It is the source of its PersistentVolume, which Kubernetes lets nobody change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum MountMode {
    /// kubelet itself, by its own `nfs` or `hostPath` volumes: all there was before there was a choice.
    #[default]
    Kubelet,
    /// The node plugin of csi-driver-nfs, run under our name.
    Csi,
}

impl MountMode {
    /// As in a class's parameters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubelet => "kubelet",
            Self::Csi => "csi",
        }
    }

    /// Whether it is not said where it is written down: what was written before there was a choice says nothing, and means this.
    pub fn goes_unsaid(&self) -> bool {
        *self == Self::default()
    }

    /// At the end of a list in words, which does not say it either.
    pub const fn in_a_list(self) -> &'static str {
        match self {
            Self::Kubelet => "",
            Self::Csi => ", mount csi",
        }
    }

    /// Reads the wire's text.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "kubelet" => Some(Self::Kubelet),
            "csi" => Some(Self::Csi),
            _ => None,
        }
    }
}

/// Access modes of a claim or volume, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AccessModes {
    /// ReadWriteOnce.
    pub rwo: bool,
    /// ReadOnlyMany.
    pub rox: bool,
    /// ReadWriteMany.
    pub rwx: bool,
    /// ReadWriteOncePod.
    pub rwop: bool,
}

impl AccessModes {
    /// Reads a spec's list; modes that do not exist yet are ignored, because no claim of ours may use them.
    pub fn parse<S: AsRef<str>>(modes: &[S]) -> Self {
        let has = |name: &str| modes.iter().any(|m| m.as_ref() == name);
        Self {
            rwo: has("ReadWriteOnce"),
            rox: has("ReadOnlyMany"),
            rwx: has("ReadWriteMany"),
            rwop: has("ReadWriteOncePod"),
        }
    }

    /// The list for a spec.
    pub fn to_list(self) -> Vec<String> {
        [
            (self.rwo, "ReadWriteOnce"),
            (self.rox, "ReadOnlyMany"),
            (self.rwx, "ReadWriteMany"),
            (self.rwop, "ReadWriteOncePod"),
        ]
        .into_iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| name.to_owned())
        .collect()
    }

    /// Whether reading is all that is asked for.
    pub fn is_read_only(self) -> bool {
        self.rox && !self.rwo && !self.rwx && !self.rwop
    }
}

impl fmt::Display for AccessModes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_list().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_texts_read_back() {
        for x in [OnDelete::Delete, OnDelete::Retain, OnDelete::Archive] {
            assert_eq!(OnDelete::parse(x.as_str()), Some(x));
        }
        for x in [OnOwnerDelete::Detach, OnOwnerDelete::Hold] {
            assert_eq!(OnOwnerDelete::parse(x.as_str()), Some(x));
        }
        for x in [OnRevoke::Keep, OnRevoke::Cut] {
            assert_eq!(OnRevoke::parse(x.as_str()), Some(x));
        }
    }

    #[test]
    fn modes_are_a_set() {
        let modes = AccessModes::parse(&["ReadWriteMany", "ReadOnlyMany", "FromTheFuture"]);
        assert_eq!(modes.to_list(), ["ReadOnlyMany", "ReadWriteMany"]);
        assert!(!modes.is_read_only());
        assert!(AccessModes::parse(&["ReadOnlyMany"]).is_read_only());
    }
}
