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
//! [`Page`]. Both are CBOR (RFC 8949) under zstd (RFC 8878) behind one form byte; see [`codec`].
//! Caps are the constants of [`limits`].
//!
//! A device repeats requests until the page says `more: false` and its outbox holds nothing
//! unsent. Each request may push, ask and pull at once:
//!
//! - **push**: every [`PushItem`] gets a [`Verdict`] of its own. `received` means durable; the
//!   device may forget that it has to send the item, not the item. Sending an item again is
//!   harmless and yields the verdict that stands by then. Items refused, waiting or blocked never
//!   delay the others.
//! - **ask**: items that were `received`, `waiting`, `blocked_by` or in `review` are asked for by
//!   their name, see [`item_digest`]. `unknown` means: send it again.
//! - **pull**: log entries after the [`Cursor`] that the device may see, and for every record that
//!   they touch one [`RecordDelta`] with the changes, and rows ready to be stored. A page ends
//!   early, with `more: true`, when it is full.
//!
//! A page whose `cursor.epoch` differs from the request's begins at entry 1 of another log.
//! A page with a [`Profile`] tells the device that its scope changed; it starts again at cursor 0.
//!
//! An idle sync is one small round trip: empty lists both ways.
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
//!     version: VERSION,
//!     nonce: Key([1; 16]),
//!     actor: Key([2; 16]),
//!     cursor: Cursor::default(),
//!     device_ms: 1_790_000_000_000,
//!     profile_version: 1,
//!     parts: vec![],
//!     push: vec![item.clone()],
//!     asks: vec![],
//! };
//! let sent = codec::encode(&request);
//!
//! // The server reads it, makes the change durable, and answers.
//! let server_key = SigningKey::from_bytes(&[9; 32]);
//! let read: SyncRequest = codec::decode("sync request", &sent)?;
//! read.check()?;
//! let answer = Page {
//!     version: VERSION,
//!     nonce: read.nonce,
//!     server_ms: 1_790_000_000_500,
//!     verdicts: vec![ChangeVerdict { item: item_digest(item.record, &item.change.0), verdict: Verdict::Received }],
//!     entries: vec![],
//!     records: vec![],
//!     gone: vec![],
//!     cursor: Cursor { epoch: 1, seq: 0 },
//!     more: false,
//!     parts: vec![],
//!     profile: None,
//!     certificate: None,
//!     retry_after_ms: None,
//! };
//! let answered = sign_page(&answer, &server_key);
//!
//! // The device checks the signature and that the page answers this very request.
//! let page = open_page(&answered, request.nonce, &server_key.verifying_key())?;
//! assert_eq!(page.verdicts[0].verdict, Verdict::Received);
//!
//! // A page by another key, or for another request, is not taken.
//! let stranger = SigningKey::from_bytes(&[8; 32]).verifying_key();
//! assert!(open_page(&answered, request.nonce, &stranger).is_err());
//! assert!(open_page(&answered, Key([0; 16]), &server_key.verifying_key()).is_err());
//! # Ok::<(), ProtocolError>(())
//! ```

pub mod audience;
mod bytes;
pub mod codec;
mod enrolment;
mod entry;
mod error;
pub mod limits;
mod message;
pub mod reason;
mod signing;
mod verdict;

pub use bytes::{Blob, Digest, Key};
pub use ed25519_dalek::{SigningKey, VerifyingKey};
pub use enrolment::{EnrolAnswer, EnrolRequest, ErrorBody};
pub use entry::{Fact, LogEntry, entry_hash};
pub use error::ProtocolError;
pub use message::{
    Cursor, FeedEntry, Page, PartUpdate, PartVersion, Profile, PushItem, RecordDelta, SyncRequest,
};
pub use signing::{Certificate, open_page, sign_page};
pub use verdict::{ChangeVerdict, Verdict};

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
