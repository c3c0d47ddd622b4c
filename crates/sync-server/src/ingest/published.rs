//! What commits made known, and to whom: enough to wake those whom it concerns.

use std::collections::BTreeSet;

use crate::store::{Batch, LogHead};

/// What one commit, or several, made known. It says nothing of what the entries say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The log's epoch.
    pub epoch: u64,
    /// Number of the last log entry.
    pub seq: u64,
    /// Who may see one of the entries; see [`gridlog_protocol::audience`].
    pub audiences: BTreeSet<String>,
    /// Whether it concerns everybody: a new epoch began, or the directory changed.
    pub everybody: bool,
    /// Whether people, areas or reference data changed, so that there is something to pull although the
    /// log went no further.
    pub directory: bool,
}

impl Published {
    /// People, areas or reference data changed while the log stood at `head`.
    pub fn directory_changed(head: LogHead) -> Self {
        Self {
            epoch: head.epoch,
            seq: head.seq,
            everybody: true,
            directory: true,
            ..Self::default()
        }
    }

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
        let newest = (self.epoch, self.seq).max((later.epoch, later.seq));
        (self.epoch, self.seq) = newest;
        self.everybody |= later.everybody;
        self.directory |= later.directory;
        self.audiences.extend(later.audiences);
    }

    /// Whether it concerns nobody.
    pub fn is_empty(&self) -> bool {
        !self.everybody && self.audiences.is_empty()
    }
}
