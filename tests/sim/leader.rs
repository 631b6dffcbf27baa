//! One process that believes it leads: caches that lag, a ledger, a queue, and looks that are under way.
//!
//! It runs the product's own controllers. What is simulated is only when: each step delivers one event, begins one look, or
//! moves one look by one call.

use crate::cluster::MemoryCluster;
use crate::gate::Gate;
use crate::ports::Gated;
use async_trait::async_trait;
use futures::FutureExt;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context as Waker, Poll};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tombolo::api::conditions::Statement;
use tombolo::api::reasons::{BackendReason, CrossSourceReason, ReferenceReason};
use tombolo::api::revocation::RevocationStatus;
use tombolo::api::storage_backend::{StorageBackendSpec, StorageBackendStatus};
use tombolo::controllers::contents::next_take;
use tombolo::controllers::context::Locks;
use tombolo::controllers::copies::{Copies, Settings, next_copy};
use tombolo::controllers::purges::{Purging, purge_next};
use tombolo::controllers::{Context, Next, look_at};
use tombolo::domain::backend::Limits;
use tombolo::domain::cross_source::CrossSourceKey;
use tombolo::domain::ids::{BackendName, ResourceVersion, VolumeId};
use tombolo::domain::reference::{ReferenceKey, ReferenceKind};
use tombolo::execute::cluster::{ApiError, Cluster, Fault};
use tombolo::execute::publication::Publication;
use tombolo::execute::revocations::{Revocation, Revocations};
use tombolo::execute::{Audience, Clock, Failure, Ports};
use tombolo::ledger::epoch::{Epoch, Holder, Trust};
use tombolo::ledger::memory::{MemoryDisk, MemoryLedger};
use tombolo::ledger::{self, Ledger};
use tombolo::metrics::Metrics;
use tombolo::observe::gather::Caches;
use tombolo::observe::queue::Queue;
use tombolo::observe::roots::{Root, RootState, Roots};
use tombolo::observe::work::Work;
use tombolo::plan::shared_volume::Wanted;
use tombolo::plan::{Announcement, rebuild};
use tombolo::report::memory::say_again;
use tombolo_backend_api::{Backend, ClusterId};
use tombolo_backend_fake::Fake;

mod snapshots;

/// What survives every process: the cluster, the storage, the time, what people were told.
#[derive(Clone)]
pub struct Outside {
    pub cluster: MemoryCluster,
    pub fake: Fake,
    pub now: Arc<Mutex<jiff::Timestamp>>,
    pub told: Arc<Mutex<Vec<Announcement>>>,
    /// How often anybody has begun to lead.
    pub terms: Arc<AtomicU64>,
    pub counted: Counted,
}

impl Clock for Outside {
    fn now(&self) -> jiff::Timestamp {
        *self.now.lock().unwrap()
    }
}

impl Audience for Outside {
    fn hear(&self, announcement: &Announcement) {
        let mut told = self.told.lock().unwrap();
        if !told.contains(announcement) {
            told.push(announcement.clone());
        }
    }
}

/// Statuses are for people; nothing is decided by them.
struct Unread;

#[async_trait]
impl Publication for Unread {
    async fn shared_volume(&self, _: &VolumeId, _: Option<&Wanted>) -> Result<(), ApiError> {
        Ok(())
    }
    async fn reference(&self, _: &ReferenceKey, _: ReferenceReason, _: &str) -> Result<(), ApiError> {
        Ok(())
    }
    async fn cross_source(&self, _: &CrossSourceKey, _: CrossSourceReason, _: &str) -> Result<(), ApiError> {
        Ok(())
    }
    async fn backend(&self, _: &BackendName, _: StorageBackendStatus, _: Vec<Statement>) -> Result<(), ApiError> {
        Ok(())
    }
    async fn look_again(&self) -> Result<Vec<VolumeId>, ApiError> {
        Ok(Vec::new())
    }
    async fn backend_in_use(&self, _: &BackendName, _: bool) -> Result<(), ApiError> {
        Ok(())
    }
}

/// What is counted of cuts, and survives every process.
#[derive(Clone)]
pub struct Counted(pub Arc<Mutex<Revocation>>);

impl Default for Counted {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Revocation {
            status: RevocationStatus::default(),
            word: None,
            version: ResourceVersion::new("1"),
        })))
    }
}

