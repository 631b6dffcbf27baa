//! Ports that no other test takes: below those that outgoing connections use, each with a lock.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};

const FIRST: u16 = 10_000;
const COUNT: u16 = 9_000;

#[derive(Debug)]
pub(super) struct Port {
    pub(super) number: u16,
    _lock: File,
}

/// A port on which nobody listens, and that is ours while the value lives.
pub(super) fn reserve() -> Port {
    let locks = std::env::temp_dir().join("tombolo-test-ports");
    std::fs::create_dir_all(&locks).unwrap();
    let start = (std::process::id().wrapping_mul(2_654_435_761) >> 8) % u32::from(COUNT);
    let start = u16::try_from(start).unwrap();
    for step in 0..COUNT {
        let number = FIRST + (start + step) % COUNT;
        let lock = File::create(locks.join(number.to_string())).unwrap();
        if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::UNSPECIFIED, number)).is_ok() {
            return Port { number, _lock: lock };
        }
    }
    panic!("no port is free")
}
