//! A device that speaks the protocol by itself and sends what it likes: a hostile one.

use automerge::{ActorId, Automerge, Change};
use gridlog_domain::environment::{Entropy, SeededEntropy};
use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_domain::record::{Author, Command, NewRecord, Value, write};
use gridlog_protocol::{
    Blob, EnrolAnswer, EnrolRequest, Key, PushItem, SyncRequest, Verdict, VerifyingKey, codec,
    open_page,
};

use crate::district::{District, PASSWORD};
use crate::words;

/// An enrolled device without an engine.
pub struct RawDevice {
    /// Its person.
    pub person: PersonId,
    /// Its actor.
    pub actor: ActorId,
    url: String,
    token: String,
    device: Key,
    key: VerifyingKey,
    profile_version: u64,
    entropy: SeededEntropy,
}

impl RawDevice {
    /// Enrols.
    pub fn enrol(district: &District, person: &PersonId, seed: u64) -> Self {
        let mut entropy = SeededEntropy::new(seed);
        let mut actor = [0; 16];
        entropy.fill(&mut actor);
        let actor = ActorId::from(actor);
        let request = EnrolRequest {
            person: person.as_str().to_owned(),
            password: PASSWORD.to_owned(),
            actor: actor.to_hex_string(),
            device_name: "自制设备".to_owned(),
        };
        let mut answer = ureq::post(format!("{}/v1/enrol", district.url()))
            .send_json(request)
            .expect("the server enrols the device");
        let answer: EnrolAnswer = answer.body_mut().read_json().expect("the answer is JSON");
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(answer.server_key.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(pair).expect("hex digits are ASCII");
            *byte = u8::from_str_radix(digits, 16).expect("the key is hex");
        }
        Self {
            person: person.clone(),
            actor,
            url: district.url(),
            token: answer.token,
            device: Key(*answer
                .device
                .parse::<DeviceId>()
                .expect("the device's id is one")
                .as_bytes()),
            key: VerifyingKey::from_bytes(&key).expect("the server's key is one"),
            profile_version: answer.profile_version,
            entropy,
        }
    }

    /// Its token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A fresh record id.
    pub fn record_id(&mut self) -> RecordId {
        RecordId::new(1_790_000_000_000, &mut self.entropy)
    }

    /// Who this device writes as.
    pub fn author(&self) -> Author {
        let now_ms =
            gridlog_domain::environment::Clock::now_ms(&gridlog_cli::environment::SystemClock);
        Author {
            person: self.person.clone(),
            actor: self.actor.clone(),
            now_ms,
        }
    }

    /// An honest new case, with its document.
    pub fn honest_case(&self, area: &str) -> (Automerge, Change) {
        let mut document = Automerge::new();
        let new = NewRecord {
            kind: gridlog_domain::record::Kind::Case,
            area: area.into(),
            fields: [
                ("title", words("诚实的案卷")),
                ("category", "01014".to_owned()),
            ]
            .map(|(field, value)| (field.to_owned(), Value::Text(value)))
            .into(),
            references: Default::default(),
        };
        let change = self.write(&mut document, &[Command::Create(new)]);
        (document, change)
    }

    /// Carries commands out as this device.
    pub fn write(&self, document: &mut Automerge, commands: &[Command]) -> Change {
        write(document, &self.author(), commands)
            .expect("the record takes the commands")
            .expect("they change something")
    }

    /// A request with these items.
    pub fn request(&mut self, items: &[(RecordId, Vec<u8>)]) -> SyncRequest {
        let mut nonce = [0; 16];
        self.entropy.fill(&mut nonce);
        let actor: [u8; 16] = self
            .actor
            .to_bytes()
            .try_into()
            .expect("an actor has 16 bytes");
        SyncRequest {
            profile_version: self.profile_version,
            push: items
                .iter()
                .map(|(record, bytes)| PushItem {
                    record: Key(*record.as_bytes()),
                    change: Blob(bytes.clone()),
                    offset_ms: Some(0),
                })
                .collect(),
            ..SyncRequest::idle(Key(nonce), Key(actor), self.author().now_ms)
        }
    }

    /// Registers a further actor for this device, as a phone does after a refusal.
    pub fn register(&mut self, actor: &ActorId) {
        let bytes: [u8; 16] = actor.to_bytes().try_into().expect("an actor has 16 bytes");
        let request = SyncRequest {
            actor: Key(bytes),
            ..self.request(&[])
        };
        let (status, body) = self.post(&codec::encode(&request));
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let opened = open_page(&body, request.nonce, self.device, &self.key);
        let page = opened.expect("the page is signed").page.body;
        assert!(page.certificate.is_some(), "a new actor gets a certificate");
    }

    /// Pushes items, once more for as long as something is only received, and returns the verdict on each: on a
    /// busy machine a decision can take longer than the server lets a device wait.
    pub fn push(&mut self, items: &[(RecordId, Vec<u8>)]) -> Vec<Verdict> {
        loop {
            let verdicts = self.push_once(items);
            if !verdicts.contains(&Verdict::Received) {
                return verdicts;
            }
        }
    }

    /// Pushes items and returns what the first answer says of each.
    pub fn push_once(&mut self, items: &[(RecordId, Vec<u8>)]) -> Vec<Verdict> {
        let request = self.request(items);
        let (status, body) = self.post(&codec::encode(&request));
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let opened = open_page(&body, request.nonce, self.device, &self.key);
        let verdicts = opened.expect("the page is signed").page.body.verdicts;
        assert_eq!(verdicts.len(), items.len(), "every item gets a verdict");
        verdicts
    }

    /// Sends any bytes to the sync endpoint; status and body of the answer.
    pub fn post(&self, body: &[u8]) -> (u16, Vec<u8>) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent
            .post(format!("{}/v1/sync", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .send(body)
            .expect("the server answers");
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_vec();
        (status, body.expect("the body arrives"))
    }
}
