//! Enrolment: an installation with a fresh actor becomes a person's device.

use gridlog_domain::environment::Entropy;
use gridlog_domain::id::{DeviceId, PersonId};
use gridlog_protocol::{Certificate, Key, SigningKey};

use crate::store::{Device, Store, StoreError};

/// What is asked for, the password being right already.
#[derive(Debug, Clone)]
pub struct EnrolWish {
    /// The person.
    pub person: PersonId,
    /// The fresh actor of the installation's store.
    pub actor: [u8; 16],
    /// What the person calls the phone.
    pub device_name: String,
    /// Server time.
    pub now_ms: i64,
}

/// Why an installation does not become a device.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The actor belongs to another person's device.
    #[error("the actor belongs to another device; take a fresh one")]
    ActorTaken,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for EnrolError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::ActorTaken => Self::ActorTaken,
            other => Self::Store(other),
        }
    }
}

/// A device, with its signed certificate.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The device.
    pub device: DeviceId,
    /// See [`Certificate::sign`].
    pub certificate: Vec<u8>,
}

/// Enrols. Doing it again with the same actor, as a phone does whose first answer was lost or
/// whose token has expired, yields the same device.
///
/// # Errors
/// [`EnrolError`].
pub fn enrol(
    store: &dyn Store,
    key: &SigningKey,
    entropy: &mut dyn Entropy,
    wish: &EnrolWish,
) -> Result<Enrolled, EnrolError> {
    let device = match known_device(store, wish)? {
        Some(device) => device,
        None => add_device(store, entropy, wish)?,
    };
    Ok(Enrolled {
        device,
        certificate: certify(key, &wish.person, device, wish.actor, wish.now_ms),
    })
}

fn known_device(store: &dyn Store, wish: &EnrolWish) -> Result<Option<DeviceId>, StoreError> {
    for device in store.devices_of(&wish.person)? {
        if device.revoked_ms.is_none() && store.actors_of(device.id)?.contains(&wish.actor) {
            return Ok(Some(device.id));
        }
    }
    Ok(None)
}

fn add_device(
    store: &dyn Store,
    entropy: &mut dyn Entropy,
    wish: &EnrolWish,
) -> Result<DeviceId, StoreError> {
    let id = DeviceId::new(wish.now_ms, entropy);
    let device = Device {
        id,
        person: wish.person.clone(),
        name: wish.device_name.clone(),
        enrolled_ms: wish.now_ms,
        revoked_ms: None,
        last_sync_ms: None,
    };
    store.add_device(&device, wish.actor)?;
    Ok(id)
}

/// The server's signed word that the actor belongs to the person's device.
pub fn certify(
    key: &SigningKey,
    person: &PersonId,
    device: DeviceId,
    actor: [u8; 16],
    now_ms: i64,
) -> Vec<u8> {
    Certificate {
        person: person.as_str().to_owned(),
        device: Key(*device.as_bytes()),
        actor: Key(actor),
        issued_ms: now_ms,
    }
    .sign(key)
}
