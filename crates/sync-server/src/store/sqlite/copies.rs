//! Copies of the database: taken while others work on it, and looked at before they are relied on.

use std::path::Path;

use gridlog_protocol::{Digest, LogEntry, entry_hash};
use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};

use super::migrate::MIGRATIONS;
use super::{LONGEST_WAIT, SqliteStore, log};
use crate::store::error::StoreError;
use crate::store::model::LogHead;

/// A connection that changes nothing, not even the schema's version.
pub(super) fn read_only(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(LONGEST_WAIT)?;
    Ok(connection)
}

/// Whether the file holds a log of a schema that this server knows.
fn require_known(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        1.. if found <= known => Ok(()),
        1.. => Err(StoreError::TooNew { found, known }),
        _ => Err(StoreError::Damaged {
            what: "log",
            id: file.display().to_string(),
        }),
    }
}

/// Whether the file holds a log with everything that this server keeps beside it.
pub(super) fn require_current(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    require_known(connection, file)?;
    let needed = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found < needed {
        return Err(StoreError::TooOld { found, needed });
    }
    Ok(())
}

/// The head of a log; a database of the first schema has not counted epochs.
fn head(tx: &Transaction<'_>) -> Result<LogHead, StoreError> {
    if tx.table_exists(None, "epochs")? {
        return log::head(tx);
    }
    let last: Option<(i64, [u8; 32])> = tx
        .query_row(
            "SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let (seq, hash) = last.unwrap_or((0, Digest::ZERO.0));
    Ok(LogHead {
        epoch: 1,
        seq: seq.cast_unsigned(),
        hash: Digest(hash),
    })
}

/// Whether every entry is there and names the one before.
fn require_chained(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let mut query = tx.prepare("SELECT seq, canonical FROM entries ORDER BY seq")?;
    let mut rows = query.query([])?;
    let (mut seq, mut previous) = (0_u64, Digest::ZERO);
    while let Some(row) = rows.next()? {
        let canonical: Vec<u8> = row.get(1)?;
        seq += 1;
        let entry = LogEntry::from_bytes(&canonical).ok();
        let follows = entry.is_some_and(|entry| (entry.seq, entry.previous) == (seq, previous));
        if !follows || row.get::<_, i64>(0)?.cast_unsigned() != seq {
            return Err(StoreError::Damaged {
                what: "log entry",
                id: seq.to_string(),
            });
        }
        previous = entry_hash(&canonical);
    }
    Ok(())
}

impl SqliteStore {
    /// Copies a database as it is at one moment, while others read and write it. The copy is one file
    /// that nothing else belongs to; `to` must not exist, or be empty. Returns the head of the log in it.
    ///
    /// # Errors
    /// [`StoreError`]; what is at `to` is then no copy.
    pub fn copy_file(database: &Path, to: &Path) -> Result<LogHead, StoreError> {
        let target = to.to_str().ok_or(StoreError::BadPath)?;
        let source = read_only(database)?;
        require_known(&source, database)?;
        source.execute("VACUUM INTO ?1", [target])?;
        head(&read_only(to)?.transaction()?)
    }

    /// Reads a copy through, down to every entry of its log. Returns the head of that.
    ///
    /// # Errors
    /// [`StoreError`] if it is no sound copy of a log, or one of a newer server.
    pub fn inspect_file(file: &Path) -> Result<LogHead, StoreError> {
        let mut copy = read_only(file)?;
        require_known(&copy, file)?;
        let tx = copy.transaction()?;
        let said: String = tx.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if said != "ok" {
            return Err(StoreError::Damaged {
                what: "database",
                id: file.display().to_string(),
            });
        }
        require_chained(&tx)?;
        head(&tx)
    }

    /// Notes in a database, which a server may be serving, that a copy is kept of all entries up to
    /// `copied`; not if its log is another one by now. Says whether it was noted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn note_copy(database: &Path, copied: LogHead) -> Result<bool, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut live = Connection::open_with_flags(database, flags)?;
        live.busy_timeout(LONGEST_WAIT)?;
        let tx = live.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let is_same = head(&tx)?.epoch == copied.epoch
            && (copied.seq == 0
                || tx
                    .prepare("SELECT 1 FROM entries WHERE seq = ?1 AND hash = ?2")?
                    .exists(params![copied.seq.cast_signed(), copied.hash.0])?);
        if is_same {
            log::note_backup(&tx, copied.seq)?;
        }
        tx.commit()?;
        Ok(is_same)
    }
}
