//! Whether backends that enforce sizes let volumes have what was granted. What to do is `plan::resize::enforced`.

use super::Context;
use crate::domain::pv::Pv;
use crate::domain::record::Record;
use crate::execute::{Failure, run};
use crate::observe::gather;
use crate::observe::work::Work;
use crate::plan::Action;
use crate::plan::resize::enforced::{ForLimit, raised};
use std::sync::Arc;
use tombolo_backend_api::Guarded;

/// Looks at all volumes of a backend.
pub(super) async fn compare(ctx: &Context, guarded: &Guarded, records: &[Arc<Record>]) {
    let capabilities = guarded.capabilities();
    if !(capabilities.quota && capabilities.resize) {
        return;
    }
    let backend = &guarded.mark().backend_id;
    for record in records.iter().filter(|record| record.handle.backend == *backend) {
        match one(ctx, guarded, record).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::warn!(volume = %record.volume, "its limit was lower than what was granted, and is not any more")
            }
            Err(error) => tracing::warn!(volume = %record.volume, %error, "its limit could not be compared"),
        }
    }
}

/// Whether its limit was raised.
async fn one(ctx: &Context, guarded: &Guarded, record: &Record) -> Result<bool, Failure> {
    let name = record.volume.pv_name();
    let shown = gather::with(&ctx.caches, |index| index.pv(&name).map(|pv| (**pv).clone()));
    // As a rule all is well, which costs no read of the cluster.
    if plan(guarded, shown.as_ref(), record).await?.is_empty() {
        return Ok(false);
    }
    let Some(_turn) = ctx.turn(&record.volume, Work::Volume(record.volume.clone())) else {
        return Ok(false);
    };
    let live = ctx.ports.cluster.pv(&name).await?;
    let Some(record) = ctx.ports.ledger.get(&record.volume) else {
        return Ok(false);
    };
    let actions = plan(guarded, live.as_ref(), &record).await?;
    run(&actions, &ctx.ports).await?;
    Ok(!actions.is_empty())
}

/// A volume that is not there is no matter of its size.
async fn plan(guarded: &Guarded, pv: Option<&Pv>, record: &Record) -> Result<Vec<Action>, Failure> {
    let (Some(pv), Some(found)) = (pv, guarded.inspect(&record.handle.path).await?) else {
        return Ok(Vec::new());
    };
    Ok(raised(&ForLimit {
        pv,
        record,
        capabilities: guarded.capabilities(),
        found: &found,
    }))
}
