//! What offices and operators do at the server.

use gridlog_domain::id::{AreaCode, EntryId, PersonId, RecordId};
use gridlog_domain::record::{Command, Comment, LogPosition, Proposal, StepDetails};
use gridlog_domain::reference::Person;
use gridlog_domain::workflow::Step;
use gridlog_protocol::Digest;
use gridlog_sync_server::ingest::{OfficeError, OfficeWrite, OfficeWritten, Sequencer};
use gridlog_sync_server::outside::{Erasure, ErasureReason};
use gridlog_sync_server::store::{OfficeDecision, Store as _, StoredPerson};

use gridlog_domain::environment::Clock as _;

use super::{Done, House};

/// What came of an office's wish.
pub(crate) type OfficeDone = Done<OfficeWritten>;

fn told<T>(result: Result<T, OfficeError>) -> Done<T> {
    match result {
        Ok(done) => Done::Ok(done),
        Err(OfficeError::Store(error)) => Done::Failed(error.to_string()),
        Err(OfficeError::Failed) => Done::Failed("the server failed".to_owned()),
        Err(other) => Done::Refused(other.to_string()),
    }
}

impl House {
    fn office(&mut self, by: PersonId, record: RecordId, command: Command) -> OfficeDone {
        let now_ms = self.clock.now_ms();
        let Some(running) = self.running() else {
            return Done::Off;
        };
        let wish = OfficeWrite {
            by,
            record,
            commands: vec![command],
        };
        let written = running.sequencer.borrow_mut().office_write(now_ms, &wish);
        if self.machine.is_down() {
            return Done::Off;
        }
        told(written)
    }

    /// An office takes a step.
    pub(crate) fn office_step(
        &mut self,
        by: PersonId,
        record: RecordId,
        step: Step,
        details: StepDetails,
    ) -> OfficeDone {
        let at_ms = self.clock.now_ms();
        let id = EntryId::new(at_ms, &mut self.entropy);
        let proposal = Proposal {
            step,
            by: by.clone(),
            at_ms,
            offset_ms: Some(0),
            seen: LogPosition::default(),
            details,
        };
        let proposal = Box::new(proposal);
        self.office(by, record, Command::Propose { id, proposal })
    }

    /// An office says something.
    pub(crate) fn office_comment(
        &mut self,
        by: PersonId,
        record: RecordId,
        text: &str,
    ) -> OfficeDone {
        let at_ms = self.clock.now_ms();
        let id = EntryId::new(at_ms, &mut self.entropy);
        let comment = Comment {
            text: text.to_owned(),
            by: by.clone(),
            at_ms,
        };
        self.office(by, record, Command::Comment { id, comment })
    }

    /// An office lets a reviewed item in, or dismisses it.
    pub(crate) fn review(&mut self, item: Digest, by: PersonId, admits: bool) -> Done<()> {
        let decision = OfficeDecision {
            by,
            reason: "看过".to_owned(),
        };
        let Some(running) = self.running() else {
            return Done::Off;
        };
        let mut sequencer = running.sequencer.borrow_mut();
        let decided = if admits {
            sequencer.clear(item, decision)
        } else {
            sequencer.dismiss(item, decision)
        };
        drop(sequencer);
        if self.machine.is_down() {
            return Done::Off;
        }
        told(decided)
    }

    /// An office rules that a record lives in another area.
    pub(crate) fn relocate(&mut self, record: RecordId, area: &str) -> Done<u64> {
        self.sequence(|sequencer, now_ms| sequencer.relocate(now_ms, record, &AreaCode::new(area)))
    }

    /// Cases that were over for two hours leave the phones.
    pub(crate) fn archive(&mut self) -> Done<usize> {
        const AFTER_MS: i64 = 2 * 3_600_000;
        self.sequence(|sequencer, now_ms| Ok(sequencer.archive_closed(now_ms, AFTER_MS, 100)?))
    }

    /// An office seals the log.
    pub(crate) fn seal(&mut self) -> Done<u64> {
        self.sequence(|sequencer, now_ms| Ok(sequencer.seal(now_ms, &PersonId::new("O1"))?))
    }

    /// An office erases a record.
    pub(crate) fn erase(&mut self, record: RecordId) -> Done<Option<u64>> {
        self.sequence(|sequencer, at_ms| {
            sequencer.erase(&Erasure {
                record,
                at_ms,
                reason: ErasureReason::PersonAsked,
                by: PersonId::new("O1"),
            })
        })
    }

    fn sequence<T>(
        &mut self,
        work: impl FnOnce(&mut Sequencer, i64) -> Result<T, OfficeError>,
    ) -> Done<T> {
        let now_ms = self.clock.now_ms();
        let Some(running) = self.running() else {
            return Done::Off;
        };
        let done = work(&mut running.sequencer.borrow_mut(), now_ms);
        if self.machine.is_down() {
            return Done::Off;
        }
        told(done)
    }

    /// An operator changes what the directory says of a person.
    pub(crate) fn change_person(
        &mut self,
        id: &PersonId,
        change: impl FnOnce(&mut Person),
    ) -> Done<()> {
        self.with(|running, _| {
            let directory = running.directory.now();
            let Some(person) = directory.person(id) else {
                return Ok(());
            };
            let mut person = person.clone();
            change(&mut person);
            running.store.put_people(&[StoredPerson {
                person,
                password_hash: None,
            }])?;
            running.directory.refresh(&*running.store)
        })
    }
}
