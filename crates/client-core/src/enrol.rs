//! Enrolment: how an installation becomes a device of a person.

use gridlog_domain::id::{DeviceId, PersonId};
use gridlog_domain::reference::Person;
use gridlog_protocol::{
    Blob, Certificate, EnrolAnswer, EnrolRequest, ErrorBody, Key, Succession, VerifyingKey,
};
use rusqlite::Connection;

use crate::error::PhoneError;
use crate::identity::{self, Identity};
use crate::phone::Phone;
use crate::store::{actors, meta};
use crate::transport::{Answer, Transport};

/// Where enrolment goes.
pub const ENROL_PATH: &str = "/v1/enrol";

/// The code of a server that knows the actor as another device's.
const ACTOR_TAKEN: &str = "actor_taken";

/// The code of a server that takes no further actor of this device.
const TOO_MANY_ACTORS: &str = "too_many_actors";

/// The code of a server that was told too many wrong passwords.
const TOO_MANY_ATTEMPTS: &str = "too_many_attempts";

/// What a server that is busy and names no time is given, milliseconds.
const DEFAULT_WAIT_MS: u64 = 5_000;

/// The body of an answer, if the server took the request.
pub(crate) fn body_of(answer: Answer) -> Result<Vec<u8>, PhoneError> {
    match answer.status {
        200..=299 => Ok(answer.body),
        429 => Err(too_many(&answer)),
        503 => Err(PhoneError::Busy {
            retry_after_ms: answer.retry_after_ms.unwrap_or(DEFAULT_WAIT_MS),
            said: None,
        }),
        status => Err(refusal(status, &answer.body)),
    }
}

/// What a phone did too often. Whoever mistyped a password reads so and waits; the rest is tried again by itself.
fn too_many(answer: &Answer) -> PhoneError {
    let said = serde_json::from_slice::<ErrorBody>(&answer.body).ok();
    if said
        .as_ref()
        .is_some_and(|said| said.code == TOO_MANY_ATTEMPTS)
    {
        return refusal(answer.status, &answer.body);
    }
    PhoneError::Busy {
        retry_after_ms: answer.retry_after_ms.unwrap_or(DEFAULT_WAIT_MS),
        said: said.map(Box::new),
    }
}

fn refusal(status: u16, body: &[u8]) -> PhoneError {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(said) => PhoneError::Refused {
            status,
            code: said.code,
            zh: said.zh,
            en: said.en,
        },
        Err(_) => PhoneError::Refused {
            status,
            code: "no_gridlog_server".to_owned(),
            zh: "该地址没有格志服务器应答".to_owned(),
            en: "what answered is not a Gridlog server".to_owned(),
        },
    }
}

/// What a refused sync asks of the worker. Signing in makes this phone a device with actors of its own.
pub(crate) fn of_sync(refusal: PhoneError) -> PhoneError {
    match &refusal {
        PhoneError::Refused { status: 401, .. } => PhoneError::SignInAgain,
        PhoneError::Refused { code, .. } if code == ACTOR_TAKEN || code == TOO_MANY_ACTORS => {
            PhoneError::SignInAgain
        }
        _ => refusal,
    }
}

const fn malformed(what: &'static str) -> PhoneError {
    PhoneError::BadEnrolment { what }
}

fn from_hex<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], PhoneError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| malformed(what))?;
    Ok(bytes)
}

/// An enrolment that was checked.
struct Enrolment {
    person: Person,
    device: DeviceId,
    district: String,
    token: String,
    server_key: [u8; 32],
    successions: Vec<Blob>,
    certificate: Vec<u8>,
}

impl Enrolment {
    fn check(body: &[u8], asked: &PersonId, actor: [u8; 16]) -> Result<Self, PhoneError> {
        let answer: EnrolAnswer =
            serde_json::from_slice(body).map_err(|_| malformed("the body"))?;
        let person: Person =
            serde_json::from_value(answer.profile).map_err(|_| malformed("the profile"))?;
        let device: DeviceId = answer.device.parse().map_err(|_| malformed("the device"))?;
        let server_key = from_hex::<32>(&answer.server_key, "the server's key")?;
        let key =
            VerifyingKey::from_bytes(&server_key).map_err(|_| malformed("the server's key"))?;
        let notes = answer.successions.iter().map(hex::decode);
        let successions = notes.map(|note| note.map(Blob));
        let successions = successions
            .collect::<Result<_, _>>()
            .map_err(|_| malformed("the successions"))?;
        let certificate =
            hex::decode(&answer.certificate).map_err(|_| malformed("the certificate"))?;
        let said = Certificate::open(&certificate, &key)?;
        let fits = said.person == person.id.as_str()
            && person.id == *asked
            && said.device == Key(*device.as_bytes())
            && said.actor == Key(actor);
        if !fits {
            return Err(malformed(
                "the certificate names another person, device or actor",
            ));
        }
        Ok(Self {
            person,
            device,
            district: answer.district,
            token: answer.token,
            server_key,
            successions,
            certificate,
        })
    }

