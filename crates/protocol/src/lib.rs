//! The wire between phones and the server: version 1.
//!
//! # Enrolment
//!
//! `POST /v1/enrol` with [`EnrolRequest`] (JSON) turns an installation into a device. The answer
//! brings a bearer token, the key that signs everything the server says, and a [`Certificate`]
//! over (person, device, actor).
//!
//! # Sync
//!
//! One request carries everything: `POST /v1/sync` with a [`SyncRequest`], answered by a signed
//! [`Page`]. Both are CBOR (RFC 8949), taken apart ([`dense`]), under zstd (RFC 8878) behind one form byte;
//! see [`codec`].
//! Caps are the constants of [`limits`].
//!
//! A device repeats requests until the page says `more: false` and its outbox holds nothing
//! unsent. Each request may push, ask, pull, walk, want, give back and compare at once:
//!
//! - **push**: every [`PushItem`] gets a [`Verdict`] of its own. `received` means durable; the
//!   device may forget that it has to send the item, not the item. Sending an item again is
//!   harmless and yields the verdict that stands by then. Items refused, waiting or blocked never
//!   delay the others.
//! - **ask**: items that were `received`, `waiting`, `blocked_by` or in `review` are asked for by
//!   their name, see [`item_digest`]. `unknown` means: send it again.
//! - **pull**: log entries after the [`Position`] that the device may see, and for every record that
//!   they touch one [`RecordDelta`] with the changes, and rows ready to be stored. A page ends
//!   early, with `more: true`, when it is full. What the reader can compute is left out ([`fill`]),
//!   and so are the changes that the device wrote itself.
//! - **walk**: a [`Profile`] tells the device what it may see now. For every audience that is new it
//!   walks through that audience's records ([`Walk`]), which come whole, in the order of their ids,
//!   as many as a page takes. The walk goes on from any page. A new device pulls nothing from before
//!   its first page: all of that is walked.
//! - **want**: records that turn out to differ are asked for whole.
//! - **without**: a device that cannot read what a page brings of a record takes nothing of that page,
//!   and asks for it again without the record. The rest is then not held up; the record is wanted later.
//! - **recall**: a store that was put back to an older copy has forgotten what it wrote since, and with
//!   which actors. It is told the names of what the log has of its device ([`Recalled`]).
//! - **receipt** and **scope**: the last page of a pull says what of the device is in the log, and
//!   the folded prints of all records in its scope ([`Statement`]).
//!
//! An idle sync is one small round trip: empty lists both ways.
//!
//! # Repair
//!
//! A log is in an epoch. A server that was restored from a backup begins a new one, and so does a
//! server to which a device proves that it lost entries. A device whose position is of another
//! epoch, or unknown, is told how much both logs have in common ([`Lineage`]). It then, in this order:
//!
//! 1. gives back the entries and changes behind that, whoever wrote them, each under the signed page
//!    that brought them ([`Returned`]); the server enters them anew, rulings as they were made;
//! 2. pushes what is unsent and pulls from the common entry on;
//! 3. where the prints of its scope differ from the server's, compares both sides ([`Reconcile`]),
//!    gives back what only it has, and wants what only the server has.
//!
//! What lies behind [`Statement::backed_up_through`] is safe; up to there a device keeps even what
//! left its scope.
//!
//! # Live
//!
//! `GET /v1/live?epoch=E&seq=S` with the device's token stays open and brings server-sent events:
//! `wake` with `{"epoch":..,"seq":..}` when the log has entries beyond (E, S) that the device may see.
//! It carries nothing else; the device syncs. A comment every 25 s keeps it open. Before the server ends
//! it, it says by `retry:` when to come back, in milliseconds. A device has one; a newer one ends the
//! older.
//!
//! # Search
//!
//! `POST /v1/search` with the device's token and a [`SearchRequest`] (JSON) is answered by a list of
//! [`FoundRecord`]: of the records that the person may see, those whose headline holds a text, also such as
//! have left the phones.
//!
//! # When to wait
//!
//! A page may ask for a while of peace ([`PageBody::retry_after_ms`]); a refusal with 503 (`busy`) or 429
//! (`one_at_a_time`: two requests of the device are under way; `slow_down`: it asked for more than its
//! share) says when to come back by the header `Retry-After`, in seconds. What was answered before stands.
//!
//! # Errors
//!
//! A refused request is answered by an HTTP status of 400 or above and an [`ErrorBody`]. A refused
//! *item* is a verdict.
//!
//! # Example
//!
//! A device and a server, in memory:
//!
//! ```
//! use ed25519_dalek::SigningKey;
//! use gridlog_protocol::*;
//!
//! // The device has one change to send and has pulled nothing yet.
//! let item = PushItem { record: Key([7; 16]), change: Blob(b"bytes".to_vec()), offset_ms: None };
//! let request = SyncRequest {
//!     push: vec![item.clone()],
//!     ..SyncRequest::idle(Key([1; 16]), Key([2; 16]), 1_790_000_000_000)
//! };
//! let sent = codec::encode(&request);
//!
//! // The server reads it, makes the change durable, and answers.
//! let server_key = SigningKey::from_bytes(&[9; 32]);
//! let device = Key([3; 16]);
//! let read: SyncRequest = codec::decode("sync request", &sent)?;
//! read.check()?;
//! let mut answer = Page::empty(Position { epoch: 1, ..Position::NOWHERE }, 1_790_000_000_500);
//! answer.body.verdicts.push(Verdict::Received);
//! let answered = sign_page(&answer, read.nonce, device, &server_key);
//!
//! // The device checks the signature and that the page answers this very request.
//! let key = server_key.verifying_key();
//! let opened = open_page(&answered, request.nonce, device, &key)?;
//! assert_eq!(opened.page.body.verdicts, [Verdict::Received]);
//!
//! // A page by another key, for another request or for another device, is not taken.
//! let stranger = SigningKey::from_bytes(&[8; 32]).verifying_key();
//! assert!(open_page(&answered, request.nonce, device, &stranger).is_err());
//! assert!(open_page(&answered, Key([0; 16]), device, &key).is_err());
//! assert!(open_page(&answered, request.nonce, Key([0; 16]), &key).is_err());
//! # Ok::<(), ProtocolError>(())
//! ```

