//! What a sequencer keeps from one commit to the next.

use super::published::Published;
use super::record_cache::RecordCache;

/// Records that are open, and what nobody was told of yet.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) cache: RecordCache,
    pub(super) published: Published,
}
