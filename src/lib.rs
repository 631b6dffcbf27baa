//! Tombolo: one volume, many namespaces, by consent.
//!
//! The way of one claim, top to bottom: [`controllers::claims`] takes it from the queue, [`observe`] reads, [`plan`] decides,
//! [`execute`] writes, [`report`] tells. Modules in reading order:

pub mod api;
pub mod domain;
pub mod plan;

pub mod controllers;
pub mod execute;
pub mod ledger;
pub mod observe;
pub mod report;

pub mod admin;
pub mod backends;
pub mod cli;
pub mod crd;
pub mod doctor;
pub mod explain;
pub mod leader;
pub mod metrics;
pub mod reclaim;
pub mod run;
pub mod telemetry;
pub mod trash;
