use std::path::Path;

use super::*;

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

#[test]
fn a_paused_process_stands_still_until_it_is_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
    let script = "while :; do echo tick; sleep 0.01; done";
    let clock = processes
        .spawn(Launch::new("clock", "sh").argument("-c").argument(script))
        .unwrap();
    let ticks = || std::fs::read_to_string(processes.log("clock")).unwrap().len();
    let ticks_on = || {
        let (before, start) = (ticks(), Instant::now());
        while ticks() == before {
            assert!(start.elapsed() < Duration::from_secs(60), "it stands still");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    ticks_on();
    clock.pause().unwrap();
    assert!(clock.is_alive() && clock.is_paused());
    clock.resume().unwrap();
    ticks_on();
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

#[test]
fn kills_what_does_not_listen() {
    let directory = tempfile::tempdir().unwrap();
    let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
    let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let stubborn = processes
        .spawn(Launch::new("stubborn", "sh").argument("-c").argument(script))
        .unwrap();
    let start = Instant::now();
    while !processes.last_words("stubborn").contains("ready") {
        assert!(start.elapsed() < Duration::from_secs(10), "the script did not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    processes.end("stubborn", Duration::from_millis(100)).unwrap();
    assert!(!stubborn.is_alive());
}

#[test]
fn an_early_end_comes_with_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
    let spawned = processes.spawn(
        Launch::new("loser", "sh")
            .argument("-c")
            .argument("echo no such flag; exit 3"),
    );
    let start = Instant::now();
    while spawned.is_ok() && processes.is_alive("loser") {
        assert!(start.elapsed() < Duration::from_secs(10), "the script did not end");
        std::thread::sleep(Duration::from_millis(5));
    }
    let error = spawned.and_then(|_| processes.still_runs("loser")).unwrap_err();
    assert!(format!("{error:#}").contains("no such flag"), "{error:#}");
}

#[test]
fn one_that_nobody_ended_starts_again_if_it_is_to_and_one_that_was_ended_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let processes = Processes::new(directory.path(), Lifetime::Owned).unwrap();
    let script = "echo started; sleep 4; echo my time is over; exit 1";
    let short = |name| Launch::new(name, "sh").argument("-c").argument(script);
    let starts = |name| {
        std::fs::read_to_string(processes.log(name))
            .unwrap()
            .matches("started")
            .count()
    };
    for (name, restart) in [
        ("mortal", Restart::IfItSaid("my time is over")),
        ("other", Restart::IfItSaid("something else")),
        ("ended", Restart::Always),
        ("left", Restart::Never),
    ] {
        processes.spawn(short(name).restarted(restart)).unwrap();
    }
    processes.end("ended", Duration::ZERO).unwrap();
    let start = Instant::now();
    while starts("mortal") < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "it did not start again");
        std::thread::sleep(Duration::from_millis(50));
    }
    // The others had the same time, and a little more.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!([starts("other"), starts("left")], [1, 1]);
    assert!(starts("ended") < 2);
    processes.end("mortal", Duration::ZERO).unwrap();
}
