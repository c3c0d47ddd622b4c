//! What is shown while the demo works: a line for each thing that happened, with the time so far.

use std::time::Instant;

/// The demo's clock and voice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    started: Instant,
}

impl Progress {
    /// Starts the clock.
    pub(super) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// A part of the day begins.
    pub(super) fn chapter(&self, title: &str) {
        println!("\n━━ {title} ━━");
    }

    /// Something happened.
    pub(super) fn line(&self, text: &str) {
        println!("[{:>6.1}s] {text}", self.started.elapsed().as_secs_f64());
    }
}
