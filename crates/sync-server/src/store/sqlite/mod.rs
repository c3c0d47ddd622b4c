//! [`Store`] on SQLite: one writer connection, readers apart (DESIGN section 8).

mod audit;
mod connection;
mod copies;
mod days;
mod directory;
mod exchange;
mod facts;
mod figures;
mod files;
mod inbox;
mod intake;
mod log;
mod migrate;
mod room;
mod rows;
mod tallies;
mod timers;
mod tree;
mod visibility;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gridlog_domain::channel::Channel;
use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_domain::metrics::Period;
use gridlog_domain::reference::Area;
use gridlog_proof::Node;
use gridlog_protocol::{Digest, Unsent};
use rusqlite::{Connection, Transaction};

use connection::{LONGEST_WAIT, Noting, commit};
use room::Rooms;

use super::Store;
use super::batch::{Batch, Decision};
use super::error::StoreError;
use super::facts::{
    AlikeCases, BoardCounts, BoardList, BoardPlace, CaseLine, CaseScope, CountQuery,
};
use super::model::{
    CaseFilter, ClosedDay, Device, DeviceStanding, Epoch, ExchangeQuery, ExchangeSlice, HeldItems,
    InboxItem, ItemStatus, LogHead, NearQuery, NewItem, Part, PrintedRecord, QuarantinedItem,
    RecordRow, ReportedFilter, StepCount, StoredChange, StoredEntry, StoredPerson, StoredRuling,
    WaitingDevice,
};
use crate::outside::Claim;

/// Most idle reader connections that are kept open.
const IDLE_READERS: usize = 4;

