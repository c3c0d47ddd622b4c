//! A disk that fails on purpose, under real SQLite.
//!
//! All files are in memory. A [`Disk`] holds any number of [`Machine`]s; SQLite opens a machine's
//! files by their ordinary path ([`Machine::path`]), because the disk is the process's default
//! file system once the first one is made. Every other path is not found, so that a simulation
//! cannot touch a real file by mistake.
//!
//! A write, sync, truncation or deletion is a **step**. A fault is armed ahead ("after so many more
//! steps") and strikes inside whatever call the machine is in by then:
//!
//! - [`Machine::crash_after`]: the process dies or the power goes; see [`Crash`]. From then on every
//!   call fails with an I/O error until [`Machine::restart`] begins a new life. Handles of earlier
//!   lives never touch the files again, and locks and shared memory are gone, as after a real crash.
//! - [`Machine::full_after`]: files can grow by so many bytes, then `SQLITE_FULL`.
//! - [`Machine::io_error_after`], [`Machine::read_error_after`]: one call fails, the machine goes on.
//! - [`Machine::restore`]: the files are an old copy.
//! - [`Machine::lie_about_sync`]: syncs do nothing, which proves that a check bites.
//!
//! What survives a power loss: all that was synced; of the rest what the seed says. A new file's
//! name is safe once the file was synced, and with it every earlier deletion; until then a deleted
//! file may come back. Nothing here reads a clock. Where a fault strikes and which writes survive
//! follow from the seed and the steps alone. Bytes may still differ between two runs where SQLite
//! or SQLCipher draw salts of their own: in `-wal` files and in encrypted files.

mod error;
mod fault;
mod file;
mod image;
mod locks;
mod machine;
mod names;
mod registry;
mod sharing;
mod strikes;
mod vfs;
mod volume;
mod wal_index;

use std::sync::{Arc, Mutex};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use registry::Machines;
use volume::Volume;

pub use error::DiskError;
pub use fault::Crash;
pub use image::Image;
pub use machine::Machine;
pub use strikes::Strikes;

/// The disks of all machines of one simulation. Clones are the same disk.
///
/// The files live until the last clone, [`Machine`] and open connection are dropped.
#[derive(Debug, Clone)]
pub struct Disk {
    seed: u64,
    number: u64,
    machines: Arc<Machines>,
}

impl Disk {
    /// An empty disk. The first one of a process becomes SQLite's default file system for good.
    ///
    /// # Errors
    ///
    /// [`DiskError::NotRegistered`] if SQLite does not take it.
    pub fn new(seed: u64) -> Result<Self, DiskError> {
        vfs::register()?;
        let machines = Arc::new(Machines::default());
        Ok(Self {
            seed,
            number: registry::add(&machines),
            machines,
        })
    }

    /// The machine of that name; it is made when it is first named. What befalls it depends on the
    /// disk's seed, its name and its own steps, not on the other machines.
    ///
    /// # Errors
    ///
    /// [`DiskError::BadMachineName`] if the name cannot be one part of a path.
    pub fn machine(&self, name: &str) -> Result<Machine, DiskError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > 100 || !name.bytes().all(fits) {
            return Err(DiskError::BadMachineName {
                name: name.to_owned(),
            });
        }
        let volume = Arc::clone(
            self.machines
                .lock()
                .entry(name.to_owned())
                .or_insert_with(|| Arc::new(Mutex::new(Volume::new(self.random(name))))),
        );
        Ok(Machine::new(self.clone(), name.to_owned(), volume))
    }

    /// How often each fault struck, on all machines together.
    pub fn strikes(&self) -> Strikes {
        let volumes: Vec<_> = self.machines.lock().values().cloned().collect();
        let mut sum = Strikes::default();
        for volume in volumes {
            sum += vfs::lock(&volume).strikes();
        }
        sum
    }

    fn random(&self, machine: &str) -> ChaCha8Rng {
        let seed = Sha256::new()
            .chain_update(self.seed.to_le_bytes())
            .chain_update(machine.as_bytes())
            .finalize();
        ChaCha8Rng::from_seed(seed.into())
    }
}
