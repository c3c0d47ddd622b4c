//! Who this phone writes for.

use gridlog_domain::id::{AreaCode, DeviceId, PersonId};
use gridlog_domain::reference::{AreaTree, Person};
use gridlog_domain::workflow::{Actor, HeldRole};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::error::PhoneError;
use crate::phone::Phone;
use crate::store::meta;

/// Who enrolled this phone. One store serves one person, ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The person, with their assignments, as of the last sync.
    pub person: Person,
    /// This installation.
    pub device: DeviceId,
    /// The district's code.
    pub district: String,
    /// What the person called the phone.
    pub device_name: String,
}

impl Identity {
    /// Where the person walks: the area of the first field assignment that holds at `at_ms`.
    pub fn field_area(&self, at_ms: i64) -> Option<&AreaCode> {
        self.person
            .assignments
            .iter()
            .find(|held| held.role.is_field() && held.is_valid_at(at_ms))
            .map(|held| &held.area)
    }
}

/// Reads the identity.
pub(crate) fn read(connection: &Connection) -> Result<Option<Identity>, PhoneError> {
    let Some(person) = meta::PERSON.get(connection)? else {
        return Ok(None);
    };
    let damaged = || PhoneError::StoreDamaged { what: "identity" };
    Ok(Some(Identity {
        person: serde_json::from_str(&person).map_err(|_| damaged())?,
        device: DeviceId::from_bytes(meta::DEVICE.get(connection)?.ok_or_else(damaged)?),
        district: meta::DISTRICT.get(connection)?.ok_or_else(damaged)?,
        device_name: meta::DEVICE_NAME.get(connection)?.unwrap_or_default(),
    }))
}

/// Reads the identity, which must be there.
pub(crate) fn require(connection: &Connection) -> Result<Identity, PhoneError> {
    read(connection)?.ok_or(PhoneError::NotEnrolled)
}

/// The person as the workflow's rules see them: the roles that cover `home` at `at_ms`.
pub(crate) fn as_actor(
    person: &Person,
    areas: &AreaTree,
    home: &AreaCode,
    author: &PersonId,
    at_ms: i64,
) -> Actor {
    let roles = person.assignments.iter().filter(|held| {
        held.is_valid_at(at_ms) && (&held.area == home || areas.covers(&held.area, home))
    });
    Actor {
        person: person.id.clone(),
        roles: roles
            .map(|held| HeldRole {
                role: held.role,
                department: held.department.clone(),
            })
            .collect(),
        is_author: author == &person.id,
    }
}

impl Phone {
    /// Who enrolled this phone; `None` before [`Phone::enrol`].
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn identity(&self) -> Result<Option<Identity>, PhoneError> {
        self.inner.store.read(read)
    }
}
