//! Reading what lies here, and letting go of what nobody holds.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::hash::FileHash;
use super::seal::{CHUNK, Sealed, Unreadable};
use super::vault::said;
use crate::error::PhoneError;
use crate::phone::{Inner, Phone};
use crate::store::attachments;
use crate::sync::CancelFlag;

/// A file of this phone, open for reading. Any part is read without the rest; at most one chunk of
/// 64 KiB is in memory.
pub struct AttachmentReader {
    sealed: Sealed,
    hash: FileHash,
    bytes: u64,
    at: u64,
}

impl std::fmt::Debug for AttachmentReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AttachmentReader")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl AttachmentReader {
    /// The file's size in bytes.
    pub const fn size(&self) -> u64 {
        self.bytes
    }

    /// Reads `length` bytes from `offset` on; fewer at the end of the file.
    ///
    /// # Errors
    /// [`PhoneError::FileDamaged`]; [`PhoneError::FileStore`].
    pub fn read_part(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, PhoneError> {
        let mut part = Vec::with_capacity(length.min(CHUNK * 4));
        let mut chunk = [0; 8 * 1024];
        while part.len() < length {
            let room = (length - part.len()).min(chunk.len());
            let place = offset.saturating_add(part.len() as u64);
            let count = self
                .sealed
                .read_at(place, &mut chunk[..room])
                .map_err(|unreadable| said(unreadable, self.hash))?;
            if count == 0 {
                break;
            }
            part.extend_from_slice(&chunk[..count]);
        }
        Ok(part)
    }
}

impl Read for AttachmentReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.sealed.read_at(self.at, into);
        let count = count.map_err(|unreadable| match unreadable {
            Unreadable::Damaged => io::Error::from(io::ErrorKind::InvalidData),
            Unreadable::Io(error) => error,
        })?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for AttachmentReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(from) => self.bytes.checked_add_signed(from),
            SeekFrom::Current(from) => self.at.checked_add_signed(from),
        };
        self.at = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

impl Inner {
    /// Opens a file, whoever holds it.
    pub(super) fn open_file(
        &self,
        hash: FileHash,
        bytes: u64,
    ) -> Result<AttachmentReader, PhoneError> {
        Ok(AttachmentReader {
            sealed: self.vault.open(hash, bytes)?,
            hash,
            bytes,
            at: 0,
        })
    }

    /// Whether a file is still what it was when it was stored.
    pub(super) fn is_sound(&self, hash: FileHash, bytes: u64) -> bool {
        let digest = self.open_file(hash, bytes).and_then(|mut reader| {
            let mut digest = Sha256::new();
            let mut place = 0;
            while place < bytes {
                let part = reader.read_part(place, 4 * CHUNK)?;
                if part.is_empty() {
                    break;
                }
                place += part.len() as u64;
                digest.update(&part);
            }
            Ok(digest.finalize())
        });
        digest.is_ok_and(|digest| digest[..] == hash.as_bytes()[..])
    }

    /// At the start: what a phone that was switched off left half done goes.
    pub(crate) fn sweep_vault(&self) -> Result<(), PhoneError> {
        if !self.vault.is_there() {
            return Ok(());
        }
        self.let_go()?;
        self.store.write(|tx| {
            let known = attachments::all_files(tx)?;
            self.vault.sweep(&known)
        })
    }

    /// Lets go of files that the server has, of records that have left this phone. Nothing is removed before it is
    /// on the disk that the server has it.
    pub(super) fn release_files(&self) -> Result<(), PhoneError> {
        if self.store.read(attachments::is_any_to_release)? {
            self.store.write(|tx| attachments::release(tx))?;
        }
        self.let_go()
    }

    /// Removes files that no record holds any more. The rows go after the files, in a transaction of their
    /// own: a phone that is switched off in between does it again.
    pub(crate) fn let_go(&self) -> Result<(), PhoneError> {
        let is_any = |connection: &rusqlite::Connection| {
            Ok(!attachments::held_by_none(connection)?.is_empty())
        };
        if !self.store.read(is_any)? {
            return Ok(());
        }
        self.store.write(|tx| {
            for file in attachments::held_by_none(tx)? {
                self.vault.remove(file)?;
                attachments::drop_file(tx, file)?;
            }
            Ok(())
        })
    }
}

impl Phone {
    /// Opens a file that a record on this phone holds.
    ///
    /// # Errors
    /// [`PhoneError::UnknownFile`] if it is not here; [`PhoneError::FileDamaged`];
    /// [`PhoneError::FileStore`]; [`PhoneError::Store`].
    pub fn read_attachment(&self, file: FileHash) -> Result<AttachmentReader, PhoneError> {
        let visible =
            |connection: &rusqlite::Connection| attachments::visible_size(connection, file);
        let bytes = self.inner.store.read(visible)?;
        let bytes = bytes.ok_or(PhoneError::UnknownFile { file })?;
        self.inner.open_file(file, bytes)
    }

    /// Writes a file that a record on this phone holds to `path`, unencrypted: for a viewer outside the
    /// app. Whoever asked for it removes it again. What lies at `path` already is not touched.
    ///
    /// # Errors
    /// As for [`Phone::read_attachment`]; [`PhoneError::FileUnwritable`], also if something is at `path`;
    /// [`PhoneError::DiskFull`]. Nothing is left at `path` then.
    pub fn export_attachment(&self, file: FileHash, path: &Path) -> Result<(), PhoneError> {
        self.export_attachment_unless(file, path, &CancelFlag::new())
    }

    /// As [`Phone::export_attachment`], unless `cancel` is set before all of it is written: it is looked at between
    /// any two pieces.
    ///
    /// # Errors
    /// As [`Phone::export_attachment`]; [`PhoneError::Cancelled`], and nothing is left at `path` then.
    pub fn export_attachment_unless(
        &self,
        file: FileHash,
        path: &Path,
        cancel: &CancelFlag,
    ) -> Result<(), PhoneError> {
        cancel.check()?;
        let mut reader = self.read_attachment(file)?;
        let mut out = File::options()
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(unwritable)?;
        let mut copy = || {
            let mut place = 0;
            while place < reader.size() {
                let part = reader.read_part(place, 4 * CHUNK)?;
                place += part.len() as u64;
                out.write_all(&part).map_err(unwritable)?;
                cancel.check()?;
            }
            out.sync_all().map_err(unwritable)
        };
        let copied = copy();
        if copied.is_err() {
            // Half a file is none; that it cannot be removed adds nothing to what is told.
            let _ = fs::remove_file(path);
        }
        copied
    }

    /// The preview of a photo, a small JPEG, if it is on this phone.
    ///
    /// # Errors
    /// [`PhoneError::FileDamaged`]; [`PhoneError::FileStore`]; [`PhoneError::Store`].
    pub fn preview(&self, photo: FileHash) -> Result<Option<Vec<u8>>, PhoneError> {
        let known = |connection: &rusqlite::Connection| attachments::preview_of(connection, photo);
        let Some((hash, bytes)) = self.inner.store.read(known)? else {
            return Ok(None);
        };
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        let contents = self.inner.open_file(hash, bytes)?.read_part(0, length)?;
        Ok(Some(contents))
    }
}

fn unwritable(error: io::Error) -> PhoneError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PhoneError::DiskFull,
        _ => PhoneError::FileUnwritable(error),
    }
}
