//! What a reference's condition says: that it is in effect, that nothing is shared, or that it can never have an effect.
//!
//! `NotShared` is one text whether the claim is missing, unready or not shared: a tenant who may create references learns
//! nothing by creating them.

use crate::api::reasons::ReferenceReason;
use crate::domain::access::Access;
use crate::domain::claim::Claim;
use crate::domain::consent::{Grants, Labels};
use crate::domain::grant::Grant;
use crate::domain::reference::Reference;
use crate::plan::handshake::shared_by;

/// What the decision about a reference looks at.
#[derive(Debug, Clone)]
pub struct ForReference<'a> {
    /// The reference.
    pub reference: &'a Reference,
    /// Labels of its namespace.
    pub labels: &'a Labels,
    /// The claim it names, if there is one.
    pub source: Option<&'a Claim>,
    /// The ReferenceGrants of that one's namespace, as far as they can be read.
    pub grants: &'a [Grant],
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
    let granted = o.source.and_then(|claim| {
        let annotated = Grants::of(&claim.annotations).to(&r.key.namespace, o.labels);
        annotated.or_else(|| shared_by(o.grants, &r.key.namespace, source).map(|_| Access::ReadOnly))
    });
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
