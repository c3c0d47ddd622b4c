//! Taking back what this log lost and a device still has (DESIGN section 7, repair).
//!
//! A restored server lacks what happened after its backup. Devices show it the very pages that it
//! signed then, so it can trust them, whoever wrote what they hold. Changes are admitted again,
//! rulings are entered as they were made, and only then is anything ruled on anew. What is here
//! already is passed over, so it does not matter how many devices bring the same, or in which order
//! they come.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::{AreaCode, EntryId, PersonId, RecordId};
use gridlog_domain::record::{RecordView, proposal_hash};
use gridlog_domain::time::CountedTime;
use gridlog_domain::workflow::Stage;
use gridlog_merge_guard::{Header, Limits, Outcome, receive};
use gridlog_protocol::{
    Digest, Fact, LogEntry, Origin, ProtocolError, Returned, SeenRecord, Statement, VerifyingKey,
    entry_hash,
};

use super::decide::{Circumstances, Incoming, begin, examine};
use super::ledger::Ledger;
use super::sequencer::{Desk, Sequencer};
use super::working::Working;
use crate::store::StoreError;

/// What a device gives back, its evidence being right.
#[derive(Debug, Clone)]
pub struct GivenBack {
    /// What the page said that brought it.
    pub statement: Statement,
    entries: Vec<LogEntry>,
    changes: Vec<(RecordId, Vec<u8>)>,
    seen: Vec<SeenRecord>,
}

impl GivenBack {
    /// Checks the evidence: this server signed it, and it names what is given back.
    ///
    /// # Errors
    /// [`ProtocolError::BadSignature`], [`ProtocolError::Malformed`].
    pub fn check(returned: Returned, key: &VerifyingKey) -> Result<Self, ProtocolError> {
        let statement = returned.evidence.check(key)?;
        let named: BTreeSet<&Digest> = returned.evidence.entries.iter().collect();
        let mut entries = Vec::with_capacity(returned.entries.len());
        for canonical in &returned.entries {
            if !named.contains(&entry_hash(&canonical.0)) {
                return Err(ProtocolError::BadSignature { what: "entry" });
            }
            entries.push(LogEntry::from_bytes(&canonical.0)?);
        }
        let changes = returned.changes.into_iter();
        Ok(Self {
            statement,
            entries,
            changes: changes
                .map(|change| (RecordId::from_bytes(change.record.0), change.change.0))
                .collect(),
            seen: returned.evidence.records,
        })
    }
}

/// Changes that were given back, by record and hash.
type Pool = BTreeMap<RecordId, BTreeMap<Digest, (Header, Vec<u8>)>>;

fn pool(given: &[GivenBack], limits: &Limits) -> Pool {
    let mut pool = Pool::new();
    for (record, bytes) in given.iter().flat_map(|given| &given.changes) {
        // Bytes that are no sound change were never admitted by anybody.
        if let Ok(header) = receive(bytes, limits) {
            let hash = Digest(header.hash.0);
            let of_record = pool.entry(*record).or_default();
            of_record.insert(hash, (header, bytes.clone()));
        }
    }
    pool
}

impl Sequencer {
    /// Takes back what devices give, as far as it is missing here and builds on what is here. Returns
    /// how many entries and changes were entered.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was entered.
    pub fn take_back(&mut self, now_ms: i64, given: &[GivenBack]) -> Result<u64, StoreError> {
        let store = std::sync::Arc::clone(&self.store);
        let directory = self.directory.now();
        let epochs = store.epochs()?;
        let base = epochs.last().map_or(0, |epoch| epoch.base);
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        let pool = pool(given, &self.limits);
        let mut taking = Taking {
            desk: Desk::new(circumstances, store.head()?, &mut self.cache),
            pool: &pool,
            base,
            deferred: Vec::new(),
            taken: 0,
        };
        let mut entries: Vec<(u64, &LogEntry)> = given
            .iter()
            .flat_map(|given| {
                let epoch = given.statement.position.epoch;
                given.entries.iter().map(move |entry| (epoch, entry))
            })
            .collect();
        entries.sort_by_key(|(epoch, entry)| (*epoch, entry.seq));
        for (epoch, entry) in entries {
            taking.take_entry(epoch, entry)?;
        }
        for given in given {
            for seen in &given.seen {
                taking.take_seen(&given.statement, seen)?;
            }
        }
        taking.rule_on_the_rest()?;
        let taken = taking.taken;
        taking.desk.close()?;
        Ok(taken)
    }
}

/// A proposal that came back without its ruling.
struct Deferred {
    record: RecordId,
    proposal: EntryId,
    stored: String,
    received_ms: i64,
}

struct Taking<'a> {
    desk: Desk<'a>,
    pool: &'a Pool,
    /// The last entry that this epoch took over.
    base: u64,
    deferred: Vec<Deferred>,
    taken: u64,
}

