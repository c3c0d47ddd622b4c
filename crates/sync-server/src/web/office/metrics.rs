//! What the district is measured by, for an office.
//!
//! Groups come in their own order: areas and classes by code, departments by name, months by time; never by
//! a figure. Nothing is counted by person.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State};
use gridlog_domain::id::AreaCode;
use gridlog_domain::metrics::{METRICS, Moment, Rate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::covered::{Asked, Covered, Days};
use crate::directory::Directory;
use crate::store::{AlikeCases, CountQuery, CountedBy};
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::error::ApiError;

/// What to count.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricsQuery {
    /// First day, as in `2026-11-01`, by the district's time zone.
    from: String,
    /// Last day, included. At most 1100 days are counted at once.
    to: String,
    /// Only cases in this area, wherever in it; by default all that you cover.
    area: Option<String>,
    /// Only cases of this department.
    department: Option<String>,
    /// Only cases of this minor class.
    category: Option<String>,
    /// `area` for the areas in the one that is asked for, `department`, `category` or `month`; by default
    /// all together. There is no ranking: groups come in their own order.
    by: Option<String>,
}

/// Figures, with what they mean.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Metrics {
    from: String,
    to: String,
    /// What each metric means.
    metrics: Vec<Meaning>,
    /// The figures, group by group.
    groups: Vec<Group>,
}

/// What a metric means.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Meaning {
    /// Its code.
    code: &'static str,
    /// Its name.
    zh: &'static str,
    /// The moment that lies in the period.
    moment: &'static str,
    /// The same in Chinese.
    moment_zh: &'static str,
    /// Of which cases: all of this is so of them.
    among: Vec<&'static str>,
    /// Which of them count.
    counted: &'static str,
}

/// The figures of a group.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Group {
    /// Code of the area or class, name of the department, or the month as in `2026-11`; empty for all
    /// together, for cases without one, and for areas that there are no more.
    code: String,
    /// Its name.
    name: String,
    /// One for each metric, in the order of `metrics`.
    figures: Vec<Figure>,
}

/// So many of so many.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Figure {
    code: &'static str,
    numerator: u64,
    denominator: u64,
    /// As a percentage with two decimals; `—` for 0 of 0.
    rate: String,
}

/// What figures are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grouping {
    Together,
    Counted(CountedBy),
    Month,
}

impl Grouping {
    fn read(code: Option<&str>) -> Result<Self, ApiError> {
        match code {
            None => Ok(Self::Together),
            Some("area") => Ok(Self::Counted(CountedBy::Area)),
            Some("department") => Ok(Self::Counted(CountedBy::Department)),
            Some("category") => Ok(Self::Counted(CountedBy::Category)),
            Some("month") => Ok(Self::Month),
            Some(_) => Err(ApiError::BadRequest {
                code: "unknown_grouping",
                detail: "by is one of area, department, category, month".to_owned(),
            }),
        }
    }

    const fn counted_by(self) -> Option<CountedBy> {
        match self {
            Self::Counted(by) => Some(by),
            Self::Together | Self::Month => None,
        }
    }
}

/// Every metric of a period, with numerator and denominator. For whoever covers an area, and for handlers
/// of the cases that their department has.
#[utoipa::path(get, path = "/v1/office/metrics", params(MetricsQuery),
    responses((status = OK, body = Metrics)))]
pub(super) async fn show_metrics(
    State(app): State<App>,
    of: OfOffice,
    Query(query): Query<MetricsQuery>,
) -> Result<Json<Metrics>, ApiError> {
    let grouping = Grouping::read(query.by.as_deref())?;
    let days = Days::read(&query.from, &query.to)?;
    let metrics = app.work(move |app| {
        let directory = app.directory.now();
        let asked = Asked {
            area: query.area,
            department: query.department,
            category: query.category,
        };
        let covered = Covered::of(app, &directory, &of, asked)?;
        let timetable = directory.timetable()?;
        let parts = match grouping {
            Grouping::Month => days.months(),
            _ => vec![days],
        };
        let alike = app.store.counts(&CountQuery {
            moments: moments(),
            periods: parts.iter().map(|days| days.period(&timetable)).collect(),
            scope: covered.scope,
            by: grouping.counted_by(),
        })?;
        let groups = match grouping {
            Grouping::Together => vec![group("", "全部", &alike)],
            Grouping::Month => by_month(&parts, &alike),
            Grouping::Counted(CountedBy::Area) => by_area(&directory, &covered.tops, &alike),
            Grouping::Counted(CountedBy::Department) => {
                by_key(&alike, |department| match department {
                    "" => "未派遣".to_owned(),
                    named => department_name(&directory, named),
                })
            }
            Grouping::Counted(CountedBy::Category) => by_key(&alike, |class| {
                let minor = directory.catalogue.minor(class);
                minor.map_or_else(|| class.to_owned(), |minor| minor.name.clone())
            }),
        };
        Ok(Metrics {
            from: days.first.to_string(),
            to: days.last.to_string(),
            metrics: meanings(),
            groups,
        })
    });
    Ok(Json(metrics.await?))
}

