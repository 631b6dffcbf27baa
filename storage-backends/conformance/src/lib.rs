//! The suite that every storage backend passes.
