//! The real clock and the real source of randomness, for whoever opens a phone that is one.
//!
//! The engine takes them as arguments (DESIGN section 2) and never uses these by itself: the terminal and the
//! bindings hand them in, and so do benches and whole-system tests that run in real time.

use std::time::{SystemTime, UNIX_EPOCH};

use gridlog_domain::environment::{Clock, Entropy};
use rand::TryRng as _;
use rand::rngs::SysRng;

/// The system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

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
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        SysRng
            .try_fill_bytes(bytes)
            .expect("an operating system without random bytes cannot keep anything secret");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (mut first, mut second) = ([0_u8; 16], [0_u8; 16]);
        SystemEntropy.fill(&mut first);
        SystemEntropy.fill(&mut second);
        assert_ne!(first, second);
    }
}
