//! Whether CrossNamespaceSource still has to be registered as a kind that somebody serves, so that no validator warns of claims that use it.
//!
//! Looks at all VolumePopulators. Anybody's registration of the kind will do: ours is made where there is none, and never changed after.

use crate::api::names;
use crate::domain::populator::Populator;
use crate::domain::served::Served;

/// The VolumePopulator to make; `None`: there is nothing to do, or it cannot be told.
pub fn missing<'a>(served: Served, mut all: impl Iterator<Item = &'a Populator>) -> Option<Populator> {
    match served {
        Served::Unknown | Served::NotInstalled | Served::Forbidden => None,
        Served::Yes if all.any(|p| p.serves(names::GROUP, names::CROSS_NAMESPACE_SOURCE)) => None,
        Served::Yes => Some(Populator {
            name: names::POPULATOR_OF_SOURCES.into(),
            group: names::GROUP.into(),
            kind: names::CROSS_NAMESPACE_SOURCE.into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn populator(name: &str, group: &str, kind: &str) -> Populator {
        Populator {
            name: name.into(),
            group: group.into(),
            kind: kind.into(),
        }
    }

    #[test]
    fn our_kind_is_registered_where_nobody_has_and_only_where_that_is_known() {
        let others = [
            populator("a", "hello.example.com", "CrossNamespaceSource"),
            populator("b", "tombolo.dev", "VolumeReference"),
        ];
        let new = missing(Served::Yes, others.iter()).unwrap();
        assert!(new.serves("tombolo.dev", "CrossNamespaceSource"), "{new:?}");
        for served in [Served::Unknown, Served::NotInstalled, Served::Forbidden] {
            assert_eq!(missing(served, others.iter()), None);
        }
    }

    #[test]
    fn whoever_registered_it_under_whatever_name_has_done_it() {
        for name in ["crossnamespacesources.tombolo.dev", "by-hand"] {
            let known = [populator(name, "tombolo.dev", "CrossNamespaceSource")];
            assert_eq!(missing(Served::Yes, known.iter()), None);
        }
    }
}
