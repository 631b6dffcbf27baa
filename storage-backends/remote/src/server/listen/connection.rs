//! One connection, from its handshake to its end.

use super::super::callers::Peer;
use super::super::tls::digest;
use super::{HEAD_BYTES, HEADERS, Limits, Place};
use axum::Router;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

type Ended = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Serves one connection until it ends, or its time is up.
pub(super) async fn serve(
    stream: TcpStream,
    (address, place): (SocketAddr, Arc<Place>),
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    limits: Limits,
    stopped: watch::Receiver<bool>,
) -> Ended {
    // Answers are small and awaited.
    stream.set_nodelay(true)?;
    let Some(config) = tls else {
        let peer = Peer {
            address,
            certificate: None,
        };
        return requests(stream, (peer, place), router, limits, stopped).await;
    };
    let handshake = TlsAcceptor::from(config).accept(stream);
    let stream = tokio::time::timeout(limits.handshake, handshake).await??;
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates().and_then(|chain| chain.first()).map(digest);
    let peer = Peer { address, certificate };
    requests(stream, (peer, place), router, limits, stopped).await
}

async fn requests<S>(
    stream: S,
    (peer, place): (Peer, Arc<Place>),
    router: Router,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        request.extensions_mut().insert(place.clone());
        router.clone().oneshot(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut stopped = pin!(stopped.wait_for(|stop| *stop));
    let over = tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = tokio::time::sleep(limits.lifetime) => true,
        _ = stopped.as_mut() => false,
    };
    connection.as_mut().graceful_shutdown();
    if over {
        tokio::select! {
            ended = connection.as_mut() => return Ok(ended?),
            () = tokio::time::sleep(limits.last_answer) => return Err("no end to the last answer".into()),
            _ = stopped.as_mut() => {}
        }
    }
    Ok(tokio::time::timeout(limits.grace, connection).await??)
}
