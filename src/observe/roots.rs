//! The backends as they are at this moment: their drivers, whether their roots carry the expected mark, and how much room
//! they have. Filled by `controllers::backends`; read by everybody who plans or acts.

use crate::api::reasons::BackendReason;
use crate::api::storage_backend::StorageBackendSpec;
use crate::backends::{Opened, Tending};
use crate::domain::backend::{Backend as BackendView, Health, Limits};
use crate::domain::ids::{BackendName, Handle, Namespace};
use crate::domain::record::Usage;
use crate::domain::snapshot::content::Content;
use crate::domain::snapshot::handle::{Imports, SnapshotHandle};
use crate::execute::Storage;
use crate::ledger::Ledger;
use crate::observe::reserved;
use crate::observe::shelved::Shelved;
use crate::observe::trashed::Trashed;
use crate::plan::root::Other;
use crate::plan::takes::Taken;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tombolo_backend_api::{Backend, BackendId, Capabilities, Guarded, Space};

/// One backend.
#[derive(Clone)]
pub struct Root {
    /// What an admin wrote.
    pub spec: StorageBackendSpec,
    /// What reaches it, once it was opened.
    pub driver: Option<Arc<dyn Backend>>,
    /// What has to be done for the driver while it is open, if anything.
    pub tending: Option<Arc<dyn Tending>>,
    /// What it can do: of its driver, and before it was opened, what an earlier one said; `None`: it was never asked.
    pub capabilities: Option<Capabilities>,
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
    /// Bytes of deleted volumes that others still hold, when it was last asked.
    pub pinned: u64,
    /// What an admin has confirmed.
    pub word: Option<String>,
    /// Snapshots that an admin has given to other namespaces.
    pub imports: Imports,
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
    /// What snapshots lie on them.
    pub shelved: Shelved,
}

impl Roots {
    /// A backend is as given.
    pub fn put(&self, name: BackendName, root: Root) {
        self.write().insert(name, root);
    }

    /// A backend is as what was known of it makes it, which nobody changes meanwhile. Answers what was known, and what it is.
    pub fn update(&self, name: &BackendName, now: impl FnOnce(Option<Root>) -> Root) -> (Option<Root>, Root) {
        let mut known = self.write();
        let before = known.get(name).cloned();
        let now = now(before.clone());
        known.insert(name.clone(), now.clone());
        (before, now)
    }

    /// A backend's driver was opened. One that is gone, or another by now, is not touched.
    pub fn opened(&self, name: &BackendName, spec: &StorageBackendSpec, opened: &Opened) {
        if let Some(root) = self.write().get_mut(name).filter(|root| root.spec == *spec) {
            root.capabilities = Some(opened.driver.capabilities());
            (root.driver, root.node) = (Some(opened.driver.clone()), opened.node.clone());
            root.tending = opened.tending.clone();
        }
    }

    /// What a look at a backend found. `None`: the backend is gone, or another one by now. Nothing else of it is touched: what an
    /// admin wrote may have changed during the look.
    pub fn found(
        &self,
        name: &BackendName,
        spec: &StorageBackendSpec,
        id: Option<BackendId>,
        state: RootState,
        (space, pinned): (Option<Space>, u64),
    ) -> Option<Root> {
        let mut known = self.write();
        let taken = id.is_some() && known.iter().any(|(other, root)| other != name && root.id == id);
        let root = known.get_mut(name).filter(|root| root.spec == *spec)?;
        root.pinned = pinned;
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
        self.shelved.remove(name);
    }

    /// A backend.
    pub fn get(&self, name: &BackendName) -> Option<Root> {
        self.read().get(name).cloned()
    }

    /// Names of all.
    pub fn names(&self) -> Vec<BackendName> {
        self.read().keys().cloned().collect()
    }

    /// Names of those that have to know the cluster's nodes.
    pub fn told_of_nodes(&self) -> Vec<BackendName> {
        let known = self.read();
        let told = known
            .iter()
            .filter(|(_, root)| root.capabilities.is_some_and(|c| c.node_access));
        told.map(|(name, _)| name.clone()).collect()
    }

    /// The name of the backend with a handle's id, ready or not.
    pub fn name_behind(&self, handle: &Handle) -> Option<BackendName> {
        let known = self.read();
        let found = known.iter().find(|(_, root)| root.id.as_ref() == Some(&handle.backend));
        found.map(|(name, _)| name.clone())
    }

    /// The name of the backend with this id, ready or not.
    pub fn name_of(&self, id: &BackendId) -> Option<BackendName> {
        let known = self.read();
        let found = known.iter().find(|(_, root)| root.id.as_ref() == Some(id));
        found.map(|(name, _)| name.clone())
    }

    /// The backend with a snapshot's id, if it can be used.
    pub fn behind_snapshot(&self, handle: &SnapshotHandle) -> Option<(BackendView, Guarded)> {
        self.read().iter().find_map(|(name, root)| match &root.state {
            RootState::Ready(guarded) if guarded.mark().backend_id == handle.backend => {
                Some((view(name, root, Usage::default(), Usage::default()), guarded.clone()))
            }
            RootState::Ready(_) | RootState::Degraded(..) => None,
        })
    }

    /// What an admin has given to other namespaces, of the snapshots on the backend that a content's handle names.
    pub fn imports(&self, content: &Content) -> Imports {
        let handle = content.handle().and_then(SnapshotHandle::parse);
        let known = self.read();
        let of = |root: &&Root| {
            handle
                .as_ref()
                .is_some_and(|handle| root.id.as_ref() == Some(&handle.backend))
        };
        known
            .values()
            .find(of)
            .map(|root| root.imports.clone())
            .unwrap_or_default()
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

    /// All as the planner sees them, with what `namespace` uses of each, its trash and its snapshots included. `taken`: what others are about to use
    /// besides.
    pub fn views(&self, ledger: &dyn Ledger, namespace: &Namespace, taken: &[Taken]) -> Vec<BackendView> {
        self.read()
            .iter()
            .map(|(name, root)| {
                let pinned = Usage {
                    bytes: root.pinned,
                    ..Usage::default()
                };
                let used = |by: Option<&Namespace>| {
                    let trashed = self.trashed.usage(ledger, name, by);
                    let used = ledger.usage(name, by).plus(reserved::of(taken, name, by)).plus(trashed);
                    let used = used.plus(self.shelved.usage(name, by));
                    // Nobody is charged with it, and nobody else can have the room.
                    if by.is_none() { used.plus(pinned) } else { used }
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
        capabilities: root.capabilities.unwrap_or_default(),
        asked: root.capabilities.is_some(),
        limits: root
            .limits
            .on(root.space.map(|s| s.total), &root.capabilities.unwrap_or_default()),
        imports: root.imports.clone(),
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
