//! One attempt to take a snapshot, and what becomes of what it leaves where nobody waits for it any more.

use crate::controllers::context::Context;
use crate::controllers::copies::Heard;
use crate::execute::Failure;
use crate::observe::work::Work;
use crate::plan::snapshot::Failed;
use crate::plan::snapshot::taking::Take;
use tombolo_backend_api::{BackendError, Certainty, Class, CopyTerms, Guarded};

pub(super) fn waiting(text: &str) -> Failed {
    Failed {
        text: text.to_owned(),
        over: false,
    }
}

pub(super) async fn attempt(ctx: &Context, take: &Take, heard: &Heard) -> Result<(), Failed> {
    let Some((_, guarded)) = ctx.roots.behind_snapshot(&take.handle) else {
        return Err(waiting(
            "the storage backend cannot be used now; it goes on when it can",
        ));
    };
    // It may have waited long for its turn: what is gone, or done, by now is not taken.
    let taken = match ctx.ports.snapshots.content(&take.content).await {
        Ok(content) if take.is_wanted(content.as_ref()) => Some(make(ctx, &guarded, take, heard).await),
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(content = %take.content, %error, "a snapshot that is to be taken could not be looked at");
            return Err(waiting("taking it failed; it is tried again"));
        }
    };
    let cleared = clear_if_nobodys(ctx, &guarded, take, matches!(taken, Some(Ok(())))).await;
    if let Err(error) = &cleared {
        tracing::warn!(content = %take.content, snapshot = %take.handle.id, %error, "what a content left that is gone could not be removed");
    }
    match (taken, cleared) {
        (Some(Err(failed)), _) => Err(failed),
        (_, Err(_)) => Err(waiting("taking it failed; it is tried again")),
        (_, Ok(())) => Ok(()),
    }
}

async fn make(ctx: &Context, guarded: &Guarded, take: &Take, heard: &Heard) -> Result<(), Failed> {
    let settings = ctx.copies.settings();
    let terms = CopyTerms {
        epoch: settings.epoch,
        drop_set_id: take.drop_set_id,
        max_entries: settings.max_entries,
    };
    let id = &take.handle.id;
    let error = match guarded.take_snapshot(id, &take.of, take.bytes, &terms, heard).await {
        Ok(_) => {
            tracing::info!(content = %take.content, snapshot = %id, of = %take.of, "took a snapshot");
            return Ok(());
        }
        Err(error) => error,
    };
    tracing::warn!(content = %take.content, snapshot = %id, of = %take.of, %error, "a snapshot was not taken");
    // What was begun of it stays for as long as its content, and goes with that. Removing it now could remove more: another leader may have
    // taken the snapshot since.
    Err(Failed {
        text: words(&error).to_owned(),
        over: is_final(&error),
    })
}

/// A content whose finalizers somebody has stripped waits for nothing, and nothing else would ever name what was made for it.
async fn clear_if_nobodys(ctx: &Context, guarded: &Guarded, take: &Take, taken: bool) -> Result<(), Failure> {
    let objects = &ctx.ports.snapshots;
    if objects
        .content(&take.content)
        .await?
        .is_some_and(|content| content.uid == take.uid)
    {
        return Ok(());
    }
    let snapshot = objects.snapshot(&take.snapshot).await?;
    let root = ctx
        .roots
        .name_of(&take.handle.backend)
        .and_then(|name| ctx.roots.get(&name));
    let imports = root.map(|root| root.imports).unwrap_or_default();
    let contents = objects.contents().await?;
    let whole = taken || guarded.find_snapshot(&take.handle.id).await?.is_some();
    if take.is_nobodys(whole, snapshot.as_ref(), &contents, &imports) {
        guarded.remove_snapshot(&take.handle.id).await?;
        tracing::info!(content = %take.content, snapshot = %take.handle.id, "removed a snapshot whose content was gone before it was taken");
        if let Some(name) = ctx.roots.name_of(&take.handle.backend) {
            ctx.roots.shelved.removed(&name, &take.handle.id);
            ctx.wake(Work::Trash(name));
        }
    }
    Ok(())
}

/// Whether trying again with the same volume would come to the same.
fn is_final(error: &BackendError) -> bool {
    match error.class {
        Class::TooLarge => true,
        Class::Invalid | Class::Denied => error.certainty == Certainty::NotDone,
        Class::Waiting | Class::Transient | Class::Full | Class::Bug => false,
    }
}

fn words(error: &BackendError) -> &'static str {
    match error.class {
        Class::TooLarge => "its volume holds more than its size, or more files than are copied",
        Class::Full => "the storage backend has no room left; ask your admin",
        Class::Waiting => "the storage backend cannot be used now; it goes on when it can",
        Class::Transient => "taking it failed; it is tried again",
        Class::Invalid | Class::Denied | Class::Bug => {
            "the storage backend could not take it; Tombolo's log says why, ask your admin"
        }
    }
}
