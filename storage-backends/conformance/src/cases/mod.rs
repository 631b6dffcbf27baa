//! The promises, one function each. The list of them is the macro `conformance!`.

pub mod capabilities;
pub mod clone;
pub mod clone_hostile;
pub mod clone_midway;
pub mod clone_tree;
pub mod discard;
pub mod exchanged;
pub mod guard;
pub mod list;
pub mod mark;
pub mod node_access;
pub mod paths;
pub mod purge;
pub mod quota;
pub mod races;
pub mod read_only;
pub mod resize;
pub mod revoke;
pub mod share;
pub mod snapshot;
pub mod undeclared;
pub mod usage;
pub mod volumes;
