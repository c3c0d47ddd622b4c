//! The sequencer: one order for everything (DESIGN section 6).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gridlog_domain::id::{DeviceId, RecordId};
use gridlog_merge_guard::Limits;
use gridlog_protocol::Digest;

use super::ahead::Ahead;
use super::decide::{Circumstances, Incoming};
use super::held::Held;
use super::load::{Load, RoundBounds};
use super::memory::Memory;
use super::published::Published;
use super::take_back::UnruledList;
use super::timers::Patience;
use super::turns::Turns;
use super::workers::{Alone, Workers};
use super::working::Working;
use crate::directory::SharedDirectory;
use crate::outside::{Outside, OutsideMemory};
use crate::store::{Batch, Decision, InboxItem, ItemStatus, Store, StoreError, WaitingDevice};

/// Most held back items that are decided on as soon as what they wait for is; the others come up in
/// the rounds after.
const AT_ONCE: usize = 64;

/// How often a round begins again because an item broke it. After that it ends before the next such
/// item, so that many of them do not make it long; that item comes up in the round after.
const MOST_BREAKDOWNS: u32 = 3;

/// What a round did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// How many items it decided on.
    pub decided: usize,
    /// Number of the last log entry after it.
    pub head: u64,
    /// Whether there is more to decide on now.
    pub more: bool,
    /// Whose items waited when it began.
    pub waited: Vec<WaitingDevice>,
}

/// Decides on the inbox, round by round. Only one may run on a log at a time; the store refuses a
/// batch that was decided on another head.
pub struct Sequencer {
    pub(super) store: Arc<dyn Store>,
    pub(super) directory: SharedDirectory,
    pub(super) limits: Limits,
    pub(super) memory: Memory,
    pub(super) outside: Arc<dyn Outside>,
    pub(super) unruled: UnruledList,
    /// The calendar and limits by which every open case is known to be timed; see
    /// [`crate::directory::Timing::stamp`].
    pub(super) timed_by: Option<u32>,
    pub(super) patience: Patience,
    workers: Arc<dyn Workers>,
    bounds: RoundBounds,
    turns: Turns,
    /// From this come the actors with which this server writes for offices; fresh at every start.
    pub(super) actor: [u8; 16],
}

impl std::fmt::Debug for Sequencer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sequencer").finish_non_exhaustive()
    }
}

/// The records of a round, and what was decided about its items.
pub(super) struct Desk<'a> {
    pub(super) circumstances: Circumstances<'a>,
    pub(super) batch: Batch,
    pub(super) working: BTreeMap<RecordId, Working>,
    touched: Vec<RecordId>,
    memory: &'a mut Memory,
    queue: VecDeque<InboxItem>,
    /// What was found out about the items that come next, and how many more of them it covers.
    ahead: (Ahead, usize),
    load: Load,
    held: Held,
    held_back: BTreeMap<RecordId, Vec<(ItemStatus, InboxItem)>>,
    /// Whether the store held anything back when it was asked, which stays so for the round.
    store_holds_back: Option<bool>,
    decided: BTreeMap<Digest, ItemStatus>,
    revoked: BTreeMap<DeviceId, bool>,
    /// What this round decided, by the hash of the change.
    fates: BTreeMap<(RecordId, Digest), ItemStatus>,
}

impl Sequencer {
    /// A sequencer over a store. `actor` is 16 random bytes, fresh at every start: the actors of offices
    /// are made from it. What must outlive a
    /// restore of the store it keeps in memory, unless it is told otherwise.
    pub fn new(
        store: Arc<dyn Store>,
        directory: SharedDirectory,
        limits: Limits,
        actor: [u8; 16],
    ) -> Self {
        Self {
            store,
            directory,
            limits,
            memory: Memory::default(),
            outside: Arc::new(OutsideMemory::default()),
            unruled: UnruledList::default(),
            timed_by: None,
            patience: Patience::default(),
            workers: Arc::new(Alone),
            bounds: RoundBounds::default(),
            turns: Turns::default(),
            actor,
        }
    }

    /// Keeps its rounds within these bounds.
    #[must_use]
    pub fn within(self, bounds: RoundBounds) -> Self {
        Self { bounds, ..self }
    }

    /// Lets these judge changes ahead. What is decided does not depend on them.
    #[must_use]
    pub fn with_workers(self, workers: Arc<dyn Workers>) -> Self {
        Self { workers, ..self }
    }

