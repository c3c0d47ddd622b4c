//! The server: axum over the database.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use gridlog_cli::environment::SystemEntropy;
use gridlog_domain::environment::Entropy as _;
use serde::Deserialize;

use super::shelf::{Device, Shelf};
use super::wire::{NewDevice, Push, Token};
use super::{BaselineError, gzip};

/// Largest body of a request, in bytes.
const MOST: usize = 16 * 1024 * 1024;

/// Serves from a folder until the process ends.
pub(crate) fn serve(data: &Path, listen: SocketAddr) -> Result<(), BaselineError> {
    let system = |what| move |source| BaselineError::System { what, source };
    std::fs::create_dir_all(data).map_err(system("make its folder"))?;
    let shelf = Arc::new(Shelf::open(&data.join("shelf.db"))?);
    let router = Router::new()
        .route("/v1/devices", post(add_device))
        .route("/v1/changes", post(take))
        .route("/v1/records", get(page))
        .layer(DefaultBodyLimit::max(MOST))
        .with_state(shelf);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(system("start its threads"))?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen)
            .await
            .map_err(system("listen"))?;
        let address = listener.local_addr().map_err(system("listen"))?;
        println!("listening on http://{address}");
        axum::serve(listener, router).await.map_err(system("serve"))
    })
}

/// Why a request is not answered as it hoped.
enum Refusal {
    /// The token is missing or nobody's.
    Stranger,
    /// The body cannot be read.
    BadBody,
    /// The database failed.
    Failed,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Stranger => StatusCode::UNAUTHORIZED,
            Self::BadBody => StatusCode::BAD_REQUEST,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        };
        status.into_response()
    }
}

impl From<BaselineError> for Refusal {
    fn from(error: BaselineError) -> Self {
        match error {
            BaselineError::Json(_) | BaselineError::Gzip(_) => Self::BadBody,
            _ => Self::Failed,
        }
    }
}

/// Runs what blocks on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(Refusal::Failed))
}

async fn add_device(
    State(shelf): State<Arc<Shelf>>,
    Json(new): Json<NewDevice>,
) -> Result<Json<Token>, Refusal> {
    blocking(move || {
        let mut secret = [0; 16];
        SystemEntropy.fill(&mut secret);
        let token: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        shelf.add_device(&token, &new.grid)?;
        Ok(Json(Token { token }))
    })
    .await
}

async fn take(
    State(shelf): State<Arc<Shelf>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    blocking(move || {
        let device = authenticate(&shelf, &headers)?;
        let push: Push = if names(&headers, header::CONTENT_ENCODING) {
            serde_json::from_slice(&gzip::unpack(&body)?)
        } else {
            serde_json::from_slice(&body)
        }
        .map_err(BaselineError::Json)?;
        shelf.take(&device, push.changes)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

#[derive(Deserialize)]
struct After {
    after: i64,
}

async fn page(
    State(shelf): State<Arc<Shelf>>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    blocking(move || {
        let device = authenticate(&shelf, &headers)?;
        let page = shelf.page(&device, after)?;
        let json = (header::CONTENT_TYPE, "application/json");
        Ok(if names(&headers, header::ACCEPT_ENCODING) {
            let packed = (header::CONTENT_ENCODING, gzip::NAME);
            ([json, packed], gzip::pack(&page)?).into_response()
        } else {
            ([json], page).into_response()
        })
    })
    .await
}

fn authenticate(shelf: &Shelf, headers: &HeaderMap) -> Result<Device, Refusal> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(Refusal::Stranger)?;
    shelf.device(token)?.ok_or(Refusal::Stranger)
}

/// Whether a header names gzip.
fn names(headers: &HeaderMap, header: header::HeaderName) -> bool {
    headers
        .get(header)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|name| name.trim() == gzip::NAME))
}
