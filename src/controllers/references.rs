//! A reference, or what it names, changed: say whether it is in effect.

use super::context::{Context, Next};
use crate::domain::grant::Grant;
use crate::domain::reference::ReferenceKey;
use crate::execute::Failure;
use crate::observe::gather;
use crate::plan::reference::{ForReference, accepted};

/// Looks at a reference.
///
/// # Errors
/// What the API server answers.
pub async fn reconcile(ctx: &Context, key: &ReferenceKey) -> Result<Next, Failure> {
    let verdict = gather::with(&ctx.caches, |index| {
        let reference = index.reference(key)?;
        let namespace = index.namespace(&key.namespace).cloned().unwrap_or_default();
        let source = reference.source.as_ref().and_then(|key| index.claim(key));
        let grants = reference.source.iter().flat_map(|key| index.grants_in(&key.namespace));
        let grants: Vec<Grant> = grants.cloned().collect();
        Some(accepted(&ForReference {
            grants: &grants,
            reference,
            labels: &namespace.labels,
            source: source.map(|c| &**c),
        }))
    });
    if let Some((reason, message)) = verdict {
        ctx.publication.reference(key, reason, &message).await?;
    }
    Ok(Next::Change)
}