    /// What was made known since this was asked last; `None` if nobody would see anything.
    pub fn take_published(&mut self) -> Option<Published> {
        let published = std::mem::take(&mut self.memory.published);
        (!published.is_empty()).then_some(published)
    }

    /// Keeps there what must outlive a restore of the store.
    #[must_use]
    pub fn beside(self, outside: Arc<dyn Outside>) -> Self {
        Self { outside, ..self }
    }

    /// Decides on about `limit` items at most, and commits. A device's items are decided on in the
    /// order of their arrival; between devices a round is shared out, and it is bounded in bytes and
    /// in work too. What does not fit comes up in a round after. An item that was held back is decided
    /// on in the round that decides on what it waits for, or soon after.
    ///
    /// An item on which deciding breaks down, because a stored record does not read back or because
    /// of a fault in this code, is put before an office, and the round begins again without it: one
    /// item must not stop everybody's day.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of the round counts, and it can be tried again.
    pub fn round(&mut self, now_ms: i64, limit: usize) -> Result<Round, StoreError> {
        self.rule_on_overdue(now_ms)?;
        let waited = self.store.waiting_devices()?;
        let plan = self.turns.plan(waited.clone(), limit);
        let items = self.store.undecided(&plan, self.bounds.bytes)?;
        let mut broken = BTreeSet::new();
        let mut breakdowns = 0;
        let mut end = items.len();
        loop {
            match self.attempt(now_ms, &items[..end], &broken)? {
                Attempt::Committed(done) => {
                    self.turns.served(&waited, &done.served);
                    let all: usize = waited.iter().map(|device| device.items).sum();
                    return Ok(Round {
                        decided: done.decided,
                        head: done.head,
                        more: done.left || all > end,
                        waited,
                    });
                }
                Attempt::BrokenBy(names) => {
                    tracing::error!(
                        items = names.len(),
                        "deciding broke down; an office decides"
                    );
                    breakdowns += 1;
                    let is_named = |item: &InboxItem| names.contains(&item.pushed.item);
                    match items[..end].iter().position(is_named) {
                        Some(at) if at > 0 && breakdowns > MOST_BREAKDOWNS => end = at,
                        _ => broken.extend(names),
                    }
                }
            }
        }
    }

    fn attempt(
        &mut self,
        now_ms: i64,
        items: &[InboxItem],
        broken: &BTreeSet<Digest>,
    ) -> Result<Attempt, StoreError> {
        let store = Arc::clone(&self.store);
        let workers = Arc::clone(&self.workers);
        let directory = self.directory.now();
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        let devices: BTreeSet<DeviceId> = items.iter().map(|item| item.pushed.device).collect();
        let mut desk = Desk::new(circumstances, store.head()?, &mut self.memory);
        desk.load = Load::new(self.bounds.work, devices.len());
        desk.held = Held::new(self.bounds);
        desk.queue.extend(items.iter().cloned());
        let mut left = false;
        loop {
            desk.look_ahead(&*workers);
            let Some(item) = desk.queue.pop_front() else {
                break;
            };
            let name = item.pushed.item;
            if broken.contains(&name) {
                let status = ItemStatus::Review("record_damaged".to_owned());
                let status = desk.limit(&item, status)?;
                desk.note(&item, status);
            } else if !desk.load.has_room(item.pushed.device) {
                desk.leave(&item);
                left = true;
            } else if contained(|| desk.decide_item(item))?.is_none() {
                return Ok(Attempt::BrokenBy(vec![name]));
            }
        }
        if let Some(broken) = desk.enter_rows(&*workers)? {
            let of_record = items.iter().filter(|item| item.pushed.record == broken);
            return Ok(Attempt::BrokenBy(
                of_record.map(|item| item.pushed.item).collect(),
            ));
        }
        Ok(Attempt::Committed(Done {
            decided: desk.count_decided(),
            left: left || !desk.batch.released.is_empty(),
            served: desk.load.served(),
            head: desk.commit()?,
        }))
    }
}

/// What an attempt at a round came to.
enum Attempt {
    Committed(Done),
    BrokenBy(Vec<Digest>),
}

/// What an attempt that was committed did.
struct Done {
    decided: usize,
    /// Whether items were left for another round.
    left: bool,
    served: Vec<DeviceId>,
    head: u64,
}

