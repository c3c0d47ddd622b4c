//! Log entries and rulings that this device was told of.

use std::collections::BTreeMap;

use gridlog_domain::id::{EntryId, RecordId};
use gridlog_protocol::{Digest, Fact, Key, LogEntry, entry_hash};
use rusqlite::{Connection, OptionalExtension};

use super::meta::number;
use crate::error::PhoneError;

/// A ruling on a proposal.
#[derive(Debug, Clone)]
pub(crate) struct StoredRuling {
    /// SHA-256 of the proposal's stored text.
    pub(crate) proposal_hash: [u8; 32],
    /// `None` if accepted, else the reason's code.
    pub(crate) refused: Option<String>,
}

/// Stores an entry, once, and checks it against its neighbours in the chain.
pub(crate) fn add(
    connection: &Connection,
    (epoch, page): (u64, i64),
    entry: &LogEntry,
    canonical: &[u8],
) -> Result<(), PhoneError> {
    let seq = entry.seq;
    if let Some(known) = get(connection, epoch, seq)? {
        return if known == canonical {
            Ok(())
        } else {
            Err(PhoneError::BadPage {
                what: "an entry that this phone knows has changed",
            })
        };
    }
    if let Some(before) = get(connection, epoch, seq.saturating_sub(1))?
        && entry.previous != entry_hash(&before)
    {
        return Err(PhoneError::BadPage {
            what: "an entry does not follow the one before it",
        });
    }
    connection
        .prepare_cached(
            "INSERT INTO entries (epoch, seq, record, canonical, page)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            number(epoch)?,
            number(seq)?,
            entry.record.0,
            canonical,
            page,
        ))?;
    if let Fact::Ruling {
        proposal,
        proposal_hash,
        refused,
        ..
    } = &entry.fact
    {
        add_ruling(connection, *proposal, entry.record, *proposal_hash, refused)?;
    }
    Ok(())
}

/// Whether an entry of a page is not what this store knows at its number or the one before.
pub(crate) fn contradicts(
    connection: &Connection,
    epoch: u64,
    entry: &LogEntry,
    canonical: &[u8],
) -> Result<bool, PhoneError> {
    if let Some(known) = get(connection, epoch, entry.seq)? {
        return Ok(known != canonical);
    }
    let before = get(connection, epoch, entry.seq.saturating_sub(1))?;
    Ok(before.is_some_and(|before| entry.previous != entry_hash(&before)))
}

fn add_ruling(
    connection: &Connection,
    proposal: Key,
    record: Key,
    hash: Digest,
    refused: &Option<String>,
) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO rulings (proposal, record, proposal_hash, refused)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((proposal.0, record.0, hash.0, refused))?;
    Ok(())
}

fn get(connection: &Connection, epoch: u64, seq: u64) -> Result<Option<Vec<u8>>, PhoneError> {
    let mut statement =
        connection.prepare_cached("SELECT canonical FROM entries WHERE epoch = ?1 AND seq = ?2")?;
    Ok(statement
        .query_row((number(epoch)?, number(seq)?), |row| row.get(0))
        .optional()?)
}

/// The record's entries, oldest first.
pub(crate) fn of_record(
    connection: &Connection,
    record: RecordId,
) -> Result<Vec<LogEntry>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT canonical FROM entries WHERE record = ?1 AND lost = 0 ORDER BY seq",
    )?;
    let rows = statement.query_map([record.as_bytes()], |row| row.get::<_, Vec<u8>>(0))?;
    rows.map(|canonical| Ok(LogEntry::from_bytes(&canonical?)?))
        .collect()
}

/// The rulings on the record's proposals.
pub(crate) fn rulings(
    connection: &Connection,
    record: RecordId,
) -> Result<BTreeMap<EntryId, StoredRuling>, PhoneError> {
    let mut statement = connection
        .prepare_cached("SELECT proposal, proposal_hash, refused FROM rulings WHERE record = ?1")?;
    let rows = statement.query_map([record.as_bytes()], |row| {
        let ruling = StoredRuling {
            proposal_hash: row.get(1)?,
            refused: row.get(2)?,
        };
        Ok((EntryId::from_bytes(row.get(0)?), ruling))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The log goes on in another epoch and shares its entries up to `common`: those belong to the new
/// one, later ones are lost there.
pub(crate) fn begin_epoch(
    connection: &Connection,
    epoch: u64,
    common: u64,
) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE entries SET lost = 1 WHERE lost = 0 AND seq > ?1",
        [number(common)?],
    )?;
    connection.execute(
        "UPDATE entries SET epoch = ?1 WHERE lost = 0",
        [number(epoch)?],
    )?;
    Ok(())
}

/// Nothing of the log is what this store took over into `epoch`: all of it is lost there. The numbers of
/// that epoch are free again for what its log has.
pub(crate) fn lose_all(connection: &Connection, epoch: u64) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE entries SET lost = 1, epoch = -epoch WHERE epoch = ?1",
        [number(epoch)?],
    )?;
    Ok(())
}

/// An entry with what proves it.
#[derive(Debug, Clone)]
pub(crate) struct ProvenEntry {
    /// The entry.
    pub(crate) entry: LogEntry,
    /// Its canonical bytes.
    pub(crate) canonical: Vec<u8>,
    /// The page that brought it.
    pub(crate) page: i64,
    /// Its epoch and number.
    pub(crate) at: (i64, i64),
}

fn proven(
    connection: &Connection,
    condition: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<ProvenEntry>, PhoneError> {
    let sql = format!("SELECT canonical, page, epoch, seq FROM entries WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params, |row| {
        Ok((
            row.get::<_, Vec<u8>>(0)?,
            row.get(1)?,
            (row.get(2)?, row.get(3)?),
        ))
    })?;
    rows.map(|row| {
        let (canonical, page, at) = row?;
        Ok(ProvenEntry {
            entry: LogEntry::from_bytes(&canonical)?,
            canonical,
            page,
            at,
        })
    })
    .collect()
}

/// Entries that the server lost, after the one at `after` (epoch, number), in order.
pub(crate) fn lost_after(
    connection: &Connection,
    after: (i64, i64),
    limit: u32,
) -> Result<Vec<ProvenEntry>, PhoneError> {
    proven(
        connection,
        "lost = 1 AND (epoch, seq) > (?1, ?2) ORDER BY epoch, seq LIMIT ?3",
        (after.0, after.1, limit),
    )
}

/// What the server lost was given back, as far as it wanted it.
pub(crate) fn forget_lost(connection: &Connection) -> Result<(), PhoneError> {
    connection.execute("DELETE FROM entries WHERE lost = 1", [])?;
    Ok(())
}

/// Which entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Among {
    /// Those that the server lost.
    Lost,
    /// All that are here.
    All,
}

/// The entries about a record, in order.
pub(crate) fn proven_of_record(
    connection: &Connection,
    record: RecordId,
    among: Among,
) -> Result<Vec<ProvenEntry>, PhoneError> {
    proven(
        connection,
        "record = ?1 AND lost >= ?2 ORDER BY epoch, seq",
        (record.as_bytes(), among == Among::Lost),
    )
}
