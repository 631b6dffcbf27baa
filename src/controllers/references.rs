//! A reference, or what it names, changed: say whether it is in effect.

use super::context::{Context, Next};
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
        Some(accepted(&ForReference {
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
