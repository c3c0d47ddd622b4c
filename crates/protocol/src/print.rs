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

/// The prints of many records, added up: equal where the records are, in whatever order they came.
///
/// They are added and not XORed: a record counts once for every audience by which it is seen, and two
/// equal prints under XOR would hide each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopePrint(pub [u8; 16]);

impl ScopePrint {
    /// No record.
    pub const EMPTY: Self = Self([0; 16]);

    /// Adds a print, `times` times.
    pub fn add(&mut self, print: Key, times: u32) {
        let more = u128::from_be_bytes(print.0).wrapping_mul(u128::from(times));
        *self = Self(self.sum().wrapping_add(more).to_be_bytes());
    }

    /// Takes a print out again.
    pub fn remove(&mut self, print: Key) {
        let less = u128::from_be_bytes(print.0);
        *self = Self(self.sum().wrapping_sub(less).to_be_bytes());
    }

    const fn sum(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}
