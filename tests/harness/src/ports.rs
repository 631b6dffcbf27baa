//! Free ports on loopback which stay ours while a server restarts.
//!
//! They are taken from below the kernel's ephemeral range (32768 upwards), since an outgoing connection could take any port of that
//! range in the moment in which a server is down. A lock per port keeps two harness processes from choosing the same one.

use std::fs::{File, TryLockError};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Ports which no other harness process chooses while this value lives.
#[derive(Debug)]
pub struct Reserved {
    ports: Vec<u16>,
    _locks: Vec<File>,
}

impl Reserved {
    /// The ports as an array, to be taken apart by name.
    pub fn array<const N: usize>(&self) -> Result<[u16; N]> {
        self.ports
            .as_slice()
            .try_into()
            .with_context(|| format!("{} ports were reserved, not {N}", self.ports.len()))
    }
}

/// Reserves `count` ports on which nobody listens, neither on TCP nor on UDP.
pub fn reserve(count: usize) -> Result<Reserved> {
    let directory = crate::directories::cache()?.join("ports");
    std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    let mut reserved = Reserved {
        ports: Vec::new(),
        _locks: Vec::new(),
    };
    let start = starting_point();
    for step in 0..COUNT {
        if reserved.ports.len() == count {
            return Ok(reserved);
        }
        let port = FIRST + (start + step) % COUNT;
        let lock = File::create(directory.join(port.to_string()))?;
        match lock.try_lock() {
            Ok(()) if is_free(port) => {
                reserved.ports.push(port);
                reserved._locks.push(lock);
            }
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error).context("locking a port"),
        }
    }
    bail!("there are not {count} free ports from {FIRST} to {}", FIRST + COUNT - 1)
}

fn is_free(port: u16) -> bool {
    // The wildcard address as well: rpcbind and others listen there.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Somewhere else for everybody, so that processes which start together seldom try the same ports.
#[expect(
    clippy::disallowed_methods,
    reason = "a seed; the rule is about decisions of the product"
)]
fn starting_point() -> u16 {
    let nanos = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.subsec_nanos());
    let seed = nanos
        .wrapping_mul(2_654_435_761)
        .wrapping_add(std::process::id().wrapping_mul(40_503));
    u16::try_from((seed >> 8) % u32::from(COUNT)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_reservations_share_nothing() {
        let (one, two) = (reserve(5).unwrap(), reserve(5).unwrap());
        assert_eq!(one.ports.len(), 5);
        assert!(one.ports.iter().all(|port| !two.ports.contains(port)));
        assert!(one.ports.iter().all(|port| (FIRST..FIRST + COUNT).contains(port)));
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let reserved = reserve(1).unwrap();
        let [port] = reserved.array().unwrap();
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(port));
    }

    #[test]
    fn taking_another_number_apart_is_an_error() {
        assert!(reserve(2).unwrap().array::<3>().is_err());
    }
}
