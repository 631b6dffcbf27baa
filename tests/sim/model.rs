//! Every interleaving of two controllers, two members, crashes, pauses and a volume deleted by hand, over the product's own
//! decisions.
//!
//! One volume, its owner's claim, two claims that ask to join. Each controller does one thing at a time on the volume, as its
//! lock makes it, and forgets everything when it crashes. A step is one request; a controller may pause before each of them for
//! as long as it likes. Two properties: data is gone only if no live claim is, or will ever be, a member; and once the people
//! have left, a controller that is alone leaves nothing behind, whatever was going on. Mutants weaken the protocol, and those
//! parts that carry the safety must break it: so this can fail.

mod objects;
mod packed;

use objects::Op;
use packed::{Hasher, packed};
use std::collections::{HashMap, HashSet, VecDeque};

/// The owner's PersistentVolume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    pub terminating: bool,
    pub version: u8,
    /// Bit by bit: the token of each claim.
    pub tokens: u8,
}

/// What a controller has read so far, in the order in which it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Seen {
    pub pv: Option<Owner>,
    /// Which claims had a PersistentVolume when their tokens were looked up.
    pub served: u8,
    /// Which claims lived then.
    pub live: u8,
    pub owner_lives: bool,
    pub members: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Actor {
    Idle,
    /// Lets a claim join: it has read that the owner's lives.
    Admits(u8),
    /// Has let a claim join, and read the volume in this version.
    Joins(u8, u8),
    /// Looks at the volume: how many of its reads are done.
    Looks(u8, Seen),
    /// Carries out what is left of a plan, made on what was this version.
    Acts(u8, u8),
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
    /// The API server takes a new token on a volume under deletion. The version that a join sends still stops it.
    TokensOnTerminating,
    /// The same, and no versions are sent: nothing is left that stops a join whose reads are old.
    TokensOnTerminatingWithoutPreconditions,
}

impl Mutant {
    fn sends_preconditions(self) -> bool {
        !matches!(
            self,
            Self::NoPreconditions | Self::TokensOnTerminatingWithoutPreconditions
        )
    }

    fn refuses_tokens_on_terminating(self) -> bool {
        !matches!(
            self,
            Self::TokensOnTerminating | Self::TokensOnTerminatingWithoutPreconditions
        )
    }
}

const START: State = State {
    owner_lives: true,
    pv: Some(Owner {
        terminating: false,
        version: 0,
        tokens: 0,
    }),
    members: 0,
    live: 3,
    data: true,
    actors: [Actor::Idle; 2],
};

struct Model {
    mutant: Mutant,
    /// What the product decides, once for each thing that can be seen.
    decided: HashMap<Seen, Actor>,
    admitted: HashMap<Seen, bool>,
    /// What is left of plans, by the numbers that actors carry.
    plans: Vec<Vec<Op>>,
}

impl Model {
    fn new(mutant: Mutant) -> Self {
        Self {
            mutant,
            decided: HashMap::new(),
            admitted: HashMap::new(),
            plans: Vec::new(),
        }
    }

    /// Whoever has seen this does what is decided on it.
    fn decides(&mut self, seen: Seen) -> Actor {
        if let Some(known) = self.decided.get(&seen) {
            return *known;
        }
        let plan = objects::decide(&blind(self.mutant, seen));
        let actor = self.goes_on(&plan, seen.pv.map_or(0, |pv| pv.version));
        self.decided.insert(seen, actor);
        actor
    }

    /// What is left of a plan. The version counts only as long as a DELETE is among it.
    fn goes_on(&mut self, rest: &[Op], version: u8) -> Actor {
        if rest.is_empty() {
            return Actor::Idle;
        }
        let known = self.plans.iter().position(|plan| plan == rest);
        let number = known.unwrap_or_else(|| {
            self.plans.push(rest.to_vec());
            self.plans.len() - 1
        });
        let version = if rest.contains(&Op::DeletePv) { version } else { 0 };
        Actor::Acts(number as u8, version)
    }

    fn admits(&mut self, pv: Option<Owner>) -> bool {
        let seen = Seen {
            pv,
            owner_lives: true,
            ..Seen::default()
        };
        *self.admitted.entry(seen).or_insert_with(|| objects::admits(&seen))
    }

