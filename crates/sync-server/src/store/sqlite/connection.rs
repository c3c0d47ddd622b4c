//! Connections to the database: how they are opened, and what a commit on one waits for.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::store::error::StoreError;

/// How long a connection waits for another one.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Opens the connection that writes, creating the file.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(LONGEST_WAIT)?;
    // A change or a view takes 2 to 3 KB; a page of 4 KB would be half empty. It counts only for a
    // file that is being made.
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    wait_for_the_disk(&connection)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    keep_plans(&connection)?;
    Ok(connection)
}

/// Opens one that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, flags)?;
    reader.busy_timeout(LONGEST_WAIT)?;
    keep_plans(&reader)?;
    Ok(reader)
}

fn wait_for_the_disk(connection: &Connection) -> rusqlite::Result<()> {
    let synchronous = mutated!(AnsweredBeforeDurable, "NORMAL", "FULL");
    connection.pragma_update(None, "synchronous", synchronous)
}

/// A connection that commits without waiting for the disk, until this is dropped.
pub(super) struct Noting<'a>(&'a mut Connection);

impl<'a> Noting<'a> {
    pub(super) fn begin(connection: &'a mut Connection) -> rusqlite::Result<Self> {
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self(connection))
    }

    /// The connection.
    pub(super) fn writer(&mut self) -> &mut Connection {
        self.0
    }
}

impl Drop for Noting<'_> {
    fn drop(&mut self) {
        // SQLite refuses it only within a transaction, and that is over.
        if let Err(error) = wait_for_the_disk(self.0) {
            tracing::error!(%error, "commits do not wait for the disk any more; restart the server");
        }
    }
}

/// Runs `work` in a write transaction. Whatever it returns, an error rolls everything back.
pub(super) fn commit<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

/// Keeps statements as they were prepared. Without the guarantee of stable plans SQLite prepares a
/// statement anew for every value that it compares with the condition of a partial index.
fn keep_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}
