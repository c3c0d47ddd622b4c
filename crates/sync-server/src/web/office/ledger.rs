//! 台账: the cases of a period as a table for spreadsheet programs.
//!
//! It is read and sent in pages, so that a year of a district takes no more memory than a day. It names no
//! person; where somebody wrote a telephone number into a title, its middle is starred.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use gridlog_domain::id::AreaCode;
use gridlog_domain::metrics::{Moment, Period};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::IntoParams;

use super::covered::{Asked, Covered, Days};
use super::metrics::department_name;
use crate::directory::Directory;
use crate::store::{BoardPlace, CaseLine, CaseScope};
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::error::ApiError;

/// Cases that are read at once.
const PAGE: usize = 500;
/// What tells spreadsheet programs that the file is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// A run of at least so many digits may be somebody's number.
const NUMBER_FROM: usize = 7;

/// Which cases.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerQuery {
    /// First day on which a case was reported, as in `2026-11-01`, by the district's time zone.
    from: String,
    /// Last such day, included; at most 1100 days in all.
    to: String,
    /// Only cases in this area, wherever in it; by default all that you cover.
    area: Option<String>,
}

/// What a ledger is written with.
struct Words {
    directory: Arc<Directory>,
    zone: TimeZone,
}

/// A column: its heading and what it says of a case.
type Column = (&'static str, fn(&CaseLine, &Words) -> String);

const COLUMNS: [Column; 22] = [
    ("案卷编号", |case, _| case.id.to_string()),
    ("标题", |case, _| starred(&case.headline)),
    ("区域编码", |case, _| case.counted.area.clone()),
    ("区域", |case, words| words.area(&case.counted.area)),
    ("来源", |case, _| {
        case.counted.facts.channel.zh().to_owned()
    }),
    ("小类编码", |case, _| case.counted.category.clone()),
    ("小类", |case, words| words.class(&case.counted.category)),
    ("阶段", |case, _| case.counted.facts.stage.zh().to_owned()),
    ("处置部门", |case, words| {
        department_name(&words.directory, &case.counted.department)
    }),
    (Moment::Reported.zh(), |case, words| {
        words.at(case, Moment::Reported)
    }),
    (Moment::Answered.zh(), |case, words| {
        words.at(case, Moment::Answered)
    }),
    (Moment::Filed.zh(), |case, words| {
        words.at(case, Moment::Filed)
    }),
    (Moment::Dispatched.zh(), |case, words| {
        words.at(case, Moment::Dispatched)
    }),
    (Moment::Due.zh(), |case, words| words.at(case, Moment::Due)),
    (Moment::Handled.zh(), |case, words| {
        words.at(case, Moment::Handled)
    }),
    (Moment::Closed.zh(), |case, words| {
        words.at(case, Moment::Closed)
    }),
    ("超期", |case, _| yes(case.counted.overdue_ms.is_some())),
    ("回退次数", |case, _| {
        case.counted.facts.returns.to_string()
    }),
    ("返工次数", |case, _| {
        case.counted.facts.reworks.to_string()
    }),
    (Moment::CalledBack.zh(), |case, words| {
        words.at(case, Moment::CalledBack)
    }),
    ("群众认为已解决", |case, _| {
        let facts = &case.counted.facts;
        facts
            .called_back_ms
            .map_or_else(String::new, |_| yes(facts.solved))
    }),
    ("评分", |case, _| match case.counted.facts.rating {
        0 => String::new(),
        rating => rating.to_string(),
    }),
];

impl Words {
    fn of(directory: Arc<Directory>) -> Result<Self, ApiError> {
        let timetable = directory.timetable()?;
        // The timetable was made with it.
        let zone = TimeZone::get(&timetable.calendar().timezone).map_err(|_| ApiError::Internal)?;
        Ok(Self { directory, zone })
    }

    fn area(&self, code: &str) -> String {
        let area = self.directory.areas.get(&AreaCode::new(code));
        area.map_or_else(String::new, |area| area.name.clone())
    }

    fn class(&self, code: &str) -> String {
        let minor = self.directory.catalogue.minor(code);
        minor.map_or_else(String::new, |minor| minor.name.clone())
    }

    fn at(&self, case: &CaseLine, moment: Moment) -> String {
        let at = case.counted.facts.at(moment);
        let at = at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        at.map_or_else(String::new, |at| {
            let local = at.to_zoned(self.zone.clone());
            local.strftime("%Y-%m-%d %H:%M").to_string()
        })
    }
}

fn yes(so: bool) -> String {
    if so { "是" } else { "否" }.to_owned()
}

/// Stars what may be somebody's number: of seven digits or more, also with spaces or hyphens between,
/// the first three and the last two are left.
fn starred(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut shown = letters.clone();
    let mut run: Vec<usize> = Vec::new();
    let mut star = |run: &mut Vec<usize>| {
        if run.len() >= NUMBER_FROM {
            for place in &run[3..run.len() - 2] {
                shown[*place] = '*';
            }
        }
        run.clear();
    };
    for (place, letter) in letters.iter().enumerate() {
        let joins = matches!(letter, ' ' | '-')
            && letters.get(place + 1).is_some_and(|next| next.is_numeric());
        if letter.is_numeric() {
            run.push(place);
        } else if !joins {
            star(&mut run);
        }
    }
    star(&mut run);
    shown.into_iter().collect()
}

/// A cell that no spreadsheet program takes for a formula.
fn harmless(cell: String) -> String {
    const BEGINNINGS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
    if cell.trim_start_matches(' ').starts_with(BEGINNINGS) {
        format!("'{cell}")
    } else {
        cell
    }
}

fn rows<'a>(cells: impl Iterator<Item = Vec<String>> + 'a) -> Result<Vec<u8>, ApiError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in cells {
        let row = row.into_iter().map(harmless);
        // It writes into memory, and every row has as many cells.
        writer.write_record(row).map_err(|_| ApiError::Internal)?;
    }
    writer.into_inner().map_err(|_| ApiError::Internal)
}

