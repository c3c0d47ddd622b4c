//! Receipts: the server's word that a device's records are in the log (DESIGN section 7).

use minicbor::{Decode, Encode};

use crate::bytes::Digest;

/// Counts items and folds their names, so that two sides that hold the same items agree in 32 bytes,
/// in whatever order the items came. An item counts as often as it is added, so add each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Fold {
    /// How many.
    #[n(0)]
    pub count: u64,
    /// The XOR of their names; see [`crate::item_digest`].
    #[n(1)]
    pub names: Digest,
}

impl Default for Fold {
    fn default() -> Self {
        Self {
            count: 0,
            names: Digest::ZERO,
        }
    }
}

impl Fold {
    /// Adds an item.
    pub fn add(&mut self, item: Digest) {
        self.count = self.count.saturating_add(1);
        self.fold(item);
    }

    /// Takes out an item that was added.
    pub fn remove(&mut self, item: Digest) {
        self.count = self.count.saturating_sub(1);
        self.fold(item);
    }

    /// Adds the items of another fold.
    pub fn join(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.fold(other.names);
    }

    fn fold(&mut self, names: Digest) {
        for (mine, theirs) in self.names.0.iter_mut().zip(names.0) {
            *mine ^= theirs;
        }
    }
}

/// "As of this log entry, these records of this device are in the log."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Receipt {
    /// In how many records the device wrote.
    #[n(0)]
    pub records: u64,
    /// The changes that it wrote and that are in the log.
    #[n(1)]
    pub changes: Fold,
}
