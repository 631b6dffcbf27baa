//! One join, or one restore, against one deletion, each by a controller that believes it leads: every order in which their calls can fall,
//! as long as neither is interrupted more than a few times.
//!
//! A pause is where races are lost, so orders with few of them find what there is to find (CHESS, Musuvathi and Qadeer, 2007); what
//! every number of pauses and any number of joins do to the protocol itself is `model`.

use crate::binder;
use crate::leader::{KINDS, Leader};
use crate::users::key;
use crate::world::{Script, World};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tombolo::domain::claim::ClaimPhase;
use tombolo::domain::ids::{PvName, VolumeId};
use tombolo::ledger::memory::MemoryDisk;
use tombolo::observe::work::Work;

mod snapshots;

const OWNER: &str = "primary/data";
const MEMBER: &str = "secondary/data";
const VOLUME: &str = "pvc-c1";

/// How often one side gives way to the other in the middle.
const PAUSES: usize = 2;

/// How a volume is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// Its claim is, and Kubernetes releases it.
    Claim,
    /// Somebody deletes the object first.
    Hand,
}

const BOTH: [By; 2] = [By::Claim, By::Hand];

/// The two sides: who reads the data, and who deletes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Joins,
    Deletes,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Joins => Self::Deletes,
            Self::Deletes => Self::Joins,
        }
    }
}

/// An order: who begins, and after how many steps each time the other goes on.
#[derive(Debug, Clone)]
struct Order {
    first: Side,
    turns: Vec<usize>,
}

/// What two controllers race about.
trait Race {
    fn world(&mut self) -> &mut World;
    /// The next step of a side, which has taken so many; `false`: it has come to its end.
    fn step(&mut self, side: Side, taken: usize) -> bool;
    /// What came of it, once everybody has come to rest: whether whoever reads has the data. Then everybody leaves.
    fn outcome(&mut self) -> bool;
}

/// A race that is run.
struct Run<R> {
    race: R,
    /// Steps that each side has taken.
    taken: [usize; 2],
}

struct Join {
    world: World,
    by: By,
}

impl Join {
    /// An owner's volume that a consumer is about to ask for, and two controllers that know everything until then.
    fn new(by: By, careless: bool) -> Self {
        let mut world = World::new(Script {
            stop: None,
            midway: 0,
            eager: true,
            silent: None,
        });
        world.own(OWNER, "gold");
        world.refer("secondary", OWNER);
        world.settle();
        world
            .leaders
            .push(Leader::start(&world.out, &MemoryDisk::default(), false));
        world.settle();
        world.ask(MEMBER, OWNER, "gold");
        KINDS.iter().for_each(|kind| while world.leaders[0].deliver(*kind) {});
        world.out.cluster.store().careless = careless;
        Self { world, by }
    }

    fn delete(&mut self, at: usize) -> bool {
        let by_hand = usize::from(self.by == By::Hand);
        match at.checked_sub(by_hand) {
            None => self.world.delete_pv(VOLUME),
            Some(0) => self.world.delete(OWNER),
            Some(1) => while binder::step(&mut self.world.out.cluster.store(), false) {},
            Some(2) => {
                let leader = &mut self.world.leaders[1];
                KINDS.iter().for_each(|kind| while leader.deliver(*kind) {});
                leader.begin(Work::Volume(VolumeId::from(&PvName::new(VOLUME))));
            }
            Some(_) => return poll(&mut self.world.leaders[1]),
        }
        true
    }
}

fn poll(leader: &mut Leader) -> bool {
    if leader.looks() > 0 {
        leader.poll(0);
    }
    leader.looks() > 0
}

impl Race for Join {
    fn world(&mut self) -> &mut World {
        &mut self.world
    }

    fn step(&mut self, side: Side, taken: usize) -> bool {
        match side {
            Side::Joins if taken == 0 => {
                self.world.leaders[0].begin(Work::Claim(key(MEMBER)));
                true
            }
            Side::Joins => poll(&mut self.world.leaders[0]),
            Side::Deletes => self.delete(taken),
        }
    }

