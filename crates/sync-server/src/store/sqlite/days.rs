//! What the close of a day needs, in SQLite.

use std::collections::BTreeMap;

use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_protocol::{Fact, LogEntry, Unsent};
use rusqlite::{OptionalExtension, Transaction, params};

use super::rows;
use crate::store::error::StoreError;
use crate::store::model::{ClosedDay, Device, DeviceStanding, RecordRow, StepCount};

/// Notes what an entry says of a day.
pub(super) fn enter(tx: &Transaction<'_>, entry: &LogEntry) -> Result<(), StoreError> {
    let (date, area, column) = match &entry.fact {
        Fact::DayClosed { date, area, .. } => (date, area, "closed"),
        Fact::DayReopened { date, area, .. } => (date, area, "reopened"),
        _ => return Ok(()),
    };
    tx.prepare_cached(&format!(
        "INSERT INTO days (date, area, {column}) VALUES (?1, ?2, ?3)
         ON CONFLICT (date, area) DO UPDATE SET {column} = ?3"
    ))?
    .execute(params![date, area, entry.seq.cast_signed()])?;
    Ok(())
}

pub(super) fn day(tx: &Transaction<'_>, date: &str, area: &str) -> Result<ClosedDay, StoreError> {
    let mut query =
        tx.prepare_cached("SELECT closed, reopened FROM days WHERE date = ?1 AND area = ?2")?;
    let found = query.query_row(params![date, area], |row| {
        Ok(ClosedDay {
            closed: row.get::<_, Option<i64>>(0)?.map(i64::cast_unsigned),
            reopened: row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned),
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

pub(super) fn note_unsent(
    tx: &Transaction<'_>,
    device: DeviceId,
    unsent: Unsent,
    at_ms: i64,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO unsent (device, at_ms, changes, sent_back) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        device.as_bytes(),
        at_ms,
        unsent.changes,
        unsent.sent_back
    ])?;
    Ok(())
}

/// Devices in use, with what they said last.
pub(super) fn devices(tx: &Transaction<'_>) -> Result<Vec<DeviceStanding>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT d.id, d.person, d.name, d.enrolled_ms, d.last_sync_ms,
             u.at_ms, u.changes, u.sent_back
         FROM devices d LEFT JOIN unsent u ON u.device = d.id
         WHERE d.revoked_ms IS NULL ORDER BY d.person, d.enrolled_ms",
    )?;
    let rows = query.query_map([], |row| {
        let told: Option<i64> = row.get(5)?;
        let unsent = match told {
            Some(at_ms) => Some((
                at_ms,
                Unsent {
                    changes: row.get(6)?,
                    sent_back: row.get(7)?,
                },
            )),
            None => None,
        };
        Ok(DeviceStanding {
            device: Device {
                id: DeviceId::from_bytes(row.get(0)?),
                person: PersonId::new(row.get::<_, String>(1)?),
                name: row.get(2)?,
                enrolled_ms: row.get(3)?,
                revoked_ms: None,
                last_sync_ms: row.get(4)?,
            },
            unsent,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Steps that were ruled on from one moment to another, by step; what came back after a restore had been
/// ruled on before.
pub(super) fn steps(
    tx: &Transaction<'_>,
    audience: &str,
    (from_ms, to_ms): (i64, i64),
) -> Result<BTreeMap<String, StepCount>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT e.canonical FROM entries e JOIN feed f ON f.seq = e.seq AND f.audience = ?1
         WHERE e.at_ms >= ?2 AND e.at_ms < ?3",
    )?;
    let mut rows = query.query(params![audience, from_ms, to_ms])?;
    let mut counts: BTreeMap<String, StepCount> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let canonical: Vec<u8> = row.get(0)?;
        let entry = LogEntry::from_bytes(&canonical).map_err(|_| StoreError::Damaged {
            what: "log entry",
            id: hex::encode(&canonical[..canonical.len().min(8)]),
        })?;
        if let (Fact::Ruling { step, refused, .. }, None) = (entry.fact, entry.origin) {
            let count = counts.entry(step).or_default();
            match refused {
                None => count.accepted += 1,
                Some(_) => count.refused += 1,
            }
        }
    }
    Ok(counts)
}

/// Cases of an audience of which the log says that they are overdue, that of the longest first.
pub(super) fn overdue(
    tx: &Transaction<'_>,
    audience: &str,
    limit: usize,
) -> Result<Vec<RecordRow>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT r.id FROM records r INDEXED BY records_overdue
             JOIN record_audiences a ON a.record = r.id AND a.audience = ?1
         WHERE r.state IS NOT NULL AND json_extract(r.state, '$.overdue_ms') IS NOT NULL
             AND r.archived = 0
             AND r.stage NOT IN (SELECT value FROM json_each(?2))
         ORDER BY json_extract(r.state, '$.overdue_ms') LIMIT ?3",
    )?;
    let done = rows::json_list(&crate::store::model::handled_stages());
    let ids = query.query_map(params![audience, done, limit.cast_signed()], |row| {
        row.get::<_, [u8; 16]>(0)
    })?;
    let mut found = Vec::new();
    for id in ids {
        found.extend(rows::record(tx, RecordId::from_bytes(id?))?);
    }
    Ok(found)
}
