//! The backends as they are at this moment: their drivers, whether their roots carry the expected mark, and how much room
//! they have. Filled by `controllers::backends`; read by everybody who plans or acts.

use crate::api::reasons::BackendReason;
use crate::api::storage_backend::StorageBackendSpec;
use crate::domain::backend::{Backend as BackendView, Health, Limits};
use crate::domain::ids::{BackendName, Handle, Namespace};
use crate::domain::record::Usage;
use crate::execute::Storage;
use crate::ledger::Ledger;
use crate::observe::reserved;
use crate::observe::trashed::Trashed;
use crate::plan::root::Other;
use crate::plan::takes::Taken;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tombolo_backend_api::{Backend, BackendId, Guarded, Space};

/// One backend.
#[derive(Clone)]
pub struct Root {
    /// What an admin wrote.
    pub spec: StorageBackendSpec,
    /// What reaches it; `None` if this build cannot open it.
    pub driver: Option<Arc<dyn Backend>>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it may be used for.
    pub limits: Limits,
    /// The node it lies on, if it is a directory of one.
    pub node: Option<String>,
    /// Whether somebody deletes it.
    pub terminating: bool,
    /// How long discarded volumes stay.
    pub retention: Duration,
    /// Its id, once known.
    pub id: Option<BackendId>,
    /// Whether it can be used.
    pub state: RootState,
    /// Its room, when it was last asked.
    pub space: Option<Space>,
    /// What an admin has confirmed.
    pub word: Option<String>,
    /// Whether its status says that cuts wait for that.
    pub paused: bool,
}

impl Root {
    /// Whether what people write of it, and its recorded id, are the same.
    pub fn is_written_as(&self, other: &Self) -> bool {
        (&self.spec, &self.labels, self.terminating, &self.id)
            == (&other.spec, &other.labels, other.terminating, &other.id)
    }
}

/// Whether a root can be used.
#[derive(Clone)]
pub enum RootState {
    /// It carries the mark.
    Ready(Guarded),
    /// Why not, for the admin.
    Degraded(BackendReason, String),
}

/// All backends.
#[derive(Default)]
pub struct Roots {
    known: RwLock<BTreeMap<BackendName, Root>>,
    /// What lies in their trash.
    pub trashed: Arc<Trashed>,
}

impl Roots {
    /// A backend is as given.
    pub fn put(&self, name: BackendName, root: Root) {
        self.write().insert(name, root);
    }

    /// What a look at a backend found. `None`: the backend is gone, or another one by now. Nothing else of it is touched: what an
    /// admin wrote may have changed during the look.
    pub fn found(
        &self,
        name: &BackendName,
        spec: &StorageBackendSpec,
        id: Option<BackendId>,
        state: RootState,
        space: Option<Space>,
    ) -> Option<Root> {
        let mut known = self.write();
        let taken = id.is_some() && known.iter().any(|(other, root)| other != name && root.id == id);
        let root = known.get_mut(name).filter(|root| root.spec == *spec)?;
        (root.id, root.state, root.space) = if taken && root.id.is_none() {
            // Two names for one server, looked at at the same moment: both found the root without a mark.
            let text = "its root is that of another StorageBackend".to_owned();
            (None, RootState::Degraded(BackendReason::RootOverlaps, text), space)
        } else {
            (id, state, space)
        };
        Some(root.clone())
    }

    /// A backend is gone.
    pub fn remove(&self, name: &BackendName) {
        self.write().remove(name);
        self.trashed.remove(name);
    }

    /// A backend.
    pub fn get(&self, name: &BackendName) -> Option<Root> {
        self.read().get(name).cloned()
    }

    /// Names of all.
    pub fn names(&self) -> Vec<BackendName> {
        self.read().keys().cloned().collect()
    }

    /// The name of the backend with a handle's id, ready or not.
    pub fn name_behind(&self, handle: &Handle) -> Option<BackendName> {
        let known = self.read();
        let found = known.iter().find(|(_, root)| root.id.as_ref() == Some(&handle.backend));
        found.map(|(name, _)| name.clone())
    }

    /// All but one, for the question whether roots overlap.
    pub fn others(&self, than: &BackendName) -> Vec<Other> {
        let known = self.read();
        let others = known.iter().filter(|(name, _)| *name != than);
        others
            .filter_map(|(name, root)| {
                let location = root.driver.as_ref()?.root();
                Some(Other {
                    name: name.clone(),
                    location,
                    id: root.id.clone(),
                })
            })
            .collect()
    }

    /// All as the planner sees them, with what `namespace` uses of each, its trash included. `taken`: what others are about to use
    /// besides.
    pub fn views(&self, ledger: &dyn Ledger, namespace: &Namespace, taken: &[Taken]) -> Vec<BackendView> {
        self.read()
            .iter()
            .map(|(name, root)| {
                let used = |by| {
                    let trashed = self.trashed.usage(ledger, name, by);
                    ledger.usage(name, by).plus(reserved::of(taken, name, by)).plus(trashed)
                };
                view(name, root, used(None), used(Some(namespace)))
            })
            .collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<BackendName, Root>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<BackendName, Root>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn view(name: &BackendName, root: &Root, used: Usage, used_by_namespace: Usage) -> BackendView {
    let health = match (&root.state, root.terminating) {
        (RootState::Ready(guarded), true) => Health::Terminating(Some(guarded.mark().backend_id.clone())),
        (RootState::Degraded(..), true) => Health::Terminating(None),
        (RootState::Ready(guarded), false) => Health::Ready(guarded.mark().backend_id.clone()),
        (RootState::Degraded(..), false) => Health::Degraded,
    };
    BackendView {
        name: name.clone(),
        labels: root.labels.clone(),
        health,
        capabilities: root.driver.as_ref().map(|d| d.capabilities()).unwrap_or_default(),
        limits: root.limits,
        free: root.space.map(|s| s.free),
        node: root.node.clone(),
        used,
        used_by_namespace,
    }
}

impl Storage for Roots {
    fn behind(&self, handle: &Handle) -> Option<Guarded> {
        self.read().values().find_map(|root| match &root.state {
            RootState::Ready(guarded) if guarded.mark().backend_id == handle.backend => Some(guarded.clone()),
            RootState::Ready(_) | RootState::Degraded(..) => None,
        })
    }
}
