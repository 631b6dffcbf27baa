//! The series themselves, under their names. The encoder puts `_total` behind counters by itself.

use super::labels::{
    BackendLabels, CallLabels, ClassLabels, CopyLabels, ErrorLabels, ExportLabels, FoundLabels, KindLabels,
    ProvisionLabels, RebuildLabels, ReconcileLabels, ServedLabels, ValidityLabels, resizes::ResizeLabels,
};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The buckets of sig-storage-lib-external-provisioner (the defaults of Go's client).
const PROVISIONER_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From a cached answer of a close server to the deadline of a call.
const CALL_BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0,
];

/// From a small tree to as much as a day can copy.
const COPY_BUCKETS: [f64; 10] = [0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0];

#[derive(Debug)]
pub(super) struct Series {
    registry: Registry,
    pub(super) provisioned: Family<ProvisionLabels, Counter>,
    pub(super) provision_failed: Family<ProvisionLabels, Counter>,
    pub(super) provision_seconds: Family<ProvisionLabels, Histogram>,
    pub(super) deleted: Family<ClassLabels, Counter>,
    pub(super) delete_failed: Family<ClassLabels, Counter>,
    pub(super) delete_seconds: Family<ClassLabels, Histogram>,
    pub(super) backend_seconds: Family<CallLabels, Histogram>,
    pub(super) reconcile_seconds: Family<ReconcileLabels, Histogram>,
    pub(super) reconcile_errors: Family<ErrorLabels, Counter>,
    pub(super) queue_depth: Family<KindLabels, Gauge>,
    pub(super) members: Gauge,
    pub(super) soft_deleted: Gauge,
    pub(super) open_intents: Gauge,
    pub(super) stuck: Gauge,
    pub(super) ledger_rebuilds: Family<RebuildLabels, Counter>,
    pub(super) events_dropped: Counter,
    pub(super) sweep_found: Family<FoundLabels, Counter>,
    pub(super) trash_entries: Family<BackendLabels, Gauge>,
    pub(super) purged_files: Counter,
    pub(super) purges_failed: Family<BackendLabels, Counter>,
    pub(super) copied_bytes: Counter,
    pub(super) copied_files: Counter,
    pub(super) copies_running: Gauge,
    pub(super) copies_waiting: Gauge,
    pub(super) copy_seconds: Family<CopyLabels, Histogram>,
    pub(super) resizes: Family<ResizeLabels, Counter>,
    pub(super) exports_changed: Family<ExportLabels, Counter>,
    pub(super) cuts_paused: Family<BackendLabels, Gauge>,
    pub(super) served: Family<ServedLabels, Gauge>,
    pub(super) leader: Gauge,
    pub(super) validated: Family<ValidityLabels, Counter>,
    pub(super) started: Gauge,
}

impl Series {
    pub(super) fn new() -> Self {
        let mut series = Self {
            registry: Registry::default(),
            provisioned: Family::default(),
            provision_failed: Family::default(),
            provision_seconds: Family::new_with_constructor(|| Histogram::new(PROVISIONER_BUCKETS)),
            deleted: Family::default(),
            delete_failed: Family::default(),
            delete_seconds: Family::new_with_constructor(|| Histogram::new(PROVISIONER_BUCKETS)),
            backend_seconds: Family::new_with_constructor(|| Histogram::new(CALL_BUCKETS)),
            reconcile_seconds: Family::new_with_constructor(|| Histogram::new(CALL_BUCKETS)),
            reconcile_errors: Family::default(),
            queue_depth: Family::default(),
            members: Gauge::default(),
            soft_deleted: Gauge::default(),
            open_intents: Gauge::default(),
            stuck: Gauge::default(),
            ledger_rebuilds: Family::default(),
            events_dropped: Counter::default(),
            sweep_found: Family::default(),
            trash_entries: Family::default(),
            purged_files: Counter::default(),
            purges_failed: Family::default(),
            copied_bytes: Counter::default(),
            copied_files: Counter::default(),
            copies_running: Gauge::default(),
            copies_waiting: Gauge::default(),
            copy_seconds: Family::new_with_constructor(|| Histogram::new(COPY_BUCKETS)),
            resizes: Family::default(),
            exports_changed: Family::default(),
            cuts_paused: Family::default(),
            served: Family::default(),
            leader: Gauge::default(),
            validated: Family::default(),
            started: Gauge::default(),
        };
        series.register();
        series
    }

    pub(super) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut body = String::new();
        text::encode(&mut body, &self.registry)?;
        Ok(body)
    }

    fn register(&mut self) {
        macro_rules! register {
            ($registry:expr, $($field:ident $name:literal $help:literal)*) => {
                $($registry.register($name, $help, self.$field.clone());)*
            };
        }
        // What every process has, by the conventions of Prometheus.
        register!(self.registry,
            started "process_start_time_seconds" "When the process began, in seconds since 1970"
        );
        let provisioner = self.registry.sub_registry_with_prefix("controller");
        register!(provisioner,
            provisioned "persistentvolumeclaim_provision" "Claims that got a volume or a membership"
            provision_failed "persistentvolumeclaim_provision_failed" "Attempts to provision that failed"
            provision_seconds "persistentvolumeclaim_provision_duration_seconds" "Time to provision, failures ignored"
            deleted "persistentvolume_delete" "Volumes deleted"
            delete_failed "persistentvolume_delete_failed" "Attempts to delete that failed"
            delete_seconds "persistentvolume_delete_duration_seconds" "Time to delete, failures ignored"
        );
        let own = self.registry.sub_registry_with_prefix("tombolo");
        register!(own,
            members "members" "Claims that are members of a volume of another claim"
            soft_deleted "soft_deleted_volumes" "Volumes whose owner has gone and whose data is kept"
            open_intents "open_intents" "Steps begun and not seen to end"
            stuck "stuck_volumes" "Volumes that nobody uses and whose data could not be removed"
            ledger_rebuilds "ledger_rebuilds" "Ledgers made again from the cluster"
            backend_seconds "backend_request_duration_seconds" "Time of a call of a storage backend"
            reconcile_seconds "reconcile_duration_seconds" "Time of a look at one object"
            reconcile_errors "reconcile_errors" "Looks that ended in an error"
            queue_depth "queue_depth" "Objects that wait for a look"
            events_dropped "events_dropped" "Events not written because their queue was full"
            sweep_found "sweep_found" "Leftovers found by sweeps"
            trash_entries "trash_entries" "Entries in the trash of a backend"
            purged_files "purged_files" "Files and directories removed by purges"
            purges_failed "purges_failed" "Purges of a trash entry that stopped and are tried again"
            copied_bytes "copied_bytes" "Bytes of files written by copies, snapshots that are copies among them"
            copied_files "copied_files" "Files and links made by copies"
            copies_running "copies_running" "Copies under way"
            copies_waiting "copies_waiting" "Copies that wait for others, or for another attempt"
            copy_seconds "copy_duration_seconds" "Time of an attempt to copy"
            resizes "resizes" "Claims that got another size, or were told why not"
            exports_changed "exports_changed" "Ways to data that were cut, narrowed, restored, made again or removed"
            cuts_paused "cuts_paused" "1 while cuts of a backend wait for an admin"
            served "foreign_kind" "1 for the state that a kind of another project is in: yes, not_installed, forbidden, unknown"
            leader "leader" "1 in the process that acts, 0 in one that waits"
            validated "data_sources_validated" "Looks at the data sources of claims that wait, by what the validator found"
        );
    }
}
