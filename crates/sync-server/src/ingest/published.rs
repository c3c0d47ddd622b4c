//! What commits made known, and to whom: enough to wake those whom it concerns.

use std::collections::BTreeSet;

use crate::store::Batch;

/// What one commit, or several, made known. It says nothing of what the entries say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The log's epoch.
    pub epoch: u64,
    /// Number of the last log entry.
    pub seq: u64,
    /// Who may see one of the entries; see [`gridlog_protocol::audience`].
    pub audiences: BTreeSet<String>,
    /// Whether it concerns everybody: a new epoch began.
    pub everybody: bool,
}

impl Published {
    /// Takes up a batch that was committed.
    pub(super) fn note(&mut self, batch: &Batch) {
        if batch.entries.is_empty() {
            return;
        }
        self.epoch = batch.head.epoch;
        self.seq = batch.head.seq;
        self.everybody |= batch.epoch.is_some();
        let audiences = batch.entries.iter().flat_map(|entry| &entry.audiences);
        for audience in audiences {
            if !self.audiences.contains(audience) {
                self.audiences.insert(audience.clone());
            }
        }
    }

    /// Takes up what was made known after it.
    pub fn add(&mut self, later: Self) {
        self.epoch = later.epoch;
        self.seq = later.seq;
        self.everybody |= later.everybody;
        self.audiences.extend(later.audiences);
    }

    /// Whether it concerns nobody.
    pub fn is_empty(&self) -> bool {
        !self.everybody && self.audiences.is_empty()
    }
}
