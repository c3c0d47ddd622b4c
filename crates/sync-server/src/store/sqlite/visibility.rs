//! Who sees which record on the phone, in SQLite.

use std::collections::BTreeMap;

use gridlog_domain::id::RecordId;
use rusqlite::{Transaction, params};

use crate::store::error::StoreError;
use crate::store::model::PrintedRecord;
use gridlog_protocol::Key;

/// How a record is visible.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// The first entry since which one of the audiences sees it.
    pub(super) since: u64,
    /// By which of the audiences, bit by bit.
    pub(super) by: u64,
}

/// Whether a record that has not left the phones is visible to one of the audiences.
pub(super) fn of(
    tx: &Transaction<'_>,
    record: RecordId,
    audiences: &[String],
) -> Result<Option<Seen>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT a.audience, a.since FROM record_audiences a JOIN records r ON r.id = a.record
         WHERE a.record = ?1 AND r.archived = 0",
    )?;
    let mut rows = query.query(params![record.as_bytes()])?;
    let mut seen: Option<Seen> = None;
    while let Some(row) = rows.next()? {
        let audience = row.get_ref(0)?.as_str().unwrap_or_default();
        let Some(place) = audiences.iter().position(|mine| mine == audience) else {
            continue;
        };
        let since = row.get::<_, i64>(1)?.cast_unsigned();
        let bit = 1_u64.checked_shl(u32::try_from(place).unwrap_or(u32::MAX));
        let before = seen.unwrap_or(Seen { since, by: 0 });
        seen = Some(Seen {
            since: before.since.min(since),
            by: before.by | bit.unwrap_or(0),
        });
    }
    Ok(seen)
}

/// Whether one of the audiences may see the record, on a phone or not.
pub(super) fn is_visible(
    tx: &Transaction<'_>,
    record: RecordId,
    audiences: &[String],
) -> Result<bool, StoreError> {
    Ok(audiences_of(tx, record)?
        .iter()
        .any(|audience| audiences.contains(audience)))
}

/// The audiences that a record has now.
pub(super) fn audiences_of(
    tx: &Transaction<'_>,
    record: RecordId,
) -> Result<Vec<String>, StoreError> {
    let mut query = tx.prepare_cached("SELECT audience FROM record_audiences WHERE record = ?1")?;
    let rows = query.query_map(params![record.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The first `limit` records after `after` that one of the audiences sees on its phone, in order.
pub(super) fn ids_after(
    tx: &Transaction<'_>,
    audiences: &[String],
    after: Option<RecordId>,
    limit: usize,
) -> Result<Vec<RecordId>, StoreError> {
    let after = after.map_or(Vec::new(), |after| after.as_bytes().to_vec());
    let mut ids = Vec::new();
    for audience in audiences {
        let mut query = tx.prepare_cached(
            "SELECT a.record FROM record_audiences a JOIN records r ON r.id = a.record
             WHERE a.audience = ?1 AND a.record > ?2 AND r.archived = 0
             ORDER BY a.record LIMIT ?3",
        )?;
        let rows = query.query_map(params![audience, after, limit.cast_signed()], |row| {
            Ok(RecordId::from_bytes(row.get(0)?))
        })?;
        for id in rows {
            ids.push(id?);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(limit);
    Ok(ids)
}

/// The prints of every record that one of the audiences sees on its phone, in the order of ids.
pub(super) fn prints(
    tx: &Transaction<'_>,
    audiences: &[String],
) -> Result<Vec<PrintedRecord>, StoreError> {
    let mut prints = BTreeMap::new();
    for audience in audiences {
        let mut query = tx.prepare_cached(
            "SELECT r.id, r.print, r.as_of
             FROM record_audiences a JOIN records r ON r.id = a.record
             WHERE a.audience = ?1 AND r.archived = 0",
        )?;
        let rows = query.query_map(params![audience], |row| {
            Ok(PrintedRecord {
                id: RecordId::from_bytes(row.get(0)?),
                print: Key(row.get(1)?),
                as_of: row.get::<_, i64>(2)?.cast_unsigned(),
            })
        })?;
        for printed in rows {
            let printed = printed?;
            prints.insert(printed.id, printed);
        }
    }
    Ok(prints.into_values().collect())
}
