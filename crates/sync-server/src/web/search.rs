//! `POST /v1/search`: what a phone does not hold, found online, such as cases that left the phones.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use gridlog_protocol::{FoundRecord, MAX_FOUND, MAX_SEARCH_CHARACTERS, SearchRequest};

use super::app::App;
use super::authentication::OfDeviceInTurn;
use super::enrolment::bad_json;
use super::error::ApiError;
use crate::exchange::Work;
use crate::store::{CaseFilter, RecordRow};

fn found(row: RecordRow) -> FoundRecord {
    FoundRecord {
        id: row.id.to_string(),
        kind: row.kind.code().to_owned(),
        headline: row.headline,
        area: row.area,
        stage: row.stage,
        updated_ms: row.updated_ms,
        archived: row.archived,
    }
}

/// Finds records that the device's person may see, those touched last first.
pub(super) async fn search(
    State(app): State<App>,
    OfDeviceInTurn { of, turn }: OfDeviceInTurn,
    body: Result<Json<SearchRequest>, JsonRejection>,
) -> Result<Json<Vec<FoundRecord>>, ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    let text = body.text.trim().to_owned();
    if text.is_empty() || text.chars().count() > MAX_SEARCH_CHARACTERS {
        return Err(ApiError::BadRequest {
            code: "bad_search",
            detail: format!("search for 1 to {MAX_SEARCH_CHARACTERS} characters"),
        });
    }
    let rows = app.work(move |app| {
        // Also if the device hangs up, the request is under way until it is answered.
        let _turn = turn;
        app.let_ask(of.device, Work::SEARCH)?;
        let audiences = app.audiences_of_device(&of)?;
        let limit = body.limit.unwrap_or(MAX_FOUND).min(MAX_FOUND);
        let filter = CaseFilter {
            audiences,
            text: Some(text),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            ..CaseFilter::default()
        };
        Ok(app.store.records(&filter)?)
    });
    Ok(Json(rows.await?.into_iter().map(found).collect()))
}
