//! What the server keeps, behind one trait.
//!
//! The engines above ([`crate::ingest`], [`crate::exchange`]) decide; a store only keeps. So the trait
//! has few and coarse operations, each atomic: what the sequencer decided arrives as one [`Batch`]
//! and is committed whole or not at all, against the log head that it was decided on. One
//! conformance suite (`conformance`) runs against every implementation.

mod batch;
#[cfg(test)]
pub(crate) mod conformance;
mod error;
mod facts;
mod files;
mod model;
mod sqlite;

pub use batch::{Batch, Decision, NewChange, NewEntry, NewRuling, OfficeDecision};
pub use error::StoreError;
pub use facts::{
    AlikeCases, BoardCounts, BoardList, BoardPlace, CaseLine, CaseScope, CountQuery, CountedBy,
    CountedCase, timetable,
};
pub use files::{
    Begun, FileOfRecord, FileStore, NewUpload, Referred, StoredFile, Upload, UploadId,
    UploadLimits, Uploader, WholeUpload, digest_of,
};
pub use model::{
    CaseFilter, ClosedDay, Device, DeviceStanding, Epoch, ExchangeQuery, ExchangeSlice, HeldItems,
    InboxItem, ItemStatus, LogHead, NearQuery, NewItem, NextTimer, Part, PrintedRecord,
    QuarantinedItem, RecordRow, ReportedFilter, StepCount, StoredChange, StoredEntry, StoredPerson,
    StoredRuling, TouchedRecord, WaitingDevice, WalkQuery,
};
pub use sqlite::SqliteStore;

use std::collections::BTreeMap;
use std::path::Path;

use gridlog_domain::channel::Channel;
use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_domain::metrics::Period;
use gridlog_domain::reference::Area;
use gridlog_proof::Node;
use gridlog_protocol::{Digest, Unsent};

use crate::outside::Claim;

/// Of how many refused items a device may leave the bytes in quarantine, until an office dismisses them.
/// Beyond that an item's name
/// and code are still kept, so a hostile device cannot fill the disk and every item keeps its
/// verdict.
pub const QUARANTINED_BYTES_PER_DEVICE: usize = 256;

/// How many refused items of a device may be on an office's list that came within [`REFUSED_WITHIN_MS`].
/// Beyond that nothing of what the device pushes is kept, not even its name: what is no sound change gets
/// its verdict all the same, and what is one is refused as
/// [`gridlog_protocol::reason::TOO_MUCH_HELD`] until an office has dismissed some, or time has passed.
pub const REFUSED_PER_DEVICE: usize = 4_096;

/// The time for which [`REFUSED_PER_DEVICE`] holds, in milliseconds: a phone that has something refused now
/// and then must not be shut out after years.
pub const REFUSED_WITHIN_MS: i64 = 30 * 24 * 60 * 60_000;

/// How many items of a device may wait to be decided on. What comes beyond that is not kept, but refused as
/// [`gridlog_protocol::reason::TOO_MUCH_HELD`].
pub const UNDECIDED_PER_DEVICE: usize = 25_000;

/// After how many bytes of a device's items that wait to be decided on the same holds.
pub const UNDECIDED_BYTES_PER_DEVICE: usize = 64 * 1024 * 1024;

/// An item that is held counts for at least so many bytes, however small it is.
pub const HELD_AT_LEAST: usize = 1024;

