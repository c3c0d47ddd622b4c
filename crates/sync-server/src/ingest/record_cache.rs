//! Records that the sequencer worked on lately, with their documents loaded.

use std::collections::HashMap;

use gridlog_domain::id::RecordId;

use super::working::Working;

/// How many records are held; a document of a case takes some tens of kilobytes.
const CAPACITY: usize = 256;

/// A bounded cache; the records that were used longest ago go first.
#[derive(Debug, Default)]
pub(super) struct RecordCache {
    held: HashMap<RecordId, (u64, Working)>,
    uses: u64,
}

impl RecordCache {
    pub(super) fn take(&mut self, id: RecordId) -> Option<Working> {
        self.held.remove(&id).map(|(_, working)| working)
    }

    pub(super) fn put(&mut self, working: Working) {
        self.uses += 1;
        self.held.insert(working.id, (self.uses, working));
        if self.held.len() > CAPACITY {
            self.drop_older_half();
        }
    }

    fn drop_older_half(&mut self) {
        let mut uses: Vec<u64> = self.held.values().map(|(used, _)| *used).collect();
        uses.sort_unstable();
        let middle = uses[uses.len() / 2];
        self.held.retain(|_, (used, _)| *used > middle);
    }
}
