//! Whose items come up in a round, so that nobody waits behind somebody else's heap.
//!
//! Items of one device stay in the order of their arrival. Between devices a round is shared out: who
//! was served longest ago comes first, then who has least; each gets an equal share of what is left,
//! and what somebody does not need goes to the others. A device that brings one item while another has
//! thousands waiting is served in the next round.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::DeviceId;

use crate::store::WaitingDevice;

/// The least share while more devices wait than a round has shares of it: enough that the changes of
/// one record are mostly decided together, which is cheaper.
const LEAST_SHARE: usize = 8;

/// How many items of which device come up, in the order in which they do.
pub(super) type Plan = Vec<(DeviceId, usize)>;

/// Remembers who was served when.
#[derive(Debug, Default)]
pub(super) struct Turns {
    round: u64,
    /// The round that served a device last, of those that still wait.
    served: BTreeMap<DeviceId, u64>,
}

impl Turns {
    /// Shares out a round of at most `limit` items among the devices that wait.
    pub(super) fn plan(&self, mut waiting: Vec<WaitingDevice>, limit: usize) -> Plan {
        waiting.sort_by_key(|device| {
            let served = self.served.get(&device.device).copied().unwrap_or(0);
            (served, device.items, device.first_arrival)
        });
        let mut plan: Vec<(DeviceId, usize)> = Vec::new();
        let mut left = limit;
        let total = waiting.len();
        for (at, device) in waiting.iter().enumerate() {
            let share = (left / (total - at)).max(LEAST_SHARE).min(left);
            let granted = share.min(device.items);
            if granted == 0 {
                break;
            }
            left -= granted;
            plan.push((device.device, granted));
        }
        // What those who came later did not need.
        for ((_, granted), device) in plan.iter_mut().zip(&waiting) {
            let more = left.min(device.items - *granted);
            *granted += more;
            left -= more;
        }
        plan
    }

    /// Notes that a round served these devices, of all that waited.
    pub(super) fn served(&mut self, waiting: &[WaitingDevice], served: &[DeviceId]) {
        self.round += 1;
        let waits: BTreeSet<DeviceId> = waiting.iter().map(|waiting| waiting.device).collect();
        self.served.retain(|device, _| waits.contains(device));
        let round = self.round;
        self.served
            .extend(served.iter().map(|device| (*device, round)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(n: u8) -> DeviceId {
        DeviceId::from_bytes([n; 16])
    }

    fn waiting(n: u8, items: usize) -> WaitingDevice {
        WaitingDevice {
            device: device(n),
            items,
            first_arrival: i64::from(n),
        }
    }

    #[test]
    fn a_round_that_has_room_for_all_takes_all() {
        let plan = Turns::default().plan(vec![waiting(1, 200), waiting(2, 3)], 256);
        assert_eq!(plan, [(device(2), 3), (device(1), 200)]);
    }

    #[test]
    fn the_only_one_who_waits_has_the_whole_round() {
        let plan = Turns::default().plan(vec![waiting(1, 20_000)], 256);
        assert_eq!(plan, [(device(1), 256)]);
    }

    #[test]
    fn one_item_is_in_the_next_round_however_much_another_device_has_waiting() {
        let plan = Turns::default().plan(vec![waiting(1, 20_000), waiting(2, 1)], 256);
        assert_eq!(plan, [(device(2), 1), (device(1), 255)]);
    }

    #[test]
    fn equals_get_equal_shares_and_no_place_is_left_empty() {
        let heaps = vec![waiting(1, 900), waiting(2, 900), waiting(3, 20)];
        let plan = Turns::default().plan(heaps, 100);
        assert_eq!(plan, [(device(3), 20), (device(1), 40), (device(2), 40)]);
    }

    #[test]
    fn where_a_round_is_too_short_for_all_everybody_is_served_in_turn() {
        let devices: Vec<WaitingDevice> = (1..=100).map(|n| waiting(n, 1_000)).collect();
        let mut turns = Turns::default();
        let mut served = BTreeMap::<DeviceId, usize>::new();
        // 256 items in shares of 8 serve 32 devices, so four rounds serve 100.
        for _ in 0..4 {
            let plan = turns.plan(devices.clone(), 256);
            assert!(plan.iter().all(|(_, items)| *items == 8));
            let now: Vec<DeviceId> = plan.iter().map(|(device, _)| *device).collect();
            turns.served(&devices, &now);
            for device in now {
                *served.entry(device).or_default() += 1;
            }
        }
        assert_eq!(served.len(), 100);
        assert!(served.values().all(|times| *times <= 2));
    }

    #[test]
    fn who_had_nothing_yet_comes_before_heaps_that_arrived_earlier() {
        let mut turns = Turns::default();
        let mut devices: Vec<WaitingDevice> = (1..=64).map(|n| waiting(n, 1_000)).collect();
        let first = turns.plan(devices.clone(), 256);
        let served: Vec<DeviceId> = first.iter().map(|(device, _)| *device).collect();
        turns.served(&devices, &served);
        devices.push(waiting(200, 1));
        let plan = turns.plan(devices, 256);
        assert_eq!(plan[0], (device(200), 1));
    }

    #[test]
    fn who_waits_no_more_is_forgotten() {
        let mut turns = Turns::default();
        turns.served(&[waiting(1, 5), waiting(2, 5)], &[device(1), device(2)]);
        turns.served(&[waiting(2, 1)], &[device(2)]);
        assert_eq!(turns.served.len(), 1);
    }
}
