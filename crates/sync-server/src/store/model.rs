//! What a store hands out and takes.

use gridlog_domain::channel::Channel;
use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_domain::record::{Crs, Kind};
use gridlog_domain::reference::Person;
use gridlog_domain::workflow::Stage;
use gridlog_protocol::{Author, Digest, Key, Recalled, Receipt, ScopePrint, Unsent, record_print};

/// A pushed item, soundly framed or refused at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Its name; see [`gridlog_protocol::item_digest`].
    pub item: Digest,
    /// The record that it was pushed for.
    pub record: RecordId,
    /// Its Automerge hash; `None` if the bytes are no sound change.
    pub change: Option<Digest>,
    /// Its actor and number; `None` if the bytes are no sound change.
    pub actor_seq: Option<([u8; 16], u64)>,
    /// The device that pushed it.
    pub device: DeviceId,
    /// The device's person.
    pub person: PersonId,
    /// Server time, milliseconds since the Unix epoch.
    pub received_ms: i64,
    /// The device's clock offset when the change was written.
    pub offset_ms: Option<i64>,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// [`ItemStatus::Received`], or [`ItemStatus::Refused`] where that is clear already.
    pub status: ItemStatus,
}

/// Where an item stands. Differs from the wire's verdict in nothing but its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemStatus {
    /// Durable, not yet decided.
    Received,
    /// In the log at this number.
    Admitted(u64),
    /// Builds on a change that is not here.
    Waiting(Digest),
    /// Builds on a change that was refused.
    BlockedBy(Digest),
    /// Waits for the office, with the reason's code.
    Review(String),
    /// Refused with a code.
    Refused(String),
}

/// An item of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxItem {
    /// Order of arrival.
    pub arrival: i64,
    /// What was pushed.
    pub pushed: NewItem,
    /// Set once an office has decided to admit it in spite of its review.
    pub cleared_by: Option<PersonId>,
}

/// A device with items that nobody has decided on yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingDevice {
    /// The device.
    pub device: DeviceId,
    /// How many of its items wait.
    pub items: usize,
    /// When the first of them came; see [`InboxItem::arrival`].
    pub first_arrival: i64,
}

/// What is held of a device: what waits for a change that is not here, is blocked by one that was
/// refused, or waits for an office.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldItems {
    /// How many of its items wait for a change that is not here.
    pub waiting: usize,
    /// Bytes of all that is held, each item counted as [`super::HELD_AT_LEAST`] at least.
    pub bytes: usize,
}

/// An item that waits for the office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedItem {
    /// The item, without its bytes.
    pub item: InboxItem,
    /// How many bytes of it are kept.
    pub bytes: usize,
    /// Why it is here.
    pub status: ItemStatus,
}

/// The last entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// The log's epoch.
    pub epoch: u64,
    /// Number of the last entry; 0 for an empty log.
    pub seq: u64,
    /// Its hash; [`Digest::ZERO`] for an empty log.
    pub hash: Digest,
}

/// A record as the server holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordRow {
    /// Its id.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// Where it lives, by the server's ruling.
    pub area: String,
    /// Who began it.
    pub author: PersonId,
    /// The title or what fits its kind.
    pub headline: String,
    /// When its author's device says it was begun.
    pub created_ms: i64,
    /// Server time of the last entry.
    pub updated_ms: i64,
    /// `RecordView` as JSON.
    pub view: String,
    /// `CaseState` as JSON; `None` unless it is a case.
    pub state: Option<String>,
    /// Code of the stage; empty unless it is a case.
    pub stage: String,
    /// The department that has it; empty for none.
    pub department: String,
    /// Automerge heads, sorted.
    pub heads: Vec<Digest>,
    /// The last entry about it.
    pub as_of: u64,
    /// How many places are in conflict.
    pub conflicts: u32,
    /// Which parts of the view changed last at which entry, as JSON; see [`crate::news`].
    pub touched: String,
    /// Whether it left the phones; see [`gridlog_protocol::Fact::Archived`].
    pub archived: bool,
    /// What the clock does to it next.
    pub timer: NextTimer,
}

