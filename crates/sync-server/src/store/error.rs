//! What can go wrong while keeping things.

use crate::outside::OutsideError;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("the database refused: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Something stored does not read back; the database was damaged or edited by hand.
    #[error("stored {what} of {id} does not read back; restore a backup")]
    Damaged {
        /// What kind of thing.
        what: &'static str,
        /// Which one.
        id: String,
    },
    /// Another sequencer wrote to the log.
    #[error("the log's head is {found}, not {expected}; decide again on the new head")]
    Overtaken {
        /// The sequence number that the batch was decided on.
        expected: u64,
        /// The one that is stored.
        found: u64,
    },
    /// The database was written by a newer server.
    #[error("the database has schema {found}, this server knows up to {known}; update the server")]
    TooNew {
        /// Its schema version.
        found: i64,
        /// The newest that this code knows.
        known: i64,
    },
    /// The database was written by a server that kept less.
    #[error("the database has schema {found}; start the server once, which brings it to {needed}")]
    TooOld {
        /// Its schema version.
        found: i64,
        /// What is needed.
        needed: i64,
    },
    /// A path that SQLite cannot take.
    #[error("the path is not valid UTF-8; choose another one")]
    BadPath,
    /// An actor belongs to another device.
    #[error("the actor belongs to another device; take a fresh one")]
    ActorTaken,
    /// What is kept beside the database was not.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// A thread panicked while it held the writer.
    #[error("an earlier failure left the writer unusable; restart the server")]
    Poisoned,
}
