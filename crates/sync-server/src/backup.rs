//! Backups: a copy of the database, taken while a server serves it.
//!
//! A backup is one file. It holds neither the signing key nor what is kept beside the database (see
//! [`crate::outside`]): a server that is restored from it needs these from elsewhere. Once it is safe on its disk, the live database
//! is told so, and tells phones through which log entry they need not keep what left their scope.

use std::io;
use std::path::{Path, PathBuf};

use crate::outside::sync_folder_of;
use crate::store::{LogHead, SqliteStore, StoreError};

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no database at {0}")]
    NoDatabase(PathBuf),
    /// A backup is never written over another file.
    #[error("{0} exists; name a new file for the backup")]
    Exists(PathBuf),
    /// A file or folder.
    #[error("cannot write {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A backup that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// The head of the log in it.
    pub head: LogHead,
    /// Its size.
    pub bytes: u64,
    /// Whether the live database knows of it; not if it was replaced meanwhile.
    pub noted: bool,
}

/// The name under which a file is written until it is whole.
pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// An empty file that only its owner may read: the database holds personal data.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Gives a whole file its name, for good.
pub(crate) fn put_in_place(part: &Path, path: &Path) -> io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .open(part)?
        .sync_all()?;
    std::fs::rename(part, path)?;
    sync_folder_of(path)
}

/// Copies the database to a new file, and notes it.
///
/// # Errors
/// [`BackupError`]; then there is no file of that name.
pub fn back_up(database: &Path, to: &Path) -> Result<Backup, BackupError> {
    if !database.exists() {
        return Err(BackupError::NoDatabase(database.to_owned()));
    }
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let failed = |source| BackupError::File {
        path: to.to_owned(),
        source,
    };
    let part = part_of(to);
    create_private(&part).map_err(failed)?;
    let copied = SqliteStore::copy_file(database, &part)
        .and_then(|_| SqliteStore::inspect_file(&part))
        .map_err(BackupError::from)
        .and_then(|head| {
            let bytes = part.metadata().map_err(failed)?.len();
            put_in_place(&part, to).map_err(failed)?;
            Ok((head, bytes))
        });
    let (head, bytes) = match copied {
        Ok(copied) => copied,
        Err(error) => {
            // What is left of it is worth nothing.
            let _ = std::fs::remove_file(&part);
            return Err(error);
        }
    };
    Ok(Backup {
        head,
        bytes,
        noted: SqliteStore::note_copy(database, head)?,
    })
}

#[cfg(test)]
mod tests;
