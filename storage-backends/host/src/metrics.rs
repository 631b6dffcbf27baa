//! `/metrics`, for whoever reaches a loopback port: numbers, and no name that a tenant has chosen.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The content type by which Prometheus knows the OpenMetrics format.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Shows metrics for ever.
pub async fn show(listener: TcpListener, registry: Arc<Registry>) -> std::io::Result<()> {
    let router = Router::new().route("/metrics", get(move || async move { text(&registry) }));
    axum::serve(listener, router).await
}

fn text(registry: &Registry) -> Response {
    let mut text = String::new();
    match encode(&mut text, registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
