//! What serving the driver `filer` takes besides its backend: settling on a timer, and numbers of it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::time::Duration;
use tombolo_backend_api::BackendError;
use tombolo_backend_filer::{Filer, ServedConfig, Settled, Settling};

/// How often it is looked whether everything is as it should be. A restart of NFS-Ganesha is noticed at once in any case.
const EVERY: Duration = Duration::from_secs(300);

/// A filer that was opened.
pub struct Served {
    served: tombolo_backend_filer::Served,
    first: Result<Settled, BackendError>,
}

impl Served {
    /// Opens it, and settles once.
    pub async fn open(config: &ServedConfig) -> Result<Self, BackendError> {
        let (served, first) = tombolo_backend_filer::Served::open(config).await?;
        Ok(Self { served, first })
    }

    /// The backend.
    pub fn filer(&self) -> &Filer {
        self.served.filer()
    }

    /// Settles again and again, until the value is dropped.
    pub fn keep(self, counts: Counts) -> Settling {
        counts.tell(&self.first);
        self.served.keep_settled(EVERY, move |settled| counts.tell(settled))
    }
}

/// What is not as it should be, and what makes it so.
fn trouble(settled: &Result<Settled, BackendError>) -> Option<String> {
    match settled {
        Err(error) => Some(format!(
            "not everything could be settled, and it is tried again: {error}"
        )),
        Ok(settled) if settled.failed.is_empty() && settled.exports.failed == 0 => None,
        Ok(settled) => {
            let volumes: Vec<_> = settled
                .failed
                .iter()
                .map(|(path, why)| format!("{path}: {why}"))
                .collect();
            let exports = settled.exports.failed;
            Some(format!(
                "{} exported volumes cannot be mounted, and {exports} exports are not as they should be: {}",
                volumes.len(),
                volumes.join("; ")
            ))
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

/// One number, without labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Whole {}

/// Numbers of settling; a clone counts into the same.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    mended: Family<What, Counter>,
    failures: Counter,
    unsettled: Family<What, Gauge>,
    /// Left out where the kernel does not tell.
    to_clean: Family<Whole, Gauge>,
    room: Family<What, Gauge>,
}

impl Counts {
    /// Starts at zero, in a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let counts = Self::default();
        let of = registry.sub_registry_with_prefix("filer");
        let help = "Differences that were found and mended, by what they were of";
        of.register("mended", help, counts.mended.clone());
        let help = "Times that settling could not be done, because the server, the bus or the root was away";
        of.register("settle_failures", help, counts.failures.clone());
        let help = "What could not be mended when it was last tried";
        of.register("unsettled", help, counts.unsettled.clone());
        let help = "Deleted subvolumes whose room the kernel has not freed yet";
        of.register("subvolumes_to_clean", help, counts.to_clean.clone());
        let help =
            "Bytes promised to volumes, of the budget for that, and those which deleted volumes have left pinned";
        of.register("room_bytes", help, counts.room.clone());
        for what in ["mount", "unmount", "account", "export"] {
            // From the first scrape on, so that a rate can be told.
            drop(counts.mended.get_or_create(&What { what }));
        }
        counts
    }

    fn tell(&self, settled: &Result<Settled, BackendError>) {
        if let Some(trouble) = trouble(settled) {
            tracing::warn!("{trouble}");
        }
        let Ok(settled) = settled else {
            self.failures.inc();
            return;
        };
        for (what, count) in [
            ("mount", settled.mounted),
            ("unmount", settled.unmounted),
            ("account", settled.forgotten),
            ("export", settled.exports.mended),
        ] {
            self.mended.get_or_create(&What { what }).inc_by(count as u64);
        }
        for (what, count) in [("volume", settled.failed.len()), ("export", settled.exports.failed)] {
            self.unsettled.get_or_create(&What { what }).set(signed(count as u64));
        }
        match settled.to_clean {
            Some(count) => {
                self.to_clean.get_or_create(&Whole {}).set(count.into());
            }
            None => self.to_clean.clear(),
        }
        let Some(room) = settled.room else { return };
        for (what, bytes) in [
            ("promised", room.promised),
            ("budget", room.budget),
            ("pinned", room.pinned),
        ] {
            self.room.get_or_create(&What { what }).set(signed(bytes));
        }
    }
}

/// A gauge is signed.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn what_the_kernel_does_not_tell_is_left_out_and_not_zero() {
        let mut registry = Registry::default();
        let counts = Counts::register(&mut registry);
        let shown = |to_clean| {
            let settled = Settled {
                to_clean,
                ..Settled::default()
            };
            counts.tell(&Ok(settled));
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            let mut lines = text
                .lines()
                .filter_map(|line| line.strip_prefix("filer_subvolumes_to_clean{} "));
            lines.next().map(str::to_owned)
        };
        assert_eq!(shown(None), None);
        assert_eq!(shown(Some(0)).as_deref(), Some("0"));
        assert_eq!(shown(Some(3)).as_deref(), Some("3"));
        assert_eq!(shown(None), None);
    }
}
