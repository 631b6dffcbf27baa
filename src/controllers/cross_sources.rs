//! A CrossNamespaceSource, or who consents to what it names, changed: say whether claims that use it would get a copy.

use super::context::{Context, Next};
use crate::domain::cross_source::CrossSourceKey;
use crate::domain::grant::Grant;
use crate::execute::Failure;
use crate::observe::gather;
use crate::plan::cross_source::accepted;

/// Looks at a CrossNamespaceSource.
///
/// # Errors
/// What the API server answers.
pub async fn reconcile(ctx: &Context, key: &CrossSourceKey) -> Result<Next, Failure> {
    let verdict = gather::with(&ctx.caches, |index| {
        let object = index.cross_source(key)?;
        let source = object.source.as_ref();
        let grants = source.into_iter().flat_map(|source| index.grants_in(&source.namespace));
        let grants: Vec<Grant> = grants.cloned().collect();
        Some(accepted(object, &grants, index.grants_served()))
    });
    if let Some((reason, message)) = verdict {
        ctx.publication.cross_source(key, reason, &message).await?;
    }
    Ok(Next::Change)
}
