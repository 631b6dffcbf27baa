//! A plan is walked in order, and stops at the first failure: what comes after was not begun.
//!
//! Trident's rows about a store or a backend that fails. A17, A37, D02, D05, D07, D12, D13, D16, D18, D26, D36: a write of the
//! ledger that fails is the end of the plan, before any backend is asked. D14, D20, D30: one that fails at the end leaves the
//! record, by which the next look finds that nothing is left to do. D04, D28, D34: data that could not be removed keeps its
//! object, never an error that is swallowed. D17, D27, D29: without its backend, or under another one's mark, everything stays,
//! where the original drops the record. D31: the backend's own end is no part of a volume's plan.

use super::*;
use crate::domain::claim::Claim;
use crate::domain::cross_source::{CrossSource, CrossSourceKey};
use crate::domain::cut::Cut;
use crate::domain::grant::Grant;
use crate::domain::hold::Hold;
use crate::domain::ids::{
    BackendName, ClaimKey, ClaimRef, ClaimUid, Namespace, PvName, PvUid, ResourceVersion, VolumeId,
};
use crate::domain::pv::Pv;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::token::{Note, Token};
use crate::execute::testing::SetClock;
use crate::ledger::memory::{MemoryDisk, MemoryLedger};
use crate::ledger::{Book, Durability, LedgerError, epoch::Epoch};
use crate::observe::index::NamespaceView;
use crate::plan::action::Exactly;
use crate::plan::resize::ResizeMark;
use crate::plan::testing::ROOT;
use crate::plan::{NewPv, Plan, golden::scenarios};
use async_trait::async_trait;
use cluster::{ApiError, Fault as ApiFault};
use std::collections::BTreeMap;
use std::sync::Mutex;
use tombolo_backend_api::{Backend, BackendId, Capabilities, ClusterId, Mark, MountSource, VolumePath};
use tombolo_backend_fake::{Call, Fake, Fault, Op};

mod discarding;
mod order;

/// What a port is asked, in order; one of these fails.
#[derive(Default)]
struct Steps {
    taken: Mutex<Vec<&'static str>>,
    fails: Option<usize>,
}

impl Steps {
    /// Takes a step; whether it succeeds.
    fn take(&self, step: &'static str) -> bool {
        let mut taken = self.taken.lock().unwrap();
        taken.push(step);
        self.fails != Some(taken.len() - 1)
    }

    fn taken(&self) -> Vec<&'static str> {
        self.taken.lock().unwrap().clone()
    }
}

/// Ports that take everything down, and a backend in memory that they lead to.
struct Watched {
    steps: Arc<Steps>,
    fake: Fake,
    ports: Ports,
}

async fn watched(fails: Option<usize>) -> Watched {
    let steps = Arc::new(Steps {
        fails,
        ..Steps::default()
    });
    // Plans are carried out on an empty root, where there is nothing to export.
    let paths = Capabilities {
        share: true,
        clone: true,
        ..Capabilities::default()
    };
    let fake = Fake::new("fake", paths);
    let mark = Mark {
        backend_id: BackendId::parse(ROOT).unwrap(),
        cluster_id: ClusterId("this".into()),
    };
    fake.place_mark(&mark).await.unwrap();
    // What is joined and what is copied in some of the plans.
    for volume in ["pvc-prod-data", "pvc-team-data"] {
        let volume = CreateVolume {
            path: VolumePath::parse(volume).unwrap(),
            mode: 0o777,
            bytes: 1,
        };
        fake.create(&volume).await.unwrap();
    }
    let _ = fake.take_calls();
    let ledger = MemoryLedger::open(&MemoryDisk::default()).unwrap().ledger;
    let ports = Ports {
        cluster: Arc::new(WatchedCluster(steps.clone())),
        snapshots: Arc::new(snapshots::NotInstalled),
        ledger: Arc::new(WatchedLedger(ledger, steps.clone())),
        storage: Arc::new(WatchedStorage(
            Guarded::new(Arc::new(fake.clone()), mark),
            steps.clone(),
        )),
        audience: Arc::new(WatchedAudience(steps.clone())),
        clock: Arc::new(SetClock::default()),
    };
    Watched { steps, fake, ports }
}

