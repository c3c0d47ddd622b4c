//! What proves entries and whole records: signed pages in short.

use gridlog_protocol::{Evidence, ProtocolError};
use rusqlite::{Connection, OptionalExtension};

use crate::error::PhoneError;

fn malformed() -> PhoneError {
    PhoneError::StoreDamaged { what: "evidence" }
}

/// As the store keeps it.
pub(crate) fn to_cbor(evidence: &Evidence) -> Vec<u8> {
    evidence.to_bytes()
}

/// Reads what [`to_cbor`] made.
pub(crate) fn from_cbor(cbor: &[u8]) -> Result<Evidence, PhoneError> {
    Evidence::from_bytes(cbor).map_err(|_: ProtocolError| malformed())
}

/// Keeps evidence of a page; its number.
pub(crate) fn add(connection: &Connection, evidence: &Evidence) -> Result<i64, PhoneError> {
    connection
        .prepare_cached("INSERT INTO evidence (cbor) VALUES (?1)")?
        .execute([to_cbor(evidence)])?;
    Ok(connection.last_insert_rowid())
}

/// Evidence of the page of that number.
pub(crate) fn get(connection: &Connection, page: i64) -> Result<Option<Evidence>, PhoneError> {
    let cbor: Option<Vec<u8>> = connection
        .prepare_cached("SELECT cbor FROM evidence WHERE page = ?1")?
        .query_row([page], |row| row.get(0))
        .optional()?;
    cbor.map(|cbor| from_cbor(&cbor)).transpose()
}

/// Drops evidence of pages that nothing here needs any more.
pub(crate) fn drop_unused(connection: &Connection) -> Result<(), PhoneError> {
    connection.execute(
        "DELETE FROM evidence WHERE page NOT IN (SELECT page FROM entries)
             AND page NOT IN (SELECT page FROM records)
             AND page NOT IN (SELECT page FROM sealed)",
        [],
    )?;
    Ok(())
}
