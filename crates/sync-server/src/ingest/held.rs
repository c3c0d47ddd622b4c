//! How much of a device's is held for something: bounded, so that no device fills the disk with what can
//! be decided only later, or never.

use std::collections::BTreeMap;

use gridlog_domain::id::DeviceId;
use gridlog_protocol::reason;

use super::load::RoundBounds;
use crate::store::{HELD_AT_LEAST, HeldItems, ItemStatus, NewItem, Store, StoreError};

/// What is held of the devices of a round, its own decisions included.
#[derive(Debug)]
pub(super) struct Held {
    bounds: RoundBounds,
    of_device: BTreeMap<DeviceId, HeldItems>,
}

/// Whether an item that stands there is held, and its bytes with it.
fn is_held(status: &ItemStatus) -> bool {
    matches!(
        status,
        ItemStatus::Waiting(_) | ItemStatus::BlockedBy(_) | ItemStatus::Review(_)
    )
}

fn waits(status: &ItemStatus) -> bool {
    matches!(status, ItemStatus::Waiting(_))
}

impl Held {
    pub(super) fn new(bounds: RoundBounds) -> Self {
        Self {
            bounds,
            of_device: BTreeMap::new(),
        }
    }

    /// Where an item that stood at `stood` goes that would go to `status`: there, or nowhere if too much
    /// of its device is held already.
    pub(super) fn limit(
        &mut self,
        store: &dyn Store,
        pushed: &NewItem,
        stood: &ItemStatus,
        status: ItemStatus,
    ) -> Result<ItemStatus, StoreError> {
        if !is_held(stood) && !is_held(&status) {
            return Ok(status);
        }
        let held = match self.of_device.get(&pushed.device) {
            Some(held) => *held,
            None => store.held_items(pushed.device)?,
        };
        let size = pushed.bytes.len().max(HELD_AT_LEAST);
        let without = HeldItems {
            waiting: held.waiting.saturating_sub(usize::from(waits(stood))),
            bytes: held
                .bytes
                .saturating_sub(if is_held(stood) { size } else { 0 }),
        };
        let with = HeldItems {
            waiting: without.waiting + usize::from(waits(&status)),
            bytes: without.bytes + if is_held(&status) { size } else { 0 },
        };
        let refusal = if waits(&status) && with.waiting > self.bounds.waiting {
            Some(reason::TOO_MANY_WAITING)
        } else if is_held(&status) && with.bytes > self.bounds.held {
            Some(reason::TOO_MUCH_HELD)
        } else {
            None
        };
        let (held, status) = match refusal {
            Some(code) => (without, ItemStatus::Refused(code.to_owned())),
            None => (with, status),
        };
        self.of_device.insert(pushed.device, held);
        Ok(status)
    }
}
