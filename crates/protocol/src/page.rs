//! What the server answers to `POST /v1/sync`.

use minicbor::{Decode, Encode};

use crate::VERSION;
use crate::bytes::{Blob, Digest, Key};
use crate::entry::LogEntry;
use crate::message::Reconcile;
use crate::position::Position;
use crate::receipt::Receipt;
use crate::returned::Author;
use crate::verdict::Verdict;

/// What a page says in short. Page and statement are signed as one; the statement alone, with the
/// page's hash, still proves what was said, so a device keeps it (see [`crate::Evidence`]).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Statement {
    /// [`crate::VERSION`] of the server.
    #[n(0)]
    pub version: u16,
    /// The server's clock, milliseconds since the Unix epoch.
    #[n(1)]
    pub server_ms: i64,
    /// Where the device goes on from.
    #[n(2)]
    pub position: Position,
    /// What of this device is in the log as of `position`. Only when there is no more to pull.
    #[n(3)]
    pub receipt: Option<Receipt>,
    /// The prints of all records in the device's scope as of `position`, see
    /// [`crate::ScopePrint`]. Only when there is no more to pull.
    #[n(4)]
    pub scope: Option<Key>,
    /// Entries up to this one are in a backup of the server.
    #[n(5)]
    pub backed_up_through: u64,
    /// Commits to the entries and whole records of the page; see [`crate::Evidence`]. `None` if it
    /// has none.
    #[n(6)]
    pub contents: Option<Digest>,
}

/// A log entry that the device may see. What the reader can compute is left out: a digest of 32
/// zero bytes is a hole; see [`crate::fill`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FeedEntry {
    /// The entry, with holes.
    #[n(0)]
    pub entry: LogEntry,
    /// If the hash of an admitted change is a hole: the change's place among
    /// [`RecordDelta::changes`] of its record in this page.
    #[n(1)]
    pub change_at: Option<u32>,
}

/// What a record says, as news.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum ViewNews {
    /// The device has it: it shows what its own changes say, and the log has just those.
    #[n(0)]
    Same,
    /// `gridlog_domain::record::RecordView` as JSON.
    #[n(1)]
    Whole(#[n(0)] Blob),
    /// What changed since the device's position.
    #[n(2)]
    Patch {
        /// A JSON merge patch (RFC 7396) of that JSON.
        #[n(0)]
        patch: Blob,
        /// Long texts of which only a stretch changed, to be mended after the merge.
        #[n(1)]
        splices: Vec<Splice>,
        /// The first four bytes of the SHA-256 of the JSON that comes out.
        #[n(2)]
        check: u32,
    },
}

/// Replaces a stretch of a text of a view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Splice {
    /// Where the text is: members, divided by slashes, as in `fields/description`.
    #[n(0)]
    pub part: String,
    /// How many characters before the stretch stay.
    #[n(1)]
    pub before: u32,
    /// How many characters after it stay.
    #[n(2)]
    pub after: u32,
    /// What stands between them.
    #[n(3)]
    pub text: String,
}

impl Splice {
    /// The splice that makes `to` of `from`.
    pub fn between(part: &str, from: &str, to: &str) -> Self {
        let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
        let same = |pair: &(&char, &char)| pair.0 == pair.1;
        let before = from.iter().zip(&to).take_while(same).count();
        let rest = from.len().min(to.len()) - before;
        let ends = from.iter().rev().zip(to.iter().rev());
        let after = ends.take(rest).take_while(same).count();
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            part: part.to_owned(),
            before: count(before),
            after: count(after),
            text: to[before..to.len() - after].iter().collect(),
        }
    }

    /// Carries it out; `None` if the text is too short for it.
    pub fn apply(&self, from: &str) -> Option<String> {
        let from: Vec<char> = from.chars().collect();
        let before = usize::try_from(self.before).ok()?;
        let after = usize::try_from(self.after).ok()?;
        let end = from.len().checked_sub(after)?;
        let stays = from.get(..before).filter(|_| before <= end)?;
        let head = stays.iter().copied();
        Some(
            head.chain(self.text.chars())
                .chain(from[end..].iter().copied())
                .collect(),
        )
    }
}

/// What is new about one record, ready to be stored without opening a document.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RecordDelta {
    /// The record.
    #[n(0)]
    pub record: Key,
    /// Changes as their devices committed them, dependencies first. All changes of the record if
    /// `whole`, those after `snapshot` if there is one; else those admitted since the device's
    /// position, without the ones that the device wrote itself.
    #[n(1)]
    pub changes: Vec<Blob>,
    /// Whether this is the whole record.
    #[n(2)]
    pub whole: bool,
    /// Of a whole record: an uncompressed Automerge document chunk with its earlier changes.
    #[n(3)]
    pub snapshot: Option<Blob>,
    /// The last log entry that this reflects.
    #[n(4)]
    pub as_of: u64,
    /// Server time of that entry, milliseconds since the Unix epoch.
    #[n(5)]
    pub updated_ms: i64,
    /// The area where the record lives, by the server's ruling.
    #[n(6)]
    pub area: String,
    /// By which of the person's audiences the device sees it: bit n for the nth of
    /// [`Profile::audiences`].
    #[n(7)]
    pub seen_by: u64,
    /// What it says, as of `as_of`.
    #[n(8)]
    pub view: ViewNews,
    /// `gridlog_domain::workflow::CaseState` as JSON, as of `as_of`; only for cases. Not whole and
    /// without it: as it was at the device's position.
    #[n(9)]
    pub state: Option<Blob>,
    /// Of a whole record: the canonical bytes of the rulings on it so far, and of the entry that moved it
    /// last if it does not live where it began, as far as they are not among the page's entries. Of news:
    /// those of the changes and rulings that it brings and that stand behind the page's position, so that
    /// a device which has only this page can prove all that it brought.
    #[n(10)]
    pub rulings: Vec<Blob>,
    /// Of a whole record: who wrote in it.
    #[n(11)]
    pub authors: Vec<Author>,
}

