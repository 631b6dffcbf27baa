//! What one claim costs the API server: the controller's requests, divided by the claims that caused them.

use std::fmt;

use crate::Requests;
use crate::bench::stage::CLOCKWORK;

/// The requests of so many claims.
#[derive(Debug, Clone)]
pub struct Cost {
    requests: Requests,
    claims: usize,
}

impl Cost {
    /// Of these requests for so many claims.
    pub fn of(requests: Requests, claims: usize) -> Self {
        Self { requests, claims }
    }

    /// The requests.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Writes of PersistentVolumes for each claim.
    pub fn volume_writes(&self) -> f64 {
        self.each(self.requests.writes("persistentvolumes"))
    }

    /// Events written for each claim.
    pub fn events(&self) -> f64 {
        self.each(self.requests.writes("events"))
    }

    /// GETs and LISTs for each claim.
    pub fn reads(&self) -> f64 {
        self.each(self.sum(|verb, _| matches!(verb, "get" | "list")))
    }

    /// Writes for each claim of anything but PersistentVolumes and events.
    pub fn other_writes(&self) -> f64 {
        let other =
            |verb: &str, what: &str| !matches!(verb, "get" | "list") && !matches!(what, "persistentvolumes" | "events");
        self.each(self.sum(other))
    }

    fn sum(&self, which: impl Fn(&str, &str) -> bool) -> usize {
        let counted = self
            .requests
            .iter()
            .filter(|(verb, what, _)| !CLOCKWORK.contains(what) && which(verb, what));
        counted.map(|(_, _, count)| count).sum()
    }

    fn each(&self, count: usize) -> f64 {
        count as f64 / self.claims.max(1) as f64
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>9.2} {:>9.2} {:>9.2} {:>9.2}",
            self.volume_writes(),
            self.events(),
            self.reads(),
            self.other_writes()
        )
    }
}
