//! How many requests of a device are under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gridlog_domain::id::DeviceId;

/// Requests of one device that may be under way: the one that it waits for, and the one before whose
/// connection broke and which the server has not noticed yet.
const MOST: u32 = 2;

/// Counts requests by device. It holds no more devices than have requests under way. Clones count
/// together.
#[derive(Debug, Clone)]
pub struct UnderWay {
    counts: Arc<Mutex<HashMap<DeviceId, u32>>>,
    most: u32,
}

impl Default for UnderWay {
    /// As many as sync takes.
    fn default() -> Self {
        Self::of(MOST)
    }
}

/// A request that is under way; dropping it ends it.
#[derive(Debug)]
pub struct Turn {
    device: DeviceId,
    of: UnderWay,
}

impl UnderWay {
    /// Lets each device have so many under way.
    pub fn of(most: u32) -> Self {
        Self {
            counts: Arc::default(),
            most,
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<DeviceId, u32>> {
        // A count is sound whatever panicked while it was held.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request; `None` if too many of the device are under way.
    pub fn begin(&self, device: DeviceId) -> Option<Turn> {
        let mut counts = self.counts();
        let count = counts.entry(device).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Turn {
            device,
            of: self.clone(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.of.counts();
        if let Some(count) = counts.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_two_requests_under_way_and_no_third() {
        let under_way = UnderWay::default();
        let (one, other) = (DeviceId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]));
        let first = under_way.begin(one).unwrap();
        let second = under_way.begin(one).unwrap();
        assert!(under_way.begin(one).is_none());
        assert!(under_way.begin(other).is_some(), "another has its own");
        drop(first);
        let third = under_way.begin(one).unwrap();
        assert!(under_way.begin(one).is_none());
        drop((second, third));
        assert!(under_way.counts().is_empty(), "who has ended is forgotten");
    }
}
