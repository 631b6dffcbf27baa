//! Is there a place to listen on?

use super::{Check, Verdict};
use crate::config::Config;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

/// The ports of the configuration.
pub fn checks(config: &Config) -> Vec<Check> {
    let listen = Check {
        name: "listen",
        verdict: free(config.listen),
    };
    let metrics = config.metrics.map(|address| Check {
        name: "metrics",
        verdict: free(address),
    });
    [listen].into_iter().chain(metrics).collect()
}

/// Listens for a moment.
fn free(address: SocketAddr) -> Verdict {
    match TcpListener::bind(address) {
        Ok(_) => Verdict::Passed(format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Verdict::Unknown(format!("{address} is in use: by the service itself, if it runs"))
        }
        Err(error) => Verdict::failed(
            format!("{address}: {error}"),
            "give an address that this host has, and a port",
        ),
    }
}
