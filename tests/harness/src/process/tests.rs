use std::path::Path;

use super::*;
use crate::wait::{Look, never, until};

const SOON: Duration = Duration::from_secs(60);

/// A process of a shell that does as it is told.
fn shell(name: &'static str, script: &str) -> Launch {
    Launch::new(name, "sh").argument("-c").argument(script)
}

fn sleeper(directory: &Path) -> (Processes, Recorded) {
    let processes = Processes::new(directory, Lifetime::Owned).unwrap();
    let recorded = processes
        .spawn(Launch::new("sleeper", "sleep").argument("1000"))
        .unwrap();
    (processes, recorded)
}

#[test]
fn ends_what_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let (processes, recorded) = sleeper(directory.path());
    assert!(recorded.is_alive());
    assert_eq!(processes.find("sleeper"), Some(recorded.clone()));
    processes.end("sleeper", Duration::from_secs(5)).unwrap();
    assert!(!recorded.is_alive());
    assert!(processes.all().unwrap().is_empty());
}

#[test]
fn a_process_runs_until_its_last_thread_has_ended() {
    let stat = |state: &str, threads: u32| {
        format!("7 (a) b) {state} 1 7 7 0 -1 4228612 0 0 0 0 1 2 0 0 20 0 {threads} 0 4711 0 0")
    };
    assert_eq!(started(&stat("S", 1)), Some("4711"));
    assert_eq!(started(&stat("Z", 3)), Some("4711"), "its ports are not free yet");
    assert_eq!(started(&stat("Z", 1)), None);
}

#[tokio::test]
async fn a_paused_process_stands_still_until_it_is_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
    let script = "while :; do echo tick; sleep 0.01; done";
    let clock = processes.spawn(shell("clock", script)).unwrap();
    let ticks = || processes.log_text("clock").len();
    let ticks_on = async || {
        let before = ticks();
        let look = async || Ok(Look::holds(ticks() != before, "it stands still"));
        until("the clock to tick", SOON, look).await.unwrap();
    };
    ticks_on().await;
    clock.pause().unwrap();
    assert!(clock.is_alive() && clock.is_paused());
    clock.resume().unwrap();
    ticks_on().await;
    processes.end("clock", Duration::ZERO).unwrap();
}

#[test]
fn spares_a_recycled_id() {
    let directory = tempfile::tempdir().unwrap();
    let (processes, recorded) = sleeper(directory.path());
    let namesake = Recorded {
        birth: "another-boot/1".into(),
        ..recorded.clone()
    };
    assert!(!namesake.is_alive());
    namesake.end(Duration::ZERO).unwrap();
    assert!(recorded.is_alive());
    processes.end("sleeper", Duration::ZERO).unwrap();
}

#[tokio::test]
async fn kills_what_does_not_listen() {
    let directory = tempfile::tempdir().unwrap();
    let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
    let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let stubborn = processes.spawn(shell("stubborn", script)).unwrap();
    let look = async || Ok(Look::holds(processes.log_text("stubborn").contains("ready"), "no word"));
    until("the script to start", Duration::from_secs(10), look)
        .await
        .unwrap();
    processes.end("stubborn", Duration::from_millis(100)).unwrap();
    assert!(!stubborn.is_alive());
}

#[tokio::test]
async fn an_early_end_comes_with_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
    let spawned = processes.spawn(shell("loser", "echo no such flag; exit 3"));
    let look = async || Ok(Look::holds(spawned.is_err() || !processes.is_alive("loser"), "it runs"));
    until("the script to end", Duration::from_secs(10), look).await.unwrap();
    let error = spawned.and_then(|_| processes.still_runs("loser")).unwrap_err();
    assert!(format!("{error:#}").contains("no such flag"), "{error:#}");
}

#[tokio::test]
async fn one_that_nobody_ended_starts_again_if_it_is_to_and_one_that_was_ended_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
    let spawned = |name, restart| {
        let script = "echo started; sleep 4; echo my time is over; exit 1";
        let (_, exit) = processes.spawn_watched(shell(name, script).restarted(restart)).unwrap();
        exit
    };
    let starts = |name| processes.log_text(name).matches("started").count();
    let mortal = spawned("mortal", Restart::IfItSaid("my time is over"));
    let other = spawned("other", Restart::IfItSaid("something else"));
    let left = spawned("left", Restart::Never);
    spawned("ended", Restart::Always);
    processes.end("ended", Duration::ZERO).unwrap();
    let look = async || {
        Ok(Look::holds(
            starts("mortal") >= 2 && mortal.get().is_none(),
            mortal.get(),
        ))
    };
    until("it to start again, and to have no exit status", SOON, look)
        .await
        .unwrap();
    // The others had the same time, and have a little more.
    let look = async || {
        let all = [starts("other"), starts("left"), starts("ended").max(1)];
        Ok(Look::found((all != [1; 3]).then(|| format!("{all:?}")), all))
    };
    never("another one started again", Duration::from_secs(1), look)
        .await
        .unwrap();
    assert!([other, left].iter().all(|exit| exit.get().unwrap().code() == Some(1)));
    processes.end("mortal", Duration::ZERO).unwrap();
}
