//! A position in the log.

use minicbor::{Decode, Encode};

use crate::bytes::Digest;

/// A position in the log. Sequence numbers of different epochs have nothing to do with each other,
/// but for the entries that a later epoch took over from an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Position {
    /// The log's epoch; 0 before the first answer.
    #[n(0)]
    pub epoch: u64,
    /// The last entry that the device has been told of or passed over; 0 for none.
    #[n(1)]
    pub seq: u64,
    /// The hash of that entry, so that a server whose log was put back or exchanged is noticed;
    /// [`Digest::ZERO`] for none.
    #[n(2)]
    pub hash: Digest,
}

impl Position {
    /// Before the first entry of any log.
    pub const NOWHERE: Self = Self {
        epoch: 0,
        seq: 0,
        hash: Digest::ZERO,
    };
}

impl Default for Position {
    fn default() -> Self {
        Self::NOWHERE
    }
}
