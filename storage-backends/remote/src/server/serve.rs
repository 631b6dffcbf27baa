//! Which method of a backend each call is.

use crate::wire::Call;
use crate::wire::calls::*;
use async_trait::async_trait;
use tombolo_backend_api::{
    Backend, BackendError, Class, Clones, Measure, NodeAccess, Quota, Resize, Revoke, Share, Snapshots,
};

/// A call that a backend can be asked.
#[async_trait]
pub(super) trait Serve: Call {
    async fn serve(backend: &dyn Backend, request: Self::Request) -> Result<Self::Answer, BackendError>;
}

macro_rules! serves {
    ($($call:ident: |$backend:ident, $request:pat_param| $answer:expr;)+) => {
        $(#[async_trait]
        impl Serve for $call {
            async fn serve(
                $backend: &dyn Backend,
                $request: <$call as Call>::Request,
            ) -> Result<<$call as Call>::Answer, BackendError> {
                Ok($answer)
            }
        })+
    };
}

serves! {
    ReadMark: |backend, _| backend.read_mark().await?;
    PlaceMark: |backend, mark| backend.place_mark(&mark).await?;
    Inspect: |backend, at| backend.inspect(&at.path).await?;
    Create: |backend, volume| backend.create(&volume).await?;
    MountVolume: |backend, export| backend.mount(&export).await?.try_into()?;
    Discard: |backend, it| nothing(backend.discard(&it.path, &it.disposal).await?);
    ListVolumes: |backend, _| backend.list().await?;
    RemoveEmpty: |backend, at| backend.remove_empty(&at.path).await?;
    ResizeVolume: |backend, to| resize(backend)?.resize_volume(&to.path, to.bytes).await?;
    MeasureVolume: |backend, at| measure(backend)?.measure_volume(&at.path).await?;
    AbandonCopy: |backend, at| nothing(clones(backend)?.abandon_copy(&at.path).await?);
    ReadSpace: |backend, _| backend.space().await?;
    ReadPinned: |backend, _| quota(backend)?.pinned().await?;
    ListTrash: |backend, _| backend.trash().await?;
    RestoreTrash: |backend, it| nothing(backend.restore(&it.id, &it.path).await?);
    ForgetTrash: |backend, of| nothing(backend.forget(&of.id).await?);
    ListExports: |backend, _| share(backend)?.exports().await?;
    ReleaseExport: |backend, export| nothing(share(backend)?.release(&export).await?);
    AdmitExport: |backend, to| nothing(revoke(backend)?.admit(&to.export, to.admission).await?);
    FindSnapshot: |backend, of| snapshots(backend)?.find_snapshot(&of.id).await?;
    ListSnapshots: |backend, _| snapshots(backend)?.list_snapshots().await?;
    RemoveSnapshot: |backend, of| nothing(snapshots(backend)?.remove_snapshot(&of.id).await?);
    AdmitNodes: |backend, to| {
        nothing(node_access(backend)?.admit_nodes(&to.addresses.into_iter().collect()).await?)
    };
}

fn nothing((): ()) -> Nothing {
    Nothing {}
}

fn lacks(capability: &str) -> BackendError {
    BackendError::not_done(Class::Invalid, format!("this backend does not declare {capability}"))
}

macro_rules! capabilities {
    ($($method:ident: $capability:ident, $name:literal;)+) => {
        $(pub(super) fn $method(backend: &dyn Backend) -> Result<&dyn $capability, BackendError> {
            backend.$method().ok_or_else(|| lacks($name))
        })+
    };
}

capabilities! {
    share: Share, "share";
    revoke: Revoke, "revoke";
    snapshots: Snapshots, "snapshot";
    clones: Clones, "clone";
    resize: Resize, "resize";
    quota: Quota, "quota";
    measure: Measure, "usage";
    node_access: NodeAccess, "nodeAccess";
}
