//! The review list and the quarantine: what phones sent that an office has to look at.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use gridlog_domain::record::policy;
use gridlog_domain::reference::Role;
use gridlog_merge_guard::describe;
use gridlog_protocol::{Digest, reason};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ingest::{Begun, was_sound};
use crate::store::{InboxItem, ItemStatus, OfficeDecision, StoreError};
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::enrolment::bad_json;
use crate::web::error::ApiError;

/// Who looks after what waits.
const KEEPERS: &[Role] = &[Role::DutyOfficer, Role::Administrator];
/// How many items are looked at together.
const AT_ONCE: usize = 200;

/// What waits, without its contents.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Waiting {
    /// Names the item.
    item: String,
    record: String,
    /// Who sent it.
    person: String,
    device: String,
    received_ms: i64,
    bytes: usize,
    /// `review` or `refused`.
    status: String,
    /// Why, as a code.
    code: String,
    /// Why, in Chinese.
    zh: String,
    /// Why, in English.
    en: String,
}

fn reason_texts(code: &str) -> (&'static str, &'static str) {
    reason::describe(code)
        .or_else(|| policy::describe(code))
        .or_else(|| describe(code))
        .unwrap_or(("未知原因", "an unknown reason"))
}

impl Waiting {
    fn new(item: &InboxItem, bytes: usize) -> Self {
        let pushed = &item.pushed;
        let (status, code) = match &pushed.status {
            ItemStatus::Review(code) => ("review", code.as_str()),
            ItemStatus::Refused(code) => ("refused", code.as_str()),
            _ => ("decided", ""),
        };
        let (zh, en) = reason_texts(code);
        Self {
            item: pushed.item.to_string(),
            record: pushed.record.to_string(),
            person: pushed.person.as_str().to_owned(),
            device: pushed.device.to_string(),
            received_ms: pushed.received_ms,
            bytes,
            status: status.to_owned(),
            code: code.to_owned(),
            zh: zh.to_owned(),
            en: en.to_owned(),
        }
    }
}

/// Which part of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviewQuery {
    /// Most items; at most 500, by default 50.
    limit: Option<usize>,
    /// Items to pass over, of those that concern you.
    offset: Option<usize>,
}

/// Lists what waits in review and what was refused, as far as it concerns you, newest first.
#[utoipa::path(get, path = "/v1/office/review", params(ReviewQuery),
    responses((status = OK, body = Vec<Waiting>)))]
pub(super) async fn review_list(
    State(app): State<App>,
    of: OfOffice,
    Query(query): Query<ReviewQuery>,
) -> Result<Json<Vec<Waiting>>, ApiError> {
    of.require(&app, KEEPERS)?;
    let rows = app.work(move |app| {
        let limit = query.limit.unwrap_or(50).min(500);
        concerning(app, &of.audiences(app), query.offset.unwrap_or(0), limit)
    });
    Ok(Json(rows.await?))
}

/// What concerns those audiences: at most `limit` items after the first `offset`.
fn concerning(
    app: &App,
    audiences: &[String],
    mut offset: usize,
    limit: usize,
) -> Result<Vec<Waiting>, ApiError> {
    let mut rows = Vec::new();
    let mut before = None;
    while rows.len() < limit {
        let page = app.store.quarantine(before, AT_ONCE)?;
        let Some(last) = page.last() else { break };
        before = Some(last.item.arrival);
        for waiting in &page {
            if rows.len() == limit {
                break;
            }
            if concerns(app, audiences, &waiting.item)? {
                match offset {
                    0 => rows.push(Waiting::new(&waiting.item, waiting.bytes)),
                    _ => offset -= 1,
                }
            }
        }
    }
    Ok(rows)
}

/// Whether an item, with or without its bytes, is about a record that those audiences may see. What is
/// about no record at all, such as bytes that are no change, concerns every keeper, and so does what is
/// about an area that nobody knows any more.
fn concerns(app: &App, audiences: &[String], item: &InboxItem) -> Result<bool, ApiError> {
    let record = item.pushed.record;
    if app.store.is_visible(record, audiences)? {
        return Ok(true);
    }
    if app.store.record(record)?.is_some() {
        return Ok(false);
    }
    if !was_sound(&item.pushed.status) {
        return Ok(true);
    }
    let whole = app.store.inbox_item(item.pushed.item)?;
    let begun = whole.and_then(|whole| begun(app, &whole));
    Ok(begun.and_then(|begun| begun.area).is_none_or(|area| {
        let of_area = app.directory.now().area_audiences(&area);
        of_area.iter().any(|audience| audiences.contains(audience))
    }))
}

/// The item of that name, if it concerns the person.
fn found(app: &App, of: &OfOffice, name: &str) -> Result<InboxItem, ApiError> {
    let item = app.store.inbox_item(digest(name)?)?;
    match item {
        Some(item) if concerns(app, &of.audiences(app), &item)? => Ok(item),
        _ => Err(ApiError::NotFound {
            what: "item",
            id: name.chars().take(64).collect(),
        }),
    }
}

