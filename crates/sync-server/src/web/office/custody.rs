//! Moving and erasing whole records.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::reference::Role;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::records::visible_record;
use crate::outside::{Erasure, ErasureReason};
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::enrolment::bad_json;
use crate::web::error::ApiError;

/// Where a record shall live.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AreaBody {
    /// Code of the area.
    area: String,
}

/// Where it lives.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Moved {
    record: String,
    area: String,
    /// Number of the log's last entry.
    seq: u64,
}

/// Rules that a record lives in another area: it leaves the phones of the one and enters those of the
/// other. For duty officers of both.
#[utoipa::path(post, path = "/v1/office/records/{id}/area", request_body = AreaBody,
    params(("id" = String, Path, description = "The record's id")),
    responses((status = OK, body = Moved), (status = FORBIDDEN, description = "Not of both areas")))]
pub(super) async fn move_record(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
    body: Result<Json<AreaBody>, JsonRejection>,
) -> Result<Json<Moved>, ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    let moved = app.work(move |app| {
        let row = visible_record(app, &of, &id)?;
        let to = AreaCode::new(body.area);
        let is_officer_of = |area: &AreaCode| {
            let held = app
                .directory
                .now()
                .held_roles(&of.person, area, app.now_ms());
            held.iter().any(|held| held.role == Role::DutyOfficer)
        };
        let knows = app.directory.now().areas.get(&to).is_some();
        if !is_officer_of(&AreaCode::new(row.area)) || (knows && !is_officer_of(&to)) {
            return Err(ApiError::Forbidden);
        }
        let seq = app.sequencer.relocate(row.id, to.clone())?;
        Ok(Moved {
            record: row.id.to_string(),
            area: to.as_str().to_owned(),
            seq,
        })
    });
    Ok(Json(moved.await?))
}

/// Why a record is erased.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ErasureQuery {
    /// `person_asked`, `retention_over`, `entered_wrongly` or `ordered`.
    reason: String,
}

/// What is gone.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Erased {
    record: String,
    /// The log entry that says so; absent if it was erased before.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
}

/// Erases a record for good: its entries in the log are left, which hold no personal data, and nothing
/// else. For administrators. It is noted beside the database too, so that no restore brings it back.
#[utoipa::path(delete, path = "/v1/office/records/{id}", params(
        ("id" = String, Path, description = "The record's id"), ErasureQuery),
    responses((status = OK, body = Erased)))]
pub(super) async fn erase_record(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
    Query(query): Query<ErasureQuery>,
) -> Result<Json<Erased>, ApiError> {
    of.require(&app, &[Role::Administrator])?;
    let record: RecordId = id.parse().map_err(|_| ApiError::NotFound {
        what: "record",
        id: id.chars().take(64).collect(),
    })?;
    let reason = ErasureReason::from_code(&query.reason)
        .filter(|reason| *reason != ErasureReason::GivenBack)
        .ok_or_else(|| ApiError::BadRequest {
            code: "unknown_reason",
            detail: "reason is one of person_asked, retention_over, entered_wrongly, ordered"
                .to_owned(),
        })?;
    let erased = app.work(move |app| {
        let seq = app.sequencer.erase(Erasure {
            record,
            at_ms: app.now_ms(),
            reason,
            by: of.person,
        })?;
        app.file_door.files.let_go();
        Ok(Erased {
            record: record.to_string(),
            seq,
        })
    });
    Ok(Json(erased.await?))
}
