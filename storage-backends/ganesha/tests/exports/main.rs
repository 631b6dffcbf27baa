//! Exports of a real NFS-Ganesha, seen by real clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod at_once;
mod bus_away;
mod crashes;
mod firewall;
mod handles;
mod lab;
mod locks;
mod looks;
mod many;
mod others;
mod restarts;
mod words;
