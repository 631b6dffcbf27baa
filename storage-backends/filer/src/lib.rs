//! A Linux host as a filer: a btrfs subvolume for each volume, with a limit, and an NFS export for each way of a tenant to it.
//!
//! This is the storage half; the exports are made by whatever implements [`Exports`]. [`Served`] is both halves with an NFS-Ganesha. It must never export what has no limit, never
//! work on the file system of `/`, and never take what is absent for gone unless the root's mark was seen. Paths are walked by
//! `tombolo_backend_local::dir`, which follows no link; the kernel is asked through `tombolo_btrfs`.
//!
//! What it does with a directory that is no btrfs is what `local` does, with exports: see `start`. The rest in the order of a
//! volume's life: `subvolumes` and `room` (made, limited), `exposed` (mounted for the server), `copies` and `snapshots`, `discard`
//! and `purge`, and `settle`, which mends what restarts and crashes left.

mod backend;
mod config;
mod copies;
mod discard;
mod exports;
mod exposed;
mod filer;
mod ganesha;
mod purge;
mod recorded;
mod room;
mod served;
mod settle;
mod sharing;
mod sizes;
mod snapshots;
mod start;
mod subvolumes;
mod unsettled;
mod walk;

pub use config::{Config, InvalidConfig, QuotaMode};
pub use exports::{Exports, Reconciled};
pub use filer::Filer;
pub use ganesha::GaneshaExports;
pub use recorded::RecordedExports;
pub use served::{InvalidServed, Looked, Served, ServedConfig, Settling};
pub use settle::{Room, Settled};
pub use start::FileSystem;
pub use tombolo_btrfs::Division;
pub use tombolo_btrfs::quota::Quotas;
pub use unsettled::Unsettled;

/// Name of this driver.
pub const NAME: &str = "filer";
