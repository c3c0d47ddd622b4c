//! 日结: what an office looks at before it closes its day, and the closing.
//!
//! A day is that of an area: the one over which somebody is duty officer. It is counted by the server's
//! clock in the district's time zone.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use gridlog_domain::id::AreaCode;
use gridlog_domain::reference::{Calendar, Part as PartKind, Role};
use gridlog_domain::workflow::{CaseState, Step};
use gridlog_protocol::{Fact, LogEntry, audience};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::seals::{Sealed, sealed_at};
use crate::directory::Directory;
use crate::ingest::{DayFigures, DayWish};
use crate::store::DeviceStanding;
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::enrolment::bad_json;
use crate::web::error::ApiError;

/// Most phones that are listed, and most cases that are listed and counted.
const MOST_LISTED: usize = 1_000;
/// No log is older.
const FIRST_YEAR: i16 = 2000;
/// Where a district has no calendar.
const ZONE: &str = "Asia/Shanghai";

/// Why a closed day is opened again. The log carries no free words.
const REASONS: [&str; 4] = ["late_work", "mistake", "correction", "ordered"];

/// A phone that was out, or holds something.
#[derive(Debug, Serialize, ToSchema)]
struct Phone {
    device: String,
    name: String,
    /// Staff number of whose it is.
    person: String,
    /// When it synced last, server time in milliseconds; absent if it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sync_ms: Option<i64>,
    /// Whether it has not synced since the day began.
    out: bool,
    /// Changes that it said last it had not sent.
    unsent: u32,
    /// What it said last was sent back and waits for its worker.
    sent_back: u32,
    /// When it said so; absent if it never held anything at the end of a sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    told_ms: Option<i64>,
}

/// A case that is overdue.
#[derive(Debug, Serialize, ToSchema)]
struct Overdue {
    record: String,
    headline: String,
    area: String,
    stage: String,
    department: String,
    /// When its deadline passed, milliseconds.
    since_ms: Option<i64>,
}

/// How often a step was ruled on that day.
#[derive(Debug, Serialize, ToSchema)]
struct Steps {
    step: String,
    step_zh: String,
    accepted: u64,
    refused: u64,
}

/// How the day was closed.
#[derive(Debug, Serialize, ToSchema)]
struct Closing {
    /// The log entry that says so.
    seq: u64,
    /// Server time, milliseconds.
    at_ms: i64,
    /// Staff number.
    by: String,
    /// Phones that had not synced then.
    out: u32,
    /// Changes that phones had said they had not sent.
    unsent: u32,
    /// Cases that were overdue then.
    overdue: u32,
    /// The seal that covers it.
    seal: Option<Sealed>,
}

/// An office's day.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Day {
    date: String,
    /// The area whose day it is.
    area: String,
    /// Whether it is closed.
    closed: bool,
    /// How, if it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    closing: Option<Closing>,
    /// Phones that have not synced since the day began, or hold something, those of the longest first; at most
    /// 1000.
    phones: Vec<Phone>,
    /// How many have not synced since the day began.
    out: u32,
    /// How many changes phones said last they had not sent.
    unsent: u32,
    /// Cases that are overdue now, the longest first; at most 1000.
    overdue: Vec<Overdue>,
    /// Steps that were ruled on that day, as the log says it; steps that nobody took are left out.
    steps: Vec<Steps>,
}

/// The day that a path names, and when it begins and ends.
struct Asked {
    date: Date,
    within_ms: (i64, i64),
}

fn zone(directory: &Directory) -> Result<TimeZone, ApiError> {
    let part = directory.parts.get(PartKind::Calendar.name());
    let calendar = part.and_then(|part| serde_json::from_str::<Calendar>(&part.json).ok());
    let name = calendar.map_or_else(|| ZONE.to_owned(), |calendar| calendar.timezone);
    TimeZone::get(&name).map_err(|_| ApiError::Internal)
}

