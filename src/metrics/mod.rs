//! Every metric and every label, once.
//!
//! The `controller_…` names are those of sig-storage-lib-external-provisioner, so that dashboards made for other provisioners
//! work. A label's value is a variant of a closed enum or a name that an admin chose (a class, a backend): never a name that
//! a tenant can choose. Labels are in [`labels`], durations are taken by a [`Timer`].

pub mod labels;
mod registry;
pub mod timed;
mod timer;

pub use timer::Timer;

use crate::domain::ids::{BackendName, ClassName};
use crate::domain::served::Served;
use crate::plan::validator::Validity;
use labels::{
    Attempt, BackendLabels, CallLabels, ClassLabels, CopyEnd, CopyLabels, ErrorClass, ErrorLabels, ExportChange,
    ExportLabels, ForeignKind, FoundLabels, KindLabels, Label, Leftover, Operation, Outcome, ProvisionLabels,
    RebuildCause, RebuildLabels, ReconcileLabels, Reconciled, ServedLabels, Source, Subject, ValidityLabels,
    resizes::{ResizeLabels, Resized},
};
use registry::Series;
use std::sync::Arc;
use strum::VariantArray;

/// All metrics of the process; a clone counts into the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    series: Arc<Series>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Starts at zero.
    pub fn new() -> Self {
        Self {
            series: Arc::new(Series::new()),
        }
    }

    /// The text of `/metrics`, in OpenMetrics format.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        self.series.encode()
    }

    /// Begins an attempt to provision for a claim of `class`: to be called when work on the backend starts, not for a claim
    /// that is merely held.
    pub fn provision(&self, class: &ClassName, source: Source) -> Timer<Attempt> {
        let series = self.series.clone();
        let labels = ProvisionLabels {
            class: class.as_str().to_owned(),
            source: Label(source),
        };
        Timer::start(Attempt::Failed, move |attempt, took| match attempt {
            Attempt::Succeeded => {
                series.provisioned.get_or_create(&labels).inc();
                series.provision_seconds.get_or_create(&labels).observe(took);
            }
            Attempt::Failed => {
                series.provision_failed.get_or_create(&labels).inc();
            }
        })
    }

    /// Begins an attempt to delete a volume of `class`.
    pub fn delete(&self, class: &ClassName) -> Timer<Attempt> {
        let series = self.series.clone();
        let labels = ClassLabels {
            class: class.as_str().to_owned(),
        };
        Timer::start(Attempt::Failed, move |attempt, took| match attempt {
            Attempt::Succeeded => {
                series.deleted.get_or_create(&labels).inc();
                series.delete_seconds.get_or_create(&labels).observe(took);
            }
            Attempt::Failed => {
                series.delete_failed.get_or_create(&labels).inc();
            }
        })
    }

    /// Begins a call of a backend.
    pub fn backend_call(&self, backend: &BackendName, operation: Operation) -> Timer<Outcome> {
        let series = self.series.clone();
        let backend = backend.as_str().to_owned();
        Timer::start(Outcome::Cancelled, move |outcome, took| {
            let labels = CallLabels {
                backend,
                operation: Label(operation),
                outcome: Label(outcome),
            };
            series.backend_seconds.get_or_create(&labels).observe(took);
        })
    }

    /// Begins a look at one object.
    pub fn reconcile(&self, kind: Subject) -> Timer<Reconciled> {
        let series = self.series.clone();
        Timer::start(Reconciled::Cancelled, move |outcome, took| {
            let labels = ReconcileLabels {
                kind: Label(kind),
                outcome: Label(outcome),
            };
            series.reconcile_seconds.get_or_create(&labels).observe(took);
        })
    }

    /// Counts a look that ended in an error.
    pub fn reconcile_failed(&self, kind: Subject, class: ErrorClass) {
        let labels = ErrorLabels {
            kind: Label(kind),
            class: Label(class),
        };
        self.series.reconcile_errors.get_or_create(&labels).inc();
    }

    /// How many objects wait for a look.
    pub fn queue_depth(&self, kind: Subject, depth: usize) {
        let labels = KindLabels { kind: Label(kind) };
        self.series.queue_depth.get_or_create(&labels).set(gauge(depth));
    }

    /// What the ledger holds: memberships, volumes whose owner has gone, steps begun and not seen to end.
    pub fn ledger(&self, members: usize, soft_deleted: usize, open_intents: usize) {
        self.series.members.set(gauge(members));
        self.series.soft_deleted.set(gauge(soft_deleted));
        self.series.open_intents.set(gauge(open_intents));
    }

    /// How many volumes there are whose data could not be removed.
    pub fn stuck(&self, volumes: usize) {
        self.series.stuck.set(gauge(volumes));
    }

    /// Counts a ledger made again from the cluster.
    pub fn ledger_rebuilt(&self, why: RebuildCause) {
        self.series
            .ledger_rebuilds
            .get_or_create(&RebuildLabels { why: Label(why) })
            .inc();
    }

    /// Counts an event that found its queue full.
    pub fn event_dropped(&self) {
        self.series.events_dropped.inc();
    }

    /// Counts what a sweep found.
    pub fn sweep_found(&self, what: Leftover, count: usize) {
        let labels = FoundLabels { what: Label(what) };
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.series.sweep_found.get_or_create(&labels).inc_by(count);
    }

    /// How many entries a backend's trash has.
    pub fn trash_entries(&self, backend: &BackendName, entries: usize) {
        let labels = BackendLabels {
            backend: backend.as_str().to_owned(),
        };
        self.series.trash_entries.get_or_create(&labels).set(gauge(entries));
    }

    /// Counts files and directories that a purge removed.
    pub fn purged(&self, files: u64) {
        self.series.purged_files.inc_by(files);
    }

    /// Counts a purge that stopped before its end.
    pub fn purge_failed(&self, backend: &BackendName) {
        let labels = BackendLabels {
            backend: backend.as_str().to_owned(),
        };
        self.series.purges_failed.get_or_create(&labels).inc();
    }

    /// Begins an attempt to copy.
    pub fn copy(&self) -> Timer<CopyEnd> {
        let series = self.series.clone();
        Timer::start(CopyEnd::Cancelled, move |outcome, took| {
            let labels = CopyLabels {
                outcome: Label(outcome),
            };
            series.copy_seconds.get_or_create(&labels).observe(took);
        })
    }

    /// Counts what a copy has written.
    pub fn copied(&self, bytes: u64, files: u64) {
        self.series.copied_bytes.inc_by(bytes);
        self.series.copied_files.inc_by(files);
    }

    /// How many copies are under way, and how many wait.
    pub fn copies(&self, running: usize, waiting: usize) {
        self.series.copies_running.set(gauge(running));
        self.series.copies_waiting.set(gauge(waiting));
    }

    /// Counts how a claim fared that asked for another size.
    pub fn resized(&self, outcome: Resized) {
        let labels = ResizeLabels {
            outcome: Label(outcome),
        };
        self.series.resizes.get_or_create(&labels).inc();
    }

    /// Counts a change of a way to data.
    pub fn export_changed(&self, backend: &BackendName, what: ExportChange) {
        let labels = ExportLabels {
            backend: backend.as_str().to_owned(),
            what: Label(what),
        };
        self.series.exports_changed.get_or_create(&labels).inc();
    }

    /// Whether cuts of a backend wait for an admin.
    pub fn cuts_paused(&self, backend: &BackendName, paused: bool) {
        let labels = BackendLabels {
            backend: backend.as_str().to_owned(),
        };
        self.series.cuts_paused.get_or_create(&labels).set(i64::from(paused));
    }

    /// Whether a kind of another project can be read.
    pub fn served(&self, kind: ForeignKind, is: Served) {
        for state in Served::VARIANTS {
            let labels = ServedLabels {
                kind: Label(kind),
                state: Label(*state),
            };
            self.series.served.get_or_create(&labels).set(i64::from(*state == is));
        }
    }

    /// Counts a look at a claim's data source by whoever validates them.
    pub fn validated(&self, result: Validity) {
        let labels = ValidityLabels { result: Label(result) };
        self.series.validated.get_or_create(&labels).inc();
    }

    /// When this process began.
    pub fn started(&self, at: jiff::Timestamp) {
        self.series.started.set(at.as_second());
    }

    /// Whether this process leads.
    pub fn leading(&self, leads: bool) {
        self.series.leader.set(i64::from(leads));
    }

    /// Forgets a backend that was removed, so that its series do not stay for ever.
    pub fn forget_backend(&self, backend: &BackendName) {
        let backend = backend.as_str().to_owned();
        for operation in Operation::VARIANTS {
            for outcome in Outcome::VARIANTS {
                self.series.backend_seconds.remove(&CallLabels {
                    backend: backend.clone(),
                    operation: Label(*operation),
                    outcome: Label(*outcome),
                });
            }
        }
        for what in ExportChange::VARIANTS {
            self.series.exports_changed.remove(&ExportLabels {
                backend: backend.clone(),
                what: Label(*what),
            });
        }
        let labels = BackendLabels { backend };
        self.series.cuts_paused.remove(&labels);
        self.series.trash_entries.remove(&labels);
        self.series.purges_failed.remove(&labels);
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
