//! Photos and other files: how they are received, kept, given out and let go of.
//!
//! What is known of a file stands in the database ([`crate::store::FileStore`]); its bytes lie on a shelf, a folder or
//! an S3 service. Three orders keep both in step, whenever the server is killed:
//!
//! - an upload's offset is the length of what lies there; it is synced to the disk at every megabyte, when somebody asks for
//!   it, and at the end;
//! - a file is held once its hash was compared, it lies in its place, and the database has committed that;
//! - a file is deleted after a transaction that found that nobody holds it, under a lock that whoever puts the same
//!   file takes too.
//!
//! See `docs/files.md` for the protocol.

mod checksum;
mod collect;
mod error;
mod part;
mod preview;
mod receive;
mod shelf;
mod turns;

use std::sync::Arc;

use gridlog_domain::environment::Clock;
use gridlog_protocol::Digest;

pub use checksum::{ALGORITHMS, Checksum};
pub use collect::{Collected, Collector};
pub use error::FileError;
pub use receive::Piece;
pub(crate) use receive::receive;
pub use shelf::ShelfError;
pub(crate) use shelf::{Kept, Reading};
pub(crate) use turns::UploadTurn;

use part::Part;
use shelf::Shelf;
use turns::Turns;

use crate::config::Config;
use crate::store::{Store, Upload, UploadId};

/// The files of a district. Clones share everything.
#[derive(Clone)]
pub struct Files(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    shelf: Shelf,
    turns: Turns,
    /// One preview is made at a time.
    maker: tokio::sync::Semaphore,
    clock: Arc<dyn Clock>,
    /// Told when files have to leave at once.
    left: tokio::sync::Notify,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Files").field(&self.0.shelf).finish()
    }
}

/// Runs what blocks on a thread for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| FileError::Thread)?
}

impl Files {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// [`ShelfError`].
    pub fn open(
        config: &Config,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ShelfError> {
        Ok(Self(Arc::new(Inner {
            store,
            shelf: Shelf::open(config)?,
            turns: Turns::default(),
            maker: tokio::sync::Semaphore::new(1),
            clock,
            left: tokio::sync::Notify::new(),
        })))
    }

    /// Has the job look at once for what has to go.
    pub(crate) fn let_go(&self) {
        self.0.left.notify_one();
    }

    /// Takes an upload over from whoever works on it.
    pub(crate) async fn take(&self, id: UploadId) -> UploadTurn {
        self.0.turns.take(id).await
    }

    /// Where the bytes of an upload lie.
    pub(crate) fn part(&self, id: UploadId) -> std::path::PathBuf {
        self.0.shelf.part(id)
    }

    /// Whether the bytes of a file are there.
    pub(crate) async fn is_there(&self, sha256: Digest, bytes: u64) -> Result<bool, FileError> {
        let there = self.0.shelf.size(Kept::File, sha256).await?;
        Ok(there == Some(bytes))
    }

    /// Where an upload stands, with everything up to there on the disk, so that it may be promised; see
    /// [`Self::stands_at`].
    ///
    /// # Errors
    /// [`FileError`], as there.
    pub(crate) async fn offset(
        &self,
        upload: &Upload,
        turn: &mut UploadTurn,
    ) -> Result<u64, FileError> {
        let path = self.part(upload.id);
        let at = blocking(move || {
            Part::sync_at(&path)?;
            Ok(Part::length_of(&path)?)
        });
        let at = at.await?;
        turn.remembered.unsynced = 0;
        self.settle(upload, turn, at).await
    }

    /// Where an upload stands. One that turns out to be whole is finished: the server was killed before it could.
    ///
    /// # Errors
    /// [`FileError`]; [`FileError::HashWrong`] if the whole file is another one than promised.
    pub(crate) async fn stands_at(
        &self,
        upload: &Upload,
        turn: &mut UploadTurn,
    ) -> Result<u64, FileError> {
        let path = self.part(upload.id);
        let at = blocking(move || Ok(Part::length_of(&path)?)).await?;
        self.settle(upload, turn, at).await
    }

    async fn settle(
        &self,
        upload: &Upload,
        turn: &mut UploadTurn,
        at: u64,
    ) -> Result<u64, FileError> {
        if upload.finished {
            return Ok(upload.length);
        }
        if at >= upload.length {
            let path = self.part(upload.id);
            blocking(move || Ok(Part::sync_at(&path)?)).await?;
            self.finish(upload, turn).await?;
        }
        Ok(at.min(upload.length))
    }

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
        let found = self.hash_of(upload, turn).await?;
        if found != sha256 {
            self.end(id).await?;
            return Err(FileError::HashWrong);
        }
        let kept = {
            let _file = self.0.turns.file(sha256).await;
            if !self.is_kept(upload).await? {
                self.0.shelf.put(id, sha256).await?;
            }
            self.note_finished(upload).await?
        };
        self.0.turns.forget(id);
        if kept {
            Ok(())
        } else {
            Err(FileError::Unknown)
        }
    }

    async fn hash_of(&self, upload: &Upload, turn: &mut UploadTurn) -> Result<Digest, FileError> {
        use sha2::Digest as _;
        match turn.remembered.hash.take() {
            Some((at, hash)) if at == upload.length => Ok(Digest(hash.finalize().into())),
            _ => {
                let path = self.part(upload.id);
                blocking(move || Ok(Part::hash_at(&path)?)).await
            }
        }
    }

    /// Whether the very file is kept already, and stays. Its lock is held.
    async fn is_kept(&self, upload: &Upload) -> Result<bool, FileError> {
        let (store, sha256) = (Arc::clone(&self.0.store), upload.of.sha256);
        let stays = blocking(move || Ok(store.is_leaving(sha256)? == Some(false))).await?;
        Ok(stays && self.0.shelf.size(Kept::File, sha256).await? == Some(upload.length))
    }

    /// Commits that the record holds the file, and takes the upload's own bytes away. The file's lock is held.
    async fn note_finished(&self, upload: &Upload) -> Result<bool, FileError> {
        let (id, sha256) = (upload.id, upload.of.sha256);
        let (store, path) = (Arc::clone(&self.0.store), self.part(id));
        let now_ms = self.0.clock.now_ms();
        let kept = blocking(move || {
            let beginning = Part::read_at(&path, 0, preview::TOLD_BY)?;
            let media_type = preview::media_type(&beginning);
            let kept = store.finish_upload(id, media_type, now_ms)?;
            Part::remove(&path)?;
            Ok((kept, store.is_leaving(sha256)?))
        });
        let (kept, leaving) = kept.await?;
        if leaving.is_none() {
            self.0.shelf.remove(sha256).await?;
        }
        Ok(kept)
    }

    /// Throws an upload away.
    pub(crate) async fn end(&self, id: UploadId) -> Result<(), FileError> {
        let (store, path) = (Arc::clone(&self.0.store), self.part(id));
        blocking(move || {
            store.drop_uploads(&[id])?;
            Ok(Part::remove(&path)?)
        })
        .await?;
        self.0.turns.forget(id);
        Ok(())
    }

    /// Some of the bytes under a name; `None` if nothing is there.
    pub(crate) async fn read(
        &self,
        kept: Kept,
        sha256: Digest,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<Option<Reading>, FileError> {
        let found = self.0.shelf.read(kept, sha256, range).await?;
        if found.is_none() {
            tracing::error!(file = %sha256, "the database knows a file that is not in its place");
        }
        Ok(found)
    }
}
