//! What is counted of a case, as every store keeps it beside the case.
//!
//! It is a function of what the log has ruled and of the district's calendar, made at every commit by
//! [`CountedCase::of`]. Stores keep it in columns, so that figures, boards and ledgers come from indexes and
//! never open a case. It names nobody.

use gridlog_domain::channel::Channel;
use gridlog_domain::deadline::Timetable;
use gridlog_domain::id::RecordId;
use gridlog_domain::metrics::{CaseFacts, Moment, Period, TraitSet};
use gridlog_domain::record::Kind;
use gridlog_domain::reference::Calendar;
use gridlog_domain::workflow::{CaseState, Stage};
use serde::Deserialize;

use super::error::StoreError;
use super::model::RecordRow;

/// What is counted of one case, and what it is counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedCase {
    /// Where it lives.
    pub area: String,
    /// The department that has it; empty for none.
    pub department: String,
    /// Minor class that it is filed under, or else that its reporter named; empty for none.
    pub category: String,
    /// What is counted.
    pub facts: CaseFacts,
    /// Whether it was reported and is not over.
    pub open: bool,
    /// Whether a department waits for more time, or for the problem list.
    pub asked: bool,
    /// 超期: the deadline that passed before anybody had handled it.
    pub overdue_ms: Option<i64>,
    /// From when on it is late if nobody handles it; `None` once somebody did, and while it stands still.
    pub late_from_ms: Option<i64>,
}

/// The parts of a view that are counted by.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    fields: SaidFields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SaidFields {
    category: Option<serde_json::Value>,
    channel: Option<serde_json::Value>,
}

impl CountedCase {
    /// What is counted of a record; `None` unless it is a case.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if what is stored of it does not read back.
    pub fn of(row: &RecordRow, timetable: &Timetable) -> Result<Option<Self>, StoreError> {
        let Some(state) = row.state.as_deref().filter(|_| row.kind == Kind::Case) else {
            return Ok(None);
        };
        let damaged = |_| StoreError::Damaged {
            what: "record",
            id: row.id.to_string(),
        };
        let state: CaseState = serde_json::from_str(state).map_err(damaged)?;
        let said: Said = serde_json::from_str(&row.view).map_err(damaged)?;
        let channel = said.fields.channel.as_ref();
        let channel = channel.and_then(|code| Channel::from_code(code.as_str()?));
        let named = said.fields.category.as_ref();
        let named = named.and_then(|code| code.as_str()).map(str::to_owned);
        let facts = CaseFacts::of(&state, channel.unwrap_or_default(), timetable);
        let late_from_ms = match (facts.due_ms, state.overdue_ms) {
            _ if state.is_handled() || state.stage == Stage::Suspended => None,
            (Some(due_ms), Some(overdue_ms)) => Some(due_ms.min(overdue_ms)),
            (due_ms, overdue_ms) => due_ms.or(overdue_ms),
        };
        Ok(Some(Self {
            area: row.area.clone(),
            department: row.department.clone(),
            category: state.category.or(named).unwrap_or_default(),
            open: !state.stage.is_over() && state.stage != Stage::Unreported,
            asked: state.asked.is_some(),
            overdue_ms: state.overdue_ms,
            late_from_ms,
            facts,
        }))
    }
}

/// The timetable of the calendar that is stored, or of a district without one.
///
/// # Errors
/// [`StoreError::Damaged`] if the calendar cannot be counted by.
pub fn timetable(calendar: Option<&str>) -> Result<Timetable, StoreError> {
    let damaged = || StoreError::Damaged {
        what: "reference data",
        id: "calendar".to_owned(),
    };
    let calendar: Calendar = match calendar {
        Some(json) => serde_json::from_str(json).map_err(|_| damaged())?,
        None => Calendar::default(),
    };
    Timetable::new(&calendar).map_err(|_| damaged())
}

/// Which cases are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseScope {
    /// Only those that live in one of these areas, exactly; `None` for every area.
    pub areas: Option<Vec<String>>,
    /// Only those that one of these departments has; `None` for all.
    pub departments: Option<Vec<String>>,
    /// Only those of this minor class.
    pub category: Option<String>,
}

/// What cases are counted by besides the period. There is no counting by person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CountedBy {
    /// The area where they live.
    Area,
    /// The department that has them.
    Department,
    /// Their minor class.
    Category,
}

/// What is to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountQuery {
    /// By which moments of a case.
    pub moments: Vec<Moment>,
    /// In which periods.
    pub periods: Vec<Period>,
    /// Of which cases.
    pub scope: CaseScope,
    /// By what, besides.
    pub by: Option<CountedBy>,
}

/// How many cases are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlikeCases {
    /// The moment of theirs that lies in the period.
    pub moment: Moment,
    /// Which of the query's periods, from 0.
    pub period: usize,
    /// Their area, department or class; empty if that was not asked for.
    pub key: String,
    /// What is so of them.
    pub traits: TraitSet,
    /// How many.
    pub cases: u64,
}

/// A list of a board. All of them are of cases that are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardList {
    /// Late by then, those that are late for longest first.
    Late {
        /// The moment.
        by_ms: i64,
    },
    /// Late soon: after the first moment and by the second one, the next one first.
    LateSoon {
        /// After this moment.
        after_ms: i64,
        /// By this one.
        by_ms: i64,
    },
    /// In one of the stages, those reported first first.
    InStages {
        /// Codes of the stages.
        stages: Vec<String>,
        /// Whether those are meant, too, in which a department waits for an answer.
        or_asked: bool,
    },
    /// Those reported last first.
    Newest,
}

/// Where a list goes on: after the case with this moment and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoardPlace {
    /// The moment that the list is ordered by.
    pub at_ms: i64,
    /// Its number in the store.
    pub number: i64,
}

/// A row of a list of a board, or of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseLine {
    /// The case.
    pub id: RecordId,
    /// Its headline.
    pub headline: String,
    /// What is counted of it.
    pub counted: CountedCase,
    /// Where the list goes on after it.
    pub place: BoardPlace,
}

/// The figures of a board.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BoardCounts {
    /// How many open cases are in each stage, by its code.
    pub by_stage: Vec<(String, u64)>,
    /// How many of them are late.
    pub late: u64,
    /// How many are late soon.
    pub late_soon: u64,
    /// How many have time.
    pub in_time: u64,
    /// For how many no time runs: not filed, handled, or standing still.
    pub no_clock: u64,
    /// In how many a department waits for an answer.
    pub asked: u64,
}
