//! What is counted and folded as the log grows, so that a quiet exchange costs nothing: what of each
//! device is in the log, and the prints of what each audience sees.

use std::collections::BTreeMap;

use gridlog_domain::id::{DeviceId, RecordId};
use gridlog_protocol::{Digest, Fact, Fold, Key, LogEntry, Receipt, ScopePrint, item_digest};
use rusqlite::{OptionalExtension, Transaction, params};

use super::directory::NO_DEVICE;
use super::{rows, visibility};
use crate::store::batch::{Batch, NewChange};
use crate::store::error::StoreError;

/// What of a device is in the log.
pub(super) fn receipt(tx: &Transaction<'_>, device: DeviceId) -> Result<Receipt, StoreError> {
    let mut query =
        tx.prepare_cached("SELECT records, changes, names FROM receipts WHERE device = ?1")?;
    let found = query
        .query_row(params![device.as_bytes()], |row| {
            Ok(Receipt {
                records: row.get::<_, i64>(0)?.cast_unsigned(),
                changes: Fold {
                    count: row.get::<_, i64>(1)?.cast_unsigned(),
                    names: Digest(row.get(2)?),
                },
            })
        })
        .optional()?;
    Ok(found.unwrap_or(Receipt {
        records: 0,
        changes: Fold::default(),
    }))
}

fn put_receipt(
    tx: &Transaction<'_>,
    device: DeviceId,
    receipt: &Receipt,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO receipts (device, records, changes, names) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        device.as_bytes(),
        receipt.records.cast_signed(),
        receipt.changes.count.cast_signed(),
        receipt.changes.names.0
    ])?;
    Ok(())
}

fn device_of(tx: &Transaction<'_>, actor: [u8; 16]) -> Result<Option<DeviceId>, StoreError> {
    let mut query =
        tx.prepare_cached("SELECT device FROM actors WHERE actor = ?1 AND device <> ?2")?;
    Ok(query
        .query_row(params![actor, NO_DEVICE], |row| {
            Ok(DeviceId::from_bytes(row.get(0)?))
        })
        .optional()?)
}

/// Enters one change of a device into its receipt.
fn enter(
    tx: &Transaction<'_>,
    device: DeviceId,
    receipt: &mut Receipt,
    (record, bytes): (RecordId, &[u8]),
) -> Result<(), StoreError> {
    receipt
        .changes
        .add(item_digest(Key(*record.as_bytes()), bytes));
    let added = tx
        .prepare_cached("INSERT OR IGNORE INTO device_records (device, record) VALUES (?1, ?2)")?
        .execute(params![device.as_bytes(), record.as_bytes()])?;
    receipt.records += added as u64;
    Ok(())
}

/// Enters admitted changes into the receipts of the devices that wrote them.
pub(super) fn enter_changes(tx: &Transaction<'_>, changes: &[NewChange]) -> Result<(), StoreError> {
    let mut devices: BTreeMap<[u8; 16], Option<DeviceId>> = BTreeMap::new();
    let mut receipts: BTreeMap<DeviceId, Receipt> = BTreeMap::new();
    for change in changes {
        let device = match devices.get(&change.actor) {
            Some(device) => *device,
            None => {
                let device = device_of(tx, change.actor)?;
                devices.insert(change.actor, device);
                device
            }
        };
        let Some(device) = device else { continue };
        let mut of_device = match receipts.get(&device) {
            Some(known) => *known,
            None => receipt(tx, device)?,
        };
        enter(tx, device, &mut of_device, (change.record, &change.bytes))?;
        receipts.insert(device, of_device);
    }
    receipts
        .iter()
        .try_for_each(|(device, receipt)| put_receipt(tx, *device, receipt))
}

/// An actor joins a device: what it wrote counts for that device from here on. There is something
/// only after a restore that lost the actor and not its changes, or got them back.
pub(super) fn join_actor(
    tx: &Transaction<'_>,
    device: DeviceId,
    actor: [u8; 16],
) -> Result<(), StoreError> {
    let mut of_device = receipt(tx, device)?;
    let mut query = tx.prepare_cached("SELECT record, bytes FROM changes WHERE actor = ?1")?;
    let mut rows = query.query(params![actor])?;
    let mut any = false;
    while let Some(row) = rows.next()? {
        let record = RecordId::from_bytes(row.get(0)?);
        let bytes: Vec<u8> = row.get(1)?;
        enter(tx, device, &mut of_device, (record, &bytes))?;
        any = true;
    }
    if any {
        put_receipt(tx, device, &of_device)?;
    }
    Ok(())
}

/// Takes what devices wrote in a record out of their receipts, before the record is erased: a receipt
/// says what is in the log and can still be read.
pub(super) fn forget_record(tx: &Transaction<'_>, record: RecordId) -> Result<(), StoreError> {
    for change in rows::changes_after(tx, record, 0)? {
        let Some(device) = device_of(tx, change.actor)? else {
            continue;
        };
        let mut of_device = receipt(tx, device)?;
        let name = item_digest(Key(*record.as_bytes()), &change.bytes);
        of_device.changes.remove(name);
        let removed = tx
            .prepare_cached("DELETE FROM device_records WHERE device = ?1 AND record = ?2")?
            .execute(params![device.as_bytes(), record.as_bytes()])?;
        of_device.records = of_device.records.saturating_sub(removed as u64);
        put_receipt(tx, device, &of_device)?;
    }
    Ok(())
}

