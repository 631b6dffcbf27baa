//! Connections that take places: of callers, and of strangers, who are not to keep callers out.

use super::support::{Setup, TOKEN, raw};
use super::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;
use tombolo_backend_remote::server::Limits;

/// Times are longer than a test: no place comes back by itself.
const LASTING: Limits = Limits {
    connections: 8,
    per_address: 8,
    handshake: Duration::from_secs(60),
    head: Duration::from_secs(60),
    lifetime: Duration::from_secs(60),
    last_answer: Duration::from_millis(500),
    grace: Duration::from_millis(500),
};

#[tokio::test(flavor = "multi_thread")]
async fn callers_hold_no_more_places_than_there_are_and_they_come_back() {
    let limits = Limits {
        head: Duration::from_secs(2),
        ..LASTING
    };
    let far = with_limits(limits).await;
    let mut held = vec![];
    for _ in 0..limits.connections {
        held.push(recognised(&far).await);
    }
    let mut extra = TcpStream::connect(far.address).await.unwrap();
    assert!(has_ended(&mut extra).await, "it got a place");
    until("a free place", || async {
        far.connect(super::support::token(TOKEN)).await.is_ok()
    })
    .await;
}

/// Strangers of four addresses hold whatever places they get; nobody who may call waits for one, or loses theirs.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_of_many_addresses_keep_no_caller_out() {
    let limits = Limits {
        connections: 32,
        ..LASTING
    };
    let far = with_limits(limits).await;
    let mut caller = recognised(&far).await;
    let mut strangers = vec![];
    for round in 0..3 {
        for last in 2..=5 {
            for _ in 0..limits.per_address * 2 {
                strangers.push(stranger(&far, last).await);
            }
        }
        let client = far.connect(super::support::token(TOKEN)).await;
        assert!(client.is_ok(), "round {round}: {:?}", client.err());
    }
    let mut open = 0;
    for stranger in &mut strangers {
        open += usize::from(!has_ended(stranger).await);
    }
    assert!(
        (1..=limits.connections / 2).contains(&open),
        "{open} strangers have a place"
    );
    assert_eq!(ask_again(&mut caller).await, Some(200), "a caller has lost its place");
}

/// Whoever is told that the process lives, or that they are nobody, has had their answer.
#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_are_answered_ends_their_connection() {
    let (_fake, far) = far().await;
    for (path, status) in [("/healthz", 200), ("/v1/backend", 401)] {
        let mut stream = far.raw().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: far\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = raw::read(&mut stream).await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")));
        assert!(has_ended(&mut stream).await, "{path}");
    }
}

async fn with_limits(limits: Limits) -> Far {
    let setup = Setup {
        limits,
        ..Setup::default()
    };
    Far::with(Arc::new(stocked().await), setup).await
}

/// A connection that stays open and on which somebody was recognised.
async fn recognised(far: &Far) -> TlsStream<TcpStream> {
    let mut stream = far.raw().await;
    assert_eq!(ask_again(&mut stream).await, Some(200));
    stream
}

/// Asks with a token, and reads no further than the answer's head.
async fn ask_again(stream: &mut TlsStream<TcpStream>) -> Option<u16> {
    let request = format!("GET /v1/backend HTTP/1.1\r\nhost: far\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = vec![0; 16384];
    let count = stream.read(&mut answer).await.ok()?;
    let text = String::from_utf8_lossy(&answer[..count]);
    text.split(' ').nth(1)?.parse().ok()
}

/// A connection from 127.0.0.`last` that says nothing.
async fn stranger(far: &Far, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    socket.connect(far.address).await.unwrap()
}

/// Whether the other side has ended a connection, or does within a moment.
async fn has_ended(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut nothing = [0];
    let ended = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut nothing)).await;
    matches!(ended, Ok(Ok(0) | Err(_)))
}