/// A department's name; a community that takes cases is one by its area's code.
pub(super) fn department_name(directory: &Directory, department: &str) -> String {
    let area = directory.areas.get(&AreaCode::new(department));
    area.map_or_else(|| department.to_owned(), |area| area.name.clone())
}

fn meanings() -> Vec<Meaning> {
    let meaning = |metric: &gridlog_domain::metrics::Metric| Meaning {
        code: metric.code,
        zh: metric.zh,
        moment: metric.moment.code(),
        moment_zh: metric.moment.zh(),
        among: metric.among.iter().map(|part| part.words()).collect(),
        counted: metric.count.words(),
    };
    METRICS.iter().map(meaning).collect()
}

/// The moments that metrics are about.
fn moments() -> Vec<Moment> {
    let is_asked = |moment: &Moment| METRICS.iter().any(|metric| metric.moment == *moment);
    Moment::ALL.into_iter().filter(is_asked).collect()
}

fn group<'a>(
    code: &str,
    name: &str,
    alike: impl IntoIterator<Item = &'a AlikeCases> + Clone,
) -> Group {
    let figures = METRICS.iter().map(|metric| {
        let mut rate = Rate::default();
        for cases in alike.clone() {
            if cases.moment == metric.moment {
                rate += metric.of_alike(cases.traits, cases.cases);
            }
        }
        Figure {
            code: metric.code,
            numerator: rate.numerator,
            denominator: rate.denominator,
            rate: rate.to_string(),
        }
    });
    Group {
        code: code.to_owned(),
        name: name.to_owned(),
        figures: figures.collect(),
    }
}

fn by_month(months: &[Days], alike: &[AlikeCases]) -> Vec<Group> {
    let month = |(index, days): (usize, &Days)| {
        let name = days.first.strftime("%Y-%m").to_string();
        let of_month: Vec<_> = alike.iter().filter(|one| one.period == index).collect();
        group(&name, &name, of_month)
    };
    months.iter().enumerate().map(month).collect()
}

fn by_key(alike: &[AlikeCases], name: impl Fn(&str) -> String) -> Vec<Group> {
    let mut keys: BTreeMap<&str, Vec<&AlikeCases>> = BTreeMap::new();
    for one in alike {
        keys.entry(&one.key).or_default().push(one);
    }
    let groups = keys.into_iter();
    groups
        .map(|(key, alike)| group(key, &name(key), alike))
        .collect()
}

/// The areas right below the one that is asked for, each with what lies in it. An area without cases is
/// there, too, and so is what lives in none of them.
fn by_area(directory: &Directory, tops: &[AreaCode], alike: &[AlikeCases]) -> Vec<Group> {
    let areas = &directory.areas;
    let shown = shown_areas(directory, tops);
    let mut groups: BTreeMap<&AreaCode, Vec<&AlikeCases>> =
        shown.iter().map(|area| (area, Vec::new())).collect();
    let mut elsewhere: BTreeMap<String, Vec<&AlikeCases>> = BTreeMap::new();
    for one in alike {
        let home = AreaCode::new(one.key.as_str());
        let around = areas.upwards(&home).map(|area| &area.code);
        let mut around = around.collect::<Vec<_>>().into_iter();
        match around.find_map(|area| shown.get(shown.binary_search(area).ok()?)) {
            Some(area) => groups.entry(area).or_default().push(one),
            None => {
                let known = areas.get(&home).map(|_| one.key.clone());
                elsewhere
                    .entry(known.unwrap_or_default())
                    .or_default()
                    .push(one);
            }
        }
    }
    let name = |code: &str| match areas.get(&AreaCode::new(code)) {
        Some(area) => area.name.clone(),
        None => "其他".to_owned(),
    };
    let own = elsewhere.into_iter();
    let own = own.map(|(code, alike)| group(&code, &name(&code), alike));
    let below = groups.into_iter();
    let below = below.map(|(area, alike)| group(area.as_str(), &name(area.as_str()), alike));
    below.chain(own).collect()
}

/// In the order of areas, which is that of their codes.
fn shown_areas(directory: &Directory, tops: &[AreaCode]) -> Vec<AreaCode> {
    if tops.len() > 1 {
        return tops.to_vec();
    }
    let top = tops.first().cloned().or_else(|| directory.widest_area());
    let below = directory.areas.iter().filter(|area| area.parent == top);
    below.map(|area| area.code.clone()).collect()
}
