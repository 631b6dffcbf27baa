//! A storage backend in memory, with failures on command, for tests.
//!
//! [`Fake`] is a handle: clones share one root, so that a test keeps one and gives others to the controllers under test.
//! It never sleeps, spawns or reads a clock: a call completes at its first poll unless a [`Gate`] holds it, so a
//! simulation may poll it without any runtime.
//!
//! Start at [`Fake`]; `backend` is the trait, `tree` the file system behind it, `fault` and `gate` what a test can arrange;
//! `copies`, `snapshots`, `exports` and `sizes` are the capabilities, and [`Through`] is what a tenant's mount lets through.

mod backend;
mod call;
mod copies;
mod exports;
mod fake;
mod fault;
mod gate;
mod sizes;
mod snapshots;
mod through;
mod tree;

pub use call::{Call, Op};
pub use fake::{ALL, Fake};
pub use fault::Fault;
pub use gate::{Gate, Moment};
pub use through::{Denial, Through};
pub use tree::Tree;
