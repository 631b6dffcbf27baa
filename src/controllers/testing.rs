//! Everything that a controller is handed, with a scripted API server, a ledger without a disk, and a backend in memory.

use super::context::Context;
use crate::backends::Registry;
use crate::domain::backend::Limits;
use crate::domain::ids::BackendName;
use crate::domain::record::Record;
use crate::execute::Ports;
use crate::execute::api_server::ApiServer;
use crate::execute::publication::Statuses;
use crate::execute::testing::scripted::{Answer, Scripted, server};
use crate::execute::testing::{Heard, SetClock};
use crate::ledger::Ledger;
use crate::ledger::memory::{MemoryDisk, MemoryLedger};
use crate::metrics::Metrics;
use crate::observe::index::Index;
use crate::observe::roots::{Root, RootState, Roots};
use crate::observe::work::Work;
use crate::plan::testing::ROOT;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tombolo_backend_api::{Backend, BackendId, ClusterId, CreateVolume, Guarded, Mark, VolumePath};
use tombolo_backend_fake::Fake;

pub(crate) mod objects;
pub(crate) mod snapshots;

/// A controller's surroundings.
pub(crate) struct World {
    pub(crate) ctx: Context,
    pub(crate) fake: Fake,
    pub(crate) asked: Scripted,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) heard: Arc<Heard>,
}

/// With one backend, `nas1`, whose root is marked; these answers of the API server; and a ledger of these records.
pub(crate) async fn world(records: Vec<Record>, answers: impl IntoIterator<Item = Answer>) -> World {
    let (client, asked) = server(answers);
    let (clock, heard) = (Arc::new(SetClock::default()), Arc::new(Heard::default()));
    let ledger = MemoryLedger::open(&MemoryDisk::default()).unwrap().ledger;
    ledger.replace_all(records).await.unwrap();
    let fake = Fake::default();
    let roots = Arc::new(Roots::default());
    roots.put(BackendName::new("nas1"), root(&fake).await);
    let _ = fake.take_calls();
    let ctx = Context {
        ports: Ports {
            cluster: Arc::new(ApiServer::new(client.clone())),
            snapshots: Arc::new(ApiServer::new(client.clone())),
            ledger: Arc::new(ledger),
            storage: roots.clone(),
            audience: heard.clone(),
            clock: clock.clone(),
        },
        caches: Arc::default(),
        roots,
        nodes: Arc::default(),
        drivers: Arc::new(Registry::default()),
        queue: Arc::default(),
        locks: Arc::default(),
        refusals: Arc::default(),
        reservations: Arc::default(),
        verdicts: Arc::default(),
        purges: Arc::default(),
        copies: Arc::default(),
        takes: Arc::default(),
        revocations: Arc::new(Statuses::new(client.clone(), clock.clone())),
        publication: Arc::new(Statuses::new(client, clock.clone())),
        metrics: Metrics::new(),
        cluster_id: cluster_id(),
        retries: Arc::default(),
        hopeless: CancellationToken::new(),
        sweep_interval: Duration::from_secs(600),
        revoke_grace: Duration::from_secs(30),
        validates: true,
        idle_exports: Arc::default(),
        given: Arc::default(),
    };
    World {
        ctx,
        fake,
        asked,
        clock,
        heard,
    }
}

fn cluster_id() -> ClusterId {
    ClusterId("this".to_owned())
}

async fn root(fake: &Fake) -> Root {
    let mark = Mark {
        backend_id: BackendId::parse(ROOT).unwrap(),
        cluster_id: cluster_id(),
    };
    fake.place_mark(&mark).await.unwrap();
    let driver: Arc<dyn Backend> = Arc::new(fake.clone());
    Root {
        spec: Default::default(),
        driver: Some(driver.clone()),
        tending: None,
        capabilities: Some(driver.capabilities()),
        labels: BTreeMap::new(),
        limits: Limits::default(),
        node: None,
        terminating: false,
        retention: Duration::ZERO,
        id: Some(mark.backend_id.clone()),
        state: RootState::Ready(Guarded::new(driver, mark)),
        space: None,
        pinned: 0,
        word: None,
        imports: Default::default(),
        paused: false,
    }
}

impl World {
    /// Puts something into the caches, as a watch would, but that nobody is woken.
    pub(crate) fn caches<R>(&self, put: impl FnOnce(&mut Index) -> R) {
        let _ = put(&mut self.ctx.caches.write().unwrap());
    }

    /// Makes an empty directory in the root.
    pub(crate) async fn directory(&self, name: &str) {
        let volume = CreateVolume {
            path: VolumePath::parse(name).unwrap(),
            mode: 0o777,
            bytes: 0,
        };
        self.fake.create(&volume).await.unwrap();
        let _ = self.fake.take_calls();
    }

    /// Everything that waits to be looked at, patience over. In paused time.
    pub(crate) async fn woken(&self) -> Vec<Work> {
        let mut woken = Vec::new();
        while let Ok(Some(work)) = tokio::time::timeout(Duration::from_secs(5), self.ctx.queue.next()).await {
            self.ctx.queue.done(&work);
            woken.push(work);
        }
        woken
    }
}