impl Asked {
    fn read(text: &str, directory: &Directory, now_ms: i64) -> Result<Self, ApiError> {
        let bad = || ApiError::BadRequest {
            code: "bad_date",
            detail: "a day is written as 2026-11-23".to_owned(),
        };
        // One day has one spelling: it is entered in the log as it is written here.
        let date: Date = text.parse().map_err(|_| bad())?;
        if date.to_string() != text || date.year() < FIRST_YEAR {
            return Err(bad());
        }
        let zone = zone(directory)?;
        let begins = |date: Date| -> Result<i64, ApiError> {
            let moment = date
                .to_zoned(zone.clone())
                .map_err(|_| ApiError::Internal)?;
            Ok(moment.timestamp().as_millisecond())
        };
        let next = date.tomorrow().map_err(|_| bad())?;
        let within_ms = (begins(date)?, begins(next)?);
        let now = Timestamp::from_millisecond(now_ms).map_err(|_| ApiError::Internal)?;
        if date > now.to_zoned(zone).date() {
            return Err(ApiError::BadRequest {
                code: "day_in_future",
                detail: format!("{date} has not begun"),
            });
        }
        Ok(Self { date, within_ms })
    }
}

/// The widest area over which somebody is duty officer now.
fn area_of(app: &App, of: &OfOffice) -> Result<AreaCode, ApiError> {
    let directory = app.directory.now();
    let areas = directory.areas_with(&of.person, Role::DutyOfficer, app.now_ms());
    let depth = |area: &AreaCode| directory.areas.upwards(area).count();
    areas
        .into_iter()
        .min_by_key(depth)
        .ok_or(ApiError::Forbidden)
}

/// Phones of people who work in the area, those that synced longest ago first.
fn phones(app: &App, area: &AreaCode, asked: &Asked) -> Result<Vec<Phone>, ApiError> {
    let directory = app.directory.now();
    let now = app.now_ms();
    let is_there =
        |standing: &DeviceStanding| directory.works_in(&standing.device.person, area, now);
    let mut devices = app.store.devices()?;
    devices.retain(is_there);
    devices.sort_by_key(|standing| standing.device.last_sync_ms);
    let phone = |standing: DeviceStanding| {
        let unsent = standing
            .unsent
            .map(|(_, unsent)| unsent)
            .unwrap_or_default();
        let device = standing.device;
        Phone {
            out: device.last_sync_ms.is_none_or(|at| at < asked.within_ms.0),
            device: device.id.to_string(),
            name: device.name,
            person: device.person.as_str().to_owned(),
            last_sync_ms: device.last_sync_ms,
            unsent: unsent.changes,
            sent_back: unsent.sent_back,
            told_ms: standing.unsent.map(|(at_ms, _)| at_ms),
        }
    };
    let phones = devices.into_iter().map(phone);
    let matters = |phone: &Phone| phone.out || phone.unsent > 0 || phone.sent_back > 0;
    Ok(phones.filter(matters).collect())
}

fn overdue(app: &App, area: &AreaCode) -> Result<Vec<Overdue>, ApiError> {
    let rows = app
        .store
        .overdue(&audience::area(area.as_str()), MOST_LISTED)?;
    let told = rows.into_iter().map(|row| {
        let state: Option<CaseState> = row
            .state
            .as_deref()
            .and_then(|json| serde_json::from_str(json).ok());
        Overdue {
            record: row.id.to_string(),
            headline: row.headline,
            area: row.area,
            stage: row.stage,
            department: row.department,
            since_ms: state.and_then(|state| state.overdue_ms),
        }
    });
    Ok(told.collect())
}

