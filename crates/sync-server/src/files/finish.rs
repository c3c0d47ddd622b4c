//! Finishing uploads that are whole: their records hold the files from then on.
//!
//! At a day's end many uploads end at the same moment, and each would wait for a commit of its own. So whoever comes first
//! commits for all who wait by then, and those who come meanwhile are the next who do.

use std::sync::{Arc, Mutex, PoisonError};

use gridlog_protocol::Digest;
use sha2::Digest as _;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::oneshot::{self, Receiver};

use super::error::FileError;
use super::part::Part;
use super::shelf::Kept;
use super::turns::UploadTurn;
use super::{Files, blocking, preview};
use crate::store::{Upload, UploadId, WholeUpload};

/// Uploads whose files lie in their places, and that wait for the commit.
#[derive(Debug, Default)]
pub(super) struct Finishing {
    waiting: Mutex<Vec<Waiting>>,
    /// Held by who commits for all.
    committing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    id: UploadId,
    tell: oneshot::Sender<bool>,
}

impl Waiting {
    fn new(id: UploadId) -> (Self, Receiver<bool>) {
        let (tell, told) = oneshot::channel();
        (Self { id, tell }, told)
    }
}

impl Finishing {
    fn wait(&self, id: UploadId) -> Receiver<bool> {
        let (waiting, told) = Waiting::new(id);
        self.waiting().push(waiting);
        told
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        // A list of those who wait is sound whatever panicked while it was held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    /// Finishes a whole upload, whose bytes are synced: from here on its record holds the file.
    ///
    /// # Errors
    /// [`FileError::HashWrong`] if it is another file than promised, and [`FileError::Unknown`] if its record went
    /// meanwhile; the upload is gone then.
    pub(crate) async fn finish(
        &self,
        upload: &Upload,
        turn: &mut UploadTurn,
    ) -> Result<(), FileError> {
        let (id, sha256) = (upload.id, upload.of.sha256);
        if self.hash_of(upload, turn).await? != sha256 {
            self.end(id).await?;
            return Err(FileError::HashWrong);
        }
        let is_held = {
            let _file = self.0.turns.file(sha256).await;
            if !self.is_kept(upload).await? {
                self.0.shelf.put(id, sha256).await?;
            }
            let is_held = self.commit_with_others(id).await?;
            if !is_held && !self.is_known(sha256).await? {
                self.0.shelf.remove(sha256).await?;
            }
            is_held
        };
        self.0.turns.forget(id);
        match is_held {
            true => Ok(()),
            false => Err(FileError::Unknown),
        }
    }

    async fn hash_of(&self, upload: &Upload, turn: &mut UploadTurn) -> Result<Digest, FileError> {
        match turn.remembered.hash.take() {
            Some((at, hash)) if at == upload.length => Ok(Digest(hash.finalize().into())),
            _ => {
                let path = self.part(upload.id);
                blocking(move || Ok(Part::hash_at(&path)?)).await
            }
        }
    }

    /// Whether the very file is kept already, and stays, so that it need not be put again. Its lock is held. Where
    /// putting is no more work than looking, nobody looks.
    async fn is_kept(&self, upload: &Upload) -> Result<bool, FileError> {
        if self.0.shelf.links() {
            return Ok(false);
        }
        let (store, sha256) = (Arc::clone(&self.0.store), upload.of.sha256);
        let stays = blocking(move || Ok(store.is_leaving(sha256)? == Some(false))).await?;
        Ok(stays && self.0.shelf.size(Kept::File, sha256).await? == Some(upload.length))
    }

    async fn is_known(&self, sha256: Digest) -> Result<bool, FileError> {
        let store = Arc::clone(&self.0.store);
        blocking(move || Ok(store.is_leaving(sha256)?.is_some())).await
    }

    /// Commits that the record holds the file, together with all who wait for the same. Says whether it does. The
    /// file's lock is held.
    async fn commit_with_others(&self, id: UploadId) -> Result<bool, FileError> {
        let mut told = self.0.finishing.wait(id);
        let _committing = self.0.finishing.committing.lock().await;
        let mut answer = told.try_recv();
        if answer == Err(TryRecvError::Empty) {
            let together = std::mem::take(&mut *self.0.finishing.waiting());
            if let Err(error) = self.commit(together).await {
                tracing::warn!(%error, "uploads were not finished together");
            }
            answer = told.try_recv();
        }
        if let Ok(is_held) = answer {
            return Ok(is_held);
        }
        // It failed, perhaps for another's sake.
        let (alone, told) = Waiting::new(id);
        self.commit(vec![alone]).await?;
        told.await.map_err(|_| FileError::Thread)
    }

    /// Commits, takes the uploads' own bytes away, and tells who waits.
    async fn commit(&self, together: Vec<Waiting>) -> Result<(), FileError> {
        let files = self.clone();
        blocking(move || {
            let mut whole = Vec::with_capacity(together.len());
            for Waiting { id, .. } in &together {
                let beginning = Part::read_at(&files.part(*id), 0, preview::TOLD_BY)?;
                whole.push(WholeUpload {
                    id: *id,
                    media_type: preview::media_type(&beginning),
                });
            }
            let held = files
                .0
                .store
                .finish_uploads(&whole, files.0.clock.now_ms())?;
            for (Waiting { id, tell }, is_held) in together.into_iter().zip(held) {
                if let Err(error) = Part::remove(&files.part(id)) {
                    tracing::warn!(%error, "the bytes of a finished upload were not removed");
                }
                // Who hung up finds it finished.
                let _ = tell.send(is_held);
            }
            Ok(())
        })
        .await
    }
}
