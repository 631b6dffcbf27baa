//! Clones: what `tombolo_backend_copy` does, by NFS procedures.
//!
//! The protocol shows no holes and has no extended attributes: blocks of zeros are not written, and nothing but owner, mode and
//! times comes along. `steps` has the single steps, `shop` says where a copy comes from and goes.

mod shop;
mod steps;

use crate::{NfsBackend, call::Call, pool::Deadline};
use async_trait::async_trait;
use std::sync::Arc;
use tombolo_backend_api::{
    Backend, BackendError, Clones, Copied, CopyProgress, CopyTerms, CreateVolume, RootLocation, VolumePath,
};
use tombolo_backend_copy::{Key, Order, Relay, abandon, copy, key_of_volume, relayed};

use shop::Shop;
pub(crate) use shop::{Goal, Origin, doom};

impl NfsBackend {
    /// Makes a copy, and lets requests that are on their way come to their end if the caller goes: each one that is cut off
    /// costs a connection that others use too.
    pub(crate) async fn make_copy(
        &self,
        (from, goal): (Origin, Goal),
        (key, mode): (Key, Option<u32>),
        bytes: u64,
        terms: CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let RootLocation { host, path } = self.root();
        let root = format!("{host}:{}:{path}", self.pool.config().port);
        let (pool, deadline) = (Arc::clone(&self.pool), Deadline::Request(self.deadline));
        let work = |relay: Relay| async move {
            let shop = Shop::new(Call::new(&pool, deadline), from, goal);
            let order = Order {
                root,
                key,
                bytes,
                mode,
                terms,
                progress: &relay,
                stop: relay.stop(),
            };
            copy(&shop, &order).await
        };
        relayed(progress, work).await
    }

    pub(crate) async fn make_volume(
        &self,
        from: Origin,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let (goal, key) = (Goal::Volume(into.path.clone()), key_of_volume(&into.path));
        self.make_copy((from, goal), (key, Some(into.mode)), into.bytes, *terms, progress)
            .await
    }

    /// Puts what unfinished copies have made into the trash, under purge.
    pub(crate) async fn abandon(&self, key: &Key) -> Result<(), BackendError> {
        let shop = Shop::new(self.long_call(), Origin::Nothing, Goal::Nothing);
        abandon(&shop, key).await
    }
}

#[async_trait]
impl Clones for NfsBackend {
    async fn clone_volume(
        &self,
        from: &VolumePath,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        self.make_volume(Origin::Volume(from.clone()), into, terms, progress)
            .await
    }

    async fn abandon_copy(&self, into: &VolumePath) -> Result<(), BackendError> {
        self.abandon(&key_of_volume(into)).await
    }
}
