//! Servers that restart, are away, or fall silent.

use crate::{ganesha::*, id, into_trash, mark, path, running, volume};
use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tombolo_backend_api::{Backend, Certainty, Class, Purged};
use tombolo_backend_nfs::NfsBackend;

const VERSIONS: [&str; 2] = ["3", "4.1"];
/// The deadline of calls that get no answer.
const SHORT: Duration = Duration::from_secs(2);
/// The deadline of calls that do, and of everything else.
const PATIENCE: Duration = Duration::from_secs(60);

fn backends(server: &Ganesha, deadline: Duration) -> Vec<NfsBackend> {
    let config = |version: &str| server.config(OPEN, Some(&format!("v{}", version.len())), version);
    VERSIONS
        .iter()
        .map(|version| tombolo_backend_nfs::open(config(version)).with_deadline(deadline))
        .collect()
}

/// Backends with open connections and marked roots, from now on with the short deadline.
async fn known(server: &Ganesha) -> Vec<NfsBackend> {
    let mut known = Vec::new();
    for backend in backends(server, PATIENCE) {
        backend.place_mark(&mark("a")).await.unwrap();
        backend.create(&volume("vol")).await.unwrap();
        known.push(backend.with_deadline(SHORT));
    }
    known
}

/// All of these are patient again.
fn patient(backends: Vec<NfsBackend>) -> impl Iterator<Item = NfsBackend> {
    backends.into_iter().map(|backend| backend.with_deadline(PATIENCE))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_between_calls_is_not_noticed() {
    let Some(server) = running("a_restart_between_calls_is_not_noticed", Ganesha::start(Caches::Usual)) else {
        return;
    };
    let backends = backends(&server, PATIENCE);
    for backend in &backends {
        backend.place_mark(&mark("a")).await.unwrap();
        // Enough calls to have every connection of the pool open.
        for n in 0..8 {
            backend.create(&volume(&format!("vol-{n}"))).await.unwrap();
        }
    }
    server.kill();
    server.resume();
    for backend in &backends {
        backend.discard(&path("vol-0"), &into_trash("vol-0")).await.unwrap();
        backend.restore(&id("vol-0"), &path("back")).await.unwrap();
        assert!(backend.remove_empty(&path("back")).await.unwrap());
        backend.create(&volume("new")).await.unwrap();
        assert_eq!(backend.read_mark().await.unwrap(), Some(mark("a")));
        assert_eq!(backend.list().await.unwrap().len(), 8);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_amid_work_costs_a_repetition_at_most() {
    let Some(server) = running(
        "a_restart_amid_work_costs_a_repetition_at_most",
        Ganesha::start(Caches::Usual),
    ) else {
        return;
    };
    for backend in backends(&server, PATIENCE) {
        backend.place_mark(&mark("a")).await.unwrap();
        backend.create(&volume("vol")).await.unwrap();
        let behind = server
            .behind(OPEN)
            .join(&backend.root().path[backend.root().path.rfind('/').unwrap() + 1..]);
        for n in 0..3000 {
            fs::write(behind.join(format!("vol/{n}")), "").unwrap();
        }
        backend.discard(&path("vol"), &into_trash("vol")).await.unwrap();
        let vol = id("vol");
        let purge = async {
            // As a controller does it: again, until it has succeeded.
            let begin = Instant::now();
            loop {
                match backend.purge(&vol, &()).await {
                    Ok(_) => return,
                    Err(error) => {
                        assert!(matches!(error.class, Class::Transient | Class::Waiting), "{error}");
                        assert!(begin.elapsed() < PATIENCE, "{error}");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        };
        let restart = async {
            let purging = behind.join(".tombolo/trash/purging-vol");
            let begin = Instant::now();
            while !purging.exists() {
                assert!(begin.elapsed() < PATIENCE, "the purge does not begin");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::task::block_in_place(|| {
                server.kill();
                server.resume();
            });
        };
        tokio::join!(purge, restart);
        assert!(backend.trash().await.unwrap().is_empty());
        assert_eq!(backend.purge(&vol, &()).await.unwrap(), Purged::default());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_waited_for() {
    let Some(server) = running("a_server_that_is_away_is_waited_for", Ganesha::start(Caches::Usual)) else {
        return;
    };
    let known = known(&server).await;
    server.kill();
    for backend in known.iter().chain(&backends(&server, SHORT)) {
        let errors = [
            backend.read_mark().await.unwrap_err(),
            backend.inspect(&path("x")).await.unwrap_err(),
            backend.create(&volume("x")).await.unwrap_err(),
            backend.discard(&path("x"), &into_trash("x")).await.unwrap_err(),
            backend.trash().await.unwrap_err(),
            backend.list().await.unwrap_err(),
            backend.space().await.unwrap_err(),
            backend.purge(&id("x"), &()).await.unwrap_err(),
        ];
        for error in &errors {
            assert_eq!(
                (error.class, error.certainty),
                (Class::Waiting, Certainty::NotDone),
                "{error}"
            );
        }
    }
    server.resume();
    for backend in patient(known) {
        assert_eq!(backend.read_mark().await.unwrap(), Some(mark("a")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_is_left_at_the_deadline() {
    let Some(server) = running("a_silent_server_is_left_at_the_deadline", Ganesha::start(Caches::Usual)) else {
        return;
    };
    let known = known(&server).await;
    let frozen = server.freeze();
    for backend in known.iter().chain(&backends(&server, SHORT)) {
        let begin = Instant::now();
        let error = backend.read_mark().await.unwrap_err();
        // It would never answer, so there was a deadline; and nothing was given up before it.
        let took = begin.elapsed();
        assert!(SHORT <= took && took < PATIENCE, "{took:?}");
        assert_eq!(
            (error.class, error.certainty),
            (Class::Waiting, Certainty::NotDone),
            "{error}"
        );
    }
    drop(frozen);
    for backend in patient(known) {
        assert_eq!(backend.read_mark().await.unwrap(), Some(mark("a")));
        assert!(backend.inspect(&path("vol")).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_without_an_answer_may_have_been_made() {
    let Some(server) = running(
        "a_change_without_an_answer_may_have_been_made",
        Ganesha::start(Caches::Usual),
    ) else {
        return;
    };
    for backend in known(&server).await {
        let (begin, mut rounds) = (Instant::now(), 0);
        while !falls_silent_amid_a_change(&server, &backend, rounds).await {
            assert!(
                begin.elapsed() < PATIENCE,
                "no change met the silence in {rounds} rounds"
            );
            rounds += 1;
        }
    }
    for backend in patient(known(&server).await) {
        backend.create(&volume("after")).await.unwrap();
    }
}

/// The server falls silent somewhere in a row of changes; answers whether that was amid one.
async fn falls_silent_amid_a_change(server: &Ganesha, backend: &NfsBackend, round: usize) -> bool {
    let made = AtomicUsize::new(0);
    let changes = async {
        loop {
            let name = format!("vol-{round}-{}", made.load(Ordering::Relaxed));
            if let Err(error) = backend.create(&volume(&name)).await {
                return error;
            }
            made.fetch_add(1, Ordering::Relaxed);
        }
    };
    let freeze = async {
        let begin = Instant::now();
        // Under way, and then at a moment that has nothing to do with the changes.
        while made.load(Ordering::Relaxed) < 3 + round {
            assert!(begin.elapsed() < PATIENCE, "no change is made");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.freeze()
    };
    let (error, frozen) = tokio::join!(changes, freeze);
    drop(frozen);
    let expected = match error.certainty {
        Certainty::MaybeDone => Class::Transient,
        Certainty::NotDone => Class::Waiting,
    };
    assert_eq!(error.class, expected, "{error}");
    error.certainty == Certainty::MaybeDone
}
