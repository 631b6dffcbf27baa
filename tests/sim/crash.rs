//! A crash, or a long sleep, at every single write of every story, before and after its effect.

use crate::gate::Moment;
use crate::leader::{KINDS, Kind};
use crate::stories::{self, Story};
use crate::world::{EVERY_THEN, Script, Then, World};
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Fewer points than this and something stopped being explored.
const AT_LEAST: usize = 30_000;

/// Stories that go on where others end are long. In these people meet a stop at each write at one of so many of the moments at which they
/// can act; without a stop they act at each of them, and whoever asks for one story (`SIM_STORY`) has all of it.
const SELDOM: usize = 3;

struct Ended {
    end: String,
    before: usize,
    writes: usize,
    midway_missed: bool,
}

fn tell(story: &Story, script: Script) -> Ended {
    let run = || {
        let mut world = World::new(script);
        (story.play)(&mut world);
        let (writes, before, midway_missed) = (world.writes(), world.before, world.midway_missed);
        world.end();
        world.check_end();
        world.check_sizes();
        Ended {
            end: world.what_is_left(),
            before,
            writes,
            midway_missed,
        }
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        eprintln!("in story {} with {script:?}", story.name);
        resume_unwind(panic)
    })
}

/// Every way in which the people's timing can fall, without a crash, and at which writes of each somebody can stop.
fn timings(story: &Story, eager: bool, silent: Option<Kind>) -> Vec<(Script, RangeInclusive<usize>)> {
    let mut all = Vec::new();
    for midway in 0.. {
        let script = Script {
            stop: None,
            midway,
            eager,
            silent,
        };
        let ended = tell(story, script);
        assert!(
            story.may_end(&ended.end, script),
            "{} {script:?} ends in:\n\"{}\"",
            story.name,
            ended.end
        );
        all.push((script, ended.before + 1..=ended.writes));
        // A story without a midway never asks for it, and ends the same whatever it is.
        if ended.midway_missed || !has_midway(story) {
            break;
        }
    }
    all
}

fn asked_for() -> Option<String> {
    std::env::var("SIM_STORY").ok()
}

/// Of other stories these kinds have no news, and wait for nothing.
fn is_heard(story: &Story, kind: Kind) -> bool {
    let of_snapshots = ["snapshot", "restore"].iter().any(|word| story.name.contains(word));
    of_snapshots || !matches!(kind, Kind::Snapshot | Kind::Content)
}

fn has_midway(story: &Story) -> bool {
    story.name.ends_with("midway") || story.name.contains("during")
}

/// Every point at which a controller can stop, and what becomes of it.
fn points(story: &Story) -> Vec<Script> {
    let mut points = Vec::new();
    let every = if asked_for().is_some() { 1 } else { SELDOM };
    let played = |(script, writes): &(Script, RangeInclusive<usize>)| {
        let long = *writes.start() > 1;
        !long || script.midway.is_multiple_of(every)
    };
    let timings = [false, true].into_iter().flat_map(|eager| timings(story, eager, None));
    for (script, writes) in timings.filter(played) {
        // How caches lag makes little difference to who takes over.
        for (write, moment) in writes.flat_map(|w| [(w, Moment::Before), (w, Moment::After)]) {
            for then in EVERY_THEN
                .into_iter()
                .filter(|then| !script.eager || *then == Then::Restart)
            {
                points.push(Script {
                    stop: Some((write, moment, then)),
                    ..script
                });
            }
        }
    }
    points
}

/// Explores every n-th point, so that the tests that share the work end at about the same time.
fn explore(part: usize, of: usize) {
    let (mut all, mut wrong) = (0, Vec::new());
    let only = asked_for();
    let told = |story: &&Story| only.as_ref().is_none_or(|only| story.name.contains(only.as_str()));
    for story in stories::all().filter(told) {
        for script in points(story) {
            all += 1;
            if all % of != part {
                continue;
            }
            match catch_unwind(|| tell(story, script)) {
                Ok(ended) if story.may_end(&ended.end, script) => {}
                Ok(ended) => {
                    eprintln!("{} {script:?} ends in:\n  {}", story.name, ended.end);
                    wrong.push(format!("{} {script:?} ends in:\n  {}", story.name, ended.end));
                }
                Err(_) => wrong.push(format!("{} {script:?} PANICS", story.name)),
            }
        }
    }
    println!("part {part} of {all} crash points");
    assert!(
        wrong.is_empty(),
        "{} of {all} end elsewhere:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(only.is_some() || all >= AT_LEAST, "only {all} crash points");
}

#[test]
fn every_story_ends_as_it_should() {
    let mut wrong = Vec::new();
    for story in stories::all() {
        let script = Script {
            stop: None,
            midway: 3,
            eager: false,
            silent: None,
        };
        match catch_unwind(|| tell(story, script)) {
            Ok(ended) if story.may_end(&ended.end, script) => {}
            Ok(ended) => wrong.push(format!("{}: {}", story.name, ended.end)),
            Err(_) => wrong.push(format!("{} PANICS", story.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of each kind in turn: while one watch has nothing to say for as long as anything else can go on, the others must not make a
/// controller do the same thing over and over.
#[test]
fn a_silent_watch_causes_no_storm_and_changes_no_ending() {
    let silences = stories::all().flat_map(|story| KINDS.map(|kind| (story, kind)));
    for (story, kind) in silences.filter(|(story, kind)| is_heard(story, *kind)) {
        assert!(!timings(story, false, Some(kind)).is_empty());
    }
}

#[test]
fn a_crash_at_any_write_changes_no_ending_1() {
    explore(0, 2);
}

#[test]
fn a_crash_at_any_write_changes_no_ending_2() {
    explore(1, 2);
}
