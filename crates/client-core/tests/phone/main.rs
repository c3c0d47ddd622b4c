//! A phone against a scripted server in memory.

// Fixtures may fail as loudly as the tests that use them.
#![allow(clippy::unwrap_used)]

mod drafts_and_watch;
mod property;
mod reading;
mod recording;
mod refusals;
mod scope;
mod store;
mod support;
mod syncing;
