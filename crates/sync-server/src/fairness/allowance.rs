//! How much work a device may ask for: a bucket that work is taken from and that fills up again.
//!
//! A request is let in while there is anything in the bucket, and is then counted as what it turned
//! out to be, so the bucket may be overdrawn by one request. It is deep enough for a whole day's end and for
//! a first sync of a large area; who empties it goes on as fast as it fills.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gridlog_domain::id::DeviceId;

use crate::exchange::Work;

/// Most devices that are remembered. A device that is not has a full bucket.
const MOST: usize = 10_000;

/// What a device may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// At once, after a while of rest.
    pub burst: Work,
    /// Every second from then on.
    pub a_second: Work,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// What is in it, at `at_ms`; overdrawn if less than nothing.
    left: i128,
    at_ms: i64,
}

/// The buckets of all devices. Time comes in from outside.
#[derive(Debug)]
pub struct Allowances {
    allowance: Allowance,
    most: usize,
    buckets: Mutex<HashMap<DeviceId, Bucket>>,
}

impl Allowances {
    /// Full buckets for everybody.
    pub fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            most: MOST,
            buckets: Mutex::default(),
        }
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<DeviceId, Bucket>> {
        // Numbers are sound whatever panicked while they were held.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in a bucket now. A clock that was set back fills nothing.
    fn now(&self, bucket: Bucket, now_ms: i64) -> Bucket {
        let passed = i128::from(now_ms.saturating_sub(bucket.at_ms).max(0));
        let gained = passed * i128::from(self.allowance.a_second.0) / 1_000;
        let full = i128::from(self.allowance.burst.0);
        Bucket {
            left: (bucket.left + gained).min(full),
            at_ms: now_ms,
        }
    }

    /// Whether the device may ask for something.
    ///
    /// # Errors
    /// How long it has to wait first, in milliseconds.
    pub fn check(&self, device: DeviceId, now_ms: i64) -> Result<(), u64> {
        let Some(bucket) = self.buckets().get(&device).copied() else {
            return Ok(());
        };
        let left = self.now(bucket, now_ms).left;
        if left > 0 {
            return Ok(());
        }
        let a_second = i128::from(self.allowance.a_second.0.max(1));
        let missing_ms = (1 - left) * 1_000 / a_second + 1;
        Err(u64::try_from(missing_ms).unwrap_or(u64::MAX))
    }

    /// Takes what a request cost.
    pub fn charge(&self, device: DeviceId, work: Work, now_ms: i64) {
        let full = Bucket {
            left: i128::from(self.allowance.burst.0),
            at_ms: now_ms,
        };
        let mut buckets = self.buckets();
        let before = buckets.get(&device).copied().unwrap_or(full);
        let mut bucket = self.now(before, now_ms);
        bucket.left -= i128::from(work.0);
        buckets.insert(device, bucket);
        if buckets.len() > self.most {
            self.forget(&mut buckets, now_ms);
        }
    }

    /// Forgets full buckets, and if that is not enough, those with the most in them.
    fn forget(&self, buckets: &mut HashMap<DeviceId, Bucket>, now_ms: i64) {
        let full = i128::from(self.allowance.burst.0);
        let left = |bucket: &Bucket| self.now(*bucket, now_ms).left;
        buckets.retain(|_, bucket| left(bucket) < full);
        if buckets.len() <= self.most {
            return;
        }
        let mut all: Vec<i128> = buckets.values().map(left).collect();
        all.sort_unstable();
        let middle = all[all.len() / 2];
        buckets.retain(|_, bucket| left(bucket) < middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;

    fn device(n: u16) -> DeviceId {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        DeviceId::from_bytes(id)
    }

    fn allowances() -> Allowances {
        Allowances::new(Allowance {
            burst: Work(1_000),
            a_second: Work(100),
        })
    }

    #[test]
    fn who_asks_for_too_much_waits_as_long_as_was_said_and_no_longer() {
        let allowances = allowances();
        let one = device(1);
        assert_eq!(allowances.check(one, NOW), Ok(()));
        allowances.charge(one, Work(900), NOW);
        assert_eq!(allowances.check(one, NOW), Ok(()));
        allowances.charge(one, Work(600), NOW);
        let wait = allowances.check(one, NOW).unwrap_err();
        assert!((5_000..5_100).contains(&wait), "{wait}");
        let then = NOW + i64::try_from(wait).unwrap();
        assert!(allowances.check(one, then - 100).is_err());
        assert_eq!(allowances.check(one, then), Ok(()));
        assert_eq!(allowances.check(device(2), NOW), Ok(()), "nobody else");
    }

    #[test]
    fn rest_fills_the_bucket_and_no_more_than_that() {
        let allowances = allowances();
        let one = device(1);
        allowances.charge(one, Work(500), NOW);
        let later = NOW + 3_600_000;
        allowances.charge(one, Work(1_000), later);
        assert!(allowances.check(one, later).is_err());
    }

    #[test]
    fn a_clock_that_jumps_locks_nobody_out_for_good() {
        let allowances = allowances();
        let one = device(1);
        allowances.charge(one, Work(1_100), NOW);
        let before = NOW - 86_400_000;
        assert!(allowances.check(one, before).is_err());
        allowances.charge(one, Work(0), before);
        assert_eq!(allowances.check(one, before + 1_200), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_the_neediest_are_remembered() {
        let allowances = Allowances {
            most: 100,
            ..allowances()
        };
        for n in 1..=1_000 {
            let work = if n == 7 { 5_000 } else { 10 };
            allowances.charge(device(n), Work(work), NOW);
            assert!(allowances.buckets().len() <= 100);
        }
        assert!(allowances.check(device(7), NOW).is_err());
        allowances.charge(device(1_001), Work(1), NOW + 3_600_000);
        for n in 2_000..2_100 {
            allowances.charge(device(n), Work(1), NOW + 3_600_000);
        }
        assert!(allowances.buckets().len() <= 100, "full ones are forgotten");
    }
}
