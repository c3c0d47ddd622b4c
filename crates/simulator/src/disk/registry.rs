//! From a path to a machine. SQLite knows one file system for the process, and there may be
//! several disks, so each disk has a folder of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::volume::Volume;

const ROOT: &str = "/simulated-disk-";

/// The machines of one disk, by name.
#[derive(Debug, Default)]
pub(crate) struct Machines(pub(crate) Mutex<BTreeMap<String, Arc<Mutex<Volume>>>>);

impl Machines {
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Mutex<Volume>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of the last disk, and every disk that is still there by its number.
static DISKS: Mutex<(u64, Disks)> = Mutex::new((0, Disks::new()));

type Disks = BTreeMap<u64, Weak<Machines>>;

fn disks() -> MutexGuard<'static, (u64, Disks)> {
    DISKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes in a disk and gives it a number that no disk had before. A connection may outlive its disk, and
/// deletes its files by their path when it closes: under a number that came again those would be files of
/// a simulation in another thread.
pub(crate) fn add(machines: &Arc<Machines>) -> u64 {
    let (last, disks) = &mut *disks();
    disks.retain(|_, disk| disk.strong_count() > 0);
    *last += 1;
    disks.insert(*last, Arc::downgrade(machines));
    *last
}

/// The folder of a machine, with no slash at its end.
pub(crate) fn folder(disk: u64, machine: &str) -> String {
    format!("{ROOT}{disk}/{machine}")
}

/// The machine that a path leads to, and the file's name on it.
pub(crate) fn locate(path: &str) -> Option<(Arc<Mutex<Volume>>, &str)> {
    let (disk, rest) = path.strip_prefix(ROOT)?.split_once('/')?;
    let (machine, name) = rest.split_once('/')?;
    let machines = disks().1.get(&disk.parse().ok()?)?.upgrade()?;
    let volume = machines.lock().get(machine).cloned()?;
    (!name.is_empty()).then_some((volume, name))
}
