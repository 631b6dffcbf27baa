//! Exports of a real NFS-Ganesha, seen by real clients.

mod access;
mod lab;
