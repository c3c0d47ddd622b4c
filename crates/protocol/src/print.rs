//! Prints: whether two sides have the same records, in few bytes.

use sha2::{Digest as _, Sha256};

use crate::bytes::{Digest, Key};

/// The print of one record: 16 bytes that differ when its id, its heads (sorted) or what was ruled
/// on it (`CaseState` as JSON, empty for other kinds) differ.
pub fn record_print(record: Key, heads: &[Digest], state: &[u8]) -> Key {
    let mut hash = Sha256::new().chain_update(record.0);
    for head in heads {
        hash.update(head.0);
    }
    let digest = hash.chain_update([0]).chain_update(state).finalize();
    let mut print = [0; 16];
    print.copy_from_slice(&digest[..16]);
    Key(print)
}

/// The first four bytes of the SHA-256 of some JSON.
pub fn text_check(text: &[u8]) -> u32 {
    let mut first = [0; 4];
    first.copy_from_slice(&Sha256::digest(text)[..4]);
    u32::from_be_bytes(first)
}

/// The prints of many records, folded: equal where the records are, in whatever order they came.
/// Adding a print twice takes it out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopePrint(pub [u8; 16]);

impl ScopePrint {
    /// No record.
    pub const EMPTY: Self = Self([0; 16]);

    /// Adds a print, or takes it out.
    pub fn toggle(&mut self, print: Key) {
        for (mine, theirs) in self.0.iter_mut().zip(print.0) {
            *mine ^= theirs;
        }
    }
}