#[async_trait]
impl Revocations for Counted {
    async fn read(&self, _: &BackendName) -> Result<Option<Revocation>, ApiError> {
        Ok(Some(self.0.lock().unwrap().clone()))
    }
    async fn remember(
        &self,
        _: &BackendName,
        read: &Revocation,
        status: RevocationStatus,
        _: Statement,
    ) -> Result<(), ApiError> {
        let mut kept = self.0.lock().unwrap();
        if kept.version != read.version {
            return Err(ApiError::new(Fault::Conflict, "it was counted meanwhile"));
        }
        kept.version = ResourceVersion::new(format!("{}+", read.version));
        kept.status = status;
        Ok(())
    }
}

type Look = Pin<Box<dyn Future<Output = Result<Next, Failure>> + Send>>;

/// A kind that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Pv,
    Claim,
    Reference,
    Namespace,
    Snapshot,
    Content,
}

pub const KINDS: [Kind; 6] = [
    Kind::Pv,
    Kind::Claim,
    Kind::Reference,
    Kind::Namespace,
    Kind::Snapshot,
    Kind::Content,
];

/// One process.
pub struct Leader {
    pub gate: Arc<Gate>,
    pub ctx: Context,
    outside: Outside,
    seen: [usize; KINDS.len()],
    ready: Vec<Work>,
    /// What failed, and why.
    pub later: BTreeMap<Work, String>,
    looks: Vec<(Option<Work>, Look)>,
    copies: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
    polls: usize,
    /// Whose turn it is among the watches.
    turn: usize,
    /// The watch that is waited for.
    silent: Option<Kind>,
}

impl Leader {
    /// Starts one: caches from a LIST, the ledger trusted or rebuilt, then a look at everything.
    pub fn start(outside: &Outside, disk: &MemoryDisk, distrust: bool) -> Self {
        static METRICS: OnceLock<Metrics> = OnceLock::new();
        let gate = Arc::new(Gate::default());
        let ledger = MemoryLedger::open(disk).unwrap().ledger;
        let trusted = !distrust && ledger::trust(&ledger, None, false) == Trust::Trusted;
        let cluster = Arc::new(Gated {
            inner: outside.cluster.clone(),
            gate: gate.clone(),
        });
        let ledger = Arc::new(Gated {
            inner: ledger,
            gate: gate.clone(),
        });
        let driver = Arc::new(Gated {
            inner: outside.fake.clone(),
            gate: gate.clone(),
        });
        let roots = Arc::new(Roots::default());
        roots.put(
            BackendName::new("nas"),
            Root {
                spec: StorageBackendSpec::default(),
                tending: None,
                capabilities: Some(driver.capabilities()),
                driver: Some(driver),
                labels: Default::default(),
                limits: Limits::default(),
                node: None,
                terminating: false,
                retention: Duration::ZERO,
                id: None,
                state: RootState::Degraded(BackendReason::Degraded, "not looked at yet".into()),
                space: None,
                pinned: 0,
                word: None,
                imports: Default::default(),
                paused: false,
            },
        );
        let ports = Ports {
            cluster: cluster.clone(),
            snapshots: cluster.clone(),
            ledger: ledger.clone(),
            storage: roots.clone(),
            audience: Arc::new(outside.clone()),
            clock: Arc::new(outside.clone()),
        };
        let ctx = Context {
            nodes: Arc::default(),
            drivers: Arc::new(tombolo::backends::Registry::default()),
            ports,
            caches: Caches::default(),
            roots,
            queue: Arc::new(Queue::default()),
            locks: Arc::new(Locks::default()),
            refusals: Arc::default(),
            reservations: Arc::default(),
            verdicts: Arc::default(),
            purges: Arc::default(),
            takes: Arc::default(),
            copies: Arc::new(Copies::new(Settings {
                epoch: outside.terms.fetch_add(1, Ordering::Relaxed),
                ..Settings::default()
            })),
            revocations: Arc::new(Gated {
                inner: outside.counted.clone(),
                gate: gate.clone(),
            }),
            publication: Arc::new(Unread),
            metrics: METRICS.get_or_init(Metrics::new).clone(),
            cluster_id: ClusterId("here".into()),
            retries: Arc::default(),
            hopeless: CancellationToken::new(),
            sweep_interval: Duration::from_secs(300),
            revoke_grace: Duration::from_secs(30),
            validates: true,
            idle_exports: Arc::default(),
            given: Arc::default(),
        };
        let mut leader = Self {
            gate,
            ctx,
            outside: outside.clone(),
            seen: [0; KINDS.len()],
            ready: Vec::new(),
            later: BTreeMap::new(),
            looks: Vec::new(),
            copies: Vec::new(),
            polls: 0,
            turn: 0,
            silent: None,
        };
        leader.list();
        leader
            .looks
            .push((None, Box::pin(settle_ledger(cluster, ledger, trusted))));
        leader.ready.push(Work::Sweep);
        leader
    }

