//! What must be true after every quiet period.
//!
//! Each check reads the stores by itself and trusts no engine's word for what another module is to
//! have done.

mod cases;
mod erased;
mod log;
mod phones;
mod seals;
mod stores;
mod words;

use std::collections::BTreeMap;

use gridlog_domain::id::RecordId;
use gridlog_protocol::LogEntry;
use gridlog_sync_server::store::{Store, StoreError};

use crate::broken::Broken;
use crate::world::World;

pub(crate) use log::LogWatch;
pub(crate) use words::words_at;

/// Most entries of a log that are read at once: all of them.
const ALL: usize = 10_000_000;

/// What the server's store cannot have wrong while no fault strikes.
fn unread(error: &StoreError) -> Broken {
    Broken::new("the server's store reads back", error.to_string())
}

/// The whole log.
fn whole_log(store: &dyn Store) -> Result<Vec<(LogEntry, Vec<u8>)>, Broken> {
    let stored = store.entries(0, ALL).map_err(|error| unread(&error))?;
    stored
        .into_iter()
        .map(|stored| {
            let entry = LogEntry::from_bytes(&stored.canonical);
            let entry = entry.map_err(|error| Broken::new("the log reads", error.to_string()))?;
            Ok((entry, stored.canonical))
        })
        .collect()
}

/// The entries of each record, in order.
fn by_record(log: &[(LogEntry, Vec<u8>)]) -> BTreeMap<RecordId, Vec<&LogEntry>> {
    let mut records: BTreeMap<RecordId, Vec<&LogEntry>> = BTreeMap::new();
    for (entry, _) in log {
        let record = RecordId::from_bytes(entry.record.0);
        records.entry(record).or_default().push(entry);
    }
    records
}

impl World {
    /// Checks everything.
    pub(crate) fn check_all(&mut self) -> Result<(), Broken> {
        let Some(running) = self.house.running() else {
            return Err(Broken::new("the server runs", "it does not"));
        };
        let store = std::sync::Arc::clone(&running.store);
        let log = whole_log(&*store)?;
        self.watch.check(&log)?;
        self.check_notice(&log)?;
        cases::check(&log, &*store, &mut self.tally)?;
        seals::check(&log, &mut self.tally)?;
        self.check_erased(&*store)?;
        self.check_words(&*store)?;
        self.check_phones(&log, &*store)?;
        self.check_stores(&*store)
    }
}
