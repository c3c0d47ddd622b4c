//! The log in SQLite.

use gridlog_domain::id::RecordId;
use gridlog_protocol::{Digest, entry_hash, reason};
use rusqlite::{OptionalExtension, Transaction, params};

use super::tallies::{self, PrintChanges};
use super::{days, facts, files, inbox, rows, timers};
use crate::store::batch::{Batch, Decision, NewEntry};
use crate::store::error::StoreError;
use crate::store::model::{Epoch, ItemStatus, LogHead, StoredEntry};

/// The hash of an entry; [`Digest::ZERO`] for number 0.
pub(super) fn hash(tx: &Transaction<'_>, seq: u64) -> Result<Digest, StoreError> {
    let mut query = tx.prepare_cached("SELECT hash FROM entries WHERE seq = ?1")?;
    let found = query
        .query_row(params![seq.cast_signed()], |row| row.get(0))
        .optional()?;
    Ok(found.map_or(Digest::ZERO, Digest))
}

pub(super) fn epochs(tx: &Transaction<'_>) -> Result<Vec<Epoch>, StoreError> {
    let mut query = tx.prepare_cached("SELECT epoch, base FROM epochs ORDER BY epoch")?;
    let rows = query.query_map([], |row| {
        Ok(Epoch {
            epoch: row.get::<_, i64>(0)?.cast_unsigned(),
            base: row.get::<_, i64>(1)?.cast_unsigned(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Entries up to this one are in a backup that is kept.
pub(super) fn backed_up_through(tx: &Transaction<'_>) -> Result<u64, StoreError> {
    let mut query = tx.prepare_cached("SELECT value FROM meta WHERE key = 'backed_up_through'")?;
    let found: Option<i64> = query.query_row([], |row| row.get(0)).optional()?;
    Ok(found.unwrap_or(0).cast_unsigned())
}

pub(super) fn note_backup(tx: &Transaction<'_>, seq: u64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('backed_up_through', ?1)",
        params![seq.cast_signed()],
    )?;
    Ok(())
}

pub(super) fn head(tx: &Transaction<'_>) -> Result<LogHead, StoreError> {
    let epoch: i64 = tx
        .prepare_cached("SELECT max(epoch) FROM epochs")?
        .query_row([], |row| row.get(0))?;
    let last: Option<(i64, [u8; 32])> = tx
        .prepare_cached("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (seq, hash) = last.unwrap_or((0, Digest::ZERO.0));
    Ok(LogHead {
        epoch: epoch.cast_unsigned(),
        seq: seq.cast_unsigned(),
        hash: Digest(hash),
    })
}

pub(super) fn commit(tx: &Transaction<'_>, batch: &Batch) -> Result<(), StoreError> {
    let found = head(tx)?;
    if found != batch.on {
        return Err(StoreError::Overtaken {
            expected: batch.on.seq,
            found: found.seq,
        });
    }
    let mut prints = PrintChanges::default();
    prints.before(tx, batch)?;
    if let Some(epoch) = batch.epoch {
        tx.execute(
            "INSERT INTO epochs (epoch, base) VALUES (?1, ?2)",
            params![epoch.cast_signed(), found.seq.cast_signed()],
        )?;
    }
    for entry in &batch.entries {
        append(tx, entry)?;
    }
    tallies::enter_changes(tx, &batch.changes)?;
    for change in &batch.changes {
        tx.prepare_cached(
            "INSERT INTO changes (record, seq, hash, actor, actor_seq, bytes, person)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            change.record.as_bytes(),
            change.seq.cast_signed(),
            change.hash.0,
            change.actor,
            change.actor_seq.cast_signed(),
            change.bytes,
            change.person
        ])?;
    }
    for ruling in &batch.rulings {
        tx.prepare_cached(
            "INSERT INTO rulings (record, proposal, seq, refused) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            ruling.record.as_bytes(),
            ruling.proposal,
            ruling.seq.cast_signed(),
            ruling.refused
        ])?;
    }
    for row in &batch.records {
        rows::put_record(tx, row)?;
    }
    facts::put(tx, &batch.records)?;
    files::put_references(tx, &batch.records)?;
    for (record, timer) in &batch.retimed {
        timers::set(tx, *record, *timer)?;
    }
    for (record, audience, since) in &batch.gained {
        tx.prepare_cached(
            "INSERT INTO record_audiences (record, audience, since) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET since = excluded.since",
        )?
        .execute(params![record.as_bytes(), audience, since.cast_signed()])?;
    }
    for (record, audience) in &batch.lost {
        tx.prepare_cached("DELETE FROM record_audiences WHERE record = ?1 AND audience = ?2")?
            .execute(params![record.as_bytes(), audience])?;
    }
    if !batch.erased.is_empty() {
        // Freed pages are overwritten, here where it matters; elsewhere it would only cost.
        tx.pragma_update(None, "secure_delete", true)?;
        for record in &batch.erased {
            tallies::forget_record(tx, *record)?;
            rows::erase(tx, *record)?;
        }
        tx.pragma_update(None, "secure_delete", false)?;
    }
    prints.after(tx, batch)?;
    mutated!(PrintsForgotten, (), prints.apply(tx)?);
    for (record, change) in &batch.released {
        inbox::release(tx, *record, *change)?;
    }
    batch
        .decisions
        .iter()
        .try_for_each(|decision| decide(tx, decision))
}

fn append(tx: &Transaction<'_>, entry: &NewEntry) -> Result<(), StoreError> {
    let read = gridlog_protocol::LogEntry::from_bytes(&entry.canonical).map_err(|_| {
        StoreError::Damaged {
            what: "new log entry",
            id: entry.seq.to_string(),
        }
    })?;
    tx.prepare_cached(
        "INSERT INTO entries (seq, record, at_ms, hash, canonical) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        entry.seq.cast_signed(),
        entry.record.as_bytes(),
        read.at_ms,
        entry_hash(&entry.canonical).0,
        entry.canonical
    ])?;
    days::enter(tx, &read)?;
    if matches!(read.fact, gridlog_protocol::Fact::Timer { .. }) {
        timers::note(tx, entry.record, entry.seq)?;
    }
    for audience in &entry.audiences {
        tx.prepare_cached("INSERT OR IGNORE INTO feed (audience, seq) VALUES (?1, ?2)")?
            .execute(params![audience, entry.seq.cast_signed()])?;
    }
    Ok(())
}

/// An admitted item's bytes live on as a change, and those of refused ones are kept within limits until
/// an office dismisses them; the inbox keeps every item's name and verdict.
fn decide(tx: &Transaction<'_>, decision: &Decision) -> Result<(), StoreError> {
    let (code, detail) = inbox::status_columns(&decision.status);
    let by = decision.office.as_ref().map(|office| office.by.as_str());
    let reason = decision
        .office
        .as_ref()
        .map(|office| office.reason.as_str());
    let is_dismissal = decision.is_dismissal();
    let is_clearance = by.is_some() && decision.status == ItemStatus::Received;
    let drops_bytes = match decision.status {
        ItemStatus::Admitted(_) => true,
        // What was erased must not come back by way of the quarantine.
        ItemStatus::Refused(ref code) if code == reason::ERASED => true,
        // What nobody will decide on any more is kept by its author's phone only.
        ItemStatus::Refused(_) if is_dismissal => true,
        ItemStatus::BlockedBy(root) => inbox::is_dismissed(tx, decision.item, root)?,
        ItemStatus::Refused(_) => !inbox::may_stay_in_quarantine(tx, decision.item)?,
        _ => false,
    };
    tx.prepare_cached(
        "UPDATE inbox SET status = ?2, detail = ?3,
             decided_by = coalesce(?4, decided_by),
             decision_reason = coalesce(?7, decision_reason),
             cleared_by = CASE WHEN ?5 THEN ?4 ELSE cleared_by END,
             dismissed = max(dismissed, ?6)
         WHERE item = ?1",
    )?
    .execute(params![
        decision.item.0,
        code,
        detail,
        by,
        is_clearance,
        is_dismissal,
        reason
    ])?;
    if drops_bytes && !matches!(decision.status, ItemStatus::Admitted(_)) {
        // It may say something of a resident, so nothing of it is left on the disk.
        tx.pragma_update(None, "secure_delete", true)?;
        inbox::drop_bytes(tx, decision.item)?;
        tx.pragma_update(None, "secure_delete", false)?;
    } else if drops_bytes {
        inbox::drop_bytes(tx, decision.item)?;
    }
    Ok(())
}

pub(super) fn entries(
    tx: &Transaction<'_>,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredEntry>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT seq, canonical FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let rows = query.query_map(
        params![after.cast_signed(), limit.cast_signed()],
        read_entry,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn record_entries(
    tx: &Transaction<'_>,
    id: RecordId,
) -> Result<Vec<StoredEntry>, StoreError> {
    let mut query =
        tx.prepare_cached("SELECT seq, canonical FROM entries WHERE record = ?1 ORDER BY seq")?;
    let rows = query.query_map(params![id.as_bytes()], read_entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn newest_entries(
    tx: &Transaction<'_>,
    id: RecordId,
    before: u64,
    limit: usize,
) -> Result<Vec<StoredEntry>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT seq, canonical FROM entries WHERE record = ?1 AND seq < ?2
         ORDER BY seq DESC LIMIT ?3",
    )?;
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let rows = query.query_map(
        params![id.as_bytes(), before, limit.cast_signed()],
        read_entry,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The entries that hold the rulings on a record and what the clock did to it, in order.
pub(super) fn rulings(tx: &Transaction<'_>, id: RecordId) -> Result<Vec<StoredEntry>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT seq, canonical FROM entries
         WHERE seq IN (SELECT seq FROM rulings WHERE record = ?1
             UNION ALL SELECT seq FROM timers WHERE record = ?1) ORDER BY seq",
    )?;
    let rows = query.query_map(params![id.as_bytes()], read_entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn entry(tx: &Transaction<'_>, seq: u64) -> Result<Option<StoredEntry>, StoreError> {
    let mut query = tx.prepare_cached("SELECT seq, canonical FROM entries WHERE seq = ?1")?;
    Ok(query
        .query_row(params![seq.cast_signed()], read_entry)
        .optional()?)
}

fn read_entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredEntry> {
    Ok(StoredEntry {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        canonical: row.get(1)?,
    })
}

pub(super) fn entry_time(tx: &Transaction<'_>, seq: u64) -> Result<Option<i64>, StoreError> {
    let mut query = tx.prepare_cached("SELECT at_ms FROM entries WHERE seq = ?1")?;
    Ok(query
        .query_row(params![seq.cast_signed()], |row| row.get(0))
        .optional()?)
}