/// One district in one SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    /// Closed last: only a connection that may write leaves no WAL behind.
    writer: Mutex<Connection>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file, creating it or bringing its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] for a file of a newer server, which is left as it is.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut writer = connection::open_writer(path)?;
        migrate::run(&mut writer)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::new(Vec::new()),
        })
    }

    /// Runs `work` in a write transaction. Whatever it returns, an error rolls everything back.
    fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        commit(&mut self.writer(), work)
    }

    /// The same for what somebody can say again: once this returns it survives the end of the process, and the loss
    /// of power only with the next [`Self::write`].
    fn note<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer();
        commit(Noting::begin(&mut writer)?.writer(), work)
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A transaction that was open when somebody panicked was rolled back as it was dropped.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on one unchanging state of the database.
    fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut reader = match self.idle_readers().pop() {
            Some(reader) => reader,
            None => connection::open_reader(&self.path)?,
        };
        let transaction = reader.transaction()?;
        let value = work(&transaction)?;
        transaction.finish()?;
        let mut idle = self.idle_readers();
        if idle.len() < IDLE_READERS {
            idle.push(reader);
        }
        Ok(value)
    }

    /// Empties the WAL, which may hold what was erased or dismissed. If somebody reads just now, it is written over
    /// a little later.
    fn empty_wal(&self) {
        let writer = self.writer();
        let emptied = writer
            .busy_timeout(Duration::from_secs(1))
            .and_then(|()| writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
            .and_then(|()| writer.busy_timeout(LONGEST_WAIT));
        if let Err(error) = emptied {
            tracing::warn!(%error, "the WAL was not emptied after an erasure");
        }
    }

    fn idle_readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A connection is only ever in the list while nobody uses it, so a panic elsewhere
        // leaves the list sound.
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for SqliteStore {
    fn add_to_inbox(&self, items: &[NewItem]) -> Result<Vec<ItemStatus>, StoreError> {
        self.write(|tx| {
            let mut rooms = Rooms::default();
            let items = items.iter();
            items.map(|item| inbox::add(tx, item, &mut rooms)).collect()
        })
    }

    fn item_statuses(&self, items: &[Digest]) -> Result<Vec<Option<ItemStatus>>, StoreError> {
        self.read(|tx| items.iter().map(|item| inbox::status(tx, *item)).collect())
    }

    fn waiting_devices(&self) -> Result<Vec<WaitingDevice>, StoreError> {
        self.read(inbox::waiting_devices)
    }

    fn undecided(
        &self,
        shares: &[(DeviceId, usize)],
        max_bytes: usize,
    ) -> Result<Vec<InboxItem>, StoreError> {
        self.read(|tx| inbox::undecided(tx, shares, max_bytes))
    }

    fn knows_items_of(&self, record: RecordId) -> Result<bool, StoreError> {
        self.read(|tx| inbox::knows(tx, record))
    }

    fn held_items(&self, device: DeviceId) -> Result<HeldItems, StoreError> {
        self.read(|tx| inbox::held_items(tx, device))
    }

    fn holds_back(&self) -> Result<bool, StoreError> {
        self.read(inbox::holds_back)
    }

    fn held_back_by(
        &self,
        record: RecordId,
        change: Digest,
        limit: usize,
    ) -> Result<Vec<InboxItem>, StoreError> {
        self.read(|tx| inbox::held_back_by(tx, record, change, limit))
    }

    fn inbox_item(&self, item: Digest) -> Result<Option<InboxItem>, StoreError> {
        self.read(|tx| inbox::item(tx, item))
    }

    fn change_status(
        &self,
        record: RecordId,
        change: Digest,
    ) -> Result<Option<ItemStatus>, StoreError> {
        self.read(|tx| inbox::change_status(tx, record, change))
    }

    fn quarantine(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<QuarantinedItem>, StoreError> {
        self.read(|tx| inbox::quarantine(tx, before, limit))
    }

    fn head(&self) -> Result<LogHead, StoreError> {
        self.read(log::head)
    }

    fn standing(&self, seq: u64) -> Result<(LogHead, Option<Digest>), StoreError> {
        self.read(|tx| {
            let head = log::head(tx)?;
            let hash = match seq {
                seq if seq > head.seq => None,
                seq => Some(log::hash(tx, seq)?),
            };
            Ok((head, hash))
        })
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.write(|tx| log::commit(tx, batch))?;
        let mut decisions = batch.decisions.iter();
        if !batch.erased.is_empty() || decisions.any(Decision::is_dismissal) {
            self.empty_wal();
        }
        Ok(())
    }

    fn record(&self, id: RecordId) -> Result<Option<RecordRow>, StoreError> {
        self.read(|tx| rows::record(tx, id))
    }

    fn record_changes(&self, id: RecordId) -> Result<Vec<StoredChange>, StoreError> {
        self.read(|tx| rows::changes_after(tx, id, 0))
    }

    fn rulings(&self, id: RecordId) -> Result<Vec<StoredRuling>, StoreError> {
        self.read(|tx| rows::rulings(tx, id))
    }

    fn records(&self, filter: &CaseFilter) -> Result<Vec<RecordRow>, StoreError> {
        self.read(|tx| rows::filtered(tx, filter))
    }

    fn case_by_number(
        &self,
        channel: Channel,
        number: &str,
    ) -> Result<Option<RecordId>, StoreError> {
        self.read(|tx| intake::case_by_number(tx, channel, number))
    }

    fn cases_of_channel(&self, filter: &ReportedFilter) -> Result<Vec<RecordRow>, StoreError> {
        self.read(|tx| intake::cases_of_channel(tx, filter))
    }

    fn cases_near(&self, query: &NearQuery) -> Result<Vec<RecordRow>, StoreError> {
        self.read(|tx| intake::cases_near(tx, query))
    }

    fn cases_numbered(
        &self,
        audiences: &[String],
        numbers: (&[String], &[String]),
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError> {
        self.read(|tx| intake::cases_numbered(tx, audiences, numbers, limit))
    }

    fn cases_of_caller(
        &self,
        audiences: &[String],
        contact: RecordId,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError> {
        self.read(|tx| intake::cases_of_caller(tx, audiences, contact, limit))
    }

    fn over_since(
        &self,
        stages: &[String],
        before_ms: i64,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError> {
        self.read(|tx| rows::over_since(tx, stages, before_ms, limit))
    }

    fn due_timers(&self, by_ms: i64, limit: usize) -> Result<Vec<RecordRow>, StoreError> {
        self.read(|tx| timers::due(tx, by_ms, limit))
    }

    fn next_due(&self) -> Result<Option<i64>, StoreError> {
        self.read(timers::next_due)
    }

    fn timed_otherwise(&self, by: u32, limit: usize) -> Result<Vec<RecordRow>, StoreError> {
        self.read(|tx| timers::timed_otherwise(tx, by, limit))
    }

    fn cases_by_stage(&self, audiences: &[String]) -> Result<Vec<(String, u64)>, StoreError> {
        self.read(|tx| rows::cases_by_stage(tx, audiences))
    }

    fn counts(&self, query: &CountQuery) -> Result<Vec<AlikeCases>, StoreError> {
        self.read(|tx| figures::counts(tx, query))
    }

    fn board_counts(
        &self,
        scope: &CaseScope,
        now_ms: i64,
        soon_ms: i64,
    ) -> Result<BoardCounts, StoreError> {
        self.read(|tx| figures::board_counts(tx, scope, (now_ms, soon_ms)))
    }

    fn board_list(
        &self,
        scope: &CaseScope,
        list: &BoardList,
        after: Option<BoardPlace>,
        limit: usize,
    ) -> Result<Vec<CaseLine>, StoreError> {
        self.read(|tx| figures::board_list(tx, scope, list, after, limit))
    }

    fn reported_cases(
        &self,
        scope: &CaseScope,
        period: Period,
        after: Option<BoardPlace>,
        limit: usize,
    ) -> Result<Vec<CaseLine>, StoreError> {
        self.read(|tx| figures::reported(tx, scope, period, after, limit))
    }

    fn entries(&self, after: u64, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        self.read(|tx| log::entries(tx, after, limit))
    }

    fn record_entries(&self, id: RecordId) -> Result<Vec<StoredEntry>, StoreError> {
        self.read(|tx| log::record_entries(tx, id))
    }

    fn newest_entries(
        &self,
        id: RecordId,
        before: u64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.read(|tx| log::newest_entries(tx, id, before, limit))
    }

    fn entry_time(&self, seq: u64) -> Result<Option<i64>, StoreError> {
        self.read(|tx| log::entry_time(tx, seq))
    }

    fn entry(&self, seq: u64) -> Result<Option<StoredEntry>, StoreError> {
        self.read(|tx| log::entry(tx, seq))
    }

    fn epochs(&self) -> Result<Vec<Epoch>, StoreError> {
        self.read(log::epochs)
    }

    fn exchange(&self, query: &ExchangeQuery) -> Result<ExchangeSlice, StoreError> {
        self.read(|tx| exchange::exchange(tx, query))
    }

    fn prints(&self, audiences: &[String]) -> Result<Vec<PrintedRecord>, StoreError> {
        self.read(|tx| visibility::prints(tx, audiences))
    }

    fn is_erased(&self, id: RecordId) -> Result<bool, StoreError> {
        self.read(|tx| rows::is_erased(tx, id))
    }

    fn without_snapshot(&self, changes: u64, limit: usize) -> Result<Vec<RecordId>, StoreError> {
        self.read(|tx| rows::without_snapshot(tx, changes, limit))
    }

    fn grow_tree(&self, limit: usize) -> Result<u64, StoreError> {
        self.write(|tx| tree::grow(tx, limit))
    }

    fn tree_nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, StoreError> {
        self.read(|tx| tree::nodes(tx, numbers))
    }

    fn day(&self, date: &str, area: &str) -> Result<ClosedDay, StoreError> {
        self.read(|tx| days::day(tx, date, area))
    }

    fn devices(&self) -> Result<Vec<DeviceStanding>, StoreError> {
        self.read(days::devices)
    }

    fn note_unsent(&self, id: DeviceId, unsent: Unsent, at_ms: i64) -> Result<(), StoreError> {
        self.write(|tx| days::note_unsent(tx, id, unsent, at_ms))
    }

    fn steps(
        &self,
        audience: &str,
        within_ms: (i64, i64),
    ) -> Result<BTreeMap<String, StepCount>, StoreError> {
        self.read(|tx| days::steps(tx, audience, within_ms))
    }

    fn overdue(&self, audience: &str, limit: usize) -> Result<Vec<RecordRow>, StoreError> {
        self.read(|tx| days::overdue(tx, audience, limit))
    }

    fn put_snapshot(&self, id: RecordId, through: u64, chunk: &[u8]) -> Result<(), StoreError> {
        self.write(|tx| rows::put_snapshot(tx, id, through, chunk))
    }

    fn back_up(&self, to: &Path) -> Result<LogHead, StoreError> {
        Self::copy_file(&self.path, to)
    }

    fn note_backup(&self, seq: u64) -> Result<(), StoreError> {
        self.write(|tx| log::note_backup(tx, seq))
    }

    fn audiences_of(&self, id: RecordId) -> Result<Vec<String>, StoreError> {
        self.read(|tx| visibility::audiences_of(tx, id))
    }

    fn is_visible(&self, id: RecordId, audiences: &[String]) -> Result<bool, StoreError> {
        self.read(|tx| visibility::is_visible(tx, id, audiences))
    }

    fn people(&self) -> Result<Vec<StoredPerson>, StoreError> {
        self.read(directory::people)
    }

    fn put_people(&self, people: &[StoredPerson]) -> Result<(), StoreError> {
        self.write(|tx| directory::put_people(tx, people))
    }

    fn areas(&self) -> Result<Vec<Area>, StoreError> {
        self.read(directory::areas)
    }

    fn put_areas(&self, areas: &[Area]) -> Result<(), StoreError> {
        self.write(|tx| directory::put_areas(tx, areas))
    }

    fn parts(&self) -> Result<Vec<Part>, StoreError> {
        self.read(directory::parts)
    }

    fn put_part(&self, part: &Part) -> Result<(), StoreError> {
        self.write(|tx| directory::put_part(tx, part))
    }

    fn add_device(&self, device: &Device, actor: [u8; 16]) -> Result<(), StoreError> {
        self.write(|tx| {
            directory::add_device(tx, device)?;
            directory::add_actor(tx, actor, device.id, device.enrolled_ms)
        })
    }

    fn adopt_device(&self, device: &Device) -> Result<(), StoreError> {
        self.write(|tx| directory::add_device(tx, device))
    }

    fn device(&self, id: DeviceId) -> Result<Option<Device>, StoreError> {
        self.read(|tx| directory::device(tx, id))
    }

    fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, StoreError> {
        self.read(|tx| directory::devices_of(tx, person))
    }

    fn revoke_device(&self, id: DeviceId, at_ms: i64) -> Result<bool, StoreError> {
        self.write(|tx| directory::revoke_device(tx, id, at_ms))
    }

    fn note_sync(&self, id: DeviceId, at_ms: i64) -> Result<(), StoreError> {
        self.write(|tx| directory::note_sync(tx, id, at_ms))
    }

    fn add_actor(&self, actor: [u8; 16], device: DeviceId, at_ms: i64) -> Result<(), StoreError> {
        self.write(|tx| directory::add_actor(tx, actor, device, at_ms))
    }

    fn actor_is_free(&self, actor: [u8; 16], person: &PersonId) -> Result<bool, StoreError> {
        self.read(|tx| directory::actor_is_free(tx, actor, person))
    }

    fn claims(&self) -> Result<Vec<Claim>, StoreError> {
        self.read(directory::claims)
    }

    fn claim_again(&self, claims: &[Claim]) -> Result<usize, StoreError> {
        self.write(|tx| directory::claim_again(tx, claims))
    }

    fn actors_of(&self, device: DeviceId) -> Result<Vec<[u8; 16]>, StoreError> {
        self.read(|tx| directory::actors_of(tx, device))
    }
}

#[cfg(test)]
mod tests;
