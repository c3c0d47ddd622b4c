//! Records that left this phone: hidden at once, dropped when the server can no longer lose them.

use gridlog_domain::id::RecordId;
use rusqlite::{Connection, OptionalExtension};

use super::meta::number;
use super::{evidence, search};
use crate::error::PhoneError;

/// Takes a record off every screen. Its changes and entries stay sealed. The names of own changes
/// that are in the log stay, without their words, so that receipts still add up.
pub(crate) fn seal(connection: &Connection, id: RecordId) -> Result<(), PhoneError> {
    let found: Option<(i64, i64)> = connection
        .query_row(
            "SELECT row, as_of FROM records WHERE id = ?1",
            [id.as_bytes()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((row, as_of)) = found else {
        return Ok(());
    };
    search::remove(connection, row)?;
    connection.execute(
        "INSERT OR REPLACE INTO sealed (record, as_of) VALUES (?1, ?2)",
        (id.as_bytes(), as_of),
    )?;
    connection.execute(
        "UPDATE outbox SET commands = '[]' WHERE record = ?1",
        [id.as_bytes()],
    )?;
    connection.execute("DELETE FROM needs_you WHERE record = ?1", [id.as_bytes()])?;
    connection.execute("DELETE FROM records WHERE id = ?1", [id.as_bytes()])?;
    Ok(())
}

/// A sealed record comes back.
pub(crate) fn unseal(connection: &Connection, id: RecordId) -> Result<(), PhoneError> {
    connection
        .prepare_cached("DELETE FROM sealed WHERE record = ?1")?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// Removes what is left of a record. Of own changes only the names of those in the log stay.
pub(crate) fn destroy(connection: &Connection, id: RecordId) -> Result<(), PhoneError> {
    connection.execute(
        "DELETE FROM outbox WHERE record = ?1 AND standing <> 'in_log'",
        [id.as_bytes()],
    )?;
    for table in [
        "changes",
        "snapshots",
        "entries",
        "rulings",
        "owed",
        "sealed",
    ] {
        let sql = format!("DELETE FROM {table} WHERE record = ?1");
        connection.execute(&sql, [id.as_bytes()])?;
    }
    Ok(())
}

/// Removes every trace of a record that was erased: no receipt counts what was in it any more.
pub(crate) fn erase(connection: &Connection, id: RecordId) -> Result<(), PhoneError> {
    seal(connection, id)?;
    destroy(connection, id)?;
    connection.execute("DELETE FROM outbox WHERE record = ?1", [id.as_bytes()])?;
    Ok(())
}

/// The server has a backup of everything up to entry `through`.
pub(crate) fn drop_through(connection: &Connection, through: u64) -> Result<(), PhoneError> {
    let mut statement = connection.prepare_cached("SELECT record FROM sealed WHERE as_of <= ?1")?;
    let rows = statement.query_map([number(through)?], |row| {
        Ok(RecordId::from_bytes(row.get(0)?))
    })?;
    let safe: Vec<RecordId> = rows.collect::<Result<_, _>>()?;
    for record in &safe {
        destroy(connection, *record)?;
    }
    if safe.is_empty() {
        return Ok(());
    }
    evidence::drop_unused(connection)
}

/// The log was put back to entry `common`: what was sealed after it waits for the next backup that
/// holds entry `next` too.
pub(crate) fn hold_until(
    connection: &Connection,
    common: u64,
    next: u64,
) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE sealed SET as_of = ?2 WHERE as_of > ?1",
        (number(common)?, number(next)?),
    )?;
    Ok(())
}
