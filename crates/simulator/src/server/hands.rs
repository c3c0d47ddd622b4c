//! The server's hands in a single thread: one thing after the other.

use gridlog_protocol::Digest;
use gridlog_sync_server::exchange::Hands;
use gridlog_sync_server::ingest::{GivenBack, Why};
use gridlog_sync_server::store::{ItemStatus, NewItem, Store as _, StoreError};

use super::Running;

/// Who keeps and decides while one request is answered.
pub(super) struct OneThread<'a> {
    pub(super) running: &'a Running,
    /// Whether decisions come at once; else the answer says `received`.
    pub(super) decides: bool,
    pub(super) now: &'a dyn Fn() -> i64,
}

impl Hands for OneThread<'_> {
    fn receive(&self, items: Vec<NewItem>) -> Result<Vec<ItemStatus>, StoreError> {
        self.running.store.add_to_inbox(&items)
    }

    fn await_decisions(&self, _: &[Digest]) -> Result<(), StoreError> {
        if self.decides {
            self.running.decide((self.now)())?;
        }
        Ok(())
    }

    fn take_back(&self, given: Vec<GivenBack>) -> Result<u64, StoreError> {
        let mut sequencer = self.running.sequencer.borrow_mut();
        sequencer.take_back((self.now)(), &given)
    }

    fn begin_epoch(&self, current: u64, next: u64) -> Result<(), StoreError> {
        let mut sequencer = self.running.sequencer.borrow_mut();
        sequencer.begin_epoch((self.now)(), (current, next), Why::RolledBack)
    }
}
