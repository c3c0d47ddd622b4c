//! The inbox in SQLite.

use std::collections::BTreeSet;

use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_protocol::{Digest, reason};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::room::Rooms;
use crate::store::error::StoreError;
use crate::store::model::{
    HeldItems, InboxItem, ItemStatus, NewItem, QuarantinedItem, WaitingDevice,
};
use crate::store::{HELD_AT_LEAST, QUARANTINED_BYTES_PER_DEVICE};

const COLUMNS: &str = "arrival, item, record, change_hash, actor, actor_seq, device, person,
    received_ms, offset_ms, coalesce(bytes, x''), status, detail, cleared_by";

/// The two columns that hold a status.
pub(super) fn status_columns(status: &ItemStatus) -> (&'static str, Vec<u8>) {
    match status {
        ItemStatus::Received => ("received", Vec::new()),
        ItemStatus::Admitted(seq) => ("admitted", seq.to_be_bytes().to_vec()),
        ItemStatus::Waiting(missing) => ("waiting", missing.0.to_vec()),
        ItemStatus::BlockedBy(refused) => ("blocked_by", refused.0.to_vec()),
        ItemStatus::Review(reason) => ("review", reason.clone().into_bytes()),
        ItemStatus::Refused(code) => ("refused", code.clone().into_bytes()),
    }
}

fn read_status(status: &str, detail: &[u8]) -> Option<ItemStatus> {
    let text = || String::from_utf8(detail.to_vec()).ok();
    let digest = || detail.try_into().ok().map(Digest);
    Some(match status {
        "received" => ItemStatus::Received,
        "admitted" => ItemStatus::Admitted(u64::from_be_bytes(detail.try_into().ok()?)),
        "waiting" => ItemStatus::Waiting(digest()?),
        "blocked_by" => ItemStatus::BlockedBy(digest()?),
        "review" => ItemStatus::Review(text()?),
        "refused" => ItemStatus::Refused(text()?),
        _ => return None,
    })
}

pub(super) fn add(
    tx: &Transaction<'_>,
    new: &NewItem,
    rooms: &mut Rooms,
) -> Result<ItemStatus, StoreError> {
    if new.status != ItemStatus::Received
        && let Some(seq) = in_log(tx, new)?
    {
        return Ok(ItemStatus::Admitted(seq));
    }
    if let Some((known, device)) = stands(tx, new.item)? {
        if may_be_judged_anew(tx, new, &known)? {
            return judge_anew(tx, new);
        }
        let is_others = device != new.device && matches!(known, ItemStatus::Refused(_));
        if !is_others {
            return Ok(known);
        }
        if new.status != ItemStatus::Received {
            return Ok(new.status.clone());
        }
        forget(tx, new.item)?;
    }
    let status = if is_reused_number(tx, new)? {
        ItemStatus::Refused("actor_seq_reused".to_owned())
    } else {
        new.status.clone()
    };
    let (status, is_kept) = rooms.limit(tx, new, status)?;
    if is_kept {
        insert(tx, new, &status)?;
    }
    Ok(status)
}

/// The entry that admitted this very change. Who signed in again may not send what their device wrote before,
/// but a server that was put back may have it again already, from anybody who had it.
fn in_log(tx: &Transaction<'_>, new: &NewItem) -> Result<Option<u64>, StoreError> {
    let mut query = tx.prepare_cached("SELECT seq FROM changes WHERE record = ?1 AND hash = ?2")?;
    let hash = new.change.map(|change| change.0);
    let seq: Option<i64> = query
        .query_row(params![new.record.as_bytes(), hash], |row| row.get(0))
        .optional()?;
    Ok(seq.map(i64::cast_unsigned))
}

