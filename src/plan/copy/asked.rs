//! What a claim asks to have copied, and in which of the three ways it says so.
//!
//! By a data source as Kubernetes knows it (KEP-1495, KEP-3294), by a CrossNamespaceSource in its own namespace, or by the annotations
//! of Trident. Two of them on one claim are refused: whichever was meant, the other would be ignored in silence.

use crate::api::names::{TRIDENT_PREFIX, claim as keys};
use crate::api::reasons::ClaimReason as R;
use crate::domain::annotations::Spelled;
use crate::domain::claim::Claim;
use crate::domain::ids::{ClaimKey, Namespace, is_dns_label, is_dns_subdomain};
use crate::domain::source::{DataSource, Source, SourceKind};
use crate::domain::token::AskedBy;
use crate::plan::Refusal;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// This, by `dataSourceRef` or `dataSource`.
    Named(Source),
    /// What the CrossNamespaceSource of this name says.
    Indirect(String),
    /// This, by annotations.
    Annotated(Source),
}

impl Asked {
    /// In which way, as far as consent depends on it.
    pub const fn by(&self) -> AskedBy {
        match self {
            Self::Named(_) | Self::Indirect(_) => AskedBy::DataSource,
            Self::Annotated(_) => AskedBy::Annotation,
        }
    }
}

/// What a claim asks to have copied; `None`: nothing.
///
/// # Errors
/// If it cannot be understood, or is said in two ways.
pub fn asked(claim: &Claim) -> Result<Option<Asked>, Refusal> {
    let annotated = annotated(claim)?;
    let by_field = match &claim.source {
        DataSource::None => None,
        DataSource::Object(source) => Some(Asked::Named(source.clone())),
        DataSource::Indirect { name } => Some(Asked::Indirect(name.clone())),
        // Nobody's copy to make; why they get none is said where they are looked at.
        DataSource::Misplaced { .. } | DataSource::Populator { .. } if annotated.is_some() => return Err(both()),
        DataSource::Misplaced { .. } | DataSource::Populator { .. } | DataSource::Dropped(_) => return Ok(None),
    };
    match (by_field, annotated) {
        (Some(_), Some(_)) => Err(both()),
        (by_field, annotated) => Ok(by_field.or(annotated.map(Asked::Annotated))),
    }
}

fn both() -> Refusal {
    let text = "the claim has a data source and a clone annotation; make it again with one of them";
    Refusal::new(R::ConflictingSource, text)
}

/// Whether it asks for a copy in any way, also one that cannot be understood.
pub fn wants(claim: &Claim) -> bool {
    !matches!(asked(claim), Ok(None))
}

/// The claim that the snapshot has to be of which a claim asks for by annotations, where it says so.
pub fn taken_of(claim: &Claim, source: &Source) -> Option<ClaimKey> {
    if source.kind != SourceKind::Snapshot || !matches!(claim.source, DataSource::None) {
        return None;
    }
    match claim.annotations.get(keys::CLONE_FROM_PVC) {
        Spelled::One(name) => Some(ClaimKey::new(source.namespace.as_str(), name)),
        Spelled::Absent | Spelled::Differ(..) => None,
    }
}

