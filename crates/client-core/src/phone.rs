//! The phone: one store, opened once, shared by every screen.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gridlog_domain::environment::{Clock, Entropy};
use gridlog_domain::id::{EntryId, EntryIds};
use gridlog_protocol::Key;
use rusqlite::Connection;

use crate::error::PhoneError;
use crate::files::{Underway, Vault};
use crate::key::StoreKey;
use crate::marker::GenerationMarker;
use crate::reference::Reference;
use crate::store::{Store, actors, meta};
use crate::watch::Signal;

/// What a phone is opened with. Time, randomness and the marker come from outside, so that the
/// simulator can replay a whole day.
pub struct OpenOptions {
    /// The SQLite file; its folder must exist.
    pub path: PathBuf,
    /// Its key.
    pub key: StoreKey,
    /// The device's clock.
    pub clock: Arc<dyn Clock>,
    /// The device's random source. Ids and actors come from it, so it must be unpredictable.
    pub entropy: Box<dyn Entropy>,
    /// Tells a store from a restored copy of it.
    pub marker: Arc<dyn GenerationMarker>,
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The phone's engine. Clones share one store; every method may be called from any thread and
/// blocks until it is done.
#[derive(Clone)]
pub struct Phone {
    pub(crate) inner: Arc<Inner>,
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phone").finish_non_exhaustive()
    }
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) marker: Arc<dyn GenerationMarker>,
    entropy: Mutex<Box<dyn Entropy>>,
    entry_ids: Mutex<EntryIds>,
    pub(crate) opened: AtomicU64,
    pub(crate) signal: Arc<Signal>,
    pub(crate) syncing: AtomicBool,
    pub(crate) sending: AtomicBool,
    /// How far the file is that was sent last, beyond what is noted in the store.
    pub(crate) underway: Mutex<Option<Underway>>,
    pub(crate) reference: Mutex<Arc<Reference>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.signal.close();
    }
}

/// A panic elsewhere left nothing half-done behind these locks.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Phone {
    /// Opens the store, creates it if it is missing, and takes a new actor where the generation
    /// marker does not fit.
    ///
    /// # Errors
    /// [`PhoneError::WrongKey`] and [`PhoneError::StoreNewer`] leave the file untouched;
    /// [`PhoneError::Marker`] and [`PhoneError::Store`].
    pub fn open(options: OpenOptions) -> Result<Self, PhoneError> {
        let inner = Inner {
            vault: Vault::new(&options.path, &options.key),
            store: Store::open(&options.path, options.key)?,
            clock: options.clock,
            marker: options.marker,
            entropy: Mutex::new(options.entropy),
            entry_ids: Mutex::default(),
            opened: AtomicU64::new(0),
            signal: Arc::new(Signal::default()),
            syncing: AtomicBool::new(false),
            sending: AtomicBool::new(false),
            underway: Mutex::default(),
            reference: Mutex::default(),
        };
        inner.check_generation()?;
        inner.sweep_vault()?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// How many Automerge documents this phone has opened since it was opened itself. Lists, search
    /// and pulling what others wrote open none.
    pub fn documents_opened(&self) -> u64 {
        self.inner.opened.load(Ordering::Relaxed)
    }
}

/// Why an actor is taken by a store that is a copy of another one.
const PUT_BACK: &str = "generation";

impl Inner {
    /// The marker is compared and replaced while the store is locked, so that two processes that
    /// open at once agree.
    fn check_generation(&self) -> Result<(), PhoneError> {
        if self.store.read(|connection| self.fits_marker(connection))? {
            return Ok(());
        }
        self.store.write(|tx| {
            if self.fits_marker(tx)? {
                return Ok(());
            }
            let why = match meta::GENERATION.get(tx)? {
                Some(_) => PUT_BACK,
                None => "first",
            };
            let generation = self.random();
            meta::GENERATION.set(tx, generation)?;
            meta::FORMER_GENERATION.clear(tx)?;
            self.take_actor(tx, why)?;
            if why == PUT_BACK {
                meta::recall_after(tx, meta::position(tx)?.seq)?;
            }
            self.marker.write(generation).map_err(PhoneError::Marker)
        })
    }

    /// Makes the store write with a fresh actor from here on.
    pub(crate) fn take_actor(
        &self,
        connection: &Connection,
        why: &'static str,
    ) -> Result<[u8; 16], PhoneError> {
        let actor = self.random();
        self.adopt_actor(connection, actor, why)?;
        Ok(actor)
    }

    fn adopt_actor(
        &self,
        connection: &Connection,
        actor: [u8; 16],
        why: &'static str,
    ) -> Result<(), PhoneError> {
        actors::add(connection, actor, self.clock.now_ms(), why)?;
        meta::ACTOR.set(connection, actor)?;
        meta::ACTOR_SPENT.clear(connection)?;
        tracing::info!(why, "the store writes with a new actor");
        Ok(())
    }

    /// The actor to write the next change with: the store's, or a fresh one after a refusal.
    pub(crate) fn next_actor(&self, connection: &Connection) -> Result<[u8; 16], PhoneError> {
        match meta::ACTOR_SPENT.get(connection)?.unwrap_or(false) {
            true => Ok(self.random()),
            false => self.actor(connection),
        }
    }

    /// A change was written with what [`Self::next_actor`] said.
    pub(crate) fn wrote_with(
        &self,
        connection: &Connection,
        actor: [u8; 16],
    ) -> Result<(), PhoneError> {
        match self.actor(connection)? == actor {
            true => Ok(()),
            false => self.adopt_actor(connection, actor, "refusal"),
        }
    }

    /// The actor that the store writes with.
    pub(crate) fn actor(&self, connection: &Connection) -> Result<[u8; 16], PhoneError> {
        meta::ACTOR
            .get(connection)?
            .ok_or(PhoneError::StoreDamaged { what: "actor" })
    }

    /// 16 random bytes.
    pub(crate) fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        lock(&self.entropy).fill(&mut bytes);
        bytes
    }

    /// 32 random bytes.
    pub(crate) fn random_seed(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        lock(&self.entropy).fill(&mut bytes);
        bytes
    }

    /// A random number, all of its bits.
    pub(crate) fn random_number(&self) -> u64 {
        let mut bytes = [0; 8];
        lock(&self.entropy).fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    /// A nonce for a request.
    pub(crate) fn nonce(&self) -> Key {
        Key(self.random())
    }

    /// A fresh id for an entry, a draft or a refused item.
    pub(crate) fn entry_id(&self, now_ms: i64) -> EntryId {
        lock(&self.entry_ids).make(now_ms, lock(&self.entropy).as_mut())
    }

    /// A fresh id for a record.
    pub(crate) fn record_id(&self, now_ms: i64) -> gridlog_domain::id::RecordId {
        gridlog_domain::id::RecordId::new(now_ms, lock(&self.entropy).as_mut())
    }
}
