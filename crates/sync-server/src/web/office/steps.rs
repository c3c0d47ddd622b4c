//! Writing: steps, comments, fields, conflicts.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::{
    Command, Comment, Kind, LogPosition, NewRecord, Proposal, StepDetails, Value,
};
use gridlog_domain::workflow::Step;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::records::visible_record;
use crate::ingest::{OfficeWrite, OfficeWritten};
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::enrolment::bad_json;
use crate::web::error::ApiError;

/// What became of a write.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Written {
    record: String,
    /// The log entry that admitted it; absent if it changed nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    /// For a step: whether it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<bool>,
    /// For a refused step: the reason's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// The reason in Chinese.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_zh: Option<String>,
}

impl Written {
    fn new(record: RecordId, written: &OfficeWritten) -> Self {
        let ruling = written.rulings.first().map(|(_, refused)| *refused);
        let refused = ruling.flatten();
        Self {
            record: record.to_string(),
            seq: written.seq,
            accepted: ruling.map(|refused| refused.is_none()),
            refused: refused.map(|reason| reason.code().to_owned()),
            refused_zh: refused.map(|reason| reason.zh().to_owned()),
        }
    }
}

async fn write(
    app: App,
    of: OfOffice,
    id: String,
    commands: impl FnOnce(&App, &OfOffice) -> Vec<Command> + Send + 'static,
) -> Result<Json<Written>, ApiError> {
    let written = app.work(move |app| {
        let record = visible_record(app, &of, &id)?.id;
        let commands = commands(app, &of);
        let wish = OfficeWrite {
            by: of.person,
            record,
            commands,
        };
        Ok(Written::new(record, &app.sequencer.write(wish)?))
    });
    Ok(Json(written.await?))
}

fn fresh_entry(app: &App) -> EntryId {
    EntryId::new(app.now_ms(), &mut *app.entropy())
}

/// A record that an office begins, for example a case that somebody brings to the counter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBody {
    /// `patrol`, `visit`, `case`, `site` or `contact`.
    kind: String,
    /// Code of the area.
    area: String,
    /// Fields of the kind.
    #[schema(value_type = Object)]
    fields: BTreeMap<String, Value>,
}

/// Begins a record. A case is reported in the same change.
#[utoipa::path(post, path = "/v1/office/records", request_body = NewBody,
    responses((status = OK, body = Written)))]
pub(super) async fn create_record(
    State(app): State<App>,
    of: OfOffice,
    body: Result<Json<NewBody>, JsonRejection>,
) -> Result<Json<Written>, ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    let written = app.work(move |app| {
        let kind = Kind::from_code(&body.kind).ok_or_else(|| ApiError::BadRequest {
            code: "unknown_kind",
            detail: "kind is one of patrol, visit, case, site, contact".to_owned(),
        })?;
        let directory = app.directory.now();
        let area = body.area.as_str().into();
        if directory
            .held_roles(&of.person, &area, app.now_ms())
            .is_empty()
        {
            return Err(ApiError::Forbidden);
        }
        let references = directory
            .parts
            .values()
            .map(|part| (part.name.clone(), part.version))
            .collect();
        let record = RecordId::new(app.now_ms(), &mut *app.entropy());
        let new = NewRecord {
            kind,
            area,
            fields: body.fields,
            references,
        };
        let mut commands = vec![Command::Create(new)];
        if kind == Kind::Case {
            commands.push(propose(app, &of, Step::Report, StepDetails::default()));
        }
        let wish = OfficeWrite {
            by: of.person,
            record,
            commands,
        };
        Ok(Written::new(record, &app.sequencer.write(wish)?))
    });
    Ok(Json(written.await?))
}

fn propose(app: &App, of: &OfOffice, step: Step, details: StepDetails) -> Command {
    Command::Propose {
        id: fresh_entry(app),
        proposal: Box::new(Proposal {
            step,
            by: of.person.clone(),
            at_ms: app.now_ms(),
            offset_ms: Some(0),
            // The sequencer enters the log's head when the office's turn comes.
            seen: LogPosition::default(),
            details,
        }),
    }
}

/// A step to take.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepBody {
    /// Code of the step; see `docs/workflow.md`.
    step: String,
    /// What must be said with it; which names there are, and which a step needs, is in
    /// `docs/workflow.md`.
    #[serde(default)]
    #[schema(value_type = Object)]
    details: StepDetails,
}

/// Takes a step. A step that is refused is in the log too, with its reason.
#[utoipa::path(post, path = "/v1/office/records/{id}/steps", request_body = StepBody,
    params(("id" = String, Path, description = "The record's id")),
    responses((status = OK, body = Written)))]
pub(super) async fn take_step(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
    body: Result<Json<StepBody>, JsonRejection>,
) -> Result<Json<Written>, ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    let step = Step::from_code(&body.step).ok_or_else(|| ApiError::BadRequest {
        code: "unknown_step",
        detail: "there is no such step; see docs/workflow.md".to_owned(),
    })?;
    write(app, of, id, move |app, of| {
        vec![propose(app, of, step, body.details)]
    })
    .await
}

/// A comment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommentBody {
    /// What is said.
    text: String,
}

/// Says something in a record.
#[utoipa::path(post, path = "/v1/office/records/{id}/comments", request_body = CommentBody,
    params(("id" = String, Path, description = "The record's id")),
    responses((status = OK, body = Written)))]
pub(super) async fn add_comment(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
    body: Result<Json<CommentBody>, JsonRejection>,
) -> Result<Json<Written>, ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    write(app, of, id, move |app, of| {
        let comment = Comment {
            text: body.text,
            by: of.person.clone(),
            at_ms: app.now_ms(),
        };
        vec![Command::Comment {
            id: fresh_entry(app),
            comment,
        }]
    })
    .await
}

/// A field's new value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldBody {
    /// The field.
    field: String,
    /// Its value.
    #[schema(value_type = Object)]
    value: Value,
}

/// Replaces a field. Concurrent values that lost stay visible.
#[utoipa::path(post, path = "/v1/office/records/{id}/fields", request_body = FieldBody,
    params(("id" = String, Path, description = "The record's id")),
    responses((status = OK, body = Written)))]
pub(super) async fn set_field(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
    body: Result<Json<FieldBody>, JsonRejection>,
) -> Result<Json<Written>, ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    write(app, of, id, move |_, _| {
        vec![Command::Set {
            field: body.field,
            value: body.value,
            shown: None,
        }]
    })
    .await
}

/// The end of a conflict.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveBody {
    /// The place in conflict, as the record's view names it.
    place: String,
    /// The value that shall stand.
    #[schema(value_type = Object)]
    value: Value,
    /// What you saw: `shown_op` and the `op` of every lost value. What came in meanwhile stays
    /// visible.
    seen: Vec<String>,
}

/// Ends a conflict, for the values that you saw.
#[utoipa::path(post, path = "/v1/office/records/{id}/conflicts", request_body = ResolveBody,
    params(("id" = String, Path, description = "The record's id")),
    responses((status = OK, body = Written)))]
pub(super) async fn resolve_conflict(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
    body: Result<Json<ResolveBody>, JsonRejection>,
) -> Result<Json<Written>, ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    write(app, of, id, move |_, _| {
        vec![Command::Resolve {
            place: body.place,
            value: body.value,
            seen: body.seen,
        }]
    })
    .await
}
