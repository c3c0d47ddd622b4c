//! Which name belongs to which file, and which of that a power loss may undo.

use std::collections::BTreeMap;

use rand::{Rng, RngExt as _};

/// One file, under whatever name and after it was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(u64);

impl FileId {
    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// A machine's directory.
#[derive(Debug, Default)]
pub(crate) struct Names {
    made: u64,
    current: BTreeMap<String, FileId>,
    synced: BTreeMap<String, FileId>,
    unsynced: Vec<(String, Option<FileId>)>,
}

impl Names {
    pub(crate) fn find(&self, name: &str) -> Option<FileId> {
        self.current.get(name).copied()
    }

    pub(crate) fn current(&self) -> impl Iterator<Item = (&str, FileId)> {
        self.current.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// Gives a name to a new file.
    pub(crate) fn add(&mut self, name: &str) -> FileId {
        self.made += 1;
        let id = FileId(self.made);
        self.current.insert(name.to_owned(), id);
        self.unsynced.push((name.to_owned(), Some(id)));
        id
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.current.remove(name);
        self.unsynced.push((name.to_owned(), None));
    }

    /// Whether a power loss could leave the file without its name.
    pub(crate) fn is_new(&self, file: FileId) -> bool {
        self.unsynced.iter().any(|(_, named)| *named == Some(file))
    }

    /// Whether the file has a name now, or may have one after a power loss.
    pub(crate) fn mentions(&self, file: FileId) -> bool {
        self.current.values().any(|id| *id == file)
            || self.synced.values().any(|id| *id == file)
            || self.is_new(file)
    }

    pub(crate) fn sync(&mut self) {
        self.unsynced.clear();
        self.synced.clone_from(&self.current);
    }

    /// Keeps the first few of the unsynced changes and says how many were undone.
    pub(crate) fn lose_power(&mut self, random: &mut impl Rng) -> u64 {
        let kept = random.random_range(0..=self.unsynced.len());
        let undone = (self.unsynced.len() - kept) as u64;
        for (name, file) in self.unsynced.drain(..).take(kept) {
            match file {
                Some(id) => self.synced.insert(name, id),
                None => self.synced.remove(&name),
            };
        }
        self.current.clone_from(&self.synced);
        undone
    }

    /// Forgets every name.
    pub(crate) fn clear(&mut self) {
        self.current.clear();
        self.synced.clear();
        self.unsynced.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_deleted_file_may_come_back_until_names_are_synced() {
        let outcomes: Vec<bool> = (0..32)
            .map(|seed| {
                let mut names = Names::default();
                names.add("old");
                names.sync();
                names.remove("old");
                names.lose_power(&mut ChaCha8Rng::seed_from_u64(seed));
                names.find("old").is_some()
            })
            .collect();
        assert!(outcomes.contains(&true) && outcomes.contains(&false));

        let mut names = Names::default();
        names.add("old");
        names.sync();
        names.remove("old");
        names.sync();
        assert_eq!(names.lose_power(&mut ChaCha8Rng::seed_from_u64(0)), 0);
        assert!(names.find("old").is_none());
    }

    #[test]
    fn a_new_file_under_an_old_name_is_another_file() {
        let mut names = Names::default();
        let old = names.add("log");
        names.sync();
        names.remove("log");
        let new = names.add("log");
        assert_ne!(old, new);
        assert!(names.mentions(old) && names.mentions(new));
        names.sync();
        assert!(!names.mentions(old) && names.mentions(new));
    }
}
