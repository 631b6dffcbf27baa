//! Tombolo on a real control plane and a real NFS server: each test is a story that a person could play by hand.
//!
//! Most stories share one cluster and one controller ([`world::World::shared`]) and keep apart by namespaces. A story that restarts a
//! server, or wants another controller, starts a cluster of its own. Nothing here sleeps: stories wait for what they expect
//! ([`see`]), and show the last thing seen when it does not come.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions that only tests call are tests too, and a test fails by panicking"
)]

mod controller;
mod draft;
mod see;
mod world;

mod across;
mod admin;
mod budget;
mod by_hand;
mod clones;
mod compatible;
mod consent;
mod data_sources;
mod delete;
mod doctor;
mod explain;
mod filer;
mod full;
mod install;
mod kinds;
mod leader;
mod mounting;
mod nodes;
mod outage;
mod populators;
mod provision;
mod race;
mod reclaim;
mod refusals;
mod resize;
mod restart;
mod share;
mod snapshots;
mod tamper;
mod trash;