    fn outcome(&mut self) -> bool {
        let member = self.world.out.cluster.store().claim(&key(MEMBER)).unwrap();
        let joined = member.phase == ClaimPhase::Bound;
        let data = self.world.out.fake.read(&format!("{VOLUME}/bytes")).is_some();
        assert_eq!(
            joined, data,
            "who joined has the data, and without anybody in it there is none"
        );
        self.world.delete(MEMBER);
        joined
    }
}

impl<R: Race> Run<R> {
    fn step(&mut self, side: Side) -> bool {
        let taken = self.taken[side as usize];
        self.taken[side as usize] += 1;
        let moved = self.race.step(side, taken);
        let world = self.race.world();
        world.history.look(&world.out);
        moved
    }

    /// Plays an order. `None`: a side came to its end before its turn did, so this is an order that was played already. Otherwise how
    /// many steps the side took that went on last.
    fn play(&mut self, order: &Order) -> Option<usize> {
        let mut side = order.first;
        for turn in &order.turns {
            for _ in 0..*turn {
                if !self.step(side) {
                    return None;
                }
            }
            side = side.other();
        }
        let before = self.taken[side as usize];
        while self.step(side) {}
        let last = self.taken[side as usize] - before;
        while self.step(side.other()) {}
        Some(last)
    }

    /// What came of it; then everybody leaves, and nothing may stay.
    fn end(mut self) -> bool {
        self.race.world().settle();
        let joined = self.race.outcome();
        let world = self.race.world();
        world.settle();
        world.end();
        world.check_end();
        assert_eq!(world.what_is_left(), "nothing");
        joined
    }
}

/// What came of all orders: how many ended how, and those that broke a promise.
#[derive(Default)]
struct Found {
    joined: BTreeMap<bool, usize>,
    wrong: Vec<String>,
}

impl Found {
    fn explore<R: Race>(&mut self, race: &impl Fn() -> R, what: &dyn fmt::Debug, first_wrong: bool, order: Order) {
        let mut run = Run {
            race: race(),
            taken: [0; 2],
        };
        let mut last = None;
        let played = catch_unwind(AssertUnwindSafe(|| {
            last = run.play(&order);
            last.map(|_| run.end())
        }));
        match played {
            Ok(None) => return,
            Ok(Some(joined)) => *self.joined.entry(joined).or_default() += 1,
            Err(panic) => {
                let why = panic.downcast_ref::<String>().map_or("a panic", String::as_str);
                self.wrong.push(format!("{what:?} {order:?}: {why}"));
            }
        }
        if order.turns.len() == PAUSES || (first_wrong && !self.wrong.is_empty()) {
            return;
        }
        for turn in 1..last.unwrap_or(0) {
            let mut order = order.clone();
            order.turns.push(turn);
            self.explore(race, what, first_wrong, order);
        }
    }

    /// From both sides.
    fn explore_all<R: Race>(&mut self, race: &impl Fn() -> R, what: &dyn fmt::Debug, first_wrong: bool) {
        for first in [Side::Joins, Side::Deletes] {
            let order = Order {
                first,
                turns: Vec::new(),
            };
            self.explore(race, what, first_wrong, order);
        }
    }

    /// No order may go wrong, and many end either way.
    fn is_a_race(&self) {
        println!("orders by whether whoever reads has the data: {:?}", self.joined);
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        let of = |joined| self.joined.get(&joined).copied().unwrap_or(0);
        assert!(
            of(true) > 100 && of(false) > 100,
            "a race that always ends the same way is none: {:?}",
            self.joined
        );
    }
}

fn explore(careless: bool) -> Found {
    let mut found = Found::default();
    for by in BOTH {
        found.explore_all(&|| Join::new(by, careless), &by, careless);
    }
    found
}

#[test]
fn no_order_of_one_join_and_one_deletion_loses_the_members_data() {
    explore(false).is_a_race();
}

#[test]
fn on_an_api_server_that_takes_late_tokens_some_order_does() {
    let found = explore(true);
    println!("{} orders go wrong", found.wrong.len());
    assert!(
        found.wrong.iter().any(|why| why.contains("the data of")),
        "{:?}",
        found.wrong
    );
}
