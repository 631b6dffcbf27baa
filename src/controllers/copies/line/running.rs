//! A copy under way, which gives its place back however it ends.

use super::Copies;
use crate::controllers::copies::places::Place;
use crate::plan::copy::Wanted;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tombolo_backend_api::Copied;

/// A copy under way.
pub(in crate::controllers::copies) struct Running {
    pub(in crate::controllers::copies) wanted: Wanted,
    /// Cancelled when nobody wants it any more.
    pub(in crate::controllers::copies) stop: CancellationToken,
    pub(super) all: Arc<Copies>,
    /// Free for others when this is dropped.
    pub(super) _place: Place,
}

impl Running {
    /// What an earlier attempt of this process has reached.
    pub(in crate::controllers::copies) fn reached(&self) -> Copied {
        self.all
            .lock()
            .tried
            .get(&self.wanted.token)
            .map(|t| t.reached)
            .unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.all.lock();
        state.running.retain(|r| r.token != self.wanted.token);
        // Whatever a look found meanwhile: the next one says whether it is wanted still.
        state.wanted.retain(|w| w.token != self.wanted.token);
        drop(state);
        self.all.changed.notify_one();
    }
}
