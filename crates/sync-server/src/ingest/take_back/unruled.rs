//! Proposals that came back and whose rulings may still come.
//!
//! A device gives back in several requests, and one may end between a change and what had been ruled
//! on it. A ruling is made once, so it is not made anew while the old one may be on its way; but a
//! device that never comes again must not keep a step open for good.

use gridlog_domain::id::{EntryId, RecordId};

use super::super::ledger::Ledger;
use super::super::sequencer::{Desk, Sequencer};
use super::Circumstances;
use crate::store::StoreError;

/// How long an old ruling is waited for.
const PATIENCE_MS: i64 = 60_000;
/// Most proposals that wait; a device that brings more has its oldest ruled on.
const MOST: usize = 4_096;

/// A proposal without a ruling.
#[derive(Debug, Clone)]
pub(in crate::ingest) struct Unruled {
    pub(super) record: RecordId,
    pub(super) proposal: EntryId,
    pub(super) stored: String,
    pub(super) received_ms: i64,
}

/// Those that wait, each with since when, the oldest first.
#[derive(Debug, Default)]
pub(in crate::ingest) struct UnruledList(Vec<(i64, Unruled)>);

impl UnruledList {
    pub(super) fn extend(&mut self, unruled: Vec<Unruled>, now_ms: i64) {
        self.0
            .extend(unruled.into_iter().map(|unruled| (now_ms, unruled)));
    }

    fn overdue(&self, now_ms: i64) -> usize {
        let over = |since: i64| now_ms.saturating_sub(since) >= PATIENCE_MS;
        let too_many = self.0.len().saturating_sub(MOST);
        let late = self.0.iter().take_while(|(since, _)| over(*since)).count();
        late.max(too_many)
    }
}

impl Sequencer {
    /// Whether a proposal waits for its old ruling: a round some time from now will rule on it.
    pub fn waits_for_rulings(&self) -> bool {
        !self.unruled.0.is_empty()
    }

    /// Rules on proposals whose old rulings did not come in time.
    pub(in crate::ingest) fn rule_on_overdue(&mut self, now_ms: i64) -> Result<(), StoreError> {
        let overdue = self.unruled.overdue(now_ms);
        if overdue == 0 {
            return Ok(());
        }
        let store = std::sync::Arc::clone(&self.store);
        let directory = self.directory.now();
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        let mut desk = Desk::new(circumstances, store.head()?, &mut self.memory);
        for (_, unruled) in &self.unruled.0[..overdue] {
            match desk.rule_anew(unruled) {
                // It is put before an office as soon as somebody writes in it.
                Err(StoreError::Damaged { .. }) => {}
                ruled => ruled?,
            }
        }
        desk.close()?;
        self.unruled.0.drain(..overdue);
        Ok(())
    }
}

impl Desk<'_> {
    /// Rules on a proposal, if nothing was ruled on it yet.
    pub(super) fn rule_anew(&mut self, unruled: &Unruled) -> Result<(), StoreError> {
        let mut working = self.working(unruled.record)?;
        let before = self.batch.head.seq;
        let mut ledger = Ledger {
            circumstances: &self.circumstances,
            batch: &mut self.batch,
            working: &mut working,
            origin: None,
            stays_archived: true,
        };
        if !ledger.working.erased {
            ledger.rule(unruled.proposal, &unruled.stored, unruled.received_ms)?;
        }
        let is_touched = self.batch.head.seq > before;
        self.put_back(working, is_touched);
        Ok(())
    }
}
