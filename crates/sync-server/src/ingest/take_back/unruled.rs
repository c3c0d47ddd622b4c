//! Proposals that came back and whose rulings may still come.
//!
//! A device gives back in several requests, and one may end between a change and what had been ruled
//! on it. A ruling is made once, so it is not made anew while the old one may be on its way; but a
//! device that never comes again must not keep a step open for good, and neither must a server that stops
//! meanwhile.

use std::collections::BTreeMap;

use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::RecordView;
use gridlog_protocol::{Digest, Fact, LogEntry};

use super::super::ledger::Ledger;
use super::super::sequencer::{Desk, Sequencer, contained};
use super::super::working::Working;
use super::Circumstances;
use crate::store::{Store, StoreError};

/// How long an old ruling is waited for.
const PATIENCE_MS: i64 = 60_000;
/// Most proposals that wait; a device that brings more has its oldest ruled on.
const MOST: usize = 4_096;
/// How far a server that starts looks back for proposals that waited when it stopped: well beyond
/// [`PATIENCE_MS`], for rounds may have failed.
const LOOKS_BACK_MS: i64 = 10 * PATIENCE_MS;
/// How many entries it reads at once.
const ENTRIES: u64 = 1_000;

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
pub(in crate::ingest) struct UnruledList {
    waits: Vec<(i64, Unruled)>,
    /// Whether those are among them that waited when the server started.
    has_looked_back: bool,
}

impl UnruledList {
    pub(super) fn extend(&mut self, unruled: Vec<Unruled>, now_ms: i64) {
        for unruled in unruled {
            let is_same = |(_, known): &(i64, Unruled)| {
                (known.record, known.proposal) == (unruled.record, unruled.proposal)
            };
            if !self.waits.iter().any(is_same) {
                self.waits.push((now_ms, unruled));
            }
        }
    }

    fn overdue(&self, now_ms: i64) -> usize {
        let over = |since: i64| now_ms.saturating_sub(since) >= PATIENCE_MS;
        let too_many = self.waits.len().saturating_sub(MOST);
        let waits = self.waits.iter();
        let late = waits.take_while(|(since, _)| over(*since)).count();
        late.max(too_many)
    }
}

impl Sequencer {
    /// Whether a proposal waits for its old ruling: a round some time from now will rule on it.
    pub fn waits_for_rulings(&self) -> bool {
        !self.unruled.waits.is_empty()
    }

    /// Rules on proposals whose old rulings did not come in time. One that cannot be ruled on, because
    /// something stored does not read back, keeps no round from what others wait for.
    pub(in crate::ingest) fn rule_on_overdue(&mut self, now_ms: i64) -> Result<(), StoreError> {
        if !self.unruled.has_looked_back {
            let left_over = left_over(&*self.store)?;
            self.unruled.extend(left_over, now_ms);
            self.unruled.has_looked_back = true;
        }
        let overdue = self.unruled.overdue(now_ms);
        if overdue == 0 {
            return Ok(());
        }
        let waits = &self.unruled.waits[..overdue];
        let all: Vec<Unruled> = waits.iter().map(|(_, unruled)| unruled.clone()).collect();
        if contained(|| self.rule_on(&all, now_ms))?.is_none() {
            for unruled in all.chunks(1) {
                if contained(|| self.rule_on(unruled, now_ms))?.is_none() {
                    let record = unruled[0].record;
                    tracing::error!(%record, "a step that came back is not ruled on");
                }
            }
        }
        self.unruled.waits.drain(..overdue);
        Ok(())
    }

    fn rule_on(&mut self, unruled: &[Unruled], now_ms: i64) -> Result<(), StoreError> {
        let store = std::sync::Arc::clone(&self.store);
        let directory = self.directory.now();
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        let mut desk = Desk::new(circumstances, store.head()?, &mut self.memory);
        for unruled in unruled {
            desk.rule_anew(unruled)?;
        }
        desk.close().map(drop)
    }
}

/// Proposals that came back shortly before the server stopped, without a ruling until now.
fn left_over(store: &dyn Store) -> Result<Vec<Unruled>, StoreError> {
    let mut unruled = Vec::new();
    for (record, received) in came_back_lately(store)? {
        match unruled_of(store, record, &received) {
            // It is put before an office as soon as somebody writes in it.
            Err(StoreError::Damaged { .. }) => {}
            found => unruled.extend(found?),
        }
    }
    Ok(unruled)
}

/// The changes that came back at the end of the log, by record, each with when it was first received.
fn came_back_lately(
    store: &dyn Store,
) -> Result<BTreeMap<RecordId, BTreeMap<Digest, i64>>, StoreError> {
    let mut came = BTreeMap::<RecordId, BTreeMap<Digest, i64>>::new();
    let head = store.head()?;
    // Nothing comes back to a log that lost nothing.
    let epochs = store.epochs()?.into_iter();
    let begun = epochs.filter(|epoch| epoch.epoch > 1);
    let Some(base) = begun.map(|epoch| epoch.base).max() else {
        return Ok(came);
    };
    let last_ms = store.entry_time(head.seq)?.unwrap_or(i64::MIN);
    let mut to = head.seq;
    let mut is_late = true;
    while to > base && is_late {
        let after = to.saturating_sub(ENTRIES).max(base);
        let count = usize::try_from(to - after).unwrap_or(usize::MAX);
        for stored in store.entries(after, count)? {
            let entry = LogEntry::from_bytes(&stored.canonical);
            let entry = entry.map_err(|_| StoreError::Damaged {
                what: "log entry",
                id: stored.seq.to_string(),
            })?;
            is_late &= last_ms.saturating_sub(entry.at_ms) <= LOOKS_BACK_MS;
            if let (Fact::Admit { change, .. }, Some(origin)) = (&entry.fact, entry.origin) {
                let record = RecordId::from_bytes(entry.record.0);
                came.entry(record)
                    .or_default()
                    .insert(*change, origin.at_ms);
            }
        }
        to = after;
    }
    Ok(came)
}

/// The proposals of a record that nobody ruled on, as far as one of those changes put them.
fn unruled_of(
    store: &dyn Store,
    record: RecordId,
    received: &BTreeMap<Digest, i64>,
) -> Result<Vec<Unruled>, StoreError> {
    let working = Working::load(store, record)?;
    let document = working.history.document();
    let Ok(view) = RecordView::read(document) else {
        return Ok(Vec::new());
    };
    let changes = store.record_changes(record)?;
    let proposals = view.proposals.into_keys();
    let open = proposals.filter(|id| !working.ruled_proposals.contains(id.as_bytes()));
    Ok(open
        .filter_map(|proposal| {
            // A change names in full what it puts, and the first that names it is the one that did.
            let name = proposal.to_string();
            let mut changes = changes.iter();
            let put = changes.find(|change| {
                let mut parts = change.bytes.windows(name.len());
                parts.any(|part| part == name.as_bytes())
            })?;
            Some(Unruled {
                record,
                proposal,
                stored: RecordView::stored_proposal(document, proposal)?,
                received_ms: *received.get(&put.hash)?,
            })
        })
        .collect())
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
