//! What a file is, by its first bytes, and the previews that the server makes.
//!
//! Phones bring previews along. For a photo that came without one, as from an office, the server makes it when it is
//! first asked for: one at a time, since decoding is the most expensive thing that anybody can make it do, and
//! under limits that are tighter than a phone's. A picture of which none can be made is remembered as such.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use gridlog_picture_guard::{Limits, sniff};
use gridlog_protocol::Digest;

use super::{FileError, Files, Kept, blocking};
use crate::store::StoredFile;

/// So many bytes tell what a file is.
pub(super) const TOLD_BY: usize = 64;

/// How long somebody waits until it is their picture's turn.
const WAITS: Duration = Duration::from_secs(20);

/// Largest file of which a preview is made, in bytes: it is read whole.
const LARGEST: u64 = 32 * 1024 * 1024;

/// What a server gives a picture: one is decoded at a time, beside everything else that it does.
fn limits() -> Limits {
    Limits {
        max_pixels: 26_000_000,
        max_memory_bytes: 96 * 1024 * 1024,
        ..Limits::default()
    }
}

/// The media type of a picture; empty for everything else.
pub(super) fn media_type(beginning: &[u8]) -> &'static str {
    sniff(beginning).map_or("", |kind| kind.media_type())
}

impl Files {
    /// The size of the preview that the server made of a file, or makes now; `None` if none can be made.
    ///
    /// # Errors
    /// [`FileError::NoPreview`] if too many others wait for theirs.
    pub(crate) async fn preview(
        &self,
        sha256: Digest,
        held: &StoredFile,
    ) -> Result<Option<u64>, FileError> {
        match held.has_preview {
            Some(false) => return Ok(None),
            None if held.bytes > LARGEST || held.media_type.is_empty() => return Ok(None),
            _ => {}
        }
        if let Some(bytes) = self.0.shelf.size(Kept::Preview, sha256).await? {
            return Ok(Some(bytes));
        }
        let turn = tokio::time::timeout(WAITS, self.0.maker.acquire()).await;
        let _turn = turn
            .map_err(|_| FileError::NoPreview)?
            .map_err(|_| FileError::Thread)?;
        // Somebody who waited before may have asked for the same.
        match self.0.shelf.size(Kept::Preview, sha256).await? {
            Some(bytes) => Ok(Some(bytes)),
            None => self.make_preview(sha256, held.bytes).await,
        }
    }

    async fn make_preview(&self, sha256: Digest, bytes: u64) -> Result<Option<u64>, FileError> {
        let Some(reading) = self.read(Kept::File, sha256, None).await? else {
            return Ok(None);
        };
        let picture = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
        let picture = reading.try_fold(picture, async |mut picture, bytes| {
            picture.extend_from_slice(&bytes);
            Ok(picture)
        });
        let picture = picture.await?;
        let made = blocking(move || Ok(gridlog_picture_guard::preview(&picture, &limits())));
        let made = match made.await? {
            Ok(made) => Some(made),
            Err(reason) => {
                tracing::info!(file = %sha256, %reason, "no preview can be made");
                None
            }
        };
        let size = made.as_ref().map(|made| made.len() as u64);
        let _file = self.0.turns.file(sha256).await;
        let store = std::sync::Arc::clone(&self.0.store);
        // It may have left while it was looked at; a preview of nothing would stay for ever.
        let stays = blocking(move || Ok(store.is_leaving(sha256)? == Some(false)));
        if !stays.await? {
            return Ok(None);
        }
        if let Some(made) = made {
            self.0.shelf.put_preview(sha256, made).await?;
        }
        let store = std::sync::Arc::clone(&self.0.store);
        blocking(move || Ok(store.note_preview(sha256, size.is_some())?)).await?;
        Ok(size)
    }
}
