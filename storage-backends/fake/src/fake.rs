//! The handle that a test holds: what is stored, what fails, what was asked.

use crate::fault::Faults;
use crate::gate::Gates;
use crate::{Call, Fault, Gate, Moment, Op, Tree};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tombolo_backend_api::{BackendError, Capabilities, Class, RootLocation, Space};

/// All capabilities: what a fake declares unless told otherwise.
pub const ALL: Capabilities = Capabilities {
    share: true,
    revoke: true,
    read_only_enforced: true,
    snapshot: false,
    clone: false,
    resize: false,
    quota: true,
    usage: false,
    node_access: false,
};

/// A backend in memory. Clones share everything: the root, the failures to come, the record of calls.
#[derive(Clone)]
pub struct Fake {
    pub(crate) capabilities: Capabilities,
    pub(crate) root: RootLocation,
    state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    pub tree: Tree,
    pub now: Timestamp,
    pub space: Space,
    pub full: bool,
    away: bool,
    faults: Faults,
    gates: Gates,
    calls: Vec<Call>,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new("fake", ALL)
    }
}

impl Fake {
    /// An empty, unmarked root called `name`; roots of different names do not overlap.
    pub fn new(name: &str, capabilities: Capabilities) -> Self {
        const TIB: u64 = 1 << 40;
        let state = State {
            tree: Tree::default(),
            now: Timestamp::UNIX_EPOCH,
            space: Space { total: TIB, free: TIB },
            full: false,
            away: false,
            faults: Faults::default(),
            gates: Gates::default(),
            calls: Vec::new(),
        };
        Self {
            capabilities,
            root: RootLocation {
                host: "fake.invalid".to_owned(),
                path: format!("/{name}"),
            },
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Fails the next call of `op`.
    pub fn fail_next(&self, op: Op, fault: Fault) {
        self.fail_after(op, 0, fault);
    }

    /// Fails one call of `op` after letting `passing` of them through.
    pub fn fail_after(&self, op: Op, passing: usize, fault: Fault) {
        self.state().faults.after(op, passing, fault);
    }

    /// Fails every call of `op` until [`Fake::mend`].
    pub fn fail_always(&self, op: Op, fault: Fault) {
        self.state().faults.always(op, fault);
    }

    /// Forgets all failures to come.
    pub fn mend(&self) {
        self.state().faults.clear();
    }

    /// How many arranged failures no call has met yet: a test that ends with some did not test what it meant to.
    pub fn pending_faults(&self) -> usize {
        self.state().faults.pending()
    }

    /// While away, every call but `mount` answers `Waiting`, `NotDone`.
    pub fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    /// While full, nothing new can be written: `create` and `place_mark` answer `Full`, and a discard keeps no record.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// What `space` answers (with nothing free while full).
    pub fn set_space(&self, space: Space) {
        self.state().space = space;
    }

    /// The server's clock: what new directories carry as the time of their modification.
    pub fn set_now(&self, now: Timestamp) {
        self.state().now = now;
    }

    /// Puts another root in place and answers the former one: `Tree::default()` is a disk that is not mounted.
    #[must_use = "the former root is lost otherwise"]
    pub fn swap_root(&self, root: Tree) -> Tree {
        std::mem::replace(&mut self.state().tree, root)
    }

    /// Looks at what is stored.
    pub fn tree(&self) -> Tree {
        self.state().tree.clone()
    }

    /// Writes a file below the root, as a pod would through its mount.
    pub fn write(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.state().tree.write(path, bytes);
    }

    /// Reads a file below the root.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.state().tree.read(path).map(<[u8]>::to_vec)
    }

    /// Holds every call of `op` at `moment` until the gate is opened or dropped.
    #[must_use = "a dropped gate is open"]
    pub fn gate(&self, op: Op, moment: Moment) -> Gate {
        self.state().gates.put(op, moment)
    }

    /// Every call so far, in the order in which they began.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The calls since the last time, forgetting them.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state().calls)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already; the others need not fail with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays one call: record, gate, failure, effect, gate.
    pub(crate) async fn play<T>(
        &self,
        call: Call,
        effect: impl FnOnce(&mut State) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        self.play_in_parts(call, |_| (), effect).await
    }

    /// Like [`Fake::play`], for operations that a failure can stop halfway: `part` is what has happened by then.
    pub(crate) async fn play_in_parts<T>(
        &self,
        call: Call,
        part: impl FnOnce(&mut State),
        effect: impl FnOnce(&mut State) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        let op = call.op();
        let (fault, held) = {
            let mut state = self.state();
            state.calls.push(call);
            (state.faults.meet(op), state.gates.arrive(op, Moment::Before))
        };
        for gate in held {
            gate.opened().await;
        }
        let (answer, held) = {
            let mut state = self.state();
            (
                state.perform(op, fault, part, effect),
                state.gates.arrive(op, Moment::After),
            )
        };
        for gate in held {
            gate.opened().await;
        }
        answer
    }
}

impl State {
    fn perform<T>(
        &mut self,
        op: Op,
        fault: Option<Fault>,
        part: impl FnOnce(&mut Self),
        effect: impl FnOnce(&mut Self) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        // Where a volume is mounted is known without asking anybody.
        if self.away && op != Op::Mount {
            return Err(BackendError::not_done(Class::Waiting, "the fake is away"));
        }
        let Some(fault) = fault else { return effect(self) };
        match fault {
            Fault::Refused(_) | Fault::LostRequest(_) => {}
            Fault::Interrupted(_) => part(self),
            Fault::LostAnswer(_) => {
                // The caller never learns how it went.
                let _ = effect(self);
            }
        }
        Err(fault.error(op))
    }
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fake")
            .field("root", &self.root)
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}
