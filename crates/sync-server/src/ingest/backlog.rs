//! How far the sequencer is behind, and how long it is going to be.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gridlog_domain::id::DeviceId;

use crate::store::WaitingDevice;

/// Shortest and longest time that a device is asked to leave the server alone, in milliseconds.
const WAITS_MS: (u64, u64) = (1_000, 60_000);
/// What is decided in a second, until it was measured.
const ASSUMED_A_SECOND: f64 = 500.0;
/// How much the last round counts among those before it.
const WEIGHT: f64 = 0.2;
/// One device counts for no more than this part of the threshold: its heap delays only itself, since
/// rounds are shared out, so it is no reason to send others away.
const PART_OF_ONE: usize = 10;

/// What waits to be decided on, and how fast that goes. Cheap to ask; shared between threads.
#[derive(Debug, Default)]
pub struct Backlog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    of_device: HashMap<DeviceId, usize>,
    a_second: Option<f64>,
}

impl State {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate of a few digits"
    )]
    fn takes_ms(&self, items: usize) -> u64 {
        let a_second = self.a_second.unwrap_or(ASSUMED_A_SECOND).max(1.0);
        (items as f64 * 1_000.0 / a_second) as u64
    }
}

impl Backlog {
    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers are sound whatever panicked while they were held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a round: whose items waited when it began, how many it decided on, and how long it took.
    pub(super) fn note(&self, waited: &[WaitingDevice], decided: usize, took_ms: i64) {
        let mut state = self.state();
        let waited = waited.iter();
        state.of_device = waited.map(|device| (device.device, device.items)).collect();
        if decided > 0 {
            #[allow(clippy::cast_precision_loss, reason = "an estimate of a few digits")]
            let now = decided as f64 * 1_000.0 / took_ms.max(1) as f64;
            let before = state.a_second.unwrap_or(now);
            state.a_second = Some(before + (now - before) * WEIGHT);
        }
    }

    /// Notes that nothing is left.
    pub(super) fn clear(&self) {
        self.state().of_device.clear();
    }

    /// How long it takes until all that waits is decided, at the pace of late, in milliseconds.
    pub fn lasts_ms(&self) -> u64 {
        let state = self.state();
        state.takes_ms(state.of_device.values().sum())
    }

    /// How long the device is asked to stay away, in milliseconds, if more than `threshold` items wait:
    /// its own, or everybody's, where one device counts for a tenth of the threshold at most.
    pub fn wait_ms(&self, device: DeviceId, threshold: usize) -> Option<u64> {
        let state = self.state();
        let own = state.of_device.get(&device).copied().unwrap_or(0);
        let most = (threshold / PART_OF_ONE).max(1);
        let all: usize = state
            .of_device
            .values()
            .map(|items| *items.min(&most))
            .sum();
        let ahead = [own, all].into_iter().filter(|items| *items > threshold);
        let longest = ahead.map(|items| state.takes_ms(items)).max()?;
        Some(longest.clamp(WAITS_MS.0, WAITS_MS.1))
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
            first_arrival: 1,
        }
    }

    #[test]
    fn nobody_is_asked_to_wait_while_little_is_undecided() {
        let backlog = Backlog::default();
        assert_eq!(backlog.wait_ms(device(1), 100), None);
        backlog.note(&[waiting(1, 60), waiting(2, 40)], 50, 100);
        assert_eq!(backlog.wait_ms(device(1), 100), None);
    }

    #[test]
    fn the_wait_is_what_the_backlog_takes_at_the_pace_of_late() {
        let backlog = Backlog::default();
        let devices: Vec<_> = (0..200).map(|n| waiting(n, 50)).collect();
        // 10,000 items at 1,000 a second.
        backlog.note(&devices, 200, 200);
        assert_eq!(backlog.wait_ms(device(1), 5_000), Some(10_000));
        assert_eq!(backlog.wait_ms(device(250), 5_000), Some(10_000));
        // Slower rounds count little by little.
        backlog.note(&devices, 100, 1_000);
        let slower = backlog.wait_ms(device(1), 5_000).unwrap();
        assert!((10_001..100_000).contains(&slower), "{slower}");
        for _ in 0..50 {
            backlog.note(&devices, 1, 1_000);
        }
        assert_eq!(backlog.wait_ms(device(1), 5_000), Some(60_000));
        backlog.clear();
        assert_eq!(backlog.wait_ms(device(1), 5_000), None);
    }

    #[test]
    fn how_long_deciding_lasts_counts_everybodys_items_and_nothing_once_they_are_decided() {
        let backlog = Backlog::default();
        assert_eq!(backlog.lasts_ms(), 0);
        backlog.note(&[waiting(1, 2_000), waiting(2, 500)], 200, 200);
        assert_eq!(backlog.lasts_ms(), 2_500);
        backlog.clear();
        assert_eq!(backlog.lasts_ms(), 0);
    }

    #[test]
    fn one_devices_heap_sends_only_that_device_away() {
        let backlog = Backlog::default();
        backlog.note(&[waiting(1, 20_000), waiting(2, 1)], 256, 256);
        assert_eq!(backlog.wait_ms(device(1), 5_000), Some(20_000));
        assert_eq!(backlog.wait_ms(device(2), 5_000), None);
        assert_eq!(backlog.wait_ms(device(3), 5_000), None);
    }
}
