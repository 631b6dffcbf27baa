//! An object in one version.

use crate::domain::ids::{PvName, PvUid, ResourceVersion};

/// An object in the version that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exactly {
    /// Its name.
    pub name: PvName,
    /// Which one of that name.
    pub uid: PvUid,
    /// In which version.
    pub version: ResourceVersion,
}

impl From<&crate::domain::pv::Pv> for Exactly {
    fn from(pv: &crate::domain::pv::Pv) -> Self {
        Self {
            name: pv.name.clone(),
            uid: pv.uid.clone(),
            version: pv.version.clone(),
        }
    }
}
