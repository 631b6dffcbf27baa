//! The whole: a cluster, a storage, people, and one or more controllers, moved one step at a time in a fixed order.
//!
//! A crash, or a long sleep, happens at the write that a [`Script`] names; the world then goes on until nothing moves.

use crate::checks::History;
use crate::cluster::MemoryCluster;
use crate::gate::Moment;
use crate::leader::{Kind, Leader, Outside};
use crate::{binder, snapshot_controller};
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tombolo::domain::class::Class;
use tombolo::domain::ids::{ClassName, Namespace, SnapshotClassName};
use tombolo::domain::snapshot::SnapshotClass;
use tombolo::domain::snapshot::content::DeletionPolicy;
use tombolo::ledger::memory::MemoryDisk;
use tombolo::observe::index::NamespaceView;
use tombolo_backend_api::{Admission, ExportKey, Share};
use tombolo_backend_fake::Fake;

/// What becomes of a controller that is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It starts again with its ledger.
    Restart,
    /// It starts again without its ledger.
    LoseLedger,
    /// It starts again, and another one led in between: its ledger is not trusted.
    Distrust,
    /// Another one takes over, and this one wakes up when that one has nothing left to do.
    SleepUntilQuiet,
    /// The same, and it wakes up when the story is over.
    SleepUntilTheEnd,
}

pub const EVERY_THEN: [Then; 5] = [
    Then::Restart,
    Then::LoseLedger,
    Then::Distrust,
    Then::SleepUntilQuiet,
    Then::SleepUntilTheEnd,
];

/// What is going to happen besides the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    /// The write at which the first controller stops.
    pub stop: Option<(usize, Moment, Then)>,
    /// How many writes after [`World::midway`] the story goes on.
    pub midway: usize,
    /// Whether caches follow at once, or only when nothing is being looked at.
    pub eager: bool,
    /// The watch that says nothing for as long as anything else can go on.
    pub silent: Option<Kind>,
}

/// More steps than any story takes: beyond them something goes round in circles.
const STEPS: usize = 20_000;
/// Failed looks are tried again so many times before a silent watch says something: long enough to see whether that is a storm.
const PATIENCE: usize = 5;
/// Failed looks are tried again so many times before the world counts as stuck.
const RETRIES: usize = 60;

/// Everything.
pub struct World {
    pub out: Outside,
    pub script: Script,
    pub leaders: Vec<Leader>,
    sleeper: Option<Leader>,
    disk: MemoryDisk,
    pub history: History,
    /// The writes that were made before the part of the story that no other story has.
    pub before: usize,
    /// Nothing moved any more before the story's midway was reached.
    pub midway_missed: bool,
    past_writes: usize,
    retries: usize,
    turn: usize,
    /// What was looked at last, for whoever has to find out why it goes round in circles.
    recent: VecDeque<String>,
    pub stopped_at: Option<&'static str>,
    time: &'static Runtime,
    _in_time: EnterGuard<'static>,
}

thread_local! {
    /// The clock of the queues' timers, which stands still unless it is moved. One for each thread, for its guard must outlive
    /// every world on it.
    static TIME: &'static Runtime =
        Box::leak(Box::new(Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()));
}

/// A class of the one backend.
pub fn class(name: &str, policy: &str, parameters: &[(&str, &str)]) -> (ClassName, Class) {
    let mut given = BTreeMap::from([("backend".to_owned(), "nas".to_owned())]);
    given.extend(parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    let class = k8s_openapi::api::storage::v1::StorageClass {
        metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
            name: Some(name.to_owned()),
            ..Default::default()
        },
        provisioner: tombolo::api::names::PROVISIONER.to_owned(),
        reclaim_policy: Some(policy.to_owned()),
        parameters: Some(given),
        ..Default::default()
    };
    (ClassName::new(name), Class::of(&class).unwrap())
}

/// A class of snapshots; the one that deletes is the default.
fn snapshot_class(name: &str, policy: DeletionPolicy) -> SnapshotClass {
    SnapshotClass {
        name: SnapshotClassName::new(name),
        ours: true,
        policy,
        is_default: policy == DeletionPolicy::Delete,
    }
}

