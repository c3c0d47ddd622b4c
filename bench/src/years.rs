//! A district's cases of some years, for the workload `board`: written into the server's store by the store's
//! own code, and counted here by the domain beside it.
//!
//! Published rates say what they are like: 99.3 % are closed, and they came in by the channels of
//! `data/metrics-kaizhou-2022-02.json`, whose 103 reworks of 1 974 cases are kept, too. What is not published
//! is made up and said here. There are no documents and no log entries: neither a board nor a figure reads
//! them.

use std::path::Path;

use gridlog_cli::street::{CALENDAR, CATALOGUE};
use gridlog_domain::channel::Channel;
use gridlog_domain::deadline::{Course, Timetable};
use gridlog_domain::id::RecordId;
use gridlog_domain::metrics::{METRICS, Period, Rate};
use gridlog_domain::record::Kind;
use gridlog_domain::reference::{Calendar, Catalogue, FilingCondition, Minor};
use gridlog_domain::time::CountedTime;
use gridlog_domain::workflow::{Callback, CaseState, Mediation, Stage};
use gridlog_sync_server::store::{
    Batch, CountedCase, NextTimer, RecordRow, SqliteStore, Store as _,
};
use serde::Deserialize;

use crate::dice::Dice;
use crate::error::BenchError;

const KAIZHOU: &str = include_str!("../../data/metrics-kaizhou-2022-02.json");
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Over how many days the cases came in: five years.
const DAYS: i64 = 5 * 365;
/// How many cases are written at once.
const AT_ONCE: u32 = 2_000;
/// Of 10 000 cases, those that are not over: all that came in last, and seven of the others.
const OPEN_OF_10_000: u32 = 63;
const OPEN_FOR_LONG_OF_10_000: u64 = 7;

/// The published counts.
#[derive(Deserialize)]
struct Published {
    reported_total: u64,
    by_source: Sources,
    rework: u64,
}

/// How many came in by each source. The sources have letters there; which channel stands for which is ours.
#[derive(Deserialize)]
struct Sources {
    a: u64,
    b: u64,
    c: u64,
    d: u64,
}

/// What was written, as the domain counts it.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// Each metric of the month, in the order of [`METRICS`].
    pub(crate) month: Vec<Rate>,
    /// How many cases of the street are not over.
    pub(crate) street_open: u64,
    /// How many of all are not over.
    pub(crate) open: u64,
}

/// Where and when cases came in.
pub(crate) struct Years<'a> {
    /// Every grid of the district.
    pub(crate) grids: &'a [String],
    /// How the grids of the street begin that has a board.
    pub(crate) street: &'a str,
    /// The end of it all, milliseconds since the Unix epoch.
    pub(crate) now_ms: i64,
    /// The month that is counted.
    pub(crate) month: Period,
    pub(crate) seed: u64,
}

/// The district's calendar.
pub(crate) fn timetable() -> Result<Timetable, BenchError> {
    let calendar: Calendar = serde_json::from_str(CALENDAR).map_err(BenchError::Figures)?;
    Timetable::new(&calendar).map_err(|_| BenchError::Office {
        what: "data/calendar.json cannot be counted by".to_owned(),
    })
}

/// Writes so many cases into the store of a server that does not run.
pub(crate) fn fill(database: &Path, years: &Years<'_>, cases: u32) -> Result<Counted, BenchError> {
    let store = SqliteStore::open(database)?;
    let catalogue: Catalogue = serde_json::from_str(CATALOGUE).map_err(BenchError::Figures)?;
    let writer = Writer {
        years,
        cases,
        timetable: timetable()?,
        minors: catalogue.minors().collect(),
        published: serde_json::from_str(KAIZHOU).map_err(BenchError::Figures)?,
    };
    let mut counted = Counted {
        month: vec![Rate::default(); METRICS.len()],
        ..Counted::default()
    };
    for first in (0..cases).step_by(AT_ONCE as usize) {
        let mut batch = Batch::on(store.head()?);
        for number in first..cases.min(first + AT_ONCE) {
            let row = writer.case(number)?;
            writer.count(&row, &mut counted)?;
            batch.records.push(row);
        }
        store.commit(&batch)?;
    }
    Ok(counted)
}

struct Writer<'a> {
    years: &'a Years<'a>,
    cases: u32,
    timetable: Timetable,
    minors: Vec<&'a Minor>,
    published: Published,
}

