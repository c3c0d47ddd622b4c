//! A phone against a scripted server in memory.

mod drafts_and_watch;
mod property;
mod reading;
mod recording;
mod refusals;
mod scope;
mod store;
mod support;
mod syncing;
