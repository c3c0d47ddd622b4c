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
mod finish;
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

use finish::Finishing;
use part::Part;
use shelf::Shelf;
use turns::Turns;

use crate::config::Config;
use crate::store::{Store, Upload, UploadId, Uploader};

/// The files of a district. Clones share everything.
#[derive(Clone)]
pub struct Files(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    shelf: Shelf,
    turns: Turns,
    finishing: Finishing,
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
            finishing: Finishing::default(),
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

    /// Whether an upload is remembered as theirs, so that they may take it over.
    pub(crate) fn is_of(&self, id: UploadId, by: &Uploader) -> bool {
        self.0.turns.is_of(id, by)
    }

    /// Remembers whose an upload is, as they were seen to be.
    pub(crate) fn remember_owner(&self, upload: &Upload) {
        self.0.turns.remember_owner(upload.id, &upload.by);
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

    /// How many bytes of an upload lie there. It blocks.
    pub(crate) fn lying_there(&self, upload: &Upload) -> Result<u64, FileError> {
        Ok(Part::length_of(&self.part(upload.id))?)
    }

    /// The same, with everything up to there on the disk, so that it may be promised. It blocks.
    pub(crate) fn synced(&self, upload: &Upload) -> Result<u64, FileError> {
        Part::sync_at(&self.part(upload.id))?;
        self.lying_there(upload)
    }

    /// Where an upload stands of which so many bytes lie there. One that turns out to be whole is finished: the server
    /// was killed before it could.
    ///
    /// # Errors
    /// [`FileError`]; [`FileError::HashWrong`] if the whole file is another one than promised.
    pub(crate) async fn stands_at(
        &self,
        upload: &Upload,
        turn: &mut UploadTurn,
        lying_there: u64,
    ) -> Result<u64, FileError> {
        if upload.finished {
            return Ok(upload.length);
        }
        if lying_there >= upload.length {
            let path = self.part(upload.id);
            blocking(move || Ok(Part::sync_at(&path)?)).await?;
            self.finish(upload, turn).await?;
        }
        Ok(lying_there.min(upload.length))
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
