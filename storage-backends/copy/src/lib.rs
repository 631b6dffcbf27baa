//! Copying a volume, entry by entry: the rules of `tombolo_backend_api::Clones`, written once for all backends that have no
//! quicker way.
//!
//! It must never follow a symbolic link, write into an inode that somebody else may still write, keep a tree in memory, or
//! call done what is not on stable storage. A backend implements [`Tree`] (what can be done below a directory) and [`Workshop`]
//! (where a copy is built and where it goes), and calls [`copy`]. Read `order.rs` first: it is the whole of a copy, step by step.
//!
//! # Why no directory is ever taken over
//!
//! A leader that was deposed may sleep for an hour with a directory of its copy open, wake up, and write. Nothing can stop it;
//! so nothing that it can reach may ever become the volume. Each attempt builds a tree of directories of its own. What earlier
//! attempts have left is first renamed, so that their last step fails, and then gives its complete *files*, one rename each:
//! a complete file is written to by nobody any more, and an incomplete one is left where it is.

mod account;
mod decide;
mod fill;
mod make;
mod name;
mod node;
mod order;
mod relay;
mod running;
mod tree;
mod walk;

pub use name::{Key, doomed_name, key_of_snapshot, key_of_volume};
pub use node::{Id, Kind, Name, Node, Time};
pub use order::{Order, abandon, copy};
pub use relay::{Relay, Stop, relayed};
pub use tree::{Entry, Linked, Listing, Moved, Placed, Tree, Workshop};
