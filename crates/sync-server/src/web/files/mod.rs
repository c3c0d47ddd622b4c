//! Files over HTTP: uploads by tus 1.0, and reading; see `docs/files.md`.
//!
//! A piece of an upload lasts as long as a slow network makes it, so uploads and readers have places of their own: they
//! never take one from those who sync, and one person or phone takes few of them.

mod headers;
mod person;
mod read;
mod tus;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, head, options};
use gridlog_domain::environment::Clock;
use tokio::sync::Semaphore;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;

use super::app::{self, App};
use crate::config::Config;
use crate::fairness::UnderWay;
use crate::files::{Files, ShelfError};
use crate::store::Store;

/// Requests about files that one phone, or one person of an office, may have under way.
const AT_ONCE: u32 = 6;

/// Everything but the bytes themselves is said at once.
const SHORT: Duration = Duration::from_secs(30);

/// What requests about files share.
#[derive(Debug)]
pub(crate) struct FileDoor {
    pub(crate) files: Files,
    under_way: UnderWay,
    uploads: Arc<Semaphore>,
    readers: Arc<Semaphore>,
}

impl FileDoor {
    /// Opens the files that the configuration names.
    ///
    /// # Errors
    /// [`ShelfError`].
    pub(crate) fn open(
        config: &Config,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ShelfError> {
        Ok(Self {
            files: Files::open(config, store, clock)?,
            under_way: UnderWay::of(AT_ONCE),
            uploads: Arc::new(Semaphore::new(config.files.max_requests)),
            readers: Arc::new(Semaphore::new(config.files.max_requests)),
        })
    }
}

/// The routes of files.
pub(super) fn router(app: &App) -> Router<App> {
    let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, SHORT);
    let place = from_fn_with_state(app.clone(), app::one_of_many);
    let begin = options(tus::options).post(tus::create);
    let short = head(tus::progress)
        .delete(tus::end)
        .layer::<_, Infallible>(place)
        .layer(timeout);
    // A piece has its own limits, see `crate::files::receive`; one may come with the request that begins.
    let upload = short.merge(axum::routing::patch(tus::append).post(tus::in_other_words));
    let uploads = Router::new()
        .route("/v1/files", begin)
        .route("/v1/files/uploads/{id}", upload)
        .layer(map_response(speaks_tus));
    let reading = Router::new()
        .route("/v1/files/{record}/{sha256}", get(read::file))
        .route("/v1/files/{record}/{sha256}/preview", get(read::preview))
        .layer(timeout);
    uploads.merge(reading)
}

/// Every answer names the version of the protocol, and who asked for another one is told which there is.
async fn speaks_tus(mut response: Response) -> Response {
    let is_refused = response.status() == StatusCode::PRECONDITION_FAILED;
    let more = response.headers_mut();
    more.insert("tus-resumable", headers::VERSION);
    if is_refused {
        more.insert("tus-version", headers::VERSION);
    }
    response
}

#[derive(OpenApi)]
#[openapi(paths(read::file, read::preview))]
struct Description;

/// What the API's description says of reading files. Uploading is described by tus.
pub(super) fn described() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