/// A worker tries again what was refused because of where they were not assigned: they may be by now.
/// It is the same change, so that an office which lets it in meanwhile lets in the words once. Who signed
/// in again since is another device, and hears what becomes of it. What an
/// office took off its list stays refused. What found no room among what is held may find it now.
fn may_be_judged_anew(
    tx: &Transaction<'_>,
    new: &NewItem,
    known: &ItemStatus,
) -> Result<bool, StoreError> {
    let may_be = [reason::AREA_NEVER_HELD, reason::TOO_MUCH_HELD];
    let is_open = |code: &String| may_be.contains(&code.as_str());
    let is_open = matches!(known, ItemStatus::Refused(code) if is_open(code));
    if !is_open || new.status != ItemStatus::Received {
        return Ok(false);
    }
    let mut query = tx.prepare_cached("SELECT 1 FROM inbox WHERE item = ?1 AND dismissed = 0")?;
    Ok(query.exists(params![new.item.0])?)
}

fn judge_anew(tx: &Transaction<'_>, new: &NewItem) -> Result<ItemStatus, StoreError> {
    tx.prepare_cached(
        "UPDATE inbox SET status = 'received', detail = x'', size = ?2, device = ?3, person = ?4,
             received_ms = ?5, offset_ms = ?6
         WHERE item = ?1",
    )?
    .execute(params![
        new.item.0,
        new.bytes.len().cast_signed(),
        new.device.as_bytes(),
        new.person.as_str(),
        new.received_ms,
        new.offset_ms,
    ])?;
    tx.prepare_cached(
        "INSERT OR IGNORE INTO inbox_bytes (arrival, bytes)
         SELECT arrival, ?2 FROM inbox WHERE item = ?1",
    )?
    .execute(params![new.item.0, new.bytes])?;
    Ok(ItemStatus::Received)
}

fn is_reused_number(tx: &Transaction<'_>, new: &NewItem) -> Result<bool, StoreError> {
    let Some((actor, seq)) = new.actor_seq else {
        return Ok(false);
    };
    let mut query = tx.prepare_cached(
        "SELECT 1 FROM inbox WHERE record = ?1 AND actor = ?2 AND actor_seq = ?3
         AND status <> 'refused'",
    )?;
    Ok(query.exists(params![new.record.as_bytes(), actor, seq.cast_signed()])?)
}

fn has_room_in_quarantine(tx: &Transaction<'_>, device: DeviceId) -> Result<bool, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT count(*) FROM inbox INDEXED BY inbox_quarantined_by_device
         WHERE device = ?1 AND status = 'refused' AND dismissed = 0 AND size > 0",
    )?;
    let kept: i64 = query.query_row(params![device.as_bytes()], |row| row.get(0))?;
    Ok(usize::try_from(kept).unwrap_or(usize::MAX) < QUARANTINED_BYTES_PER_DEVICE)
}

/// Lets the bytes of an item go.
pub(super) fn drop_bytes(tx: &Transaction<'_>, item: Digest) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM inbox_bytes WHERE arrival = (SELECT arrival FROM inbox WHERE item = ?1)",
    )?
    .execute(params![item.0])?;
    tx.prepare_cached("UPDATE inbox SET size = 0 WHERE item = ?1")?
        .execute(params![item.0])?;
    Ok(())
}

/// Whether an office dismissed the change on which an item builds.
pub(super) fn is_dismissed(
    tx: &Transaction<'_>,
    item: Digest,
    root: Digest,
) -> Result<bool, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT 1 FROM inbox WHERE change_hash = ?2 AND dismissed = 1
             AND record = (SELECT record FROM inbox WHERE item = ?1)",
    )?;
    Ok(query.exists(params![item.0, root.0])?)
}

/// Whether anything was ever pushed for a record.
pub(super) fn knows(tx: &Transaction<'_>, record: RecordId) -> Result<bool, StoreError> {
    let mut query = tx.prepare_cached("SELECT 1 FROM inbox WHERE record = ?1")?;
    Ok(query.exists(params![record.as_bytes()])?)
}

