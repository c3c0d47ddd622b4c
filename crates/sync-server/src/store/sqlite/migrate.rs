//! Numbered migrations: how a file of an older server becomes one of this.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{facts, files, tallies};
use crate::store::error::StoreError;

/// One step from a schema version to the next: SQL, and what SQL alone cannot do.
pub(super) struct Migration {
    pub(super) sql: &'static str,
    then: fn(&Transaction<'_>) -> Result<(), StoreError>,
}

/// Numbered migrations; the schema version is how many have run.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        sql: include_str!("migrations/0001_initial.sql"),
        then: |_| Ok(()),
    },
    Migration {
        sql: include_str!("migrations/0002_repair.sql"),
        then: tallies::backfill,
    },
    Migration {
        sql: include_str!("migrations/0003_fair_rounds.sql"),
        then: |_| Ok(()),
    },
    Migration {
        sql: include_str!("migrations/0004_refused.sql"),
        then: |_| Ok(()),
    },
    Migration {
        sql: include_str!("migrations/0005_tree.sql"),
        then: |_| Ok(()),
    },
    Migration {
        sql: include_str!("migrations/0006_timers.sql"),
        then: |_| Ok(()),
    },
    Migration {
        sql: include_str!("migrations/0007_days.sql"),
        then: |_| Ok(()),
    },
    Migration {
        sql: include_str!("migrations/0008_intake.sql"),
        then: |_| Ok(()),
    },
    Migration {
        sql: include_str!("migrations/0009_metrics.sql"),
        then: facts::fill,
    },
    Migration {
        sql: include_str!("migrations/0010_files.sql"),
        then: files::fill,
    },
];

/// Runs what is missing, all of it or nothing.
pub(super) fn run(connection: &mut Connection) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    let missing = &MIGRATIONS[usize::try_from(found).unwrap_or(0)..];
    for migration in missing {
        transaction.execute_batch(migration.sql)?;
    }
    // What reads rows knows the newest schema only.
    for migration in missing {
        (migration.then)(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}