/// A part of the reference data.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartUpdate {
    /// The part's name.
    #[n(0)]
    pub part: String,
    /// Its version.
    #[n(1)]
    pub version: u32,
    /// The part as JSON.
    #[n(2)]
    pub json: Blob,
}

/// Who the device's person is now.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Profile {
    /// Differs after every change of what the person may see.
    #[n(0)]
    pub version: u64,
    /// `gridlog_domain::reference::Person` as JSON.
    #[n(1)]
    pub person: Blob,
    /// What the person may see; see [`crate::audience`]. At most [`crate::limits::MAX_AUDIENCES`].
    #[n(2)]
    pub audiences: Vec<String>,
}

/// The answer to a [`crate::Walk`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct WalkNews {
    /// Records that the device has already, with their new [`RecordDelta::seen_by`]. Those that it
    /// does not have are among the page's records.
    #[n(0)]
    pub held: Vec<(Key, u64)>,
    /// The last record that was passed; `None` once there are no more.
    #[n(1)]
    pub next: Option<Key>,
}

/// What a log of another epoch has in common with the one that the device pulled from.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Lineage {
    /// The last entry of the device's log that this log has too. What lies behind it was lost here,
    /// unless devices give it back. `None` if this log does not know the device's position, and the
    /// device has to prove it by what it gives back.
    #[n(0)]
    pub common: Option<u64>,
}

/// A change of the device that is in the log, by its names.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RecalledChange {
    /// The record.
    #[n(0)]
    pub record: Key,
    /// Its Automerge hash.
    #[n(1)]
    pub change: Digest,
    /// Its name in verdicts; see [`crate::item_digest`].
    #[n(2)]
    pub item: Digest,
    /// The actor that wrote it: one of this device, whether its store remembers that or not.
    #[n(3)]
    pub actor: Key,
}

/// The answer to [`crate::SyncRequest::recall`]: what receipts of this device count.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Recalled {
    /// In the order of the log, at most [`crate::limits::MAX_RECALLED`].
    #[n(0)]
    pub changes: Vec<RecalledChange>,
    /// The entry to go on after; `None` if that is all.
    #[n(1)]
    pub next: Option<u64>,
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PageBody {
    /// Verdicts: on each pushed item in the order of the request, then on each that was asked for.
    #[n(0)]
    pub verdicts: Vec<Verdict>,
    /// The records that the entries touch, that were wanted, or that a walk came by; each once. They
    /// stand before the entries, which name by hash what is said here.
    #[n(1)]
    pub records: Vec<RecordDelta>,
    /// Log entries after the request's position that the device may see, in order.
    #[n(2)]
    pub entries: Vec<FeedEntry>,
    /// Records that the device may no longer see, or that were wanted and are not to be seen.
    #[n(3)]
    pub gone: Vec<Key>,
    /// Whether there is more right now.
    #[n(4)]
    pub more: bool,
    /// Parts of the reference data that are newer than the device's.
    #[n(5)]
    pub parts: Vec<PartUpdate>,
    /// The person, if the device holds an older version.
    #[n(6)]
    pub profile: Option<Profile>,
    /// A certificate for the request's actor, if it is new; see [`crate::Certificate`].
    #[n(7)]
    pub certificate: Option<Blob>,
    /// A request to wait, in milliseconds, before the next request.
    #[n(8)]
    pub retry_after_ms: Option<u64>,
    /// The answer to a walk.
    #[n(9)]
    pub walk: Option<WalkNews>,
    /// Set if the device's position is of another epoch, or if this log does not have it.
    #[n(10)]
    pub lineage: Option<Lineage>,
    /// The next message of a comparison; empty once it is over.
    #[n(11)]
    pub reconcile: Option<Reconcile>,
    /// Records in scope that changed after [`Reconcile::as_of`]: differences in them say nothing.
    #[n(12)]
    pub moved_on: Vec<Key>,
    /// How many log entries and changes were taken from the request's returns.
    #[n(13)]
    pub returned: u64,
    /// Of the records that the request names, by an item or as wanted, those that were erased. The device
    /// drops every trace of them.
    #[cbor(n(14), default)]
    pub erased: Vec<Key>,
    /// What the device may have forgotten, if it asked.
    #[n(15)]
    pub recalled: Option<Recalled>,
    /// How the key that signs followed earlier ones, if the device asked; see [`crate::Succession`].
    #[n(16)]
    pub successions: Option<Vec<Blob>>,
}

/// A page, before it is signed or after its signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What it says in short.
    pub statement: Statement,
    /// What it says.
    pub body: PageBody,
}

impl Page {
    /// A page that brings nothing and leaves the device at `position`.
    pub const fn empty(position: Position, server_ms: i64) -> Self {
        Self {
            statement: Statement {
                version: VERSION,
                server_ms,
                position,
                receipt: None,
                scope: None,
                backed_up_through: 0,
                contents: None,
            },
            body: PageBody {
                verdicts: Vec::new(),
                entries: Vec::new(),
                records: Vec::new(),
                gone: Vec::new(),
                more: false,
                parts: Vec::new(),
                profile: None,
                certificate: None,
                retry_after_ms: None,
                walk: None,
                lineage: None,
                reconcile: None,
                moved_on: Vec::new(),
                returned: 0,
                erased: Vec::new(),
                recalled: None,
                successions: None,
            },
        }
    }
}
