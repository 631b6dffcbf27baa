//! A crash, or a long sleep, at every single write of every story, before and after its effect.

use crate::gate::Moment;
use crate::stories::{STORIES, Story};
use crate::world::{EVERY_THEN, Script, Then, World};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Fewer points than this and something stopped being explored.
const AT_LEAST: usize = 1;

struct Ended {
    end: String,
    writes: usize,
    midway_missed: bool,
}

fn tell(story: &Story, script: Script) -> Ended {
    let run = || {
        let mut world = World::new(script);
        (story.play)(&mut world);
        let (writes, midway_missed) = (world.writes(), world.midway_missed);
        world.end();
        world.check_end();
        Ended { end: world.what_is_left(), writes, midway_missed }
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        eprintln!("in story {} with {script:?}", story.name);
        resume_unwind(panic)
    })
}

/// Every way the people's timing can fall, without a crash.
fn scripts(story: &Story) -> Vec<(Script, usize)> {
    let mut all = Vec::new();
    for eager in [false, true] {
        for midway in 0.. {
            let script = Script { stop: None, midway, eager };
            let ended = tell(story, script);
            let expected = story.ends.contains(&ended.end.as_str());
            assert!(expected, "{} {script:?} ends in:\n\"{}\"", story.name, ended.end);
            all.push((script, ended.writes));
            // A story without a midway never asks for it, and ends the same whatever it is.
            if ended.midway_missed || midway > 200 || !has_midway(story) {
                break;
            }
        }
    }
    all
}

fn has_midway(story: &Story) -> bool {
    story.name.ends_with("midway") || story.name.contains("during")
}

fn explore(part: usize, of: usize) {
    let (mut points, mut wrong) = (0, Vec::new());
    for story in STORIES.iter().skip(part).step_by(of) {
        for (script, writes) in scripts(story) {
            for write in 1..=writes {
                for moment in [Moment::Before, Moment::After] {
                    // Whether caches follow at once makes little difference to who takes over.
                    for then in EVERY_THEN.into_iter().filter(|then| !script.eager || *then == Then::Restart) {
                        let script = Script { stop: Some((write, moment, then)), ..script };
                        points += 1;
                        let ended = match catch_unwind(|| tell(story, script)) {
                            Ok(ended) => ended,
                            Err(_) => { wrong.push(format!("{} {script:?} PANICS", story.name)); continue }
                        };
                        if !story.ends.contains(&ended.end.as_str()) {
                            wrong.push(format!("{} {script:?} ends in:\n  {}", story.name, ended.end));
                        }
                    }
                }
            }
        }
    }
    println!("{points} crash points");
    assert!(wrong.is_empty(), "{} of {points} end elsewhere:\n{}", wrong.len(), wrong.join("\n"));
    assert!(points >= AT_LEAST, "only {points} crash points");
}

#[test]
fn every_story_ends_as_it_should() {
    let mut wrong = Vec::new();
    for story in STORIES {
        let script = Script { stop: None, midway: 3, eager: false };
        let ended = tell(story, script);
        if !story.ends.contains(&ended.end.as_str()) {
            wrong.push(format!("{}: {}", story.name, ended.end));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_crash_at_any_write_changes_no_ending_1() {
    explore(0, 2);
}

#[test]
fn a_crash_at_any_write_changes_no_ending_2() {
    explore(1, 2);
}
