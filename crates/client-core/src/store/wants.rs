//! Records that are to be asked for as a whole.

use gridlog_domain::id::RecordId;
use rusqlite::Connection;

use crate::error::PhoneError;

/// Wants a record.
pub(crate) fn add(connection: &Connection, record: RecordId) -> Result<(), PhoneError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO wants (record) VALUES (?1)")?
        .execute([record.as_bytes()])?;
    Ok(())
}

/// It came, or there is none.
pub(crate) fn settle(connection: &Connection, record: RecordId) -> Result<(), PhoneError> {
    connection
        .prepare_cached("DELETE FROM wants WHERE record = ?1")?
        .execute([record.as_bytes()])?;
    Ok(())
}

/// At most `limit` of them.
pub(crate) fn first(connection: &Connection, limit: usize) -> Result<Vec<RecordId>, PhoneError> {
    let mut statement =
        connection.prepare_cached("SELECT record FROM wants ORDER BY record LIMIT ?1")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map([limit], |row| Ok(RecordId::from_bytes(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
