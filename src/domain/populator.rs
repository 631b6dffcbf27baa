//! Populators: who has registered to fill claims that name a kind of theirs as their data source (KEP-1495).
//!
//! A registration is an object that anybody installs who may; it gives nothing and proves nothing. It is there so that a claim whose kind
//! nobody serves can be told so.

/// A VolumePopulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Populator {
    /// Its name.
    pub name: String,
    /// The group of the kind that it registers; empty for the core group.
    pub group: String,
    /// That kind.
    pub kind: String,
}

impl Populator {
    /// Whether it registers a kind. Group and kind are compared as they are written, as Kubernetes' own validator does.
    pub fn serves(&self, group: &str, kind: &str) -> bool {
        (self.group.as_str(), self.kind.as_str()) == (group, kind)
    }
}

/// Whether a kind is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Not known: nobody has looked, or nobody may.
    #[default]
    Unknown,
    /// By a VolumePopulator.
    Registered,
    /// By none.
    Unregistered,
    /// By none, as the definition of VolumePopulators is not installed.
    NotInstalled,
}
