//! Tombolo on a real control plane and a real NFS server.

#![allow(clippy::unwrap_used, reason = "functions that only tests call are tests too")]

mod install;