/// Durable storage of one district.
///
/// Every method blocks until it is done; a method that writes returns only when the write is
/// durable. Implementations are shared between threads.
pub trait Store: FileStore + Send + Sync + 'static {
    // -- inbox ---------------------------------------------------------------------------------

    /// Keeps pushed items, in order, and answers for each where it stands. An item whose bytes are
    /// known already is not kept again, unless it was refused because of who had pushed it: a sound item
    /// takes the place of what another device's push was refused for. All items become durable together.
    /// Of refused items, bytes are kept up to [`QUARANTINED_BYTES_PER_DEVICE`], and of a device with
    /// [`REFUSED_PER_DEVICE`] of them nothing more; nor of one with [`UNDECIDED_PER_DEVICE`] items or
    /// [`UNDECIDED_BYTES_PER_DEVICE`] that wait to be decided on. What was refused because too much of its device was held
    /// is judged anew whenever it comes.
    fn add_to_inbox(&self, items: &[NewItem]) -> Result<Vec<ItemStatus>, StoreError>;

    /// Where items stand, by their names; `None` for unknown ones.
    fn item_statuses(&self, items: &[Digest]) -> Result<Vec<Option<ItemStatus>>, StoreError>;

    /// Every device with items that nobody has decided on yet.
    fn waiting_devices(&self) -> Result<Vec<WaitingDevice>, StoreError>;

    /// Items that nobody has decided on yet: of every device named at most as many as stated, the
    /// first ones, in the order of the list and then of their arrival. `max_bytes` are shared out
    /// alike: of its share a device exceeds at most the last item, and whoever comes after they are
    /// used up gets none.
    fn undecided(
        &self,
        shares: &[(DeviceId, usize)],
        max_bytes: usize,
    ) -> Result<Vec<InboxItem>, StoreError>;

    /// Whether anything was ever pushed for a record, whatever became of it.
    fn knows_items_of(&self, record: RecordId) -> Result<bool, StoreError>;

    /// What is held of a device.
    fn held_items(&self, device: DeviceId) -> Result<HeldItems, StoreError>;

    /// Whether any item waits for a change or is blocked by one.
    fn holds_back(&self) -> Result<bool, StoreError>;

    /// Items of a record that wait for that change or are blocked by it, the first `limit` in order
    /// of arrival.
    fn held_back_by(
        &self,
        record: RecordId,
        change: Digest,
        limit: usize,
    ) -> Result<Vec<InboxItem>, StoreError>;

    /// The item of that digest with its bytes.
    fn inbox_item(&self, item: Digest) -> Result<Option<InboxItem>, StoreError>;

    /// Where the change of that hash stands, as the last item that brought it was decided.
    fn change_status(
        &self,
        record: RecordId,
        change: Digest,
    ) -> Result<Option<ItemStatus>, StoreError>;

    /// Items that wait for the office, without their bytes: in review, or refused and not dismissed. The
    /// newest first, at most `limit`, of those that arrived before `before`; see [`InboxItem::arrival`].
    fn quarantine(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<QuarantinedItem>, StoreError>;

    // -- log and records -----------------------------------------------------------------------

    /// The last entry of the log.
    fn head(&self) -> Result<LogHead, StoreError>;

    /// The last entry of the log, and the hash of entry `seq` ([`Digest::ZERO`] for 0, `None` beyond
    /// the head), read at one moment.
    fn standing(&self, seq: u64) -> Result<(LogHead, Option<Digest>), StoreError>;

    /// Commits what the sequencer decided.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] if the log's head is not the one that the batch was decided on;
    /// nothing was written.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// One record as ruled.
    fn record(&self, id: RecordId) -> Result<Option<RecordRow>, StoreError>;

    /// The admitted changes of a record, in log order.
    fn record_changes(&self, id: RecordId) -> Result<Vec<StoredChange>, StoreError>;

    /// Whether a proposal of the record has been ruled on, and how.
    fn rulings(&self, id: RecordId) -> Result<Vec<StoredRuling>, StoreError>;

    /// Records for an office's lists, newest first.
    fn records(&self, filter: &CaseFilter) -> Result<Vec<RecordRow>, StoreError>;

    /// The case that came in by that channel under that number; the first one, if a restored log has
    /// more.
    fn case_by_number(
        &self,
        channel: Channel,
        number: &str,
    ) -> Result<Option<RecordId>, StoreError>;

    /// Cases that came by a channel under numbers, those reported last first.
    fn cases_of_channel(&self, filter: &ReportedFilter) -> Result<Vec<RecordRow>, StoreError>;

    /// Cases near a place, of a class, reported about then.
    fn cases_near(&self, query: &NearQuery) -> Result<Vec<RecordRow>, StoreError>;

    /// Cases that the audiences see whose number is one of the first, or begins with one of the second;
    /// in the order of their ids, at most `limit`.
    fn cases_numbered(
        &self,
        audiences: &[String],
        numbers: (&[String], &[String]),
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError>;

    /// Cases that the audiences see of whoever calls from the number of that contact record, by whichever
    /// contact record, in the order of their ids, at most `limit`.
    fn cases_of_caller(
        &self,
        audiences: &[String],
        contact: RecordId,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError>;

    /// Cases in one of the stages about which the log has said nothing since `before_ms` and that have
    /// not left the phones, the oldest first, at most `limit`.
    fn over_since(
        &self,
        stages: &[String],
        before_ms: i64,
        limit: usize,
    ) -> Result<Vec<RecordRow>, StoreError>;

    /// Cases to which the clock does something at `by_ms` or before, in the order of those moments and then
    /// of ids, at most `limit`.
    fn due_timers(&self, by_ms: i64, limit: usize) -> Result<Vec<RecordRow>, StoreError>;

    /// When the clock does something to a case next; `None` if nothing is due of any.
    fn next_due(&self) -> Result<Option<i64>, StoreError>;

    /// Open cases whose next timer was not found by that calendar and those limits, at most `limit`; see
    /// [`NextTimer::by`].
    fn timed_otherwise(&self, by: u32, limit: usize) -> Result<Vec<RecordRow>, StoreError>;

    /// How many cases are in each stage, within the audiences given.
    fn cases_by_stage(&self, audiences: &[String]) -> Result<Vec<(String, u64)>, StoreError>;

    // -- figures -------------------------------------------------------------------------------

    /// Counts cases by what is so of them, all of it at one moment; see [`CountedCase`]. Nothing is read of
    /// cases outside the periods.
    fn counts(&self, query: &CountQuery) -> Result<Vec<AlikeCases>, StoreError>;

    /// The figures of a board at `now_ms`; those are late soon that are by `soon_ms`.
    fn board_counts(
        &self,
        scope: &CaseScope,
        now_ms: i64,
        soon_ms: i64,
    ) -> Result<BoardCounts, StoreError>;

    /// At most `limit` cases of a list of a board, after that place.
    fn board_list(
        &self,
        scope: &CaseScope,
        list: &BoardList,
        after: Option<BoardPlace>,
        limit: usize,
    ) -> Result<Vec<CaseLine>, StoreError>;

    /// At most `limit` cases that were reported in the period, after that place, those reported first
    /// first.
    fn reported_cases(
        &self,
        scope: &CaseScope,
        period: Period,
        after: Option<BoardPlace>,
        limit: usize,
    ) -> Result<Vec<CaseLine>, StoreError>;

    // -- entries -------------------------------------------------------------------------------

    /// Log entries after `after`, at most `limit`, in order.
    fn entries(&self, after: u64, limit: usize) -> Result<Vec<StoredEntry>, StoreError>;

    /// Log entries of one record, in order.
    fn record_entries(&self, id: RecordId) -> Result<Vec<StoredEntry>, StoreError>;

    /// Log entries of one record with numbers below `before`, the newest first, at most `limit`.
    fn newest_entries(
        &self,
        id: RecordId,
        before: u64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError>;

    /// The time of an entry; `None` beyond the head.
    fn entry_time(&self, seq: u64) -> Result<Option<i64>, StoreError>;

    /// The entry of that number; `None` beyond the head.
    fn entry(&self, seq: u64) -> Result<Option<StoredEntry>, StoreError>;

    /// The epochs of the log, the first one first.
    fn epochs(&self) -> Result<Vec<Epoch>, StoreError>;

    /// Everything that one exchange with a device needs, read at one moment.
    fn exchange(&self, query: &ExchangeQuery) -> Result<ExchangeSlice, StoreError>;

    /// The prints of every record that one of the audiences sees on its phone, in the order of ids.
    fn prints(&self, audiences: &[String]) -> Result<Vec<PrintedRecord>, StoreError>;

    /// Whether the record was erased.
    fn is_erased(&self, id: RecordId) -> Result<bool, StoreError>;

    // -- tree ----------------------------------------------------------------------------------

    /// Adds the nodes of entries that the Merkle tree over the log does not have yet, of at most `limit`
    /// entries, and returns how many entries it covers then.
    fn grow_tree(&self, limit: usize) -> Result<u64, StoreError>;

    /// Nodes of the tree, by their numbers; see [`gridlog_proof::TreeStore`].
    fn tree_nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, StoreError>;

    // -- days ----------------------------------------------------------------------------------

    /// Where the day of an area stands, by the log.
    fn day(&self, date: &str, area: &str) -> Result<ClosedDay, StoreError>;

    /// Every device that was not revoked, with what it said last of what it holds.
    fn devices(&self) -> Result<Vec<DeviceStanding>, StoreError>;

    /// Remembers what a device says that it holds.
    fn note_unsent(&self, id: DeviceId, unsent: Unsent, at_ms: i64) -> Result<(), StoreError>;

    /// How often each step was ruled on from the first moment to before the second, by the server's time, among
    /// records that the audience had then. What came back after a restore is not counted again.
    fn steps(
        &self,
        audience: &str,
        within_ms: (i64, i64),
    ) -> Result<BTreeMap<String, StepCount>, StoreError>;

    /// Cases of the audience that are overdue by the log and not handled, the longest first.
    fn overdue(&self, audience: &str, limit: usize) -> Result<Vec<RecordRow>, StoreError>;

    // -- snapshots -----------------------------------------------------------------------------

    /// Records with at least `changes` changes after their snapshot, at most `limit`.
    fn without_snapshot(&self, changes: u64, limit: usize) -> Result<Vec<RecordId>, StoreError>;

    /// Keeps a record's changes up to entry `through` as one document chunk, unless the record was
    /// erased meanwhile. Its caller has compared it with those changes.
    fn put_snapshot(&self, id: RecordId, through: u64, chunk: &[u8]) -> Result<(), StoreError>;

    // -- backup --------------------------------------------------------------------------------

    /// Copies everything to a new file, as it is at one moment, while others read and write. Returns
    /// the head of the copy.
    fn back_up(&self, to: &Path) -> Result<LogHead, StoreError>;

    /// Notes that entries up to `seq` are in a backup that is kept.
    fn note_backup(&self, seq: u64) -> Result<(), StoreError>;

    /// The audiences that a record has now.
    fn audiences_of(&self, id: RecordId) -> Result<Vec<String>, StoreError>;

    /// Whether a record has one of the audiences.
    fn is_visible(&self, id: RecordId, audiences: &[String]) -> Result<bool, StoreError>;

    // -- directory -----------------------------------------------------------------------------

    /// Everybody, with their assignments.
    fn people(&self) -> Result<Vec<StoredPerson>, StoreError>;

    /// Adds people or replaces those with the same id, all or none. A person without a password
    /// hash keeps the one stored.
    fn put_people(&self, people: &[StoredPerson]) -> Result<(), StoreError>;

    /// Every area.
    fn areas(&self) -> Result<Vec<Area>, StoreError>;

    /// Replaces the areas.
    fn put_areas(&self, areas: &[Area]) -> Result<(), StoreError>;

    /// The parts of the reference data that are kept as documents.
    fn parts(&self) -> Result<Vec<Part>, StoreError>;

    /// Adds or replaces a part.
    fn put_part(&self, part: &Part) -> Result<(), StoreError>;

    // -- devices -------------------------------------------------------------------------------

    /// Keeps a new device with its first actor.
    ///
    /// # Errors
    /// [`StoreError::ActorTaken`] if another device has the actor.
    fn add_device(&self, device: &Device, actor: [u8; 16]) -> Result<(), StoreError>;

    /// Keeps a device without an actor that a backup did not know.
    fn adopt_device(&self, device: &Device) -> Result<(), StoreError>;

    /// The device of that id.
    fn device(&self, id: DeviceId) -> Result<Option<Device>, StoreError>;

    /// Every device of a person.
    fn devices_of(&self, person: &PersonId) -> Result<Vec<Device>, StoreError>;

    /// Marks a device as handed over: what it pushes waits in review, and it pulls nothing.
    fn revoke_device(&self, id: DeviceId, at_ms: i64) -> Result<bool, StoreError>;

    /// Remembers when a device last synced.
    fn note_sync(&self, id: DeviceId, at_ms: i64) -> Result<(), StoreError>;

    /// Gives an actor to a device.
    ///
    /// # Errors
    /// [`StoreError::ActorTaken`] if another device has it, or if the log has changes of it by another
    /// person than the device's: everybody reads actors in changes, and an office's belong to no device.
    fn add_actor(&self, actor: [u8; 16], device: DeviceId, at_ms: i64) -> Result<(), StoreError>;

    /// Whether an actor is nobody's: no device has it, and the log has no changes of it by another person
    /// than `person`.
    fn actor_is_free(&self, actor: [u8; 16], person: &PersonId) -> Result<bool, StoreError>;

    /// Whose every actor is.
    fn claims(&self) -> Result<Vec<Claim>, StoreError>;

    /// Gives actors to those who had claimed them, as far as they are nobody's here; a device that is not
    /// known is kept. All or none. Returns how many.
    fn claim_again(&self, claims: &[Claim]) -> Result<usize, StoreError>;

    /// The actors of a device.
    fn actors_of(&self, device: DeviceId) -> Result<Vec<[u8; 16]>, StoreError>;
}
