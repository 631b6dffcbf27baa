//! The repository agrees with itself: generated files with what generates them, the code with its own rules.
//!
//! Reads files only; starts nothing and needs nothing installed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a file that cannot be read is the failure of the test that reads it"
)]

mod crds;
mod deploy;
mod docs;
mod files;
mod programs;
mod pure;
mod tidy;
