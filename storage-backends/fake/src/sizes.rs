//! How much volumes hold: limits, and what is charged to whom.
//!
//! A file is charged once for each content that it has in the volume and its snapshots, as where snapshots share what they have not
//! changed. A clone shares nothing.

use crate::fake::State;
use crate::{Call, Fake};
use async_trait::async_trait;
use std::collections::BTreeSet;
use tombolo_backend_api::{
    BackendError, Class, Found, Measure, PRIVATE_DIR, Quota, Resize, SNAPSHOTS_DIR, Usage, VolumePath,
};

#[async_trait]
impl Resize for Fake {
    async fn resize_volume(&self, path: &VolumePath, bytes: u64) -> Result<Found, BackendError> {
        let quota = self.capabilities.quota;
        let call = Call::ResizeVolume {
            path: path.clone(),
            bytes,
        };
        self.play(call, |state| {
            let refused = |class, why: &str| BackendError::not_done(class, format!("volume {path} {why}"));
            state
                .volume(path)?
                .ok_or_else(|| refused(Class::Invalid, "is not there"))?;
            if state.charged(path.as_str()) > bytes {
                return Err(refused(Class::TooLarge, "uses more than that"));
            }
            if let Some(dir) = state.tree.dir_mut(path.as_str()) {
                dir.bytes = bytes;
            }
            Ok(Found {
                enforced_bytes: quota.then_some(bytes),
            })
        })
        .await
    }
}

#[async_trait]
impl Quota for Fake {
    async fn pinned(&self) -> Result<u64, BackendError> {
        self.play(Call::Pinned, |state| Ok(state.pinned())).await
    }
}

#[async_trait]
impl Measure for Fake {
    async fn measure_volume(&self, path: &VolumePath) -> Result<Option<Usage>, BackendError> {
        self.play(Call::MeasureVolume(path.clone()), |state| {
            let there = state.volume(path)?.is_some();
            Ok(there.then(|| Usage {
                bytes: state.charged(path.as_str()),
                files: Some(u64::try_from(state.tree.files(path.as_str()).len()).unwrap_or(u64::MAX)),
            }))
        })
        .await
    }
}

impl State {
    /// Bytes that are charged to the volume at a path, those of its snapshots included.
    pub(crate) fn charged(&self, path: &str) -> u64 {
        let number = self.tree.dir(path).map_or(0, |dir| dir.volume);
        let snapshots = self.tree.volumes().filter(|(at, of)| *of == number && is_snapshot(at));
        self.distinct(snapshots.map(|(at, _)| at).chain([path]))
    }

    fn pinned(&self) -> u64 {
        let living: BTreeSet<u64> = self
            .tree
            .volumes()
            .filter(|(at, _)| !is_snapshot(at))
            .map(|(_, of)| of)
            .collect();
        let orphans = || {
            self.tree
                .volumes()
                .filter(|(at, of)| is_snapshot(at) && !living.contains(of))
        };
        let gone: BTreeSet<u64> = orphans().map(|(_, of)| of).collect();
        let held = gone.into_iter().map(|number| {
            let snapshots = orphans().filter(|(_, of)| *of == number);
            self.distinct(snapshots.map(|(at, _)| at))
        });
        held.sum()
    }

    /// Bytes of all the different contents that files have in these directories.
    fn distinct<'a>(&self, directories: impl Iterator<Item = &'a str>) -> u64 {
        let contents: BTreeSet<(String, &[u8])> = directories.flat_map(|at| self.tree.files(at)).collect();
        contents.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }
}

fn is_snapshot(path: &str) -> bool {
    path.strip_prefix(PRIVATE_DIR)
        .and_then(|rest| rest.strip_prefix('/')?.strip_prefix(SNAPSHOTS_DIR)?.strip_prefix('/'))
        .is_some()
}

impl State {
    /// What is given to whoever asks for so many bytes.
    pub(crate) fn given(&self, asked: u64) -> u64 {
        if self.short { asked / 2 } else { asked }
    }
}
