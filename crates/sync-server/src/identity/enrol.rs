//! Enrolment: an installation with a fresh actor becomes a person's device.

use gridlog_domain::environment::Entropy;
use gridlog_domain::id::{DeviceId, PersonId};
use gridlog_protocol::limits::MAX_DEVICES_PER_PERSON;
use gridlog_protocol::{Certificate, Key, SigningKey};

use super::claim::note_claim;
use crate::outside::{Claim, Outside};
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
    /// The person has as many devices as anybody may have.
    #[error("you have {limit} phones enrolled; ask your office to revoke those you do not use")]
    TooManyDevices {
        /// How many.
        limit: usize,
    },
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
    (store, outside): (&dyn Store, &dyn Outside),
    key: &SigningKey,
    entropy: &mut dyn Entropy,
    wish: &EnrolWish,
) -> Result<Enrolled, EnrolError> {
    let mut devices = store.devices_of(&wish.person)?;
    devices.retain(|device| device.revoked_ms.is_none());
    let device = match known_device(store, &devices, wish)? {
        Some(device) => device,
        None if devices.len() >= MAX_DEVICES_PER_PERSON => {
            return Err(EnrolError::TooManyDevices {
                limit: MAX_DEVICES_PER_PERSON,
            });
        }
        None => add_device((store, outside), entropy, wish)?,
    };
    Ok(Enrolled {
        device,
        certificate: certify(key, &wish.person, device, wish.actor, wish.now_ms),
    })
}

fn known_device(
    store: &dyn Store,
    devices: &[Device],
    wish: &EnrolWish,
) -> Result<Option<DeviceId>, StoreError> {
    for device in devices {
        if store.actors_of(device.id)?.contains(&wish.actor) {
            return Ok(Some(device.id));
        }
    }
    Ok(None)
}

fn add_device(
    (store, outside): (&dyn Store, &dyn Outside),
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
    let claim = Claim {
        actor: wish.actor,
        device: Some(id),
        person: wish.person.clone(),
        at_ms: wish.now_ms,
    };
    note_claim(store, outside, &claim)?;
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

#[cfg(test)]
mod tests {
    use gridlog_domain::environment::SeededEntropy;

    use super::*;
    use crate::outside::OutsideMemory;
    use crate::store::SqliteStore;

    #[test]
    fn nobody_has_more_phones_than_a_limit_but_a_revoked_one_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("district.db")).unwrap();
        let outside = OutsideMemory::default();
        let key = SigningKey::from_bytes(&[7; 32]);
        let mut entropy = SeededEntropy::new(1);
        let mut enrol_one = |n: usize| {
            let wish = EnrolWish {
                person: "W001".into(),
                actor: [u8::try_from(n).unwrap(); 16],
                device_name: "手机".into(),
                now_ms: 1,
            };
            enrol((&store, &outside), &key, &mut entropy, &wish)
        };
        let mut first = None;
        for n in 0..MAX_DEVICES_PER_PERSON {
            first = first.or(Some(enrol_one(n).unwrap().device));
        }
        let one_more = enrol_one(MAX_DEVICES_PER_PERSON).unwrap_err();
        assert!(matches!(one_more, EnrolError::TooManyDevices { .. }));
        assert!(enrol_one(3).is_ok(), "a known phone signs in again");
        store.revoke_device(first.unwrap(), 2).unwrap();
        assert!(enrol_one(MAX_DEVICES_PER_PERSON).is_ok());
    }
}
