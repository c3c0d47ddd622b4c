//! `POST /v1/search`: what a phone does not hold, found online, such as cases that left the phones.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::authentication::OfDeviceInTurn;
use super::enrolment::bad_json;
use super::error::ApiError;
use crate::exchange::Work;
use crate::store::{CaseFilter, RecordRow};

/// Most rows of one answer.
const MOST_ROWS: usize = 50;
/// Most characters of a search text.
const MOST_CHARACTERS: usize = 64;

/// What to look for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Text that the headline holds.
    text: String,
    /// Most rows; at most 50, which is the default.
    limit: Option<usize>,
}

/// A record that was found, as little as a list needs.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    id: String,
    kind: String,
    headline: String,
    area: String,
    /// Code of the stage; empty unless it is a case.
    stage: String,
    updated_ms: i64,
    /// Whether it left the phones; it comes back when something is written in it.
    archived: bool,
}

impl From<RecordRow> for Found {
    fn from(row: RecordRow) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.kind.code().to_owned(),
            headline: row.headline,
            area: row.area,
            stage: row.stage,
            updated_ms: row.updated_ms,
            archived: row.archived,
        }
    }
}

/// Finds records that the device's person may see, those touched last first.
pub(super) async fn search(
    State(app): State<App>,
    OfDeviceInTurn { of, turn }: OfDeviceInTurn,
    body: Result<Json<Search>, JsonRejection>,
) -> Result<Json<Vec<Found>>, ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    let text = body.text.trim().to_owned();
    if text.is_empty() || text.chars().count() > MOST_CHARACTERS {
        return Err(ApiError::BadRequest {
            code: "bad_search",
            detail: format!("search for 1 to {MOST_CHARACTERS} characters"),
        });
    }
    let rows = app.work(move |app| {
        // Also if the device hangs up, the request is under way until it is answered.
        let _turn = turn;
        app.let_ask(of.device, Work::SEARCH)?;
        let device = app.store.device(of.device)?;
        let device = device
            .filter(|device| device.person == of.person)
            .ok_or(ApiError::UnknownDevice)?;
        if device.revoked_ms.is_some() {
            return Err(ApiError::Forbidden);
        }
        // Somebody whose account is disabled has no assignment that counts, and is told of nothing.
        let directory = app.directory.now();
        let enabled = directory.person(&of.person).is_some_and(|p| p.enabled);
        if !enabled {
            return Err(ApiError::Forbidden);
        }
        let filter = CaseFilter {
            audiences: directory.audiences(&of.person, app.now_ms()),
            text: Some(text),
            limit: body.limit.unwrap_or(MOST_ROWS).min(MOST_ROWS),
            ..CaseFilter::default()
        };
        Ok(app.store.records(&filter)?)
    });
    Ok(Json(rows.await?.into_iter().map(Found::from).collect()))
}
