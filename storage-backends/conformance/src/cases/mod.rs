//! The promises, one function each. The list of them is the macro `conformance!`.

pub mod capabilities;
pub mod clone;
pub mod clone_midway;
pub mod clone_tree;
pub mod discard;
pub mod guard;
pub mod list;
pub mod mark;
pub mod paths;
pub mod purge;
pub mod races;
pub mod snapshot;
pub mod volumes;
