//! Who has which file open, and what they hold of it: locks and shared memory. All of it ends with
//! a machine's life.

use std::collections::BTreeMap;

use sqlite_plugin::flags::{LockLevel, ShmLockMode};

use super::locks::FileLocks;
use super::names::FileId;
use super::wal_index::{Region, WalIndex};

/// One handle among all that a machine ever opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HandleId(u64);

impl HandleId {
    #[cfg(test)]
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// What an open handle may touch: one file, in one life of the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    pub(crate) life: u64,
    pub(crate) file: FileId,
    pub(crate) readonly: bool,
    handle: HandleId,
}

/// The open handles of one life.
#[derive(Debug, Default)]
pub(crate) struct Sharing {
    handles: u64,
    open: BTreeMap<HandleId, FileId>,
    locks: BTreeMap<FileId, FileLocks>,
    wal_indexes: BTreeMap<FileId, WalIndex>,
}

impl Sharing {
    pub(crate) fn open(&mut self, life: u64, file: FileId, readonly: bool) -> Access {
        self.handles += 1;
        let handle = HandleId(self.handles);
        self.open.insert(handle, file);
        Access {
            life,
            file,
            readonly,
            handle,
        }
    }

    pub(crate) fn close(&mut self, access: Access) {
        self.unlock(access, LockLevel::Unlocked);
        self.unmap(access, false);
        self.open.remove(&access.handle);
        if !self.is_open(access.file) {
            self.locks.remove(&access.file);
            self.wal_indexes.remove(&access.file);
        }
    }

    pub(crate) fn is_open(&self, file: FileId) -> bool {
        self.open.values().any(|open| *open == file)
    }

    /// Raises a lock; `false` if another handle is in the way.
    pub(crate) fn lock(&mut self, access: Access, level: LockLevel) -> bool {
        self.locks
            .entry(access.file)
            .or_default()
            .raise(access.handle, level)
    }

    pub(crate) fn unlock(&mut self, access: Access, level: LockLevel) {
        if let Some(locks) = self.locks.get_mut(&access.file) {
            locks.lower(access.handle, level);
        }
    }

    /// Whether anybody means to write the file.
    pub(crate) fn reserved(&self, access: Access) -> bool {
        self.locks
            .get(&access.file)
            .is_some_and(FileLocks::reserved)
    }

    /// A region of the file's shared memory; a missing one is made if `extend` says so.
    pub(crate) fn map(
        &mut self,
        access: Access,
        number: usize,
        bytes: usize,
        extend: bool,
    ) -> Option<Region> {
        self.wal_indexes
            .entry(access.file)
            .or_default()
            .region(number, bytes, extend)
    }

    /// Takes or gives back locks on the shared memory; `false` if another handle is in the way.
    pub(crate) fn lock_index(
        &mut self,
        access: Access,
        first: u32,
        count: u32,
        mode: ShmLockMode,
    ) -> bool {
        self.wal_indexes
            .entry(access.file)
            .or_default()
            .lock(access.handle, first, count, mode)
    }

    /// Gives back a handle's locks on the shared memory, and the memory itself if it is to go.
    pub(crate) fn unmap(&mut self, access: Access, delete: bool) {
        if let Some(index) = self.wal_indexes.get_mut(&access.file) {
            index.release(access.handle);
        }
        if delete {
            self.wal_indexes.remove(&access.file);
        }
    }

    /// Ends the life: nothing is open, locked or shared any more.
    pub(crate) fn end(&mut self) {
        self.open.clear();
        self.locks.clear();
        self.wal_indexes.clear();
    }
}
