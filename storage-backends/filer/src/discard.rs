//! Taking a volume out of use: its exports, its mount, and then the rename into the trash.
//!
//! In that order, because nothing may reach what is in the trash. A discard that stops in between is repeated.

use crate::filer::Filer;
use tombolo_backend_api::{BackendError, Certainty, Disposal, VolumePath};
use tombolo_backend_local::blocking::Work;
use tombolo_backend_local::trash;

/// Something was done before this failed.
fn since_begun(error: BackendError) -> BackendError {
    BackendError {
        certainty: Certainty::MaybeDone,
        ..error
    }
}

pub(crate) async fn discard(filer: &Filer, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
    let _alone = filer.alone_with(path).await;
    let (looked_for, to) = (path.clone(), disposal.clone());
    let there = filer
        .on_root(Work::Reads, move |root| trash::may_discard(root, &looked_for, &to))
        .await?;
    withdraw(filer, path).await?;
    if !there {
        return Ok(());
    }
    let (from, to) = (path.clone(), disposal.clone());
    let discarded = filer.on_root(Work::Changes, move |root| trash::discard(root, &from, &to));
    discarded.await.map_err(since_begun)
}

/// Takes the exports and the mount of a volume away. The caller is alone with it.
pub(crate) async fn withdraw(filer: &Filer, path: &VolumePath) -> Result<(), BackendError> {
    filer.exported().release_volume(path).await.map_err(since_begun)?;
    hide(filer, path).await.map_err(since_begun)
}

/// Unmounts a volume.
pub(crate) async fn hide(filer: &Filer, path: &VolumePath) -> Result<(), BackendError> {
    let Some(exposed) = filer.subvolumes() else {
        return Ok(());
    };
    let (exposed, path) = (exposed.clone(), path.clone());
    filer.threads().run(Work::Changes, move || exposed.hide(&path)).await
}