fn steps(app: &App, area: &AreaCode, asked: &Asked) -> Result<Vec<Steps>, ApiError> {
    let counts = app
        .store
        .steps(&audience::area(area.as_str()), asked.within_ms)?;
    let mut counts: BTreeMap<String, _> = counts;
    // In the order of the table of steps, which is that of a case's way.
    let known = Step::ALL.iter().map(|step| step.code());
    let told = known.filter_map(|code| Some((code.to_owned(), counts.remove(code)?)));
    let told = told.map(|(step, count)| Steps {
        step_zh: Step::from_code(&step).map_or("", Step::zh).to_owned(),
        step,
        accepted: count.accepted,
        refused: count.refused,
    });
    Ok(told.collect())
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

fn closing(app: &App, area: &AreaCode, asked: &Asked) -> Result<Option<Closing>, ApiError> {
    let day = app.store.day(&asked.date.to_string(), area.as_str())?;
    let Some(seq) = day.closed.filter(|_| day.is_closed()) else {
        return Ok(None);
    };
    let stored = app.store.entry(seq)?.ok_or(ApiError::Internal)?;
    let entry = LogEntry::from_bytes(&stored.canonical)?;
    let Fact::DayClosed {
        by,
        out,
        unsent,
        overdue,
        ..
    } = entry.fact
    else {
        return Err(ApiError::Internal);
    };
    Ok(Some(Closing {
        seq,
        at_ms: entry.at_ms,
        by,
        out,
        unsent,
        overdue,
        seal: sealed_at(app, seq + 1)?,
    }))
}

fn look(app: &App, area: &AreaCode, asked: &Asked) -> Result<Day, ApiError> {
    let mut phones = phones(app, area, asked)?;
    let out = phones.iter().filter(|phone| phone.out).count();
    let unsent = phones
        .iter()
        .fold(0_u32, |sum, phone| sum.saturating_add(phone.unsent));
    phones.truncate(MOST_LISTED);
    let closing = closing(app, area, asked)?;
    Ok(Day {
        date: asked.date.to_string(),
        area: area.as_str().to_owned(),
        closed: closing.is_some(),
        closing,
        phones,
        out: count(out),
        unsent,
        overdue: overdue(app, area)?,
        steps: steps(app, area, asked)?,
    })
}

/// Shows your area's day: which phones are out, what they hold, what is overdue, what was done, and the seal
/// once it is closed. For duty officers.
#[utoipa::path(get, path = "/v1/office/days/{date}",
    params(("date" = String, Path, description = "The day, as 2026-11-23")),
    responses((status = OK, body = Day)))]
pub(super) async fn show_day(
    State(app): State<App>,
    of: OfOffice,
    Path(date): Path<String>,
) -> Result<Json<Day>, ApiError> {
    let day = app.work(move |app| {
        let area = area_of(app, &of)?;
        let asked = Asked::read(&date, &app.directory.now(), app.now_ms())?;
        look(app, &area, &asked)
    });
    Ok(Json(day.await?))
}

/// Closes your area's day and seals the log. What comes later counts on the day on which it comes. For duty
/// officers.
#[utoipa::path(post, path = "/v1/office/days/{date}/close",
    params(("date" = String, Path, description = "The day, as 2026-11-23")),
    responses((status = OK, body = Day),
        (status = CONFLICT, description = "It is closed already: day_closed")))]
pub(super) async fn close_day(
    State(app): State<App>,
    of: OfOffice,
    Path(date): Path<String>,
) -> Result<Json<Day>, ApiError> {
    let closed = app.work(move |app| {
        let area = area_of(app, &of)?;
        let asked = Asked::read(&date, &app.directory.now(), app.now_ms())?;
        let before = look(app, &area, &asked)?;
        let figures = DayFigures {
            out: before.out,
            unsent: before.unsent,
            overdue: count(before.overdue.len()),
        };
        app.sequencer.close_day(wish(&of, &area, &asked), figures)?;
        look(app, &area, &asked)
    });
    Ok(Json(closed.await?))
}

fn wish(of: &OfOffice, area: &AreaCode, asked: &Asked) -> DayWish {
    DayWish {
        date: asked.date.to_string(),
        area: area.as_str().to_owned(),
        by: of.person.clone(),
    }
}

/// Why a day is opened again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reopening {
    /// `late_work` 补录, `mistake` 误操作, `correction` 更正 or `ordered` 上级要求.
    reason: String,
}

/// Opens your area's closed day again; the log keeps both. For duty officers.
#[utoipa::path(post, path = "/v1/office/days/{date}/reopen", request_body = Reopening,
    params(("date" = String, Path, description = "The day, as 2026-11-23")),
    responses((status = OK, body = Day),
        (status = CONFLICT, description = "It is not closed: day_open")))]
pub(super) async fn reopen_day(
    State(app): State<App>,
    of: OfOffice,
    Path(date): Path<String>,
    body: Result<Json<Reopening>, JsonRejection>,
) -> Result<Json<Day>, ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    if !REASONS.contains(&body.reason.as_str()) {
        return Err(ApiError::BadRequest {
            code: "bad_reason",
            detail: format!("reason is one of {}", REASONS.join(", ")),
        });
    }
    let reopened = app.work(move |app| {
        let area = area_of(app, &of)?;
        let asked = Asked::read(&date, &app.directory.now(), app.now_ms())?;
        let wish = wish(&of, &area, &asked);
        app.sequencer.reopen_day(wish, body.reason)?;
        look(app, &area, &asked)
    });
    Ok(Json(reopened.await?))
}
