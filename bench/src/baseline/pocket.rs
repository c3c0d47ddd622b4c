//! A phone's database: SQLite, write-ahead log, synced to the disk with every commit.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::BaselineError;
use super::wire::{Change, Fields, Page};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, fields TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id     TEXT NOT NULL,
    at_ms  INTEGER NOT NULL,
    fields TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS outbox_by_record ON outbox (id);
CREATE TABLE IF NOT EXISTS state (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    token  TEXT,
    cursor INTEGER NOT NULL
);
INSERT OR IGNORE INTO state (only, cursor) VALUES (1, 0);
";

/// Most changes in one request.
const PUSH: i64 = 500;

/// The open database.
pub(super) struct Pocket(Connection);

/// What is sent in one request.
pub(super) struct Unsent {
    /// The number of the last of them in the outbox.
    last: i64,
    pub(super) changes: Vec<Change>,
}

impl Pocket {
    pub(super) fn open(path: &Path) -> Result<Self, BaselineError> {
        let connection = Connection::open(path)?;
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    /// What the server knows the phone by, once it does.
    pub(super) fn token(&self) -> Result<Option<String>, BaselineError> {
        let token = self
            .0
            .query_row("SELECT token FROM state", [], |row| row.get(0));
        Ok(token?)
    }

    pub(super) fn set_token(&self, token: &str) -> Result<(), BaselineError> {
        self.0.execute("UPDATE state SET token = ?1", [token])?;
        Ok(())
    }

    /// How far it has pulled.
    pub(super) fn cursor(&self) -> Result<i64, BaselineError> {
        Ok(self
            .0
            .query_row("SELECT cursor FROM state", [], |row| row.get(0))?)
    }

    /// Writes down what somebody wrote: a new record or fields of one. It is on the disk when this
    /// returns.
    pub(super) fn write(&mut self, change: &Change) -> Result<(), BaselineError> {
        let tx = self
            .0
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut fields = fields_of(&tx, &change.id)?.unwrap_or_default();
        fields.extend(change.fields.clone());
        put(&tx, &change.id, &fields)?;
        tx.prepare_cached("INSERT INTO outbox (id, at_ms, fields) VALUES (?1, ?2, ?3)")?
            .execute((
                &change.id,
                change.at_ms,
                serde_json::to_string(&change.fields)?,
            ))?;
        tx.commit()?;
        Ok(())
    }

    /// What is to be sent next; `None` if all is sent.
    pub(super) fn unsent(&self) -> Result<Option<Unsent>, BaselineError> {
        let mut statement = self.0.prepare_cached(
            "SELECT number, id, at_ms, fields FROM outbox ORDER BY number LIMIT ?1",
        )?;
        let mut rows = statement.query([PUSH])?;
        let mut unsent = Unsent {
            last: 0,
            changes: Vec::new(),
        };
        while let Some(row) = rows.next()? {
            unsent.last = row.get(0)?;
            let fields: String = row.get(3)?;
            unsent.changes.push(Change {
                id: row.get(1)?,
                at_ms: row.get(2)?,
                fields: serde_json::from_str(&fields)?,
            });
        }
        Ok((!unsent.changes.is_empty()).then_some(unsent))
    }

    /// The server has it.
    pub(super) fn sent(&self, unsent: &Unsent) -> Result<(), BaselineError> {
        self.0
            .execute("DELETE FROM outbox WHERE number <= ?1", [unsent.last])?;
        Ok(())
    }

    /// How much is not sent.
    pub(super) fn unsent_count(&self) -> Result<i64, BaselineError> {
        Ok(self
            .0
            .query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))?)
    }

    /// Takes a page, in one transaction. What was written here and not sent yet stands above it.
    pub(super) fn take(&mut self, page: Page) -> Result<(), BaselineError> {
        let tx = self
            .0
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for record in page.records {
            let mut fields = record.fields;
            for own in own_writes(&tx, &record.id)? {
                fields.extend(serde_json::from_str::<Fields>(&own)?);
            }
            put(&tx, &record.id, &fields)?;
        }
        tx.execute("UPDATE state SET cursor = ?1", [page.cursor])?;
        tx.commit()?;
        Ok(())
    }

    /// What a record says; `None` if it is not here.
    pub(super) fn show(&self, id: &str) -> Result<Option<Fields>, BaselineError> {
        fields_of(&self.0, id)
    }

    /// How many records are here.
    pub(super) fn count(&self) -> Result<i64, BaselineError> {
        Ok(self
            .0
            .query_row("SELECT count(*) FROM records", [], |row| row.get(0))?)
    }
}

fn own_writes(tx: &Transaction<'_>, id: &str) -> Result<Vec<String>, BaselineError> {
    let mut statement =
        tx.prepare_cached("SELECT fields FROM outbox WHERE id = ?1 ORDER BY number")?;
    let rows = statement.query_map([id], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn fields_of(connection: &Connection, id: &str) -> Result<Option<Fields>, BaselineError> {
    let mut statement = connection.prepare_cached("SELECT fields FROM records WHERE id = ?1")?;
    let found: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
    Ok(found
        .map(|fields| serde_json::from_str(&fields))
        .transpose()?)
}

fn put(tx: &Transaction<'_>, id: &str, fields: &Fields) -> Result<(), BaselineError> {
    tx.prepare_cached(
        "INSERT INTO records (id, fields) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET fields = excluded.fields",
    )?
    .execute((id, serde_json::to_string(fields)?))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: serde_json::Value) -> Fields {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_was_written_here_stands_above_a_page_until_it_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let mut pocket = Pocket::open(&folder.path().join("pocket.db")).unwrap();
        let own = Change {
            id: "r".to_owned(),
            at_ms: 5,
            fields: fields(json!({"title": "own"})),
        };
        pocket.write(&own).unwrap();
        let page = || Page {
            cursor: 7,
            more: false,
            records: vec![super::super::wire::Record {
                id: "r".to_owned(),
                fields: fields(json!({"title": "theirs", "grid": "east"})),
            }],
        };
        pocket.take(page()).unwrap();
        assert_eq!(
            pocket.show("r").unwrap().unwrap(),
            fields(json!({"title": "own", "grid": "east"}))
        );
        let unsent = pocket.unsent().unwrap().unwrap();
        assert_eq!(unsent.changes, [own]);
        pocket.sent(&unsent).unwrap();
        assert_eq!(pocket.unsent_count().unwrap(), 0);
        pocket.take(page()).unwrap();
        assert_eq!(pocket.show("r").unwrap().unwrap()["title"], "theirs");
        assert_eq!((pocket.cursor().unwrap(), pocket.count().unwrap()), (7, 1));
    }
}
