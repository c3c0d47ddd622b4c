//! Telling online devices that there is something to pull (DESIGN section 7).
//!
//! A device that listens has one line. What commits make known is collected for a moment and then
//! told to those whose audiences it concerns, as the log's position and nothing else: the device
//! pulls as it always does. Nobody waits for a slow listener; what it misses comes to the same wake.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gridlog_domain::environment::Clock;
use gridlog_domain::id::{DeviceId, PersonId};
use tokio::sync::{Notify, watch};

use crate::directory::{Directory, SharedDirectory};
use crate::ingest::Published;

/// What is published within this time is told together.
const TOGETHER: Duration = Duration::from_millis(250);

/// Where the log stands, for a device that may have fallen behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    /// The log's epoch.
    pub epoch: u64,
    /// Number of the last entry.
    pub seq: u64,
    /// Whether people, areas or reference data changed as well.
    pub directory: bool,
}

/// What a line brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// There is something to pull.
    Wake(Wake),
    /// The server is stopping.
    Closing,
    /// The line was taken away: the device opened a newer one, or may not listen any more.
    Over,
}

/// Why a device gets no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLine {
    /// As many devices listen as may.
    #[error("too many devices listen")]
    Full,
    /// The server is stopping.
    #[error("the server is stopping")]
    Closing,
}

/// All lines; clones are the same ones.
#[derive(Debug, Clone)]
pub struct Live(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    lines: Mutex<Lines>,
    pending: Mutex<Published>,
    published: Notify,
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Lines {
    by_device: HashMap<DeviceId, End>,
    opened: u64,
}

/// The server's end of a line. Dropping it ends the line.
#[derive(Debug)]
struct End {
    number: u64,
    person: PersonId,
    says: watch::Sender<Option<Heard>>,
    directory: Arc<AtomicBool>,
}

/// The device's end of a line. Dropping it hangs up.
#[derive(Debug)]
pub struct Line {
    live: Live,
    device: DeviceId,
    number: u64,
    hears: watch::Receiver<Option<Heard>>,
    /// Whether the directory changed and the device was not told: of several wakes only the last one
    /// is heard.
    directory: Arc<AtomicBool>,
}

/// Whatever panicked elsewhere left nothing half-done behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// No lines yet, and at most `most` of them.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Shared {
            most,
            lines: Mutex::default(),
            pending: Mutex::default(),
            published: Notify::new(),
            is_closed: AtomicBool::new(false),
        }))
    }

    /// Takes up what was published, and returns at once.
    pub fn publish(&self, published: Published) {
        lock(&self.0.pending).add(published);
        self.0.published.notify_one();
    }

    /// Tells the lines what is published, until [`Live::close`].
    pub async fn run(self, directory: SharedDirectory, clock: Arc<dyn Clock>) {
        loop {
            self.0.published.notified().await;
            tokio::time::sleep(TOGETHER).await;
            if self.0.is_closed.load(Ordering::SeqCst) {
                return;
            }
            let published = std::mem::take(&mut *lock(&self.0.pending));
            self.tell(&published, &directory.now(), clock.now_ms());
        }
    }

    /// Tells it to those whom it concerns, and ends the lines of those who may not listen any more.
    fn tell(&self, published: &Published, directory: &Directory, now_ms: i64) {
        let wake = Heard::Wake(Wake {
            epoch: published.epoch,
            seq: published.seq,
            directory: published.directory,
        });
        lock(&self.0.lines).by_device.retain(|_, end| {
            let Some(person) = directory.person(&end.person) else {
                return false;
            };
            let concerns = || {
                let mut audiences = directory.audiences(&end.person, now_ms).into_iter();
                audiences.any(|audience| published.audiences.contains(&audience))
            };
            if person.enabled && (published.everybody || concerns()) {
                end.directory
                    .fetch_or(published.directory, Ordering::SeqCst);
                end.says.send_replace(Some(wake));
            }
            person.enabled
        });
    }

    /// Gives a device a line. An older one of the same device ends.
    ///
    /// # Errors
    /// [`NoLine`].
    pub fn open(&self, device: DeviceId, person: PersonId) -> Result<Line, NoLine> {
        let mut lines = lock(&self.0.lines);
        if self.0.is_closed.load(Ordering::SeqCst) {
            return Err(NoLine::Closing);
        }
        let is_new = !lines.by_device.contains_key(&device);
        if is_new && lines.by_device.len() >= self.0.most {
            return Err(NoLine::Full);
        }
        let (says, hears) = watch::channel(None);
        let directory = Arc::new(AtomicBool::new(false));
        lines.opened += 1;
        let number = lines.opened;
        let end = End {
            number,
            person,
            says,
            directory: Arc::clone(&directory),
        };
        lines.by_device.insert(device, end);
        Ok(Line {
            live: self.clone(),
            device,
            number,
            hears,
            directory,
        })
    }

    /// Ends the line of a device that may not listen any more.
    pub fn dismiss(&self, device: DeviceId) {
        lock(&self.0.lines).by_device.remove(&device);
    }

    /// Ends all lines and gives out no more.
    pub fn close(&self) {
        let mut lines = lock(&self.0.lines);
        self.0.is_closed.store(true, Ordering::SeqCst);
        for (_, end) in lines.by_device.drain() {
            end.says.send_replace(Some(Heard::Closing));
        }
        self.0.published.notify_one();
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        lock(&self.0.lines).by_device.len()
    }
}

impl Line {
    /// What there is to hear next. Several wakes that were not heard in time are the last one.
    pub async fn hear(&mut self) -> Heard {
        while self.hears.changed().await.is_ok() {
            let heard = *self.hears.borrow_and_update();
            match heard {
                Some(Heard::Wake(wake)) => {
                    let directory = self.directory.swap(false, Ordering::SeqCst);
                    return Heard::Wake(Wake { directory, ..wake });
                }
                Some(heard) => return heard,
                None => {}
            }
        }
        Heard::Over
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut lines = lock(&self.live.0.lines);
        let is_own = |end: &End| end.number == self.number;
        if lines.by_device.get(&self.device).is_some_and(is_own) {
            lines.by_device.remove(&self.device);
        }
    }
}

#[cfg(test)]
mod tests;
