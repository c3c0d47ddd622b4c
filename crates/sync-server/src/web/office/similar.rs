//! Hints: which other cases may be the same one, or belong with it. What is done about them is a step.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use gridlog_domain::id::RecordId;
use gridlog_domain::record::{Fix, RecordView, Value};
use gridlog_domain::workflow::{Stage, Step};
use serde::Serialize;
use utoipa::ToSchema;

use super::records::{Row, visible_record};
use crate::store::{NearQuery, RecordRow};
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::error::ApiError;

/// Mean radius of the earth, metres.
const EARTH_M: f64 = 6_371_008.8;
const DAY_MS: i64 = 24 * 60 * 60_000;
/// Most cases that are compared for each reason, and most that are answered.
const COMPARED: usize = 500;
const ANSWERED: usize = 50;
/// What stands between a number and the number of a repetition.
const SEPARATORS: [char; 5] = ['-', '/', '_', '#', '.'];

/// Why a case is hinted at.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Why {
    /// `near`, `same_category`, `same_class`, `same_caller` or `same_number`.
    code: &'static str,
    /// In Chinese.
    zh: String,
    /// In English.
    en: String,
}

/// A case that may be the same one or belong with it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Similar {
    #[serde(flatten)]
    row: Row,
    /// Every reason.
    why: Vec<Why>,
    /// How far away, metres; absent unless it is near.
    #[serde(skip_serializing_if = "Option::is_none")]
    metres: Option<u32>,
    /// Codes of the steps that this suggests: `mark_duplicate`, `link`.
    suggests: Vec<&'static str>,
}

impl Similar {
    const fn new(row: Row) -> Self {
        Self {
            row,
            why: Vec::new(),
            metres: None,
            suggests: Vec::new(),
        }
    }

    fn note(&mut self, why: Why, suggests: Step) {
        self.why.push(why);
        if !self.suggests.contains(&suggests.code()) {
            self.suggests.push(suggests.code());
        }
    }
}

/// The way over the earth's surface between two points, metres (haversine).
fn distance_m(a: &Fix, b: &Fix) -> f64 {
    let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let chord = half(b.lat - a.lat) + lat_a.cos() * lat_b.cos() * half(b.lon - a.lon);
    2.0 * EARTH_M * chord.sqrt().min(1.0).asin()
}

/// What is compared of a case.
struct Compared {
    fix: Option<Fix>,
    category: String,
    number: String,
    contact: Option<RecordId>,
    reported_ms: i64,
}

impl Compared {
    fn read(row: &RecordRow) -> Result<Self, ApiError> {
        let view: RecordView = serde_json::from_str(&row.view).map_err(|_| ApiError::Internal)?;
        let fix = match view.fields.get("place") {
            Some(Value::Place(place)) => place.fix.clone(),
            _ => None,
        };
        let reported = view.fields.get("reported_at").and_then(Value::as_millis);
        Ok(Self {
            fix,
            category: view.text("category").to_owned(),
            number: view.text("number").to_owned(),
            contact: view.text("contact").parse().ok(),
            reported_ms: reported.unwrap_or(row.created_ms),
        })
    }

    fn class(&self) -> &str {
        self.category.get(..2).unwrap_or(&self.category)
    }
}

/// Other cases that may be the same one, being near, of the same class and of about the same time, and
/// those that belong with it, being of the same caller or of a number that continues its own. Only open
/// ones may be the same. Marking a duplicate and linking are steps.
#[utoipa::path(get, path = "/v1/office/records/{id}/similar",
    params(("id" = String, Path, description = "The record's id")),
    responses((status = OK, body = Vec<Similar>)))]
pub(super) async fn similar_cases(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
) -> Result<Json<Vec<Similar>>, ApiError> {
    let found = app.work(move |app| {
        let row = visible_record(app, &of, &id)?;
        let own = Compared::read(&row)?;
        let mut hints = Hints {
            app,
            own: row.id,
            found: BTreeMap::new(),
        };
        if row.state.is_some() {
            let audiences = of.audiences(app);
            hints.near(&audiences, &own)?;
            hints.of_caller(&audiences, &own)?;
            hints.of_number(&audiences, &own)?;
        }
        Ok(hints.sorted())
    });
    Ok(Json(found.await?))
}

struct Hints<'a> {
    app: &'a App,
    own: RecordId,
    found: BTreeMap<RecordId, Similar>,
}

