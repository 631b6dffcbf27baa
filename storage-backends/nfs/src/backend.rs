//! The trait, method by method: which deadline each has and what its faults are called.

use crate::{
    NfsConfig,
    call::Call,
    errors::{Fault, Kind},
    mark::foreign_root_notice,
    pool::{Deadline, Pool},
    purge, trash,
};
use async_trait::async_trait;
use nfs_rs::DirectoryCookie;
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tombolo_backend_api::{
    Backend, BackendError, Capabilities, Clones, CreateVolume, Disposal, ExportKey, Exported, Found, Listed, Mark,
    MountSource, PurgeProgress, Purged, RootLocation, Share, Snapshots, Space, TrashEntry, TrashId, VolumePath,
};

/// How long a call may take, and one request of a listing or a purge.
const DEADLINE: Duration = Duration::from_secs(30);
/// How many times that a whole listing may take: far more than a directory needs that somebody is not filling all the time.
const LISTING: u32 = 20;

/// Any existing NFS export as a backend.
pub struct NfsBackend {
    pub(crate) pool: Arc<Pool>,
    pub(crate) deadline: Duration,
    foreign_root: AtomicBool,
}

impl NfsBackend {
    pub(crate) fn new(config: NfsConfig) -> Self {
        Self {
            pool: Arc::new(Pool::new(config)),
            deadline: DEADLINE,
            foreign_root: AtomicBool::new(false),
        }
    }

    /// Changes the deadline of calls from 30 seconds.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call::new(&self.pool, Deadline::call(self.deadline))
    }

    /// For work whose length depends on what is there: each of its requests has a deadline of its own.
    pub(crate) fn long_call(&self) -> Call<'_> {
        Call::new(&self.pool, Deadline::Request(self.deadline))
    }

    /// Names the faults of a listing, and ends one that never ends.
    pub(crate) async fn listing<T>(
        &self,
        call: &Call<'_>,
        what: &str,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, BackendError> {
        let most = self.deadline.saturating_mul(LISTING);
        let late = |_| Err(Fault::timed_out(most));
        named(call, what, async {
            tokio::time::timeout(most, work).await.unwrap_or_else(late)
        })
        .await
    }

    async fn listed(&self, call: &Call<'_>) -> Result<Vec<Listed>, Fault> {
        let root = call.root().await?;
        let mut found = Vec::new();
        let mut next = Some(DirectoryCookie::default());
        while let Some(from) = next {
            let page = call.list(&root, from).await?;
            next = page.next;
            for entry in page.entries {
                let Ok(path) = VolumePath::parse(&entry.name) else {
                    continue;
                };
                let node = match entry.node {
                    Some(node) => Some(node),
                    None => call.lookup(&root, &entry.name).await?,
                };
                found.extend(node.filter(|node| node.is_directory()).map(|node| Listed {
                    path,
                    modified: node.modified,
                }));
            }
        }
        Ok(found)
    }
}

