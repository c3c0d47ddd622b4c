//! HTTP.
//!
//! Handlers are small: they check who asks, call one engine and turn its answer into a response.
//! No more than [`crate::config::Config::max_requests`] requests are taken up at once, each with a
//! body of bounded size and for a bounded time, so memory is bounded too. Engines and stores
//! block, so every handler that reaches one runs it on a blocking thread. Lines of devices that listen
//! (`/v1/live`) are apart: they last long and do next to nothing. So are files, which last long on a slow network:
//! they have places of their own.

mod app;
mod authentication;
mod enrolment;
mod error;
mod files;
mod health;
mod keys;
mod live;
pub mod office;
mod open311;
mod proof;
mod search;
mod sync;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Request, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use gridlog_protocol::limits::MAX_WIRE_BYTES;
use gridlog_protocol::{PROOF_PATH, SEARCH_PATH};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::{DefaultOnResponse, TraceLayer};

pub(crate) use app::PASSWORDS_WAITING;
pub use app::{App, Parts};
pub use error::ApiError;
pub(crate) use files::FileDoor;

/// A phone on a bad network uploads a megabyte or two; who takes longer begins again.
const LONGEST_REQUEST: Duration = Duration::from_secs(120);

/// Who signs in says two words.
const SIGNING_IN: Duration = Duration::from_secs(15);

/// Largest body of everything but a sync request, in bytes.
const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// A line is opened at once or not at all.
const OPENING_A_LINE: Duration = Duration::from_secs(10);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Every route of the server.
pub fn router(app: App) -> Router {
    let (office, _) = office::router();
    // A layer's time counts until the answer begins, so an open line is not cut.
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let lines = Router::new()
        .route("/v1/live", get(live::live))
        .layer(TimeoutLayer::with_status_code(status, OPENING_A_LINE));
    // Anybody can ask these, so they say little and say it soon.
    let doors = Router::new()
        .route("/v1/enrol", post(enrolment::enrol))
        .route("/v1/sign-in", post(enrolment::sign_in))
        .layer(DefaultBodyLimit::max(enrolment::LARGEST_BODY))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            SIGNING_IN,
        ));
    Router::new()
        .route("/health", get(health::health))
        .route("/v1/keys", get(keys::keys))
        .merge(doors)
        .route(
            "/v1/sync",
            post(sync::sync).layer(DefaultBodyLimit::max(MAX_WIRE_BYTES)),
        )
        .route(SEARCH_PATH, post(search::search))
        .route(
            &format!("{PROOF_PATH}/{{record}}"),
            get(proof::prove_record),
        )
        .route("/v1/openapi.json", get(office::openapi))
        .merge(office)
        .merge(open311::router())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(app.clone(), app::one_of_many))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            LONGEST_REQUEST,
        ))
        .merge(lines)
        .merge(files::router(&app))
        .layer(CatchPanicLayer::custom(|_| error::response_to_panic()))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_response(DefaultOnResponse::new().level(tracing::Level::INFO)),
        )
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

#[cfg(test)]
mod tests;