fn annotated(claim: &Claim) -> Result<Option<Source>, Refusal> {
    let value = |key| match claim.annotations.get(key) {
        Spelled::Absent => Ok(None),
        Spelled::One(text) => Ok(Some(text)),
        // They have one spelling.
        Spelled::Differ(..) => invalid(key, "is there twice"),
    };
    let (namespace, pvc, snapshot) = (
        value(keys::CLONE_FROM_NAMESPACE)?,
        value(keys::CLONE_FROM_PVC)?,
        value(keys::CLONE_FROM_SNAPSHOT)?,
    );
    let (key, kind, name) = match (pvc, snapshot) {
        (None, None) if namespace.is_some() => {
            let text = format!("says nothing alone; add {TRIDENT_PREFIX}{}", keys::CLONE_FROM_PVC);
            return invalid(keys::CLONE_FROM_NAMESPACE, &text);
        }
        (None, None) => return Ok(None),
        (Some(of), Some(_)) if !is_dns_subdomain(of) => return invalid(keys::CLONE_FROM_PVC, "is no name"),
        (Some(name), None) => (keys::CLONE_FROM_PVC, SourceKind::Claim, name),
        // A claim that is named as well is the one that the snapshot has to be of.
        (Some(_) | None, Some(name)) => (keys::CLONE_FROM_SNAPSHOT, SourceKind::Snapshot, name),
    };
    if !is_dns_subdomain(name) {
        let text = format!(
            "is no name; a namespace goes into {TRIDENT_PREFIX}{}",
            keys::CLONE_FROM_NAMESPACE
        );
        return invalid(key, &text);
    }
    let namespace = match namespace {
        None => claim.key.namespace.clone(),
        Some(text) if is_dns_label(text) => Namespace::new(text),
        Some(_) => return invalid(keys::CLONE_FROM_NAMESPACE, "is no namespace's name"),
    };
    Ok(Some(Source {
        namespace,
        kind,
        name: name.to_owned(),
    }))
}

fn invalid<T>(key: &str, what: &str) -> Result<T, Refusal> {
    Err(Refusal::new(
        R::InvalidCloneFrom,
        format!("annotation {TRIDENT_PREFIX}{key} {what}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing;

    fn annotated(pairs: &[(&str, &str)]) -> Result<Option<Asked>, Refusal> {
        let pairs: Vec<(String, &str)> = pairs
            .iter()
            .map(|(key, value)| (format!("trident.netapp.io/{key}"), *value))
            .collect();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (&**key, *value)).collect();
        asked(&testing::claim("team/app").annotated(&pairs))
    }

    fn of(namespace: &str, kind: SourceKind) -> Result<Option<Asked>, Refusal> {
        Ok(Some(Asked::Annotated(Source {
            namespace: Namespace::new(namespace),
            kind,
            name: "data".into(),
        })))
    }

    #[test]
    fn annotations_name_a_claim_or_a_snapshot_here_or_elsewhere() {
        assert_eq!(annotated(&[]), Ok(None));
        assert_eq!(annotated(&[("cloneFromPVC", "data")]), of("team", SourceKind::Claim));
        assert_eq!(
            annotated(&[("cloneFromPVC", " data "), ("cloneFromNamespace", "prod")]),
            of("prod", SourceKind::Claim)
        );
        assert_eq!(
            annotated(&[("cloneFromSnapshot", "data"), ("cloneFromNamespace", "prod")]),
            of("prod", SourceKind::Snapshot)
        );
        assert_eq!(
            annotated(&[("cloneFromSnapshot", "data"), ("cloneFromPVC", "app")]),
            of("team", SourceKind::Snapshot)
        );
    }

    #[test]
    fn what_cannot_be_understood_or_is_said_twice_is_refused_and_never_ignored() {
        for pairs in [
            &[("cloneFromNamespace", "prod")][..],
            &[("cloneFromPVC", "")],
            &[("cloneFromPVC", "prod/data")],
            &[("cloneFromPVC", "data"), ("cloneFromNamespace", "")],
            &[("cloneFromPVC", "data"), ("cloneFromNamespace", "a/b")],
            &[("cloneFromPVC", "a/b"), ("cloneFromSnapshot", "data")],
        ] {
            assert_eq!(annotated(pairs).unwrap_err().reason, R::InvalidCloneFrom, "{pairs:?}");
        }
        let both = testing::claim("team/app")
            .annotated(&[("trident.netapp.io/cloneFromPVC", "data")])
            .with(|c| c.source = DataSource::Object(Source::claim(testing::key("team/data"))));
        assert_eq!(asked(&both).unwrap_err().reason, R::ConflictingSource);
        assert!(wants(&both), "what is wrong was asked for all the same");
    }
}