impl Taking<'_> {
    /// Works on one record and counts it as touched if the log grew.
    fn on<T>(
        &mut self,
        record: RecordId,
        origin: Origin,
        work: impl FnOnce(&mut Ledger<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut working = self.desk.working(record)?;
        let before = self.desk.batch.head.seq;
        let mut ledger = Ledger {
            circumstances: &self.desk.circumstances,
            batch: &mut self.desk.batch,
            working: &mut working,
            origin: Some(origin),
        };
        let done = work(&mut ledger)?;
        let grew = self.desk.batch.head.seq > before;
        self.desk.put_back(working, grew);
        self.taken += u64::from(grew);
        Ok(done)
    }

    fn take_entry(&mut self, epoch: u64, entry: &LogEntry) -> Result<(), StoreError> {
        let record = RecordId::from_bytes(entry.record.0);
        if self.is_here(entry)? {
            return Ok(());
        }
        let origin = entry.origin.unwrap_or(Origin {
            epoch,
            seq: entry.seq,
            at_ms: entry.at_ms,
        });
        match &entry.fact {
            Fact::Admit { change, by } => {
                self.take_change(record, *change, &PersonId::new(by.clone()), origin)?;
                Ok(())
            }
            Fact::Ruling { .. } => self.take_ruling(record, entry, origin),
            Fact::Assignment { area } => self.take_assignment(record, area, origin),
            Fact::Archived if self.is_quiet_since(record)? => self.on(record, origin, |ledger| {
                if ledger.working.ruled.is_some() && !ledger.working.archived {
                    ledger.archive();
                }
                Ok(())
            }),
            Fact::Erase { by } => self.on(record, origin, |ledger| {
                if ledger.working.ruled.is_some() {
                    ledger.erase(by);
                }
                Ok(())
            }),
            // Who sees a record follows from where it lives and who has it; epochs are this log's.
            Fact::Archived | Fact::Visible { .. } | Fact::Hidden { .. } | Fact::Epoch { .. } => {
                Ok(())
            }
        }
    }

    /// Whether this very entry is in this log.
    fn is_here(&self, entry: &LogEntry) -> Result<bool, StoreError> {
        let stored = self.desk.circumstances.store.entry(entry.seq)?;
        Ok(stored.is_some_and(|stored| stored.canonical == entry.to_bytes()))
    }

    fn take_change(
        &mut self,
        record: RecordId,
        change: Digest,
        by: &PersonId,
        origin: Origin,
    ) -> Result<bool, StoreError> {
        let bytes = self.pool.get(&record).and_then(|pool| pool.get(&change));
        let Some((_, bytes)) = bytes else {
            return Ok(false);
        };
        let incoming = Incoming {
            bytes,
            by,
            offset_ms: None,
            received_ms: origin.at_ms,
            device_is_revoked: false,
            scope_is_cleared: true,
        };
        let proposals = self.on(record, origin, |ledger| admit_again(ledger, &incoming))?;
        let Some(proposals) = proposals else {
            return Ok(false);
        };
        let deferred = proposals.into_iter().map(|(proposal, stored)| Deferred {
            record,
            proposal,
            stored,
            received_ms: origin.at_ms,
        });
        self.deferred.extend(deferred);
        Ok(true)
    }

    /// Where a whole record was seen, its heads prove every change below them.
    fn take_seen(&mut self, statement: &Statement, seen: &SeenRecord) -> Result<(), StoreError> {
        let record = RecordId::from_bytes(seen.record.0);
        let Some(pool) = self.pool.get(&record) else {
            return Ok(());
        };
        let origin = Origin {
            epoch: statement.position.epoch,
            seq: seen.as_of,
            at_ms: statement.server_ms,
        };
        let mut proven: Vec<Digest> = Vec::new();
        let mut next = seen.heads.clone();
        while let Some(hash) = next.pop() {
            if proven.contains(&hash) {
                continue;
            }
            if let Some((header, _)) = pool.get(&hash) {
                next.extend(header.deps.iter().map(|dep| Digest(dep.0)));
                proven.push(hash);
            }
        }
        // Found from the heads down; taken from the ground up.
        loop {
            let before = proven.len();
            let mut left = Vec::new();
            for hash in proven {
                let by = pool.get(&hash).and_then(|(header, _)| author(seen, header));
                let taken = match by {
                    Some(by) => self.take_change(record, hash, &by, origin)?,
                    None => false,
                };
                if !taken {
                    left.push(hash);
                }
            }
            proven = left;
            if proven.len() == before || proven.is_empty() {
                return Ok(());
            }
        }
    }

    fn take_ruling(
        &mut self,
        record: RecordId,
        entry: &LogEntry,
        origin: Origin,
    ) -> Result<(), StoreError> {
        let Fact::Ruling {
            proposal,
            proposal_hash: hash,
            refused,
            stage,
            counts_at_ms,
            time_flagged,
            ..
        } = &entry.fact
        else {
            return Ok(());
        };
        let id = EntryId::from_bytes(proposal.0);
        let counts_at = CountedTime {
            at_ms: *counts_at_ms,
            flagged: *time_flagged,
        };
        let deferred = &self.deferred;
        let came_back = deferred
            .iter()
            .find(|deferred| deferred.record == record && deferred.proposal == id)
            .map(|deferred| deferred.stored.clone());
        self.on(record, origin, |ledger| {
            let stored = match came_back {
                Some(stored) => Some(stored),
                None => stored_proposal(ledger.working, id),
            };
            let fits = |stored: &String| proposal_hash(stored) == hash.0;
            let (Some(stored), Some(stage)) = (stored.filter(fits), stage_of(stage, ledger)) else {
                return Ok(());
            };
            ledger.rule_as_before((id, &stored), refused.clone(), counts_at, stage)
        })
    }

    /// A move counts if nothing that this log knows of the record's place came later.
    fn take_assignment(
        &mut self,
        record: RecordId,
        area: &str,
        origin: Origin,
    ) -> Result<(), StoreError> {
        let entries = self.desk.circumstances.store.record_entries(record)?;
        let later = entries
            .iter()
            .filter(|entry| entry.seq > self.base)
            .filter_map(|entry| LogEntry::from_bytes(&entry.canonical).ok())
            .filter(|entry| matches!(entry.fact, Fact::Assignment { .. }))
            .any(|entry| entry.origin.is_none_or(|known| later(known, origin)));
        let area = AreaCode::new(area);
        let known = self.desk.circumstances.directory.areas.get(&area).is_some();
        if later || !known {
            return Ok(());
        }
        self.on(record, origin, |ledger| match &ledger.working.ruled {
            Some(ruled) if ruled.area != area => ledger.relocate(&area),
            _ => Ok(()),
        })
    }

    /// Whether nothing happened to the record in this epoch but what was given back.
    fn is_quiet_since(&self, record: RecordId) -> Result<bool, StoreError> {
        let entries = self.desk.circumstances.store.record_entries(record)?;
        Ok(entries
            .iter()
            .filter(|entry| entry.seq > self.base)
            .filter_map(|entry| LogEntry::from_bytes(&entry.canonical).ok())
            .all(|entry| entry.origin.is_some()))
    }

    /// What came back without a ruling is ruled on now.
    fn rule_on_the_rest(&mut self) -> Result<(), StoreError> {
        for deferred in std::mem::take(&mut self.deferred) {
            let mut working = self.desk.working(deferred.record)?;
            let mut ledger = Ledger {
                circumstances: &self.desk.circumstances,
                batch: &mut self.desk.batch,
                working: &mut working,
                origin: None,
            };
            if !ledger.working.erased {
                ledger.rule(deferred.proposal, &deferred.stored, deferred.received_ms)?;
            }
            self.desk.put_back(working, true);
        }
        Ok(())
    }
}

