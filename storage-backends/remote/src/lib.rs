//! Any storage backend behind HTTP: what it speaks ([`wire`]), the side that has the backend ([`server`]), and the side that
//! acts as if it had ([`Remote`]).
//!
//! It must never make a failure look better than it was: an answer that was lost is `MaybeDone`, and what the far side says of
//! its certainty is passed on as it is. It must never change anything for somebody who was not recognised, or tell them anything.
//!
//! Start at [`wire`]: one type for each call, from which the routes, the client's requests and the
//! OpenAPI document ([`openapi`]) are made.

pub mod client;
pub mod openapi;
pub mod server;
pub mod wire;

pub use client::Remote;

/// Name of this driver.
pub const NAME: &str = "remote";
