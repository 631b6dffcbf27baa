//! The handle that a test holds: what is stored, what fails, what was asked.

use crate::exports::Exports;
use crate::fault::Faults;
use crate::gate::Gates;
use crate::{Call, Fault, Gate, Moment, Op, Tree};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tombolo_backend_api::{BackendError, Capabilities, Class, RootLocation, Space};

/// All capabilities: what a fake declares unless told otherwise.
pub const ALL: Capabilities = Capabilities::ALL;

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
    pub short: bool,
    pub notice: Option<String>,
    pub exports: Exports,
    numbers: u64,
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
            short: false,
            notice: None,
            exports: Exports::of(capabilities),
            numbers: 0,
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

    /// While away, every call answers `Waiting`, `NotDone`, but for `mount` where a way to a volume is a mere path.
    pub fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    /// While full, nothing new can be written: `create` and `place_mark` answer `Full`, and a discard keeps no record.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// While short, what is made may hold half of what was asked for, and the fake says so.
    pub fn set_short(&self, short: bool) {
        self.state().short = short;
    }

    /// What `space` answers (with nothing free while full).
    pub fn set_space(&self, space: Space) {
        self.state().space = space;
    }

    /// What the admin is to know from now on.
    pub fn set_notice(&self, notice: Option<&str>) {
        self.state().notice = notice.map(str::to_owned);
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

    /// Removes a file below the root.
    pub fn remove(&self, path: &str) {
        self.state().tree.remove(path);
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

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already; the others need not fail with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays a copy: its first half, a gate, and its second. Either half can find that nothing is left to be done.
    pub(crate) async fn play_in_halves<T>(
        &self,
        call: Call,
        first: impl FnOnce(&mut State) -> Result<Option<T>, BackendError>,
        second: impl FnOnce(&mut State) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        let op = call.op();
        let fault = self.begin(call).await;
        let begun = {
            let mut state = self.state();
            state.reached(op)?;
            match fault {
                None | Some(Fault::LostAnswer(_)) => first(&mut state),
                Some(fault @ Fault::Interrupted(_)) => {
                    let _ = first(&mut state);
                    return Err(fault.error(op));
                }
                Some(fault @ (Fault::Refused(_) | Fault::LostRequest(_))) => return Err(fault.error(op)),
            }
        };
        let answer = match begun {
            Ok(None) => {
                self.pass(op, Moment::Midway).await;
                let mut state = self.state();
                match state.reached(op) {
                    Ok(()) => second(&mut state),
                    Err(away) => Err(BackendError::maybe_done(away.class, away.message)),
                }
            }
            Ok(Some(answer)) => Ok(answer),
            Err(error) => Err(error),
        };
        self.pass(op, Moment::After).await;
        match fault {
            Some(fault) => Err(fault.error(op)),
            None => answer,
        }
    }

    /// Notes a call, waits at the gates before it, and answers the failure that it is to meet.
    async fn begin(&self, call: Call) -> Option<Fault> {
        let op = call.op();
        let fault = {
            let mut state = self.state();
            state.calls.push(call);
            state.faults.meet(op)
        };
        self.pass(op, Moment::Before).await;
        fault
    }

    async fn pass(&self, op: Op, moment: Moment) {
        let held = self.state().gates.arrive(op, moment);
        for gate in held {
            gate.opened().await;
        }
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
        let fault = self.begin(call).await;
        let answer = self.state().perform(op, fault, part, effect);
        self.pass(op, Moment::After).await;
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
        self.reached(op)?;
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

    fn reached(&self, op: Op) -> Result<(), BackendError> {
        // A mere path is known without asking anybody.
        if self.away && !(op == Op::Mount && self.exports.are_paths) {
            return Err(BackendError::not_done(Class::Waiting, "the fake is away"));
        }
        Ok(())
    }

    /// A number that nothing else here ever has.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
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
