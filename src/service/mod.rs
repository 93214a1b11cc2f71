//! The HTTP shell: probes and metrics. Knows neither the directory nor a cluster: it serves what it is handed.
//! Called by the commands that stay.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

/// What is asked of a process that stays.
pub trait Probed: Send + Sync + 'static {
    /// Whether it does its work; else what keeps it from it, one line each.
    fn ready(&self) -> Result<String, String>;
    /// Its metrics, in the OpenMetrics text format.
    fn metrics(&self) -> String;
}

/// Serves `/livez`, `/readyz` and `/metrics` until it is dropped.
pub async fn serve(listener: TcpListener, probed: Arc<dyn Probed>) -> std::io::Result<()> {
    let routes = Router::new()
        // Whoever answers lives.
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(probed);
    axum::serve(listener, routes).await
}

async fn readyz(State(probed): State<Arc<dyn Probed>>) -> impl IntoResponse {
    match probed.ready() {
        Ok(what) => (StatusCode::OK, what + "\n"),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n"),
    }
}

async fn metrics(State(probed): State<Arc<dyn Probed>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], probed.metrics())
}
