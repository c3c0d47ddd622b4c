//! What the simulated disk promises, shown with the databases of a phone and of a server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connections;
mod copies;
mod faults;
mod power;
mod store;
