//! Clones: what `tombolo_backend_copy` does, by NFS procedures.
//!
//! The protocol shows no holes and has no extended attributes: blocks of zeros are not written, and nothing but owner, mode and
//! times comes along. `steps` has the single steps, `shop` says where a copy comes from and goes.

mod shop;
mod steps;

use crate::NfsBackend;
use async_trait::async_trait;
use tombolo_backend_api::{
    Backend, BackendError, Clones, Copied, CopyProgress, CopyTerms, CreateVolume, RootLocation, VolumePath,
};
use tombolo_backend_copy::{Order, abandon, copy, key_of_volume};

pub(crate) use shop::{Goal, Origin, Shop, doom};

impl NfsBackend {
    pub(crate) fn shop(&self, from: Origin, goal: Goal) -> Shop<'_> {
        Shop::new(self.long_call(), from, goal)
    }

    /// Names this root, whichever value it is reached through.
    pub(crate) fn root_name(&self) -> String {
        let RootLocation { host, path } = self.root();
        format!("{host}:{}:{path}", self.port())
    }

    pub(crate) async fn make_volume(
        &self,
        from: Origin,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let shop = self.shop(from, Goal::Volume(into.path.clone()));
        let order = Order {
            root: self.root_name(),
            key: key_of_volume(&into.path),
            bytes: into.bytes,
            mode: Some(into.mode),
            terms: *terms,
            progress,
        };
        copy(&shop, &order).await
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
        abandon(&self.shop(Origin::Nothing, Goal::Nothing), &key_of_volume(into)).await
    }
}
