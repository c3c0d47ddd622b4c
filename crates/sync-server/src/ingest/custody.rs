//! What becomes of whole records: they move, they leave the phones, they are erased.

use std::sync::Arc;

use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::workflow::Stage;

use super::decide::Circumstances;
use super::ledger::Ledger;
use super::office::OfficeError;
use super::sequencer::{Desk, Sequencer};
use super::working::Working;
use crate::outside::Erasure;
use crate::store::{RecordRow, StoreError};

/// The stages in which a case is over, though it may be opened again.
fn last_stages() -> Vec<String> {
    Stage::ALL
        .into_iter()
        .filter(|stage| stage.is_over())
        .map(|stage| stage.code().to_owned())
        .collect()
}

impl Sequencer {
    /// Lets cases leave the phones that are over and about which the log has said nothing for
    /// `older_than_ms`, at most `limit` of them. Returns how many left; no document is loaded.
    ///
    /// # Errors
    /// [`StoreError`]; then none left.
    pub fn archive_closed(
        &mut self,
        now_ms: i64,
        older_than_ms: i64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let before_ms = now_ms.saturating_sub(older_than_ms);
        let rows = self.store.over_since(&last_stages(), before_ms, limit)?;
        let store = Arc::clone(&self.store);
        let directory = self.directory.now();
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        for row in &rows {
            // Its document may be loaded; it is not what the store holds after this.
            drop(self.memory.cache.take(row.id));
        }
        let count = rows.len();
        let mut desk = Desk::new(circumstances, store.head()?, &mut self.memory);
        for row in rows {
            let mut working = Working::without_document(&*store, &row)?;
            desk.ledger(&mut working).archive();
            desk.batch.records.push(RecordRow {
                as_of: working.as_of,
                archived: true,
                ..row
            });
        }
        desk.close()?;
        Ok(count)
    }

    /// Rules that a record lives in another area from now on. Returns the log's head.
    ///
    /// # Errors
    /// [`OfficeError::UnknownRecord`], [`OfficeError::UnknownArea`]; nothing was written.
    pub fn relocate(
        &mut self,
        now_ms: i64,
        record: RecordId,
        area: &AreaCode,
    ) -> Result<u64, OfficeError> {
        let store = Arc::clone(&self.store);
        let directory = self.directory.now();
        let found = directory.areas.get(area);
        if found.is_none_or(|area| !area.is_valid_at(now_ms)) {
            return Err(OfficeError::UnknownArea(area.clone()));
        }
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        let mut desk = Desk::new(circumstances, store.head()?, &mut self.memory);
        let mut working = desk.working(record)?;
        let moves = match &working.ruled {
            None => return Err(OfficeError::UnknownRecord(record)),
            Some(ruled) => ruled.area != *area,
        };
        if moves {
            desk.ledger(&mut working).relocate(area)?;
        }
        desk.put_back(working, moves);
        Ok(desk.close()?)
    }

    /// Erases a record, also one of which there is nothing but what was pushed for it: its log entries
    /// are left, and nothing else. That it was erased is noted outside
    /// the store first. Returns the log's head; `None` if it was erased before.
    ///
    /// # Errors
    /// [`OfficeError::UnknownRecord`]; nothing was erased.
    pub fn erase(&mut self, erasure: &Erasure) -> Result<Option<u64>, OfficeError> {
        let record = erasure.record;
        if self.store.is_erased(record)? {
            return Ok(None);
        }
        // What waits for an office, or was refused, may never begin and says things of people all the same.
        if self.store.record(record)?.is_none() && !self.store.knows_items_of(record)? {
            return Err(OfficeError::UnknownRecord(record));
        }
        let noted = self.outside.note_erased(std::slice::from_ref(erasure));
        noted.map_err(StoreError::from)?;
        Ok(Some(
            self.erase_now(erasure.at_ms, std::slice::from_ref(erasure))?,
        ))
    }

    /// Erases again what was erased before and this store does not know to be: it was restored from a
    /// backup. Records that it never had are answered as erased from here on. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`]; then the server must not serve.
    pub fn erase_again(&mut self, now_ms: i64) -> Result<usize, StoreError> {
        let mut lacking: Vec<Erasure> = Vec::new();
        for erasure in self.outside.erased()? {
            let is_new = lacking.iter().all(|known| known.record != erasure.record);
            if is_new && !self.store.is_erased(erasure.record)? {
                lacking.push(erasure);
            }
        }
        if !lacking.is_empty() && !mutated!(ErasedComesBack) {
            tracing::warn!(
                records = lacking.len(),
                "records that had been erased are erased again"
            );
            self.erase_now(now_ms, &lacking)?;
        }
        Ok(lacking.len())
    }

    fn erase_now(&mut self, now_ms: i64, erasures: &[Erasure]) -> Result<u64, StoreError> {
        let store = Arc::clone(&self.store);
        let directory = self.directory.now();
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        for erasure in erasures {
            drop(self.memory.cache.take(erasure.record));
        }
        let mut desk = Desk::new(circumstances, store.head()?, &mut self.memory);
        for erasure in erasures {
            // A document that does not read back is erased like any other.
            let mut working = match store.record(erasure.record)? {
                Some(row) => Working::without_document(&*store, &row)?,
                None => Working::new(erasure.record),
            };
            desk.ledger(&mut working).erase(erasure.by.as_str());
            desk.put_back(working, true);
        }
        desk.close()
    }
}

impl Desk<'_> {
    /// The log, open at one record.
    pub(super) fn ledger<'l>(&'l mut self, working: &'l mut Working) -> Ledger<'l, 'l> {
        Ledger {
            circumstances: &self.circumstances,
            batch: &mut self.batch,
            working,
            origin: None,
            stays_archived: false,
        }
    }
}

#[cfg(test)]
mod tests;
