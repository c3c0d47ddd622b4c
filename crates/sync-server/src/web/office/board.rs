//! What a street's screen shows: how many cases stand where, what is late, what waits for whom.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, Query, State};
use gridlog_domain::reference::Role;
use gridlog_domain::workflow::Stage;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::covered::{Asked, Covered};
use crate::store::{BoardList, BoardPlace, CaseLine};
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::error::ApiError;

const HOUR_MS: i64 = 3_600_000;
/// Most hours that "soon" may mean.
const SOON_HOURS: u16 = 24 * 31;
/// Most rows of a list.
const MOST_ROWS: usize = 200;

/// Which board.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct BoardQuery {
    /// Code of the area; by default all that you cover.
    area: Option<String>,
    /// Cases whose deadline is at most so many hours away are due soon; by default 24.
    soon_hours: Option<u16>,
    /// Most rows of a list; at most 200, by default 20.
    limit: Option<usize>,
    /// Where a list goes on: its last answer's `next`.
    after: Option<String>,
}

/// A board.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Board {
    /// Server time that it is about, milliseconds since the Unix epoch.
    now_ms: i64,
    counts: Counts,
    /// What waits for you: cases in a stage that somebody in your role moves on, and for a duty officer those
    /// in which a department asked for something. Those reported first first.
    waiting: Page,
    /// What is overdue, those for longest first.
    overdue: Page,
    /// What is due soon, the next one first.
    due_soon: Page,
    /// 挂账: the problem list, those reported first first.
    problems: Page,
    /// What was reported last.
    newest: Page,
}

/// How many open cases there are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Counts {
    /// By stage, in the order of a case's life.
    stages: Vec<InStage>,
    /// How many are overdue.
    overdue: u64,
    /// How many are due soon.
    due_soon: u64,
    /// How many have time.
    in_time: u64,
    /// For how many no time runs: not filed, handled, or standing still.
    no_deadline: u64,
    /// In how many a department asked for more time, or to suspend it.
    asked: u64,
}

/// How many cases are in a stage.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InStage {
    stage: &'static str,
    stage_zh: &'static str,
    cases: u64,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page {
    rows: Vec<Line>,
    /// Ask for the list with `after` set to this; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A case on a board.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Line {
    id: String,
    headline: String,
    area: String,
    department: String,
    /// Minor class.
    category: String,
    /// By which way it came in.
    channel: &'static str,
    stage: &'static str,
    stage_zh: &'static str,
    reported_ms: Option<i64>,
    /// By when it has to be handled; absent while it stands still.
    due_ms: Option<i64>,
    /// Whether it is overdue, now or from before an extension.
    overdue: bool,
    /// Whether a department waits for an answer.
    asked: bool,
    /// How often it was sent back for rework.
    reworks: u32,
}

impl Line {
    fn new(line: CaseLine, now_ms: i64) -> Self {
        let counted = line.counted;
        let late = counted.late_from_ms.is_some_and(|from| from <= now_ms);
        Self {
            id: line.id.to_string(),
            headline: line.headline,
            area: counted.area,
            department: counted.department,
            category: counted.category,
            channel: counted.facts.channel.code(),
            stage: counted.facts.stage.code(),
            stage_zh: counted.facts.stage.zh(),
            reported_ms: counted.facts.reported_ms,
            due_ms: counted.facts.due_ms,
            overdue: late || counted.overdue_ms.is_some(),
            asked: counted.asked,
            reworks: counted.facts.reworks,
        }
    }
}

/// A list of a board, by the name that it is asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Waiting,
    Overdue,
    DueSoon,
    Problems,
    Newest,
}

impl Named {
    fn read(name: &str) -> Option<Self> {
        match name {
            "waiting" => Some(Self::Waiting),
            "overdue" => Some(Self::Overdue),
            "due_soon" => Some(Self::DueSoon),
            "problems" => Some(Self::Problems),
            "newest" => Some(Self::Newest),
            _ => None,
        }
    }
}

/// A board as it is asked for.
struct Looked {
    covered: Covered,
    now_ms: i64,
    soon_ms: i64,
    limit: usize,
}

impl Looked {
    fn at(app: &App, of: &OfOffice, query: &BoardQuery) -> Result<Self, ApiError> {
        let directory = app.directory.now();
        let asked = Asked {
            area: query.area.clone(),
            ..Asked::default()
        };
        let now_ms = app.now_ms();
        let soon = i64::from(query.soon_hours.unwrap_or(24).min(SOON_HOURS));
        Ok(Self {
            covered: Covered::of(app, &directory, of, asked)?,
            now_ms,
            soon_ms: now_ms + soon * HOUR_MS,
            limit: query.limit.unwrap_or(20).clamp(1, MOST_ROWS),
        })
    }

