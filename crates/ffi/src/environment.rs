//! The device's clock and its source of randomness: here the engine meets the system.

use std::time::{SystemTime, UNIX_EPOCH};

use gridlog_domain::environment::{Clock, Entropy};
use rand::TryRng as _;
use rand::rngs::SysRng;

/// The system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// The operating system's source of random bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        SysRng
            .try_fill_bytes(bytes)
            .expect("an operating system without random bytes cannot keep anything secret");
    }
}
