//! Looking at cases and other records.

use axum::Json;
use axum::extract::{Path, Query, State};
use gridlog_domain::channel::Channel;
use gridlog_domain::deadline::Light;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::Kind;
use gridlog_domain::workflow::{Actor, CaseState, Rulebook, Stage, Urgency};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::duty::Duty;
use super::log::{LogLine, line};
use super::triage::Triaged;
use crate::directory::Timing;
use crate::store::{CaseFilter, RecordRow};
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::error::ApiError;

/// Most rows of one answer.
const MOST_ROWS: usize = 500;

/// Which records to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// `patrol`, `visit`, `case`, `site` or `contact`.
    kind: Option<String>,
    /// Code of a stage, for cases.
    stage: Option<String>,
    /// Code of the area where the record lives, exactly.
    area: Option<String>,
    /// The department that has the case.
    department: Option<String>,
    /// Text that the headline holds, or the beginning of the number in the channel that a case came by.
    text: Option<String>,
    /// Most rows; at most 500, by default 50.
    limit: Option<usize>,
    /// Rows to pass over.
    offset: Option<usize>,
}

/// A row of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Row {
    id: String,
    kind: String,
    /// Its title or name; of the name of a person or a household the first character.
    headline: String,
    area: String,
    author: String,
    /// Code of the stage; empty unless it is a case.
    stage: String,
    /// The stage in Chinese.
    stage_zh: String,
    department: String,
    /// By which way a case came in; empty unless it is a case.
    channel: String,
    /// That way in Chinese.
    channel_zh: String,
    /// Its number there; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// How many places are in conflict.
    conflicts: u32,
    created_ms: i64,
    updated_ms: i64,
    /// Number of the last log entry about it.
    as_of: u64,
    /// Whether it left the phones, its case being over for long.
    archived: bool,
    /// How urgent it is; only for a case that somebody has to handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    urgency: Option<RowUrgency>,
}

/// By when a case is to be handled, and its light.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RowUrgency {
    /// By when, milliseconds since the Unix epoch; absent while the case is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_ms: Option<i64>,
    /// Whether that may change: it was counted over days that the calendar does not know yet.
    provisional: bool,
    /// `green`, `yellow` or `red`; absent while the case is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    light: Option<&'static str>,
    /// Whether the log says that it was overdue.
    overdue: bool,
    /// The same in words: 绿灯, 黄灯, 红灯, 超期 or 暂停计时.
    zh: &'static str,
}

impl From<Urgency> for RowUrgency {
    fn from(urgency: Urgency) -> Self {
        Self {
            due_ms: urgency.due_ms,
            provisional: urgency.provisional,
            light: urgency.light.map(Light::en),
            overdue: urgency.overdue,
            zh: urgency.zh(),
        }
    }
}

/// What a view says of where a case came from.
#[derive(Debug, Default, Deserialize)]
struct Source {
    #[serde(default)]
    fields: SourceFields,
}

#[derive(Debug, Default, Deserialize)]
struct SourceFields {
    channel: Option<Channel>,
    number: Option<String>,
}

impl SourceFields {
    fn of(row: &RecordRow) -> Self {
        // A view that does not read back is told of when it is shown.
        serde_json::from_str::<Source>(&row.view)
            .unwrap_or_default()
            .fields
    }
}

impl Row {
    pub(super) fn new(row: &RecordRow, timing: &Timing, now_ms: i64) -> Self {
        let state = row.state.as_deref().filter(|_| row.timer.by.is_some());
        let state: Option<CaseState> = state.and_then(|json| serde_json::from_str(json).ok());
        let urgency = state.and_then(|state| timing.urgency(&state, now_ms));
        let source = SourceFields::of(row);
        // What was written before cases said it came from workers and offices.
        let channel = (row.kind == Kind::Case).then(|| source.channel.unwrap_or_default());
        Self {
            urgency: urgency.map(RowUrgency::from),
            channel: channel.map_or("", Channel::code).to_owned(),
            channel_zh: channel.map_or("", Channel::zh).to_owned(),
            number: source.number,
            id: row.id.to_string(),
            kind: row.kind.code().to_owned(),
            headline: row.kind.masked(&row.headline),
            area: row.area.clone(),
            author: row.author.as_str().to_owned(),
            stage: row.stage.clone(),
            stage_zh: Stage::from_code(&row.stage)
                .map_or("", Stage::zh)
                .to_owned(),
            department: row.department.clone(),
            conflicts: row.conflicts,
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
            as_of: row.as_of,
            archived: row.archived,
        }
    }
}

/// Lists records, those touched last first.
#[utoipa::path(get, path = "/v1/office/records", params(ListQuery),
    responses((status = OK, body = Vec<Row>)))]
pub(super) async fn list_records(
    State(app): State<App>,
    of: OfOffice,
    Query(query): Query<ListQuery>,
) -> Result<Json<Vec<Row>>, ApiError> {
    let kind = match query.kind.as_deref() {
        None => None,
        Some(code) => Some(Kind::from_code(code).ok_or_else(|| ApiError::BadRequest {
            code: "unknown_kind",
            detail: "kind is one of patrol, visit, case, site, contact".to_owned(),
        })?),
    };
    let rows = app.work(move |app| {
        let filter = CaseFilter {
            audiences: of.audiences(app),
            kind,
            stage: query.stage,
            area: query.area,
            department: query.department,
            text: query.text,
            limit: query.limit.unwrap_or(50).min(MOST_ROWS),
            offset: query.offset.unwrap_or(0),
        };
        let directory = app.directory.now();
        let rows = app.store.records(&filter)?;
        let row = |row| Row::new(row, &directory.timing, app.now_ms());
        Ok(rows.iter().map(row).collect())
    });
    Ok(Json(rows.await?))
}