pub mod audience;
mod bytes;
pub mod codec;
mod comparison;
#[doc(hidden)]
pub mod dense;
pub mod dictionary;
mod enrolment;
mod entry;
mod error;
pub mod file_reason;
mod holes;
pub mod limits;
mod message;
mod page;
mod position;
mod print;
mod proof;
pub mod reason;
mod receipt;
mod returned;
mod search;
mod signing;
mod succession;
mod verdict;

pub use bytes::{Blob, Digest, Key};
pub use comparison::{ComparedRecord, compared};
pub use ed25519_dalek::{SigningKey, VerifyingKey};
pub use enrolment::{EnrolAnswer, EnrolRequest, ErrorBody};
pub use entry::{Fact, LogEntry, Origin, entry_hash};
pub use error::ProtocolError;
pub use holes::{fill, with_holes};
pub use message::{PartVersion, PushItem, Reconcile, SyncRequest, Unsent, Walk};
pub use page::{
    FeedEntry, Lineage, Page, PageBody, PartUpdate, Profile, Recalled, RecalledChange, RecordDelta,
    Splice, Statement, ViewNews, WalkNews,
};
pub use position::Position;
pub use print::{ScopePrint, record_print, text_check};
pub use proof::{MAX_PROVEN, PROOF_PATH};
pub use receipt::{Fold, Receipt};
pub use returned::{Author, Evidence, Returned, ReturnedChange, SeenRecord, contents};
pub use search::{FoundRecord, MAX_FOUND, MAX_SEARCH_CHARACTERS, SEARCH_PATH, SearchRequest};
pub use signing::{
    Certificate, OpenedPage, open_page, open_page_following, sign_page, sign_page_as,
};
pub use succession::{MAX_SUCCESSIONS, Succession};
pub use verdict::Verdict;

use sha2::Digest as _;

/// The protocol version that this crate speaks.
pub const VERSION: u16 = 1;
/// The oldest version that the server still takes: N−1, once there is a version 2.
pub const OLDEST_VERSION: u16 = 1;

/// The name of a pushed item: SHA-256 of the record's id and the change's bytes as they came. Two
/// records may begin with equal bytes.
pub fn item_digest(record: Key, change: &[u8]) -> Digest {
    let digest = sha2::Sha256::new()
        .chain_update(record.0)
        .chain_update(change);
    Digest(digest.finalize().into())
}

#[cfg(test)]
mod tests;
