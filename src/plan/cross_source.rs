//! What the condition of a CrossNamespaceSource says: whether claims of its namespace would get a copy of what it names, and why not.
//!
//! It tells nothing of the source itself, not even whether it exists: a tenant who may create these objects learns nothing by it.

use crate::api::reasons::{ClaimReason, CrossSourceReason};
use crate::domain::cross_source::CrossSource;
use crate::domain::grant::Grant;
use crate::domain::ids::ClaimKey;
use crate::domain::served::Served;
use crate::domain::token::AskedBy;
use crate::plan::copy::consent::{Agreeing, given};

/// The condition `Accepted`: its reason and message.
pub fn accepted(object: &CrossSource, grants: &[Grant], served: Served) -> (CrossSourceReason, String) {
    let namespace = &object.key.namespace;
    let Some(source) = &object.source else {
        let text = "it names neither a PersistentVolumeClaim nor a VolumeSnapshot that can exist";
        return (CrossSourceReason::NoEffect, text.into());
    };
    // Any claim stands for all of the namespace: grants know no names of those who ask.
    let anybody = ClaimKey {
        namespace: namespace.clone(),
        name: "*".into(),
    };
    let agreeing = Agreeing {
        grants,
        served,
        ..Agreeing::default()
    };
    match given(&anybody, source, AskedBy::DataSource, &agreeing) {
        Ok(()) => {
            let text = format!(
                "claims of this namespace may have copies of {}",
                source.told_in(namespace)
            );
            (CrossSourceReason::Accepted, text)
        }
        Err(refusal) if refusal.reason == ClaimReason::NotGranted => (CrossSourceReason::NotGranted, refusal.text),
        Err(refusal) => (CrossSourceReason::GrantsUnavailable, refusal.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cross_source::CrossSourceKey;
    use crate::plan::testing::{grant, namespace};

    fn of(group: &str, kind: &str, source: &str) -> CrossSource {
        let key = CrossSourceKey {
            namespace: namespace("team"),
            name: "x".into(),
        };
        CrossSource::new(key, group, kind, source, "data")
    }

    #[test]
    fn it_says_whether_a_copy_would_be_granted_and_why_not() {
        let elsewhere = of("", "PersistentVolumeClaim", "prod");
        let said = |object: &CrossSource, grants: &[Grant], served| accepted(object, grants, served).0;
        let granted = [grant("prod", "team")];
        assert_eq!(said(&elsewhere, &granted, Served::Yes), CrossSourceReason::Accepted);
        assert_eq!(said(&elsewhere, &[], Served::Yes), CrossSourceReason::NotGranted);
        for served in [Served::Unknown, Served::NotInstalled, Served::Forbidden] {
            assert_eq!(said(&elsewhere, &granted, served), CrossSourceReason::GrantsUnavailable);
        }
        let here = of("", "PersistentVolumeClaim", "team");
        assert_eq!(said(&here, &[], Served::NotInstalled), CrossSourceReason::Accepted);
        for nothing in [
            of("x", "PersistentVolumeClaim", "prod"),
            of("", "Secret", "prod"),
            of("", "PersistentVolumeClaim", ""),
        ] {
            assert_eq!(said(&nothing, &granted, Served::Yes), CrossSourceReason::NoEffect);
        }
    }
}
