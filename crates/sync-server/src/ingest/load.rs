//! How much a round takes on: bounded in work, and by device, whatever its items turn out to cost.

use std::collections::BTreeMap;

use gridlog_domain::id::DeviceId;

/// What bounds a round beside the number of its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundBounds {
    /// Bytes of the items that come up together.
    pub bytes: usize,
    /// Estimated work, in bytes that are read, checked and written again. Admitting an item goes
    /// through all of its record, so a small change to a large record is much work.
    pub work: usize,
    /// How many items of one device may wait for something that is not here.
    pub waiting: usize,
    /// How many bytes of one device may be held for something: for a change that is not here or was
    /// refused, or for an office; see [`crate::store::HELD_AT_LEAST`].
    pub held: usize,
}

impl Default for RoundBounds {
    fn default() -> Self {
        Self {
            bytes: 4 * 1024 * 1024,
            work: 16 * 1024 * 1024,
            waiting: 2_000,
            held: 64 * 1024 * 1024,
        }
    }
}

/// What deciding on an item takes even if it is tiny, as bytes.
const EVERY_ITEM: usize = 1024;

/// The work of a round so far.
#[derive(Debug)]
pub(super) struct Load {
    most: usize,
    share: usize,
    total: usize,
    of_device: BTreeMap<DeviceId, usize>,
}

impl Load {
    /// A round of at most `most` work, for so many devices.
    pub(super) fn new(most: usize, devices: usize) -> Self {
        Self {
            most,
            share: most / devices.max(1),
            total: 0,
            of_device: BTreeMap::new(),
        }
    }

    /// Whether another item of the device may be decided on: neither the round nor the device's share
    /// is used up. Each exceeds its bound by one item at most.
    pub(super) fn has_room(&self, device: DeviceId) -> bool {
        let used = self.of_device.get(&device).copied().unwrap_or(0);
        self.total < self.most.max(1) && used < self.share.max(1)
    }

    /// Whose items were decided on.
    pub(super) fn served(&self) -> Vec<DeviceId> {
        self.of_device.keys().copied().collect()
    }

    /// Notes an item of `item` bytes in a record of `record` bytes.
    pub(super) fn note(&mut self, device: DeviceId, item: usize, record: usize) {
        let work = EVERY_ITEM + item + record;
        self.total += work;
        *self.of_device.entry(device).or_default() += work;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_round_nor_a_devices_share_is_exceeded_by_more_than_one_item() {
        let (heavy, light) = (DeviceId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]));
        let mut load = Load::new(100_000, 2);
        let mut decided = 0;
        while load.has_room(heavy) {
            load.note(heavy, 1_000, 30_000);
            decided += 1;
        }
        assert_eq!(decided, 2);
        assert!(load.has_room(light), "the other one has its share still");
        load.note(light, 1_000, 40_000);
        assert!(!load.has_room(light), "the round is over");
    }

    #[test]
    fn one_item_is_decided_on_however_large_it_is() {
        let device = DeviceId::from_bytes([1; 16]);
        let mut load = Load::new(0, 5);
        assert!(load.has_room(device));
        load.note(device, 1, 1);
        assert!(!load.has_room(device));
    }
}
