//! A copy of all of a machine's files.

use std::collections::BTreeMap;

/// What a file-level backup of a machine holds: whatever the system showed at that moment, synced
/// or not. Shared memory is not part of it.
///
/// A copy of a running WAL database holds the database and its `-wal` file; run
/// `PRAGMA wal_checkpoint(TRUNCATE)` before [`Machine::copy`](super::Machine::copy) to have all in
/// the database file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Image {
    /// One file's bytes.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// The names of all files, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// A copy of only these files, of those that are there.
    #[must_use]
    pub fn only(mut self, names: &[&str]) -> Self {
        self.files.retain(|name, _| names.contains(&name.as_str()));
        self
    }

    /// A copy of one file under another name; `None` if it is not there.
    #[must_use]
    pub fn renamed(mut self, from: &str, to: &str) -> Option<Self> {
        let bytes = self.files.remove(from)?;
        Some(Self {
            files: BTreeMap::from([(to.to_owned(), bytes)]),
        })
    }

    /// The same copy with `len` bytes cut from the end of one file, as when a backup broke off;
    /// a file that is not there stays absent.
    #[must_use]
    pub fn cut(mut self, name: &str, len: usize) -> Self {
        if let Some(bytes) = self.files.get_mut(name) {
            bytes.truncate(bytes.len().saturating_sub(len));
        }
        self
    }
}
