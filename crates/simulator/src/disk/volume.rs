//! What one machine has: its files and their names, its lives, and the faults that wait for it.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::fault::{Armed, Crash, Trouble};
use super::file::File;
use super::image::Image;
use super::names::{FileId, Names};
use super::sharing::{Access, Sharing};
use super::strikes::Strikes;

/// How a file is to be opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    pub(crate) readonly: bool,
    pub(crate) create: bool,
    pub(crate) must_be_new: bool,
}

/// A machine's storage.
pub(crate) struct Volume {
    random: ChaCha8Rng,
    life: u64,
    down: Option<Crash>,
    names: Names,
    files: BTreeMap<FileId, File>,
    sharing: Sharing,
    steps: u64,
    history: Sha256,
    armed: Armed,
    capacity: Option<usize>,
    sync_lies: bool,
    strikes: Strikes,
}

impl Volume {
    pub(crate) fn new(random: ChaCha8Rng) -> Self {
        Self {
            random,
            life: 1,
            down: None,
            names: Names::default(),
            files: BTreeMap::new(),
            sharing: Sharing::default(),
            steps: 0,
            history: Sha256::new(),
            armed: Armed::default(),
            capacity: None,
            sync_lies: false,
            strikes: Strikes::default(),
        }
    }

    pub(crate) const fn life(&self) -> u64 {
        self.life
    }

    pub(crate) const fn is_down(&self) -> bool {
        self.down.is_some()
    }

    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn history(&self) -> [u8; 32] {
        self.history.clone().finalize().into()
    }

    pub(crate) const fn strikes(&self) -> Strikes {
        self.strikes
    }

    pub(crate) fn unsynced(&self) -> usize {
        self.files.values().map(File::unsynced).sum()
    }

    pub(crate) const fn armed(&mut self) -> &mut Armed {
        &mut self.armed
    }

    pub(crate) fn limit_growth(&mut self, bytes: Option<usize>) {
        self.capacity = bytes.map(|more| self.used().saturating_add(more));
    }

    pub(crate) const fn set_sync_lies(&mut self, lies: bool) {
        self.sync_lies = lies;
    }

    /// A machine whose process died may still lose its power; otherwise one crash is enough.
    pub(crate) fn go_down(&mut self, crash: Crash) {
        let strikes = match self.down {
            None => true,
            Some(Crash::Process) => crash != Crash::Process,
            Some(_) => false,
        };
        if !strikes {
            return;
        }
        self.down = Some(crash);
        self.armed = Armed::default();
        self.sharing.end();
        match crash {
            Crash::Process => self.strikes.process_crashes += 1,
            Crash::PowerLoss | Crash::ScatteredPowerLoss => self.lose_power(crash),
        }
        self.drop_unreachable();
    }

    fn lose_power(&mut self, crash: Crash) {
        self.strikes.power_losses += 1;
        self.strikes.names_undone += self.names.lose_power(&mut self.random);
        self.drop_unreachable();
        for file in self.files.values_mut() {
            if crash == Crash::ScatteredPowerLoss {
                file.lose_power_scattered(&mut self.random, &mut self.strikes);
            } else {
                file.lose_power(&mut self.random, &mut self.strikes);
            }
        }
    }

    pub(crate) fn come_up(&mut self) {
        self.go_down(Crash::Process);
        self.life += 1;
        self.down = None;
    }

    pub(crate) fn image(&self) -> Image {
        let files = self
            .names
            .current()
            .filter_map(|(name, id)| Some((name.to_owned(), self.files.get(&id)?.bytes().to_vec())))
            .collect();
        Image { files }
    }

    pub(crate) fn restore(&mut self, image: &Image) {
        self.go_down(Crash::Process);
        self.names.clear();
        self.files.clear();
        for (name, bytes) in &image.files {
            let id = self.names.add(name);
            self.files.insert(id, File::synced(bytes));
        }
        self.names.sync();
        self.strikes.restores += 1;
        self.come_up();
    }

    /// Whether a file of that name has something in it: to SQLite an empty log is none.
    pub(crate) fn holds(&self, name: &str) -> Result<bool, Trouble> {
        if self.is_down() {
            return Err(Trouble::Down);
        }
        Ok(self
            .names
            .find(name)
            .and_then(|id| self.files.get(&id))
            .is_some_and(|file| file.len() > 0))
    }

    pub(crate) fn open(&mut self, name: &str, opening: Opening) -> Result<Access, Trouble> {
        if self.is_down() {
            return Err(Trouble::Down);
        }
        let file = match self.names.find(name) {
            Some(_) if opening.must_be_new => return Err(Trouble::Name),
            Some(id) => id,
            None if !opening.create => return Err(Trouble::Name),
            None => {
                let id = self.names.add(name);
                self.files.insert(id, File::default());
                id
            }
        };
        Ok(self.sharing.open(self.life, file, opening.readonly))
    }

