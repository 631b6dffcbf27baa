//! Exports of a real NFS-Ganesha, seen by real clients.

mod access;
mod bus_away;
mod crashes;
mod firewall;
mod handles;
mod lab;
mod locks;
mod many;
mod others;
mod restarts;
mod words;