impl Outside {
    /// A cluster with classes and three namespaces, and an unmarked root.
    pub fn new() -> Self {
        let cluster = MemoryCluster::default();
        let mut store = cluster.store();
        store.classes = BTreeMap::from([
            class("gold", "Delete", &[]),
            class("kept", "Retain", &[]),
            class("archived", "Delete", &[("onDelete", "archive")]),
            class("retained", "Delete", &[("onDelete", "retain")]),
            class("held", "Delete", &[("onOwnerDelete", "Hold")]),
        ]);
        store.shelf.classes = vec![
            snapshot_class("snaps", DeletionPolicy::Delete),
            snapshot_class("keeps", DeletionPolicy::Retain),
        ];
        for name in ["primary", "secondary", "third"] {
            store.put_namespace(Namespace::new(name), Some(NamespaceView::default()));
        }
        drop(store);
        Self {
            cluster,
            fake: Fake::default(),
            now: Arc::new(Mutex::new(Timestamp::UNIX_EPOCH)),
            told: Arc::default(),
            terms: Arc::default(),
            counted: Default::default(),
        }
    }
}

impl Outside {
    /// What the server exports, and what each lets through.
    pub fn exports(&self) -> BTreeMap<ExportKey, Admission> {
        let all = self.fake.exports().now_or_never().unwrap().unwrap();
        all.into_iter()
            .map(|exported| (exported.key, exported.admission))
            .collect()
    }
}

impl World {
    pub fn new(script: Script) -> Self {
        let (out, disk) = (Outside::new(), MemoryDisk::default());
        let time = TIME.with(|time| *time);
        let in_time = time.enter();
        let leader = Leader::start(&out, &disk, false).without(script.silent);
        if let Some((write, moment, _)) = script.stop {
            leader.gate.stop_at(write, moment);
        }
        Self {
            time,
            _in_time: in_time,
            out,
            script,
            leaders: vec![leader],
            sleeper: None,
            disk,
            history: History::default(),
            before: 0,
            midway_missed: false,
            past_writes: 0,
            retries: 0,
            turn: 0,
            recent: VecDeque::new(),
            stopped_at: None,
        }
    }

    /// Writes of all controllers until now.
    pub fn writes(&self) -> usize {
        let alive = self.leaders.iter().chain(&self.sleeper);
        self.past_writes + alive.map(|l| l.gate.writes()).sum::<usize>()
    }

    fn after_a_stop(&mut self) -> bool {
        let Some((_, _, then)) = self.script.stop else {
            return false;
        };
        let Some(at) = self.leaders.iter().position(|l| l.gate.stopped().is_some()) else {
            return false;
        };
        let stopped = self.leaders.remove(at);
        self.stopped_at = stopped.gate.stopped();
        match then {
            Then::SleepUntilQuiet | Then::SleepUntilTheEnd => {
                self.sleeper = Some(stopped);
                self.disk = MemoryDisk::default();
            }
            Then::Restart | Then::LoseLedger | Then::Distrust => {
                self.past_writes += stopped.gate.writes();
                drop(stopped);
            }
        }
        if then == Then::LoseLedger {
            self.disk.lose_everything();
        }
        let next = Leader::start(&self.out, &self.disk, then == Then::Distrust);
        self.leaders.push(next.without(self.script.silent));
        true
    }

    /// One step of one controller.
    fn work(&mut self) -> bool {
        for _ in 0..self.leaders.len() {
            self.turn += 1;
            let at = self.turn % self.leaders.len();
            let leader = &mut self.leaders[at];
            if self.script.eager {
                while leader.deliver_next() {}
            }
            leader.begin_copy();
            if leader.looks() > 0 {
                leader.poll_next();
                return true;
            }
            if let Some(work) = leader.ready().into_iter().next() {
                if self.recent.len() > 30 {
                    self.recent.pop_front();
                }
                self.recent
                    .push_back(format!("{at}: {work:?} {:?}", leader.gate.last()));
                leader.begin(work);
                return true;
            }
            if leader.deliver_next() {
                return true;
            }
        }
        false
    }

