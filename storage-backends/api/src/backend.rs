//! The trait itself.

use crate::{
    BackendError, Capabilities, Clones, CreateVolume, Disposal, ExportKey, Found, Listed, Mark, Measure, MountSource,
    NodeAccess, PurgeProgress, Purged, Quota, Resize, Revoke, RootLocation, Share, Snapshots, Space, TrashEntry,
    TrashId, VolumePath,
};
use async_trait::async_trait;

/// A place where volumes live. See the crate's documentation for what all implementations promise.
///
/// Every call ends by its own deadline. No call follows a symbolic link below the root, and none leaves the root: a path at
/// which something other than a directory stands, or that leads through such a thing, is `Invalid`. A root that is away is
/// `Waiting`, never an answer "absent".
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// What it can do; constant for the life of the value.
    fn capabilities(&self) -> Capabilities;

    /// Where its root lies.
    fn root(&self) -> RootLocation;

    /// A sentence for the admin about something that works but not as configured (a fallback taken), if there is one.
    fn notice(&self) -> Option<String> {
        None
    }

    /// The root's mark; `None` if the root exists and has none.
    ///
    /// # Errors
    /// `Waiting` if the server or the root is away, or if the mark is there and cannot be understood.
    async fn read_mark(&self) -> Result<Option<Mark>, BackendError>;

    /// Marks a root that has no mark, and answers the mark that is there afterwards: of two writers, both learn the winner.
    /// Makes the root (mode 0711) and its private directory (mode 0700) first.
    async fn place_mark(&self, mark: &Mark) -> Result<Mark, BackendError>;

    /// The volume at `path`, if it exists.
    async fn inspect(&self, path: &VolumePath) -> Result<Option<Found>, BackendError>;

    /// Makes a volume, and the directories above it (mode 0711). One that exists already is success, with its mode set again
    /// and its contents untouched; where its size is a limit, that is only ever raised by this.
    async fn create(&self, volume: &CreateVolume) -> Result<Found, BackendError>;

    /// What a node mounts for a tenant to reach the volume. Idempotent. Where a volume is a mere path it needs no round trip;
    /// elsewhere it makes the tenant's export, and `Invalid` says that there is no volume. One that is cut stays cut.
    async fn mount(&self, export: &ExportKey) -> Result<MountSource, BackendError>;

    /// Takes a volume out of use in one atomic step, and all its exports with it. Absent is success, whether or not the entry exists.
    ///
    /// `Invalid` if the volume is there and its place in the trash or archive is taken, `Transient` if an entry of that name
    /// is still under purge. A full file system must not stop it, or nothing could ever be freed: the entry then has no record.
    async fn discard(&self, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError>;

    /// Room on the file system behind the root.
    async fn space(&self) -> Result<Space, BackendError>;

    /// All directories directly below the root, without the private one. Looks into none of them. However many there are, it
    /// ends as long as the server keeps answering.
    async fn list(&self) -> Result<Vec<Listed>, BackendError>;

    /// Removes a volume's directory if it is empty, and its exports with it. `false`: it is not, or it is gone.
    async fn remove_empty(&self, path: &VolumePath) -> Result<bool, BackendError>;

    /// Everything in the trash, records without a volume among it. Ends as [`Backend::list`] does.
    async fn trash(&self) -> Result<Vec<TrashEntry>, BackendError>;

    /// Moves a trash entry to `path`, where nothing may be, and forgets its record. `Invalid` if it is under purge, gone, or
    /// the path is taken.
    async fn restore(&self, id: &TrashId, path: &VolumePath) -> Result<(), BackendError>;

    /// Removes a trash entry for ever: renames it first, so that purge and restore cannot both win, then removes its tree
    /// in parallel and iteratively. Absent is success, and takes the record with it; a purge that was interrupted goes on.
    async fn purge(&self, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError>;

    /// Removes a record that has no volume. An entry that is there, under purge or not, keeps its own: unlike a purge, this
    /// cannot hit a volume that was discarded since somebody looked.
    async fn forget(&self, id: &TrashId) -> Result<(), BackendError>;

    /// Given out if, and only if, `share` is declared.
    fn share(&self) -> Option<&dyn Share> {
        None
    }

    /// Given out if, and only if, `revoke` is declared.
    fn revoke(&self) -> Option<&dyn Revoke> {
        None
    }

    /// Given out if, and only if, `snapshot` is declared.
    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }

    /// Given out if, and only if, `clone` is declared.
    fn clones(&self) -> Option<&dyn Clones> {
        None
    }

    /// Given out if, and only if, `resize` is declared.
    fn resize(&self) -> Option<&dyn Resize> {
        None
    }

    /// Given out if, and only if, `quota` is declared.
    fn quota(&self) -> Option<&dyn Quota> {
        None
    }

    /// Given out if, and only if, `usage` is declared.
    fn measure(&self) -> Option<&dyn Measure> {
        None
    }

    /// Given out if, and only if, `node_access` is declared.
    fn node_access(&self) -> Option<&dyn NodeAccess> {
        None
    }
}
