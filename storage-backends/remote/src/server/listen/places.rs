//! Places for connections: so many in all, so many for one address, and at most half of all for strangers, who have shown no
//! valid credentials yet.
//!
//! Whoever comes is a stranger at first, those who may call among them. So a stranger is let in where there is no place for one,
//! and another loses theirs: the one who has been there longest, of the address that has the most. Somebody who fills all places
//! of strangers thus pushes out their own, from however few addresses, and nobody who was recognised.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Who has how many places.
#[derive(Debug)]
pub(super) struct Places {
    all: usize,
    each: usize,
    taken: Arc<Taken>,
}

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(in super::super) struct Place {
    number: u64,
    lost: Arc<Notify>,
    taken: Arc<Taken>,
}

#[derive(Debug, Default)]
struct Taken(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// By numbers that ascend: the first has been there longest.
    held: BTreeMap<u64, Held>,
    next: u64,
}

#[derive(Debug)]
struct Held {
    of: u128,
    stranger: bool,
    lost: Arc<Notify>,
}

impl Places {
    pub fn new(all: usize, each: usize) -> Self {
        Self {
            all,
            each,
            taken: Arc::default(),
        }
    }

    /// A place for a stranger of an address, unless recognised callers have all of its own or all there are.
    pub fn take(&self, address: IpAddr) -> Option<Place> {
        let of = key(address);
        let mut table = self.taken.table();
        if table.held.values().filter(|held| held.of == of).count() >= self.each {
            table.push_out(of)?;
        } else {
            let strangers = table.strangers();
            let counted: usize = strangers.values().sum();
            if table.held.len() >= self.all || counted >= self.all.div_ceil(2) {
                let (most, _) = strangers.into_iter().max_by_key(|(_, count)| *count)?;
                table.push_out(most)?;
            }
        }
        let (number, lost) = (table.next, Arc::new(Notify::new()));
        table.next = number.wrapping_add(1);
        let held = Held {
            of,
            stranger: true,
            lost: lost.clone(),
        };
        table.held.insert(number, held);
        Some(Place {
            number,
            lost,
            taken: self.taken.clone(),
        })
    }
}

impl Taken {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// How many strangers each address has.
    fn strangers(&self) -> BTreeMap<u128, usize> {
        let mut counts = BTreeMap::new();
        for held in self.held.values().filter(|held| held.stranger) {
            *counts.entry(held.of).or_default() += 1;
        }
        counts
    }

    /// Takes its place from the oldest stranger of an address.
    fn push_out(&mut self, of: u128) -> Option<()> {
        let oldest = self.held.iter().find(|(_, held)| held.of == of && held.stranger);
        let number = *oldest?.0;
        self.held.remove(&number)?.lost.notify_one();
        Some(())
    }
}

impl Place {
    /// Whoever has it has shown valid credentials: nobody pushes them out any more.
    pub fn recognised(&self) {
        if let Some(held) = self.taken.table().held.get_mut(&self.number) {
            held.stranger = false;
        }
    }

    /// Ends when somebody else has got the place.
    pub async fn lost(&self) {
        self.lost.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.table().held.remove(&self.number);
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
mod tests;
