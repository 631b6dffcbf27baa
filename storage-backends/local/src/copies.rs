//! Clones: what `tombolo_backend_copy` does, on open directories.
//!
//! A step here is one bounded piece of work on a thread of the root, with a deadline. `steps` has those on names, `contents`
//! those on files, `shop` says where a copy comes from and goes.

mod attributes;
mod contents;
mod shop;
mod steps;

use crate::blocking::Work;
use crate::{Local, dir, volumes};
use async_trait::async_trait;
use tombolo_backend_api::{
    Backend, BackendError, Clones, Copied, CopyProgress, CopyTerms, CreateVolume, RootLocation, VolumePath,
};
use tombolo_backend_copy::{Order, Stop, abandon, copy, key_of_volume};

pub(crate) use shop::{Goal, Origin, Shop, doom};

impl Local {
    /// A place for one copy, on the root as it is mounted now.
    pub(crate) async fn shop(&self, from: Origin, goal: Goal) -> Result<Shop, BackendError> {
        let root = self.root.clone();
        let open = move || dir::root(&root);
        let root = self.threads.run(Work::Reads, open).await?;
        Shop::new(root, self.threads.clone(), from, goal)
    }

    /// Names this root, whichever value it is reached through.
    pub(crate) fn root_name(&self) -> String {
        let RootLocation { host, path } = self.root();
        format!("{host}:{path}")
    }

    pub(crate) async fn make_volume(
        &self,
        from: Origin,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        volumes::spared_by_others(&into.path)?;
        let shop = self.shop(from, Goal::Volume(into.path.clone())).await?;
        let order = Order {
            root: self.root_name(),
            key: key_of_volume(&into.path),
            bytes: into.bytes,
            mode: Some(into.mode),
            terms: *terms,
            progress,
            stop: Stop::default(),
        };
        copy(&shop, &order).await
    }
}

#[async_trait]
impl Clones for Local {
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
        let shop = self.shop(Origin::Nothing, Goal::Nothing).await?;
        abandon(&shop, &key_of_volume(into)).await
    }
}