/// Carries out a plan, a copy too.
async fn carry_out(plan: &Plan, ports: &Ports) -> Result<(), Failure> {
    let copying = Copying {
        epoch: 0,
        max_entries: u64::MAX,
        progress: &(),
    };
    run_copy(&plan.actions, ports, copying).await
}

/// What each action asks of which port.
fn steps_of(action: &Action) -> &'static [&'static str] {
    match action {
        Action::Record(_) => &["record"],
        Action::Note(_) => &["note"],
        Action::Tell(_) => &["tell"],
        Action::MakeData { .. }
        | Action::Copy { .. }
        | Action::AbandonCopy { .. }
        | Action::Discard { .. }
        | Action::RemoveEmpty { .. }
        | Action::Admit { .. }
        | Action::MakeExport { .. }
        | Action::ResizeData { .. }
        | Action::Release { .. } => &["backend"],
        Action::Promise { .. } => &["promise"],
        Action::Grant { .. } => &["grant"],
        Action::MarkResize { .. } => &["mark resize"],
        Action::NoteCut { .. } => &["note cut"],
        Action::CreatePv(_) => &["backend", "create pv"],
        Action::KeepSnapshot { .. } | Action::LetSnapshotGo { .. } => &[],
        Action::PutToken { .. } => &["put token"],
        Action::TakeToken { .. } => &["take token"],
        Action::PutHold(..) => &["put hold"],
        Action::TakeHold(..) => &["take hold"],
        Action::Reschedule { .. } => &["reschedule"],
        Action::DeletePv(_) => &["delete pv"],
        Action::Unprotect { .. } => &["unprotect"],
        Action::Mend { .. } => &["mend"],
        Action::SetRetain(_) => &["set retain"],
        Action::RecordOwner { .. } => &["record owner"],
    }
}

/// Plans with something to do, by the names of their golden files.
fn plans() -> BTreeMap<String, Plan> {
    let mut plans = BTreeMap::new();
    scenarios::every(&mut |name, plan| {
        if !plan.actions.is_empty() {
            let _ = plans.insert(name.to_owned(), plan.clone());
        }
    });
    plans
}

struct WatchedLedger(MemoryLedger, Arc<Steps>);

#[async_trait]
impl Ledger for WatchedLedger {
    fn book(&self) -> &Book {
        self.0.book()
    }
    async fn apply(&self, _: Vec<crate::domain::change::Change>, durability: Durability) -> Result<(), LedgerError> {
        let step = match durability {
            Durability::Flushed => "record",
            Durability::Soon => "note",
        };
        self.1.take(step).then_some(()).ok_or(LedgerError::Ended)
    }
    async fn replace_all(&self, _: Vec<crate::domain::record::Record>) -> Result<(), LedgerError> {
        unreachable!("no action asks for it")
    }
    async fn set_epoch(&self, _: Epoch) -> Result<(), LedgerError> {
        unreachable!("no action asks for it")
    }
}

struct WatchedStorage(Guarded, Arc<Steps>);

impl Storage for WatchedStorage {
    fn behind(&self, _: &Handle) -> Option<Guarded> {
        self.1.take("backend").then(|| self.0.clone())
    }
}

struct WatchedAudience(Arc<Steps>);

impl Audience for WatchedAudience {
    fn hear(&self, _: &Announcement) {
        self.0.take("tell");
    }
}

struct WatchedCluster(Arc<Steps>);

impl WatchedCluster {
    fn write(&self, step: &'static str) -> Result<(), ApiError> {
        let done = self.0.take(step);
        done.then_some(())
            .ok_or_else(|| ApiError::new(ApiFault::Away, "failed on command"))
    }
}

