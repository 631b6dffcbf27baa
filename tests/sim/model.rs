//! Every interleaving of two controllers, two members, crashes, pauses and a volume deleted by hand, over the product's own
//! decisions.
//!
//! One volume, its owner's claim, two claims that ask to join. Each controller does one thing at a time on the volume, as its
//! lock makes it, and forgets everything when it crashes. A step is one request. The property: data is gone only if no live
//! claim is, or will ever be, a member. Its mutants weaken the protocol, and must break it: so this can fail.

mod objects;

use objects::Op;
use std::collections::{HashMap, HashSet, VecDeque};

/// The owner's PersistentVolume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner {
    pub terminating: bool,
    pub version: u8,
    /// Bit by bit: the token of each claim.
    pub tokens: u8,
}

/// What a controller has read so far, in the order in which it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Seen {
    pub pv: Option<Owner>,
    /// Which claims had a PersistentVolume when their tokens were looked up.
    pub served: u8,
    /// Which claims lived then.
    pub live: u8,
    pub owner_lives: bool,
    pub members: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Actor {
    Idle,
    /// Joins a claim: how many of its reads are done.
    Joins(u8, u8, Seen),
    /// Looks at the volume: how many of its reads are done.
    Looks(u8, Seen),
    /// Carries out what it decided on what it saw: how many steps are done.
    Acts(u8, Seen),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    owner_lives: bool,
    pv: Option<Owner>,
    members: u8,
    live: u8,
    data: bool,
    actors: [Actor; 2],
}

/// A protocol with a part missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutant {
    None,
    /// A label in place of the token: the API server takes it on a volume under deletion.
    LabelInsteadOfToken,
    /// The decision to delete data rests on the members listed before the DELETE.
    NoSecondList,
    /// Nobody waits for the tokens on a volume under deletion.
    NoWaitForTokens,
    /// A join that is found on a volume under deletion is refused.
    FoundJoinsAreRefused,
    /// Members are listed before the volume is read.
    ListBeforeGet,
    /// Preconditions are not sent; they only spare needless work.
    NoPreconditions,
}

const START: State = State {
    owner_lives: true,
    pv: Some(Owner { terminating: false, version: 0, tokens: 0 }),
    members: 0,
    live: 3,
    data: true,
    actors: [Actor::Idle; 2],
};

struct Model {
    mutant: Mutant,
    plans: HashMap<Seen, Vec<Op>>,
}

impl Model {
    fn plan(&mut self, seen: Seen) -> Vec<Op> {
        let mutant = self.mutant;
        self.plans.entry(seen).or_insert_with(|| objects::decide(&blind(mutant, seen))).clone()
    }

    fn successors(&mut self, s: State) -> Vec<State> {
        let mut next = Vec::new();
        if s.owner_lives {
            next.push(State { owner_lives: false, ..s });
        }
        if let Some(pv) = s.pv.filter(|pv| !pv.terminating) {
            next.push(State { pv: Some(Owner { terminating: true, version: pv.version + 1, ..pv }), ..s });
        }
        for claim in [1, 2] {
            if s.live & claim != 0 {
                next.push(State { live: s.live & !claim, ..s });
            } else if s.members & claim != 0 {
                next.push(State { members: s.members & !claim, ..s });
            }
        }
        for who in 0..2 {
            self.moves(s, who, &mut next);
        }
        next
    }

    fn moves(&mut self, s: State, who: usize, next: &mut Vec<State>) {
        let with = |s: State, actor: Actor| {
            let mut actors = s.actors;
            actors[who] = actor;
            State { actors, ..s }
        };
        let actor = s.actors[who];
        if actor != Actor::Idle {
            // A crash, and a request that was refused, end the same way.
            next.push(with(s, Actor::Idle));
        }
        match actor {
            Actor::Idle => {
                next.push(with(s, Actor::Looks(0, Seen::default())));
                for claim in [1, 2] {
                    if s.live & claim != 0 && s.members & claim == 0 && s.owner_lives {
                        next.push(with(s, Actor::Joins(claim, 0, Seen::default())));
                    }
                }
            }
            Actor::Joins(claim, 0, seen) => {
                next.push(with(s, Actor::Joins(claim, 1, Seen { owner_lives: s.owner_lives, ..seen })));
            }
            Actor::Joins(claim, 1, seen) => {
                let seen = Seen { pv: s.pv, ..seen };
                if objects::admits(&seen) {
                    next.push(with(s, Actor::Joins(claim, 2, seen)));
                }
            }
            Actor::Joins(claim, _, seen) => next.extend(self.put_token(s, claim, &seen).map(|s| with(s, Actor::Idle))),
            Actor::Looks(done, seen) => next.push(with(s, self.look(s, done, seen))),
            Actor::Acts(done, seen) => {
                let plan = self.plan(seen);
                match plan.get(usize::from(done)) {
                    None => {}
                    Some(op) => next.extend(self.act(s, *op, &seen).map(|s| with(s, Actor::Acts(done + 1, seen)))),
                }
            }
        }
    }

