//! The server that ships, under a name that Cargo builds before these tests run, and by a clock that a
//! test can set ahead: `GRIDLOG_UNDER_TEST_AHEAD_MS`.

use std::sync::Arc;

use gridlog_domain::environment::Clock;
use gridlog_sync_server::environment::SystemClock;

struct Ahead(i64);

impl Clock for Ahead {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0
    }
}

fn main() -> std::process::ExitCode {
    let ahead = std::env::var("GRIDLOG_UNDER_TEST_AHEAD_MS").ok();
    let ahead = ahead.and_then(|ms| ms.parse().ok()).unwrap_or(0);
    gridlog_sync_server::command::run_by(Arc::new(Ahead(ahead)))
}