    /// The same, but one watch says nothing by itself.
    pub fn without(mut self, silent: Option<Kind>) -> Self {
        self.silent = silent;
        self
    }

    /// Whether it still has to read and sign its ledger.
    fn is_starting(&self) -> bool {
        self.looks.first().is_some_and(|(work, _)| work.is_none())
    }

    fn list(&mut self) {
        let store = self.outside.cluster.store();
        let mut index = self.ctx.caches.write().unwrap();
        let classes = index.reset_classes(store.classes.values().cloned().collect());
        let namespaces = store.namespaces.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        let wakes = [
            classes,
            index.reset_namespaces(namespaces),
            index.reset_references(ReferenceKind::Volume, store.references.values().cloned().collect()),
            index.reset_grants(store.grants.clone()),
            index.reset_pvs(store.all_pvs().iter().map(|pv| (**pv).clone()).collect()),
            index.reset_claims(store.all_claims().iter().map(|c| (**c).clone()).collect()),
        ];
        self.ctx.queue.add_all(wakes.into_iter().flatten());
        self.ctx.queue.add_all(snapshots::list(&mut index, &store.shelf));
        self.seen = [
            store.pv_log.len(),
            store.claim_log.len(),
            store.reference_log.len(),
            store.namespace_log.len(),
            store.shelf.snapshot_log.len(),
            store.shelf.content_log.len(),
        ];
    }

    /// Its caches are told of all classes.
    pub fn hear_of_classes(&self) {
        let classes = self.outside.cluster.store().classes.values().cloned().collect();
        let wake = self.ctx.caches.write().unwrap().reset_classes(classes);
        self.ctx.queue.add_all(wake);
    }

    /// Delivers the next event of a kind to its caches; `false`: there is none.
    pub fn deliver(&mut self, kind: Kind) -> bool {
        let store = self.outside.cluster.store();
        let seen = &mut self.seen[kind as usize];
        let mut index = self.ctx.caches.write().unwrap();
        let wake = match kind {
            Kind::Pv => store.pv_log.get(*seen).cloned().map(|(name, pv)| match pv {
                Some(pv) => index.put_pv((*pv).clone()),
                None => index.remove_pv(&name),
            }),
            Kind::Claim => store.claim_log.get(*seen).cloned().map(|(key, claim)| match claim {
                Some(claim) => index.put_claim((*claim).clone()),
                None => index.remove_claim(&key),
            }),
            Kind::Reference => store
                .reference_log
                .get(*seen)
                .cloned()
                .map(|(key, reference)| match reference {
                    Some(reference) => index.put_reference(reference),
                    None => index.remove_reference(&key),
                }),
            Kind::Namespace => store
                .namespace_log
                .get(*seen)
                .cloned()
                .map(|(name, view)| index.put_namespace(name, view)),
            Kind::Snapshot => snapshots::of_snapshot(&mut index, &store.shelf, *seen),
            Kind::Content => snapshots::of_content(&mut index, &store.shelf, *seen),
        };
        let Some(wake) = wake else { return false };
        *seen += 1;
        self.ctx.queue.add_all(wake);
        true
    }

    /// Delivers an event. Watches are independent of each other: however much one has to say, the others' news come between.
    pub fn deliver_next(&mut self) -> bool {
        let kinds = KINDS.into_iter().cycle().skip(self.turn).take(KINDS.len());
        let delivered = kinds
            .into_iter()
            .position(|kind| self.silent != Some(kind) && self.deliver(kind));
        self.turn = (self.turn + delivered.map_or(0, |after| after + 1)) % KINDS.len();
        delivered.is_some()
    }

    /// What waits to be looked at and is not being looked at already.
    pub fn ready(&mut self) -> Vec<Work> {
        while let Some(Some(work)) = self.ctx.queue.next().now_or_never() {
            self.ctx.queue.done(&work);
            if !self.ready.contains(&work) {
                self.ready.push(work);
            }
        }
        if self.is_starting() {
            return Vec::new();
        }
        let running = |work: &Work| self.looks.iter().any(|(w, _)| w.as_ref() == Some(work));
        self.ready.iter().filter(|work| !running(work)).cloned().collect()
    }

