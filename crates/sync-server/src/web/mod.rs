//! HTTP.
//!
//! Handlers are small: they check who asks, call one engine and turn its answer into a response.
//! Engines and stores block, so every handler that reaches one runs it on a blocking thread, and
//! no more than [`crate::config::Config::max_requests`] at once.

mod app;
mod authentication;
mod enrolment;
mod error;
mod health;
pub mod office;
mod sync;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Request};
use axum::routing::{get, post};
use gridlog_protocol::limits::MAX_WIRE_BYTES;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

pub use app::{App, Parts};
pub use error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Every route of the server.
pub fn router(app: App) -> Router {
    let (office, _) = office::router();
    Router::new()
        .route("/health", get(health::health))
        .route("/v1/enrol", post(enrolment::enrol))
        .route("/v1/sign-in", post(enrolment::sign_in))
        .route("/v1/sync", post(sync::sync))
        .route("/v1/openapi.json", get(office::openapi))
        .merge(office)
        .layer(DefaultBodyLimit::max(MAX_WIRE_BYTES))
        .layer(CatchPanicLayer::custom(|_| error::response_to_panic()))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .with_state(app)
}

/// A request as logs name it: never its query, which may hold a search text.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or("");
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}
