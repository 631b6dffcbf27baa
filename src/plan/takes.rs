//! What a plan takes of a backend's limits.

use super::{Action, Plan};
use crate::domain::change::Change;
use crate::domain::ids::{BackendName, Namespace, PvName};
use crate::domain::pv::Pv;
use crate::domain::record::Usage;
use crate::domain::token::{Note, Token};

/// A share of a backend's limits, from the decision until the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The PersistentVolume that is going to be made, or to grow.
    pub pv: PvName,
    /// On which backend.
    pub backend: BackendName,
    /// For which namespace.
    pub namespace: Namespace,
    /// How much.
    pub usage: Usage,
    /// Of a volume that grows: how large it will be, when the ledger has it.
    pub grows_to: Option<u64>,
}

/// What a token takes.
fn begun(token: &Token, note: &Note, backend: BackendName) -> Taken {
    Taken {
        pv: token.claim.pv_name(),
        backend,
        namespace: note.claim().namespace.clone(),
        usage: match note {
            Note::Join(_) => Usage {
                members: 1,
                ..Usage::default()
            },
            Note::Copy(copy) => Usage {
                volumes: 1,
                members: 0,
                bytes: copy.bytes,
            },
        },
        grows_to: None,
    }
}

impl Plan {
    /// What it takes; `None`: nothing. `source`: the volume that a join or a copy is about.
    pub fn takes(&self, source: Option<&Pv>) -> Option<Taken> {
        self.actions.iter().find_map(|action| match action {
            Action::Record(changes) => changes.iter().find_map(|change| match change {
                Change::Begin(record) => Some(Taken {
                    pv: record.volume.pv_name(),
                    backend: record.backend.clone(),
                    namespace: record.owner.key.namespace.clone(),
                    usage: Usage {
                        volumes: 1,
                        members: 0,
                        bytes: record.bytes,
                    },
                    grows_to: None,
                }),
                _ => None,
            }),
            Action::PutToken { token, note, .. } => Some(begun(token, note, source?.ours.as_ref()?.backend.clone()?)),
            Action::KeepSnapshot {
                backend, token, note, ..
            } => Some(begun(token, note, backend.clone())),
            _ => None,
        })
    }
}
