//! The whole system in one process, driven by one seed.
//!
//! What a phone and a server promise has to hold when the machine under them fails. [`disk`] is
//! the disk under both: real SQLite runs on it, and it loses power where the seed says.

pub mod disk;
