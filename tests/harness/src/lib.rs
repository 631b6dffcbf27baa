//! A real control plane and a real NFS server for the demo, the end-to-end tests and the benchmarks.
//!
//! There is no container engine here: etcd, kube-apiserver, kube-controller-manager, snapshot-controller and NFS-Ganesha are
//! plain processes on loopback and free ports, with all of their state in one directory per cluster.
//!
//! It must never end a process which it did not start (see [`process`]), write outside its state and cache directories, or
//! pretend: a part which this machine cannot run is an error or a named skip, not a fake.
//!
//! [`Controller`] is a `tombolo run` in a cluster. [`demo`] is the story of `make demo`, told on both. [`bench`] measures on
//! both.
//!
//! Begin with [`Cluster`]: [`Cluster::shared`] for ordinary tests, [`Cluster::start`] for a test which restarts servers,
//! [`NfsServer::start`] when the control plane is not needed. [`wait::until`] is how tests wait.

mod access;
mod apiserver;
mod audit;
pub mod bench;
mod binaries;
mod bus;
mod certificates;
mod cluster;
mod control_plane;
mod controller;
mod controller_manager;
mod crds;
pub mod demo;
mod directories;
mod env_file;
mod etcd;
mod filer;
mod ganesha;
mod go_build;
mod kubeconfig;
mod nfs_client;
mod options;
mod packages;
pub mod ports;
pub mod process;
mod programs;
mod progress;
mod rpcbind;
mod skip;
mod snapshot_controller;
mod sweep;
pub mod wait;

pub use audit::{Answered, Audit, Mark, Requests};
pub use cluster::{Cluster, DEFAULT_NAME};
pub use controller::{Controller, ControllerOptions};
pub use crds::CrdSet;
pub use env_file::EnvFile;
pub use filer::{Filer, FilerEndpoint, ReachedBy};
pub use ganesha::{NfsEndpoint, NfsServer};
pub use nfs_client::{NfsClient, NfsVersion};
pub use options::ClusterOptions;
pub use skip::report_skipped;
