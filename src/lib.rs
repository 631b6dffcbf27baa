//! Tombolo: one volume, many namespaces, by consent.
//!
//! Read a claim's way in this order: [`api`] (names on the wire), [`domain`] (values that cannot be wrong), `plan` (decisions).

pub mod api;
pub mod domain;
