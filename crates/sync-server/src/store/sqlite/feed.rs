//! Feeds in SQLite: what an audience may see after a cursor.

use std::collections::BTreeMap;

use gridlog_domain::id::RecordId;
use gridlog_protocol::{Fact, LogEntry};
use rusqlite::{Transaction, params};

use super::{log, rows};
use crate::store::error::StoreError;
use crate::store::model::{FeedQuery, FeedSlice, StoredEntry, TouchedRecord};

/// Since which entry a record is visible to one of the audiences; `None` if it is not.
pub(super) fn visible_since(
    tx: &Transaction<'_>,
    record: RecordId,
    audiences: &[String],
) -> Result<Option<u64>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT min(since) FROM record_audiences a, json_each(?2) mine
         WHERE a.record = ?1 AND a.audience = mine.value",
    )?;
    let audiences = serde_json::Value::from(audiences).to_string();
    let since: Option<i64> =
        query.query_row(params![record.as_bytes(), audiences], |row| row.get(0))?;
    Ok(since.map(i64::cast_unsigned))
}

pub(super) fn audiences_of(
    tx: &Transaction<'_>,
    record: RecordId,
) -> Result<Vec<String>, StoreError> {
    let mut query = tx.prepare_cached("SELECT audience FROM record_audiences WHERE record = ?1")?;
    let rows = query.query_map(params![record.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Numbers of the entries after `after` for any of the audiences, in order, each once.
fn numbers(tx: &Transaction<'_>, query: &FeedQuery) -> Result<Vec<u64>, StoreError> {
    let limit = query.max_entries.saturating_add(1).cast_signed();
    let mut numbers = Vec::new();
    for audience in &query.audiences {
        let mut select = tx.prepare_cached(
            "SELECT seq FROM feed WHERE audience = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        )?;
        let rows = select
            .query_map(params![audience, query.after.cast_signed(), limit], |row| {
                row.get::<_, i64>(0)
            })?;
        for row in rows {
            numbers.push(row?.cast_unsigned());
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

struct Slicer<'a> {
    tx: &'a Transaction<'a>,
    query: &'a FeedQuery,
    slice: FeedSlice,
    bytes: usize,
    visible: BTreeMap<RecordId, bool>,
}

pub(super) fn slice(tx: &Transaction<'_>, query: &FeedQuery) -> Result<FeedSlice, StoreError> {
    let head = log::head(tx)?;
    let mut numbers = numbers(tx, query)?;
    let cut = numbers.len() > query.max_entries;
    numbers.truncate(query.max_entries);
    let mut slicer = Slicer {
        tx,
        query,
        slice: FeedSlice {
            reached: query.after.min(head.seq),
            ..FeedSlice::default()
        },
        bytes: 0,
        visible: BTreeMap::new(),
    };
    for (index, seq) in numbers.iter().enumerate() {
        if slicer.bytes >= query.target_bytes {
            slicer.slice.more = true;
            return Ok(slicer.slice);
        }
        // An entry that cannot be read any more would stop every phone behind it.
        let entry = log::entry(tx, *seq)?.ok_or_else(|| StoreError::Damaged {
            what: "log entry",
            id: seq.to_string(),
        })?;
        slicer.take(entry)?;
        slicer.slice.reached = *seq;
        slicer.slice.more = cut && index + 1 == numbers.len();
    }
    if !slicer.slice.more {
        slicer.slice.reached = head.seq;
    }
    Ok(slicer.slice)
}

impl Slicer<'_> {
    fn take(&mut self, entry: StoredEntry) -> Result<(), StoreError> {
        let read = LogEntry::from_bytes(&entry.canonical).map_err(|_| StoreError::Damaged {
            what: "log entry",
            id: entry.seq.to_string(),
        })?;
        let record = RecordId::from_bytes(read.record.0);
        let visible = match self.visible.get(&record) {
            Some(visible) => *visible,
            None => self.touch(record)?,
        };
        if visible {
            self.bytes += entry.canonical.len();
            self.slice.entries.push(entry);
        } else if matches!(read.fact, Fact::Hidden { .. }) && !self.slice.gone.contains(&record) {
            self.slice.gone.push(record);
        }
        Ok(())
    }

    /// Takes up a record when its first entry comes by; whether it is visible at all.
    fn touch(&mut self, record: RecordId) -> Result<bool, StoreError> {
        let since = visible_since(self.tx, record, &self.query.audiences)?;
        self.visible.insert(record, since.is_some());
        let Some(since) = since else { return Ok(false) };
        let row = rows::record(self.tx, record)?.ok_or_else(|| StoreError::Damaged {
            what: "record",
            id: record.to_string(),
        })?;
        let whole = since > self.query.after;
        let after = if whole { 0 } else { self.query.after };
        let changes = rows::changes_after(self.tx, record, after)?;
        self.bytes += row.view.len()
            + changes
                .iter()
                .map(|change| change.bytes.len())
                .sum::<usize>();
        let rulings = if whole {
            log::rulings(self.tx, record)?
        } else {
            Vec::new()
        };
        self.slice.records.push(TouchedRecord {
            row,
            changes,
            whole,
            rulings,
        });
        Ok(true)
    }
}