    /// Whether the server's key follows the one that this phone knows.
    fn follows(&self, known: [u8; 32]) -> bool {
        let Ok(known) = VerifyingKey::from_bytes(&known) else {
            return false;
        };
        let newest = Succession::follow(&known, &self.successions).pop();
        newest.is_some_and(|key| key.to_bytes() == self.server_key)
    }

    fn store(
        self,
        connection: &Connection,
        actor: [u8; 16],
        device_name: &str,
    ) -> Result<(), PhoneError> {
        let known = meta::SERVER_KEY.get(connection)?;
        if known.is_some_and(|known| known != self.server_key && !self.follows(known)) {
            return Err(PhoneError::OtherServer);
        }
        let person = serde_json::to_string(&self.person)
            .map_err(|_| PhoneError::StoreDamaged { what: "identity" })?;
        meta::SERVER_KEY.set(connection, self.server_key)?;
        meta::PERSON.set(connection, person)?;
        let before = meta::DEVICE.get(connection)?;
        if before.is_some_and(|before| before != *self.device.as_bytes()) {
            actors::give_up_others(connection, actor)?;
        }
        meta::DEVICE.set(connection, *self.device.as_bytes())?;
        meta::DEVICE_NAME.set(connection, device_name.to_owned())?;
        meta::DISTRICT.set(connection, self.district)?;
        meta::TOKEN.set(connection, self.token)?;
        actors::set_certificate(connection, actor, &self.certificate)
    }
}

impl Phone {
    /// Makes this phone a device of `person`. The password is sent and not kept. From here on the
    /// phone trusts the key of the server that answered, and no other.
    ///
    /// # Errors
    /// [`PhoneError::OtherPerson`] if the store belongs to somebody else, before anything is sent;
    /// [`PhoneError::Refused`], for example for a wrong password; [`PhoneError::Transport`];
    /// [`PhoneError::BadEnrolment`], [`PhoneError::OtherServer`]. The store is as it was then.
    pub fn enrol(
        &self,
        transport: &dyn Transport,
        person: &PersonId,
        password: &str,
        device_name: &str,
    ) -> Result<Identity, PhoneError> {
        let mut actor = self.inner.store.read(|connection| {
            let owner = identity::read(connection)?;
            match owner {
                Some(owner) if owner.person.id != *person => Err(PhoneError::OtherPerson),
                _ => self.inner.actor(connection),
            }
        })?;
        let ask = |actor: [u8; 16]| {
            let request = EnrolRequest {
                person: person.as_str().to_owned(),
                password: password.to_owned(),
                actor: hex::encode(actor),
                device_name: device_name.to_owned(),
            };
            let body = serde_json::to_vec(&request).map_err(|_| malformed("the request"))?;
            body_of(transport.post(ENROL_PATH, None, "application/json", &body)?)
        };
        let body = match ask(actor) {
            // The device that the actor belonged to was revoked: this is a new one.
            Err(PhoneError::Refused { code, .. }) if code == ACTOR_TAKEN => {
                actor = self
                    .inner
                    .store
                    .write(|tx| self.inner.take_actor(tx, "enrolment"))?;
                ask(actor)?
            }
            answered => answered?,
        };
        let enrolment = Enrolment::check(&body, person, actor)?;
        let identity = self.inner.store.write(|tx| {
            enrolment.store(tx, actor, device_name)?;
            identity::require(tx)
        })?;
        self.inner.signal.committed();
        Ok(identity)
    }

    /// Signs the same person in again, after [`PhoneError::SignInAgain`]. Everything on the phone
    /// is kept and goes out with the next sync.
    ///
    /// # Errors
    /// [`PhoneError::NotEnrolled`]; else as [`Phone::enrol`].
    pub fn sign_in(
        &self,
        transport: &dyn Transport,
        password: &str,
    ) -> Result<Identity, PhoneError> {
        let identity = self.inner.store.read(identity::require)?;
        self.enrol(
            transport,
            &identity.person.id,
            password,
            &identity.device_name,
        )
    }
}
