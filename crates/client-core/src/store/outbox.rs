//! Own changes: what was meant by each, and where it stands.

use std::collections::BTreeSet;

use gridlog_domain::id::RecordId;
use gridlog_domain::record::Command;
use gridlog_protocol::{Digest, Fold, Receipt};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::error::PhoneError;
use crate::needs_you::NeedsYouId;
use crate::standing::Standing;

/// What a person meant, and when: all it takes to write it again.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    /// The commands of one change.
    pub(crate) commands: Vec<Command>,
    /// Device time, milliseconds since the Unix epoch.
    pub(crate) recorded_ms: i64,
    /// Clock offset at that time.
    pub(crate) offset_ms: Option<i64>,
}

/// An own change.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Its name in verdicts; see [`gridlog_protocol::item_digest`].
    pub(crate) item: Digest,
    /// Its Automerge hash.
    pub(crate) change: [u8; 32],
    /// The record it belongs to.
    pub(crate) record: RecordId,
    /// The actor that wrote it.
    pub(crate) actor: [u8; 16],
    /// What was meant.
    pub(crate) intent: Intent,
    /// 1, or 2 if it was written again after a refusal.
    pub(crate) attempt: u32,
    /// Where it stands.
    pub(crate) standing: Standing,
    /// Why, where the server said so.
    pub(crate) code: Option<String>,
}

const COLUMNS: &str =
    "item, change, record, actor, commands, recorded_ms, offset_ms, attempt, standing, code";

/// What is in the log by an actor of an earlier device is that device's business: no receipt of this
/// one counts it.
const COUNTS: &str = "NOT (standing = 'in_log'
    AND actor IN (SELECT actor FROM actors WHERE given_up = 1))";

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Item, PhoneError>> {
    let commands: String = row.get(4)?;
    let standing: String = row.get(8)?;
    let damaged = PhoneError::StoreDamaged {
        what: "change in the outbox",
    };
    let (Ok(commands), Some(standing)) = (
        serde_json::from_str(&commands),
        Standing::from_code(&standing),
    ) else {
        return Ok(Err(damaged));
    };
    Ok(Ok(Item {
        item: Digest(row.get(0)?),
        change: row.get(1)?,
        record: RecordId::from_bytes(row.get(2)?),
        actor: row.get(3)?,
        intent: Intent {
            commands,
            recorded_ms: row.get(5)?,
            offset_ms: row.get(6)?,
        },
        attempt: row.get(7)?,
        standing,
        code: row.get(9)?,
    }))
}

/// Commands as the store keeps them.
pub(crate) fn to_json(commands: &[Command]) -> Result<String, PhoneError> {
    serde_json::to_string(commands).map_err(|_| PhoneError::StoreDamaged { what: "command" })
}

/// Adds a change that was just recorded.
pub(crate) fn add(connection: &Connection, item: &Item) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "INSERT INTO outbox (item, change, record, actor, commands, recorded_ms, offset_ms,
                                 attempt, standing, code)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute((
            item.item.0,
            item.change,
            item.record.as_bytes(),
            item.actor,
            to_json(&item.intent.commands)?,
            item.intent.recorded_ms,
            item.intent.offset_ms,
            item.attempt,
            item.standing.code(),
            &item.code,
        ))?;
    Ok(())
}

/// A change that waits to be sent.
pub(crate) struct Unsent {
    /// Its name in verdicts.
    pub(crate) item: Digest,
    /// The record it belongs to.
    pub(crate) record: RecordId,
    /// The actor that wrote it.
    pub(crate) actor: [u8; 16],
    /// Clock offset when it was written.
    pub(crate) offset_ms: Option<i64>,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// What the server does not have, in the order in which it was written. `each` says whether to go
/// on.
pub(crate) fn unsent(
    connection: &Connection,
    mut each: impl FnMut(Unsent) -> bool,
) -> Result<(), PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT o.item, o.record, o.actor, o.offset_ms, c.bytes
         FROM outbox o JOIN changes c ON c.record = o.record AND c.hash = o.change
         WHERE o.standing = 'on_this_phone' ORDER BY o.position",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let more = each(Unsent {
            item: Digest(row.get(0)?),
            record: RecordId::from_bytes(row.get(1)?),
            actor: row.get(2)?,
            offset_ms: row.get(3)?,
            bytes: row.get(4)?,
        });
        if !more {
            break;
        }
    }
    Ok(())
}

