//! The loop against a Lease in memory, on tokio's paused clock: minutes of election take no time.

use super::*;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Refused, as a 429 or a 5xx would be; nothing done.
    Refused,
    /// Done, but answered with an error.
    DoneButUnheard,
    /// No answer, ever; nothing done.
    Silent,
}

#[derive(Default)]
struct World {
    lease: Option<Lease>,
    version: u64,
    made: u64,
}

/// One client's view of the Lease: `fault` cuts this client off and no other.
#[derive(Clone, Default)]
struct Memory {
    world: Arc<Mutex<World>>,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl Memory {
    fn peer(&self) -> Self {
        Self {
            world: self.world.clone(),
            fault: Arc::default(),
        }
    }

    fn suffer(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().unwrap() = fault.into();
    }

    /// Writes behind every client's back; a new UID if there was no Lease.
    fn put(&self, change: impl FnOnce(&mut Lease)) {
        let mut world = self.world.lock().unwrap();
        world.version += 1;
        let mut lease = match world.lease.take() {
            Some(lease) => lease,
            None => {
                world.made += 1;
                let mut lease = Lease::default();
                lease.metadata.uid = Some(format!("uid-{}", world.made));
                lease
            }
        };
        change(&mut lease);
        lease.metadata.resource_version = Some(world.version.to_string());
        world.lease = Some(lease);
    }

    fn hold_as(&self, holder: &str, transitions: i32) {
        self.put(|lease| {
            lease.spec = Some(LeaseSpec {
                holder_identity: Some(holder.into()),
                lease_duration_seconds: Some(15),
                lease_transitions: Some(transitions),
                // Far from our clock, and so of no meaning.
                renew_time: Some(MicroTime("2001-01-01T00:00:00Z".parse().unwrap())),
                ..LeaseSpec::default()
            });
        });
    }

    fn delete(&self) {
        self.world.lock().unwrap().lease = None;
    }

    fn spec(&self) -> LeaseSpec {
        self.world.lock().unwrap().lease.clone().unwrap().spec.unwrap()
    }

    async fn answer<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        tokio::task::yield_now().await;
        let refused = || StoreError::Failed("429 Too Many Requests".into());
        let fault = *self.fault.lock().unwrap();
        match fault {
            None => work(),
            Some(Fault::Refused) => Err(refused()),
            Some(Fault::DoneButUnheard) => {
                self.suffer(None);
                work().and(Err(refused()))
            }
            Some(Fault::Silent) => std::future::pending().await,
        }
    }
}

impl LeaseStore for Memory {
    async fn get(&self) -> Result<Option<Lease>, StoreError> {
        // Reads are not what `DoneButUnheard` is about.
        let fault = *self.fault.lock().unwrap();
        if fault == Some(Fault::DoneButUnheard) {
            return Ok(self.world.lock().unwrap().lease.clone());
        }
        self.answer(|| Ok(self.world.lock().unwrap().lease.clone())).await
    }

    async fn create(&self, spec: LeaseSpec) -> Result<Lease, StoreError> {
        self.answer(|| {
            if self.world.lock().unwrap().lease.is_some() {
                return Err(StoreError::Conflict);
            }
            self.put(|lease| lease.spec = Some(spec));
            Ok(self.world.lock().unwrap().lease.clone().unwrap())
        })
        .await
    }

