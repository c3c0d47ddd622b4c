//! How much one change may hold.
//!
//! The caps are far above what a person writes in one go and far below what hurts: each bounds
//! something that Automerge would otherwise allocate, walk or copy on the word of the sender.

/// Caps on one change (DESIGN section 5). [`Limits::default`] holds the production values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Size of the whole chunk, in bytes.
    pub max_change_bytes: usize,
    /// Operations in one change. One typed character is one operation.
    pub max_ops: u64,
    /// Overwritten operations (`pred`) named by one change, over all its operations.
    pub max_preds: u64,
    /// Dependencies of one change.
    pub max_deps: usize,
    /// Actors named by one change besides its author.
    pub max_actors: usize,
    /// Length of the commit message, in bytes.
    pub max_message_bytes: usize,
    /// Length of one map key, in bytes. A run-length column can repeat one key for every
    /// operation, so a long key is an amplifier.
    pub max_key_bytes: usize,
    /// Largest counter of a change's first operation. Automerge counts in 32 bits and panics
    /// beyond; a change near that end would make later honest edits panic.
    pub max_start_op: u64,
    /// Latest time of a change, in milliseconds since 1970. Automerge stores differences between
    /// times in 64 bits, so extreme times spoil the record for later changes.
    pub max_time_ms: i64,
    /// Objects above the object that is written in. Automerge walks objects recursively, and the
    /// stack overflow of a deep document ends the process: no `catch_unwind` helps.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_change_bytes: 256 * 1024,
            max_ops: 20_000,
            max_preds: 40_000,
            max_deps: 64,
            max_actors: 256,
            max_message_bytes: 256,
            max_key_bytes: 256,
            max_start_op: 50_000_000,
            max_time_ms: 253_402_300_799_999,
            max_depth: 16,
        }
    }
}

impl Limits {
    /// Caps for changes that were admitted earlier. An operator may lower the production caps at
    /// any time; what is in a record must still load.
    pub(crate) fn admitted_earlier() -> Self {
        Self {
            max_change_bytes: 64 * 1024 * 1024,
            max_ops: 10_000_000,
            max_preds: 20_000_000,
            max_deps: 100_000,
            max_actors: 100_000,
            max_message_bytes: 64 * 1024,
            max_key_bytes: 64 * 1024,
            max_start_op: u64::from(u32::MAX) / 2,
            max_time_ms: i64::MAX / 4,
            max_depth: 256,
        }
    }
}
