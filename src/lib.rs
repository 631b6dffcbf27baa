//! Tombolo: one volume, many namespaces, by consent.
//!
//! The way of one claim, top to bottom: `controllers::claims` takes it from the queue, [`observe`] reads, [`plan`] decides,
//! [`execute`] writes, `report` tells. Modules in reading order:

pub mod admin;
pub mod api;
pub mod cli;
pub mod domain;
pub mod plan;

pub mod execute;
pub mod ledger;
pub mod observe;

pub mod leader;
pub mod metrics;
pub mod telemetry;
