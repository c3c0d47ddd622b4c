//! Taking back what this log lost and a device still has (DESIGN section 7, repair).
//!
//! A restored server lacks what happened after its backup. Devices show it the very pages that it
//! signed then, so it can trust them, whoever wrote what they hold. Changes are admitted again,
//! rulings are entered as they were made, and only then is anything ruled on anew. What is here
//! already is passed over, so it does not matter how many devices bring the same, or in which order
//! they come.
//!
//! What came later counts: an entry that comes back undoes nothing that stood behind it or that
//! happened here since. That holds also where backups were restored more than once; see [`branches`].

mod branches;
mod facts;
mod given;
mod unruled;

use std::collections::BTreeSet;

use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::RecordView;
use gridlog_merge_guard::{Admitted, Outcome};
use gridlog_protocol::{Digest, Fact, Key, LogEntry, Origin, SeenRecord};

use super::decide::{Circumstances, Incoming, begin, examine, own_area};
use super::ledger::Ledger;
use super::sequencer::{Desk, Sequencer};
use super::working::Ruled;
use crate::outside::Erasure;
use crate::store::{Epoch, StoreError};
use branches::Branches;
pub use given::GivenBack;
use given::{Admission, Pool};
use unruled::Unruled;
pub(super) use unruled::UnruledList;

impl Sequencer {
    /// Takes back what devices give, as far as it is missing here and builds on what is here. Returns
    /// how many entries and changes were entered.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was entered.
    pub fn take_back(&mut self, now_ms: i64, given: &[GivenBack]) -> Result<u64, StoreError> {
        let store = std::sync::Arc::clone(&self.store);
        let directory = self.directory.now();
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        let epochs = store.epochs()?;
        let branches = Branches::new(&self.outside.begun()?, &epochs);
        let pool = Pool::new(given, &self.limits, &branches);
        let mut taking = Taking {
            desk: Desk::new(circumstances, store.head()?, &mut self.memory),
            pool: &pool,
            epochs,
            branches: &branches,
            deferred: Vec::new(),
            erasures: Vec::new(),
            taken: 0,
        };
        taking.take_all(given)?;
        let waits = taking.rule_on_the_rest()?;
        if !taking.erasures.is_empty() {
            self.outside.note_erased(&taking.erasures)?;
        }
        let taken = taking.taken;
        taking.desk.close()?;
        self.unruled.extend(waits, now_ms);
        Ok(taken)
    }
}

struct Taking<'a> {
    desk: Desk<'a>,
    pool: &'a Pool,
    epochs: Vec<Epoch>,
    branches: &'a Branches,
    /// Proposals that came back without a ruling so far, and whether it may still come.
    deferred: Vec<(Unruled, bool)>,
    erasures: Vec<Erasure>,
    taken: u64,
}