fn later(known: Origin, origin: Origin) -> bool {
    (known.epoch, known.seq) >= (origin.epoch, origin.seq)
}

fn author(seen: &SeenRecord, header: &Header) -> Option<PersonId> {
    let author = seen
        .authors
        .iter()
        .find(|author| author.actor.0.as_slice() == header.actor.to_bytes());
    author.map(|author| PersonId::new(author.person.clone()))
}

/// Admits a change again; its proposals, or `None` if it is here already or does not fit yet.
fn admit_again(
    ledger: &mut Ledger<'_, '_>,
    incoming: &Incoming<'_>,
) -> Result<Option<Vec<(EntryId, String)>>, StoreError> {
    if ledger.working.erased {
        return Ok(None);
    }
    let Ok(Outcome::Admitted(admitted)) = examine(ledger.circumstances, ledger.working, incoming)
    else {
        return Ok(None);
    };
    let begun = match &ledger.working.ruled {
        Some(_) => None,
        None => match begin(ledger.circumstances, incoming, &admitted) {
            Ok(ruled) => Some(ruled),
            Err(_) => return Ok(None),
        },
    };
    let (_, proposals) = ledger.enter(*admitted, begun, incoming)?;
    Ok(Some(proposals))
}

/// A proposal of a record that was never lost, as its text stands in the document.
fn stored_proposal(working: &Working, id: EntryId) -> Option<String> {
    RecordView::stored_proposal(working.history.document(), id)
}

/// The stage that a ruling led to; for other kinds than cases there is none.
fn stage_of(code: &str, ledger: &Ledger<'_, '_>) -> Option<Stage> {
    let is_case = ledger
        .working
        .ruled
        .as_ref()
        .is_some_and(|ruled| ruled.state.is_some());
    if is_case {
        Stage::from_code(code)
    } else {
        Some(Stage::default())
    }
}
