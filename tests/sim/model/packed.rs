//! States as numbers, and a hash of those: in a debug build a set of whole states would take most of the time.

use super::{Actor, Owner, State};

/// A state as a number; each fits many times over.
pub fn packed(s: &State) -> u64 {
    let owner = |pv: Option<Owner>| {
        pv.map_or(0, |pv| {
            1 | u64::from(pv.terminating) << 1 | u64::from(pv.version) << 2 | u64::from(pv.tokens) << 4
        })
    };
    let actor = |actor: &Actor| match *actor {
        Actor::Idle => 0,
        Actor::Admits(claim) => 1 | u64::from(claim) << 3,
        Actor::Joins(claim, version) => 2 | u64::from(claim) << 3 | u64::from(version) << 5,
        Actor::Acts(plan, version) => 3 | u64::from(plan) << 3 | u64::from(version) << 11,
        Actor::Looks(done, seen) => {
            let rest = u64::from(seen.served)
                | u64::from(seen.live) << 2
                | u64::from(seen.members) << 4
                | u64::from(seen.owner_lives) << 6;
            4 | u64::from(done) << 3 | owner(seen.pv) << 6 | rest << 12
        }
    };
    let [a, b] = &s.actors;
    let people = u64::from(s.owner_lives) | u64::from(s.data) << 1 | u64::from(s.members) << 2 | u64::from(s.live) << 4;
    people | owner(s.pv) << 6 | actor(a) << 12 | actor(b) << 36
}

/// A hash of numbers that nobody chooses to collide.
pub type Hasher = std::hash::BuildHasherDefault<Mixed>;

/// See [`Hasher`].
#[derive(Default)]
pub struct Mixed(u64);

impl std::hash::Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only whole numbers are hashed");
    }

    fn write_u64(&mut self, n: u64) {
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}
