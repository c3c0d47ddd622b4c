//! Records that left this phone: hidden at once, dropped when the server can no longer lose them.

use gridlog_domain::id::RecordId;
use rusqlite::{Connection, OptionalExtension};

use super::meta::{DOUBTED, number};
use super::{attachments, evidence, meta, search};
use crate::error::PhoneError;

/// Takes a record off every screen. Its changes and entries stay sealed. The names of own changes
/// that are in the log stay, without their words, so that receipts still add up.
pub(crate) fn seal(connection: &Connection, id: RecordId) -> Result<(), PhoneError> {
    let found: Option<(i64, i64, i64)> = connection
        .query_row(
            "SELECT row, as_of, page FROM records WHERE id = ?1",
            [id.as_bytes()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((row, as_of, page)) = found else {
        return Ok(());
    };
    meta::OWN_SCOPE.clear(connection)?;
    search::remove(connection, row)?;
    connection.execute(
        "INSERT OR REPLACE INTO sealed (record, as_of, page) VALUES (?1, ?2, ?3)",
        (id.as_bytes(), as_of, page),
    )?;
    connection.execute(
        "UPDATE outbox SET commands = '[]' WHERE record = ?1",
        [id.as_bytes()],
    )?;
    connection.execute("DELETE FROM needs_you WHERE record = ?1", [id.as_bytes()])?;
    connection.execute("DELETE FROM records WHERE id = ?1", [id.as_bytes()])?;
    attachments::forget_fetched(connection, id)
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

/// Removes every trace of a record that was erased: no receipt counts what was in it any more. Says
/// whether anything of it was here; every phone is told of every erasure.
pub(crate) fn erase(connection: &Connection, id: RecordId) -> Result<bool, PhoneError> {
    let mut held = connection.prepare_cached(
        "SELECT 1 FROM records WHERE id = ?1 UNION ALL SELECT 1 FROM sealed WHERE record = ?1
         UNION ALL SELECT 1 FROM outbox WHERE record = ?1",
    )?;
    let was_here = held.exists([id.as_bytes()])?;
    seal(connection, id)?;
    destroy(connection, id)?;
    connection.execute("DELETE FROM outbox WHERE record = ?1", [id.as_bytes()])?;
    attachments::forget(connection, id)?;
    Ok(was_here)
}

/// The server has a backup of everything up to entry `through`. What holds something of one's own that
/// is undecided stays: this phone may be the only one that has it.
pub(crate) fn drop_through(connection: &Connection, through: u64) -> Result<(), PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT record FROM sealed WHERE as_of <= ?1 AND NOT EXISTS
             (SELECT 1 FROM outbox
              WHERE outbox.record = sealed.record AND standing <> 'in_log')",
    )?;
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
    attachments::release(connection)?;
    evidence::drop_unused(connection)
}

/// The page that brought a sealed record as a whole; 0 if none did.
pub(crate) fn page(connection: &Connection, id: RecordId) -> Result<Option<i64>, PhoneError> {
    let mut statement = connection.prepare_cached("SELECT page FROM sealed WHERE record = ?1")?;
    Ok(statement
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// The log was put back to entry `common`: what was sealed after it is in no backup any more.
pub(crate) fn doubt_after(connection: &Connection, common: u64) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE sealed SET as_of = ?2 WHERE as_of > ?1",
        (number(common)?, DOUBTED),
    )?;
    Ok(())
}

/// Sealed records that the server may have lost.
pub(crate) fn doubted(connection: &Connection) -> Result<Vec<RecordId>, PhoneError> {
    let mut statement = connection.prepare_cached("SELECT record FROM sealed WHERE as_of = ?1")?;
    let rows = statement.query_map([DOUBTED], |row| Ok(RecordId::from_bytes(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Everything was given back: the next backup that holds entry `seq` holds it too.
pub(crate) fn doubt_no_more(connection: &Connection, seq: u64) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE sealed SET as_of = ?1 WHERE as_of = ?2",
        (number(seq)?, DOUBTED),
    )?;
    Ok(())
}
