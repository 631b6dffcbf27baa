//! Exports of an NFS-Ganesha that runs on this machine, made and taken back while it runs; and the firewall set before it.
//!
//! It must never give an export id to another export while clients may hold handles with it, write a text into the
//! server's configuration that could be read as something else, touch an export or a firewall table of somebody else, or say
//! that nothing was done when something may have been. Start at [`Exporter`]; its records (`record.rs`, `records.rs`, `book.rs`)
//! are the truth, the server's files (`export_block.rs`, `export_files.rs`) and the server (`bus.rs`) follow in
//! `order.rs`, `settle.rs` and `reconcile.rs`. Ids are chosen in `ids.rs`. [`BaseConfig`] renders the server's own configuration, and
//! [`check_file`] looks at an admin's, [`compare`] at everything, without changing it.

mod base;
mod book;
mod bus;
mod check;
mod config;
mod export_block;
mod export_files;
mod exporter;
mod files;
mod firewall;
mod ids;
mod look;
mod network;
mod order;
mod pseudo;
mod reconcile;
mod record;
mod records;
mod seams;
mod settle;
mod syntax;
#[cfg(feature = "testing")]
pub mod testing;
mod watch;

pub use base::BaseConfig;
pub use bus::{probe, process_id};
pub use check::{Finding, check, check_file};
pub use config::{Advertise, Bus, ExporterConfig, HostName, InvalidHost, NodeAccessMode, Protocols, Version};
pub use exporter::Exporter;
pub use firewall::{Found as FirewallFound, TABLE, found as firewall_found};
pub use ids::{Exhausted, ExportId, Ids, Usage};
pub use look::{Compared, Difference, compare, recorded};
pub use network::{InvalidNetwork, Network};
pub use pseudo::PseudoPath;
pub use reconcile::{Reconciled, Unmended};
pub use seams::{AfterStep, Clock, Seams, Step};
