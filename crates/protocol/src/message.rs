//! What a device sends to `POST /v1/sync`.

use minicbor::{Decode, Encode};

use crate::bytes::{Blob, Digest, Key};
use crate::error::ProtocolError;
use crate::limits::{MAX_ASKS, MAX_AUDIENCES, MAX_PUSH_ITEMS, MAX_RETURNS, MAX_WANTS, MAX_WITHOUT};
use crate::position::Position;
use crate::returned::Returned;
use crate::{OLDEST_VERSION, VERSION};

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

/// What a device holds that the server has not got. An office that closes its day is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct Unsent {
    /// Changes that were not sent yet, those of this request aside.
    #[n(0)]
    pub changes: u32,
    /// What was sent back and waits for the worker.
    #[n(1)]
    pub sent_back: u32,
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
    /// How far the device has pulled.
    #[n(3)]
    pub position: Position,
    /// The device's clock, milliseconds since the Unix epoch.
    #[n(4)]
    pub device_ms: i64,
    /// Version of the device's own assignments; 0 for none. See [`crate::Profile`].
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
    /// A walk through records that the device did not see before.
    #[n(9)]
    pub walk: Option<Walk>,
    /// Records that the device wants whole, because what it has of them is not what the log has.
    #[n(10)]
    pub wants: Vec<Key>,
    /// What this log lost and the device has; see [`crate::Returned`].
    #[n(11)]
    pub returns: Vec<Returned>,
    /// A step of a comparison of everything; see [`Reconcile`].
    #[n(12)]
    pub reconcile: Option<Reconcile>,
    /// The device's store may have forgotten what it wrote: of that, what the log has after this entry
    /// is to be named; see [`crate::Recalled`].
    #[n(13)]
    pub recall: Option<u64>,
    /// Records that the page is not to bring, because the device could not read what an earlier page brought
    /// of them. Their entries come without holes, so that they hold up nothing else. `None` for none.
    #[n(14)]
    pub without: Option<Vec<Key>>,
    /// Set where the last page was not signed by the key that the device knows: the page is to bring the notes
    /// by which another one follows it; see [`crate::Succession`]. `None` otherwise.
    #[n(15)]
    pub asks_keys: Option<bool>,
    /// What the device still holds after this request; `None` while that is nothing, as it was when it said so
    /// last.
    #[n(16)]
    pub unsent: Option<Unsent>,
}

/// A walk through the records of audiences that the device has just become part of, in the order of
/// their ids (DESIGN section 7, bootstrap). The server keeps nothing between two requests of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Walk {
    /// The last record that came; `None` at the beginning.
    #[n(0)]
    pub after: Option<Key>,
    /// The audiences of whose records the device has every one already; their names only are told.
    #[n(1)]
    pub held: Vec<String>,
}

/// One message of a range-based set reconciliation (`negentropy`) over the prints of all records
/// that the device has in scope; see [`crate::record_print`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Reconcile {
    /// The log entry up to which the device has pulled, and as of which the comparison is made.
    #[n(0)]
    pub as_of: u64,
    /// The message.
    #[n(1)]
    pub message: Blob,
}

impl SyncRequest {
    /// A request that has pulled nothing and asks for nothing but the first page.
    pub const fn idle(nonce: Key, actor: Key, device_ms: i64) -> Self {
        Self {
            version: VERSION,
            nonce,
            actor,
            position: Position::NOWHERE,
            device_ms,
            profile_version: 0,
            parts: Vec::new(),
            push: Vec::new(),
            asks: Vec::new(),
            walk: None,
            wants: Vec::new(),
            returns: Vec::new(),
            reconcile: None,
            recall: None,
            without: None,
            asks_keys: None,
            unsent: None,
        }
    }

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
        let held = self.walk.as_ref().map_or(0, |walk| walk.held.len());
        let without = self.without.as_ref().map_or(0, Vec::len);
        let counts = [
            ("changes", self.push.len(), MAX_PUSH_ITEMS),
            ("asks", self.asks.len(), MAX_ASKS),
            ("parts", self.parts.len(), 16),
            ("wants", self.wants.len(), MAX_WANTS),
            ("returns", self.returns.len(), MAX_RETURNS),
            ("audiences", held, MAX_AUDIENCES),
            ("records to leave out", without, MAX_WITHOUT),
        ];
        for (what, count, limit) in counts {
            if count > limit {
                return Err(ProtocolError::TooMany { what, limit });
            }
        }
        Ok(())
    }
}
