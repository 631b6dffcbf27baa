//! What a StorageBackend's status says.

use super::retiring::waits_to_know;
use crate::api::conditions::{DEGRADED, OVERCOMMITTED, READY, Statement, Status};
use crate::api::reasons::BackendReason as R;
use crate::api::storage_backend::StorageBackendStatus;
use crate::controllers::context::Context;
use crate::domain::ids::BackendName;
use crate::execute::Failure;
use crate::observe::roots::{Root, RootState};

/// Writes it.
///
/// # Errors
/// What the API server answers.
pub(super) async fn publish(ctx: &Context, name: &BackendName, root: &Root) -> Result<(), Failure> {
    let used = ctx.ports.ledger.usage(name, None);
    let say = |condition, holds, reason: R, message: String| Statement {
        condition,
        status: if holds { Status::True } else { Status::False },
        reason: reason.as_str(),
        message,
        observed_generation: None,
    };
    let mut statements = match &root.state {
        RootState::Ready(_) => vec![
            say(READY, true, R::Ready, "the root is marked as this backend's".to_owned()),
            say(DEGRADED, false, R::Ready, String::new()),
        ],
        RootState::Degraded(reason, text) => {
            let text = match waits_to_know(ctx, root) {
                Some(why) => format!("{text}. It is being deleted and stays for now: {why}"),
                None => text.clone(),
            };
            vec![
                say(READY, false, *reason, text.clone()),
                say(DEGRADED, true, *reason, text.clone()),
            ]
        }
    };
    if let (Some(capabilities), Some(space)) = (root.capabilities, root.space)
        && capabilities.quota
    {
        let beyond = root.limits.overcommits(space.total, &capabilities);
        let (reason, text) = match beyond {
            true => (
                R::Overcommitted,
                "limits.overcommit is set, and no limit keeps what is promised within the file system",
            ),
            false => (R::WithinSize, ""),
        };
        statements.push(say(OVERCOMMITTED, beyond, reason, text.to_owned()));
    }
    let status = StorageBackendStatus {
        backend_id: root.id.as_ref().map(ToString::to_string),
        conditions: Vec::new(),
        capabilities: root
            .capabilities
            .unwrap_or_default()
            .names()
            .into_iter()
            .map(str::to_owned)
            .collect(),
        volumes: i64::try_from(used.volumes).ok(),
        provisioned_bytes: i64::try_from(used.bytes).ok(),
        pinned_bytes: (root.pinned > 0).then(|| i64::try_from(root.pinned).ok()).flatten(),
        total_bytes: root.space.and_then(|s| i64::try_from(s.total).ok()),
        free_bytes: root.space.and_then(|s| i64::try_from(s.free).ok()),
        revocation: None,
        notice: root.driver.as_ref().and_then(|d| d.notice()),
    };
    Ok(ctx.publication.backend(name, status, statements).await?)
}
