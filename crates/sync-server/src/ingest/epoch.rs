//! Beginning a new epoch of the log.

use gridlog_domain::id::RecordId;
use gridlog_protocol::{Fact, Key, LogEntry, entry_hash};

use super::sequencer::Sequencer;
use crate::store::{Batch, NewEntry, StoreError};

/// Why an epoch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A backup was restored.
    Restored,
    /// A device showed entries that this log had published and does not have.
    RolledBack,
}

impl Why {
    /// As the log says it; see [`Fact::Epoch`].
    pub const fn code(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::RolledBack => "rolled_back",
        }
    }
}

impl Sequencer {
    /// Begins an epoch with an entry that says so, if the log is still in `current`: epoch `next`, or
    /// the first one beyond every epoch that ever began here.
    ///
    /// # Errors
    /// [`StoreError`]; then the epoch is as it was.
    pub fn begin_epoch(
        &mut self,
        now_ms: i64,
        (current, next): (u64, u64),
        why: Why,
    ) -> Result<(), StoreError> {
        let head = self.store.head()?;
        if head.epoch != current {
            return Ok(());
        }
        let known = current.max(self.outside.newest_epoch()?);
        let epoch = next.max(known.saturating_add(1));
        self.outside.note_epoch(epoch)?;
        let nothing = [0; 16];
        let entry = LogEntry {
            seq: head.seq + 1,
            previous: head.hash,
            at_ms: now_ms,
            record: Key(nothing),
            fact: Fact::Epoch {
                epoch,
                why: why.code().to_owned(),
            },
            origin: None,
        };
        let canonical = entry.to_bytes();
        let mut batch = Batch::on(head);
        batch.head.epoch = epoch;
        batch.head.seq = entry.seq;
        batch.head.hash = entry_hash(&canonical);
        batch.epoch = Some(epoch);
        batch.entries.push(NewEntry {
            seq: entry.seq,
            record: RecordId::from_bytes(nothing),
            canonical,
            audiences: Vec::new(),
        });
        self.store.commit(&batch)?;
        self.memory.published.note(&batch);
        tracing::warn!(epoch, why = why.code(), "a new epoch of the log began");
        Ok(())
    }

    /// Begins an epoch if the database is of an older one than the newest that began here: somebody
    /// put an old copy of it in place.
    ///
    /// # Errors
    /// [`StoreError`]; then the server must not serve.
    pub fn require_newest_epoch(&mut self, now_ms: i64) -> Result<(), StoreError> {
        let epoch = self.store.head()?.epoch;
        let newest = self.outside.newest_epoch()?;
        if newest > epoch {
            return self.begin_epoch(now_ms, (epoch, newest), Why::Restored);
        }
        Ok(self.outside.note_epoch(epoch)?)
    }
}