    fn put_token(&self, s: State, claim: u8, seen: &Seen) -> Option<State> {
        let pv = s.pv?;
        if self.mutant == Mutant::LabelInsteadOfToken {
            return Some(State { members: s.members | claim, ..s });
        }
        let stale = seen.pv.is_none_or(|seen| seen.version != pv.version) && self.mutant != Mutant::NoPreconditions;
        if stale || (pv.terminating && pv.tokens & claim == 0) {
            return None;
        }
        Some(State { pv: Some(Owner { version: pv.version + 1, tokens: pv.tokens | claim, ..pv }), ..s })
    }

    /// The reads of a look, one after the other.
    fn look(&self, s: State, done: u8, seen: Seen) -> Actor {
        let order: [u8; 5] = if self.mutant == Mutant::ListBeforeGet { [4, 0, 1, 2, 3] } else { [0, 1, 2, 3, 4] };
        let mut seen = seen;
        match order[usize::from(done)] {
            0 => seen.pv = s.pv,
            1 => seen.served = s.members,
            2 => seen.live = s.live,
            3 => seen.owner_lives = s.owner_lives,
            _ => seen.members = s.members,
        }
        if done == 4 { Actor::Acts(0, seen) } else { Actor::Looks(done + 1, seen) }
    }

    fn act(&self, s: State, op: Op, seen: &Seen) -> Option<State> {
        let bump = |pv: Owner| Owner { version: pv.version + 1, ..pv };
        match op {
            Op::CreateMember(claim) => Some(State { members: s.members | claim, ..s }),
            Op::TakeToken(claim) => {
                let take = |pv: Owner| if pv.tokens & claim != 0 { bump(Owner { tokens: pv.tokens & !claim, ..pv }) } else { pv };
                Some(State { pv: s.pv.map(take), ..s })
            }
            Op::DeletePv => {
                let pv = s.pv?;
                let stale = seen.pv.is_none_or(|seen| seen.version != pv.version) && self.mutant != Mutant::NoPreconditions;
                (!stale).then(|| State { pv: Some(bump(Owner { terminating: true, ..pv })), ..s })
            }
            Op::Discard => Some(State { data: false, ..s }),
            Op::Unprotect => Some(State { pv: s.pv.filter(|pv| pv.tokens != 0), ..s }),
        }
    }
}

/// What a mutant makes of what was seen.
fn blind(mutant: Mutant, seen: Seen) -> Seen {
    let deleting = seen.pv.is_some_and(|pv| pv.terminating);
    match mutant {
        Mutant::NoSecondList if deleting => Seen { members: 0, ..seen },
        Mutant::NoWaitForTokens if deleting => Seen { pv: seen.pv.map(|pv| Owner { tokens: 0, ..pv }), ..seen },
        Mutant::FoundJoinsAreRefused if deleting => Seen { live: 0, ..seen },
        _ => seen,
    }
}

/// Versions count only against those that somebody remembers.
fn renumbered(mut s: State) -> State {
    let remembered = |actor: &Actor| match actor {
        Actor::Joins(_, _, seen) | Actor::Looks(_, seen) | Actor::Acts(_, seen) => seen.pv.map(|pv| pv.version),
        Actor::Idle => None,
    };
    let mut versions: Vec<u8> = s.actors.iter().filter_map(remembered).chain(s.pv.map(|pv| pv.version)).collect();
    versions.sort_unstable();
    versions.dedup();
    let renumber = |pv: &mut Option<Owner>| {
        if let Some(pv) = pv {
            pv.version = versions.iter().position(|v| *v == pv.version).unwrap_or_default() as u8;
        }
    };
    renumber(&mut s.pv);
    for actor in &mut s.actors {
        match actor {
            Actor::Joins(_, _, seen) | Actor::Looks(_, seen) | Actor::Acts(_, seen) => renumber(&mut seen.pv),
            Actor::Idle => {}
        }
    }
    s
}

/// How many states there are, or the first in which data is gone under a member.
fn explore(mutant: Mutant) -> Result<usize, String> {
    let mut model = Model { mutant, plans: HashMap::new() };
    let (mut seen, mut open) = (HashSet::from([START]), VecDeque::from([START]));
    while let Some(state) = open.pop_front() {
        if !state.data && state.members & state.live != 0 {
            return Err(format!("after {} states: {state:?}", seen.len()));
        }
        // Without data, an owner's object and anybody at work nothing can go wrong any more.
        for next in model.successors(state).into_iter().map(renumbered) {
            if seen.insert(next) {
                open.push_back(next);
            }
        }
    }
    Ok(seen.len())
}

#[test]
fn no_interleaving_deletes_data_that_has_a_member() {
    let states = explore(Mutant::None).unwrap();
    println!("{states} states of two controllers and two members");
    assert!(states > 50_000, "only {states} states");
}

#[test]
fn preconditions_only_spare_work() {
    assert_eq!(explore(Mutant::NoPreconditions).err(), None);
}

#[test]
fn every_part_of_the_protocol_is_needed() {
    for mutant in [
        Mutant::LabelInsteadOfToken,
        Mutant::NoSecondList,
        Mutant::NoWaitForTokens,
        Mutant::FoundJoinsAreRefused,
        Mutant::ListBeforeGet,
    ] {
        let found = explore(mutant);
        assert!(found.is_err(), "{mutant:?} loses nothing in {found:?} states");
    }
}
