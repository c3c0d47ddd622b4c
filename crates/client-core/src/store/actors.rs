//! The actors that this store has written with, and what the server knows of them.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};

use crate::error::PhoneError;

/// Notes that the store writes with a fresh actor from here on.
pub(crate) fn add(
    connection: &Connection,
    actor: [u8; 16],
    taken_ms: i64,
    why: &str,
) -> Result<(), PhoneError> {
    connection.execute(
        "INSERT INTO actors (actor, taken_ms, why) VALUES (?1, ?2, ?3)",
        (actor, taken_ms, why),
    )?;
    Ok(())
}

/// Takes up an actor that the server knows as this device's and a copy of the store forgot.
pub(crate) fn remember(connection: &Connection, actor: [u8; 16]) -> Result<(), PhoneError> {
    connection.execute(
        "INSERT OR IGNORE INTO actors (actor, taken_ms, why, registered)
         VALUES (?1, 0, 'restored', 1)",
        [actor],
    )?;
    Ok(())
}

/// Whether the store ever wrote with that actor.
pub(crate) fn is_own(connection: &Connection, actor: [u8; 16]) -> Result<bool, PhoneError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM actors WHERE actor = ?1")?;
    let found: Option<i64> = statement.query_row([actor], |row| row.get(0)).optional()?;
    Ok(found.is_some())
}

/// Every actor that the store ever wrote with.
pub(crate) fn all(connection: &Connection) -> Result<BTreeSet<[u8; 16]>, PhoneError> {
    let mut statement = connection.prepare_cached("SELECT actor FROM actors")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Actors that the server knows as this device's, or that it is not asked to know.
pub(crate) fn registered(connection: &Connection) -> Result<BTreeSet<[u8; 16]>, PhoneError> {
    let mut statement =
        connection.prepare_cached("SELECT actor FROM actors WHERE registered = 1")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An actor that wrote something and that the server may not know.
pub(crate) fn unregistered_writer(connection: &Connection) -> Result<Option<[u8; 16]>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT actor FROM actors WHERE registered = 0 AND actor IN (SELECT actor FROM outbox)
         ORDER BY taken_ms, actor LIMIT 1",
    )?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// The server answered a request that named the actor: it knows it.
pub(crate) fn set_registered(connection: &Connection, actor: [u8; 16]) -> Result<(), PhoneError> {
    connection
        .prepare_cached("UPDATE actors SET registered = 1 WHERE actor = ?1 AND registered = 0")?
        .execute([actor])?;
    Ok(())
}

/// The server was put back: it may have forgotten any of this device's actors.
pub(crate) fn doubt_registration(connection: &Connection) -> Result<(), PhoneError> {
    connection.execute("UPDATE actors SET registered = 0 WHERE given_up = 0", [])?;
    Ok(())
}

/// Keeps the server's word for an actor.
pub(crate) fn set_certificate(
    connection: &Connection,
    actor: [u8; 16],
    certificate: &[u8],
) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE actors SET certificate = ?2, registered = 1 WHERE actor = ?1",
        (actor, certificate),
    )?;
    Ok(())
}

/// The store belongs to a new device, which cannot have the actors of the old one certified. What they
/// wrote and is not in the log is sent as it is, refused as a stranger's, and written again by the
/// actor of the new device; what is in the log no receipt of the new device counts.
pub(crate) fn give_up_others(connection: &Connection, actor: [u8; 16]) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE actors SET registered = 1, given_up = 1 WHERE actor <> ?1",
        [actor],
    )?;
    Ok(())
}