/// Everything about one record.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Shown {
    #[serde(flatten)]
    row: Row,
    /// What the record says; see `RecordView` in the domain's documentation.
    #[schema(value_type = Object)]
    view: serde_json::Value,
    /// What was ruled; only for cases.
    #[schema(value_type = Option<Object>)]
    state: Option<serde_json::Value>,
    /// Automerge heads, hex.
    heads: Vec<String>,
    /// Codes of the steps that you could take now.
    next_steps: Vec<String>,
    /// Whom a dispatch could give it to; only for cases of a known class.
    #[serde(skip_serializing_if = "Option::is_none")]
    duty: Option<Duty>,
    /// Track, lane and risk, each with the rule that says so; only for cases.
    #[serde(skip_serializing_if = "Option::is_none")]
    triage: Option<Triaged>,
}

/// A record that the person may see.
pub(super) fn visible_record(app: &App, of: &OfOffice, id: &str) -> Result<RecordRow, ApiError> {
    visible_to(app, &of.audiences(app), id)
}

/// A record that one of the audiences sees.
pub(in crate::web) fn visible_to(
    app: &App,
    audiences: &[String],
    id: &str,
) -> Result<RecordRow, ApiError> {
    let not_found = || ApiError::NotFound {
        what: "record",
        id: id.chars().take(64).collect(),
    };
    let parsed: RecordId = id.parse().map_err(|_| not_found())?;
    if !app.store.is_visible(parsed, audiences)? {
        return Err(not_found());
    }
    app.store.record(parsed)?.ok_or_else(not_found)
}

/// Writes down who was shown personal data of which record, and none of it.
fn note_disclosure(of: &OfOffice, row: &RecordRow) {
    if row.kind.holds_personal_data() {
        tracing::info!(by = %of.person, record = %row.id, kind = row.kind.code(), "personal data was shown");
    }
}

/// Shows one record.
#[utoipa::path(get, path = "/v1/office/records/{id}",
    params(("id" = String, Path, description = "The record's id")),
    responses((status = OK, body = Shown), (status = NOT_FOUND, description = "Not yours to see")))]
pub(super) async fn show_record(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
) -> Result<Json<Shown>, ApiError> {
    let shown = app.work(move |app| {
        let row = visible_record(app, &of, &id)?;
        note_disclosure(&of, &row);
        let json = |text: &str| serde_json::from_str(text).map_err(|_| ApiError::Internal);
        let view = serde_json::from_str(&row.view).map_err(|_| ApiError::Internal)?;
        Ok(Shown {
            duty: Duty::of_case(&app.directory.now(), &row, &view)?,
            triage: Triaged::of_case(&app.directory.now(), &row, &view, app.now_ms())?,
            row: Row::new(&row, &app.directory.now().timing, app.now_ms()),
            view: json(&row.view)?,
            state: row.state.as_deref().map(json).transpose()?,
            heads: row.heads.iter().map(ToString::to_string).collect(),
            next_steps: next_steps(app, &of, &row)?,
        })
    });
    Ok(Json(shown.await?))
}

fn next_steps(app: &App, of: &OfOffice, row: &RecordRow) -> Result<Vec<String>, ApiError> {
    let Some(state) = &row.state else {
        return Ok(Vec::new());
    };
    let state: CaseState = serde_json::from_str(state).map_err(|_| ApiError::Internal)?;
    let directory = app.directory.now();
    let area = row.area.as_str().into();
    let who = Actor {
        person: of.person.clone(),
        roles: directory.held_roles(&of.person, &area, app.now_ms()),
        is_author: row.author == of.person,
    };
    let steps = Rulebook::new(&directory.catalogue).next_steps(&state, &who);
    Ok(steps
        .into_iter()
        .map(|step| step.code().to_owned())
        .collect())
}

/// The log entries of one record.
#[utoipa::path(get, path = "/v1/office/records/{id}/log",
    params(("id" = String, Path, description = "The record's id")),
    responses((status = OK, body = Vec<LogLine>)))]
pub(super) async fn record_log(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
) -> Result<Json<Vec<LogLine>>, ApiError> {
    let entries = app.work(move |app| {
        let row = visible_record(app, &of, &id)?;
        app.store.record_entries(row.id)?.iter().map(line).collect()
    });
    Ok(Json(entries.await?))
}

/// How many cases are in a stage.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StageCount {
    stage: String,
    stage_zh: String,
    cases: u64,
}

/// Counts the cases that you may see by stage. There is no ranking of people or areas.
#[utoipa::path(get, path = "/v1/office/figures/stages",
    responses((status = OK, body = Vec<StageCount>)))]
pub(super) async fn figures(
    State(app): State<App>,
    of: OfOffice,
) -> Result<Json<Vec<StageCount>>, ApiError> {
    let counts = app
        .work(move |app| Ok(app.store.cases_by_stage(&of.audiences(app))?))
        .await?;
    let named = counts.into_iter().map(|(stage, cases)| StageCount {
        stage_zh: Stage::from_code(&stage).map_or("", Stage::zh).to_owned(),
        stage,
        cases,
    });
    Ok(Json(named.collect()))
}
