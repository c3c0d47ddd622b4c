//! The phone's one SQLite file: encrypted, and durable before a call returns.
//!
//! - SQLCipher with a raw key, WAL, `synchronous=FULL`: a committed transaction survives the loss
//!   of power, and readers never wait for a writer. What can be asked for again is committed without waiting for
//!   the disk, see [`Store::note`].
//! - One connection writes, in immediate transactions, so that two processes that open the same
//!   file wait for each other instead of failing halfway. Others read, each in a snapshot.
//! - The file is private to its path: nothing but this module opens it.

pub(crate) mod actors;
pub(crate) mod attachments;
pub(crate) mod audiences;
pub(crate) mod changes;
pub(crate) mod evidence;
pub(crate) mod log;
pub(crate) mod meta;
mod migrate;
pub(crate) mod outbox;
pub(crate) mod owed;
pub(crate) mod records;
pub(crate) mod refused;
pub(crate) mod sealed;
pub(crate) mod search;
pub(crate) mod wants;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use crate::error::PhoneError;
use crate::key::StoreKey;

/// How long a call waits for another process that writes.
const BUSY: Duration = Duration::from_secs(15);

/// Reading connections that are kept open.
const IDLE_READERS: usize = 4;

/// What the writing connection may hold in memory. A page of a sync changes some megabytes; what does
/// not fit is encrypted and written out before the page ends, and again when it changes again.
const WRITER_CACHE_KIB: i64 = 12 * 1024;

/// The open store.
pub(crate) struct Store {
    path: PathBuf,
    key: StoreKey,
    writer: Mutex<Connection>,
    /// Whether the writer is to be given up before it is used again.
    is_spoilt: AtomicBool,
    readers: Mutex<Vec<Connection>>,
}

impl Store {
    /// Opens the file, creates it if it is missing, and brings it to the current version.
    pub(crate) fn open(path: &Path, key: StoreKey) -> Result<Self, PhoneError> {
        let mut writer = connect_writer(path, &key)?;
        migrate::refuse_newer(&writer)?;
        use_wal(&writer)?;
        migrate::migrate(&mut writer)?;
        let reader = connect(path, &key)?;
        Ok(Self {
            path: path.to_owned(),
            key,
            writer: Mutex::new(writer),
            is_spoilt: AtomicBool::new(false),
            readers: Mutex::new(vec![reader]),
        })
    }

    /// Runs `work` in one transaction and commits it. An error leaves nothing behind.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, PhoneError>,
    ) -> Result<T, PhoneError> {
        let mut writer = self.writer()?;
        let outcome = commit(&mut writer, work);
        self.judge(&outcome);
        outcome
    }

    /// The same for what the server can be asked for again: once this returns it survives the end of the process,
    /// and the loss of power only with the next [`Store::write`].
    pub(crate) fn note<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, PhoneError>,
    ) -> Result<T, PhoneError> {
        let mut writer = self.writer()?;
        let noting = Noting::begin(&mut writer, &self.is_spoilt)?;
        let outcome = commit(noting.writer, work);
        self.judge(&outcome);
        outcome
    }

    fn writer(&self) -> Result<MutexGuard<'_, Connection>, PhoneError> {
        let mut writer = lock(&self.writer);
        // Not before it is needed: until then the disk may go on failing.
        if self.is_spoilt.load(Ordering::SeqCst) {
            *writer = connect_writer(&self.path, &self.key)?;
            self.is_spoilt.store(false, Ordering::SeqCst);
        }
        Ok(writer)
    }

    fn judge<T>(&self, outcome: &Result<T, PhoneError>) {
        if outcome.as_ref().is_err_and(spoils_connection) {
            self.is_spoilt.store(true, Ordering::SeqCst);
        }
    }

    /// Runs `work` on one snapshot of the store, without waiting for whoever writes.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, PhoneError>,
    ) -> Result<T, PhoneError> {
        let idle = lock(&self.readers).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => connect(&self.path, &self.key)?,
        };
        let outcome = reader
            .transaction()
            .map_err(PhoneError::from)
            .and_then(|snapshot| work(&snapshot));
        let mut readers = lock(&self.readers);
        let is_spoilt = outcome.as_ref().is_err_and(spoils_connection);
        if !is_spoilt && readers.len() < IDLE_READERS {
            readers.push(reader);
        }
        outcome
    }
}

/// A connection that commits without waiting for the disk, until this is dropped.
struct Noting<'a> {
    writer: &'a mut Connection,
    is_spoilt: &'a AtomicBool,
}

impl<'a> Noting<'a> {
    fn begin(writer: &'a mut Connection, is_spoilt: &'a AtomicBool) -> Result<Self, PhoneError> {
        writer.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self { writer, is_spoilt })
    }
}

impl Drop for Noting<'_> {
    fn drop(&mut self) {
        if wait_for_the_disk(self.writer).is_err() {
            // Whoever writes next gets another connection, which does.
            self.is_spoilt.store(true, Ordering::SeqCst);
        }
    }
}

fn wait_for_the_disk(connection: &Connection) -> rusqlite::Result<()> {
    let synchronous = if mutated!(RecordedBeforeDurable) {
        "NORMAL"
    } else {
        "FULL"
    };
    connection.pragma_update(None, "synchronous", synchronous)
}

fn commit<T>(
    writer: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, PhoneError>,
) -> Result<T, PhoneError> {
    let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&tx)?;
    tx.commit()?;
    Ok(done)
}

/// After a read that failed, SQLCipher refuses everything on that connection, though the next read
/// would succeed: such a connection is given up.
fn spoils_connection(error: &PhoneError) -> bool {
    matches!(error, PhoneError::Store(rusqlite::Error::SqliteFailure(failure, _))
        if matches!(failure.code, ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase))
}

/// A panic while a lock was held left no half-written state: a transaction rolls back when it is
/// dropped.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Readies SQLite and then SQLCipher, once in a process. SQLite lets other threads in as soon as it is ready itself, and a
/// store that is opened before SQLCipher is ready too is told that its key is none.
fn ready() {
    static READY: Once = Once::new();
    // Where it fails the store is not opened either, and says why.
    READY.call_once(|| drop(Connection::open_in_memory()));
}

fn connect(path: &Path, key: &StoreKey) -> Result<Connection, PhoneError> {
    ready();
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    // SQLCipher would write to the standard error stream by itself.
    connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
    connection.execute_batch(&key.pragma())?;
    let readable = connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()));
    match readable {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Err(PhoneError::WrongKey);
        }
        other => other?,
    }
    connection.execute_batch(
        "PRAGMA temp_store = MEMORY;
         PRAGMA secure_delete = ON;
         PRAGMA foreign_keys = ON;",
    )?;
    wait_for_the_disk(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Without it SQLite prepares a statement anew for every value that it compares with the condition
    // of a partial index.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn connect_writer(path: &Path, key: &StoreKey) -> Result<Connection, PhoneError> {
    let connection = connect(path, key)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    Ok(connection)
}

/// Switching needs the file for a moment, and SQLite does not wait for it by itself.
fn use_wal(connection: &Connection) -> Result<(), PhoneError> {
    let mut attempts = 0;
    loop {
        let switched = connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()));
        match switched {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && attempts < 100 =>
            {
                attempts += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests;