/// Lets go of everything that was pushed for a record: no office decides on it any more.
pub(super) fn erase(tx: &Transaction<'_>, record: RecordId) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM inbox_bytes WHERE arrival IN (SELECT arrival FROM inbox WHERE record = ?1)",
        params![record.as_bytes()],
    )?;
    tx.execute(
        "UPDATE inbox SET size = 0 WHERE record = ?1",
        params![record.as_bytes()],
    )?;
    tx.execute(
        "UPDATE inbox SET status = 'refused', detail = ?2, dismissed = 1
         WHERE record = ?1 AND status NOT IN ('received', 'admitted')",
        params![record.as_bytes(), reason::ERASED.as_bytes()],
    )?;
    Ok(())
}

/// Whether the bytes of an item that is being refused may be kept.
pub(super) fn may_stay_in_quarantine(
    tx: &Transaction<'_>,
    item: Digest,
) -> Result<bool, StoreError> {
    let device: Option<[u8; 16]> = tx
        .prepare_cached("SELECT device FROM inbox WHERE item = ?1")?
        .query_row(params![item.0], |row| row.get(0))
        .optional()?;
    device.map_or(Ok(true), |device| {
        has_room_in_quarantine(tx, DeviceId::from_bytes(device))
    })
}

fn insert(tx: &Transaction<'_>, new: &NewItem, status: &ItemStatus) -> Result<(), StoreError> {
    let (code, detail) = status_columns(status);
    let is_kept = code != "refused" || has_room_in_quarantine(tx, new.device)?;
    tx.prepare_cached(
        "INSERT INTO inbox (item, record, change_hash, actor, actor_seq, device, person,
             received_ms, offset_ms, status, detail, size)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        new.item.0,
        new.record.as_bytes(),
        new.change.map(|hash| hash.0),
        new.actor_seq.map(|(actor, _)| actor),
        new.actor_seq.map(|(_, seq)| seq.cast_signed()),
        new.device.as_bytes(),
        new.person.as_str(),
        new.received_ms,
        new.offset_ms,
        code,
        detail,
        if is_kept { new.bytes.len() } else { 0 }.cast_signed(),
    ])?;
    if is_kept && !new.bytes.is_empty() {
        tx.prepare_cached("INSERT INTO inbox_bytes (arrival, bytes) VALUES (?1, ?2)")?
            .execute(params![tx.last_insert_rowid(), new.bytes])?;
    }
    Ok(())
}

pub(super) fn status(tx: &Transaction<'_>, item: Digest) -> Result<Option<ItemStatus>, StoreError> {
    Ok(stands(tx, item)?.map(|(status, _)| status))
}

/// Where an item stands for a device. What was refused because somebody else had pushed it says nothing
/// of it.
pub(super) fn status_for(
    tx: &Transaction<'_>,
    asker: DeviceId,
    item: Digest,
) -> Result<Option<ItemStatus>, StoreError> {
    let found = stands(tx, item)?;
    let found = found
        .filter(|(status, device)| *device == asker || !matches!(status, ItemStatus::Refused(_)));
    Ok(found.map(|(status, _)| status))
}

/// Where an item stands, and the device that pushed it.
fn stands(
    tx: &Transaction<'_>,
    item: Digest,
) -> Result<Option<(ItemStatus, DeviceId)>, StoreError> {
    let mut query =
        tx.prepare_cached("SELECT status, detail, device FROM inbox WHERE item = ?1")?;
    let found = query
        .query_row(params![item.0], |row| {
            let device = DeviceId::from_bytes(row.get(2)?);
            Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?, device))
        })
        .optional()?;
    found
        .map(|(status, detail, device)| {
            let status = read_status(&status, &detail).ok_or_else(|| StoreError::Damaged {
                what: "item",
                id: item.to_string(),
            })?;
            Ok((status, device))
        })
        .transpose()
}