fn digest(text: &str) -> Result<Digest, ApiError> {
    let mut bytes = [0; 32];
    let not_found = |_| ApiError::NotFound {
        what: "item",
        id: text.chars().take(64).collect(),
    };
    hex::decode_to_slice(text, &mut bytes).map_err(not_found)?;
    Ok(Digest(bytes))
}

/// What waits, with what it says where that can be read.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Opened {
    #[serde(flatten)]
    waiting: Waiting,
    /// The record as it would begin, where the item begins one.
    #[schema(value_type = Option<Object>)]
    view: Option<serde_json::Value>,
}

/// Looks at one item.
#[utoipa::path(get, path = "/v1/office/review/{item}",
    params(("item" = String, Path, description = "The item's name")),
    responses((status = OK, body = Opened)))]
pub(super) async fn review_item(
    State(app): State<App>,
    of: OfOffice,
    Path(item): Path<String>,
) -> Result<Json<Opened>, ApiError> {
    of.require(&app, KEEPERS)?;
    let opened = app.work(move |app| {
        let found = found(app, &of, &item)?;
        Ok(Opened {
            view: readable(app, &found)?,
            waiting: Waiting::new(&found, found.pushed.bytes.len()),
        })
    });
    Ok(Json(opened.await?))
}

fn begun(app: &App, item: &InboxItem) -> Option<Begun> {
    Begun::read(&item.pushed, &app.directory.now(), &app.exchange.limits)
}

fn readable(app: &App, item: &InboxItem) -> Result<Option<serde_json::Value>, ApiError> {
    let begun = match item.pushed.status {
        ItemStatus::Review(_) => begun(app, item),
        _ => None,
    };
    begun
        .map(|begun| serde_json::to_value(begun.view))
        .transpose()
        .map_err(|_| ApiError::Internal)
}

/// Why an item is admitted or dismissed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionBody {
    /// For the file.
    reason: String,
}

/// Done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Decided {
    /// Code of where the item stands now.
    status: String,
}

fn decision(of: OfOffice, body: DecisionBody) -> Result<OfficeDecision, ApiError> {
    if body.reason.trim().is_empty() {
        return Err(ApiError::BadRequest {
            code: "reason_required",
            detail: "say why".to_owned(),
        });
    }
    Ok(OfficeDecision {
        by: of.person,
        reason: body.reason,
    })
}

/// Lets an item of the review list in; it is decided on at once.
#[utoipa::path(post, path = "/v1/office/review/{item}/admit", request_body = DecisionBody,
    params(("item" = String, Path, description = "The item's name")),
    responses((status = OK, body = Decided)))]
pub(super) async fn admit_item(
    State(app): State<App>,
    of: OfOffice,
    Path(item): Path<String>,
    body: Result<Json<DecisionBody>, JsonRejection>,
) -> Result<Json<Decided>, ApiError> {
    of.require(&app, KEEPERS)?;
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    let decided = app.work(move |app| {
        let item = found(app, &of, &item)?.pushed.item;
        app.sequencer.clear(item, decision(of, body)?)?;
        app.sequencer.wake();
        let limit = Duration::from_millis(app.config.ruling_wait_ms);
        let mut status = None;
        app.sequencer.wait_until(limit, || {
            status = app
                .store
                .item_statuses(&[item])?
                .into_iter()
                .next()
                .flatten();
            Ok::<_, StoreError>(status != Some(ItemStatus::Received))
        })?;
        let code = match status {
            Some(ItemStatus::Admitted(_)) => "admitted",
            Some(ItemStatus::Refused(_)) => "refused",
            Some(ItemStatus::Waiting(_)) => "waiting",
            _ => "received",
        };
        Ok(Decided {
            status: code.to_owned(),
        })
    });
    Ok(Json(decided.await?))
}

/// Takes an item off the list, with a reason. Its author's phone shows that.
#[utoipa::path(post, path = "/v1/office/review/{item}/dismiss", request_body = DecisionBody,
    params(("item" = String, Path, description = "The item's name")),
    responses((status = OK, body = Decided)))]
pub(super) async fn dismiss_item(
    State(app): State<App>,
    of: OfOffice,
    Path(item): Path<String>,
    body: Result<Json<DecisionBody>, JsonRejection>,
) -> Result<Json<Decided>, ApiError> {
    of.require(&app, KEEPERS)?;
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    let decided = app.work(move |app| {
        let item = found(app, &of, &item)?.pushed.item;
        app.sequencer.dismiss(item, decision(of, body)?)?;
        app.sequencer.wake();
        Ok(Decided {
            status: "refused".to_owned(),
        })
    });
    Ok(Json(decided.await?))
}
