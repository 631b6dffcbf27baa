//! The controllers against a cluster, a ledger and a backend in memory, where every call is a place to crash or to sleep.
//!
//! `world` puts it together: `store`, `cluster`, `binder` and `snapshot_controller` are the cluster, `leader` is one process with the product's own
//! controllers behind a `gate`, `users` are people, `checks` and `access` are what must hold after every step. `stories` are played by
//! `crash` with a stop at each write, `races` lets one join meet one deletion in every order, `chaos` does anything by chance, and
//! `model` explores the protocol itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod access;
mod binder;
mod chaos;
mod checks;
mod cluster;
mod crash;
mod end;
mod gate;
mod leader;
mod model;
mod ports;
mod races;
mod sizes;
mod snapshot_controller;
mod store;
mod stories;
mod users;
mod world;