/// Whether the bytes of a change are here, to be sent.
pub(crate) fn is_here(connection: &Connection, item: Digest) -> Result<bool, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM outbox o
             JOIN changes c ON c.record = o.record AND c.hash = o.change WHERE o.item = ?1)",
    )?;
    Ok(statement.query_row([item.0], |row| row.get(0))?)
}

/// Names of what the server has and has not decided, and of what it lost and may have again.
pub(crate) fn undecided_there(connection: &Connection) -> Result<Vec<Digest>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT item FROM outbox
         WHERE standing IN ('received', 'waiting', 'blocked', 'review', 'lost') ORDER BY position",
    )?;
    let rows = statement.query_map([], |row| Ok(Digest(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The record of the change of that name, and where it stands.
pub(crate) fn standing(
    connection: &Connection,
    item: Digest,
) -> Result<Option<(RecordId, Standing)>, PhoneError> {
    let mut statement =
        connection.prepare_cached("SELECT record, standing FROM outbox WHERE item = ?1")?;
    let found = statement.query_row([item.0], |row| {
        let standing = Standing::from_code(row.get_ref(1)?.as_str()?);
        Ok((RecordId::from_bytes(row.get(0)?), standing))
    });
    let damaged = PhoneError::StoreDamaged {
        what: "change in the outbox",
    };
    match found.optional()? {
        Some((record, standing)) => Ok(Some((record, standing.ok_or(damaged)?))),
        None => Ok(None),
    }
}

/// The change of that name.
pub(crate) fn by_item(connection: &Connection, item: Digest) -> Result<Option<Item>, PhoneError> {
    let sql = format!("SELECT {COLUMNS} FROM outbox WHERE item = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_row([item.0], read).optional()?.transpose()
}

/// The record's own changes, oldest first.
pub(crate) fn of_record(
    connection: &Connection,
    record: RecordId,
) -> Result<Vec<Item>, PhoneError> {
    let sql = format!("SELECT {COLUMNS} FROM outbox WHERE record = ?1 ORDER BY position");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([record.as_bytes()], read)?;
    rows.map(|row| row?).collect()
}

/// The change of that name and the record's own undecided ones after it.
pub(crate) fn undecided_from(
    connection: &Connection,
    item: &Item,
) -> Result<Vec<Item>, PhoneError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM outbox
         WHERE record = ?1 AND standing <> 'in_log'
           AND position >= (SELECT position FROM outbox WHERE item = ?2)
         ORDER BY position"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((item.record.as_bytes(), item.item.0), read)?;
    rows.map(|row| row?).collect()
}

/// Whether a change goes out, or went, that needed the worker under that id; see
/// [`Names::id`](super::refused::Names::id).
pub(crate) fn was_sent_again(connection: &Connection, id: NeedsYouId) -> Result<bool, PhoneError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM outbox WHERE item >= ?1 AND substr(item, 1, 16) = ?1")?;
    Ok(statement.exists([id.as_bytes()])?)
}

/// Sets where a change stands.
pub(crate) fn set_standing(
    connection: &Connection,
    item: Digest,
    standing: Standing,
    code: Option<&str>,
) -> Result<(), PhoneError> {
    connection
        .prepare_cached("UPDATE outbox SET standing = ?2, code = ?3 WHERE item = ?1")?
        .execute((item.0, standing.code(), code))?;
    Ok(())
}

/// The log has the change of that Automerge hash. Says whether it is an own one and that is news.
pub(crate) fn set_in_log(
    connection: &Connection,
    record: [u8; 16],
    change: [u8; 32],
) -> Result<bool, PhoneError> {
    let touched = connection
        .prepare_cached(
            "UPDATE outbox SET standing = 'in_log', code = NULL
             WHERE record = ?1 AND change = ?2 AND standing <> 'in_log'",
        )?
        .execute((record, change))?;
    Ok(touched > 0)
}

/// The log lost an own change, as far as is known here: the server is to be asked for it. False if it
/// is nobody's own.
pub(crate) fn doubt(
    connection: &Connection,
    record: RecordId,
    change: [u8; 32],
) -> Result<bool, PhoneError> {
    let doubted = connection.execute(
        "UPDATE outbox SET standing = 'received' WHERE record = ?1 AND change = ?2",
        (record.as_bytes(), change),
    )?;
    Ok(doubted > 0)
}

/// The log lacks some of the own changes that were known to be in it: the server is to be asked for
/// all of them.
pub(crate) fn doubt_all(connection: &Connection) -> Result<(), PhoneError> {
    let sql =
        format!("UPDATE outbox SET standing = 'received' WHERE standing = 'in_log' AND {COUNTS}");
    connection.execute(&sql, [])?;
    Ok(())
}

/// Notes an own change that a page brought and that this store did not know: the store was restored
/// from a copy.
pub(crate) fn add_known(
    connection: &Connection,
    (item, change): (Digest, [u8; 32]),
    record: RecordId,
    actor: [u8; 16],
    recorded_ms: i64,
) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO outbox (item, change, record, actor, commands, recorded_ms,
                                           offset_ms, attempt, standing, code)
             VALUES (?1, ?2, ?3, ?4, '[]', ?5, NULL, 1, 'in_log', NULL)",
        )?
        .execute((item.0, change, record.as_bytes(), actor, recorded_ms))?;
    Ok(())
}

