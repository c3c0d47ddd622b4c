//! Leaving out of a page what its reader can compute.
//!
//! A hash is 32 bytes that no compression makes smaller, and a reader who gets the bytes can hash
//! them. So an entry travels with holes, digests of 32 zero bytes, for the hash of the entry before
//! it where that one is known, and for the hash of a change that the page brings.

use crate::bytes::{Digest, Key};
use crate::entry::{Fact, LogEntry, entry_hash};
use crate::error::ProtocolError;
use crate::page::FeedEntry;
use crate::position::Position;

/// An entry on the way, `before` being the last position that the reader knows the hash of.
/// `change_at` says where the page holds the change that the entry admits.
pub fn with_holes(entry: &LogEntry, before: &Position, change_at: Option<u32>) -> FeedEntry {
    let mut entry = entry.clone();
    if follows(entry.seq, before) {
        entry.previous = Digest::ZERO;
    }
    let change_at = match (&mut entry.fact, change_at) {
        (Fact::Admit { change, .. }, Some(at)) => {
            *change = Digest::ZERO;
            Some(at)
        }
        _ => None,
    };
    FeedEntry { entry, change_at }
}

fn follows(seq: u64, before: &Position) -> bool {
    before.seq.checked_add(1) == Some(seq)
}

/// Fills the holes of an entry. `before` is the last position that the reader knows; it becomes that
/// of the entry. `change` yields the hash of the nth change of a record in the page.
///
/// # Errors
/// [`ProtocolError::Malformed`] if a hole cannot be filled.
pub fn fill(
    feed: &FeedEntry,
    before: &mut Position,
    change: impl Fn(Key, u32) -> Option<Digest>,
) -> Result<(LogEntry, Vec<u8>), ProtocolError> {
    let malformed = ProtocolError::Malformed { what: "log entry" };
    let mut entry = feed.entry.clone();
    if entry.previous == Digest::ZERO && follows(entry.seq, before) {
        entry.previous = before.hash;
    }
    if let Some(at) = feed.change_at {
        let Fact::Admit { change: hole, .. } = &mut entry.fact else {
            return Err(malformed);
        };
        *hole = change(entry.record, at).ok_or(malformed)?;
    }
    let canonical = entry.to_bytes();
    before.seq = entry.seq;
    before.hash = entry_hash(&canonical);
    Ok((entry, canonical))
}