/// When the clock does something to a case next, unless something happens before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NextTimer {
    /// The moment, in milliseconds since the Unix epoch; `None` if nothing is due.
    pub due_ms: Option<i64>,
    /// The number of the calendar and limits that it was found by; `None` for what is over, and for what
    /// is no case.
    pub by: Option<u32>,
    /// The deadline for handling while it is provisional, so that it can be said when it moves.
    pub provisional_ms: Option<i64>,
}

impl RecordRow {
    /// Its print; see [`gridlog_protocol::record_print`].
    pub fn print(&self) -> Key {
        let state = self.state.as_deref().unwrap_or_default();
        record_print(Key(*self.id.as_bytes()), &self.heads, state.as_bytes())
    }
}

/// An admitted change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChange {
    /// Its Automerge hash.
    pub hash: Digest,
    /// The actor that wrote it.
    pub actor: [u8; 16],
    /// Who wrote it.
    pub person: String,
    /// The entry that admitted it.
    pub seq: u64,
    /// The bytes as received.
    pub bytes: Vec<u8>,
}

/// A log entry as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its number.
    pub seq: u64,
    /// Its canonical bytes.
    pub canonical: Vec<u8>,
}

/// A ruling as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRuling {
    /// Entry id of the proposal, 16 bytes.
    pub proposal: [u8; 16],
    /// The entry that holds the ruling.
    pub seq: u64,
    /// `None` if accepted, else the reason's code.
    pub refused: Option<String>,
}

/// An epoch of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub epoch: u64,
    /// The last entry that it took over from the epoch before; 0 for the first.
    pub base: u64,
}

/// What a device asks of the store in one exchange. All of it is read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeQuery {
    /// The device.
    pub device: DeviceId,
    /// Its actors; what they wrote it has already.
    pub actors: Vec<[u8; 16]>,
    /// Items whose status is asked for.
    pub items: Vec<Digest>,
    /// The audiences of the device's person; empty for a device that may not pull.
    pub audiences: Vec<String>,
    /// The entry after which it pulls; `None` if it pulls nothing.
    pub after: Option<u64>,
    /// A walk.
    pub walk: Option<WalkQuery>,
    /// Records that it wants whole.
    pub wants: Vec<RecordId>,
    /// The entry after which what it wrote itself is to be named; `None` for nothing.
    pub recall: Option<u64>,
    /// Most entries.
    pub max_entries: usize,
    /// Bytes of changes and rows after which the slice ends.
    pub target_bytes: usize,
}

/// See [`gridlog_protocol::Walk`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalkQuery {
    /// The last record that was passed.
    pub after: Option<RecordId>,
    /// Audiences whose records the device has.
    pub held: Vec<String>,
}

/// What the store answers.
#[derive(Debug, Clone, PartialEq)]
pub struct ExchangeSlice {
    /// The log's head.
    pub head: LogHead,
    /// Where the items stand, in the order of the query; a refusal of what another device pushed is
    /// none of the asker's.
    pub statuses: Vec<Option<ItemStatus>>,
    /// Entries, in order.
    pub entries: Vec<StoredEntry>,
    /// The records they touch, wanted ones, and those that the walk came by; each once.
    pub records: Vec<TouchedRecord>,
    /// Records that are no longer visible, or were wanted and are not.
    pub gone: Vec<RecordId>,
    /// The entry to go on from, and its hash.
    pub reached: (u64, Digest),
    /// Whether there is more to pull, or more of what was wanted.
    pub more: bool,
    /// Records that the walk came by and the device has, with what it sees them by.
    pub held: Vec<(RecordId, u64)>,
    /// Where the walk stands; `None` if it is over or there was none.
    pub walked: Option<RecordId>,
    /// What of the device is in the log.
    pub receipt: Receipt,
    /// The prints of what the audiences see.
    pub scope: ScopePrint,
    /// Entries up to this one are in a backup.
    pub backed_up_through: u64,
    /// Of the records of the items and of those that were wanted, the erased ones.
    pub erased: Vec<RecordId>,
    /// What is recalled; `None` if nothing was to be.
    pub recalled: Option<Recalled>,
}

