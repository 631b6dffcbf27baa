//! Tombolo.
fn main() {}
