//! The whole system in one process, driven by one seed.
//!
//! What a phone and a server promise has to hold when everything under them fails: the disk, the
//! network, the clocks, the people. Here run the real phone engine and the real server engine, on
//! real SQLite files of a disk that fails on purpose ([`disk`]), with virtual time and a network that
//! does what the seed says. [`play`] plays a seed: days of turns, each with a quiet end, after which
//! everything that must be true is checked. [`shorten`] finds the shortest story of a failing one.

mod broken;
mod calm;
mod chance;
mod clock;
mod deeds;
pub mod disk;
mod faults;
mod handset;
mod hostile;
mod invariants;
mod marker;
mod network;
mod offices;
mod people;
mod run;
mod server;
mod steps;
mod story;
mod syncing;
mod tally;
mod turn;
mod weather;
mod words;
mod world;

pub use broken::Broken;
pub use run::{Outcome, play, shorten};
pub use story::Story;
pub use tally::Tally;