    fn successors(&mut self, s: State) -> Vec<State> {
        let mut next = Vec::new();
        if s.owner_lives {
            next.push(State {
                owner_lives: false,
                ..s
            });
        }
        if let Some(pv) = s.pv.filter(|pv| !pv.terminating) {
            next.push(State {
                pv: Some(Owner {
                    terminating: true,
                    version: pv.version + 1,
                    ..pv
                }),
                ..s
            });
        }
        for claim in [1, 2] {
            if s.live & claim != 0 {
                next.push(State {
                    live: s.live & !claim,
                    ..s
                });
            } else if s.members & claim != 0 {
                next.push(State {
                    members: s.members & !claim,
                    ..s
                });
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
                        next.push(with(s, Actor::Admits(claim)));
                    }
                }
            }
            Actor::Admits(claim) => {
                let version = s.pv.filter(|_| self.admits(s.pv)).map(|pv| pv.version);
                next.extend(version.map(|version| with(s, Actor::Joins(claim, version))));
            }
            Actor::Joins(claim, version) => {
                if let Some(joined) = self.put_token(s, claim, version) {
                    let then = self.after_the_token(joined, claim);
                    next.push(with(joined, then));
                }
            }
            Actor::Looks(done, seen) => {
                let then = self.look(s, done, seen);
                next.push(with(s, then));
            }
            Actor::Acts(plan, version) => {
                let plan = self.plans[usize::from(plan)].clone();
                if let Some(done) = self.act(s, plan[0], version) {
                    let then = self.goes_on(&plan[1..], version);
                    next.push(with(done, then));
                }
            }
        }
    }

    /// Whether the API server refuses a write for the version that it carries.
    fn is_stale(&self, version: u8, pv: Owner) -> bool {
        self.mutant.sends_preconditions() && version != pv.version
    }

    fn put_token(&self, s: State, claim: u8, version: u8) -> Option<State> {
        let pv = s.pv?;
        if self.mutant == Mutant::LabelInsteadOfToken {
            return Some(State {
                members: s.members | claim,
                ..s
            });
        }
        let refused = pv.terminating && pv.tokens & claim == 0 && self.mutant.refuses_tokens_on_terminating();
        if self.is_stale(version, pv) || refused {
            return None;
        }
        Some(State {
            pv: Some(Owner {
                version: pv.version + 1,
                tokens: pv.tokens | claim,
                ..pv
            }),
            ..s
        })
    }

    /// Whoever has put a token on finishes by the answer to that, without another read, if no other token is on the volume.
    fn after_the_token(&mut self, s: State, claim: u8) -> Actor {
        match s.pv {
            Some(pv) if pv.tokens == claim => self.decides(Seen {
                pv: s.pv,
                live: claim,
                ..Seen::default()
            }),
            _ => Actor::Looks(0, Seen::default()),
        }
    }

    /// The reads of a look, one after the other.
    fn look(&mut self, s: State, done: u8, seen: Seen) -> Actor {
        let order: [u8; 5] = if self.mutant == Mutant::ListBeforeGet {
            [4, 0, 1, 2, 3]
        } else {
            [0, 1, 2, 3, 4]
        };
        let mut seen = seen;
        match order[usize::from(done)] {
            0 => seen.pv = s.pv,
            1 => seen.served = s.members,
            2 => seen.live = s.live,
            3 => seen.owner_lives = s.owner_lives,
            _ => seen.members = s.members,
        }
        if done == 4 {
            self.decides(seen)
        } else {
            Actor::Looks(done + 1, seen)
        }
    }

    fn act(&self, s: State, op: Op, version: u8) -> Option<State> {
        let bump = |pv: Owner| Owner {
            version: pv.version + 1,
            ..pv
        };
        match op {
            Op::CreateMember(claim) => Some(State {
                members: s.members | claim,
                ..s
            }),
            Op::TakeToken(claim) => {
                let take = |pv: Owner| {
                    if pv.tokens & claim != 0 {
                        bump(Owner {
                            tokens: pv.tokens & !claim,
                            ..pv
                        })
                    } else {
                        pv
                    }
                };
                Some(State {
                    pv: s.pv.map(take),
                    ..s
                })
            }
            Op::DeletePv => {
                let pv = s.pv?;
                (!self.is_stale(version, pv)).then(|| State {
                    pv: Some(bump(Owner {
                        terminating: true,
                        ..pv
                    })),
                    ..s
                })
            }
            Op::Discard => Some(State { data: false, ..s }),
            Op::Unprotect => Some(State {
                pv: s.pv.filter(|pv| pv.tokens != 0),
                ..s
            }),
        }
    }
}

