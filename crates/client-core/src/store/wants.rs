//! Records that are to be asked for as a whole: some at once, and some that could not be read as they came
//! now and then, so that they hold up nothing else.

use gridlog_domain::id::RecordId;
use rusqlite::{Connection, Row};

use crate::error::PhoneError;

/// A record that could not be read as it came.
#[derive(Debug)]
pub(crate) struct Aside {
    pub(crate) record: RecordId,
    /// What was wrong with it.
    pub(crate) code: String,
    /// Since when, device time.
    pub(crate) since_ms: i64,
    /// When it was asked for last, device time.
    pub(crate) asked_ms: i64,
}

/// Wants a record.
pub(crate) fn add(connection: &Connection, record: RecordId) -> Result<(), PhoneError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO wants (record) VALUES (?1)")?
        .execute([record.as_bytes()])?;
    Ok(())
}

/// Sets a record aside that could not be read as it came.
pub(crate) fn set_aside(
    connection: &Connection,
    record: RecordId,
    code: &str,
    now_ms: i64,
) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "INSERT INTO wants (record, code, since_ms, asked_ms) VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT (record) DO UPDATE SET
                 code = excluded.code,
                 since_ms = coalesce(since_ms, excluded.since_ms),
                 asked_ms = excluded.asked_ms",
        )?
        .execute((record.as_bytes(), code, now_ms))?;
    Ok(())
}

/// It came, or there is none.
pub(crate) fn settle(connection: &Connection, record: RecordId) -> Result<(), PhoneError> {
    connection
        .prepare_cached("DELETE FROM wants WHERE record = ?1")?
        .execute([record.as_bytes()])?;
    Ok(())
}

/// At most `limit` of those that are to come at once.
pub(crate) fn first(connection: &Connection, limit: usize) -> Result<Vec<RecordId>, PhoneError> {
    let mut statement = connection
        .prepare_cached("SELECT record FROM wants WHERE code IS NULL ORDER BY record LIMIT ?1")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map([limit], |row| Ok(RecordId::from_bytes(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Everything that is set aside, the longest first.
pub(crate) fn aside(connection: &Connection) -> Result<Vec<Aside>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT record, code, since_ms, asked_ms FROM wants
         WHERE code IS NOT NULL ORDER BY since_ms, record",
    )?;
    let read = |row: &Row<'_>| {
        Ok(Aside {
            record: RecordId::from_bytes(row.get(0)?),
            code: row.get(1)?,
            since_ms: row.get(2)?,
            asked_ms: row.get(3)?,
        })
    };
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}