    /// Closes a handle; one of an earlier life is gone already.
    pub(crate) fn close(&mut self, access: Access) {
        if self.alive(access).is_err() {
            return;
        }
        self.sharing.close(access);
        self.drop_unreachable();
    }

    pub(crate) fn read(
        &mut self,
        access: Access,
        offset: usize,
        into: &mut [u8],
    ) -> Result<usize, Trouble> {
        self.alive(access)?;
        if self.armed.read_fails() {
            self.strikes.read_errors += 1;
            return Err(Trouble::Io);
        }
        Ok(self.file(access)?.read(offset, into))
    }

    pub(crate) fn len(&mut self, access: Access) -> Result<usize, Trouble> {
        self.alive(access)?;
        Ok(self.file(access)?.len())
    }

    pub(crate) fn write(
        &mut self,
        access: Access,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), Trouble> {
        self.alive(access)?;
        if access.readonly {
            return Err(Trouble::ReadOnly);
        }
        self.step("write", access.file, [offset, bytes.len()])?;
        let room = self.room();
        let file = self.file(access)?;
        let fits = room.map_or(usize::MAX, |room| file.len().saturating_add(room));
        let count = fits.saturating_sub(offset).min(bytes.len());
        if count > 0 {
            file.write(offset, &bytes[..count]);
        }
        if count < bytes.len() {
            self.strikes.full += 1;
            return Err(Trouble::Full);
        }
        Ok(())
    }

    pub(crate) fn set_len(&mut self, access: Access, len: usize) -> Result<(), Trouble> {
        self.alive(access)?;
        if access.readonly {
            return Err(Trouble::ReadOnly);
        }
        self.step("set_len", access.file, [len, 0])?;
        self.file(access)?.set_len(len);
        Ok(())
    }

    /// Puts a file's bytes on the platter, and with a new file's bytes every name, as file systems
    /// do that keep names in a journal.
    pub(crate) fn sync(&mut self, access: Access) -> Result<(), Trouble> {
        self.alive(access)?;
        self.step("sync", access.file, [0, 0])?;
        let lies = self.sync_lies;
        let file = self.file(access)?;
        if lies {
            self.strikes.lying_syncs += u64::from(file.unsynced() > 0);
            return Ok(());
        }
        file.sync();
        if self.names.is_new(access.file) {
            self.names.sync();
            self.drop_unreachable();
        }
        Ok(())
    }

    pub(crate) fn delete(&mut self, name: &str) -> Result<(), Trouble> {
        if self.is_down() {
            return Err(Trouble::Down);
        }
        let file = self.names.find(name).ok_or(Trouble::Name)?;
        self.step("delete", file, [0, 0])?;
        self.names.remove(name);
        self.drop_unreachable();
        Ok(())
    }

    /// What the machine's handles hold, if this one is of the present life.
    pub(crate) fn sharing(&mut self, access: Access) -> Result<&mut Sharing, Trouble> {
        self.alive(access)?;
        Ok(&mut self.sharing)
    }

    fn alive(&self, access: Access) -> Result<(), Trouble> {
        if self.is_down() || access.life != self.life {
            return Err(Trouble::Down);
        }
        Ok(())
    }

    fn file(&mut self, access: Access) -> Result<&mut File, Trouble> {
        self.files.get_mut(&access.file).ok_or(Trouble::Io)
    }

    /// Numbers a step, unless the machine goes down instead.
    fn step(&mut self, act: &str, file: FileId, numbers: [usize; 2]) -> Result<(), Trouble> {
        if let Some(crash) = self.armed.crash() {
            self.go_down(crash);
            return Err(Trouble::Down);
        }
        self.steps += 1;
        self.history.update(act.as_bytes());
        self.history.update(file.number().to_le_bytes());
        for number in numbers {
            self.history.update((number as u64).to_le_bytes());
        }
        if self.armed.step_fails() {
            self.strikes.io_errors += 1;
            return Err(Trouble::Io);
        }
        Ok(())
    }

    fn used(&self) -> usize {
        self.files.values().map(File::len).sum()
    }

    fn room(&self) -> Option<usize> {
        self.capacity
            .map(|capacity| capacity.saturating_sub(self.used()))
    }

    /// Frees files that have neither a name nor a handle.
    fn drop_unreachable(&mut self) {
        let (names, sharing) = (&self.names, &self.sharing);
        self.files
            .retain(|id, _| names.mentions(*id) || sharing.is_open(*id));
    }
}

impl std::fmt::Debug for Volume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Volume")
            .field("life", &self.life)
            .field("down", &self.down)
            .field("steps", &self.steps)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
