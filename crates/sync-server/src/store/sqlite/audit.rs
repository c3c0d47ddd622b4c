//! A database read through, entry by entry.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Transaction};

use super::{SqliteStore, copies, log};
use crate::audit::{Audited, Auditor, Damage, Row};
use crate::store::error::StoreError;

/// Whatever stands in a column that should hold bytes.
fn bytes(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    })
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let has_change = !matches!(row.get_ref(5)?, ValueRef::Null);
    let change = match has_change {
        true => Some((bytes(row, 5)?, bytes(row, 6)?)),
        false => None,
    };
    Ok(Row {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        record: bytes(row, 1)?,
        at_ms: row.get::<_, i64>(2).unwrap_or(i64::MIN),
        hash: bytes(row, 3)?,
        canonical: bytes(row, 4)?,
        change,
        is_erased: row.get(7)?,
    })
}

const ENTRIES: &str = "SELECT e.seq, e.record, e.at_ms, e.hash, e.canonical, c.hash, c.bytes,
        EXISTS (SELECT 1 FROM erased WHERE erased.record = e.record)
     FROM entries e LEFT JOIN changes c ON c.record = e.record AND c.seq = e.seq
     ORDER BY e.seq";

/// Changes that no entry of their record stands for.
const STRAY: &str = "SELECT c.seq, c.record FROM changes c
     WHERE NOT EXISTS (SELECT 1 FROM entries e WHERE e.seq = c.seq AND e.record = c.record)";

fn audit(tx: &Transaction<'_>, found: &mut dyn FnMut(Damage)) -> Result<Audited, StoreError> {
    let covered: Option<i64> = tx
        .query_row("SELECT value FROM meta WHERE key = 'tree_size'", [], |r| {
            r.get(0)
        })
        .optional()?;
    // A tree has more nodes than entries; a number that was changed must not be counted to.
    let nodes: i64 = tx.query_row("SELECT count(*) FROM tree_nodes", [], |row| row.get(0))?;
    let covered = covered.unwrap_or(0).clamp(0, nodes).cast_unsigned();
    let mut one_node = tx.prepare("SELECT hash FROM tree_nodes WHERE number = ?1")?;
    let mut node = |number: u64| {
        let found = one_node.query_row([number.cast_signed()], |row| bytes(row, 0));
        Ok(found.optional()?)
    };
    let mut strays = Vec::new();
    let mut query = tx.prepare(STRAY)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        strays.push((row.get::<_, i64>(0)?.cast_unsigned(), bytes(row, 1)?));
    }
    let mut auditor = Auditor::new(covered, log::epochs(tx)?, &mut node, found);
    for (seq, record) in strays {
        auditor.stray_change(seq, &record);
    }
    let mut query = tx.prepare(ENTRIES)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        auditor.take(read(row)?)?;
    }
    auditor.end()
}

impl SqliteStore {
    /// Reads the whole log of a database, which a server may be serving, as it is at one moment; `found` is
    /// told every damage, in the order of entries. Nothing is written.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read as a database of this server's, or of an older one.
    pub fn audit_file(file: &Path, found: &mut dyn FnMut(Damage)) -> Result<Audited, StoreError> {
        let mut database = copies::read_only(file)?;
        copies::require_current(&database, file)?;
        audit(&database.transaction()?, found)
    }
}
