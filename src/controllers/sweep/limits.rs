//! Whether backends that enforce sizes let volumes have what was granted. What to do is `plan::resize::enforced`.

use super::Context;
use crate::domain::pv::Pv;
use crate::domain::record::Record;
use crate::execute::{Failure, run};
use crate::observe::gather;
use crate::observe::work::Work;
use crate::plan::resize::enforced::{ForLimit, Limit, counted, differs, told};
use futures::future::join_all;
use std::sync::Arc;
use tombolo_backend_api::Guarded;

/// Volumes that are looked at at once: each is a question over the network, and all other sweeping of the backend waits for the last.
const AT_ONCE: usize = 8;

/// Looks at all volumes of a backend.
pub(super) async fn compare(ctx: &Context, guarded: &Guarded, records: &[Arc<Record>]) {
    let capabilities = guarded.capabilities();
    if !(capabilities.quota && capabilities.resize) {
        return;
    }
    let backend = &guarded.mark().backend_id;
    let its: Vec<_> = records.iter().filter(|r| r.handle.backend == *backend).collect();
    let look = async |record: &Arc<Record>| match one(ctx, guarded, record).await {
        Ok(false) => {}
        Ok(true) => {
            tracing::warn!(volume = %record.volume, "its limit was not what was granted, and the backend was told that again")
        }
        Err(error) => {
            tracing::warn!(volume = %record.volume, %error, "its limit could not be compared with what was granted, or set to that")
        }
    };
    for some in its.chunks(AT_ONCE) {
        join_all(some.iter().map(|record| look(record))).await;
    }
}

/// Whether the backend had to be told what was granted.
async fn one(ctx: &Context, guarded: &Guarded, record: &Record) -> Result<bool, Failure> {
    let name = record.volume.pv_name();
    let shown = gather::with(&ctx.caches, |index| index.pv(&name).map(|pv| (**pv).clone()));
    // As a rule all is well, which costs no read of the cluster.
    if limit(guarded, shown.as_ref(), record).await?.is_none() {
        return Ok(false);
    }
    let Some(_turn) = ctx.turn(&record.volume, Work::Volume(record.volume.clone())) else {
        return Ok(false);
    };
    let cluster = &ctx.ports.cluster;
    let Some((mut pv, record)) = cluster.pv(&name).await?.zip(ctx.ports.ledger.get(&record.volume)) else {
        return Ok(false);
    };
    let Some(limit) = limit(guarded, Some(&pv), &record).await? else {
        return Ok(false);
    };
    let ahead = counted(&pv, &record, limit);
    if !ahead.is_empty() {
        run(&ahead, &ctx.ports).await?;
        let Some(now) = cluster.pv(&name).await? else {
            return Ok(false);
        };
        pv = now;
    }
    run(&told(&pv, &record), &ctx.ports).await?;
    // The ledger counts what the object promises, which is less by now.
    ctx.wake(Work::Volume(record.volume.clone()));
    Ok(true)
}

/// A volume that is not there is no matter of its size.
async fn limit(guarded: &Guarded, pv: Option<&Pv>, record: &Record) -> Result<Option<Limit>, Failure> {
    let (Some(pv), Some(found)) = (pv, guarded.inspect(&record.handle.path).await?) else {
        return Ok(None);
    };
    Ok(differs(&ForLimit {
        pv,
        record,
        capabilities: guarded.capabilities(),
        found: &found,
    }))
}

#[cfg(test)]
mod tests;
