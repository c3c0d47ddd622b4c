//! A phone against the real server engine, in one process, under virtual time.

// Fixtures may fail as loudly as the tests that use them.
#![allow(clippy::unwrap_used)]

mod clock;
mod colleague;
mod district;
mod fixture;
mod line;
mod server;
mod shelf;
mod town;

mod agreement;
mod attaching;
mod cancelling_files;
mod clocks;
mod comparison;
mod drafts_and_watch;
mod giving_back;
mod keeping_files;
mod lies;
mod patches;
mod property;
mod reading;
mod receipts;
mod recording;
mod refusals;
mod repair;
mod restored;
mod rolled_back;
mod scope;
mod sending;
mod sessions;
mod set_aside;
mod shown;
mod snapshots;
mod store;
mod syncing;
mod unsent;
mod waiting;
mod walk;
