//! Who works on an upload, and on a file.
//!
//! One request at a time works on an upload, and the newest one wins: a connection that broke where nobody notices would
//! otherwise hold up the one after it until it times out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gridlog_protocol::Digest;
use sha2::Sha256;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard, OwnedMutexGuard, watch};

use crate::store::{UploadId, Uploader};

/// Uploads that are remembered although nobody works on them just now.
const REMEMBERED: usize = 1_024;

/// Into how many shares files are divided that are put or deleted one after the other.
const SHARES: usize = 64;

/// What is remembered of an upload between its pieces.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// The hash of the first so many bytes.
    pub(crate) hash: Option<(u64, Sha256)>,
    /// How many of the last bytes may lie in the memory of the system only. Those of a server that was killed do
    /// not count: the next sync is of them too.
    pub(crate) unsynced: u64,
}

#[derive(Debug)]
struct Slot {
    /// Whose upload it is, once they were seen to be.
    owner: OnceLock<Uploader>,
    remembered: Arc<AsyncMutex<Remembered>>,
    /// The number of the newest request.
    newest: watch::Sender<u64>,
}

/// The turns.
#[derive(Debug)]
pub(crate) struct Turns {
    uploads: Mutex<HashMap<UploadId, Arc<Slot>>>,
    files: Vec<AsyncMutex<()>>,
}

/// A request's turn with an upload. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct UploadTurn {
    pub(crate) remembered: OwnedMutexGuard<Remembered>,
    newest: watch::Receiver<u64>,
    number: u64,
    _slot: Arc<Slot>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            uploads: Mutex::default(),
            files: (0..SHARES).map(|_| AsyncMutex::default()).collect(),
        }
    }
}

impl Turns {
    fn slot(&self, id: UploadId) -> Arc<Slot> {
        // A map of slots is sound whatever panicked while it was held.
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        if uploads.len() >= REMEMBERED && !uploads.contains_key(&id) {
            uploads.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        let slot = uploads.entry(id).or_insert_with(|| {
            Arc::new(Slot {
                owner: OnceLock::new(),
                remembered: Arc::default(),
                newest: watch::Sender::new(0),
            })
        });
        Arc::clone(slot)
    }

    /// Whether an upload is remembered as theirs. An upload never changes hands.
    pub(crate) fn is_of(&self, id: UploadId, by: &Uploader) -> bool {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = uploads.get(&id);
        slot.is_some_and(|slot| slot.owner.get() == Some(by))
    }

    /// Remembers whose an upload is.
    pub(crate) fn remember_owner(&self, id: UploadId, by: &Uploader) {
        // It is remembered already.
        let _ = self.slot(id).owner.set(by.clone());
    }

    /// Takes an upload over from whoever works on it, as soon as they have noticed.
    pub(crate) async fn take(&self, id: UploadId) -> UploadTurn {
        let slot = self.slot(id);
        let mut number = 0;
        slot.newest.send_modify(|newest| {
            *newest += 1;
            number = *newest;
        });
        let newest = slot.newest.subscribe();
        let remembered = Arc::clone(&slot.remembered).lock_owned().await;
        UploadTurn {
            remembered,
            newest,
            number,
            _slot: slot,
        }
    }

    /// Forgets an upload that is over.
    pub(crate) fn forget(&self, id: UploadId) {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.remove(&id);
    }

    /// Keeps a file for oneself while it is put in its place or deleted.
    pub(crate) async fn file(&self, sha256: Digest) -> MutexGuard<'_, ()> {
        self.files[usize::from(sha256.0[0]) % SHARES].lock().await
    }
}

impl UploadTurn {
    /// Whether nobody had a turn with the upload before, since it was remembered.
    pub(crate) fn is_first(&self) -> bool {
        self.number == 1
    }

    /// Whether a newer request wants the upload.
    pub(crate) fn is_over(&self) -> bool {
        *self.newest.borrow() > self.number
    }

    /// Returns once a newer request wants the upload.
    pub(crate) async fn over(&mut self) {
        let number = self.number;
        if self
            .newest
            .wait_for(|newest| *newest > number)
            .await
            .is_err()
        {
            // Nobody can take over any more.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_request_has_the_upload_as_soon_as_the_one_before_has_noticed() {
        let turns = Turns::default();
        let mut first = turns.take([1; 16]).await;
        assert!(!first.is_over());
        let second = async {
            let second = turns.take([1; 16]).await;
            assert!(!second.is_over());
        };
        let work = async move {
            first.over().await;
            assert!(first.is_over());
        };
        tokio::join!(work, second);
    }

    #[tokio::test]
    async fn who_waits_while_a_third_comes_finds_its_turn_over() {
        let turns = Turns::default();
        let first = turns.take([1; 16]).await;
        let (second, third) = (turns.take([1; 16]), turns.take([1; 16]));
        let both = async { tokio::join!(async { second.await.is_over() }, third) };
        let ((second_is_over, third), ()) = tokio::join!(both, async { drop(first) });
        assert!(second_is_over);
        assert!(!third.is_over());
    }

    #[tokio::test]
    async fn no_more_uploads_are_remembered_than_that() {
        let turns = Turns::default();
        let busy = turns.take([255; 16]).await;
        for n in 0..3_000_u32 {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            drop(turns.take(id).await);
        }
        let remembered = turns.uploads.lock().unwrap();
        assert!(remembered.len() <= REMEMBERED + 1);
        assert!(
            remembered.contains_key(&[255; 16]),
            "who is busy is not forgotten"
        );
        drop(busy);
    }
}
