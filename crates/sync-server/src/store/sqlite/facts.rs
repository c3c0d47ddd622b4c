//! What is counted of cases, in SQLite.

use gridlog_domain::channel::Channel;
use gridlog_domain::deadline::Timetable;
use gridlog_domain::id::RecordId;
use gridlog_domain::metrics::{CaseFacts, TraitSet};
use gridlog_domain::record::Kind;
use gridlog_domain::reference::Part as PartKind;
use gridlog_domain::workflow::Stage;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::rows;
use crate::store::error::StoreError;
use crate::store::facts::{CountedCase, timetable};
use crate::store::model::RecordRow;

/// What is read of a case by [`read`], in its order.
pub(super) const COLUMNS: &str = "f.record, f.area, f.department, f.category, f.channel, f.stage,
    f.open, f.asked, f.reported_ms, f.answered_ms, f.answer_due_ms, f.filed_ms, f.dispatched_ms,
    f.returns, f.due_ms, f.handled_ms, f.reworks, f.closed_ms, f.forced, f.mediated_ms, f.agreed,
    f.called_back_ms, f.solved, f.rating, f.overdue_ms, f.late_from_ms";

/// How many columns those are.
pub(super) const COLUMN_COUNT: usize = 26;

/// What stays as it is is not written: a comment in a case changes no index.
const PUT: &str =
    "INSERT INTO case_facts (record, area, department, category, channel, stage, open, asked,
     reported_ms, answered_ms, answer_due_ms, filed_ms, dispatched_ms, returns, due_ms, handled_ms,
     reworks, closed_ms, forced, mediated_ms, agreed, called_back_ms, solved, rating, overdue_ms,
     late_from_ms, traits)
 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
     ?21, ?22, ?23, ?24, ?25, ?26, ?27)
 ON CONFLICT (record) DO UPDATE SET area = ?2, department = ?3, category = ?4, channel = ?5,
     stage = ?6, open = ?7, asked = ?8, reported_ms = ?9, answered_ms = ?10, answer_due_ms = ?11,
     filed_ms = ?12, dispatched_ms = ?13, returns = ?14, due_ms = ?15, handled_ms = ?16,
     reworks = ?17, closed_ms = ?18, forced = ?19, mediated_ms = ?20, agreed = ?21,
     called_back_ms = ?22, solved = ?23, rating = ?24, overdue_ms = ?25, late_from_ms = ?26,
     traits = ?27
 WHERE (area, department, category, channel, stage, open, asked, reported_ms, answered_ms,
     answer_due_ms, filed_ms, dispatched_ms, returns, due_ms, handled_ms, reworks, closed_ms,
     forced, mediated_ms, agreed, called_back_ms, solved, rating, overdue_ms, late_from_ms, traits)
     IS NOT (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
     ?21, ?22, ?23, ?24, ?25, ?26, ?27)";

/// Counts the cases among records that were written.
pub(super) fn put<'a>(
    tx: &Transaction<'_>,
    records: impl IntoIterator<Item = &'a RecordRow>,
) -> Result<(), StoreError> {
    let mut read_once: Option<Timetable> = None;
    for row in records {
        if row.kind != Kind::Case {
            continue;
        }
        let timetable = match &mut read_once {
            Some(timetable) => timetable,
            none => none.insert(stored_timetable(tx)?),
        };
        if let Some(counted) = CountedCase::of(row, timetable)? {
            put_one(tx, row.id, &counted)?;
        }
    }
    Ok(())
}

fn stored_timetable(tx: &Transaction<'_>) -> Result<Timetable, StoreError> {
    let mut query = tx.prepare_cached("SELECT json FROM parts WHERE name = ?1")?;
    let json: Option<String> = query
        .query_row(params![PartKind::Calendar.name()], |row| row.get(0))
        .optional()?;
    timetable(json.as_deref())
}

fn put_one(
    tx: &Transaction<'_>,
    record: RecordId,
    counted: &CountedCase,
) -> Result<(), StoreError> {
    let facts = &counted.facts;
    tx.prepare_cached(PUT)?.execute(params![
        record.as_bytes(),
        counted.area,
        counted.department,
        counted.category,
        facts.channel.code(),
        facts.stage.code(),
        counted.open,
        counted.asked,
        facts.reported_ms,
        facts.answered_ms,
        facts.answer_due_ms,
        facts.filed_ms,
        facts.dispatched_ms,
        facts.returns,
        facts.due_ms,
        facts.handled_ms,
        facts.reworks,
        facts.closed_ms,
        facts.forced,
        facts.mediated_ms,
        facts.agreed,
        facts.called_back_ms,
        facts.solved,
        facts.rating,
        counted.overdue_ms,
        counted.late_from_ms,
        TraitSet::of(facts).bits(),
    ])?;
    Ok(())
}

/// Reads [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<(RecordId, CountedCase), StoreError> {
    let id = RecordId::from_bytes(row.get(0)?);
    let damaged = || StoreError::Damaged {
        what: "counted case",
        id: id.to_string(),
    };
    let channel = Channel::from_code(row.get_ref(4)?.as_str().unwrap_or_default());
    let stage = Stage::from_code(row.get_ref(5)?.as_str().unwrap_or_default());
    let counted = CountedCase {
        area: row.get(1)?,
        department: row.get(2)?,
        category: row.get(3)?,
        open: row.get(6)?,
        asked: row.get(7)?,
        overdue_ms: row.get(24)?,
        late_from_ms: row.get(25)?,
        facts: CaseFacts {
            channel: channel.ok_or_else(damaged)?,
            stage: stage.ok_or_else(damaged)?,
            reported_ms: row.get(8)?,
            answered_ms: row.get(9)?,
            answer_due_ms: row.get(10)?,
            filed_ms: row.get(11)?,
            dispatched_ms: row.get(12)?,
            returns: row.get(13)?,
            due_ms: row.get(14)?,
            handled_ms: row.get(15)?,
            reworks: row.get(16)?,
            closed_ms: row.get(17)?,
            forced: row.get(18)?,
            mediated_ms: row.get(19)?,
            agreed: row.get(20)?,
            called_back_ms: row.get(21)?,
            solved: row.get(22)?,
            rating: row.get(23)?,
        },
    };
    Ok((id, counted))
}

/// Counts every case of a database that was written before they were counted.
pub(super) fn fill(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let timetable = stored_timetable(tx)?;
    rows::each(tx, "kind = 'case'", |row| {
        if let Some(counted) = CountedCase::of(&row, &timetable)? {
            put_one(tx, row.id, &counted)?;
        }
        Ok(())
    })
}

/// Counts cases anew that are filed and not over: the calendar is another one. What is over stays judged by
/// the calendar that it ended under.
pub(super) fn count_by_new_calendar(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let timetable = stored_timetable(tx)?;
    let open = "id IN (SELECT record FROM case_facts WHERE open = 1 AND filed_ms IS NOT NULL)";
    rows::each(tx, open, |row| {
        if let Some(counted) = CountedCase::of(&row, &timetable)? {
            put_one(tx, row.id, &counted)?;
        }
        Ok(())
    })
}