/// A record that is told of.
#[derive(Debug, Clone, PartialEq)]
pub struct TouchedRecord {
    /// The record.
    pub row: RecordRow,
    /// By which of the query's audiences it is visible, bit by bit.
    pub seen_by: u64,
    /// All its changes if `whole` (after the snapshot, if there is one), else those after the
    /// query's position that the device did not write.
    pub changes: Vec<StoredChange>,
    /// Whether it is told of as a whole.
    pub whole: bool,
    /// Whether every change that is news was written by the device itself.
    pub own_news: bool,
    /// The entry that news are counted from.
    pub after: u64,
    /// If `whole`, its earlier changes as one document chunk.
    pub snapshot: Option<Vec<u8>>,
    /// The entry that admitted the record's first change.
    pub first_seq: u64,
    /// If `whole`, the entries that hold its rulings and what the clock did to it, and the one that moved
    /// it last if it does not live where it says that it began. If not, the entries about what it says that
    /// stand behind the end of the page, where the page ends before them.
    pub rulings: Vec<StoredEntry>,
    /// Whether something was ruled on it after the query's position; true if `whole`.
    pub new_rulings: bool,
    /// If `whole`, who wrote in it.
    pub authors: Vec<Author>,
}

/// A record's print, for comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrintedRecord {
    /// The record.
    pub id: RecordId,
    /// Its print.
    pub print: Key,
    /// The last entry about it.
    pub as_of: u64,
}

/// A person with what only the server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPerson {
    /// The person.
    pub person: Person,
    /// PHC string of the password; `None` if the person cannot sign in.
    pub password_hash: Option<String>,
}

/// A part of the reference data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its JSON.
    pub json: String,
}

/// An enrolled installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub person: PersonId,
    /// What the person calls it.
    pub name: String,
    /// When it enrolled.
    pub enrolled_ms: i64,
    /// When it was handed over or lost.
    pub revoked_ms: Option<i64>,
    /// When it last synced.
    pub last_sync_ms: Option<i64>,
}

/// Where the day of an area stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClosedDay {
    /// The last entry that closed it.
    pub closed: Option<u64>,
    /// The last entry that opened it again.
    pub reopened: Option<u64>,
}

impl ClosedDay {
    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.closed > self.reopened
    }
}

/// A device in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStanding {
    /// The device.
    pub device: Device,
    /// What it said last that it holds and the server does not, and when.
    pub unsent: Option<(i64, Unsent)>,
}

/// How often a step was ruled on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepCount {
    /// Accepted.
    pub accepted: u64,
    /// Refused.
    pub refused: u64,
}

/// Codes of the stages in which nobody has to handle a case any more.
pub(crate) fn handled_stages() -> Vec<String> {
    let done = |stage: &&Stage| stage.is_over() || [Stage::Handled, Stage::Checked].contains(stage);
    let stages = Stage::ALL.iter().filter(done);
    stages.map(|stage| stage.code().to_owned()).collect()
}

/// Which cases near a place are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NearQuery {
    /// Only cases with one of these audiences.
    pub audiences: Vec<String>,
    /// Reference system of the coordinates; others do not compare.
    pub crs: Crs,
    /// Least and most latitude, degrees.
    pub lat: (f64, f64),
    /// Least and most longitude, degrees.
    pub lon: (f64, f64),
    /// The first digits of the category.
    pub class: String,
    /// First and last moment of the report, milliseconds since the Unix epoch.
    pub reported_ms: (i64, i64),
    /// Only cases in one of these stages.
    pub stages: Vec<String>,
    /// Most rows.
    pub limit: usize,
}

/// Which cases of a channel are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedFilter {
    /// The channel; another one than [`Channel::Worker`].
    pub channel: Channel,
    /// Reported at this moment or later, milliseconds since the Unix epoch.
    pub from_ms: i64,
    /// Reported at this moment or earlier.
    pub to_ms: i64,
    /// Only these categories; empty for all.
    pub categories: Vec<String>,
    /// Only cases in one of these stages; empty for all.
    pub stages: Vec<String>,
    /// Most rows.
    pub limit: usize,
}

/// Which records an office wants to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// Only records with one of these audiences.
    pub audiences: Vec<String>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only cases in this stage.
    pub stage: Option<String>,
    /// Only records that live in this area, exactly.
    pub area: Option<String>,
    /// Only cases of this department.
    pub department: Option<String>,
    /// Only records whose headline holds this text, and cases whose number begins with it.
    pub text: Option<String>,
    /// Most rows.
    pub limit: usize,
    /// Rows to pass over.
    pub offset: usize,
}
