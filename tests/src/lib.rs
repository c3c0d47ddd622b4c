//! A district to test on: a real server in a process of its own, real phones, no stand-ins.
//!
//! Everything that a test writes into records comes from [`words`], so every text holds
//! [`SECRET`]. When a [`District`] ends, it reads what server and phones logged and fails the test
//! if that word is there.

mod backups;
mod district;
mod logs;
mod office;
mod phones;
mod raw_device;
pub mod street;

use std::time::{Duration, Instant};

pub use district::{District, GRID_A, GRID_B, PASSWORD};
pub use logs::SECRET;
pub use office::Office;
pub use phones::{HandClock, TestPhone, open_phone, store_key};
pub use raw_device::RawDevice;

/// How long a test waits for something that the server or a phone does by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
///
/// # Panics
/// If that takes a minute.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A text for a record that no log may hold.
pub fn words(text: &str) -> String {
    format!("{SECRET}{text}")
}
