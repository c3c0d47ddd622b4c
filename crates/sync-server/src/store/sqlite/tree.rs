//! The Merkle tree over the log, in SQLite.

use gridlog_proof::{Node, TreeError, TreeStore, appended};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::store::error::StoreError;

struct Nodes<'a>(&'a Transaction<'a>);

impl TreeStore for Nodes<'_> {
    type Error = StoreError;

    fn nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, StoreError> {
        nodes(self.0, numbers)
    }
}

pub(super) fn nodes(tx: &Transaction<'_>, numbers: &[u64]) -> Result<Vec<Node>, StoreError> {
    let mut query = tx.prepare_cached("SELECT hash FROM tree_nodes WHERE number = ?1")?;
    let node = |number: &u64| Ok(query.query_row([number.cast_signed()], |row| row.get(0))?);
    numbers.iter().map(node).collect()
}

fn size(tx: &Transaction<'_>) -> Result<u64, StoreError> {
    let mut query = tx.prepare_cached("SELECT value FROM meta WHERE key = 'tree_size'")?;
    let found: Option<i64> = query.query_row([], |row| row.get(0)).optional()?;
    Ok(found.unwrap_or(0).cast_unsigned())
}

/// Adds the nodes of at most `limit` entries.
pub(super) fn grow(tx: &Transaction<'_>, limit: usize) -> Result<u64, StoreError> {
    let mut covered = size(tx)?;
    let leaves: Vec<Node> = tx
        .prepare_cached("SELECT hash FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2")?
        .query_map(params![covered.cast_signed(), limit.cast_signed()], |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    let mut insert = tx.prepare_cached("INSERT INTO tree_nodes (number, hash) VALUES (?1, ?2)")?;
    for leaf in leaves {
        let (first, new) = appended(&Nodes(tx), covered, leaf).map_err(damaged)?;
        for (number, node) in (first..).zip(new) {
            insert.execute(params![number.cast_signed(), node])?;
        }
        covered += 1;
    }
    tx.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('tree_size', ?1)",
        [covered.cast_signed()],
    )?;
    Ok(covered)
}

fn damaged(error: TreeError<StoreError>) -> StoreError {
    match error {
        TreeError::Store(error) => error,
        other => StoreError::Damaged {
            what: "tree node",
            id: other.to_string(),
        },
    }
}
