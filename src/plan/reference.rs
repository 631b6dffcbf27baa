//! What a reference's condition says: that it is in effect, that nothing is shared, or that it can never have an effect.
//!
//! `NotShared` is one text whether the claim is missing, unready or not shared: a tenant who may create references learns
//! nothing by creating them.

use crate::api::reasons::ReferenceReason;
use crate::domain::claim::Claim;
use crate::domain::consent::{Grants, Labels};
use crate::domain::reference::Reference;

/// What the decision about a reference looks at.
#[derive(Debug, Clone)]
pub struct ForReference<'a> {
    /// The reference.
    pub reference: &'a Reference,
    /// Labels of its namespace.
    pub labels: &'a Labels,
    /// The claim it names, if there is one.
    pub source: Option<&'a Claim>,
}

/// The condition `Accepted` of a reference: its reason and message.
pub fn accepted(o: &ForReference<'_>) -> (ReferenceReason, String) {
    let r = o.reference;
    let Some(source) = &r.source else {
        return (
            ReferenceReason::NoEffect,
            "pvcNamespace and pvcName name no claim that can exist".into(),
        );
    };
    if source.namespace == r.key.namespace {
        return (
            ReferenceReason::NoEffect,
            "it names a claim of its own namespace; a share is between namespaces".into(),
        );
    }
    let granted = o
        .source
        .and_then(|claim| Grants::of(&claim.annotations).to(&r.key.namespace, o.labels));
    match granted {
        Some(access) => (
            ReferenceReason::Accepted,
            format!("claims of this namespace may join {source}, {}", access.min(r.access)),
        ),
        None => (
            ReferenceReason::NotShared,
            format!("{source} is not shared with this namespace"),
        ),
    }
}

#[cfg(test)]
mod tests;
