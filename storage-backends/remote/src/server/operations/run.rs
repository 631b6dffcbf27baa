//! What each operation does, with its progress told to whoever asks.

use super::super::serve::{clones, snapshots};
use crate::wire::operation::{Outcome, Progress, State, Work};
use std::sync::Arc;
use tokio::sync::watch;
use tombolo_backend_api::{Backend, BackendError, Copied, CopyProgress, PurgeProgress, Purged, Seen};

/// Where it stands when it begins.
pub(super) fn nothing_yet(work: &Work) -> Progress {
    match work {
        Work::Purge { .. } => Progress::Purge(Purged::default()),
        Work::Clone { .. } | Work::TakeSnapshot { .. } | Work::RestoreSnapshot { .. } => Progress::Copy {
            done: Copied::default(),
            of: Seen::default(),
        },
    }
}

struct Tell(watch::Sender<State>);

impl PurgeProgress for Tell {
    fn purged(&self, so_far: Purged) {
        self.0.send_replace(State::Running(Progress::Purge(so_far)));
    }
}

impl CopyProgress for Tell {
    fn copied(&self, done: Copied, of: Seen) {
        self.0.send_replace(State::Running(Progress::Copy { done, of }));
    }
}

pub(super) async fn run(
    backend: Arc<dyn Backend>,
    work: Work,
    tell: watch::Sender<State>,
) -> Result<Outcome, BackendError> {
    let (backend, tell) = (&*backend, Tell(tell));
    match work {
        Work::Purge { id } => backend.purge(&id, &tell).await.map(Outcome::Purged),
        Work::Clone { from, into, terms } => {
            let copied = clones(backend)?.clone_volume(&from, &into, &terms, &tell).await;
            copied.map(Outcome::Copied)
        }
        Work::TakeSnapshot { id, of, bytes, terms } => {
            let taken = snapshots(backend)?.take_snapshot(&id, &of, bytes, &terms, &tell).await;
            taken.map(Outcome::Snapshot)
        }
        Work::RestoreSnapshot { id, into, terms } => {
            let restored = snapshots(backend)?.restore_snapshot(&id, &into, &terms, &tell).await;
            restored.map(Outcome::Copied)
        }
    }
}