/// Forgets an item.
fn forget(tx: &Transaction<'_>, item: Digest) -> Result<(), StoreError> {
    drop_bytes(tx, item)?;
    tx.prepare_cached("DELETE FROM inbox WHERE item = ?1")?
        .execute(params![item.0])?;
    Ok(())
}

/// Of the records of these items, those that were erased.
pub(super) fn erased_records(
    tx: &Transaction<'_>,
    items: &[Digest],
) -> Result<Vec<RecordId>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT e.record FROM inbox i JOIN erased e ON e.record = i.record WHERE i.item = ?1",
    )?;
    let mut erased = BTreeSet::new();
    for item in items {
        let found: Option<[u8; 16]> = query
            .query_row(params![item.0], |row| row.get(0))
            .optional()?;
        erased.extend(found.map(RecordId::from_bytes));
    }
    Ok(erased.into_iter().collect())
}

pub(super) fn waiting_devices(tx: &Transaction<'_>) -> Result<Vec<WaitingDevice>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT device, count(*), min(arrival) FROM inbox INDEXED BY inbox_undecided_by_device
         WHERE status = 'received' GROUP BY device",
    )?;
    let rows = query.query_map([], |row| {
        Ok(WaitingDevice {
            device: DeviceId::from_bytes(row.get(0)?),
            items: usize::try_from(row.get::<_, i64>(1)?).unwrap_or(usize::MAX),
            first_arrival: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn undecided(
    tx: &Transaction<'_>,
    shares: &[(DeviceId, usize)],
    max_bytes: usize,
) -> Result<Vec<InboxItem>, StoreError> {
    let mut items = Vec::new();
    let mut left = max_bytes;
    for (at, (device, most)) in shares.iter().enumerate() {
        if left == 0 {
            break;
        }
        let share = left / (shares.len() - at);
        let of_device = first_of(tx, *device, *most, share)?;
        let taken: usize = of_device.iter().map(|item| item.pushed.bytes.len()).sum();
        left = left.saturating_sub(taken);
        items.extend(of_device);
    }
    Ok(items)
}

/// The first undecided items of a device, until they have `bytes` together.
fn first_of(
    tx: &Transaction<'_>,
    device: DeviceId,
    most: usize,
    bytes: usize,
) -> Result<Vec<InboxItem>, StoreError> {
    let mut query = tx.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM inbox INDEXED BY inbox_undecided_by_device
         LEFT JOIN inbox_bytes USING (arrival)
         WHERE status = 'received' AND device = ?1 ORDER BY arrival LIMIT ?2"
    ))?;
    let mut rows = query.query(params![device.as_bytes(), most.cast_signed()])?;
    let mut items: Vec<InboxItem> = Vec::new();
    let mut taken = 0;
    while let Some(row) = rows.next()? {
        let item = read(row)?;
        taken += item.pushed.bytes.len();
        items.push(item);
        if taken >= bytes {
            break;
        }
    }
    Ok(items)
}

pub(super) fn held_items(tx: &Transaction<'_>, device: DeviceId) -> Result<HeldItems, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT coalesce(sum(status = 'waiting'), 0), coalesce(sum(max(size, ?2)), 0)
         FROM inbox INDEXED BY inbox_held_by_device
         WHERE status IN ('waiting', 'blocked_by', 'review') AND device = ?1",
    )?;
    let least = HELD_AT_LEAST.cast_signed();
    let number = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(query.query_row(params![device.as_bytes(), least], |row| {
        Ok(HeldItems {
            waiting: number(row.get(0)?),
            bytes: number(row.get(1)?),
        })
    })?)
}

pub(super) fn holds_back(tx: &Transaction<'_>) -> Result<bool, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT 1 FROM inbox INDEXED BY inbox_held_back
         WHERE status IN ('waiting', 'blocked_by') LIMIT 1",
    )?;
    Ok(query.exists([])?)
}

