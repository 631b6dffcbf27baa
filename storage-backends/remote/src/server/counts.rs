//! What is counted. No label has a value that a caller chooses.

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    path: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: &'static str,
    outcome: &'static str,
}

/// Counters of one server; a clone counts into the same.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    answered: Family<Answered, Counter>,
    unrecognised: Counter,
    turned_away: Counter,
    running: Gauge,
    ended: Family<Ended, Counter>,
    unfit_files: Counter,
}

impl Counts {
    /// Starts at zero, in a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let counts = Self::default();
        let of = registry.sub_registry_with_prefix("filer");
        of.register(
            "requests",
            "Requests of recognised callers, by route and status",
            counts.answered.clone(),
        );
        of.register(
            "unrecognised",
            "Requests without valid credentials",
            counts.unrecognised.clone(),
        );
        of.register(
            "turned_away",
            "Connections that got no place or failed TLS",
            counts.turned_away.clone(),
        );
        of.register("operations_running", "Operations under way", counts.running.clone());
        of.register(
            "operations_ended",
            "Operations that have ended, by kind and outcome",
            counts.ended.clone(),
        );
        of.register(
            "unfit_files",
            "Credential files that changed and could not be used",
            counts.unfit_files.clone(),
        );
        counts
    }

    pub(super) fn answered(&self, path: &str, status: StatusCode) {
        let labels = Answered {
            path: path.to_owned(),
            status: status.as_u16(),
        };
        self.answered.get_or_create(&labels).inc();
    }

    pub(super) fn unrecognised(&self) {
        self.unrecognised.inc();
    }

    pub(super) fn turned_away(&self) {
        self.turned_away.inc();
    }

    pub(super) fn unfit_file(&self) {
        self.unfit_files.inc();
    }

    pub(super) fn began(&self) {
        self.running.inc();
    }

    pub(super) fn ended(&self, kind: &'static str, done: bool) {
        self.running.dec();
        let outcome = if done { "done" } else { "failed" };
        self.ended.get_or_create(&Ended { kind, outcome }).inc();
    }
}
