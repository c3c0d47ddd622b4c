//! Who may read and write a database file: SQLite's five lock levels.

use std::collections::BTreeMap;

use sqlite_plugin::flags::LockLevel;

use super::sharing::HandleId;

/// The locks on one file.
#[derive(Debug, Default)]
pub(crate) struct FileLocks {
    held: BTreeMap<HandleId, LockLevel>,
}

impl FileLocks {
    /// Raises a handle's lock; `false` if another handle is in the way.
    ///
    /// A handle that asks for an exclusive lock and must wait for readers stays at pending, so
    /// that no new reader comes in.
    pub(crate) fn raise(&mut self, handle: HandleId, level: LockLevel) -> bool {
        if self.level(handle) >= level {
            return true;
        }
        let others = self.highest_of_others(handle);
        match level {
            LockLevel::Unlocked => return true,
            LockLevel::Shared if others >= LockLevel::Pending => return false,
            LockLevel::Reserved if others >= LockLevel::Reserved => return false,
            LockLevel::Pending | LockLevel::Exclusive if others >= LockLevel::Pending => {
                return false;
            }
            LockLevel::Exclusive if others >= LockLevel::Shared => {
                self.held.insert(handle, LockLevel::Pending);
                return false;
            }
            _ => {}
        }
        self.held.insert(handle, level);
        true
    }

    /// Lowers a handle's lock.
    pub(crate) fn lower(&mut self, handle: HandleId, level: LockLevel) {
        if level == LockLevel::Unlocked {
            self.held.remove(&handle);
        } else if self.level(handle) > level {
            self.held.insert(handle, level);
        }
    }

    /// Whether any handle means to write.
    pub(crate) fn reserved(&self) -> bool {
        self.held.values().any(|held| *held >= LockLevel::Reserved)
    }

    fn level(&self, handle: HandleId) -> LockLevel {
        self.held
            .get(&handle)
            .copied()
            .unwrap_or(LockLevel::Unlocked)
    }

    fn highest_of_others(&self, handle: HandleId) -> LockLevel {
        self.held
            .iter()
            .filter(|(holder, _)| **holder != handle)
            .map(|(_, level)| *level)
            .max()
            .unwrap_or(LockLevel::Unlocked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: HandleId = HandleId::new(1);
    const TWO: HandleId = HandleId::new(2);

    #[test]
    fn readers_share_and_only_one_means_to_write() {
        let mut locks = FileLocks::default();
        assert!(locks.raise(ONE, LockLevel::Shared));
        assert!(locks.raise(TWO, LockLevel::Shared));
        assert!(!locks.reserved());
        assert!(locks.raise(ONE, LockLevel::Reserved));
        assert!(locks.reserved());
        assert!(!locks.raise(TWO, LockLevel::Reserved));
    }

    #[test]
    fn a_waiting_writer_lets_nobody_new_in() {
        let mut locks = FileLocks::default();
        assert!(locks.raise(ONE, LockLevel::Shared));
        assert!(locks.raise(TWO, LockLevel::Shared));
        assert!(!locks.raise(ONE, LockLevel::Exclusive));
        locks.lower(TWO, LockLevel::Unlocked);
        assert!(!locks.raise(TWO, LockLevel::Shared));
        assert!(locks.raise(ONE, LockLevel::Exclusive));
        assert!(!locks.raise(TWO, LockLevel::Shared));
        locks.lower(ONE, LockLevel::Shared);
        assert!(locks.raise(TWO, LockLevel::Shared));
    }
}
