//! The trait itself.

use crate::{
    BackendError, CreateVolume, Disposal, Found, Listed, Mark, MountSource, PurgeProgress, Purged, RootLocation, Space,
    TrashEntry, TrashId, VolumePath,
};
use async_trait::async_trait;

/// What a backend can do beyond making and discarding volumes: plain data that the planner reads.
///
/// The conformance suite runs a capability's cases if, and only if, it is declared here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// One volume may be mounted by claims of several namespaces.
    pub share: bool,
    /// A namespace's access can be taken away while it is mounted.
    pub revoke: bool,
    /// Read-only access is refused writes by the server, not only by the mount option.
    pub read_only_enforced: bool,
    /// A volume's size is a limit, not bookkeeping.
    pub quota: bool,
}

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
    /// and its contents untouched.
    async fn create(&self, volume: &CreateVolume) -> Result<Found, BackendError>;

    /// What a node of `namespace` mounts to reach the volume. Idempotent; needs no round trip where a volume is a mere path.
    async fn mount(&self, path: &VolumePath, namespace: &str, read_only: bool) -> Result<MountSource, BackendError>;

    /// Takes a volume out of use in one atomic step. Absent is success, whether or not the entry exists.
    ///
    /// `Invalid` if the volume is there and its place in the trash or archive is taken, `Transient` if an entry of that name
    /// is still under purge. A full file system must not stop it, or nothing could ever be freed: the entry then has no record.
    async fn discard(&self, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError>;

    /// Room on the file system behind the root.
    async fn space(&self) -> Result<Space, BackendError>;

    /// All directories directly below the root, without the private one. Looks into none of them. However many there are, it
    /// ends as long as the server keeps answering.
    async fn list(&self) -> Result<Vec<Listed>, BackendError>;

    /// Removes a volume's directory if it is empty. `false`: it is not, or it is gone.
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
}
