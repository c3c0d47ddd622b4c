//! The job that deletes what nobody needs: uploads that nobody went on with, files that nobody holds, and what lies in
//! the folder without anybody knowing of it. It never touches a file that a record holds.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use gridlog_domain::environment::Clock;
use gridlog_protocol::Digest;

use super::{Files, blocking};
use crate::files::error::FileError;
use crate::store::UploadId;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60);
/// How long an upload that has expired still answers that it has, in milliseconds.
const SAYS_SO_MS: i64 = 24 * 60 * 60_000;
/// After how many rounds it looks for what nobody knows of: about once a day.
const STRAYS_AFTER: u32 = 24 * 60;
/// Most rows of one transaction.
const AT_ONCE: usize = 256;

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Uploads that had expired.
    pub uploads: usize,
    /// Pairs of a record and a file to which it does not refer.
    pub pairs: usize,
    /// Files that nobody held.
    pub files: usize,
    /// Files and unfinished uploads that nobody knew of.
    pub strays: usize,
}

/// The job.
#[derive(Debug)]
pub struct Collector {
    files: Files,
    /// How long a file is kept that no record refers to, in milliseconds.
    keep_ms: i64,
}

impl Collector {
    /// Keeps files so long to which no record refers, in milliseconds.
    pub fn new(files: Files, keep_ms: i64) -> Self {
        Self { files, keep_ms }
    }

    /// Works until it is dropped.
    pub(crate) async fn run(self, clock: Arc<dyn Clock>) {
        let mut rounds = 0;
        loop {
            let now_ms = clock.now_ms();
            let round = async {
                let mut collected = self.round(now_ms).await?;
                if rounds % STRAYS_AFTER == 0 {
                    collected.strays = self.strays(now_ms).await?;
                }
                Ok::<_, FileError>(collected)
            };
            match round.await {
                Ok(collected) if collected == Collected::default() => {}
                Ok(collected) => tracing::info!(?collected, "files that nobody needs were deleted"),
                Err(error) => tracing::error!(%error, "files were not looked through"),
            }
            rounds = rounds.wrapping_add(1);
            let woken = self.files.0.left.notified();
            // Woken or not, it looks.
            let _ = tokio::time::timeout(EVERY, woken).await;
        }
    }

    /// One look at what expired, is referred to by nobody or is leaving.
    ///
    /// # Errors
    /// [`FileError`]; what was deleted before stays so, and the next look goes on.
    pub async fn round(&self, now_ms: i64) -> Result<Collected, FileError> {
        let mut collected = Collected::default();
        loop {
            let ended = self.end_uploads(now_ms.saturating_sub(SAYS_SO_MS)).await?;
            collected.uploads += ended;
            if ended < AT_ONCE {
                break;
            }
        }
        loop {
            let (store, before_ms) = (self.store(), now_ms.saturating_sub(self.keep_ms));
            let dropped = blocking(move || Ok(store.drop_unreferenced(before_ms, AT_ONCE)?));
            let dropped = dropped.await?;
            collected.pairs += dropped;
            if dropped < AT_ONCE {
                break;
            }
        }
        loop {
            let store = self.store();
            let leaving = blocking(move || Ok(store.leaving_files(AT_ONCE)?)).await?;
            for sha256 in &leaving {
                collected.files += usize::from(self.delete(*sha256).await?);
            }
            if leaving.len() < AT_ONCE {
                return Ok(collected);
            }
        }
    }

    fn store(&self) -> Arc<dyn crate::store::Store> {
        Arc::clone(&self.files.0.store)
    }

    async fn end_uploads(&self, before_ms: i64) -> Result<usize, FileError> {
        let store = self.store();
        let expired = blocking(move || Ok(store.expired_uploads(before_ms, AT_ONCE)?)).await?;
        for id in &expired {
            // Whoever sends just now is told that it is over.
            let _turn = self.files.take(*id).await;
            self.files.end(*id).await?;
        }
        Ok(expired.len())
    }

    /// Deletes a file that is leaving, unless somebody sent it again meanwhile.
    async fn delete(&self, sha256: Digest) -> Result<bool, FileError> {
        let _file = self.files.0.turns.file(sha256).await;
        let store = self.store();
        if blocking(move || Ok(store.is_leaving(sha256)?)).await? != Some(true) {
            return Ok(false);
        }
        self.files.0.shelf.remove(sha256).await?;
        let store = self.store();
        blocking(move || Ok(store.forget_file(sha256)?)).await?;
        Ok(true)
    }

    /// Deletes what lies there and is in no row: after a restore of an older database, or after a server was killed in
    /// the wrong moment. Whole files have as long to be claimed as unreferenced ones.
    ///
    /// # Errors
    /// [`FileError`].
    pub async fn strays(&self, now_ms: i64) -> Result<usize, FileError> {
        let mut count = self.stray_parts().await?;
        let mut names = self.files.0.shelf.names();
        let before_ms = now_ms.saturating_sub(self.keep_ms);
        while let Some(found) = names.next().await {
            let (sha256, since_ms) = found?;
            if since_ms >= before_ms {
                continue;
            }
            let _file = self.files.0.turns.file(sha256).await;
            let store = self.store();
            if blocking(move || Ok(store.is_leaving(sha256)?))
                .await?
                .is_none()
            {
                self.files.0.shelf.remove(sha256).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn stray_parts(&self) -> Result<usize, FileError> {
        let store = self.store();
        let folder = self.files.0.shelf.unfinished().to_owned();
        blocking(move || {
            let mut count = 0;
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                let mut id: UploadId = [0; 16];
                let name = entry.file_name();
                if hex::decode_to_slice(name.as_encoded_bytes(), &mut id).is_err() {
                    continue;
                }
                // A row is there before the first byte is.
                if store.upload(id)?.is_none_or(|upload| upload.finished) {
                    super::part::Part::remove(&entry.path())?;
                    count += 1;
                }
            }
            Ok(count)
        })
        .await
    }
}
