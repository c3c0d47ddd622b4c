//! The folder beside the database in which files lie encrypted.
//!
//! A file is written under a name of its own, synced, and only then given its real name, inside the
//! transaction that makes it known. So a file that is known is whole. One that was being written when the
//! phone was switched off is known to nobody; the next start removes it. Who is still writing holds a lock on
//! the file, which ends with the process, so that nobody removes it under their hands.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::FileHash;
use super::seal::{FileKeys, NONCE, Sealed, Sealing, Unreadable};
use crate::error::PhoneError;
use crate::key::StoreKey;

/// What names of unfinished files end with.
const UNFINISHED: &str = ".new";

/// Files at rest.
pub(crate) struct Vault {
    folder: PathBuf,
    keys: FileKeys,
}

/// What a failing disk says of a file.
pub(super) fn disk(error: io::Error) -> PhoneError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PhoneError::DiskFull,
        _ => PhoneError::FileStore(error),
    }
}

/// A file that is written and not known to anybody yet. Dropping it removes it.
pub(super) struct Unsettled {
    path: PathBuf,
    hash: FileHash,
    /// Its lock says that it is being worked on.
    file: Option<File>,
}

impl Unsettled {
    /// Which file it is.
    pub(super) const fn hash(&self) -> FileHash {
        self.hash
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // What stays behind is removed by the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A file that is being written.
pub(super) struct Filling {
    unsettled: Unsettled,
    sealing: Sealing<File>,
}

impl Filling {
    /// Takes what comes next.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), PhoneError> {
        self.sealing.write(bytes).map_err(disk)
    }

    /// Brings the end to the disk.
    pub(super) fn finish(self) -> Result<Unsettled, PhoneError> {
        let file = self.sealing.finish().map_err(disk)?;
        file.sync_all().map_err(disk)?;
        Ok(self.unsettled)
    }
}

impl Vault {
    /// The files beside a database: the folder has its name, with `.files` at the end. It is made when it is
    /// needed.
    pub(crate) fn new(database: &Path, key: &StoreKey) -> Self {
        let mut folder = OsString::from(database);
        folder.push(".files");
        Self {
            folder: folder.into(),
            keys: FileKeys::derive(key),
        }
    }

    fn path(&self, hash: FileHash) -> PathBuf {
        self.folder.join(self.keys.name(hash))
    }

    /// Begins to write the file of that name. `random` must be fresh.
    pub(super) fn fill(&self, hash: FileHash, random: [u8; 32]) -> Result<Filling, PhoneError> {
        self.make_folder().map_err(disk)?;
        let (nonce, name) = random.split_at(NONCE);
        let path = self.folder.join(hex::encode(name) + UNFINISHED);
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(disk)?;
        let unsettled = Unsettled {
            path,
            hash,
            file: Some(file.try_clone().map_err(disk)?),
        };
        file.lock().map_err(disk)?;
        let nonce = nonce.first_chunk().expect("32 bytes hold a nonce");
        let sealing = Sealing::begin(&self.keys, hash, nonce, file).map_err(disk)?;
        Ok(Filling { unsettled, sealing })
    }

    fn make_folder(&self) -> io::Result<()> {
        match fs::create_dir(&self.folder) {
            Ok(()) => sync_folder(self.folder.parent()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Writes a whole file.
    pub(super) fn put(
        &self,
        hash: FileHash,
        contents: &[u8],
        random: [u8; 32],
    ) -> Result<Unsettled, PhoneError> {
        let mut filling = self.fill(hash, random)?;
        filling.write(contents)?;
        filling.finish()
    }

    /// Gives a file its name, durably. Called inside the transaction that makes it known; one of that name
    /// that lay there before is replaced by its equal.
    pub(super) fn settle(&self, mut unsettled: Unsettled) -> Result<(), PhoneError> {
        fs::rename(&unsettled.path, self.path(unsettled.hash)).map_err(disk)?;
        unsettled.file = None;
        sync_folder(Some(&self.folder)).map_err(disk)
    }

    /// Opens a file that is to have that many bytes.
    pub(super) fn open(&self, hash: FileHash, bytes: u64) -> Result<Sealed, PhoneError> {
        let opened = File::open(self.path(hash)).map_err(Unreadable::from);
        opened
            .and_then(|file| Sealed::open(&self.keys, hash, bytes, file))
            .map_err(|unreadable| said(unreadable, hash))
    }

    /// Removes a file. One that is gone already is gone.
    pub(super) fn remove(&self, hash: FileHash) -> Result<(), PhoneError> {
        match fs::remove_file(self.path(hash)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(error)),
            _ => Ok(()),
        }
    }

    /// Whether there ever was a file.
    pub(super) fn is_there(&self) -> bool {
        self.folder.is_dir()
    }

    /// Removes what nobody knows. Called while nobody else can make a file known.
    pub(super) fn sweep(&self, known: &[FileHash]) -> Result<(), PhoneError> {
        let known: HashSet<String> = known.iter().map(|hash| self.keys.name(*hash)).collect();
        for entry in fs::read_dir(&self.folder).map_err(disk)? {
            let entry = entry.map_err(disk)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !known.contains(name.as_ref()) && !is_being_written(&entry.path()) {
                fs::remove_file(entry.path()).map_err(disk)?;
            }
        }
        Ok(())
    }
}

fn is_being_written(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == &UNFINISHED[1..])
        && File::open(path).is_ok_and(|file| file.try_lock().is_err())
}

/// What a part that cannot be read means for whoever wants it.
pub(super) fn said(unreadable: Unreadable, hash: FileHash) -> PhoneError {
    match unreadable {
        Unreadable::Damaged => PhoneError::FileDamaged { file: hash },
        Unreadable::Io(error) => disk(error),
    }
}

/// Makes names durable where folders can be synced.
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    match folder.filter(|folder| cfg!(unix) && !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: FileHash = FileHash::new([5; 32]);

    fn vault(folder: &tempfile::TempDir) -> Vault {
        Vault::new(&folder.path().join("phone.db"), &StoreKey::new([7; 32]))
    }

    fn names(vault: &Vault) -> Vec<String> {
        let entries = fs::read_dir(&vault.folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_that_was_not_made_known_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(&folder);
        let unsettled = vault.put(HASH, b"a photo", [1; 32]).unwrap();
        assert_eq!(names(&vault).len(), 1);
        drop(unsettled);
        assert_eq!(names(&vault), [""; 0]);
        let filling = vault.fill(HASH, [2; 32]).unwrap();
        drop(filling);
        assert_eq!(names(&vault), [""; 0]);
    }

    #[test]
    fn a_start_removes_what_nobody_knows_but_not_what_somebody_is_writing() {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(&folder);
        let unknown = FileHash::new([6; 32]);
        for (hash, seed) in [(HASH, 1), (unknown, 2)] {
            let unsettled = vault.put(hash, b"a photo", [seed; 32]).unwrap();
            vault.settle(unsettled).unwrap();
        }
        fs::write(
            vault.folder.join("left.new"),
            b"by a process that was killed",
        )
        .unwrap();
        let under_way = vault.put(unknown, b"another", [3; 32]).unwrap();
        vault.sweep(&[HASH]).unwrap();
        assert_eq!(names(&vault).len(), 2);
        vault.settle(under_way).unwrap();
        assert!(vault.open(unknown, 7).is_ok() && vault.open(HASH, 7).is_ok());
    }
}
