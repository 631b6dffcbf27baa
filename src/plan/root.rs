//! Whose a backend's root is: what to make of the mark that was found there.
//!
//! Looks at the mark, at what is recorded of the backend, and at the other backends. "Nothing is there" is never taken for an
//! answer where something was recorded: that is how an unmounted disk looks.

use crate::api::reasons::BackendReason as R;
use crate::domain::ids::BackendName;
use tombolo_backend_api::{BackendId, ClusterId, Mark, RootLocation};

/// What the decision about a root looks at.
#[derive(Debug, Clone)]
pub struct ForRoot<'a> {
    /// The backend.
    pub name: &'a BackendName,
    /// Where its root lies.
    pub location: &'a RootLocation,
    /// Its id, from its status, or from the volumes and records of its name.
    pub known: Option<&'a BackendId>,
    /// The mark found at the root.
    pub mark: Option<&'a Mark>,
    /// This cluster.
    pub cluster: &'a ClusterId,
    /// An id for a root that has none.
    pub fresh: &'a BackendId,
    /// The other backends.
    pub others: &'a [Other],
}

/// Another backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Its name.
    pub name: BackendName,
    /// Where its root lies.
    pub location: RootLocation,
    /// Its id, if it has one.
    pub id: Option<BackendId>,
}

/// What to make of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is ours, by this mark.
    Ours(Mark),
    /// It is nobody's: place this mark, and look again.
    Place(Mark),
    /// It is not to be used.
    Refused(R, String),
}

/// Decides about a root.
pub fn decide(o: &ForRoot<'_>) -> Verdict {
    if let Some(other) = o.others.iter().find(|other| yields_to(o, other)) {
        let text = format!(
            "its root overlaps with that of StorageBackend {}; use another subdirectory",
            other.name
        );
        return Verdict::Refused(R::RootOverlaps, text);
    }
    match (o.known, o.mark) {
        (_, Some(mark)) if mark.cluster_id != *o.cluster => {
            let text = "the root is marked by another cluster; use another subdirectory".to_owned();
            Verdict::Refused(R::OwnedByOtherCluster, text)
        }
        (Some(known), Some(mark)) if mark.backend_id == *known => Verdict::Ours(mark.clone()),
        (Some(known), Some(mark)) => {
            let text = format!(
                "the root is marked {}, this backend's is {known}; is the right disk mounted?",
                mark.backend_id
            );
            Verdict::Refused(R::WrongRoot, text)
        }
        (Some(known), None) => {
            let text = format!("the root has no mark, this backend's is {known}; is the right disk mounted?");
            Verdict::Refused(R::WrongRoot, text)
        }
        (None, Some(mark)) => match o
            .others
            .iter()
            .find(|other| other.id.as_ref() == Some(&mark.backend_id))
        {
            Some(other) => {
                let text = format!(
                    "the root is that of StorageBackend {}; use another subdirectory",
                    other.name
                );
                Verdict::Refused(R::RootOverlaps, text)
            }
            None => Verdict::Ours(mark.clone()),
        },
        (None, None) => Verdict::Place(Mark {
            backend_id: o.fresh.clone(),
            cluster_id: o.cluster.clone(),
        }),
    }
}

/// Of two overlapping roots the one that has an id stays; of two newcomers the first by name.
fn yields_to(o: &ForRoot<'_>, other: &Other) -> bool {
    let newer = match (o.known, &other.id) {
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (None, None) | (Some(_), Some(_)) => other.name < *o.name,
    };
    other.location.overlaps(o.location) && newer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(id: &str, cluster: &str) -> Mark {
        Mark {
            backend_id: BackendId::parse(id).unwrap(),
            cluster_id: ClusterId(cluster.into()),
        }
    }

    fn check(known: Option<&str>, found: Option<Mark>, others: &[Other]) -> Verdict {
        let location = RootLocation {
            host: "nas".into(),
            path: "/x".into(),
        };
        let known = known.and_then(BackendId::parse);
        decide(&ForRoot {
            name: &BackendName::new("b"),
            location: &location,
            known: known.as_ref(),
            mark: found.as_ref(),
            cluster: &ClusterId("here".into()),
            fresh: &BackendId::parse("new").unwrap(),
            others,
        })
    }

    fn other(name: &str, path: &str, id: Option<&str>) -> Other {
        let location = RootLocation {
            host: "nas".into(),
            path: path.into(),
        };
        Other {
            name: BackendName::new(name),
            location,
            id: id.and_then(BackendId::parse),
        }
    }

    fn reason(verdict: Verdict) -> Option<R> {
        match verdict {
            Verdict::Refused(reason, _) => Some(reason),
            Verdict::Ours(_) | Verdict::Place(_) => None,
        }
    }

    #[test]
    fn a_root_is_marked_at_first_contact_and_known_by_its_mark_afterwards() {
        assert_eq!(check(None, None, &[]), Verdict::Place(mark("new", "here")));
        assert_eq!(
            check(None, Some(mark("old", "here")), &[]),
            Verdict::Ours(mark("old", "here"))
        );
        assert_eq!(
            check(Some("old"), Some(mark("old", "here")), &[]),
            Verdict::Ours(mark("old", "here"))
        );
    }

    #[test]
    fn a_root_without_the_recorded_mark_is_the_wrong_one() {
        assert_eq!(reason(check(Some("old"), None, &[])), Some(R::WrongRoot));
        assert_eq!(
            reason(check(Some("old"), Some(mark("x", "here")), &[])),
            Some(R::WrongRoot)
        );
        assert_eq!(
            reason(check(None, Some(mark("x", "there")), &[])),
            Some(R::OwnedByOtherCluster)
        );
        assert_eq!(
            reason(check(Some("x"), Some(mark("x", "there")), &[])),
            Some(R::OwnedByOtherCluster)
        );
    }

    #[test]
    fn roots_do_not_overlap_and_marks_have_one_owner() {
        assert_eq!(
            reason(check(None, None, &[other("a", "/x/y", None)])),
            Some(R::RootOverlaps)
        );
        assert_eq!(
            reason(check(None, None, &[other("c", "/x/y", Some("i"))])),
            Some(R::RootOverlaps)
        );
        assert_eq!(
            reason(check(None, None, &[other("c", "/x/y", None)])),
            None,
            "the later one by name yields"
        );
        assert_eq!(
            reason(check(Some("old"), Some(mark("old", "here")), &[other("a", "/x", None)])),
            None
        );
        assert_eq!(
            reason(check(None, Some(mark("i", "here")), &[other("a", "/far", Some("i"))])),
            Some(R::RootOverlaps)
        );
    }
}
