//! A private NFS-Ganesha for tests, on a private bus and free ports of loopback; clients that say what they send; and network
//! namespaces to be a node or a pod in.
//!
//! Everything that is started here is ended by its own handle when its value is dropped. Only what tests of exports need is
//! here: for whole files there is libnfs-utils.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking, and this module is for tests alone"
)]

mod bus;
pub mod net;
mod options;
mod ports;
mod programs;
mod server;
pub mod v3;
pub mod v4;
mod wire;

pub use bus::TestBus;
pub use options::{Grace, Options};
pub use programs::{Utility, missing};
pub use server::TestServer;
pub use wire::Status;

use std::time::{Duration, Instant};

/// How long a server may take to start or to end, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until something is so; fails with its name if it does not come to be.
pub fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !ready() {
        assert!(begin.elapsed() < PATIENCE, "{what} did not come within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
