//! Real connections, as address checks are about those.

use super::*;
use crate::telemetry::LogFormat;
use std::net::{IpAddr, UdpSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

struct Door {
    address: SocketAddr,
    admin: Admin,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

async fn open(bind: &str) -> Door {
    let (subscriber, log) = crate::telemetry::subscriber("info", LogFormat::Human, false, io::sink).unwrap();
    // A dropped subscriber takes its filter along.
    std::mem::forget(subscriber);
    let admin = Admin {
        readiness: Readiness::new(),
        metrics: Metrics::new(),
        log,
    };
    let listener = TcpListener::bind(bind).await.unwrap();
    let stop = CancellationToken::new();
    Door {
        address: listener.local_addr().unwrap(),
        admin: admin.clone(),
        stop: stop.clone(),
        task: tokio::spawn(admin.serve(listener, stop)),
    }
}

/// One request on a connection of its own; the whole answer.
async fn ask(address: SocketAddr, method: &str, path: &str, more: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(30), stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    answer
}

async fn fetch(address: SocketAddr, path: &str) -> String {
    ask(address, "GET", path, "", "").await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap()
}

#[tokio::test]
async fn probes_and_metrics() {
    let door = open("127.0.0.1:0").await;
    assert_eq!(status(&fetch(door.address, "/livez").await), "200");
    let answer = fetch(door.address, "/readyz").await;
    assert_eq!(status(&answer), "503");

    door.admin.readiness.ready("caches");
    let answer = fetch(door.address, "/readyz").await;
    assert_eq!(status(&answer), "200");
    assert!(answer.ends_with("[+]caches ok\nready\n"), "{answer}");

    door.admin.metrics.leading(true);
    let answer = fetch(door.address, "/metrics").await;
    assert!(answer.contains(&format!("content-type: {OPENMETRICS}\r\n")), "{answer}");
    assert!(
        answer.contains("tombolo_leader 1\n") && answer.ends_with("# EOF\n"),
        "{answer}"
    );
    assert_eq!(status(&fetch(door.address, "/").await), "404");
}

#[tokio::test]
async fn the_log_level_is_read_and_set_from_this_host() {
    for bind in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
        let door = open(bind).await;
        let local = SocketAddr::new("127.0.0.1".parse().unwrap(), door.address.port());
        assert!(fetch(local, "/log-level").await.ends_with("\r\ninfo\n"), "{bind}");

        let answer = ask(local, "PUT", "/log-level", "", "warn,tombolo=debug\n").await;
        assert_eq!(status(&answer), "200", "{bind}");
        assert_eq!(door.admin.log.get().matches("debug").count(), 1);

        let before = door.admin.log.get();
        let refused = [
            ("a typo", ask(local, "PUT", "/log-level", "", "infoo").await, "400"),
            (
                "too long",
                ask(local, "PUT", "/log-level", "", &"a=info,".repeat(1000)).await,
                "413",
            ),
            (
                "a web page",
                ask(local, "PUT", "/log-level", "Origin: http://x\r\n", "trace").await,
                "403",
            ),
            (
                "another method",
                ask(local, "POST", "/log-level", "", "trace").await,
                "405",
            ),
        ];
        for (name, answer, expected) in refused {
            assert_eq!(status(&answer), expected, "{name}, {bind}: {answer}");
        }
        assert_eq!(door.admin.log.get(), before);
    }
}

/// An address of this host that is not loopback, if it has one: the one it would send from (nothing is sent).
fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[tokio::test]
async fn the_log_level_is_closed_to_connections_made_to_another_address() {
    let Some(outward) = outward_address() else {
        println!("skipped: this host has no address but loopback");
        return;
    };
    let door = open("0.0.0.0:0").await;
    let address = SocketAddr::new(outward, door.address.port());
    assert_eq!(status(&fetch(address, "/livez").await), "200");
    assert_eq!(status(&fetch(address, "/log-level").await), "403");
    assert_eq!(status(&ask(address, "PUT", "/log-level", "", "trace").await), "403");
    assert_eq!(door.admin.log.get(), "info");
}

#[test]
fn both_ends_have_to_be_on_this_host() {
    let cases = [
        ("127.0.0.1:80", "127.0.0.1:4000", true),
        ("[::1]:80", "[::1]:4000", true),
        ("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:4000", true),
        // A sidecar proxy that hands a stranger's request on.
        ("10.0.0.7:80", "127.0.0.6:4000", false),
        ("10.0.0.7:80", "10.0.0.8:4000", false),
        ("127.0.0.1:80", "10.0.0.8:4000", false),
        ("[::ffff:10.0.0.7]:80", "[::ffff:10.0.0.8]:4000", false),
    ];
    for (ours, theirs, allowed) in cases {
        let ends = Ends {
            ours: Some(ours.parse().unwrap()),
            theirs: theirs.parse().unwrap(),
        };
        assert_eq!(ends.on_this_host(), allowed, "{ends:?}");
    }
}

#[tokio::test]
async fn it_stops_when_told_even_if_a_caller_dawdles() {
    let door = open("127.0.0.1:0").await;
    let mut dawdler = TcpStream::connect(door.address).await.unwrap();
    dawdler
        .write_all(b"PUT /log-level HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(status(&fetch(door.address, "/livez").await), "200");
    door.stop.cancel();
    timeout(Duration::from_secs(5), door.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(door.address).await.is_err());
}
