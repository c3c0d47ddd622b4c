//! The messages of `POST /v1/sync`.

use minicbor::{Decode, Encode};

use crate::bytes::{Blob, Digest, Key};
use crate::error::ProtocolError;
use crate::limits::{MAX_ASKS, MAX_PUSH_ITEMS};
use crate::verdict::ChangeVerdict;
use crate::{OLDEST_VERSION, VERSION};

/// A position in the log. Sequence numbers of different epochs have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Encode, Decode)]
pub struct Cursor {
    /// The log's epoch.
    #[n(0)]
    pub epoch: u64,
    /// The last entry that the device has been told of or passed over; 0 for none.
    #[n(1)]
    pub seq: u64,
}

/// A change that a device pushes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PushItem {
    /// The record it belongs to.
    #[n(0)]
    pub record: Key,
    /// One uncompressed Automerge change chunk, as it was committed.
    #[n(1)]
    pub change: Blob,
    /// Server time minus device time when it was written; `None` if unknown then.
    #[n(2)]
    pub offset_ms: Option<i64>,
}

/// The version of one part of the reference data that a device holds.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartVersion {
    /// The part's name; see `gridlog_domain::reference::Part::name`.
    #[n(0)]
    pub part: String,
    /// Its version; 0 for none.
    #[n(1)]
    pub version: u32,
}

/// What a device sends.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SyncRequest {
    /// [`VERSION`] of the sender.
    #[n(0)]
    pub version: u16,
    /// Random; the page repeats it, so that an old page cannot be played back.
    #[n(1)]
    pub nonce: Key,
    /// The actor that the store writes with; the server certifies one that is new.
    #[n(2)]
    pub actor: Key,
    /// What the device has.
    #[n(3)]
    pub cursor: Cursor,
    /// The device's clock, milliseconds since the Unix epoch.
    #[n(4)]
    pub device_ms: i64,
    /// Version of the device's own assignments; 0 for none. See [`Profile`].
    #[n(5)]
    pub profile_version: u64,
    /// The reference data that the device has.
    #[n(6)]
    pub parts: Vec<PartVersion>,
    /// Changes from the outbox, in the order in which they were written.
    #[n(7)]
    pub push: Vec<PushItem>,
    /// Earlier items that are not yet decided, by [`crate::item_digest`].
    #[n(8)]
    pub asks: Vec<Digest>,
}

impl SyncRequest {
    /// Checks the version and the caps.
    ///
    /// # Errors
    /// [`ProtocolError::UnsupportedVersion`] or [`ProtocolError::TooMany`].
    pub fn check(&self) -> Result<(), ProtocolError> {
        if !(OLDEST_VERSION..=VERSION).contains(&self.version) {
            return Err(ProtocolError::UnsupportedVersion {
                version: self.version,
            });
        }
        if self.push.len() > MAX_PUSH_ITEMS {
            return Err(ProtocolError::TooMany {
                what: "changes",
                limit: MAX_PUSH_ITEMS,
            });
        }
        if self.asks.len() > MAX_ASKS {
            return Err(ProtocolError::TooMany {
                what: "asks",
                limit: MAX_ASKS,
            });
        }
        if self.parts.len() > 16 {
            return Err(ProtocolError::TooMany {
                what: "parts",
                limit: 16,
            });
        }
        Ok(())
    }
}

/// A log entry that the device may see, as canonical bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FeedEntry {
    /// See [`crate::LogEntry`].
    #[n(0)]
    pub canonical: Blob,
}

/// What is new about one record, ready to be stored without opening a document.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RecordDelta {
    /// The record.
    #[n(0)]
    pub record: Key,
    /// Changes as their devices committed them, dependencies first. All changes of the record up
    /// to `as_of` if `whole`, else those of the page's entries.
    #[n(1)]
    pub changes: Vec<Blob>,
    /// Whether `changes` is the whole history.
    #[n(2)]
    pub whole: bool,
    /// Heads of the record as of `as_of`, Automerge hashes, sorted.
    #[n(3)]
    pub heads: Vec<Digest>,
    /// The last log entry that the row reflects.
    #[n(4)]
    pub as_of: u64,
    /// The area where the record lives, by the server's ruling.
    #[n(5)]
    pub area: String,
    /// `gridlog_domain::record::RecordView` as JSON, as of `as_of`.
    #[n(6)]
    pub view: Blob,
    /// `gridlog_domain::workflow::CaseState` as JSON, as of `as_of`; only for cases.
    #[n(7)]
    pub state: Option<Blob>,
    /// If `whole`, the canonical bytes of the rulings on the record so far, so that a device which
    /// was not told of them when they were made knows them too. Empty otherwise.
    #[n(8)]
    pub rulings: Vec<Blob>,
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
///
/// When a device learns a new version, it starts again from cursor 0: what it may see changed.
/// Records that the page stream no longer names are out of scope and are purged, unless something
/// of them is unsent.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Profile {
    /// Differs after every change of what the person may see.
    #[n(0)]
    pub version: u64,
    /// `gridlog_domain::reference::Person` as JSON.
    #[n(1)]
    pub person: Blob,
}

/// What the server answers, before it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Page {
    /// [`VERSION`] of the server.
    #[n(0)]
    pub version: u16,
    /// The request's nonce.
    #[n(1)]
    pub nonce: Key,
    /// The server's clock, milliseconds since the Unix epoch.
    #[n(2)]
    pub server_ms: i64,
    /// Verdicts on everything pushed and asked.
    #[n(3)]
    pub verdicts: Vec<ChangeVerdict>,
    /// Log entries after the request's cursor that the device may see, in order.
    #[n(4)]
    pub entries: Vec<FeedEntry>,
    /// The records that those entries touch, each once.
    #[n(5)]
    pub records: Vec<RecordDelta>,
    /// Records that the device may no longer see.
    #[n(6)]
    pub gone: Vec<Key>,
    /// Where to go on from.
    #[n(7)]
    pub cursor: Cursor,
    /// Whether there is more right now.
    #[n(8)]
    pub more: bool,
    /// Parts of the reference data that are newer than the device's.
    #[n(9)]
    pub parts: Vec<PartUpdate>,
    /// The person, if the device holds an older version.
    #[n(10)]
    pub profile: Option<Profile>,
    /// A certificate for the request's actor, if it is new; see [`crate::Certificate`].
    #[n(11)]
    pub certificate: Option<Blob>,
    /// A request to wait, in milliseconds, before the next request.
    #[n(12)]
    pub retry_after_ms: Option<u64>,
}
