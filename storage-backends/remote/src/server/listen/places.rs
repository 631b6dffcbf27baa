//! Places for connections: so many in all, and so many for one address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Who has how many places.
#[derive(Debug)]
pub(super) struct Places {
    all: usize,
    each: usize,
    taken: Arc<Mutex<BTreeMap<u128, usize>>>,
}

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: u128,
    taken: Arc<Mutex<BTreeMap<u128, usize>>>,
}

impl Places {
    pub fn new(all: usize, each: usize) -> Self {
        Self {
            all,
            each,
            taken: Arc::default(),
        }
    }

    /// A place for an address, unless all of its own or all there are have been taken.
    pub fn take(&self, address: IpAddr) -> Option<Place> {
        let of = key(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (sum, own) = (taken.values().sum::<usize>(), taken.get(&of).copied().unwrap_or(0));
        if sum >= self.all || own >= self.each {
            return None;
        }
        taken.insert(of, own + 1);
        Some(Place {
            of,
            taken: self.taken.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.of) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                taken.remove(&self.of);
            }
        }
    }
}

/// A whole /64 is one host's to choose from (RFC 4291, section 2.5.1).
fn key(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_ipv6_mapped().to_bits(),
        IpAddr::V6(six) => six.to_bits() & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places() {
        let places = Places::new(5, 3);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut held: Vec<_> = (0..5).filter_map(|_| places.take(ip("2001:db8::1"))).collect();
        assert_eq!(held.len(), 3);
        assert!(places.take(ip("2001:db8::ffff:1")).is_none(), "of the same /64");
        held.push(places.take(ip("192.0.2.1")).unwrap());
        held.push(places.take(ip("::ffff:192.0.2.1")).unwrap());
        assert!(places.take(ip("192.0.2.2")).is_none(), "all are taken");
        held.clear();
        assert!(places.take(ip("192.0.2.2")).is_some());
        assert!(
            places.taken.lock().unwrap().is_empty(),
            "nothing is remembered of those who have gone"
        );
    }
}
