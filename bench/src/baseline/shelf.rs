//! The server's database: SQLite, write-ahead log, synced to the disk with every commit.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};

use super::BaselineError;
use super::merge::{Kept, Stamp};
use super::wire::{Change, Fields, GRID};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS devices (
    number INTEGER PRIMARY KEY,
    token  TEXT NOT NULL UNIQUE,
    grid   TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS records (
    id          TEXT PRIMARY KEY,
    grid        TEXT NOT NULL,
    version     INTEGER NOT NULL UNIQUE,
    only_by     INTEGER,
    made_ms     INTEGER NOT NULL,
    made_by     INTEGER NOT NULL,
    since       TEXT NOT NULL,
    fields      TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_grid ON records (grid, version);
";

/// Most records in a page.
const PAGE: i64 = 500;

/// A phone that the server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Device {
    number: i64,
    grid: String,
}

/// The open database: one connection writes, others read.
pub(super) struct Shelf {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Shelf {
    pub(super) fn open(path: &Path) -> Result<Self, BaselineError> {
        let writer = connect(path)?;
        writer.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        writer.execute_batch(SCHEMA)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::default(),
        })
    }

    /// Takes a new phone in.
    pub(super) fn add_device(&self, token: &str, grid: &str) -> Result<(), BaselineError> {
        lock(&self.writer).execute(
            "INSERT INTO devices (token, grid) VALUES (?1, ?2)",
            (token, grid),
        )?;
        Ok(())
    }

    /// The phone that shows that token.
    pub(super) fn device(&self, token: &str) -> Result<Option<Device>, BaselineError> {
        self.read(|reading| {
            let mut statement =
                reading.prepare_cached("SELECT number, grid FROM devices WHERE token = ?1")?;
            let found = statement.query_row([token], |row| {
                Ok(Device {
                    number: row.get(0)?,
                    grid: row.get(1)?,
                })
            });
            Ok(found.optional()?)
        })
    }

    /// Takes what a phone pushed, in one transaction; it is on the disk when this returns.
    pub(super) fn take(&self, device: &Device, changes: Vec<Change>) -> Result<(), BaselineError> {
        let mut writer = lock(&self.writer);
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut version = head(&tx)?;
        for change in changes {
            version += 1;
            take_one(&tx, device, change, version)?;
        }
        tx.commit()?;
        Ok(())
    }

    /// A page of what is new to a phone, as JSON: see [`super::wire::Page`].
    pub(super) fn page(&self, device: &Device, after: i64) -> Result<Vec<u8>, BaselineError> {
        self.read(|reading| {
            let head = head(reading)?;
            // A phone that alone wrote a record has it already.
            let mut statement = reading.prepare_cached(
                "SELECT version, id, fields FROM records
                 WHERE grid = ?1 AND version > ?2 AND only_by IS NOT ?3
                 ORDER BY version LIMIT ?4",
            )?;
            let mut rows = statement.query((&device.grid, after, device.number, PAGE))?;
            let (mut records, mut count, mut last) = (String::new(), 0, after);
            while let Some(row) = rows.next()? {
                if count > 0 {
                    records.push(',');
                }
                last = row.get(0)?;
                push_record(&mut records, row)?;
                count += 1;
            }
            let more = count == PAGE;
            let cursor = if more { last } else { head };
            Ok(
                format!(r#"{{"cursor":{cursor},"more":{more},"records":[{records}]}}"#)
                    .into_bytes(),
            )
        })
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, BaselineError>,
    ) -> Result<T, BaselineError> {
        let idle = lock(&self.readers).pop();
        let mut reader = idle.map_or_else(|| connect(&self.path), Ok)?;
        let snapshot = reader.transaction()?;
        let done = work(&snapshot)?;
        drop(snapshot);
        lock(&self.readers).push(reader);
        Ok(done)
    }
}

/// The fields are stored as an object, so the id goes in after its first brace.
fn push_record(records: &mut String, row: &Row<'_>) -> Result<(), BaselineError> {
    let id: String = row.get(1)?;
    let fields: String = row.get(2)?;
    let rest = fields.strip_prefix('{').unwrap_or_default();
    let comma = if rest == "}" { "" } else { "," };
    records.push_str(&format!(
        r#"{{"id":{}{comma}{rest}"#,
        serde_json::to_string(&id)?
    ));
    Ok(())
}

fn take_one(
    tx: &Transaction<'_>,
    device: &Device,
    change: Change,
    version: i64,
) -> Result<(), BaselineError> {
    let id = change.id.clone();
    let standing = find(tx, &id)?;
    let (kept, only_by) = match standing {
        None => (Kept::new(change, device.number), Some(device.number)),
        Some((mut kept, only_by)) => {
            if !kept.take(change, device.number) {
                return Ok(());
            }
            (kept, only_by.filter(|only| *only == device.number))
        }
    };
    let grid = kept.fields.get(GRID).and_then(|grid| grid.as_str());
    let mut statement = tx.prepare_cached(
        "INSERT INTO records (id, grid, version, only_by, made_ms, made_by, since, fields)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (id) DO UPDATE SET
            grid = excluded.grid, version = excluded.version, only_by = excluded.only_by,
            since = excluded.since, fields = excluded.fields",
    )?;
    statement.execute((
        &id,
        grid.unwrap_or(&device.grid),
        version,
        only_by,
        kept.made.0,
        kept.made.1,
        serde_json::to_string(&kept.since)?,
        serde_json::to_string(&kept.fields)?,
    ))?;
    Ok(())
}

type Found = Option<(Kept, Option<i64>)>;

fn find(tx: &Transaction<'_>, id: &str) -> Result<Found, BaselineError> {
    let mut statement = tx.prepare_cached(
        "SELECT fields, made_ms, made_by, since, only_by FROM records WHERE id = ?1",
    )?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let fields: String = row.get(0)?;
    let since: String = row.get(3)?;
    let kept = Kept {
        fields: serde_json::from_str::<Fields>(&fields)?,
        made: Stamp(row.get(1)?, row.get(2)?),
        since: serde_json::from_str(&since)?,
    };
    Ok(Some((kept, row.get(4)?)))
}

/// The version that was given last.
fn head(reading: &Connection) -> Result<i64, BaselineError> {
    let mut statement = reading.prepare_cached("SELECT coalesce(max(version), 0) FROM records")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

fn connect(path: &Path) -> Result<Connection, BaselineError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(15))?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

/// A transaction that is not committed is rolled back, so a panic leaves nothing half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::wire::Page;
    use super::*;

    fn change(id: &str, at_ms: i64, fields: serde_json::Value) -> Change {
        Change {
            id: id.to_owned(),
            at_ms,
            fields: serde_json::from_value(fields).unwrap(),
        }
    }

    /// A shelf with two phones of one grid and one of another.
    fn shelf() -> (tempfile::TempDir, Shelf, [Device; 3]) {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(&folder.path().join("shelf.db")).unwrap();
        let devices = [("a", "east"), ("b", "east"), ("c", "west")].map(|(token, grid)| {
            shelf.add_device(token, grid).unwrap();
            shelf.device(token).unwrap().unwrap()
        });
        (folder, shelf, devices)
    }

    fn page(shelf: &Shelf, device: &Device, after: i64) -> Page {
        serde_json::from_slice(&shelf.page(device, after).unwrap()).unwrap()
    }

    #[test]
    fn a_phone_gets_what_is_new_in_its_grid_and_nothing_twice() {
        let (_folder, shelf, [a, b, c]) = shelf();
        let record = change("r1", 1, json!({"grid": "east", "title": "\"旧\""}));
        shelf.take(&a, vec![record]).unwrap();
        let first = page(&shelf, &b, 0);
        assert_eq!(first.records[0].id, "r1");
        assert_eq!(first.records[0].fields["title"], "\"旧\"");
        assert!(page(&shelf, &b, first.cursor).records.is_empty());
        let elsewhere = page(&shelf, &c, 0);
        assert!(elsewhere.records.is_empty());
        assert_eq!(elsewhere.cursor, first.cursor);
    }

    #[test]
    fn a_phone_is_not_sent_what_only_it_wrote_but_is_sent_what_another_changed_in_it() {
        let (_folder, shelf, [a, b, _]) = shelf();
        let record = change("r1", 1, json!({"grid": "east", "title": "t"}));
        shelf.take(&a, vec![record]).unwrap();
        shelf
            .take(&a, vec![change("r1", 2, json!({"title": "u"}))])
            .unwrap();
        let own = page(&shelf, &a, 0);
        assert!(own.records.is_empty());
        shelf
            .take(&b, vec![change("r1", 3, json!({"title": "v"}))])
            .unwrap();
        let merged = page(&shelf, &a, own.cursor);
        assert_eq!(merged.records[0].fields["title"], "v");
        assert_eq!(page(&shelf, &b, own.cursor).records.len(), 1);
    }

    #[test]
    fn many_records_come_in_pages_and_all_of_them_come() {
        let (_folder, shelf, [a, b, _]) = shelf();
        let records = (0..1_201).map(|n| change(&format!("r{n}"), 1, json!({"grid": "east"})));
        shelf.take(&a, records.collect()).unwrap();
        let (mut after, mut count, mut pages) = (0, 0, 0);
        loop {
            let page = page(&shelf, &b, after);
            (after, count, pages) = (page.cursor, count + page.records.len(), pages + 1);
            if !page.more {
                break;
            }
        }
        assert_eq!((count, pages, after), (1_201, 3, 1_201));
    }

    #[test]
    fn a_token_that_was_never_given_is_nobodys() {
        let (_folder, shelf, _) = shelf();
        assert_eq!(shelf.device("d").unwrap(), None);
    }
}
