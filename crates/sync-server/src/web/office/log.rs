//! Reading the log.

use axum::Json;
use axum::extract::{Query, State};
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::reference::Role;
use gridlog_protocol::{Fact, LogEntry, entry_hash};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::store::StoredEntry;
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::error::ApiError;

/// Most entries of one answer.
const MOST_ENTRIES: usize = 1_000;

/// One entry of the log, for people.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogLine {
    seq: u64,
    /// Hash of the entry before, hex.
    previous: String,
    /// Hash of this entry, hex.
    hash: String,
    /// The canonical bytes, hex: hash them yourself.
    canonical: String,
    /// Server time, milliseconds since the Unix epoch.
    at_ms: i64,
    record: String,
    /// `admit`, `ruling`, `assignment`, `visible`, `hidden`, `archived`, `erase`, `epoch`, `seal`,
    /// `timer`, `day_closed` or `day_reopened`.
    fact: String,
    /// For an admission, the change's hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    /// Staff number of who wrote or asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// For a ruling, the proposal's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<String>,
    /// For a ruling, the step's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// For a refused proposal, the reason's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// For a ruling, the stage after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    /// For a ruling, the time at which the step counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts_at_ms: Option<i64>,
    /// For an assignment or a day, the area.
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<String>,
    /// For visibility, the audience.
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    /// For a new epoch, its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    /// For what the clock did: `overdue`, `stage_overdue`, `reply_overdue`, `escalated` or
    /// `deadline_moved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    timer: Option<String>,
    /// For an escalation, the level that has the case after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    /// For what the clock did, the moment that had passed; for a deadline that moved, the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_ms: Option<i64>,
    /// Whether a device gave the entry back after this log had lost it.
    returned: bool,
}

/// An entry as a line.
pub(super) fn line(stored: &StoredEntry) -> Result<LogLine, ApiError> {
    let entry = LogEntry::from_bytes(&stored.canonical)?;
    let mut line = LogLine {
        seq: entry.seq,
        previous: entry.previous.to_string(),
        hash: entry_hash(&stored.canonical).to_string(),
        canonical: hex::encode(&stored.canonical),
        at_ms: entry.at_ms,
        record: RecordId::from_bytes(entry.record.0).to_string(),
        fact: String::new(),
        change: None,
        by: None,
        proposal: None,
        step: None,
        refused: None,
        stage: None,
        counts_at_ms: None,
        area: None,
        audience: None,
        epoch: None,
        timer: None,
        level: None,
        due_ms: None,
        returned: entry.origin.is_some(),
    };
    let fact = match entry.fact {
        Fact::Admit { change, by } => {
            line.change = Some(change.to_string());
            line.by = Some(by);
            "admit"
        }
        Fact::Ruling {
            proposal,
            step,
            by,
            refused,
            stage,
            counts_at_ms,
            ..
        } => {
            line.proposal = Some(EntryId::from_bytes(proposal.0).to_string());
            line.step = Some(step);
            line.by = Some(by);
            line.refused = refused;
            line.stage = Some(stage);
            line.counts_at_ms = Some(counts_at_ms);
            "ruling"
        }
        Fact::Assignment { area } => {
            line.area = Some(area);
            "assignment"
        }
        Fact::Visible { audience } => {
            line.audience = Some(audience);
            "visible"
        }
        Fact::Hidden { audience } => {
            line.audience = Some(audience);
            "hidden"
        }
        Fact::Archived => "archived",
        Fact::Erase { by } => {
            line.by = Some(by);
            "erase"
        }
        Fact::Epoch { epoch, .. } => {
            line.epoch = Some(epoch);
            "epoch"
        }
        Fact::Seal { by, .. } => {
            line.by = Some(by);
            "seal"
        }
        Fact::DayClosed { area, by, .. } => {
            line.area = Some(area);
            line.by = Some(by);
            "day_closed"
        }
        Fact::DayReopened { area, by, .. } => {
            line.area = Some(area);
            line.by = Some(by);
            "day_reopened"
        }
        Fact::Timer {
            kind,
            level,
            due_ms,
        } => {
            line.timer = Some(kind);
            line.level = level;
            line.due_ms = Some(due_ms);
            "timer"
        }
    };
    fact.clone_into(&mut line.fact);
    Ok(line)
}

/// Where to read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// Entries after this number; by default 0.
    after: Option<u64>,
    /// Most entries; at most 1000, by default 100.
    limit: Option<usize>,
}

/// Reads the district's log. It carries ids, hashes, codes and times only.
#[utoipa::path(get, path = "/v1/office/log", params(LogQuery),
    responses((status = OK, body = Vec<LogLine>)))]
pub(super) async fn log_entries(
    State(app): State<App>,
    of: OfOffice,
    Query(query): Query<LogQuery>,
) -> Result<Json<Vec<LogLine>>, ApiError> {
    of.require(&app, &[Role::DutyOfficer, Role::Administrator])?;
    let lines = app.work(move |app| {
        let limit = query.limit.unwrap_or(100).min(MOST_ENTRIES);
        app.store
            .entries(query.after.unwrap_or(0), limit)?
            .iter()
            .map(line)
            .collect()
    });
    Ok(Json(lines.await?))
}
