//! The watch of StorageBackends: what admins write of them becomes what is known of their roots. Opens none: a look at one does.

use crate::api::names;
use crate::api::reasons::BackendReason;
use crate::api::storage_backend::StorageBackend;
use crate::controllers::backends::wake_everything_that_waits;
use crate::controllers::context::Context;
use crate::domain::backend::Limits;
use crate::domain::ids::BackendName;
use crate::domain::snapshot::handle::Imports;
use crate::observe::gather;
use crate::observe::index::Index;
use crate::observe::roots::{Root, RootState};
use crate::observe::watches::watch_each;
use crate::observe::work::Work;
use anyhow::Context as _;
use kube::{Client, ResourceExt};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tombolo_backend_api::{BackendId, Capabilities};

/// How long claims wait at the start for backends to answer.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// Follows the StorageBackends, from the first list of them.
pub(super) async fn follow(tasks: &mut JoinSet<()>, client: &Client, ctx: &Context) -> anyhow::Result<()> {
    let (sender, mut synced) = watch::channel(false);
    let seen = ctx.clone();
    let each = move |object: StorageBackend, there: bool| {
        let name = BackendName::new(object.name_any());
        if there {
            // In one step: a look at the backend may find something at any moment.
            let (before, now) = seen.roots.update(&name, |before| root(&object, before));
            let admits = before
                .as_ref()
                .is_some_and(|b| b.labels != now.labels || b.limits != now.limits);
            // Most events are our own statuses, and a look at a backend writes one.
            let news = before.as_ref().is_none_or(|before| !before.is_written_as(&now));
            let confirmed = before.as_ref().is_some_and(|before| before.word != now.word);
            let imports = before.as_ref().is_some_and(|before| before.imports != now.imports);
            let ages = before.is_some_and(|before| before.retention != now.retention);
            if admits {
                wake_everything_that_waits(&seen);
            }
            if confirmed {
                seen.wake(Work::Exports(name.clone()));
            }
            if imports {
                let all = |index: &Index| {
                    index
                        .all_contents()
                        .map(|c| Work::Content(c.name.clone()))
                        .collect::<Vec<_>>()
                };
                seen.queue.add_all(gather::with(&seen.caches, all));
            }
            if ages {
                seen.wake(Work::Trash(name.clone()));
            }
            if news {
                seen.wake(Work::Backend(name));
            }
        } else {
            seen.roots.remove(&name);
            seen.metrics.forget_backend(&name);
        }
    };
    let gone = {
        let seen = ctx.clone();
        move |there: &BTreeSet<String>| {
            for name in seen
                .roots
                .names()
                .into_iter()
                .filter(|name| !there.contains(name.as_str()))
            {
                seen.roots.remove(&name);
                seen.metrics.forget_backend(&name);
            }
        }
    };
    tasks.spawn(watch_each(client.clone(), each, gone, sender));
    synced
        .wait_for(|synced| *synced)
        .await
        .context("the watch of StorageBackends ended")?;
    Ok(())
}

/// Backends that keep everybody but nodes away are told when there are others.
pub(super) async fn follow_nodes(client: Client, ctx: Context) {
    let changed = {
        let ctx = ctx.clone();
        move || {
            ctx.queue
                .add_all(ctx.roots.told_of_nodes().into_iter().map(Work::Backend))
        }
    };
    ctx.nodes.clone().follow(client, changed).await;
}

/// Before the first claim is looked at, so that none is told of a backend that nobody has asked yet. One that does not answer
/// soon is told of, and looked at again like everything else.
pub(super) async fn first_look(ctx: &Context) {
    let looks = ctx.roots.names().into_iter().map(|name| async move {
        let look = crate::controllers::backends::reconcile(ctx, &name);
        if let Ok(Err(error)) = tokio::time::timeout(FIRST_LOOK, look).await {
            tracing::warn!(backend = %name, %error, "the first look at a backend failed");
        }
    });
    futures::future::join_all(looks).await;
}

/// A backend as its object describes it, with what is known of it already.
fn root(object: &StorageBackend, before: Option<Root>) -> Root {
    let spec = &object.spec;
    let limits = Limits::from(spec.limits.as_ref());
    let retention = spec.trash_retention().unwrap_or(Duration::MAX);
    let status = object.status.clone().unwrap_or_default();
    let id = status.backend_id.as_deref().and_then(BackendId::parse);
    let labels = object.metadata.labels.clone().unwrap_or_default();
    let terminating = object.metadata.deletion_timestamp.is_some();
    let word = object.annotations().get(names::ANNOTATION_CONFIRM_REVOCATION).cloned();
    let imports = Imports::of(object.annotations());
    let paused = status.revocation.as_ref().is_some_and(|r| r.paused.is_some());
    match before {
        Some(before) if before.spec.opens_like(spec) => Root {
            spec: spec.clone(),
            labels,
            limits,
            retention,
            terminating,
            id: before.id.clone().or(id),
            word,
            imports,
            paused,
            ..before
        },
        before => Root {
            spec: spec.clone(),
            driver: None,
            tending: None,
            // A root has an id only if its driver was asked once.
            capabilities: id.is_some().then(|| Capabilities::of_names(&status.capabilities)),
            labels,
            limits,
            node: None,
            terminating,
            retention,
            id: before.and_then(|before| before.id).or(id),
            state: RootState::Degraded(BackendReason::Degraded, "not looked at yet".into()),
            space: None,
            pinned: 0,
            word,
            imports,
            paused,
        },
    }
}