const fn at(at_ms: i64) -> CountedTime {
    CountedTime {
        at_ms,
        flagged: false,
    }
}

impl Writer<'_> {
    fn count(&self, row: &RecordRow, counted: &mut Counted) -> Result<(), BenchError> {
        let Some(case) = CountedCase::of(row, &self.timetable)? else {
            return Ok(());
        };
        for (metric, rate) in METRICS.iter().zip(&mut counted.month) {
            *rate += metric.of(&case.facts, self.years.month);
        }
        let in_street = case.area.starts_with(self.years.street);
        counted.open += u64::from(case.open);
        counted.street_open += u64::from(case.open && in_street);
        Ok(())
    }

    /// The case of that number, in the order in which they came in.
    fn case(&self, number: u32) -> Result<RecordRow, BenchError> {
        let mut dice = Dice::of(self.years.seed, 0, number);
        let span = DAYS * DAY / i64::from(self.cases);
        let begun = self.years.now_ms - DAYS * DAY;
        let within = dice.between(0, span.unsigned_abs().max(1)).cast_signed();
        let reported = begun + i64::from(number) * span + within;
        let channel = self.channel(&mut dice);
        let minor = dice.pick(&self.minors).copied();
        let condition = minor.and_then(|minor| dice.pick(&minor.filing_conditions));
        let state = self.state(number, (reported, channel), (minor, condition), &mut dice);
        let area = dice.pick(self.years.grids).cloned().unwrap_or_default();
        let category = minor.map_or("", |minor| minor.code.as_str());
        let title = format!("{} {number}", minor.map_or("", |minor| minor.name.as_str()));
        let fields = serde_json::json!({
            "title": title, "category": category, "channel": channel.code(),
        });
        let view = serde_json::json!({
            "kind": "case", "area": area, "author": "W001", "created_at_ms": reported,
            "references": {}, "fields": fields,
        });
        let is_over = state.stage.is_over();
        Ok(RecordRow {
            id: id(reported, &mut dice),
            kind: Kind::Case,
            author: "W001".into(),
            headline: title,
            created_ms: reported,
            updated_ms: state.closed_at.map_or(reported, |closed| closed.at_ms),
            view: view.to_string(),
            stage: state.stage.code().to_owned(),
            department: state
                .department
                .as_ref()
                .map_or_else(String::new, |department| department.as_str().to_owned()),
            state: Some(serde_json::to_string(&state).map_err(BenchError::Figures)?),
            heads: Vec::new(),
            as_of: 0,
            conflicts: 0,
            touched: "{}".to_owned(),
            // They have left the phones, as they do in time.
            archived: is_over,
            timer: NextTimer::default(),
            area,
        })
    }

    fn channel(&self, dice: &mut Dice) -> Channel {
        let sources = &self.published.by_source;
        let mut drawn = dice.between(0, self.published.reported_total);
        for (count, channel) in [
            (sources.a, Channel::Worker),
            (sources.b, Channel::Hotline),
            (sources.c, Channel::Petition),
            (sources.d, Channel::Referral),
        ] {
            match drawn.checked_sub(count) {
                Some(rest) => drawn = rest,
                None => return channel,
            }
        }
        Channel::Transfer
    }

    /// How far it came. Of those that are over one in twenty was dealt with on the spot and one in a hundred
    /// void; of the others three in a hundred were handled after the deadline, and one in twenty went back from
    /// a department. Residents whom nobody of the grid spoke for are asked afterwards.
    fn state(
        &self,
        number: u32,
        (reported, channel): (i64, Channel),
        (minor, condition): (Option<&Minor>, Option<&FilingCondition>),
        dice: &mut Dice,
    ) -> CaseState {
        let mut after = |hours: u64| MINUTE * dice.between(5, hours * 60).cast_signed();
        let answered = reported + after(20);
        let filed = answered + after(2);
        let dispatched = filed + after(2);
        let (check, ask) = (after(24), after(72));
        let mut state = CaseState {
            stage: Stage::Reported,
            reporter: Some("W001".into()),
            reported_at: Some(at(reported)),
            ..CaseState::default()
        };
        let came_last = u64::from(number) * 10_000
            >= u64::from(self.cases) * u64::from(10_000 - OPEN_OF_10_000);
        let is_open = came_last || dice.between(0, 10_000) < OPEN_FOR_LONG_OF_10_000;
        if !is_open && dice.once_in(20) {
            state.stage = Stage::SelfHandled;
            state.handled_at = Some(at(reported));
            return state;
        }
        if !is_open && dice.once_in(100) {
            state.stage = Stage::Void;
            return state;
        }
        if is_open && dice.once_in(5) {
            return state;
        }
        state.answered_at = Some(at(answered));
        state.stage = Stage::Registered;
        state.category = minor.map(|minor| minor.code.clone());
        state.condition = condition.map(|condition| condition.name.clone());
        state.filed_at = Some(at(filed));
        state.course = condition.map(|found| Course::begin(filed, found.handling_limit));
        if is_open && dice.once_in(5) {
            return state;
        }
        state.stage = Stage::Dispatched;
        state.department = minor.map(|minor| minor.department.clone());
        state.dispatched_at = Some(at(dispatched));
        state.returns = u32::from(dice.once_in(20));
        let due = state
            .course
            .as_ref()
            .and_then(|course| course.due(&self.timetable));
        let due = due.map_or(filed + DAY, |due| due.at_ms);
        if is_open {
            self.leave_open(&mut state, due, dice);
            return state;
        }
        let is_late = dice.between(0, 100) < 3;
        let share = if is_late { (101, 150) } else { (10, 100) };
        let share = dice.between(share.0, share.1).cast_signed();
        let handled = (dispatched + (due - dispatched) / 100 * share).max(dispatched + MINUTE);
        state.overdue_ms = (handled > due).then_some(due);
        let published = &self.published;
        let reworked = dice.between(0, published.reported_total) < published.rework;
        state.reworks = u32::from(reworked);
        state.handled_at = Some(at(handled));
        state.stage = Stage::Closed;
        state.closed_at = Some(at(handled + check));
        if dice.once_in(200) {
            state.mediation = Some(Mediation {
                sessions: 1,
                ended: Some(at(handled)),
                agreed: Some(!dice.once_in(10)),
                ..Mediation::default()
            });
        }
        if !channel.is_proactive() {
            let rating = u8::try_from(dice.between(2, 6)).unwrap_or(5);
            state.callback = Some(Callback {
                at: at(handled + check + ask),
                solved: rating > 2,
                rating,
            });
        }
        state
    }

    /// One in four of those that a department has waits to be checked, one in ten is on the problem list, and
    /// the clock has noted the others whose deadline has passed.
    fn leave_open(&self, state: &mut CaseState, due: i64, dice: &mut Dice) {
        let now = self.years.now_ms;
        if dice.once_in(10) {
            state.stage = Stage::Suspended;
            state.goes_on_at = Some(Stage::Dispatched);
            if let Some(course) = &mut state.course {
                course.pause(course.from_ms + HOUR);
            }
        } else if dice.once_in(4) {
            state.stage = Stage::Handled;
            state.handled_at = Some(at(due.min(now)));
        } else {
            state.overdue_ms = (due <= now).then_some(due);
        }
    }
}