    async fn replace(&self, new: &Lease) -> Result<Lease, StoreError> {
        self.answer(|| {
            let found = self.world.lock().unwrap().lease.clone().ok_or(StoreError::Gone)?;
            if found.metadata.resource_version != new.metadata.resource_version {
                return Err(StoreError::Conflict);
            }
            self.put(|lease| *lease = new.clone());
            Ok(self.world.lock().unwrap().lease.clone().unwrap())
        })
        .await
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn candidate(store: &Memory) -> Elector<Memory> {
    Elector::new(store.clone(), Identity::new("me"), Timing::default())
}

fn terms(leadership: &Leadership) -> (Option<Epoch>, Epoch) {
    match leadership {
        Leadership::Elected { before, now } => (before.clone(), now.clone()),
        Leadership::Alone => panic!("elected by nobody"),
    }
}

fn epoch(lease: &str, transitions: i32, holder: &str) -> Epoch {
    Epoch {
        lease: lease.into(),
        transitions,
        holder: holder.into(),
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_ever_candidate_makes_the_lease_and_trusts_no_ledger() {
    let store = Memory::default();
    let term = candidate(&store).acquire().await;
    let (before, now) = terms(term.leadership());
    assert_eq!(before, None);
    assert_eq!(now, epoch("uid-1", 0, term.elector.me.as_str()));
    assert_eq!(store.spec().lease_duration_seconds, Some(15));
}

#[tokio::test(start_paused = true)]
async fn a_dead_holder_is_waited_for_by_our_own_clock() {
    let store = Memory::default();
    store.hold_as("dead_1", 7);
    let start = Instant::now();
    let term = candidate(&store).acquire().await;
    let waited = start.elapsed();
    assert!((15 * SECOND..18 * SECOND).contains(&waited), "{waited:?}");
    let (before, now) = terms(term.leadership());
    assert_eq!(before, Some(epoch("uid-1", 7, "dead_1")));
    assert_eq!((now.lease.as_str(), now.transitions), ("uid-1", 8));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_renews_is_left_alone_and_edited_labels_are_no_sign_of_life() {
    let store = Memory::default();
    let term = candidate(&store.peer()).acquire().await;
    let holder = tokio::spawn(async move {
        let mut term = term;
        term.keep().await
    });
    let waiting = tokio::spawn(candidate(&store.peer()).acquire());
    sleep(120 * SECOND).await;
    assert!(!waiting.is_finished());

    holder.abort();
    let died = Instant::now();
    let labels = tokio::spawn({
        let store = store.clone();
        async move {
            loop {
                store.put(|lease| lease.metadata.labels = Some(BTreeMap::from([("touched".into(), "yes".into())])));
                sleep(SECOND).await;
            }
        }
    });
    waiting.await.unwrap();
    labels.abort();
    let waited = died.elapsed();
    assert!((13 * SECOND..18 * SECOND).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_free_at_once_and_still_names_who_held_it() {
    let store = Memory::default();
    let first = candidate(&store).acquire().await;
    let (_, held) = terms(first.leadership());
    first.release().await.unwrap();
    assert_eq!(store.spec().holder_identity.as_deref(), Some(held.holder.as_str()));
    assert_eq!(store.spec().lease_duration_seconds, Some(1));

    let start = Instant::now();
    let second = candidate(&store).acquire().await;
    assert!(start.elapsed() <= 2 * SECOND, "{:?}", start.elapsed());
    assert_eq!(terms(second.leadership()).0, Some(held));
    assert_eq!(store.spec().lease_duration_seconds, Some(15));

    let of_second = terms(second.leadership()).0;
    second.release().await.unwrap();
    let third = candidate(&store).acquire().await;
    assert_ne!(terms(third.leadership()).0, of_second, "somebody led in between");
}

#[tokio::test(start_paused = true)]
async fn renewals_that_fail_matter_only_at_the_deadline() {
    let store = Memory::default();
    let mut term = candidate(&store).acquire().await;
    for _ in 0..5 {
        store.suffer(Fault::Refused);
        assert!(timeout(5 * SECOND, term.keep()).await.is_err(), "gave up too early");
        store.suffer(None);
        assert!(
            timeout(3 * SECOND, term.keep()).await.is_err(),
            "gave up after recovery"
        );
    }

    for fault in [Fault::Refused, Fault::Silent] {
        let store = Memory::default();
        let mut term = candidate(&store).acquire().await;
        let won = Instant::now();
        store.suffer(fault);
        assert_eq!(term.keep().await, Lost::Expired(10 * SECOND), "{fault:?}");
        assert_eq!(won.elapsed(), 10 * SECOND, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_cut_off_has_stopped_well_before_the_next_one_starts() {
    let store = Memory::default();
    let mut term = candidate(&store).acquire().await;
    assert!(timeout(61 * SECOND, term.keep()).await.is_err());
    let next = tokio::spawn({
        let peer = store.peer();
        async move {
            candidate(&peer).acquire().await;
            Instant::now()
        }
    });
    assert!(timeout(30 * SECOND, term.keep()).await.is_err());
    store.suffer(Fault::Silent);
    term.keep().await;
    let stopped = Instant::now();
    let started = next.await.unwrap();
    assert!(started > stopped + Timing::default().grace(), "{:?}", started - stopped);
}

#[tokio::test(start_paused = true)]
async fn a_lease_in_other_hands_ends_the_term_with_the_next_renewal() {
    type Interference = fn(&Memory);
    let cases: [(&str, Interference, Lost); 4] = [
        (
            "taken",
            |s| s.hold_as("other_1", 9),
            Lost::Taken { by: "other_1".into() },
        ),
        (
            "emptied",
            |s| s.put(|lease| lease.spec = None),
            Lost::Taken { by: String::new() },
        ),
        ("deleted", Memory::delete, Lost::Deleted),
        (
            "made again with our name in it",
            |s| {
                let holder = s.spec().holder_identity.unwrap();
                s.delete();
                s.hold_as(&holder, 0);
            },
            Lost::Recreated,
        ),
    ];
    for (name, interfere, lost) in cases {
        let store = Memory::default();
        let mut term = candidate(&store).acquire().await;
        let start = Instant::now();
        interfere(&store);
        assert_eq!(term.keep().await, lost, "{name}");
        assert!(start.elapsed() <= 3 * SECOND, "{name}: {:?}", start.elapsed());
        assert!(term.release().await.is_err(), "{name}: wrote a Lease that is not ours");
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_write_beside_the_spec_stays_and_costs_no_term() {
    let store = Memory::default();
    let mut term = candidate(&store).acquire().await;
    store.put(|lease| lease.metadata.labels = Some(BTreeMap::from([("team".into(), "storage".into())])));
    assert!(timeout(60 * SECOND, term.keep()).await.is_err());
    let labels = store
        .world
        .lock()
        .unwrap()
        .lease
        .clone()
        .unwrap()
        .metadata
        .labels
        .unwrap();
    assert_eq!(labels.get("team").map(String::as_str), Some("storage"));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_succeeded_unheard_counts_once() {
    let store = Memory::default();
    store.hold_as("dead_1", 7);
    store.suffer(Fault::DoneButUnheard);
    let term = candidate(&store).acquire().await;
    let (before, now) = terms(term.leadership());
    assert_eq!(before, Some(epoch("uid-1", 7, "dead_1")), "not ourselves");
    assert_eq!(now.transitions, 8);

    let mut term = term;
    for _ in 0..5 {
        store.suffer(Fault::DoneButUnheard);
        assert!(timeout(10 * SECOND, term.keep()).await.is_err());
    }
    assert_eq!(store.spec().lease_transitions, Some(8));
}

#[tokio::test(start_paused = true)]
async fn of_many_candidates_one_wins() {
    let store = Memory::default();
    let candidates: Vec<_> = (0..8)
        .map(|_| tokio::spawn(candidate(&store.peer()).acquire()))
        .collect();
    sleep(5 * SECOND).await;
    let winners = candidates.iter().filter(|task| task.is_finished()).count();
    candidates.iter().for_each(tokio::task::JoinHandle::abort);
    assert_eq!(winners, 1);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_outlasts_an_api_server_that_is_away() {
    let store = Memory::default();
    store.suffer(Fault::Silent);
    let waiting = tokio::spawn(candidate(&store).acquire());
    sleep(300 * SECOND).await;
    assert!(!waiting.is_finished());
    store.suffer(None);
    let back = Instant::now();
    waiting.await.unwrap();
    assert!(back.elapsed() <= 8 * SECOND, "{:?}", back.elapsed());
}
