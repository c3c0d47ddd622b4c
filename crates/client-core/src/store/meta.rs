//! What a store has one of.

use gridlog_protocol::{Digest, Position};
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, ToSql};

use crate::error::PhoneError;

/// Names one value. Each constant below is the only place that knows its key and its type.
pub(crate) struct Meta<T> {
    key: &'static str,
    holds: std::marker::PhantomData<T>,
}

const fn meta<T>(key: &'static str) -> Meta<T> {
    Meta {
        key,
        holds: std::marker::PhantomData,
    }
}

/// The store's generation; see [`crate::GenerationMarker`].
pub(crate) const GENERATION: Meta<[u8; 16]> = meta("generation");
/// The generation before, from the moment that the store has a new one until the marker has it too.
pub(crate) const FORMER_GENERATION: Meta<[u8; 16]> = meta("former_generation");
/// The actor that the store writes with.
pub(crate) const ACTOR: Meta<[u8; 16]> = meta("actor");
/// Set after a refusal: the next change is written by a new actor.
pub(crate) const ACTOR_SPENT: Meta<bool> = meta("actor_spent");
/// The person as JSON.
pub(crate) const PERSON: Meta<String> = meta("person");
/// Version of the person's profile, its 64 bits as they are.
pub(crate) const PROFILE_VERSION: Meta<i64> = meta("profile_version");
/// The device's id.
pub(crate) const DEVICE: Meta<[u8; 16]> = meta("device");
/// What the person called the phone when enrolling.
pub(crate) const DEVICE_NAME: Meta<String> = meta("device_name");
/// The district's code.
pub(crate) const DISTRICT: Meta<String> = meta("district");
/// The bearer token.
pub(crate) const TOKEN: Meta<String> = meta("token");
/// The key that signs what the server says.
pub(crate) const SERVER_KEY: Meta<[u8; 32]> = meta("server_key");
const POSITION_EPOCH: Meta<i64> = meta("position_epoch");
const POSITION_SEQ: Meta<i64> = meta("position_seq");
const POSITION_HASH: Meta<[u8; 32]> = meta("position_hash");
/// The person's audiences as the server numbers them, as JSON.
pub(crate) const AUDIENCES: Meta<String> = meta("audiences");
/// The last record that the walk came by.
pub(crate) const WALKED: Meta<[u8; 16]> = meta("walked");
/// Evidence of the last page, as CBOR: it proves the position.
pub(crate) const LAST_PAGE: Meta<Vec<u8>> = meta("last_page");
/// Set while the server does not know the position.
pub(crate) const PROVING: Meta<bool> = meta("proving");
/// Up to this entry the log of this epoch is that of an earlier one, by the server's word alone.
pub(crate) const TAKEN_OVER: Meta<i64> = meta("taken_over");
/// Set from the beginning of a new epoch until all that the server lost was given back.
pub(crate) const REPAIRING: Meta<bool> = meta("repairing");
/// The entry after which the log may have changes of this device that this store does not know. Unset
/// if it knows them all, as far as it knows.
pub(crate) const RECALL: Meta<i64> = meta("recall");
/// The folded prints of everything in scope, as of the last page that changed them.
pub(crate) const OWN_SCOPE: Meta<[u8; 16]> = meta("own_scope");
/// What the prints differ by while only what is set aside differs.
pub(crate) const ASIDE_DIFFERENCE: Meta<[u8; 16]> = meta("aside_difference");
/// The last receipt that agreed with what this phone knows, as JSON.
pub(crate) const RECEIPT: Meta<String> = meta("receipt");
/// Server time minus device time, milliseconds.
pub(crate) const CLOCK_OFFSET: Meta<i64> = meta("clock_offset");
/// What the device's clock said last.
pub(crate) const LAST_SEEN_MS: Meta<i64> = meta("last_seen_ms");
/// How long the server wants to be left alone, as JSON.
pub(crate) const HOLD: Meta<String> = meta("hold");
/// Whether this phone said last that it holds something.
pub(crate) const TOLD_UNSENT: Meta<bool> = meta("told_unsent");
/// What may be attached, as JSON.
pub(crate) const FILE_RULES: Meta<String> = meta("file_rules");
/// Over what networks files may go, as JSON.
pub(crate) const FILE_POLICY: Meta<String> = meta("file_policy");
/// When the last sync came to its end, device time.
pub(crate) const LAST_SYNC_MS: Meta<i64> = meta("last_sync_ms");

impl<T: FromSql + ToSql> Meta<T> {
    /// The value, if there is one.
    pub(crate) fn get(&self, connection: &Connection) -> Result<Option<T>, PhoneError> {
        let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        Ok(statement
            .query_row([self.key], |row| row.get(0))
            .optional()?)
    }

    /// Replaces the value.
    pub(crate) fn set(&self, connection: &Connection, value: T) -> Result<(), PhoneError> {
        let mut statement = connection
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?;
        statement.execute((self.key, value))?;
        Ok(())
    }

    /// Removes the value.
    pub(crate) fn clear(&self, connection: &Connection) -> Result<(), PhoneError> {
        connection.execute("DELETE FROM meta WHERE key = ?1", [self.key])?;
        Ok(())
    }
}

/// Stands for the log entry of what the server may have lost, until it tells of it anew.
pub(crate) const DOUBTED: i64 = i64::MAX;

/// Where the pull stands.
pub(crate) fn position(connection: &Connection) -> Result<Position, PhoneError> {
    let read = |meta: Meta<i64>| -> Result<u64, PhoneError> {
        Ok(u64::try_from(meta.get(connection)?.unwrap_or(0)).unwrap_or(0))
    };
    Ok(Position {
        epoch: read(POSITION_EPOCH)?,
        seq: read(POSITION_SEQ)?,
        hash: POSITION_HASH.get(connection)?.map_or(Digest::ZERO, Digest),
    })
}

/// Moves the pull.
pub(crate) fn set_position(connection: &Connection, position: Position) -> Result<(), PhoneError> {
    POSITION_EPOCH.set(connection, number(position.epoch)?)?;
    POSITION_SEQ.set(connection, number(position.seq)?)?;
    POSITION_HASH.set(connection, position.hash.0)
}

/// This store may lack what it wrote after entry `after`.
pub(crate) fn recall_after(connection: &Connection, after: u64) -> Result<(), PhoneError> {
    let after = number(after)?;
    let known = RECALL.get(connection)?.unwrap_or(after);
    RECALL.set(connection, known.min(after))
}

/// A number of the wire as SQLite keeps it.
pub(crate) fn number(value: u64) -> Result<i64, PhoneError> {
    i64::try_from(value).map_err(|_| PhoneError::BadPage {
        what: "a number beyond 63 bits",
    })
}
