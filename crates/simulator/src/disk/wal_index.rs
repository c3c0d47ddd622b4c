//! The memory that connections to one WAL database share, and its eight locks.

use std::collections::BTreeSet;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use sqlite_plugin::flags::ShmLockMode;

use super::sharing::HandleId;

/// SQLite's `SQLITE_SHM_NLOCK`.
const LOCKS: usize = 8;

/// A piece of shared memory. SQLite writes into it through a pointer, hence the atomics.
#[derive(Debug, Clone)]
pub(crate) struct Region(Arc<[AtomicU64]>);

impl Region {
    fn zeroed(bytes: usize) -> Self {
        Self(
            std::iter::repeat_with(AtomicU64::default)
                .take(bytes.div_ceil(size_of::<AtomicU64>()))
                .collect(),
        )
    }

    /// Where it begins; good for as long as the region or a clone of it lives.
    pub(crate) fn start(&self) -> NonNull<u8> {
        NonNull::from(&*self.0).cast()
    }
}

/// One database's shared memory. It lives no longer than the processes that map it.
#[derive(Debug, Default)]
pub(crate) struct WalIndex {
    regions: Vec<Region>,
    locks: [SlotLock; LOCKS],
}

#[derive(Debug, Default)]
struct SlotLock {
    exclusive: Option<HandleId>,
    shared: BTreeSet<HandleId>,
}

impl WalIndex {
    /// The region of that number; missing ones are made if `extend` says so.
    pub(crate) fn region(&mut self, number: usize, bytes: usize, extend: bool) -> Option<Region> {
        while extend && self.regions.len() <= number {
            self.regions.push(Region::zeroed(bytes));
        }
        self.regions.get(number).cloned()
    }

    /// Takes or gives back `count` locks from `first` on, all or none; `false` if another handle
    /// is in the way or there are no such locks.
    pub(crate) fn lock(
        &mut self,
        handle: HandleId,
        first: u32,
        count: u32,
        mode: ShmLockMode,
    ) -> bool {
        let (first, count) = (first as usize, count as usize);
        let Some(slots) = self.locks.get_mut(first..first + count) else {
            return false;
        };
        if !slots.iter().all(|slot| slot.admits(handle, mode)) {
            return false;
        }
        for slot in slots {
            slot.set(handle, mode);
        }
        true
    }

    /// Gives back every lock of a handle.
    pub(crate) fn release(&mut self, handle: HandleId) {
        for slot in &mut self.locks {
            slot.set(handle, ShmLockMode::UnlockShared);
            slot.set(handle, ShmLockMode::UnlockExclusive);
        }
    }
}

impl SlotLock {
    fn admits(&self, handle: HandleId, mode: ShmLockMode) -> bool {
        let nobody_else_alone = self.exclusive.is_none_or(|holder| holder == handle);
        match mode {
            ShmLockMode::LockShared => nobody_else_alone,
            ShmLockMode::LockExclusive => {
                nobody_else_alone && self.shared.iter().all(|holder| *holder == handle)
            }
            ShmLockMode::UnlockShared | ShmLockMode::UnlockExclusive => true,
        }
    }

    fn set(&mut self, handle: HandleId, mode: ShmLockMode) {
        match mode {
            ShmLockMode::LockShared => {
                self.shared.insert(handle);
            }
            ShmLockMode::LockExclusive => self.exclusive = Some(handle),
            ShmLockMode::UnlockShared => {
                self.shared.remove(&handle);
            }
            ShmLockMode::UnlockExclusive => {
                if self.exclusive == Some(handle) {
                    self.exclusive = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: HandleId = HandleId::new(1);
    const TWO: HandleId = HandleId::new(2);

    #[test]
    fn an_exclusive_lock_keeps_all_others_out() {
        let mut index = WalIndex::default();
        assert!(index.lock(ONE, 3, 1, ShmLockMode::LockShared));
        assert!(index.lock(TWO, 3, 1, ShmLockMode::LockShared));
        assert!(!index.lock(TWO, 3, 1, ShmLockMode::LockExclusive));
        assert!(index.lock(ONE, 3, 1, ShmLockMode::UnlockShared));
        assert!(index.lock(TWO, 3, 1, ShmLockMode::UnlockShared));
        assert!(index.lock(TWO, 3, 1, ShmLockMode::LockExclusive));
        assert!(!index.lock(ONE, 3, 1, ShmLockMode::LockShared));
    }

    #[test]
    fn several_locks_are_taken_together_or_not_at_all() {
        let mut index = WalIndex::default();
        assert!(index.lock(ONE, 5, 1, ShmLockMode::LockShared));
        assert!(!index.lock(TWO, 4, 3, ShmLockMode::LockExclusive));
        assert!(index.lock(ONE, 4, 1, ShmLockMode::LockExclusive));
        index.release(ONE);
        assert!(index.lock(TWO, 0, 8, ShmLockMode::LockExclusive));
        assert!(!index.lock(TWO, 7, 2, ShmLockMode::LockExclusive));
    }

    #[test]
    fn all_who_map_a_region_get_the_same_memory() {
        let mut index = WalIndex::default();
        assert!(index.region(0, 32768, false).is_none());
        let first = index.region(1, 32768, true).expect("it was to be made");
        let again = index.region(1, 32768, false).expect("it is there");
        assert_eq!(first.start(), again.start());
        assert_eq!(first.0.len() * 8, 32768);
    }
}