/// No action reads: what is read was read before the plan was made.
#[async_trait]
impl Cluster for WatchedCluster {
    async fn claim(&self, _: &ClaimKey) -> Result<Option<Claim>, ApiError> {
        unreachable!("an action reads")
    }
    async fn pv(&self, _: &PvName) -> Result<Option<Pv>, ApiError> {
        unreachable!("an action reads")
    }
    async fn members(&self, _: &VolumeId) -> Result<Vec<Pv>, ApiError> {
        unreachable!("an action reads")
    }
    async fn pvs(&self) -> Result<Vec<Pv>, ApiError> {
        unreachable!("an action reads")
    }
    async fn reference(&self, _: &ReferenceKey) -> Result<Option<Reference>, ApiError> {
        unreachable!("an action reads")
    }
    async fn references(&self, _: ReferenceKind, _: &Namespace) -> Result<Option<Vec<Reference>>, ApiError> {
        unreachable!("an action reads")
    }
    async fn grants(&self, _: &Namespace) -> Result<Option<Vec<Grant>>, ApiError> {
        unreachable!("an action reads")
    }
    async fn cross_source(&self, _: &CrossSourceKey) -> Result<Option<CrossSource>, ApiError> {
        unreachable!("an action reads")
    }
    async fn claims(&self) -> Result<Vec<Claim>, ApiError> {
        unreachable!("an action reads")
    }
    async fn namespace(&self, _: &Namespace) -> Result<Option<NamespaceView>, ApiError> {
        unreachable!("an action reads")
    }
    async fn create_pv(&self, _: &NewPv, _: &MountSource) -> Result<(), ApiError> {
        self.write("create pv")
    }
    async fn delete_pv(&self, _: &Exactly) -> Result<(), ApiError> {
        self.write("delete pv")
    }
    async fn unprotect(&self, _: &PvName, _: &PvUid) -> Result<(), ApiError> {
        self.write("unprotect")
    }
    async fn put_token(&self, _: &Exactly, _: &Token, _: &Note) -> Result<(), ApiError> {
        self.write("put token")
    }
    async fn take_token(&self, _: &PvName, _: &PvUid, _: &Token) -> Result<(), ApiError> {
        self.write("take token")
    }
    async fn put_hold(&self, _: Hold, _: &ClaimRef) -> Result<(), ApiError> {
        self.write("put hold")
    }
    async fn take_hold(&self, _: Hold, _: &ClaimRef) -> Result<(), ApiError> {
        self.write("take hold")
    }
    async fn reschedule(&self, _: &ClaimRef, _: &ResourceVersion) -> Result<(), ApiError> {
        self.write("reschedule")
    }
    async fn mend(&self, _: &Exactly, _: &VolumeId, _: &BackendName, _: &Handle, _: bool) -> Result<(), ApiError> {
        self.write("mend")
    }
    async fn set_retain(&self, _: &Exactly) -> Result<(), ApiError> {
        self.write("set retain")
    }
    async fn promise(&self, _: &Exactly, _: u64) -> Result<(), ApiError> {
        self.write("promise")
    }
    async fn grant(&self, _: &Exactly, _: u64) -> Result<(), ApiError> {
        self.write("grant")
    }
    async fn mark_resize(
        &self,
        _: &ClaimRef,
        _: &ResourceVersion,
        _: &ResizeMark,
        _: jiff::Timestamp,
    ) -> Result<(), ApiError> {
        self.write("mark resize")
    }
    async fn note_cut(&self, _: &PvName, _: &PvUid, _: Option<&Cut>) -> Result<(), ApiError> {
        self.write("note cut")
    }
    async fn record_owner(&self, _: &Exactly, _: &ClaimUid) -> Result<(), ApiError> {
        self.write("record owner")
    }
}
