//! Is the server there?

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::app::App;
use super::error::ApiError;

/// What a monitor reads.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    status: &'static str,
    epoch: u64,
    log_entries: u64,
}

/// `GET /health`: answers 200 when the store answers.
pub(super) async fn health(State(app): State<App>) -> Result<Json<Health>, ApiError> {
    let head = app.work(|app| Ok(app.store.head()?)).await?;
    Ok(Json(Health {
        status: "ok",
        epoch: head.epoch,
        log_entries: head.seq,
    }))
}