impl Hints<'_> {
    fn note(&mut self, row: &RecordRow, why: Why, suggests: Step) {
        if row.id != self.own {
            let app = self.app;
            let shown = || Row::new(row, &app.directory.now().timing, app.now_ms());
            let hint = self
                .found
                .entry(row.id)
                .or_insert_with(|| Similar::new(shown()));
            hint.note(why, suggests);
        }
    }

    fn near(&mut self, audiences: &[String], own: &Compared) -> Result<(), ApiError> {
        let Some(here) = &own.fix else {
            return Ok(());
        };
        let within = self.app.config.similar_metres;
        let lat_span = (within / EARTH_M).to_degrees();
        let lon_span = (lat_span / here.lat.to_radians().cos().abs().max(1e-6)).min(360.0);
        let days_ms = i64::from(self.app.config.similar_days) * DAY_MS;
        let open = Stage::ALL.into_iter().filter(|stage| !stage.is_over());
        let query = NearQuery {
            audiences: audiences.to_vec(),
            crs: here.crs,
            lat: (here.lat - lat_span, here.lat + lat_span),
            lon: (here.lon - lon_span, here.lon + lon_span),
            class: own.class().to_owned(),
            reported_ms: (
                own.reported_ms.saturating_sub(days_ms),
                own.reported_ms.saturating_add(days_ms),
            ),
            stages: open.map(|stage| stage.code().to_owned()).collect(),
            limit: COMPARED,
        };
        for row in self.app.store.cases_near(&query)? {
            let other = Compared::read(&row)?;
            let metres = other.fix.as_ref().map(|there| distance_m(here, there));
            let Some(metres) = metres.filter(|metres| *metres <= within) else {
                continue;
            };
            let apart_ms = (other.reported_ms - own.reported_ms).abs();
            let days = apart_ms / DAY_MS;
            let near = Why {
                code: "near",
                zh: format!("相距约 {metres:.0} 米，上报相隔 {days} 天"),
                en: format!("about {metres:.0} m away, reported {days} days apart"),
            };
            self.note(&row, near, Step::MarkDuplicate);
            let same = if other.category == own.category {
                ("same_category", "同一小类", "the same minor class")
            } else {
                ("same_class", "同一大类", "the same major class")
            };
            let same = Why {
                code: same.0,
                zh: same.1.to_owned(),
                en: same.2.to_owned(),
            };
            self.note(&row, same, Step::MarkDuplicate);
            if let Some(hint) = self.found.get_mut(&row.id) {
                // A bounded distance is a small number.
                hint.metres = Some(metres.round() as u32);
            }
        }
        Ok(())
    }

    fn of_caller(&mut self, audiences: &[String], own: &Compared) -> Result<(), ApiError> {
        let Some(contact) = own.contact else {
            return Ok(());
        };
        for row in self
            .app
            .store
            .cases_of_caller(audiences, contact, COMPARED)?
        {
            let why = Why {
                code: "same_caller",
                zh: "同一来电人或来信人".to_owned(),
                en: "the same caller".to_owned(),
            };
            self.note(&row, why, Step::Link);
        }
        Ok(())
    }

    fn of_number(&mut self, audiences: &[String], own: &Compared) -> Result<(), ApiError> {
        if own.number.is_empty() {
            return Ok(());
        }
        let stems = own.number.match_indices(SEPARATORS);
        let stems = stems.map(|(at, _)| own.number[..at].to_owned());
        let mut numbers: Vec<String> = stems.filter(|stem| !stem.is_empty()).collect();
        numbers.push(own.number.clone());
        let continued = SEPARATORS.map(|between| format!("{}{between}", own.number));
        let rows = self
            .app
            .store
            .cases_numbered(audiences, (&numbers, &continued), COMPARED)?;
        for row in rows {
            let other = Compared::read(&row)?.number;
            let why = Why {
                code: "same_number",
                zh: format!("编号相同或相承：{other}"),
                en: format!("the same number, or one that continues it: {other}"),
            };
            self.note(&row, why, Step::Link);
        }
        Ok(())
    }

    /// Those with most reasons first, then the nearest.
    fn sorted(self) -> Vec<Similar> {
        let mut hints: Vec<Similar> = self.found.into_values().collect();
        hints.sort_by_key(|hint| (std::cmp::Reverse(hint.why.len()), hint.metres));
        hints.truncate(ANSWERED);
        hints
    }
}
