//! What offices do: write in records, and decide on what waits for them.
//!
//! An office's words go the same way as a phone's: they become a change, the change is admitted
//! by the same rules, its author's right to write there included, and its proposals are ruled on by
//! the same function.

use automerge::ActorId;
use gridlog_domain::id::{AreaCode, EntryId, PersonId, RecordId};
use gridlog_domain::record::{Author, Command, LogPosition, RecordError, write};
use gridlog_domain::workflow::RefusalReason;
use gridlog_protocol::{Digest, reason};
use sha2::{Digest as _, Sha256};

use super::decide::{Circumstances, Incoming};
use super::sequencer::{Desk, Sequencer};
use crate::store::{Decision, ItemStatus, OfficeDecision, StoreError};

/// Something that a person in an office writes.
#[derive(Debug, Clone)]
pub struct OfficeWrite {
    /// Who writes.
    pub by: PersonId,
    /// The record; a new one if its first command creates it.
    pub record: RecordId,
    /// What is written, as one change.
    pub commands: Vec<Command>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeWritten {
    /// The entry that admitted it; `None` if it changed nothing.
    pub seq: Option<u64>,
    /// For every proposal in it: accepted (`None`) or the reason.
    pub rulings: Vec<(EntryId, Option<RefusalReason>)>,
}

/// Why an office's wish is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The commands do not fit the record.
    #[error("the record does not take this: {0}")]
    Record(#[from] RecordError),
    /// The change that they make is not admitted.
    #[error("the change is not admitted: {0}")]
    NotAdmitted(String),
    /// The person sees the record, but may not write in it now; from a phone it would be put before an
    /// office.
    #[error("{0} may not write in this record now")]
    OutOfScope(PersonId),
    /// There is no such record, or it was erased.
    #[error("there is no record {0}")]
    UnknownRecord(RecordId),
    /// There is no such area, or it is not valid now.
    #[error("there is no area {0}, or it is not valid now")]
    UnknownArea(AreaCode),
    /// No such item waits for the office.
    #[error("item {0} does not wait for a decision")]
    NotWaiting(Digest),
    /// The item can never be admitted, for example because it is malformed.
    #[error("item {item} was refused as {code} and cannot be admitted; dismiss it instead")]
    CannotAdmit {
        /// The item.
        item: Digest,
        /// Its code.
        code: String,
    },
    /// The day is closed; it can be opened again, with a reason.
    #[error("the day {0} is closed")]
    DayClosed(String),
    /// The day is open: there is nothing to open again.
    #[error("the day {0} is not closed")]
    DayOpen(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server failed at it.
    #[error("the server could not do it; nothing was written")]
    Failed,
    /// The server is stopping.
    #[error("the server is stopping; try again")]
    Stopping,
}

impl Sequencer {
    /// Writes for an office, in the log when this returns.
    ///
    /// # Errors
    /// [`OfficeError`]; nothing was written.
    pub fn office_write(
        &mut self,
        now_ms: i64,
        wish: &OfficeWrite,
    ) -> Result<OfficeWritten, OfficeError> {
        let written = self.write_together(now_ms, std::slice::from_ref(wish))?;
        written.into_iter().next().ok_or(OfficeError::Failed)
    }

    /// Writes in several records, all or none.
    ///
    /// # Errors
    /// [`OfficeError`]; nothing was written.
    pub(super) fn write_together(
        &mut self,
        now_ms: i64,
        wishes: &[OfficeWrite],
    ) -> Result<Vec<OfficeWritten>, OfficeError> {
        let store = std::sync::Arc::clone(&self.store);
        let directory = self.directory.now();
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        let head = store.head()?;
        let actors = wishes.iter().map(|wish| self.actor_of(&wish.by));
        let actors: Vec<[u8; 16]> = actors.collect();
        let mut desk = Desk::new(circumstances, head, &mut self.memory);
        let mut written = Vec::with_capacity(wishes.len());
        for (wish, actor) in wishes.iter().zip(actors) {
            written.push(desk.write(wish, actor)?);
        }
        if written.iter().any(|written| written.seq.is_some()) {
            desk.close()?;
        }
        Ok(written)
    }

    /// The actor with which this server writes for a person. Everybody has their own: a phone that gives
    /// back a whole record names one person for each actor.
    fn actor_of(&self, person: &PersonId) -> [u8; 16] {
        let digest = Sha256::new()
            .chain_update(self.actor)
            .chain_update(person.as_str())
            .finalize();
        let mut actor = [0; 16];
        actor.copy_from_slice(&digest[..16]);
        actor
    }

    /// Lets a reviewed item in, as far as its bytes are sound. It is decided on in the next round.
    ///
    /// # Errors
    /// [`OfficeError::NotWaiting`], [`OfficeError::CannotAdmit`].
    pub fn clear(&mut self, item: Digest, by: OfficeDecision) -> Result<(), OfficeError> {
        match self.waiting_status(item)? {
            ItemStatus::Review(_) => self.settle(item, ItemStatus::Received, by),
            ItemStatus::Refused(code)
                if code == reason::AREA_NEVER_HELD && self.has_bytes(item)? =>
            {
                self.settle(item, ItemStatus::Received, by)
            }
            ItemStatus::Refused(code) => Err(OfficeError::CannotAdmit { item, code }),
            _ => Err(OfficeError::NotWaiting(item)),
        }
    }

    /// Takes an item off the list for good; its author's phone is told that it was dismissed, and is the
    /// only place where it is kept. What waits behind it is decided on again.
    ///
    /// # Errors
    /// [`OfficeError::NotWaiting`].
    pub fn dismiss(&mut self, item: Digest, by: OfficeDecision) -> Result<(), OfficeError> {
        match self.waiting_status(item)? {
            ItemStatus::Review(_) => {
                self.settle(item, ItemStatus::Refused(reason::DISMISSED.to_owned()), by)
            }
            refused @ ItemStatus::Refused(_) => self.settle(item, refused, by),
            _ => Err(OfficeError::NotWaiting(item)),
        }
    }

    /// Whether the bytes of an item were kept; see [`crate::store::QUARANTINED_BYTES_PER_DEVICE`].
    fn has_bytes(&self, item: Digest) -> Result<bool, OfficeError> {
        let found = self.store.inbox_item(item)?;
        Ok(found.is_some_and(|found| !found.pushed.bytes.is_empty()))
    }

    fn waiting_status(&self, item: Digest) -> Result<ItemStatus, OfficeError> {
        let statuses = self.store.item_statuses(&[item])?;
        statuses
            .into_iter()
            .next()
            .flatten()
            .ok_or(OfficeError::NotWaiting(item))
    }

    fn settle(
        &mut self,
        item: Digest,
        status: ItemStatus,
        by: OfficeDecision,
    ) -> Result<(), OfficeError> {
        let head = self.store.head()?;
        let mut batch = crate::store::Batch::on(head);
        batch.decisions.push(Decision {
            item,
            status,
            office: Some(by),
        });
        // What is held back by it comes up for decision again.
        if let Some(found) = self.store.inbox_item(item)?
            && let Some(change) = found.pushed.change
        {
            batch.released.push((found.pushed.record, change));
        }
        self.store.commit(&batch)?;
        Ok(())
    }
}

impl Desk<'_> {
    /// Decides on what an office writes in one record.
    fn write(&mut self, wish: &OfficeWrite, actor: [u8; 16]) -> Result<OfficeWritten, OfficeError> {
        let now_ms = self.circumstances.now_ms;
        let author = Author {
            person: wish.by.clone(),
            actor: ActorId::from(actor),
            now_ms,
        };
        let working = self.working(wish.record)?;
        let mut document = working.history.document().clone();
        self.working.insert(wish.record, working);
        let head = LogPosition {
            epoch: self.batch.on.epoch,
            seq: self.batch.on.seq,
        };
        let commands = at_head(&wish.commands, head);
        let Some(change) = write(&mut document, &author, &commands)? else {
            return Ok(OfficeWritten {
                seq: None,
                rulings: Vec::new(),
            });
        };
        let incoming = Incoming {
            bytes: change.raw_bytes(),
            by: &wish.by,
            offset_ms: Some(0),
            received_ms: now_ms,
            device_is_revoked: false,
            scope_is_cleared: false,
            from_device: false,
        };
        let seq = match self.decide(wish.record, &incoming)? {
            ItemStatus::Admitted(seq) => seq,
            ItemStatus::Review(_) => return Err(OfficeError::OutOfScope(wish.by.clone())),
            ItemStatus::Refused(code) if code == reason::AREA_NEVER_HELD => {
                return Err(OfficeError::OutOfScope(wish.by.clone()));
            }
            status => return Err(OfficeError::NotAdmitted(format!("{status:?}"))),
        };
        let rulings = self.batch.rulings.iter();
        let rulings = rulings
            .filter(|ruling| ruling.record == wish.record)
            .map(|ruling| {
                let reason = ruling.refused.as_deref().and_then(RefusalReason::from_code);
                (EntryId::from_bytes(ruling.proposal), reason)
            })
            .collect();
        Ok(OfficeWritten {
            seq: Some(seq),
            rulings,
        })
    }
}

/// An office acts on the log as it stands when it acts.
fn at_head(commands: &[Command], head: LogPosition) -> Vec<Command> {
    let mut commands = commands.to_vec();
    for command in &mut commands {
        if let Command::Propose { proposal, .. } = command {
            proposal.seen = head;
        }
    }
    commands
}
