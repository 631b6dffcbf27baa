//! Peers that are slow, ask too much, or wait too short.

use super::support::{Setup, TOKEN, raw};
use super::*;
use std::num::NonZeroU32;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tombolo_backend_fake::{Moment, Op};
use tombolo_backend_remote::server::{Bounds, Limits, Security, listen};

const SHORT: Limits = Limits {
    connections: 8,
    per_address: 8,
    handshake: Duration::from_millis(300),
    head: Duration::from_millis(300),
    lifetime: Duration::from_secs(2),
    last_answer: Duration::from_millis(500),
    grace: Duration::from_millis(500),
};

async fn short() -> Far {
    let bounds = Bounds {
        body: Duration::from_millis(300),
        ..Bounds::default()
    };
    let setup = Setup {
        limits: SHORT,
        bounds,
        ..Setup::default()
    };
    Far::with(Arc::new(stocked().await), setup).await
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_peers_lose_their_places() {
    let far = short().await;
    let head = format!("POST /v1/space/read HTTP/1.1\r\nhost: far\r\nauthorization: Bearer {TOKEN}\r\n");
    let body = format!("{head}content-type: application/json\r\ncontent-length: 2\r\n\r\n{{");
    let began = Instant::now();
    let mut held = vec![];
    // Nothing at all, half a handshake: there is no TLS yet.
    for said in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut stream = TcpStream::connect(far.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        held.push(tokio::spawn(async move {
            let mut rest = vec![];
            let _ = stream.read_to_end(&mut rest).await;
            None
        }));
    }
    // No request, half a head, half a body.
    for said in ["", head.as_str(), body.as_str()] {
        let mut stream = far.raw().await;
        stream.write_all(said.as_bytes()).await.unwrap();
        held.push(tokio::spawn(async move { raw::read(&mut stream).await }));
    }
    let mut answers = vec![];
    for peer in held {
        answers.push(peer.await.unwrap());
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(answers[4].as_ref().map(|answer| answer.status), Some(408));
    assert!(answers[..4].iter().all(Option::is_none), "{answers:?}");
    far.client().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_drips_its_head_is_cut_off() {
    let far = short().await;
    let mut stream = far.raw().await;
    let began = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    while stream.write_all(b"x: y\r\n").await.is_ok() && stream.flush().await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_too_often_is_told_to_wait_and_others_are_not() {
    let bounds = Bounds {
        per_second: NonZeroU32::MIN,
        burst: NonZeroU32::new(5).unwrap(),
        ..Bounds::default()
    };
    let setup = Setup {
        bounds,
        ..Setup::default()
    };
    let far = Far::with(Arc::new(stocked().await), setup).await;
    let mut statuses = vec![];
    for _ in 0..8 {
        statuses.push(far.post("/v1/space/read", TOKEN, "", "{}").await);
    }
    let refused: Vec<_> = statuses.iter().filter(|answer| answer.status == 429).collect();
    assert!((2..=3).contains(&refused.len()), "{statuses:?}");
    assert_eq!(refused[0].header("retry-after"), Some("1"));
    assert_eq!(refused[0].json()["class"], "Transient");
    assert_eq!(refused[0].json()["certainty"], "NotDone");
    far.connect(super::support::certificate(&far.authority.client()))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_has_so_many_requests_under_way() {
    let bounds = Bounds {
        at_once: 2,
        ..Bounds::default()
    };
    let setup = Setup {
        bounds,
        ..Setup::default()
    };
    let fake = stocked().await;
    let far = Arc::new(Far::with(Arc::new(fake.clone()), setup).await);
    let gate = fake.gate(Op::Space, Moment::Before);
    let ask = |far: Arc<Far>| async move { far.post("/v1/space/read", TOKEN, "", "{}").await.status };
    let held = [tokio::spawn(ask(far.clone())), tokio::spawn(ask(far.clone()))];
    gate.arrived(2).await;
    assert_eq!(ask(far.clone()).await, 429);
    gate.open();
    for one in held {
        assert_eq!(one.await.unwrap(), 200);
    }
    assert_eq!(ask(far).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_far_side_stops_waiting_when_the_caller_does() {
    let (fake, far) = far().await;
    let gates = [
        fake.gate(Op::Inspect, Moment::Before),
        fake.gate(Op::Create, Moment::Before),
    ];
    let began = Instant::now();
    let wait = "tombolo-deadline: 200\r\n";
    let read = far.post("/v1/volumes/inspect", TOKEN, wait, r#"{"path":"v"}"#).await;
    assert_eq!((read.status, &read.json()["certainty"]), (504, &"NotDone".into()));
    let change = far
        .post(
            "/v1/volumes/create",
            TOKEN,
            wait,
            r#"{"path":"n","mode":493,"bytes":1}"#,
        )
        .await;
    assert_eq!((change.status, &change.json()["certainty"]), (504, &"MaybeDone".into()));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(gates.map(|gate| gate.waiting()), [1, 1]);
}

#[tokio::test]
async fn without_tls_there_is_service_on_loopback_only() {
    let shared = || {
        let (callers, counts) = (Arc::default(), Default::default());
        Arc::new(tombolo_backend_remote::server::Shared::new(
            Arc::new(Fake::default()),
            callers,
            Bounds::default(),
            Default::default(),
            counts,
        ))
    };
    let everywhere = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = listen(everywhere, Security::Plain, shared(), Limits::default())
        .err()
        .unwrap();
    assert!(refused.to_string().contains("loopback"), "{refused}");
    let here = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listen(here, Security::Plain, shared(), Limits::default()).unwrap();
}