/// The folded prints of what the audiences see.
pub(super) fn scope(tx: &Transaction<'_>, audiences: &[String]) -> Result<ScopePrint, StoreError> {
    let mut scope = ScopePrint::EMPTY;
    let mut query = tx.prepare_cached("SELECT print FROM scope_prints WHERE audience = ?1")?;
    for audience in audiences {
        let found: Option<[u8; 16]> = query
            .query_row(params![audience], |row| row.get(0))
            .optional()?;
        if let Some(print) = found {
            scope.add(Key(print), 1);
        }
    }
    Ok(scope)
}

/// By how much the prints of audiences change.
#[derive(Default)]
pub(super) struct PrintChanges(BTreeMap<String, ScopePrint>);

impl PrintChanges {
    /// Takes out what the records of a batch count for, before it is carried out.
    pub(super) fn before(&mut self, tx: &Transaction<'_>, batch: &Batch) -> Result<(), StoreError> {
        self.note(tx, batch, ScopePrint::remove)
    }

    /// Adds what they count for after it.
    pub(super) fn after(&mut self, tx: &Transaction<'_>, batch: &Batch) -> Result<(), StoreError> {
        self.note(tx, batch, add_once)
    }

    fn note(
        &mut self,
        tx: &Transaction<'_>,
        batch: &Batch,
        how: fn(&mut ScopePrint, Key),
    ) -> Result<(), StoreError> {
        let mut ids: Vec<RecordId> = batch.records.iter().map(|row| row.id).collect();
        ids.extend(&batch.erased);
        ids.extend(batch.gained.iter().map(|(id, ..)| *id));
        ids.extend(batch.lost.iter().map(|(id, _)| *id));
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
            .try_for_each(|id| self.note_record(tx, id, how))
    }

    fn note_record(
        &mut self,
        tx: &Transaction<'_>,
        id: RecordId,
        how: fn(&mut ScopePrint, Key),
    ) -> Result<(), StoreError> {
        let mut query =
            tx.prepare_cached("SELECT print FROM records WHERE id = ?1 AND archived = 0")?;
        let print: Option<[u8; 16]> = query
            .query_row(params![id.as_bytes()], |row| row.get(0))
            .optional()?;
        let Some(print) = print else { return Ok(()) };
        for audience in visibility::audiences_of(tx, id)? {
            let scope = self.0.entry(audience).or_insert(ScopePrint::EMPTY);
            how(scope, Key(print));
        }
        Ok(())
    }

    /// Carries it out.
    pub(super) fn apply(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        for (audience, change) in self.0 {
            let mut print = scope(tx, std::slice::from_ref(&audience))?;
            print.add(Key(change.0), 1);
            tx.prepare_cached(
                "INSERT OR REPLACE INTO scope_prints (audience, print) VALUES (?1, ?2)",
            )?
            .execute(params![audience, print.0])?;
        }
        Ok(())
    }
}

fn add_once(scope: &mut ScopePrint, print: Key) {
    scope.add(print, 1);
}

/// Makes the prints and receipts of a database that was written before there were any.
pub(super) fn backfill(tx: &Transaction<'_>) -> Result<(), StoreError> {
    for row in rows::all(tx)? {
        tx.execute(
            "UPDATE records SET print = ?2 WHERE id = ?1",
            params![row.id.as_bytes(), row.print().0],
        )?;
        let mut changes = PrintChanges::default();
        changes.note_record(tx, row.id, add_once)?;
        changes.apply(tx)?;
    }
    name_writers(tx)?;
    let mut query = tx.prepare("SELECT device, actor FROM actors")?;
    let actors = query.query_map([], |row| {
        Ok((
            DeviceId::from_bytes(row.get(0)?),
            row.get::<_, [u8; 16]>(1)?,
        ))
    })?;
    for actor in actors {
        let (device, actor) = actor?;
        join_actor(tx, device, actor)?;
    }
    Ok(())
}

/// Who wrote each change, as the entry says that admitted it.
fn name_writers(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let mut query = tx.prepare(
        "SELECT c.rowid, e.seq, e.canonical FROM changes c JOIN entries e ON e.seq = c.seq",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (id, seq, canonical): (i64, i64, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let entry = LogEntry::from_bytes(&canonical).map_err(|_| StoreError::Damaged {
            what: "log entry",
            id: seq.to_string(),
        })?;
        if let Fact::Admit { by, .. } = entry.fact {
            tx.prepare_cached("UPDATE changes SET person = ?2 WHERE rowid = ?1")?
                .execute(params![id, by])?;
        }
    }
    Ok(())
}
