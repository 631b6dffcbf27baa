//! A finalizer of ours on what is a tenant's: it shows whoever deletes the object that it waits, and for what.
//!
//! A courtesy. Tenants can strip it, and then the object goes at once and nothing is lost: what counts are the tokens on PersistentVolumes
//! and VolumeSnapshotContents, which are not theirs. It must never be what keeps data.

use crate::api::names;
use std::collections::BTreeSet;

/// What an object waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hold {
    /// An owner's claim, of a class that says so: until its volume has no member left.
    Members,
    /// The source of copies, a claim or a VolumeSnapshot: until they are made.
    Copies,
}

/// Those that an object carries.
pub type Holds = BTreeSet<Hold>;

impl Hold {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::Members, Self::Copies];

    /// The finalizer.
    pub const fn finalizer(self) -> &'static str {
        match self {
            Self::Members => names::FINALIZER_HOLD,
            Self::Copies => names::FINALIZER_SOURCE,
        }
    }

    /// Reads them from finalizers.
    pub fn among(finalizers: &[String]) -> Holds {
        let on = |hold: &Self| finalizers.iter().any(|f| f == hold.finalizer());
        Self::ALL.into_iter().filter(on).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_known_by_its_finalizer_and_others_are_none() {
        let among = |finalizers: &[&str]| Hold::among(&finalizers.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            among(&["kubernetes.io/pvc-protection", "tombolo.dev/in-use"]),
            Holds::new()
        );
        assert_eq!(among(&["tombolo.dev/source-in-use"]), Holds::from([Hold::Copies]));
        assert_eq!(
            among(&["tombolo.dev/source-in-use", "x/y", "tombolo.dev/hold"]),
            Holds::from(Hold::ALL)
        );
    }
}