impl Taking<'_> {
    /// Takes entries in the order in which they stood, then what only whole records brought, and then
    /// the rulings on that.
    fn take_all(&mut self, given: &[GivenBack]) -> Result<(), StoreError> {
        // Rulings on what comes with a whole record come after it, and what the clock did after those.
        let seen = given.iter().flat_map(|given| &given.seen);
        let whole: BTreeSet<Key> = seen.map(|seen| seen.record).collect();
        self.take_entries(|entry| {
            !(matches!(entry.fact, Fact::Timer { .. }) && whole.contains(&entry.record))
        })?;
        for given in given {
            for seen in &given.seen {
                self.take_seen(given, seen)?;
            }
        }
        if whole.is_empty() {
            return Ok(());
        }
        self.take_entries(|_| true)
    }

    fn take_entries(&mut self, is_due: impl Fn(&LogEntry) -> bool) -> Result<(), StoreError> {
        let pool = self.pool;
        let entries = pool.entries.iter();
        entries
            .filter(|(_, entry)| is_due(entry))
            .try_for_each(|(origin, entry)| self.take_entry(*origin, entry))
    }

    /// Works on one record and counts it as touched if the log grew. A record that does not read back
    /// is passed over: it must not keep everything else from coming back.
    fn on<T: Default>(
        &mut self,
        record: RecordId,
        origin: Origin,
        work: impl FnOnce(&mut Ledger<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut working = match self.desk.working(record) {
            Err(StoreError::Damaged { what, id }) => {
                tracing::error!(what, id, "nothing is taken back: it does not read back");
                return Ok(T::default());
            }
            loaded => loaded?,
        };
        let stays_archived = working.archived && self.was_archived_after(record, origin)?;
        let before = self.desk.batch.head.seq;
        let mut ledger = Ledger {
            circumstances: &self.desk.circumstances,
            batch: &mut self.desk.batch,
            working: &mut working,
            origin: Some(origin),
            stays_archived,
        };
        let done = work(&mut ledger)?;
        let grew = self.desk.batch.head.seq > before;
        self.desk.put_back(working, grew);
        self.taken += u64::from(grew);
        Ok(done)
    }

    fn take_entry(&mut self, origin: Origin, entry: &LogEntry) -> Result<(), StoreError> {
        let record = RecordId::from_bytes(entry.record.0);
        if self.is_here(entry)? {
            return Ok(());
        }
        match &entry.fact {
            Fact::Admit { change, .. } => {
                let pool = self.pool;
                match pool.admission(record, *change) {
                    Some(admission) => self.take_change((record, *change), admission),
                    None => Ok(()),
                }
            }
            Fact::Ruling { .. } => self.take_ruling(record, entry, origin),
            Fact::Assignment { area } => self.take_assignment(record, area, origin),
            Fact::Archived => self.take_archiving(record, origin),
            Fact::Erase { by } => self.take_erasure(record, by, origin),
            Fact::Timer { .. } => self.take_timer(record, entry, origin),
            // Who sees a record follows from where it lives and who has it; epochs and seals are this log's, and
            // an office closes its day again on the log that there is now.
            Fact::Visible { .. }
            | Fact::Hidden { .. }
            | Fact::Epoch { .. }
            | Fact::Seal { .. }
            | Fact::DayClosed { .. }
            | Fact::DayReopened { .. } => Ok(()),
        }
    }

    /// Whether this very entry is in this log.
    fn is_here(&self, entry: &LogEntry) -> Result<bool, StoreError> {
        let stored = self.desk.circumstances.store.entry(entry.seq)?;
        Ok(stored.is_some_and(|stored| stored.canonical == entry.to_bytes()))
    }

    fn take_change(
        &mut self,
        (record, change): (RecordId, Digest),
        admission: &Admission,
    ) -> Result<(), StoreError> {
        let pool = self.pool;
        let origin = admission.origin;
        let Some(pooled) = pool.change(record, change) else {
            return Ok(());
        };
        let incoming = Incoming {
            bytes: &pooled.bytes,
            by: &admission.by,
            offset_ms: None,
            received_ms: origin.at_ms,
            device_is_revoked: false,
            scope_is_cleared: true,
            from_device: false,
        };
        let before = self.taken;
        let proposals = self.on(record, origin, |ledger| admit_again(ledger, &incoming))?;
        if self.taken > before {
            // A device may have sent what it built on this before anybody gave this back.
            self.desk.batch.released.push((record, change));
        }
        let deferred = proposals.into_iter().map(|(proposal, stored)| {
            let unruled = Unruled {
                record,
                proposal,
                stored,
                received_ms: origin.at_ms,
            };
            (unruled, admission.is_cut)
        });
        self.deferred.extend(deferred);
        Ok(())
    }

    /// Where a whole record was seen, its heads prove every change below them.
    fn take_seen(&mut self, given: &GivenBack, seen: &SeenRecord) -> Result<(), StoreError> {
        let record = RecordId::from_bytes(seen.record.0);
        let at = self.branches.first(Origin {
            epoch: given.statement.position.epoch,
            seq: seen.as_of,
            at_ms: given.statement.server_ms,
        });
        let pool = self.pool;
        for (hash, change) in pool.proven(seen) {
            let by_record = || {
                Some(Admission {
                    origin: at,
                    by: change.author(seen)?,
                    is_cut: !given.is_whole(),
                })
            };
            let named = pool.admission(record, hash).cloned();
            if let Some(admission) = named.or_else(by_record) {
                self.take_change((record, hash), &admission)?;
            }
        }
        Ok(())
    }

    /// What came back without a ruling is ruled on now, unless the ruling may still come. Returns what
    /// has to wait for that.
    fn rule_on_the_rest(&mut self) -> Result<Vec<Unruled>, StoreError> {
        let mut waits = Vec::new();
        for (unruled, may_come) in std::mem::take(&mut self.deferred) {
            if may_come {
                waits.push(unruled);
            } else {
                self.desk.rule_anew(&unruled)?;
            }
        }
        Ok(waits)
    }
}

/// Admits a change again; its proposals. None if it is here already or does not fit yet.
fn admit_again(
    ledger: &mut Ledger<'_, '_>,
    incoming: &Incoming<'_>,
) -> Result<Vec<(EntryId, String)>, StoreError> {
    if ledger.working.erased {
        return Ok(Vec::new());
    }
    let Ok(Outcome::Admitted(admitted)) = examine(ledger.circumstances, ledger.working, incoming)
    else {
        return Ok(Vec::new());
    };
    let begun = match &ledger.working.ruled {
        Some(_) => None,
        None => match begin_again(ledger.circumstances, incoming, &admitted) {
            Some(ruled) => Some(ruled),
            None => return Ok(Vec::new()),
        },
    };
    let (_, proposals) = ledger.enter(*admitted, begun, incoming)?;
    Ok(proposals)
}

/// Where a record lives that had begun before. The directory may be older than the record: what was
/// admitted is taken back even where nobody knows its area, and somebody above sees to it.
fn begin_again(
    circumstances: &Circumstances<'_>,
    incoming: &Incoming<'_>,
    admitted: &Admitted,
) -> Option<Ruled> {
    if let Ok(ruled) = begin(circumstances, incoming, admitted) {
        return Some(ruled);
    }
    let view = RecordView::read(admitted.history.document()).ok()?;
    let directory = circumstances.directory;
    let declared = directory
        .areas
        .get(&view.area)
        .map(|area| area.code.clone());
    let area = declared
        .or_else(|| own_area(directory, incoming.by))
        .or_else(|| directory.widest_area())?;
    Some(Ruled::new(view.kind, area, view.author))
}

#[cfg(test)]
mod tests;
