//! The HTTP side door: `/livez`, `/readyz`, `/metrics` for anybody who reaches the port, `/log-level` for a person on this host.
//!
//! Nothing here is authenticated, so nothing here tells a tenant's names or changes what the controller does. `/log-level`
//! answers only connections made *to* a loopback address from one (`kubectl port-forward` makes such). Looking at the caller's
//! address alone is not enough: sidecar proxies hand on strangers' requests from 127.0.0.x, but to the pod's address. A second
//! port on loopback would do the same and need another flag.
//!
//! [`readiness`] says when the process is ready, [`listener`] bounds what a connection may cost.

pub mod listener;
pub mod readiness;

use crate::metrics::Metrics;
use crate::telemetry::LogLevel;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::IncomingStream;
use axum::{Router, serve};
use listener::BoundedListener;
use readiness::Readiness;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The content type by which Prometheus knows the OpenMetrics format.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// A log filter fits; nothing else is ever sent to us.
const BODY_LIMIT: usize = 4096;
/// What requests under way get when the process ends.
const GRACE: Duration = Duration::from_secs(1);

/// What the side door shows and turns.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Shown by `/readyz`.
    pub readiness: Readiness,
    /// Shown by `/metrics`.
    pub metrics: Metrics,
    /// Shown and set by `/log-level`.
    pub log: LogLevel,
}

impl Admin {
    /// Answers on `listener` until `stop`.
    ///
    /// # Errors
    /// If the listener fails for good.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let service = self.router().into_make_service_with_connect_info::<Ends>();
        let server =
            serve(BoundedListener::new(listener), service).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::select! {
            ended = server => ended,
            () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
        }
    }

    fn router(self) -> Router {
        let log_level = get(log_level)
            .put(set_log_level)
            .layer(middleware::from_fn(only_from_this_host));
        Router::new()
            .route("/livez", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/log-level", log_level)
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(self)
    }
}

/// Both ends of a connection.
#[derive(Debug, Clone, Copy)]
struct Ends {
    ours: Option<SocketAddr>,
    theirs: SocketAddr,
}

impl Connected<IncomingStream<'_, BoundedListener>> for Ends {
    fn connect_info(stream: IncomingStream<'_, BoundedListener>) -> Self {
        Self {
            ours: stream.io().local_addr().ok(),
            theirs: *stream.remote_addr(),
        }
    }
}

impl Ends {
    fn on_this_host(self) -> bool {
        // A listener on `[::]` shows IPv4 peers as mapped addresses.
        let loopback = |end: SocketAddr| end.ip().to_canonical().is_loopback();
        loopback(self.theirs) && self.ours.is_some_and(loopback)
    }
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let report = admin.readiness.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, report.to_string()).into_response()
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match admin.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn only_from_this_host(
    ConnectInfo(ends): ConnectInfo<Ends>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    // A browser on this host says where the page came from that made it ask; no page has business here.
    if ends.on_this_host() && !headers.contains_key(header::ORIGIN) {
        return next.run(request).await;
    }
    let hint = "only from this host: kubectl port-forward, then curl localhost\n";
    (StatusCode::FORBIDDEN, hint).into_response()
}

async fn log_level(State(admin): State<Admin>) -> String {
    admin.log.get() + "\n"
}

async fn set_log_level(State(admin): State<Admin>, filter: String) -> Response {
    match admin.log.set(filter.trim()) {
        Ok(()) => {
            info!(filter = admin.log.get(), "log filter changed");
            (StatusCode::OK, admin.log.get() + "\n").into_response()
        }
        Err(error) => {
            warn!(error = &error as &dyn Error, "log filter refused");
            (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()
        }
    }
}

#[cfg(test)]
mod tests;
