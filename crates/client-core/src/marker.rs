//! The generation marker: how a phone notices that its store was restored from a backup.
//!
//! A restored store would write on with the actor of the store it was copied from, and two changes
//! with one (actor, seq) are two truths (DESIGN section 4). The store and a place that backups do
//! not reach both hold the generation; where they differ, the store takes a new actor.
//!
//! The generation is renewed before every request that sends changes. So each copy of the store that
//! lacks a change which others may have seen is of an older generation than the marker, also on the
//! phone that it was made on, and also if the app was open all the time. What never left the phone is
//! gone with it, and its number is free.
//!
//! Store and marker are two places: the store is first, and the marker may be one behind until nothing
//! has been sent yet. A phone that is cut in between keeps its actor.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::error::PhoneError;
use crate::phone::Inner;
use crate::store::meta;

/// A place for 16 bytes that a backup does not reach: the key store of an app, a file in a folder
/// that is excluded from backups.
pub trait GenerationMarker: Send + Sync {
    /// The marker; `None` if there is none.
    ///
    /// # Errors
    /// What the place answered, for example that it is locked. Opening the store fails with it:
    /// a phone that cannot look must not take a new actor as if it had been restored.
    fn read(&self) -> io::Result<Option<[u8; 16]>>;

    /// Replaces the marker, durably.
    ///
    /// # Errors
    /// What the place answered; opening the store fails with it, and so does sending.
    fn write(&self, generation: [u8; 16]) -> io::Result<()>;
}

/// A marker in a file of its own.
#[derive(Debug, Clone)]
pub struct FileMarker {
    path: PathBuf,
}

impl FileMarker {
    /// Keeps the marker at `path`, which must lie outside of what is backed up with the store.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        sync_folder(self.path.parent())
    }
}

/// Makes a rename durable where folders can be synced.
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    match folder.filter(|folder| cfg!(unix) && !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

impl GenerationMarker for FileMarker {
    fn read(&self) -> io::Result<Option<[u8; 16]>> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut generation = [0; 16];
        // Anything else in the file is no marker, which is what a restore leaves.
        Ok(hex::decode_to_slice(text.trim_ascii(), &mut generation)
            .is_ok()
            .then_some(generation))
    }

    fn write(&self, generation: [u8; 16]) -> io::Result<()> {
        self.replace(&hex::encode(generation))
    }
}

impl Inner {
    /// Whether the store is the one that the marker was written for, and no copy of it.
    pub(crate) fn fits_marker(&self, connection: &Connection) -> Result<bool, PhoneError> {
        let is_kept =
            mutated!(ActorKeptAfterRestore) && meta::GENERATION.get(connection)?.is_some();
        Ok(is_kept || self.marked(connection)?.is_some())
    }

    /// The marker, if it fits.
    fn marked(&self, connection: &Connection) -> Result<Option<[u8; 16]>, PhoneError> {
        let marked = self.marker.read().map_err(PhoneError::Marker)?;
        let fits = meta::GENERATION.get(connection)? == marked
            || meta::FORMER_GENERATION.get(connection)? == marked;
        Ok(marked.filter(|_| fits))
    }

    /// Renews the store's generation. Nothing may leave the phone before [`Self::mark_generation`].
    pub(crate) fn renew_generation(&self, connection: &Connection) -> Result<(), PhoneError> {
        match self.marked(connection)? {
            Some(marked) => meta::FORMER_GENERATION.set(connection, marked)?,
            None => meta::FORMER_GENERATION.clear(connection)?,
        }
        meta::GENERATION.set(connection, self.random())
    }

    /// Brings the marker up to the store's generation. The store is locked meanwhile, so that the
    /// marker never falls behind that of another process.
    pub(crate) fn mark_generation(&self) -> Result<(), PhoneError> {
        self.store.write(|tx| {
            let generation = meta::GENERATION.get(tx)?;
            let generation = generation.ok_or(PhoneError::StoreDamaged { what: "generation" })?;
            self.marker.write(generation).map_err(PhoneError::Marker)?;
            meta::FORMER_GENERATION.clear(tx)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_reads_back_and_anything_else_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let marker = FileMarker::new(folder.path().join("marker"));
        assert_eq!(marker.read().unwrap(), None);
        marker.write([7; 16]).unwrap();
        marker.write([8; 16]).unwrap();
        assert_eq!(marker.read().unwrap(), Some([8; 16]));
        fs::write(folder.path().join("marker"), "not a marker").unwrap();
        assert_eq!(marker.read().unwrap(), None);
    }
}
