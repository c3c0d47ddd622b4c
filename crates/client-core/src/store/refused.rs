//! What needs the worker: refused twice, or impossible to write again.

use gridlog_domain::id::RecordId;
use gridlog_merge_guard::{Limits, receive};
use gridlog_protocol::Digest;
use rusqlite::{Connection, OptionalExtension, Row};

use super::changes;
use super::outbox::{Intent, to_json};
use crate::error::PhoneError;
use crate::needs_you::NeedsYouId;

/// A refused change that an office may still let in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// Its name in verdicts.
    pub(crate) item: Digest,
    /// Its Automerge hash.
    pub(crate) change: [u8; 32],
    /// The actor that wrote it.
    pub(crate) actor: [u8; 16],
}

impl Names {
    /// What the worker names it by: the same as often as it is sent back, so that it is known again after
    /// it was sent once more.
    pub(crate) fn id(&self) -> NeedsYouId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.item.0[..16]);
        NeedsYouId::from_bytes(id)
    }
}

/// One such item.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) id: NeedsYouId,
    pub(crate) record: RecordId,
    pub(crate) code: String,
    pub(crate) intent: Intent,
    /// The change's Automerge hash: it may come into the log after all, as others had it too. `None` in
    /// what a store kept before it kept this.
    pub(crate) change: Option<[u8; 32]>,
    /// The change itself; `None` if it is only good for being written again.
    pub(crate) names: Option<Names>,
}

const COLUMNS: &str = "id, record, code, commands, recorded_ms, offset_ms, item, change, actor";

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Refused, PhoneError>> {
    let commands: String = row.get(3)?;
    let Ok(commands) = serde_json::from_str(&commands) else {
        return Ok(Err(PhoneError::StoreDamaged {
            what: "refused change",
        }));
    };
    Ok(Ok(Refused {
        id: NeedsYouId::from_bytes(row.get(0)?),
        record: RecordId::from_bytes(row.get(1)?),
        code: row.get(2)?,
        intent: Intent {
            commands,
            recorded_ms: row.get(4)?,
            offset_ms: row.get(5)?,
        },
        change: row.get(7)?,
        names: match (row.get(6)?, row.get(7)?, row.get(8)?) {
            (Some(item), Some(change), Some(actor)) => Some(Names {
                item: Digest(item),
                change,
                actor,
            }),
            _ => None,
        },
    }))
}

/// Keeps one.
pub(crate) fn add(connection: &Connection, refused: &Refused) -> Result<(), PhoneError> {
    connection.execute(
        "INSERT INTO needs_you (id, record, code, commands, recorded_ms, offset_ms, item, change, actor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            refused.id.as_bytes(),
            refused.record.as_bytes(),
            &refused.code,
            to_json(&refused.intent.commands)?,
            refused.intent.recorded_ms,
            refused.intent.offset_ms,
            refused.names.map(|names| names.item.0),
            refused.change,
            refused.names.map(|names| names.actor),
        ),
    )?;
    Ok(())
}

/// The item of that id.
pub(crate) fn get(connection: &Connection, id: NeedsYouId) -> Result<Refused, PhoneError> {
    let sql = format!("SELECT {COLUMNS} FROM needs_you WHERE id = ?1");
    connection
        .query_row(&sql, [id.as_bytes()], read)
        .optional()?
        .ok_or(PhoneError::UnknownItem { item: id })?
}

/// The record's items, each after what it may build on: an operation's number is larger than those of all
/// that its author had seen. What is only good for being written again goes by when it was recorded.
pub(crate) fn of_record(
    connection: &Connection,
    record: RecordId,
) -> Result<Vec<Refused>, PhoneError> {
    let sql = format!("SELECT {COLUMNS} FROM needs_you WHERE record = ?1 ORDER BY recorded_ms, id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([record.as_bytes()], read)?;
    let mut written_anew = Vec::new();
    let mut as_they_were = Vec::new();
    for row in rows {
        let refused = row??;
        match refused.names {
            None => written_anew.push(refused),
            Some(names) => {
                let bytes = changes::get(connection, record, names.change)?;
                let header = receive(&bytes.unwrap_or_default(), &Limits::default());
                as_they_were.push((header.map_or(0, |header| header.start_op), refused));
            }
        }
    }
    as_they_were.sort_by_key(|(first_op, _)| *first_op);
    let as_they_were = as_they_were.into_iter().map(|(_, refused)| refused);
    Ok(as_they_were.chain(written_anew).collect())
}

/// The log has a change after all that was sent back: an office let it in, or a server that was put back
/// has it again from somebody else. Says whether it is one.
pub(crate) fn take_admitted(
    connection: &Connection,
    record: RecordId,
    change: [u8; 32],
) -> Result<bool, PhoneError> {
    let taken = connection
        .prepare_cached("DELETE FROM needs_you WHERE record = ?1 AND change = ?2")?
        .execute((record.as_bytes(), change))?;
    Ok(taken > 0)
}

/// One of the record's changes was let go: what was built on it can only be written again.
pub(crate) fn forget_names(connection: &Connection, record: RecordId) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE needs_you SET item = NULL, actor = NULL WHERE record = ?1",
        [record.as_bytes()],
    )?;
    Ok(())
}

/// Lets one go.
pub(crate) fn remove(connection: &Connection, id: NeedsYouId) -> Result<(), PhoneError> {
    connection.execute("DELETE FROM needs_you WHERE id = ?1", [id.as_bytes()])?;
    Ok(())
}

/// How many there are.
pub(crate) fn count(connection: &Connection) -> Result<u64, PhoneError> {
    Ok(connection.query_row("SELECT count(*) FROM needs_you", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_back_to_be_written_anew_is_done_with_once_the_log_has_it_from_somebody_else() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::store::migrate::migrate(&mut connection).unwrap();
        let (record, id) = (
            RecordId::from_bytes([1; 16]),
            NeedsYouId::from_bytes([2; 16]),
        );
        let intent = Intent {
            commands: Vec::new(),
            recorded_ms: 1,
            offset_ms: None,
        };
        let sent_back = Refused {
            id,
            record,
            code: "record_unopenable".to_owned(),
            intent,
            change: Some([3; 32]),
            names: None,
        };
        add(&connection, &sent_back).unwrap();
        assert!(!take_admitted(&connection, record, [4; 32]).unwrap());
        assert!(get(&connection, id).unwrap().names.is_none());
        assert!(take_admitted(&connection, record, [3; 32]).unwrap());
        assert_eq!(count(&connection).unwrap(), 0);
    }
}
