//! Beginning a new epoch of the log.

use gridlog_protocol::Fact;

use super::seal::of_the_log;
use super::sequencer::Sequencer;
use crate::outside::EpochBegun;
use crate::store::StoreError;

/// Why an epoch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A backup was restored.
    Restored,
    /// This log does not have entries that it had published, and nobody knows since which: a device
    /// showed them, or a newer epoch is noted beside the database.
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
        let is_forgotten = mutated!(EpochNotOpened);
        if head.epoch != current || is_forgotten {
            return Ok(());
        }
        let known = current.max(self.outside.newest_epoch()?);
        let epoch = next.max(known.saturating_add(1));
        self.outside.note_begun(EpochBegun {
            epoch,
            before: current,
            base: head.seq,
        })?;
        let fact = Fact::Epoch {
            epoch,
            why: why.code().to_owned(),
        };
        let mut batch = of_the_log(head, now_ms, fact);
        batch.head.epoch = epoch;
        batch.epoch = Some(epoch);
        self.store.commit(&batch)?;
        self.memory.published.note(&batch);
        tracing::warn!(epoch, why = why.code(), "a new epoch of the log began");
        Ok(())
    }

    /// Begins an epoch if the database is of an older one than the newest that began here: somebody
    /// put an old copy of it in place, or a server stopped while it began one. Nobody knows where the
    /// logs parted then; only a restore does.
    ///
    /// # Errors
    /// [`StoreError`]; then the server must not serve.
    pub fn require_newest_epoch(&mut self, now_ms: i64) -> Result<(), StoreError> {
        let epoch = self.store.head()?.epoch;
        let newest = self.outside.newest_epoch()?;
        if newest > epoch {
            return self.begin_epoch(now_ms, (epoch, newest), Why::RolledBack);
        }
        Ok(self.outside.note_epoch(epoch)?)
    }
}

#[cfg(test)]
mod tests {
    use gridlog_protocol::Lineage;

    use crate::store::Store as _;
    use crate::town::*;

    #[test]
    fn an_epoch_that_a_crash_cut_short_begins_as_one_of_a_log_that_was_put_back_in_silence() {
        let town = Town::new();
        let mut phone = town.phone(1, WORKER);
        phone.bootstrap(&town);
        let write = |phone: &mut TestDevice, town: &Town, n: u8| {
            let begun = phone.write(town, record(n), &[new_case(GRID_A, "案卷")]);
            phone.push(town, vec![begun]);
        };
        let backup = town.back_up();
        (1..9).for_each(|n| write(&mut phone, &town, n));
        let town = town.restore(&backup, None);
        let mut other = town.phone(2, COLLEAGUE);
        (20..23).for_each(|n| write(&mut other, &town, n));
        // A phone proves what happened, and the server dies before the log says that an epoch began.
        let mut sequencer = town.sequencer.borrow_mut();
        sequencer.outside.note_epoch(2).unwrap();
        sequencer.require_newest_epoch(town.now.get()).unwrap();
        drop(sequencer);
        assert!(town.store.head().unwrap().seq < phone.position.seq);
        let page = phone.ask(&town, |_| {}).unwrap();
        let lineage = Some(Lineage { common: Some(0) });
        assert_eq!(page.body.lineage, lineage, "nobody knows where they parted");
    }
}
