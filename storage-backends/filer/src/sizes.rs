//! Limits that change, and what is used.

use crate::filer::Filer;
use crate::room::{Room, charged, is_kept};
use crate::subvolumes::Volume;
use async_trait::async_trait;
use tombolo_backend_api::{BackendError, Class, Found, Measure, Quota, Resize, Usage, VolumePath};
use tombolo_backend_local::blocking::Work;
use tombolo_backend_local::error::Certain;
use tombolo_btrfs::quota;

#[async_trait]
impl Resize for Filer {
    async fn resize_volume(&self, path: &VolumePath, bytes: u64) -> Result<Found, BackendError> {
        let (filer, path) = (self.clone(), path.clone());
        self.on_root(Work::Changes, move |root| {
            let none = || BackendError::not_done(Class::Invalid, format!("there is no volume {path} to resize"));
            let volume = Volume::find(root, &path)?.ok_or_else(none)?;
            let room = Room::of(&filer, root)?;
            let now = charged(&volume.fd, volume.id)?;
            if now.used > bytes {
                let message = format!(
                    "{path} uses {} bytes, with its snapshots, which is more than {bytes}",
                    now.used
                );
                return Err(BackendError::not_done(Class::TooLarge, message));
            }
            room.promise(&volume.fd, volume.id, bytes)?;
            volume.found()
        })
        .await
    }
}

#[async_trait]
impl Quota for Filer {
    async fn pinned(&self) -> Result<u64, BackendError> {
        let left = |root: &_| match is_kept(root)? {
            true => quota::left_behind(root).not_done("ask what deleted volumes have left"),
            false => Ok(vec![]),
        };
        let left = self.on_root(Work::Reads, left).await?;
        Ok(left.iter().fold(0, |sum, charged| charged.used.saturating_add(sum)))
    }
}

#[async_trait]
impl Measure for Filer {
    async fn measure_volume(&self, path: &VolumePath) -> Result<Option<Usage>, BackendError> {
        let path = path.clone();
        self.on_root(Work::Reads, move |root| {
            let Some(volume) = Volume::find(root, &path)? else {
                return Ok(None);
            };
            let bytes = charged(&volume.fd, volume.id)?.used;
            Ok(Some(Usage { bytes, files: None }))
        })
        .await
    }
}
