//! How much room is left in the inbox for what a device pushes: counted once for all that is pushed
//! together.

use std::collections::BTreeMap;

use gridlog_domain::id::DeviceId;
use gridlog_protocol::reason;
use rusqlite::{Transaction, params};

use crate::store::error::StoreError;
use crate::store::model::{ItemStatus, NewItem};
use crate::store::{
    REFUSED_PER_DEVICE, REFUSED_WITHIN_MS, UNDECIDED_BYTES_PER_DEVICE, UNDECIDED_PER_DEVICE,
};

/// What there is of the devices that push together.
#[derive(Debug, Default)]
pub(super) struct Rooms(BTreeMap<DeviceId, Room>);

/// What there is of one device.
#[derive(Debug, Clone, Copy)]
struct Room {
    refused: usize,
    undecided: usize,
    bytes: usize,
}

impl Rooms {
    /// Where a new item goes that would go to `status`, and whether a row of it is kept.
    pub(super) fn limit(
        &mut self,
        tx: &Transaction<'_>,
        new: &NewItem,
        status: ItemStatus,
    ) -> Result<(ItemStatus, bool), StoreError> {
        let room = match self.0.get_mut(&new.device) {
            Some(room) => room,
            None => self.0.entry(new.device).or_insert(Room::count(tx, new)?),
        };
        let is_refused = matches!(status, ItemStatus::Refused(_));
        if room.refused >= REFUSED_PER_DEVICE || (!is_refused && room.has_too_much_undecided()) {
            let no_room = || ItemStatus::Refused(reason::TOO_MUCH_HELD.to_owned());
            return Ok((if is_refused { status } else { no_room() }, false));
        }
        if is_refused {
            room.refused += 1;
        } else {
            room.undecided += 1;
            room.bytes += new.bytes.len();
        }
        Ok((status, true))
    }
}

impl Room {
    fn count(tx: &Transaction<'_>, new: &NewItem) -> Result<Self, StoreError> {
        let number = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let since = new.received_ms.saturating_sub(REFUSED_WITHIN_MS);
        let refused = tx
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM inbox INDEXED BY inbox_refused_by_device
                 WHERE device = ?1 AND received_ms > ?2 AND status = 'refused' AND dismissed = 0
                 LIMIT ?3)",
            )?
            .query_row(
                params![
                    new.device.as_bytes(),
                    since,
                    REFUSED_PER_DEVICE.cast_signed()
                ],
                |row| row.get(0),
            )?;
        let (undecided, bytes) = tx
            .prepare_cached(
                "SELECT count(*), coalesce(sum(size), 0) FROM (SELECT size FROM inbox
                 INDEXED BY inbox_undecided_by_device
                 WHERE device = ?1 AND status = 'received' LIMIT ?2)",
            )?
            .query_row(
                params![new.device.as_bytes(), UNDECIDED_PER_DEVICE.cast_signed()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
        Ok(Self {
            refused: number(refused),
            undecided: number(undecided),
            bytes: number(bytes),
        })
    }

    const fn has_too_much_undecided(&self) -> bool {
        self.undecided >= UNDECIDED_PER_DEVICE || self.bytes >= UNDECIDED_BYTES_PER_DEVICE
    }
}