/// The cases that were reported in a period, as CSV with a heading in Chinese. For whoever covers an area,
/// and for handlers of the cases that their department has.
#[utoipa::path(get, path = "/v1/office/ledger.csv", params(LedgerQuery),
    responses((status = OK, body = String, content_type = "text/csv")))]
pub(super) async fn ledger(
    State(app): State<App>,
    of: OfOffice,
    Query(query): Query<LedgerQuery>,
) -> Result<Response, ApiError> {
    let days = Days::read(&query.from, &query.to)?;
    let directory = app.directory.now();
    let asked = Asked {
        area: query.area,
        ..Asked::default()
    };
    let scope = Covered::of(&app, &directory, &of, asked)?.scope;
    let period = days.period(&directory.timetable()?);
    let words = Arc::new(Words::of(directory)?);
    let headings = COLUMNS.iter().map(|(heading, _)| (*heading).to_owned());
    let mut head = BYTE_ORDER_MARK.as_bytes().to_vec();
    head.extend(rows(std::iter::once(headings.collect()))?);
    let reading = Reading {
        app,
        scope: Arc::new(scope),
        period,
        words,
        after: None,
    };
    let next = Next {
        head,
        reading: Some(reading),
    };
    let pages = stream::try_unfold(next, |next| async move { next.page().await });
    let name = format!(
        "attachment; filename=\"ledger-{}-{}.csv\"",
        days.first, days.last
    );
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}

/// What is to be sent next.
struct Next {
    head: Vec<u8>,
    /// `None` once the last page was sent.
    reading: Option<Reading>,
}

/// How far a ledger was read.
struct Reading {
    app: App,
    scope: Arc<CaseScope>,
    period: Period,
    words: Arc<Words>,
    after: Option<BoardPlace>,
}

impl Next {
    /// The next piece, and what comes after it.
    async fn page(self) -> Result<Option<(Vec<u8>, Self)>, ApiError> {
        let Some(reading) = self.reading else {
            return Ok(None);
        };
        let Reading { period, after, .. } = reading;
        let (scope, words) = (Arc::clone(&reading.scope), Arc::clone(&reading.words));
        let read = reading.app.work(move |app| {
            let lines = app.store.reported_cases(&scope, period, after, PAGE)?;
            let last = lines.last().filter(|_| lines.len() == PAGE);
            let last = last.map(|line| line.place);
            let cells = lines.iter().map(|line| {
                let columns = COLUMNS.iter();
                columns.map(|(_, cell)| cell(line, &words)).collect()
            });
            Ok((rows(cells)?, last))
        });
        let (page, last) = read.await?;
        let mut piece = self.head;
        piece.extend(page);
        let reading = last.map(|last| Reading {
            after: Some(last),
            ..reading
        });
        let head = Vec::new();
        Ok(Some((piece, Self { head, reading })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_somebodys_number_is_starred() {
        for (said, shown) in [
            ("联系13812345678处理", "联系138******78处理"),
            ("138-1234 5678", "138-**** **78"),
            ("电话0731-82345678。", "电话073*-******78。"),
            ("3栋2单元1201室", "3栋2单元1201室"),
            ("110", "110"),
        ] {
            assert_eq!(starred(said), shown, "{said}");
        }
    }

    #[test]
    fn a_cell_that_looks_like_a_formula_is_text() {
        for cell in ["=1+1", "+86", "-2", "@SUM(A1)", " =1", "\t=1", "＝1"] {
            assert_eq!(harmless(cell.to_owned()), format!("'{cell}"));
        }
        for cell in ["井盖=缺失", "", "3-2"] {
            assert_eq!(harmless(cell.to_owned()), cell);
        }
    }
}
