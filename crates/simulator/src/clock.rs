//! Virtual time: one true time, and clocks that are wrong by what the seed says.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gridlog_domain::environment::Clock;

/// The true time, milliseconds since the Unix epoch. Clones are one time.
#[derive(Debug, Clone)]
pub(crate) struct TrueTime(Arc<AtomicI64>);

impl TrueTime {
    /// Begins at `now_ms`.
    pub(crate) fn new(now_ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(now_ms)))
    }

    /// Now.
    pub(crate) fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Goes on to `at_ms`; time never goes back.
    pub(crate) fn reach(&self, at_ms: i64) {
        self.0.fetch_max(at_ms, Ordering::Relaxed);
    }
}

/// A machine's clock.
#[derive(Debug, Clone)]
pub(crate) struct DeviceClock {
    time: TrueTime,
    error_ms: Arc<AtomicI64>,
}

impl DeviceClock {
    /// A clock that goes wrong by `error_ms`.
    pub(crate) fn new(time: &TrueTime, error_ms: i64) -> Self {
        Self {
            time: time.clone(),
            error_ms: Arc::new(AtomicI64::new(error_ms)),
        }
    }

    /// Sets it wrong by so much more.
    pub(crate) fn jump(&self, by_ms: i64) {
        self.error_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

impl Clock for DeviceClock {
    fn now_ms(&self) -> i64 {
        self.time
            .now_ms()
            .saturating_add(self.error_ms.load(Ordering::Relaxed))
    }
}
