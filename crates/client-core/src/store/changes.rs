//! Changes as bytes. A change is `pulled` once the log is known to have it.

use std::collections::BTreeSet;

use gridlog_domain::id::RecordId;
use gridlog_merge_guard::{History, Limits, Refusal, receive};
use rusqlite::{Connection, OptionalExtension};

use crate::error::PhoneError;

/// The bytes of every change that counts, dependencies first.
pub(crate) fn live(connection: &Connection, record: RecordId) -> Result<Vec<Vec<u8>>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT bytes FROM changes WHERE record = ?1 AND superseded = 0 ORDER BY position",
    )?;
    let rows = statement.query_map([record.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Stores a change that was recorded here.
pub(crate) fn add_own(
    connection: &Connection,
    record: RecordId,
    hash: [u8; 32],
    bytes: &[u8],
) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "INSERT INTO changes (hash, record, bytes, pulled, superseded)
             VALUES (?1, ?2, ?3, 0, 0)",
        )?
        .execute((hash, record.as_bytes(), bytes))?;
    Ok(())
}

/// Stores a change that a page brought. One that is here already counts from now on as pulled.
pub(crate) fn add_pulled(
    connection: &Connection,
    record: RecordId,
    hash: [u8; 32],
    bytes: &[u8],
) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "INSERT INTO changes (hash, record, bytes, pulled, superseded)
             VALUES (?1, ?2, ?3, 1, 0)
             ON CONFLICT (record, hash) DO UPDATE SET pulled = 1, superseded = 0",
        )?
        .execute((hash, record.as_bytes(), bytes))?;
    Ok(())
}

/// The log has a change that is here. False if it is not here.
pub(crate) fn mark_pulled(
    connection: &Connection,
    record: RecordId,
    hash: [u8; 32],
) -> Result<bool, PhoneError> {
    let marked = connection
        .prepare_cached(
            "UPDATE changes SET pulled = 1, superseded = 0 WHERE record = ?1 AND hash = ?2",
        )?
        .execute((record.as_bytes(), hash))?;
    Ok(marked > 0)
}

/// A change of a record, as bytes.
pub(crate) fn get(
    connection: &Connection,
    record: RecordId,
    hash: [u8; 32],
) -> Result<Option<Vec<u8>>, PhoneError> {
    Ok(connection
        .prepare_cached("SELECT bytes FROM changes WHERE record = ?1 AND hash = ?2")?
        .query_row((record.as_bytes(), hash), |row| row.get(0))
        .optional()?)
}

/// Whether the record holds a change that the log does not have, as far as is known here.
pub(crate) fn any_not_pulled(
    connection: &Connection,
    record: RecordId,
) -> Result<bool, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM changes
                        WHERE record = ?1 AND superseded = 0 AND pulled = 0)",
    )?;
    Ok(statement.query_row([record.as_bytes()], |row| row.get(0))?)
}

/// Hashes of the changes that count and that the log has.
pub(crate) fn pulled(
    connection: &Connection,
    record: RecordId,
) -> Result<Vec<[u8; 32]>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT hash FROM changes WHERE record = ?1 AND superseded = 0 AND pulled = 1",
    )?;
    let rows = statement.query_map([record.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The log does not have a change after all.
pub(crate) fn mark_not_pulled(
    connection: &Connection,
    record: RecordId,
    hash: [u8; 32],
) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE changes SET pulled = 0 WHERE record = ?1 AND hash = ?2",
        (record.as_bytes(), hash),
    )?;
    Ok(())
}

/// Takes a change out of its record: it was refused, or the log lost it for good. Its bytes stay
/// until the record goes.
pub(crate) fn supersede(
    connection: &Connection,
    record: RecordId,
    hash: [u8; 32],
) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE changes SET superseded = 1 WHERE record = ?1 AND hash = ?2",
        (record.as_bytes(), hash),
    )?;
    Ok(())
}

