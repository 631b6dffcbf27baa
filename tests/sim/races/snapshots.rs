//! One restore against one deletion of the snapshot that it reads. The claim is of another namespace, so that the snapshot-controller, which
//! waits for claims of the snapshot's own, does not take part.

use super::{Found, OWNER, Race, Side, poll};
use crate::leader::{KINDS, Leader};
use crate::snapshot_controller;
use crate::users::{ELSEWHERE, SNAPSHOT, key};
use crate::world::{Script, World};
use tombolo::domain::claim::ClaimPhase;
use tombolo::domain::ids::ContentName;
use tombolo::ledger::memory::MemoryDisk;
use tombolo::observe::work::Work;

const CONTENT: &str = "snapcontent-s1";
const COPY: &str = "pvc-c2";

struct Restore {
    world: World,
}

impl Restore {
    /// A snapshot that a claim elsewhere is about to be made from, and two controllers that know everything until then.
    fn new(careless: bool) -> Self {
        let mut world = World::new(Script {
            stop: None,
            midway: 0,
            eager: true,
            silent: None,
        });
        world.taken("snaps");
        world.grant("primary", "secondary");
        world
            .leaders
            .push(Leader::start(&world.out, &MemoryDisk::default(), false));
        world.settle();
        world.restore(ELSEWHERE, SNAPSHOT, "gold");
        // Kubernetes asks for it.
        while crate::binder::step(&mut world.out.cluster.store(), true) {}
        hear(&mut world.leaders[0]);
        world.out.cluster.store().careless = careless;
        Self { world }
    }

    fn restore(&mut self, taken: usize) -> bool {
        let leader = &mut self.world.leaders[0];
        if taken == 0 {
            leader.begin(Work::Claim(key(ELSEWHERE)));
            return true;
        }
        // The copy is made beside the looks, by what the look at the content has left.
        leader.begin_copy();
        poll(leader)
    }

    fn delete(&mut self, taken: usize) -> bool {
        match taken {
            0 => self.world.delete_snapshot(SNAPSHOT),
            1 => while snapshot_controller::step(&mut self.world.out.cluster.store(), false) {},
            2 => {
                let leader = &mut self.world.leaders[1];
                hear(leader);
                leader.begin(Work::Content(ContentName::new(CONTENT)));
            }
            _ => return poll(&mut self.world.leaders[1]),
        }
        true
    }
}

fn hear(leader: &mut Leader) {
    KINDS.iter().for_each(|kind| while leader.deliver(*kind) {});
}

impl Race for Restore {
    fn world(&mut self) -> &mut World {
        &mut self.world
    }

    fn step(&mut self, side: Side, taken: usize) -> bool {
        match side {
            Side::Joins => self.restore(taken),
            Side::Deletes => self.delete(taken),
        }
    }

    fn outcome(&mut self) -> bool {
        let claim = self.world.out.cluster.store().claim(&key(ELSEWHERE)).unwrap();
        let restored = claim.phase == ClaimPhase::Bound;
        let data = self.world.out.fake.read(&format!("{COPY}/bytes")).is_some();
        assert_eq!(restored, data, "who was made from it has the data, and nobody else");
        self.world.delete(ELSEWHERE);
        self.world.delete(OWNER);
        restored
    }
}

fn explore(careless: bool) -> Found {
    let mut found = Found::default();
    found.explore_all(&|| Restore::new(careless), &"a snapshot", careless);
    found
}

#[test]
fn no_order_of_one_restore_and_one_deletion_of_its_snapshot_loses_its_data() {
    explore(false).is_a_race();
}

#[test]
fn on_an_api_server_that_takes_late_tokens_some_order_removes_a_snapshot_that_is_read() {
    let found = explore(true);
    println!("{} orders go wrong", found.wrong.len());
    assert!(
        found.wrong.iter().any(|why| why.contains("is not what it was")),
        "{:?}",
        found.wrong
    );
}
