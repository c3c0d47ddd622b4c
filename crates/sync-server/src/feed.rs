//! Feeds: from what the store holds to what a page says.

use gridlog_protocol::limits::{MAX_PAGE_ENTRIES, PAGE_TARGET_BYTES};
use gridlog_protocol::{Blob, Cursor, FeedEntry, Key, RecordDelta};

use crate::store::{FeedQuery, FeedSlice, LogHead, Store, StoreError, TouchedRecord};

/// The feed part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Entries.
    pub entries: Vec<FeedEntry>,
    /// The records they touch.
    pub records: Vec<RecordDelta>,
    /// Records that are no longer visible.
    pub gone: Vec<Key>,
    /// Where to go on from.
    pub cursor: Cursor,
    /// Whether there is more.
    pub more: bool,
}

impl Feed {
    /// Nothing, for devices that may push but not pull.
    pub const fn nothing(cursor: Cursor) -> Self {
        Self {
            entries: Vec::new(),
            records: Vec::new(),
            gone: Vec::new(),
            cursor,
            more: false,
        }
    }

    /// What `audiences` may see after `cursor`. A cursor of another epoch, or one beyond the log,
    /// begins anew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(
        store: &dyn Store,
        audiences: Vec<String>,
        cursor: Cursor,
    ) -> Result<Self, StoreError> {
        let head = store.head()?;
        let after = if is_of(cursor, head) { cursor.seq } else { 0 };
        if after == head.seq {
            return Ok(Self::nothing(Cursor {
                epoch: head.epoch,
                seq: after,
            }));
        }
        let slice = store.feed(&FeedQuery {
            audiences,
            after,
            max_entries: MAX_PAGE_ENTRIES,
            target_bytes: PAGE_TARGET_BYTES,
        })?;
        Ok(Self::from_slice(slice, head.epoch))
    }

    fn from_slice(slice: FeedSlice, epoch: u64) -> Self {
        let entries = slice.entries.into_iter();
        Self {
            entries: entries
                .map(|e| FeedEntry {
                    canonical: Blob(e.canonical),
                })
                .collect(),
            records: slice.records.into_iter().map(delta).collect(),
            gone: slice
                .gone
                .into_iter()
                .map(|id| Key(*id.as_bytes()))
                .collect(),
            cursor: Cursor {
                epoch,
                seq: slice.reached,
            },
            more: slice.more,
        }
    }
}

fn is_of(cursor: Cursor, head: LogHead) -> bool {
    cursor.epoch == head.epoch && cursor.seq <= head.seq
}

fn delta(touched: TouchedRecord) -> RecordDelta {
    let TouchedRecord {
        row,
        changes,
        whole,
        rulings,
    } = touched;
    RecordDelta {
        record: Key(*row.id.as_bytes()),
        changes: changes
            .into_iter()
            .map(|change| Blob(change.bytes))
            .collect(),
        whole,
        heads: row.heads,
        as_of: row.as_of,
        area: row.area,
        view: Blob(row.view.into_bytes()),
        state: row.state.map(|state| Blob(state.into_bytes())),
        rulings: rulings
            .into_iter()
            .map(|entry| Blob(entry.canonical))
            .collect(),
    }
}