/// Runs `work`; `None` if it panicked or met something stored that does not read back. The caller
/// then drops what `work` was changing.
pub(super) fn contained<T>(
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(Some(value)),
        Ok(Err(StoreError::Damaged { what, id })) => {
            tracing::error!(what, id, "something stored does not read back");
            Ok(None)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        circumstances: Circumstances<'a>,
        head: crate::store::LogHead,
        memory: &'a mut Memory,
    ) -> Self {
        let bounds = RoundBounds::default();
        Self {
            circumstances,
            batch: Batch::on(head),
            working: BTreeMap::new(),
            touched: Vec::new(),
            memory,
            queue: VecDeque::new(),
            ahead: (Ahead::default(), 0),
            load: Load::new(bounds.work, 1),
            held: Held::new(bounds),
            held_back: BTreeMap::new(),
            store_holds_back: None,
            decided: BTreeMap::new(),
            revoked: BTreeMap::new(),
            fates: BTreeMap::new(),
        }
    }

    /// The record, loaded once a round.
    pub(super) fn working(&mut self, id: RecordId) -> Result<Working, StoreError> {
        if let Some(working) = self
            .working
            .remove(&id)
            .or_else(|| self.memory.cache.take(id))
        {
            return Ok(working);
        }
        Working::load(self.circumstances.store, id)
    }

    /// Drops a record that may be loaded: what was loaded is not what the store holds after this.
    pub(super) fn forget(&mut self, id: RecordId) {
        drop(self.memory.cache.take(id));
    }

    /// Decides on a change and notes a record that it touched.
    pub(super) fn decide(
        &mut self,
        id: RecordId,
        incoming: &Incoming<'_>,
    ) -> Result<ItemStatus, StoreError> {
        self.decide_judged(id, incoming, |_| None)
    }

    /// Puts a record back, and notes whether the log says something new of it.
    pub(super) fn put_back(&mut self, working: Working, is_touched: bool) {
        if is_touched && !self.touched.contains(&working.id) {
            self.touched.push(working.id);
        }
        self.working.insert(working.id, working);
    }

    fn decide_item(&mut self, item: InboxItem) -> Result<(), StoreError> {
        let pushed = &item.pushed;
        let incoming = Incoming {
            bytes: &pushed.bytes,
            by: &pushed.person,
            offset_ms: pushed.offset_ms,
            received_ms: pushed.received_ms,
            device_is_revoked: self.is_revoked(pushed.device)?,
            scope_is_cleared: item.cleared_by.is_some(),
            from_device: true,
        };
        let found = self.ahead.0.take(pushed.item);
        let status = self.decide_judged(pushed.record, &incoming, |working| {
            found?.on(&working.history)
        })?;
        let status = self.blocked_in_this_round(pushed.record, status);
        let status = self.limit(&item, status)?;
        let (record, change) = (pushed.record, pushed.change);
        let gone_through = self.working.get(&record).map_or(0, |working| working.bytes);
        self.load
            .note(pushed.device, pushed.bytes.len(), gone_through);
        self.note(&item, status.clone());
        if let ItemStatus::Waiting(_) | ItemStatus::BlockedBy(_) = status {
            self.held_back
                .entry(record)
                .or_default()
                .push((status.clone(), item));
        }
        let settles = matches!(
            status,
            ItemStatus::Admitted(_) | ItemStatus::Refused(_) | ItemStatus::BlockedBy(_)
        );
        match change {
            Some(change) if settles => self.reconsider(record, change),
            _ => Ok(()),
        }
    }

    /// What was decided a moment ago about a dependency is not in the store yet.
    fn blocked_in_this_round(&self, record: RecordId, status: ItemStatus) -> ItemStatus {
        let ItemStatus::Waiting(missing) = &status else {
            return status;
        };
        match self.fates.get(&(record, *missing)) {
            Some(ItemStatus::Refused(_)) => ItemStatus::BlockedBy(*missing),
            Some(ItemStatus::BlockedBy(root)) => ItemStatus::BlockedBy(*root),
            _ => status,
        }
    }

    /// A device may have so much waiting for something, and no more.
    fn limit(&mut self, item: &InboxItem, status: ItemStatus) -> Result<ItemStatus, StoreError> {
        let stood = self.decided.get(&item.pushed.item);
        let stood = stood.unwrap_or(&item.pushed.status);
        let store = self.circumstances.store;
        self.held.limit(store, &item.pushed, stood, status)
    }

    /// Leaves an item for another round, in which it comes up by itself.
    fn leave(&mut self, item: &InboxItem) {
        let name = item.pushed.item;
        match item.pushed.status {
            ItemStatus::Received => self.decided.remove(&name),
            _ => self.decided.insert(name, ItemStatus::Received),
        };
    }

    /// How many items were decided on.
    fn count_decided(&self) -> usize {
        let statuses = self.decided.values();
        statuses
            .filter(|status| **status != ItemStatus::Received)
            .count()
    }

    fn note(&mut self, item: &InboxItem, status: ItemStatus) {
        if let Some(change) = item.pushed.change {
            self.fates
                .insert((item.pushed.record, change), status.clone());
        }
        self.decided.insert(item.pushed.item, status);
    }

    /// After a decision on a change, what waits for that very change is looked at again.
    fn reconsider(&mut self, record: RecordId, change: Digest) -> Result<(), StoreError> {
        let mut again = Vec::new();
        if let Some(held) = self.held_back.get_mut(&record) {
            let (waits, others) = std::mem::take(held)
                .into_iter()
                .partition(|(status, _)| *status == ItemStatus::Waiting(change));
            *held = others;
            let waits: Vec<(ItemStatus, InboxItem)> = waits;
            again.extend(waits.into_iter().map(|(_, item)| item));
        }
        let mut stored = self.held_back_by(record, change)?;
        if stored.len() > AT_ONCE {
            stored.truncate(AT_ONCE);
            self.batch.released.push((record, change));
        }
        again.extend(
            stored
                .into_iter()
                .filter(|item| !self.decided.contains_key(&item.pushed.item)),
        );
        again.sort_by_key(|item| item.arrival);
        for item in again.into_iter().rev() {
            self.queue.push_front(item);
        }
        Ok(())
    }

    /// What the store holds back because of a change. Mostly it holds back nothing at all.
    fn held_back_by(
        &mut self,
        record: RecordId,
        change: Digest,
    ) -> Result<Vec<InboxItem>, StoreError> {
        let store = self.circumstances.store;
        let holds_back = match self.store_holds_back {
            Some(known) => known,
            None => *self.store_holds_back.insert(store.holds_back()?),
        };
        match holds_back {
            true => store.held_back_by(record, change, AT_ONCE + 1),
            false => Ok(Vec::new()),
        }
    }

    fn is_revoked(&mut self, device: DeviceId) -> Result<bool, StoreError> {
        if let Some(revoked) = self.revoked.get(&device) {
            return Ok(*revoked);
        }
        let found = self.circumstances.store.device(device)?;
        let revoked = found.is_none_or(|device| device.revoked_ms.is_some());
        self.revoked.insert(device, revoked);
        Ok(revoked)
    }

    /// Enters a touched record, as it is after the round, into the batch.
    fn enter_row(&mut self, id: RecordId) -> Result<(), StoreError> {
        if let Some(working) = self.working.get_mut(&id).filter(|working| !working.erased) {
            let timing = &self.circumstances.directory.timing;
            self.batch.records.push(working.row(timing)?);
        }
        Ok(())
    }

    /// Enters what was touched and commits.
    pub(super) fn close(mut self) -> Result<u64, StoreError> {
        for id in self.touched.clone() {
            self.enter_row(id)?;
        }
        self.commit()
    }

    /// Commits the round. Records go back to the cache only if it held.
    fn commit(mut self) -> Result<u64, StoreError> {
        let decided = std::mem::take(&mut self.decided).into_iter();
        self.batch
            .decisions
            .extend(decided.map(|(item, status)| Decision {
                item,
                status,
                office: None,
            }));
        if !self.batch.is_empty() {
            let stored = self.circumstances.store.commit(&self.batch);
            mutated!(FailedCommitKept, stored.unwrap_or_default(), stored?);
            self.memory.published.note(&self.batch);
        }
        for working in std::mem::take(&mut self.working).into_values() {
            self.memory.cache.put(working);
        }
        Ok(self.batch.head.seq)
    }
}

mod together;

#[cfg(test)]
mod fairness;
#[cfg(test)]
mod tests;