/// A UUIDv7 of that moment.
fn id(at_ms: i64, dice: &mut Dice) -> RecordId {
    let mut bytes: [u8; 16] = dice.bytes();
    bytes[..6].copy_from_slice(&at_ms.to_be_bytes()[2..]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    RecordId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_years_have_the_published_rates() {
        let folder = tempfile::tempdir().unwrap();
        let grids = ["43011100100101", "43011100200101"].map(str::to_owned);
        let now_ms = 1_795_000_000_000;
        let years = Years {
            grids: &grids,
            street: "430111001",
            now_ms,
            month: Period {
                from_ms: now_ms - 60 * DAY,
                to_ms: now_ms - 30 * DAY,
            },
            seed: 1,
        };
        let counted = fill(&folder.path().join("district.db"), &years, 20_000).unwrap();
        assert!(
            (110..=170).contains(&counted.open),
            "{} are open",
            counted.open
        );
        assert!(counted.street_open < counted.open && counted.street_open > 0);
        for (metric, rate) in METRICS.iter().zip(&counted.month) {
            let about_a_month = 100..600;
            let few = matches!(
                metric.code,
                "answered" | "solved" | "satisfied" | "mediated"
            );
            assert!(
                few || about_a_month.contains(&rate.denominator),
                "{}: {rate:?}",
                metric.code
            );
        }
    }
}
