//! The listener: few connections, none of them for ever, none of them slow.
//!
//! A connection has a place, of all and of its address; a time for TLS, for each request's head, and to live. A peer that
//! reads or writes a byte a minute loses its place with its time, and one that has shown no valid credentials to others who come.
//! HTTP/1.1 alone.

mod connection;
mod places;

use super::Shared;
use super::counts::Counts;
use super::tls::Security;
use connection::serve;
pub(super) use places::Place;
use places::Places;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bounds of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; half of them are there for recognised callers alone.
    pub connections: usize,
    /// Connections at once from one address (IPv6: one /64).
    pub per_address: usize,
    /// For the handshake of TLS.
    pub handshake: Duration,
    /// For a request's head to arrive, from the first byte or the answer before it.
    pub head: Duration,
    /// After which a connection takes no further request.
    pub lifetime: Duration,
    /// For the answer that is under way then.
    pub last_answer: Duration,
    /// For what is under way when the server stops.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            per_address: 128,
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(30),
            lifetime: Duration::from_secs(300),
            // As long as the longest deadline of a call, and a little.
            last_answer: Duration::from_secs(610),
            grace: Duration::from_secs(30),
        }
    }
}

/// Bytes of a request's head at most, and its headers.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;

/// A server that listens; it stops when this is dropped, and in order by [`Listening::stop`].
pub struct Listening {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Listening {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and lets what is under way end, for as long as the limits allow.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let _ = (&mut self.task).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves on a listener.
///
/// # Errors
/// If it has no address, or would serve others than this host without TLS.
pub fn listen(
    listener: TcpListener,
    security: Security,
    shared: Arc<Shared>,
    limits: Limits,
) -> std::io::Result<Listening> {
    let address = listener.local_addr()?;
    if matches!(security, Security::Plain) && !address.ip().is_loopback() {
        let refused = format!("without TLS there is no service on {address}, which is not loopback");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, refused));
    }
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(accept(listener, security, shared, limits, stopped));
    Ok(Listening { address, stop, task })
}

async fn accept(
    listener: TcpListener,
    security: Security,
    shared: Arc<Shared>,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Places::new(limits.connections, limits.per_address);
    let counts: Counts = shared.counts.clone();
    let router = super::router(shared);
    // Connections end with the task that holds them.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // A peer that has gone already, or no descriptor left: of the latter there will be one in a moment.
                tracing::debug!("no connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(place) = places.take(peer.ip()) else {
            counts.turned_away();
            continue;
        };
        let (router, tls, counts, stopped) = (router.clone(), security.current(), counts.clone(), stopped.clone());
        connections.spawn(async move {
            let place = Arc::new(place);
            let served = tokio::select! {
                served = serve(stream, (peer, place.clone()), tls, router, limits, stopped) => served,
                () = place.lost() => Err("strangers have no place left, and this one was there longest".into()),
            };
            if let Err(why) = served {
                counts.turned_away();
                tracing::debug!(%peer, "connection ended: {why}");
            }
        });
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(limits.grace, all_ended).await;
}