    /// Begins a look.
    pub fn begin(&mut self, work: Work) {
        self.ready.retain(|w| *w != work);
        self.later.remove(&work);
        let ctx = self.ctx.clone();
        let look = work.clone();
        let look = async move {
            let next = look_at(&ctx, &look).await?;
            // In a process this is a task of its own; here whoever looked at the trash goes on to empty it.
            if let Work::Trash(_) = look {
                while purge_next(&Purging::of(&ctx)).await {}
            }
            Ok(next)
        };
        self.looks.push((Some(work), Box::pin(look)));
    }

    /// Begins a copy that waits, and a snapshot, as tasks of their own beside the looks.
    pub fn begin_copy(&mut self) {
        if self.is_starting() {
            return;
        }
        if let Some(copy) = next_copy(&self.ctx) {
            self.copies.push(Box::pin(copy));
        }
        if let Some(take) = next_take(&self.ctx) {
            self.copies.push(Box::pin(take));
        }
    }

    /// What is being looked at.
    pub fn looks_at(&self) -> impl Iterator<Item = &Work> {
        self.looks.iter().filter_map(|(work, _)| work.as_ref())
    }

    /// Looks and copies under way.
    pub fn looks(&self) -> usize {
        self.looks.len() + self.copies.len()
    }

    /// Moves the looks and copies in turn: one may wait for another's lock.
    pub fn poll_next(&mut self) {
        self.polls += 1;
        self.poll(self.polls % self.looks());
    }

    /// Moves one look, or one copy, by one call.
    pub fn poll(&mut self, at: usize) {
        if let Some(copy) = at.checked_sub(self.looks.len()) {
            let waker = &mut Waker::from_waker(std::task::Waker::noop());
            if self.copies[copy].as_mut().poll(waker).is_ready() {
                drop(self.copies.remove(copy));
            }
            return;
        }
        let (work, look) = &mut self.looks[at];
        let Poll::Ready(outcome) = look.as_mut().poll(&mut Waker::from_waker(std::task::Waker::noop())) else {
            return;
        };
        let work = work.clone();
        drop(self.looks.remove(at));
        match (&work, &outcome) {
            (Some(work), Ok(_)) => self.ctx.retries.succeeded(work),
            (Some(work), Err(_)) => _ = self.ctx.retries.failed(work),
            (None, _) => {}
        }
        match (work, outcome) {
            (Some(work), Ok(Next::Again)) => self.ready.push(work),
            (Some(work), Err(failure)) => {
                assert!(!matches!(failure, Failure::Rule(_)), "{work:?}: {failure}");
                self.later.insert(work, format!("{failure:?}"));
            }
            // What waits for time to pass, and for nothing that anybody does.
            (Some(work @ Work::Exports(_)), Ok(Next::After(wait))) => self.ctx.queue.add_after(work, wait),
            // It is to be taken again, or cleared away; what is merely said again waits for nothing.
            (Some(work @ Work::Content(_)), Ok(Next::After(wait))) if wait < say_again() => {
                self.ctx.queue.add_after(work, wait);
            }
            (Some(_), Ok(Next::Change | Next::After(_))) | (None, Ok(_)) => {}
            (None, Err(failure)) => panic!("it does not start: {failure}"),
        }
    }

    /// What failed is tried again. `false`: nothing has failed, and nothing was put off until now.
    pub fn retry(&mut self) -> bool {
        self.ctx.queue.add_all(std::mem::take(&mut self.later).into_keys());
        !self.ready().is_empty()
    }

    /// Everything is looked at.
    pub fn sweep(&mut self) {
        self.ctx.wake(Work::Sweep);
    }
}

/// What a process does with its ledger before it decides anything.
async fn settle_ledger(cluster: Arc<dyn Cluster>, ledger: Arc<dyn Ledger>, trusted: bool) -> Result<Next, Failure> {
    if !trusted {
        let records = rebuild::records(&cluster.pvs().await?);
        ledger.replace_all(records).await?;
    }
    let holder = Holder {
        identity: "alone".into(),
        start_id: "alone".into(),
    };
    ledger.set_epoch(Epoch { term: None, holder }).await?;
    Ok(Next::Change)
}