    fn list(&self, named: Named) -> BoardList {
        match named {
            Named::Waiting => waiting(&self.covered.roles),
            Named::Overdue => BoardList::Late { by_ms: self.now_ms },
            Named::DueSoon => BoardList::LateSoon {
                after_ms: self.now_ms,
                by_ms: self.soon_ms,
            },
            Named::Problems => BoardList::InStages {
                stages: vec![Stage::Suspended.code().to_owned()],
                or_asked: false,
            },
            Named::Newest => BoardList::Newest,
        }
    }

    fn page(&self, app: &App, named: Named, after: Option<BoardPlace>) -> Result<Page, ApiError> {
        let list = self.list(named);
        let scope = &self.covered.scope;
        // One more than is shown says whether there is more.
        let mut lines = app.store.board_list(scope, &list, after, self.limit + 1)?;
        let more = lines.len() > self.limit;
        lines.truncate(self.limit);
        let last = lines.last().filter(|_| more);
        Ok(Page {
            next: last.map(|line| format!("{}_{}", line.place.at_ms, line.place.number)),
            rows: lines
                .into_iter()
                .map(|line| Line::new(line, self.now_ms))
                .collect(),
        })
    }

    fn counts(&self, app: &App) -> Result<Counts, ApiError> {
        let counted = app
            .store
            .board_counts(&self.covered.scope, self.now_ms, self.soon_ms)?;
        let in_stage = |stage: Stage| {
            let code = stage.code();
            let mut found = counted.by_stage.iter();
            let cases = found.find(|(found, _)| found == code);
            InStage {
                stage: code,
                stage_zh: stage.zh(),
                cases: cases.map_or(0, |(_, cases)| *cases),
            }
        };
        let open = |stage: &Stage| !stage.is_over() && *stage != Stage::Unreported;
        Ok(Counts {
            stages: Stage::ALL.into_iter().filter(open).map(in_stage).collect(),
            overdue: counted.late,
            due_soon: counted.late_soon,
            in_time: counted.in_time,
            no_deadline: counted.no_clock,
            asked: counted.asked,
        })
    }
}

/// What waits for somebody with these roles.
fn waiting(roles: &BTreeSet<Role>) -> BoardList {
    let waits = |stage: &Stage| stage.waits_for().iter().any(|role| roles.contains(role));
    let stages = Stage::ALL.into_iter().filter(waits);
    BoardList::InStages {
        stages: stages.map(|stage| stage.code().to_owned()).collect(),
        or_asked: roles.contains(&Role::DutyOfficer),
    }
}

fn place(after: &str) -> Result<BoardPlace, ApiError> {
    let parts = after.split_once('_');
    let place = parts.and_then(|(at_ms, number)| {
        Some(BoardPlace {
            at_ms: at_ms.parse().ok()?,
            number: number.parse().ok()?,
        })
    });
    place.ok_or_else(|| ApiError::BadRequest {
        code: "bad_cursor",
        detail: "after is what an answer gave as next".to_owned(),
    })
}

/// Shows a board: figures and the first page of each list. For whoever covers an area, and for handlers of
/// the cases that their department has.
#[utoipa::path(get, path = "/v1/office/board", params(BoardQuery),
    responses((status = OK, body = Board)))]
pub(super) async fn show_board(
    State(app): State<App>,
    of: OfOffice,
    Query(query): Query<BoardQuery>,
) -> Result<Json<Board>, ApiError> {
    let board = app.work(move |app| {
        let looked = Looked::at(app, &of, &query)?;
        let page = |named| looked.page(app, named, None);
        Ok(Board {
            now_ms: looked.now_ms,
            counts: looked.counts(app)?,
            waiting: page(Named::Waiting)?,
            overdue: page(Named::Overdue)?,
            due_soon: page(Named::DueSoon)?,
            problems: page(Named::Problems)?,
            newest: page(Named::Newest)?,
        })
    });
    Ok(Json(board.await?))
}

/// Shows a further page of one list of a board.
#[utoipa::path(get, path = "/v1/office/board/{list}",
    params(("list" = String, Path, description = "waiting, overdue, due_soon, problems or newest"),
        BoardQuery),
    responses((status = OK, body = Page)))]
pub(super) async fn board_list(
    State(app): State<App>,
    of: OfOffice,
    Path(list): Path<String>,
    Query(query): Query<BoardQuery>,
) -> Result<Json<Page>, ApiError> {
    let named = Named::read(&list).ok_or_else(|| ApiError::NotFound {
        what: "list",
        id: list.chars().take(64).collect(),
    })?;
    let after = query.after.as_deref().map(place).transpose()?;
    let page = app.work(move |app| Looked::at(app, &of, &query)?.page(app, named, after));
    Ok(Json(page.await?))
}