    /// Moves what moves; `false`: nothing does.
    pub fn step(&mut self) -> bool {
        let version = self.out.cluster.store().version();
        // As far behind as any controller can be, or never behind.
        let moved = self.after_a_stop()
            || (self.script.eager && snapshot_controller::step(&mut self.out.cluster.store(), false))
            || self.work()
            || binder::step(&mut self.out.cluster.store(), self.turn.is_multiple_of(2))
            || snapshot_controller::step(&mut self.out.cluster.store(), self.turn.is_multiple_of(2))
            || (self.retries >= PATIENCE && self.break_the_silence())
            || self.try_again()
            || self.break_the_silence();
        self.retries = if self.out.cluster.store().version() == version {
            self.retries
        } else {
            0
        };
        self.history.look(&self.out);
        moved || self.wake_the_sleeper(Then::SleepUntilQuiet)
    }

    /// The silent watch says one thing.
    fn break_the_silence(&mut self) -> bool {
        let Some(kind) = self.script.silent else { return false };
        let any = self.leaders.iter_mut().any(|leader| leader.deliver(kind));
        self.retries = if any { 0 } else { self.retries };
        any
    }

    /// Time passes, and whatever was put off is looked at.
    fn try_again(&mut self) -> bool {
        self.retries += 1;
        self.time.block_on(tokio::time::advance(Duration::from_secs(60)));
        let failed: Vec<_> = self.leaders.iter().map(|l| l.later.clone()).collect();
        let any = self
            .leaders
            .iter_mut()
            .map(|leader| leader.retry())
            .filter(|tried| *tried)
            .count()
            > 0;
        assert!(
            !any || self.retries < RETRIES,
            "it fails for ever: {failed:?}, {:?}",
            self.script
        );
        any
    }

    fn wake_the_sleeper(&mut self, when: Then) -> bool {
        if self.script.stop.is_none_or(|(_, _, then)| then != when) {
            return false;
        }
        let Some(sleeper) = self.sleeper.take() else {
            return false;
        };
        sleeper.gate.resume();
        self.leaders.push(sleeper);
        true
    }

    /// Until nothing moves.
    pub fn settle(&mut self) {
        for _ in 0..STEPS {
            if !self.step() {
                return;
            }
        }
        panic!(
            "it does not come to rest, {:?}:\n{}",
            self.script,
            self.recent.make_contiguous().join("\n")
        );
    }

    /// What has been until now is told by another story: in this one nobody stops there.
    pub fn begin_here(&mut self) {
        self.before = self.writes();
    }

    /// Until the script's number of writes has been made.
    pub fn midway(&mut self) {
        let until = self.writes() + self.script.midway;
        while self.writes() < until {
            if !self.step() {
                self.midway_missed = true;
                return;
            }
        }
    }

    /// The first controller is killed and starts again; with `lose`, its ledger is gone.
    pub fn restart(&mut self, lose: bool) {
        for leader in self.leaders.drain(..) {
            self.past_writes += leader.gate.writes();
        }
        if lose {
            self.disk.lose_everything();
        }
        let next = Leader::start(&self.out, &self.disk, false);
        self.leaders.push(next.without(self.script.silent));
    }

    pub fn wait(&mut self, time: SignedDuration) {
        let now = {
            let mut now = self.out.now.lock().unwrap();
            *now += time;
            *now
        };
        self.out.fake.set_now(now);
    }

    /// Ends the story: whoever slept wakes up, is deposed, and the rest goes on until nothing is left to do.
    pub fn end(&mut self) {
        self.settle();
        if self.wake_the_sleeper(Then::SleepUntilTheEnd) {
            self.settle();
        }
        for deposed in self.leaders.drain(1..) {
            self.past_writes += deposed.gate.writes();
        }
        for _ in 0..3 {
            let before = self.leaders[0].gate.changes();
            self.sweep();
            if self.leaders[0].gate.changes() == before {
                return;
            }
        }
        panic!("there is always more to do, {:?}", self.script);
    }

    fn sweep(&mut self) {
        self.wait(SignedDuration::from_hours(2));
        self.leaders[0].sweep();
        self.settle();
    }
}
