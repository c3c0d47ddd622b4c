//! Changes as bytes.

use gridlog_domain::id::RecordId;
use rusqlite::Connection;

use crate::error::PhoneError;

/// The bytes of every change that counts, dependencies first.
pub(crate) fn live(connection: &Connection, record: RecordId) -> Result<Vec<Vec<u8>>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT bytes FROM changes WHERE record = ?1 AND superseded = 0 ORDER BY position",
    )?;
    let rows = statement.query_map([record.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Stores a change that was recorded here.
pub(crate) fn add_own(
    connection: &Connection,
    record: RecordId,
    hash: [u8; 32],
    bytes: &[u8],
) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "INSERT INTO changes (hash, record, bytes, pulled, superseded)
             VALUES (?1, ?2, ?3, 0, 0)",
        )?
        .execute((hash, record.as_bytes(), bytes))?;
    Ok(())
}

/// Stores a change that a page brought. One that is here already counts from now on as pulled.
pub(crate) fn add_pulled(
    connection: &Connection,
    record: RecordId,
    hash: [u8; 32],
    bytes: &[u8],
) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "INSERT INTO changes (hash, record, bytes, pulled, superseded)
             VALUES (?1, ?2, ?3, 1, 0)
             ON CONFLICT (record, hash) DO UPDATE SET pulled = 1, superseded = 0",
        )?
        .execute((hash, record.as_bytes(), bytes))?;
    Ok(())
}

/// Whether the record holds a change that no page of this epoch brought.
pub(crate) fn any_not_pulled(
    connection: &Connection,
    record: RecordId,
) -> Result<bool, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM changes
                        WHERE record = ?1 AND superseded = 0 AND pulled = 0)",
    )?;
    Ok(statement.query_row([record.as_bytes()], |row| row.get(0))?)
}

/// Takes a refused change out of its record. Its bytes stay until the record goes.
pub(crate) fn supersede(
    connection: &Connection,
    record: RecordId,
    hash: [u8; 32],
) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE changes SET superseded = 1 WHERE record = ?1 AND hash = ?2",
        (record.as_bytes(), hash),
    )?;
    Ok(())
}

/// A new epoch: which changes its log has is unknown.
pub(crate) fn forget_pulled(connection: &Connection) -> Result<(), PhoneError> {
    connection.execute("UPDATE changes SET pulled = 0", [])?;
    Ok(())
}