/// In how many records changes of this device are in the log, and those changes counted and folded.
pub(crate) fn in_log(connection: &Connection) -> Result<Receipt, PhoneError> {
    let sql = format!("SELECT item, record FROM outbox WHERE standing = 'in_log' AND {COUNTS}");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut changes = Fold::default();
    let mut records = BTreeSet::new();
    while let Some(row) = rows.next()? {
        changes.add(Digest(row.get(0)?));
        records.insert(row.get::<_, [u8; 16]>(1)?);
    }
    Ok(Receipt {
        records: records.len() as u64,
        changes,
    })
}

/// Takes a change out; its intent lives on elsewhere.
pub(crate) fn remove(connection: &Connection, item: Digest) -> Result<(), PhoneError> {
    connection.execute("DELETE FROM outbox WHERE item = ?1", [item.0])?;
    Ok(())
}

/// Whether the record has own changes that are not in the log.
pub(crate) fn any_undecided(connection: &Connection, record: RecordId) -> Result<bool, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE record = ?1 AND standing <> 'in_log')
             OR EXISTS (SELECT 1 FROM needs_you WHERE record = ?1)",
    )?;
    Ok(statement.query_row([record.as_bytes()], |row| row.get(0))?)
}

/// The worst standing of the record's own changes.
pub(crate) fn worst(connection: &Connection, record: RecordId) -> Result<Standing, PhoneError> {
    let needs_you: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM needs_you WHERE record = ?1)")?
        .query_row([record.as_bytes()], |row| row.get(0))?;
    if needs_you {
        return Ok(Standing::NeedsYou);
    }
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT standing FROM outbox WHERE record = ?1")?;
    let codes = statement.query_map([record.as_bytes()], |row| row.get::<_, String>(0))?;
    let mut worst = Standing::InLog;
    for code in codes {
        worst = worst.max(Standing::from_code(&code?).unwrap_or(Standing::InLog));
    }
    Ok(worst)
}

/// How many own changes stand where.
pub(crate) fn counts(connection: &Connection) -> Result<Vec<(Standing, u64)>, PhoneError> {
    let sql = format!("SELECT standing, count(*) FROM outbox WHERE {COUNTS} GROUP BY standing");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let mut counts = Vec::new();
    for row in rows {
        let (code, count) = row?;
        if let Some(standing) = Standing::from_code(&code) {
            counts.push((standing, count));
        }
    }
    Ok(counts)
}
