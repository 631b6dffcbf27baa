//! What every controller is handed.

use super::contents::Takes;
use super::copies::Copies;
use super::holds::Given;
use super::purges::Purges;
use super::resize::refusals::Refusals;
use super::retry::Retries;
pub use super::turn::Locks;
use super::turn::Turn;
use crate::backends::Drivers;
use crate::domain::ids::VolumeId;
use crate::execute::Ports;
use crate::execute::publication::Publication;
use crate::execute::revocations::Revocations;
use crate::metrics::Metrics;
use crate::observe::exports::Idle;
use crate::observe::gather::{Caches, ClaimView};
use crate::observe::nodes::Nodes;
use crate::observe::queue::Queue;
use crate::observe::reserved::{Reservation, Reservations};
use crate::observe::roots::Roots;
use crate::observe::verdicts::Verdicts;
use crate::observe::work::Work;
use crate::plan::{Plan, claim};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tombolo_backend_api::ClusterId;

/// Handles on everything; cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// What plans act on.
    pub ports: Ports,
    /// What the watches have shown.
    pub caches: Caches,
    /// The backends.
    pub roots: Arc<Roots>,
    /// The addresses of nodes, for backends that keep everybody else away.
    pub nodes: Arc<Nodes>,
    /// What opens them.
    pub drivers: Arc<dyn Drivers>,
    /// What waits to be looked at.
    pub queue: Arc<Queue>,
    /// One at a time for each volume.
    pub locks: Arc<Locks>,
    /// What is purged, and what waits for it.
    pub purges: Arc<Purges>,
    /// What is copied, and what waits for it.
    pub copies: Arc<Copies>,
    /// What snapshots are taken, and what waits for it.
    pub takes: Arc<Takes>,
    /// Finalizers that were put on tenants' objects lately.
    pub given: Arc<Given>,
    /// Sizes that backends have refused.
    pub refusals: Arc<Refusals>,
    /// What claims are about to take of the backends.
    pub reservations: Arc<Reservations>,
    /// What live reads have said of members' consent.
    pub verdicts: Arc<Verdicts>,
    /// Where cuts are counted.
    pub revocations: Arc<dyn Revocations>,
    /// Statuses for people to read.
    pub publication: Arc<dyn Publication>,
    /// Counters.
    pub metrics: Metrics,
    /// This cluster.
    pub cluster_id: ClusterId,
    /// Failures in a row, by what failed.
    pub retries: Arc<Retries>,
    /// Cancelled when going on is impossible: the ledger's store has failed for good.
    pub hopeless: CancellationToken,
    /// How often everything is looked at that nobody asked about.
    pub sweep_interval: Duration,
    /// How long consent must have been seen to have ended before access is cut.
    pub revoke_grace: Duration,
    /// Whether kinds of data sources that nobody serves are told of.
    pub validates: bool,
    /// Exports that nobody seems to need.
    pub idle_exports: Arc<Idle>,
}

/// When to look at a thing again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// When it changes.
    Change,
    /// Then, if it has not changed before.
    After(Duration),
    /// At once.
    Again,
}

impl Next {
    /// Whichever comes first.
    #[must_use]
    pub fn sooner(self, other: Self) -> Self {
        match (self, other) {
            (Self::Again, _) | (_, Self::Again) => Self::Again,
            (Self::After(a), Self::After(b)) => Self::After(a.min(b)),
            (Self::After(a), Self::Change) | (Self::Change, Self::After(a)) => Self::After(a),
            (Self::Change, Self::Change) => Self::Change,
        }
    }
}

impl Context {
    /// Asks for a look at something.
    pub fn wake(&self, work: Work) {
        self.queue.add(work);
    }

    /// Decides about a claim while nobody else takes anything of the backends; what the plan takes is held for it.
    pub fn decide(&self, view: ClaimView) -> (ClaimView, Plan, Option<Reservation>) {
        let ledger = &*self.ports.ledger;
        let ((view, plan), held) = self.reservations.decide(ledger, |others| {
            let backends = self.roots.views(ledger, &view.claim().key.namespace, others);
            let outgrown = self.copies.has_outgrown(view.claim());
            let view = view.with_backends(backends).outgrown(outgrown);
            let plan = claim::decide(&view.to_decide());
            let taken = plan.takes(view.source_pv());
            ((view, plan), taken)
        });
        (view, plan, held)
    }

    /// Counts what the kind of a claim's data source is found to be, if that is for us to tell; otherwise nobody decides by it.
    pub fn judge(&self, view: ClaimView) -> ClaimView {
        if !self.validates {
            return view.unjudged();
        }
        view.validity()
            .into_iter()
            .for_each(|found| self.metrics.validated(found));
        view
    }

    /// Takes the volume's turn for a look at `work`. `None`: somebody else has it, and `work` is looked at again afterwards.
    pub fn turn(&self, volume: &VolumeId, work: Work) -> Option<Turn> {
        Turn::take(&self.locks, &self.queue, volume, work)
    }
}
