//! Numbered migrations. The number of the last one that ran is the file's `user_version`.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::PhoneError;

/// Every migration, in order. One that was released is never edited again.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_repair.sql"),
    include_str!("migrations/0003_sent_back.sql"),
    include_str!("migrations/0004_set_aside.sql"),
    include_str!("migrations/0005_files.sql"),
];

/// The version of a store that is up to date.
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// Refuses a store of a newer app before anything is written to it.
pub(super) fn refuse_newer(connection: &Connection) -> Result<(), PhoneError> {
    let found = version(connection)?;
    if found > NEWEST {
        return Err(PhoneError::StoreNewer {
            found,
            known: NEWEST,
        });
    }
    Ok(())
}

/// Runs what is missing, all of it or nothing.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), PhoneError> {
    if version(connection)? == NEWEST {
        return Ok(());
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated while this one waited.
    refuse_newer(&tx)?;
    let from = version(&tx)?;
    for (number, sql) in (1..).zip(MIGRATIONS) {
        if number > from {
            tx.execute_batch(sql)?;
        }
    }
    tx.pragma_update(None, "user_version", NEWEST)?;
    tx.commit()?;
    Ok(())
}

fn version(connection: &Connection) -> Result<i64, PhoneError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