/// Names the faults of some work.
async fn named<T>(
    call: &Call<'_>,
    what: &str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, BackendError> {
    work.await.map_err(|fault| call.fail(what, fault))
}

#[async_trait]
impl Backend for NfsBackend {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            share: true,
            snapshot: true,
            clone: true,
            ..Capabilities::default()
        }
    }

    fn root(&self) -> RootLocation {
        let config = self.pool.config();
        RootLocation {
            host: config.server.as_str().to_ascii_lowercase(),
            path: config.root_path(),
        }
    }

    fn notice(&self) -> Option<String> {
        let config = self.pool.config();
        let mut notices = Vec::new();
        if self.pool.unreserved() && config.source_port == crate::SourcePort::Reserved {
            notices.push(format!(
                "connected to {} from a port above 1023, because no other was to be had; a server that insists on \
                 reserved ports (exports(5): secure) refuses that",
                config.server
            ));
        }
        if self.foreign_root.load(Relaxed) {
            notices.push(foreign_root_notice());
        }
        (!notices.is_empty()).then(|| notices.join("; "))
    }

    async fn read_mark(&self) -> Result<Option<Mark>, BackendError> {
        let call = self.call();
        let mark = named(&call, "reading the root's mark", call.read_mark()).await;
        if !matches!(mark, Ok(Some(_))) {
            self.pool.forget_export();
        }
        mark
    }

    async fn place_mark(&self, mark: &Mark) -> Result<Mark, BackendError> {
        let call = self.call();
        let (mark, own) = named(&call, "marking the root", Box::pin(call.place_mark(mark))).await?;
        self.foreign_root.store(!own, Relaxed);
        Ok(mark)
    }

    async fn inspect(&self, path: &VolumePath) -> Result<Option<Found>, BackendError> {
        let call = self.call();
        named(&call, &format!("looking for {path}"), async {
            let root = call.root().await?;
            let found = call.walk(&root, path.components()).await?;
            Ok(found.map(|_| Found { enforced_bytes: None }))
        })
        .await
    }

    async fn create(&self, volume: &CreateVolume) -> Result<Found, BackendError> {
        let call = self.call();
        named(&call, &format!("making {}", volume.path), async {
            let root = call.root().await?;
            let (parent, name) = call.ensure_parent(&root, &volume.path).await?;
            call.make_directory(&parent, name, volume.mode).await?;
            Ok(Found { enforced_bytes: None })
        })
        .await
    }

    async fn mount(&self, export: &ExportKey) -> Result<MountSource, BackendError> {
        let config = self.pool.config();
        Ok(MountSource::Nfs {
            server: config.server.to_string(),
            path: format!("{}/{}", config.root_path(), export.path),
            options: config.mount_options(),
            version: config.version.as_str(),
        })
    }

    async fn discard(&self, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
        trash::discard(&self.call(), path, disposal).await
    }

    async fn space(&self) -> Result<Space, BackendError> {
        let call = self.call();
        let stat = named(&call, "asking for free space", async {
            call.root().await?;
            call.space().await
        })
        .await?;
        Ok(Space {
            total: stat.tbytes,
            free: stat.abytes,
        })
    }

    async fn list(&self) -> Result<Vec<Listed>, BackendError> {
        let call = self.long_call();
        self.listing(&call, "listing the root", Box::pin(self.listed(&call)))
            .await
    }

    async fn remove_empty(&self, path: &VolumePath) -> Result<bool, BackendError> {
        let call = self.call();
        named(&call, &format!("removing {path} if it is empty"), async {
            let root = call.root().await?;
            let Some((parent, name)) = call.parent(&root, path).await? else {
                return Ok(false);
            };
            if call.directory(&parent, name).await?.is_none() {
                return Ok(false);
            }
            match call.rmdir(&parent, name).await {
                Err(fault) if fault.is(Kind::NotEmpty) => Ok(false),
                removed => removed,
            }
        })
        .await
    }

    async fn trash(&self) -> Result<Vec<TrashEntry>, BackendError> {
        let call = self.long_call();
        self.listing(&call, "listing the trash", Box::pin(trash::entries(&call)))
            .await
    }

    async fn restore(&self, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
        trash::restore(&self.call(), id, path).await
    }

    async fn purge(&self, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError> {
        let call = self.long_call();
        named(
            &call,
            &format!("purging {id}"),
            Box::pin(purge::purge(&call, id, progress)),
        )
        .await
    }

    async fn forget(&self, id: &TrashId) -> Result<(), BackendError> {
        let call = self.call();
        named(
            &call,
            &format!("forgetting the record of {id}"),
            trash::forget(&call, id),
        )
        .await
    }

    fn share(&self) -> Option<&dyn Share> {
        Some(self)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }

    fn clones(&self) -> Option<&dyn Clones> {
        Some(self)
    }
}

/// A way to a volume is a mere path, so there is nothing to take back.
#[async_trait]
impl Share for NfsBackend {
    async fn release(&self, _: &ExportKey) -> Result<(), BackendError> {
        Ok(())
    }

    async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        Ok(Vec::new())
    }
}