pub(super) fn held_back_by(
    tx: &Transaction<'_>,
    record: RecordId,
    change: Digest,
    limit: usize,
) -> Result<Vec<InboxItem>, StoreError> {
    let held = "record = ?1 AND detail = ?2 AND status IN ('waiting', 'blocked_by')
        ORDER BY arrival LIMIT ?3";
    let limit = limit.cast_signed();
    select(tx, held, params![record.as_bytes(), change.0, limit])
}

/// What waits for the change, or is blocked by it, is undecided again.
pub(super) fn release(
    tx: &Transaction<'_>,
    record: RecordId,
    change: Digest,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE inbox SET status = 'received', detail = x''
         WHERE record = ?1 AND detail = ?2 AND status IN ('waiting', 'blocked_by')",
    )?
    .execute(params![record.as_bytes(), change.0])?;
    Ok(())
}

pub(super) fn item(tx: &Transaction<'_>, item: Digest) -> Result<Option<InboxItem>, StoreError> {
    Ok(select(tx, "item = ?1", params![item.0])?.pop())
}

pub(super) fn quarantine(
    tx: &Transaction<'_>,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<QuarantinedItem>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT arrival, item, record, change_hash, actor, actor_seq, device, person,
             received_ms, offset_ms, x'', status, detail, cleared_by, size
         FROM inbox
         WHERE status IN ('review', 'refused') AND dismissed = 0 AND arrival < ?1
         ORDER BY arrival DESC LIMIT ?2",
    )?;
    let before = before.unwrap_or(i64::MAX);
    let mut rows = query.query(params![before, limit.cast_signed()])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let item = read(row)?;
        items.push(QuarantinedItem {
            status: item.pushed.status.clone(),
            item,
            bytes: usize::try_from(row.get::<_, i64>(14)?).unwrap_or(usize::MAX),
        });
    }
    Ok(items)
}

pub(super) fn change_status(
    tx: &Transaction<'_>,
    record: RecordId,
    change: Digest,
) -> Result<Option<ItemStatus>, StoreError> {
    let held = "record = ?1 AND change_hash = ?2 ORDER BY arrival DESC LIMIT 1";
    let mut items = select(tx, held, params![record.as_bytes(), change.0])?;
    Ok(items.pop().map(|item| item.pushed.status))
}

fn select(
    tx: &Transaction<'_>,
    condition: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<InboxItem>, StoreError> {
    let mut query = tx.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM inbox LEFT JOIN inbox_bytes USING (arrival) WHERE {condition}"
    ))?;
    let rows = query.query_map(params, |row| Ok(read(row)))?;
    let mut items = Vec::new();
    for row in rows {
        items.push(row??);
    }
    Ok(items)
}

fn read(row: &Row<'_>) -> Result<InboxItem, StoreError> {
    let arrival: i64 = row.get(0)?;
    let damaged = || StoreError::Damaged {
        what: "item",
        id: arrival.to_string(),
    };
    let actor: Option<[u8; 16]> = row.get(4)?;
    let actor_seq: Option<i64> = row.get(5)?;
    let status: String = row.get(11)?;
    let detail: Vec<u8> = row.get(12)?;
    Ok(InboxItem {
        arrival,
        pushed: NewItem {
            item: Digest(row.get(1)?),
            record: RecordId::from_bytes(row.get(2)?),
            change: row.get::<_, Option<[u8; 32]>>(3)?.map(Digest),
            actor_seq: actor.zip(actor_seq.map(i64::cast_unsigned)),
            device: DeviceId::from_bytes(row.get(6)?),
            person: PersonId::new(row.get::<_, String>(7)?),
            received_ms: row.get(8)?,
            offset_ms: row.get(9)?,
            bytes: row.get(10)?,
            status: read_status(&status, &detail).ok_or_else(damaged)?,
        },
        cleared_by: row.get::<_, Option<String>>(13)?.map(PersonId::new),
    })
}
