//! When the clock does something to cases, in SQLite.

use gridlog_domain::id::RecordId;
use rusqlite::{Params, Transaction, params};

use super::rows;
use crate::store::error::StoreError;
use crate::store::model::{NextTimer, RecordRow};

pub(super) fn due(
    tx: &Transaction<'_>,
    by_ms: i64,
    limit: usize,
) -> Result<Vec<RecordRow>, StoreError> {
    let which = "due_ms <= ?1 ORDER BY due_ms, id LIMIT ?2";
    records(tx, which, params![by_ms, limit.cast_signed()])
}

pub(super) fn next_due(tx: &Transaction<'_>) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT min(due_ms) FROM records WHERE due_ms IS NOT NULL";
    let mut query = tx.prepare_cached(sql)?;
    Ok(query.query_row([], |row| row.get(0))?)
}

pub(super) fn timed_otherwise(
    tx: &Transaction<'_>,
    by: u32,
    limit: usize,
) -> Result<Vec<RecordRow>, StoreError> {
    let which = "timed_by IS NOT NULL AND timed_by <> ?1 LIMIT ?2";
    records(tx, which, params![by, limit.cast_signed()])
}

fn records(
    tx: &Transaction<'_>,
    which: &str,
    values: impl Params,
) -> Result<Vec<RecordRow>, StoreError> {
    let sql = format!("SELECT {} FROM records WHERE {which}", rows::COLUMNS);
    let mut query = tx.prepare_cached(&sql)?;
    let found = query.query_map(values, |row| Ok(rows::read(row)))?;
    let mut records = Vec::new();
    for row in found {
        records.push(row??);
    }
    Ok(records)
}

pub(super) fn set(tx: &Transaction<'_>, id: RecordId, timer: NextTimer) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE records SET due_ms = ?2, timed_by = ?3, provisional_ms = ?4 WHERE id = ?1",
    )?
    .execute(params![
        id.as_bytes(),
        timer.due_ms,
        timer.by,
        timer.provisional_ms
    ])?;
    Ok(())
}

/// Notes that an entry says what the clock did to a record.
pub(super) fn note(tx: &Transaction<'_>, id: RecordId, seq: u64) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO timers (record, seq) VALUES (?1, ?2)")?
        .execute(params![id.as_bytes(), seq.cast_signed()])?;
    Ok(())
}
