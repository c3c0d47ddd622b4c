//! Virtual time: the true time, which the server has, and phones whose clocks are off.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gridlog_domain::environment::Clock;

/// What a phone's clock shows at the beginning.
pub(crate) const NOW: i64 = 1_790_000_000_000;
/// Server time minus phone time, unless a test sets a phone's clock.
pub(crate) const OFFSET: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// The true time.
#[derive(Debug, Clone)]
pub(crate) struct World(Arc<AtomicI64>);

impl World {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW + OFFSET)))
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The clock of one phone.
#[derive(Debug)]
pub(crate) struct TestClock {
    world: World,
    ahead_ms: AtomicI64,
}

impl TestClock {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            world: world.clone(),
            ahead_ms: AtomicI64::new(-OFFSET),
        }
    }

    /// Time passes, for everybody.
    pub(crate) fn advance(&self, ms: i64) {
        self.world.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody sets this phone's clock, and no other.
    pub(crate) fn set_by(&self, ms: i64) {
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.world.now_ms() + self.ahead_ms.load(Ordering::SeqCst)
    }
}
