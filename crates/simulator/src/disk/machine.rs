//! One machine's disk, as a simulation drives it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use super::Disk;
use super::fault::{Armed, Crash};
use super::image::Image;
use super::registry;
use super::strikes::Strikes;
use super::vfs;
use super::volume::Volume;

/// A phone or a server, as far as its disk goes. Clones are the same machine.
#[derive(Debug, Clone)]
pub struct Machine {
    disk: Disk,
    name: String,
    volume: Arc<Mutex<Volume>>,
}

impl Machine {
    pub(super) const fn new(disk: Disk, name: String, volume: Arc<Mutex<Volume>>) -> Self {
        Self { disk, name, volume }
    }

    fn volume(&self) -> MutexGuard<'_, Volume> {
        vfs::lock(&self.volume)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path under which SQLite opens a file of this machine. It says nothing about the seed and
    /// may differ between two runs in one process.
    pub fn path(&self, file: &str) -> PathBuf {
        PathBuf::from(registry::folder(self.disk.number, &self.name)).join(file)
    }

    /// Writes, syncs, truncations and deletions so far, over all lives.
    pub fn steps(&self) -> u64 {
        self.volume().steps()
    }

    /// A digest of all steps so far: what was done to which file, where and how long. Two runs that
    /// are to be the same have the same digest.
    pub fn history(&self) -> [u8; 32] {
        self.volume().history()
    }

    /// Writes and truncations that a power loss could take back now.
    pub fn unsynced(&self) -> usize {
        self.volume().unsynced()
    }

    /// How many times it was started, counting from 1.
    pub fn life(&self) -> u64 {
        self.volume().life()
    }

    /// Whether it went down and was not started again.
    pub fn is_down(&self) -> bool {
        self.volume().is_down()
    }

    /// How often each fault struck it.
    pub fn strikes(&self) -> Strikes {
        self.volume().strikes()
    }

    /// Lets `steps` more steps happen; the next one finds the machine down and does not happen.
    /// Replaces an earlier crash that has not struck.
    pub fn crash_after(&self, steps: u64, crash: Crash) {
        self.volume().armed().crash_after(steps, crash);
    }

    /// Goes down at once. A machine that is down stays as it is, except that the power may also go
    /// after its process died.
    pub fn crash(&self, crash: Crash) {
        self.volume().go_down(crash);
    }

    /// Lets `steps` more steps happen; the next one fails with an I/O error and does nothing.
    pub fn io_error_after(&self, steps: u64) {
        self.volume().armed().step_error_after(steps);
    }

    /// Lets `reads` more reads happen; the next one fails with an I/O error.
    pub fn read_error_after(&self, reads: u64) {
        self.volume().armed().read_error_after(reads);
    }

    /// Takes back crashes and I/O errors that have not struck. A crash does so too.
    pub fn disarm(&self) {
        *self.volume().armed() = Armed::default();
    }

    /// Begins a new life: handles of earlier ones are dead, locks and shared memory are gone. A
    /// machine that is up dies first, as by [`Crash::Process`].
    pub fn restart(&self) {
        self.volume().come_up();
    }

    /// Lets all files together grow by `bytes` more; what is deleted makes room. Stays over restarts
    /// until [`make_room`](Self::make_room).
    pub fn full_after(&self, bytes: usize) {
        self.volume().limit_growth(Some(bytes));
    }

    /// Lifts the limit of [`full_after`](Self::full_after).
    pub fn make_room(&self) {
        self.volume().limit_growth(None);
    }

    /// Makes syncs succeed and do nothing, or work again.
    pub fn lie_about_sync(&self, lies: bool) {
        self.volume().set_sync_lies(lies);
    }

    /// Copies all files as the system shows them now.
    pub fn copy(&self) -> Image {
        self.volume().image()
    }

    /// Deletes a file, if it is there: what an operator moves elsewhere.
    pub fn remove(&self, file: &str) {
        // Where a fault strikes instead, the file stays, and nobody needs it.
        let _ = self.volume().delete(file);
    }

    /// Ends this life, puts an old copy in the place of all files, and begins a new life.
    pub fn restore(&self, image: &Image) {
        self.volume().restore(image);
    }
}
