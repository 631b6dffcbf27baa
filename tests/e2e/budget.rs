//! What claims cost the API server, counted by its own audit log: the budget that lets a small control plane take a crowd.

use std::time::{Duration, Instant};

use tombolo_harness::bench::{CLASS, CLOCKWORK, Claims, Sightings, Stage, names};
use tombolo_harness::{ClusterOptions, ControllerOptions, Requests, report_skipped};

const CLAIMS: usize = 20;
const SOON: Duration = Duration::from_secs(120);
/// What may come on top in one run, and is no part of the cost: a watch that the API server ended is begun with a list, and a write
/// that lost against another's is decided again on a read.
const EXTRA: usize = 3;

/// Whether a count is what was expected, or a little more.
fn about(count: usize, expected: usize) -> bool {
    (expected..=expected + EXTRA).contains(&count)
}

/// What the controller asked for while `claims` were made and bound, and how long that took.
async fn asked(
    stage: &Stage,
    seen: &Sightings,
    make: impl AsyncFn() -> anyhow::Result<Claims>,
) -> (Requests, Duration) {
    stage.rest().await.unwrap();
    let (mark, start) = (stage.audit.mark().unwrap(), Instant::now());
    let claims = make().await.unwrap();
    seen.bound(&claims.uids, SOON).await.unwrap();
    stage.rest().await.unwrap();
    (stage.audit.since(mark).unwrap(), start.elapsed())
}

/// All requests but those of some resources and of the clock, as text. A list of anything may be the beginning of a watch.
fn others(requests: &Requests, known: &[&str]) -> Vec<String> {
    let other = |(verb, resource, count): (&str, &str, usize)| {
        let relist = verb == "list" && count <= EXTRA;
        let counted = known.contains(&resource) || CLOCKWORK.contains(&resource) || relist;
        (!counted).then(|| format!("{count} {verb} {resource}"))
    };
    requests.iter().filter_map(other).collect()
}

#[tokio::test]
async fn claims_and_joins_keep_to_their_budget() {
    if std::env::var_os("E2E_KUBECONFIG").is_some_and(|value| !value.is_empty()) {
        report_skipped(
            "claims_and_joins_keep_to_their_budget",
            "it needs the API server's audit log",
        );
        return;
    }
    let stage = Stage::set_up(ClusterOptions::default()).await.unwrap();
    stage.make_class(CLASS).await.unwrap();
    let program = ControllerOptions::default().with_program(env!("CARGO_BIN_EXE_tombolo"));
    let _controller = stage.start_controller(program).await.unwrap();
    let seen = Sightings::begin(&stage.client).await.unwrap();

    let make = async || stage.crowd().ordinary(names("claim", CLAIMS)).await;
    let (requests, _) = asked(&stage, &seen, make).await;
    let says = format!("{CLAIMS} ordinary claims cost\n{requests}");
    assert_eq!(requests.count("create", "persistentvolumes"), CLAIMS, "{says}");
    assert_eq!(requests.writes("persistentvolumes"), CLAIMS, "one write, {says}");
    assert!(about(requests.writes("events"), 2 * CLAIMS), "two events, {says}");
    assert!(
        about(requests.reads("persistentvolumes") + requests.reads("events"), 0),
        "{says}"
    );
    let nothing: [String; 0] = [];
    assert_eq!(others(&requests, &["persistentvolumes", "events"]), nothing, "{says}");

    let owner = stage.crowd().shared(names("owner", 1)).await.unwrap();
    seen.bound(&owner.uids, SOON).await.unwrap();
    stage.refer_to(&names("owner", 1)).await.unwrap();
    let members = || {
        names("member", CLAIMS)
            .into_iter()
            .map(|name| (name, "owner-0".to_owned()))
    };
    let make = async || stage.crowd().joining(members().collect()).await;
    let (requests, took) = asked(&stage, &seen, make).await;
    let says = format!("{CLAIMS} joins of one volume cost\n{requests}");
    assert_eq!(requests.count("create", "persistentvolumes"), CLAIMS, "{says}");
    assert!(
        about(requests.count("patch", "persistentvolumes"), 2 * CLAIMS),
        "the token on and off, {says}"
    );
    assert!(about(requests.writes("persistentvolumes"), 3 * CLAIMS), "{says}");
    for read in ["persistentvolumeclaims", "persistentvolumes", "volumereferences"] {
        assert!(about(requests.count("get", read), CLAIMS), "one look at {read}, {says}");
        assert!(about(requests.count("list", read), 0), "{says}");
    }
    assert!(about(requests.reads("events"), 0), "{says}");
    assert!(requests.writes("events") <= 3 * CLAIMS + EXTRA, "{says}");
    assert_eq!(requests.writes("persistentvolumeclaims"), 0, "{says}");
    let described = requests.writes("sharedvolumes") + requests.writes("sharedvolumes/status");
    let seconds = usize::try_from(took.as_secs()).unwrap();
    assert!(
        described <= 2 + seconds + EXTRA,
        "at most one a second ({took:?}), {says}"
    );
    assert!(
        requests.reads("sharedvolumes") <= 2 + seconds + EXTRA,
        "and looked at no more often, {says}"
    );
    let known = [
        "persistentvolumes",
        "persistentvolumeclaims",
        "volumereferences",
        "events",
        "sharedvolumes",
        "sharedvolumes/status",
    ];
    assert_eq!(others(&requests, &known), nothing, "{says}");
}
