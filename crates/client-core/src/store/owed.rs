//! Own changes that the log has and this store does not: it was put back to an older copy.

use gridlog_domain::id::RecordId;
use rusqlite::Connection;

use crate::error::PhoneError;

/// The server left a change out because this device wrote it, and it is not here.
pub(crate) fn add(
    connection: &Connection,
    record: RecordId,
    change: [u8; 32],
) -> Result<(), PhoneError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO owed (record, change) VALUES (?1, ?2)")?
        .execute((record.as_bytes(), change))?;
    Ok(())
}

/// A change of the record is here now. Says whether it was one of those.
pub(crate) fn settle(
    connection: &Connection,
    record: RecordId,
    change: [u8; 32],
) -> Result<bool, PhoneError> {
    let settled = connection
        .prepare_cached("DELETE FROM owed WHERE record = ?1 AND change = ?2")?
        .execute((record.as_bytes(), change))?;
    Ok(settled > 0)
}

/// Whether any change is lacking.
pub(crate) fn any(connection: &Connection) -> Result<bool, PhoneError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM owed)")?
        .query_row([], |row| row.get(0))?)
}

/// Whether any change of the record is lacking.
pub(crate) fn any_of(connection: &Connection, record: RecordId) -> Result<bool, PhoneError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM owed WHERE record = ?1)")?
        .query_row([record.as_bytes()], |row| row.get(0))?)
}