/// A change that was taken out of its record counts again; it was refused, and is sent once more.
pub(crate) fn reinstate(
    connection: &Connection,
    record: RecordId,
    hash: [u8; 32],
) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE changes SET superseded = 0 WHERE record = ?1 AND hash = ?2",
        (record.as_bytes(), hash),
    )?;
    Ok(())
}

/// The heads of what the log has of a record, as the changes say that are here; sorted. A snapshot is
/// opened for it.
///
/// # Errors
/// [`PhoneError::Unopenable`] if a change or the snapshot does not read back.
pub(crate) fn pulled_heads(
    connection: &Connection,
    record: RecordId,
) -> Result<Vec<[u8; 32]>, PhoneError> {
    let heads = heads_of(record, &all_bytes(connection, record)?)?;
    Ok(heads.into_iter().collect())
}

/// Those of these changes that none of the others builds on.
fn heads_of(record: RecordId, changes: &[Vec<u8>]) -> Result<BTreeSet<[u8; 32]>, PhoneError> {
    let mut heads = BTreeSet::new();
    let mut built_on = BTreeSet::new();
    for bytes in changes {
        let header =
            receive(bytes, &Limits::default()).map_err(|refusal| unopenable(record, &refusal))?;
        heads.insert(header.hash.0);
        built_on.extend(header.deps.iter().map(|dep| dep.0));
    }
    Ok(heads.difference(&built_on).copied().collect())
}

/// The heads of the changes of a record that count and that the log does not have.
pub(crate) fn heads_not_pulled(
    connection: &Connection,
    record: RecordId,
) -> Result<BTreeSet<[u8; 32]>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT bytes FROM changes WHERE record = ?1 AND superseded = 0 AND pulled = 0",
    )?;
    let rows = statement.query_map([record.as_bytes()], |row| row.get::<_, Vec<u8>>(0))?;
    let mut all = Vec::new();
    for bytes in rows {
        all.push(bytes?);
    }
    heads_of(record, &all)
}

fn unopenable(record: RecordId, refusal: &Refusal) -> PhoneError {
    PhoneError::Unopenable {
        record,
        code: refusal.code().to_owned(),
    }
}

/// Keeps a record's earlier changes as one document chunk, in place of an older one.
pub(crate) fn put_snapshot(
    connection: &Connection,
    record: RecordId,
    chunk: &[u8],
) -> Result<(), PhoneError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO snapshots (record, chunk) VALUES (?1, ?2)")?
        .execute((record.as_bytes(), chunk))?;
    Ok(())
}

/// Removes the chunk of a record's earlier changes: they are here one by one, or come anew.
pub(crate) fn drop_snapshot(connection: &Connection, record: RecordId) -> Result<(), PhoneError> {
    connection
        .prepare_cached("DELETE FROM snapshots WHERE record = ?1")?
        .execute([record.as_bytes()])?;
    Ok(())
}

/// A record's earlier changes, if they came as one document chunk.
pub(crate) fn snapshot(
    connection: &Connection,
    record: RecordId,
) -> Result<Option<Vec<u8>>, PhoneError> {
    Ok(connection
        .prepare_cached("SELECT chunk FROM snapshots WHERE record = ?1")?
        .query_row([record.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// Every change of a record that the log has, as bytes: those in its snapshot too.
pub(crate) fn all_bytes(
    connection: &Connection,
    record: RecordId,
) -> Result<Vec<Vec<u8>>, PhoneError> {
    let mut all = Vec::new();
    if let Some(chunk) = snapshot(connection, record)? {
        let within = History::load_snapshot(&chunk, []).and_then(|history| history.changes());
        all.extend(within.map_err(|refusal| unopenable(record, &refusal))?);
    }
    let mut statement = connection.prepare_cached(
        "SELECT bytes FROM changes WHERE record = ?1 AND pulled = 1 AND superseded = 0
         ORDER BY position",
    )?;
    let rows = statement.query_map([record.as_bytes()], |row| row.get(0))?;
    for bytes in rows {
        all.push(bytes?);
    }
    Ok(all)
}
