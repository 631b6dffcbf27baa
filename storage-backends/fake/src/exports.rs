//! Tenants' ways to volumes, and who may reach the server.
//!
//! They are the server's own business and no files below the root: another root in its place leaves them as they are.

use crate::fake::State;
use crate::{Call, Fake};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use tombolo_backend_api::{
    Access, Admission, BackendError, Capabilities, Class, ExportKey, Exported, NodeAccess, Revoke, Share, VolumePath,
};

/// Where exports are mounted: no volume's path begins so.
const EXPORTS: &str = "+exports";

#[derive(Debug, Default)]
pub(crate) struct Exports {
    /// A way to a volume is its path, and there is nothing here.
    pub are_paths: bool,
    all: BTreeMap<ExportKey, Export>,
    nodes: Option<BTreeSet<IpAddr>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Export {
    /// Ascends, and is never used again: what a client's file handles begin with.
    pub id: u64,
    /// What it is to let through: what a list says.
    pub admission: Admission,
    /// What it lets through.
    pub serves: Admission,
}

impl Exports {
    pub fn of(capabilities: Capabilities) -> Self {
        Self {
            are_paths: !capabilities.has_exports(),
            ..Self::default()
        }
    }

    /// The export that is mounted at a path below the root.
    pub fn mounted_at(&self, path: &str) -> Option<(&ExportKey, Export)> {
        let found = self.all.iter().find(|(key, _)| place(key) == path)?;
        Some((found.0, *found.1))
    }

    /// The export that file handles begin with.
    pub fn numbered(&self, id: u64) -> Option<(&ExportKey, Export)> {
        let found = self.all.iter().find(|(_, export)| export.id == id)?;
        Some((found.0, *found.1))
    }

    pub fn forget_volume(&mut self, path: &VolumePath) {
        self.all.retain(|key, _| key.path != *path);
    }
}

impl Fake {
    /// What clients meet at an export, whatever a list says of it; `None`: there is none.
    pub fn serves(&self, export: &ExportKey) -> Option<Admission> {
        self.state().exports.all.get(export).map(|export| export.serves)
    }

    /// The addresses that reach the server; `None` if nobody ever said.
    pub fn nodes(&self) -> Option<BTreeSet<IpAddr>> {
        self.state().exports.nodes.clone()
    }
}

#[async_trait]
impl Share for Fake {
    async fn release(&self, export: &ExportKey) -> Result<(), BackendError> {
        self.play(Call::Release(export.clone()), |state| {
            state.exports.all.remove(export);
            Ok(())
        })
        .await
    }

    async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        self.play(Call::Exports, |state| {
            let all = state.exports.all.iter().map(|(key, export)| Exported {
                key: key.clone(),
                admission: export.admission,
            });
            Ok(all.collect())
        })
        .await
    }
}

#[async_trait]
impl Revoke for Fake {
    async fn admit(&self, export: &ExportKey, admission: Admission) -> Result<(), BackendError> {
        let call = Call::Admit {
            export: export.clone(),
            admission,
        };
        let record = |state: &mut State| {
            if let Some(found) = state.exports.all.get_mut(export) {
                found.admission = admission;
            }
        };
        self.play_in_parts(call, record, |state| {
            if admission != Admission::Cut {
                state.export(export)?;
            }
            if let Some(found) = state.exports.all.get_mut(export) {
                (found.admission, found.serves) = (admission, admission);
            }
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl NodeAccess for Fake {
    async fn admit_nodes(&self, addresses: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        self.play(Call::AdmitNodes(addresses.clone()), |state| {
            state.exports.nodes = Some(addresses.clone());
            Ok(())
        })
        .await
    }
}

impl State {
    /// Where a tenant mounts, below the root.
    pub(crate) fn mount(&mut self, key: &ExportKey) -> Result<String, BackendError> {
        if self.exports.are_paths {
            return Ok(key.path.to_string());
        }
        self.export(key)?;
        Ok(place(key))
    }

    /// Makes an export that is not there yet.
    fn export(&mut self, key: &ExportKey) -> Result<(), BackendError> {
        if self.exports.all.contains_key(key) {
            return Ok(());
        }
        if self.volume(&key.path)?.is_none() {
            let message = format!("there is no volume at {} to export", key.path);
            return Err(BackendError::not_done(Class::Invalid, message));
        }
        let export = Export {
            id: self.number(),
            admission: Admission::Full,
            serves: Admission::Full,
        };
        self.exports.all.insert(key.clone(), export);
        Ok(())
    }
}

fn place(key: &ExportKey) -> String {
    let access = match key.access {
        Access::ReadOnly => "ro",
        Access::ReadWrite => "rw",
    };
    format!("{EXPORTS}/{}/{access}/{}", key.tenant, key.path)
}