/// What a mutant makes of what was seen.
fn blind(mutant: Mutant, seen: Seen) -> Seen {
    let deleting = seen.pv.is_some_and(|pv| pv.terminating);
    match mutant {
        Mutant::NoSecondList if deleting => Seen { members: 0, ..seen },
        Mutant::NoWaitForTokens if deleting => Seen {
            pv: seen.pv.map(|pv| Owner { tokens: 0, ..pv }),
            ..seen
        },
        Mutant::FoundJoinsAreRefused if deleting => Seen { live: 0, ..seen },
        _ => seen,
    }
}

/// Versions count only against those that somebody remembers, and controllers are one like the other.
fn renumbered(mut s: State, model: &Model) -> State {
    fn remembered<'a>(actor: &'a mut Actor, model: &Model) -> Option<&'a mut u8> {
        match actor {
            Actor::Joins(_, version) => Some(version),
            Actor::Looks(_, seen) => seen.pv.as_mut().map(|pv| &mut pv.version),
            Actor::Acts(plan, version) => model.plans[usize::from(*plan)]
                .contains(&Op::DeletePv)
                .then_some(version),
            Actor::Idle | Actor::Admits(_) => None,
        }
    }
    let State { actors, pv, .. } = &mut s;
    let of_actors = actors.iter_mut().filter_map(|actor| remembered(actor, model));
    let mut versions: Vec<&mut u8> = of_actors.chain(pv.as_mut().map(|pv| &mut pv.version)).collect();
    versions.sort_unstable();
    let (mut last, mut number) = (None, 0);
    for version in versions {
        number += u8::from(last.is_some_and(|last| last != *version));
        last = Some(*version);
        *version = number;
    }
    s.actors.sort_unstable();
    s
}

/// How many states there are, or the first in which a promise is broken.
fn explore(mutant: Mutant) -> Result<usize, String> {
    let mut model = Model::new(mutant);
    let (mut seen, mut open) = (HashSet::<u64, Hasher>::default(), VecDeque::from([START]));
    let mut left = HashSet::new();
    seen.insert(packed(&START));
    while let Some(state) = open.pop_front() {
        if !state.data && state.members & state.live != 0 {
            return Err(format!(
                "after {} states data is gone under a member: {state:?}",
                seen.len()
            ));
        }
        left.insert(everybody_leaves(state, &model));
        for next in model.successors(state) {
            let next = renumbered(next, &model);
            if seen.insert(packed(&next)) {
                open.push_back(next);
            }
        }
    }
    for leaving in left {
        let end = model.alone(leaving);
        if end.pv.is_some() || end.members != 0 || end.data {
            return Err(format!(
                "from {leaving:?} a controller alone comes to {end:?} and no further"
            ));
        }
    }
    Ok(seen.len())
}

/// People delete their claims, and every controller crashes.
fn everybody_leaves(s: State, model: &Model) -> State {
    let left = State {
        owner_lives: false,
        live: 0,
        actors: [Actor::Idle; 2],
        ..s
    };
    renumbered(left, model)
}

impl Model {
    /// Where one controller gets to when nobody else does anything.
    fn alone(&mut self, mut s: State) -> State {
        // A look does one step at least, or the last one.
        for _ in 0..32 {
            let before = s;
            s.members &= s.live;
            let mut actor = Actor::Looks(0, Seen::default());
            while let Actor::Looks(done, seen) = actor {
                actor = self.look(s, done, seen);
            }
            while let Actor::Acts(plan, version) = actor {
                let plan = self.plans[usize::from(plan)].clone();
                let Some(next) = self.act(s, plan[0], version) else {
                    break;
                };
                s = next;
                actor = self.goes_on(&plan[1..], version);
            }
            if s == before {
                break;
            }
        }
        s
    }
}

#[test]
fn no_interleaving_deletes_data_that_has_a_member_and_none_leaves_anything_behind() {
    let states = explore(Mutant::None).unwrap();
    println!("{states} states of two controllers and two members");
    assert!(states > 50_000, "only {states} states");
}

#[test]
fn preconditions_only_spare_work() {
    assert_eq!(explore(Mutant::NoPreconditions).err(), None);
}

/// Either of the two stops a join that read the volume before its deletion.
#[test]
fn the_refusal_of_new_tokens_and_the_version_stand_in_for_each_other() {
    assert_eq!(explore(Mutant::TokensOnTerminating).err(), None);
    assert!(explore(Mutant::TokensOnTerminatingWithoutPreconditions).is_err());
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
        println!("{mutant:?}: {}", found.clone().err().unwrap_or_default());
        assert!(
            found.is_err_and(|why| why.contains("data is gone")),
            "{mutant:?} loses nothing"
        );
    }
}
