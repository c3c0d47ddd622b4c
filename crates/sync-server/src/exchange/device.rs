//! The device behind a request, and its actors.

use gridlog_protocol::limits::MAX_ACTORS_PER_DEVICE;

use super::{Asker, Exchange, ExchangeError};
use crate::directory::Directory;
use crate::identity::{certify, note_claim};
use crate::outside::Claim;
use crate::store::{Device, StoreError};

/// A device's last sync is noted at most this often; it is for people to look at.
const NOTE_SYNC_EVERY_MS: i64 = 60_000;

impl Exchange {
    /// The device of a request. One that holds a token of this server and is not known was enrolled
    /// after the backup that this server was restored from: it is taken in again.
    pub(super) fn device_of(
        &self,
        asker: &Asker,
        directory: &Directory,
        now_ms: i64,
    ) -> Result<Device, ExchangeError> {
        let found = match self.store.device(asker.device)? {
            Some(device) => device,
            None => self.adopt(asker, directory, now_ms)?,
        };
        if found.person != asker.person {
            return Err(ExchangeError::UnknownDevice);
        }
        let last = found.last_sync_ms.unwrap_or(i64::MIN);
        if now_ms.saturating_sub(last) >= NOTE_SYNC_EVERY_MS {
            self.store.note_sync(found.id, now_ms)?;
        }
        Ok(found)
    }

    fn adopt(
        &self,
        asker: &Asker,
        directory: &Directory,
        now_ms: i64,
    ) -> Result<Device, ExchangeError> {
        let was_restored = self.store.head()?.epoch > 1;
        if !was_restored || directory.person(&asker.person).is_none() {
            return Err(ExchangeError::UnknownDevice);
        }
        let device = Device {
            id: asker.device,
            person: asker.person.clone(),
            name: String::new(),
            enrolled_ms: now_ms,
            revoked_ms: None,
            last_sync_ms: None,
        };
        self.store.adopt_device(&device)?;
        tracing::info!(device = %device.id, "a device that a backup did not know is taken in again");
        Ok(device)
    }

    /// Enters the request's actor among the device's `actors` if it is new. Returns its certificate
    /// then.
    pub(super) fn register_actor(
        &self,
        device: &Device,
        actors: &mut Vec<[u8; 16]>,
        actor: [u8; 16],
        now_ms: i64,
    ) -> Result<Option<Vec<u8>>, ExchangeError> {
        if actors.contains(&actor) {
            return Ok(None);
        }
        if actors.len() >= MAX_ACTORS_PER_DEVICE {
            return Err(ExchangeError::TooManyActors);
        }
        let claim = Claim {
            actor,
            device: Some(device.id),
            person: device.person.clone(),
            at_ms: now_ms,
        };
        let noted = note_claim(&*self.store, &*self.outside, &claim);
        match noted.and_then(|()| self.store.add_actor(actor, device.id, now_ms)) {
            Err(StoreError::ActorTaken) => return Err(ExchangeError::ActorTaken),
            added => added?,
        }
        actors.push(actor);
        let certificate = certify(&self.key, &device.person, device.id, actor, now_ms);
        Ok(Some(certificate))
    }
}
