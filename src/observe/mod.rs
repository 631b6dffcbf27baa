//! Reads only: the caches that watches fill, and the live reads that decisions about deleting rest on.

pub mod consent;
pub mod exports;
pub mod gather;
pub mod index;
pub mod nodes;
pub mod optional;
pub mod project;
pub mod queue;
pub mod reserved;
pub mod roots;
pub mod shelved;
pub mod trashed;
pub mod verdicts;
pub mod watches;
pub mod work;
