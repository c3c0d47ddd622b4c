//! What the log had said of a record beside its changes: rulings, moves, leaving, erasing.

use gridlog_domain::id::{AreaCode, EntryId, RecordId};
use gridlog_domain::record::{RecordView, proposal_hash};
use gridlog_domain::reference::AreaLevel;
use gridlog_domain::time::CountedTime;
use gridlog_domain::workflow::{Stage, Step, Timer, TimerKind};
use gridlog_protocol::{Fact, LogEntry, Origin};

use super::super::ledger::Ledger;
use super::Taking;
use crate::outside::{Erasure, ErasureReason};
use crate::store::StoreError;

impl Taking<'_> {
    pub(super) fn take_ruling(
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
        self.on(record, origin, |ledger| {
            let document = ledger.working.history.document();
            let stored = RecordView::stored_proposal(document, id);
            let stored = stored.filter(|stored| proposal_hash(stored) == hash.0);
            match (stored, stage_of(stage, ledger)) {
                (Some(stored), Some(stage)) => {
                    ledger.rule_as_before((id, &stored), refused.clone(), counts_at, stage)
                }
                _ => Ok(()),
            }
        })
    }

    /// What the clock had done stays done, and is not done a second time: where this log did it anew, it
    /// says so already. It counts unless a step that came later undid it.
    pub(super) fn take_timer(
        &mut self,
        record: RecordId,
        entry: &LogEntry,
        origin: Origin,
    ) -> Result<(), StoreError> {
        let Fact::Timer {
            kind,
            level,
            due_ms,
        } = &entry.fact
        else {
            return Ok(());
        };
        let level = level.as_deref().and_then(AreaLevel::from_code);
        let Some(kind) = TimerKind::from_code(kind, level) else {
            return Ok(());
        };
        let story = self.story(record)?;
        if story.iter().any(|told| told.fact == entry.fact) {
            return Ok(());
        }
        let mut later = story.iter().filter(|told| told.not_before(origin));
        let is_undone = later.any(|told| told.step().is_some_and(|step| kind.is_undone_by(step)));
        let timer = Timer {
            due_ms: *due_ms,
            kind,
        };
        self.on(record, origin, |ledger| match &ledger.working.ruled {
            Some(ruled) if ruled.state.is_some() => ledger.enter_timer(timer, !is_undone),
            _ => Ok(()),
        })
    }

    /// A move counts if the record did not move later. One to where the record is is entered too, so that
    /// an older one that comes after it does not count.
    pub(super) fn take_assignment(
        &mut self,
        record: RecordId,
        area: &str,
        origin: Origin,
    ) -> Result<(), StoreError> {
        let area = AreaCode::new(area);
        let is_known = self.desk.circumstances.directory.areas.get(&area).is_some();
        if !is_known || self.moved_after(record, origin)? || self.is_first_place(record, origin)? {
            return Ok(());
        }
        self.on(record, origin, |ledger| match &ledger.working.ruled {
            Some(ruled) if ruled.area != area => ledger.relocate(&area),
            Some(_) => {
                let area = area.as_str().to_owned();
                ledger.append(Fact::Assignment { area });
                Ok(())
            }
            None => Ok(()),
        })
    }

    /// A record leaves the phones again if nothing happened to it later.
    pub(super) fn take_archiving(
        &mut self,
        record: RecordId,
        origin: Origin,
    ) -> Result<(), StoreError> {
        let story = self.story(record)?;
        if story.iter().any(|told| told.not_before(origin)) {
            return Ok(());
        }
        self.on(record, origin, |ledger| {
            if ledger.working.ruled.is_some() && !ledger.working.archived {
                ledger.archive();
            }
            Ok(())
        })
    }

    /// What was erased stays so, also where the record has not come back yet.
    pub(super) fn take_erasure(
        &mut self,
        record: RecordId,
        by: &str,
        origin: Origin,
    ) -> Result<(), StoreError> {
        let is_new = self.on(record, origin, |ledger| {
            let is_new = !ledger.working.erased;
            if is_new {
                ledger.erase(by);
            }
            Ok(is_new)
        })?;
        if is_new {
            self.erasures.push(Erasure {
                record,
                at_ms: self.desk.circumstances.now_ms,
                reason: ErasureReason::GivenBack,
                by: by.into(),
            });
        }
        Ok(())
    }

    /// Whether the record left the phones at `origin` or after it.
    pub(super) fn was_archived_after(
        &self,
        record: RecordId,
        origin: Origin,
    ) -> Result<bool, StoreError> {
        let story = self.story(record)?;
        let mut backwards = story.iter().rev();
        let last = backwards.find(|told| told.fact == Fact::Archived);
        Ok(last.is_some_and(|told| told.not_before(origin)))
    }

    fn moved_after(&self, record: RecordId, origin: Origin) -> Result<bool, StoreError> {
        let story = self.story(record)?;
        let places = story
            .iter()
            .filter(|told| matches!(told.fact, Fact::Assignment { .. }));
        // The first place of a record is no move, whenever it was taken back.
        let mut moves = places.skip(1);
        Ok(moves.any(|told| told.not_before(origin)))
    }

    /// Whether the entry that stood there is the record's first place, which came back with its first
    /// change: it stood right behind that, or came back with it once before.
    fn is_first_place(&self, record: RecordId, origin: Origin) -> Result<bool, StoreError> {
        let story = self.story(record)?;
        let mut places = story.iter();
        let first = places.find(|told| matches!(told.fact, Fact::Assignment { .. }));
        Ok(first.is_some_and(|told| {
            let (epoch, seq) = told.stood;
            epoch == origin.epoch && (seq == origin.seq || seq + 1 == origin.seq)
        }))
    }

    /// What this log says of a record, and what is about to be entered, in order.
    fn story(&self, record: RecordId) -> Result<Vec<Told>, StoreError> {
        let stored = self.desk.circumstances.store.record_entries(record)?;
        let entered = self.desk.batch.entries.iter();
        let entered = entered.filter(|entry| entry.record == record);
        stored
            .iter()
            .map(|entry| (entry.seq, &entry.canonical))
            .chain(entered.map(|entry| (entry.seq, &entry.canonical)))
            .map(|(seq, canonical)| {
                let entry = LogEntry::from_bytes(canonical).map_err(|_| StoreError::Damaged {
                    what: "log entry",
                    id: seq.to_string(),
                })?;
                Ok(Told {
                    stood: match entry.origin {
                        None => (self.epoch_of(seq), seq),
                        Some(origin) => self.branches.born(origin.epoch, origin.seq),
                    },
                    fact: entry.fact,
                })
            })
            .collect()
    }

    /// The epoch in which an entry of this log was entered.
    fn epoch_of(&self, seq: u64) -> u64 {
        let begun = self.epochs.iter().filter(|epoch| epoch.base < seq);
        begun.map(|epoch| epoch.epoch).max().unwrap_or(0)
    }
}

/// A fact, and where it stood first: epoch and number.
struct Told {
    stood: (u64, u64),
    fact: Fact,
}

impl Told {
    /// The step that was taken, if one was.
    fn step(&self) -> Option<Step> {
        match &self.fact {
            Fact::Ruling {
                step,
                refused: None,
                ..
            } => Step::from_code(step),
            _ => None,
        }
    }

    fn not_before(&self, origin: Origin) -> bool {
        self.stood >= (origin.epoch, origin.seq)
    }
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
