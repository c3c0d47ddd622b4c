//! A device that enrolled like any other and speaks the protocol by itself, so that it can send
//! what no engine would.
//!
//! What it sends it derives from honest changes: nothing of the test suite's forge is built into a
//! program that ships.

use std::thread;
use std::time::{Duration, Instant};

use automerge::{ActorId, Automerge, AutomergeError, Change};
use gridlog_cli::environment::{SystemClock, SystemEntropy};
use gridlog_client_core::{ENROL_PATH, SYNC_PATH, Transport as _, TransportError};
use gridlog_domain::environment::{Clock as _, Entropy as _};
use gridlog_domain::id::{AreaCode, DeviceId, EntryId, PersonId, RecordId};
use gridlog_domain::record::{Author, Command, Kind, NewRecord, RecordError, Value, write};
use gridlog_protocol::{
    Blob, EnrolAnswer, EnrolRequest, ErrorBody, Key, ProtocolError, PushItem, SyncRequest, Verdict,
    VerifyingKey, codec, open_page,
};

use super::wire::Wire;
use crate::error::CliError;

/// How long it waits for the server to judge what it has received.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

/// What a phone says that its bodies are.
const CONTENT_TYPE: &str = "application/vnd.gridlog.sync";

/// The title of an honest case. It is not reported, so it stays at its first stage.
pub(super) const TITLE: &str = "同批送来的诚实案卷，仅作记录";

/// Why a rogue device cannot go on. What it is told about its bytes is no error.
#[derive(Debug, thiserror::Error)]
pub(super) enum RogueError {
    /// The server does not answer any more.
    #[error("the server gave no answer: {0}")]
    Transport(#[from] TransportError),
    /// The whole request was refused although it was well formed.
    #[error("a well-formed request was refused: {status} {code}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The code.
        code: String,
    },
    /// The page is not the server's.
    #[error("{0}")]
    Protocol(#[from] ProtocolError),
    /// The answer is not the JSON that it should be.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The server's key is no key.
    #[error("the server's key is not 64 hex digits of an Ed25519 key")]
    BadKey,
    /// The honest change to derive from cannot be written.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// The raw write failed.
    #[error("{0}")]
    Automerge(#[from] AutomergeError),
    /// The change to derive from would be empty.
    #[error("there is no change to derive hostile bytes from")]
    NothingWritten,
    /// An item without a verdict.
    #[error("the page has no verdict on an item that was pushed")]
    NoVerdict,
}

impl From<RogueError> for CliError {
    fn from(error: RogueError) -> Self {
        Self::Demo {
            code: "rogue_device",
            zh: "恶意设备无法继续演示，原因见英文说明".to_owned(),
            en: error.to_string(),
        }
    }
}

/// What is pushed: a record and bytes that claim to be a change of it.
pub(super) type Item = (RecordId, Vec<u8>);

/// The device.
#[derive(Debug)]
pub(super) struct Rogue {
    /// Its person.
    pub(super) person: PersonId,
    /// The grid that the person walks.
    pub(super) grid: AreaCode,
    /// Its actor.
    pub(super) actor: ActorId,
    /// Its line, which remembers what it sent.
    pub(super) wire: Wire,
    token: String,
    device: Key,
    key: VerifyingKey,
    profile_version: u64,
}

impl Rogue {
    /// Enrols with the server at that address, as a real worker.
    pub(super) fn enrol(
        address: &str,
        person: &PersonId,
        grid: &AreaCode,
        password: &str,
    ) -> Result<Self, RogueError> {
        let mut actor = [0; 16];
        SystemEntropy.fill(&mut actor);
        let actor = ActorId::from(actor);
        let wire = Wire::to(address)?;
        let request = EnrolRequest {
            person: person.as_str().to_owned(),
            password: password.to_owned(),
            actor: actor.to_hex_string(),
            device_name: "自制设备 home-made device".to_owned(),
        };
        let body = serde_json::to_vec(&request)?;
        let answer = wire.post(ENROL_PATH, None, "application/json", &body)?;
        if answer.status != 200 {
            return Err(refused(answer.status, &answer.body));
        }
        let answer: EnrolAnswer = serde_json::from_slice(&answer.body)?;
        let device: DeviceId = answer.device.parse().map_err(|_| RogueError::BadKey)?;
        let mut key = [0; 32];
        hex::decode_to_slice(&answer.server_key, &mut key).map_err(|_| RogueError::BadKey)?;
        Ok(Self {
            person: person.clone(),
            grid: grid.clone(),
            actor,
            wire,
            token: answer.token,
            device: Key(*device.as_bytes()),
            key: VerifyingKey::from_bytes(&key).map_err(|_| RogueError::BadKey)?,
            profile_version: answer.profile_version,
        })
    }

    /// A fresh id for a record.
    pub(super) fn record_id() -> RecordId {
        RecordId::new(SystemClock.now_ms(), &mut SystemEntropy)
    }

    /// A fresh id for an entry.
    pub(super) fn entry_id() -> EntryId {
        EntryId::new(SystemClock.now_ms(), &mut SystemEntropy)
    }

    /// Carries commands out as this device.
    pub(super) fn write(
        &self,
        document: &mut Automerge,
        commands: &[Command],
    ) -> Result<Change, RogueError> {
        let author = Author {
            person: self.person.clone(),
            actor: self.actor.clone(),
            now_ms: SystemClock.now_ms(),
        };
        write(document, &author, commands)?.ok_or(RogueError::NothingWritten)
    }

    /// Begins a record.
    pub(super) fn begin<const N: usize>(
        &self,
        kind: Kind,
        area: &AreaCode,
        fields: [(&str, &str); N],
    ) -> Result<(Automerge, Change), RogueError> {
        let mut document = Automerge::new();
        let new = NewRecord {
            kind,
            area: area.clone(),
            fields: fields
                .map(|(field, value)| (field.to_owned(), Value::Text(value.to_owned())))
                .into(),
            references: std::collections::BTreeMap::default(),
        };
        let change = self.write(&mut document, &[Command::Create(new)])?;
        Ok((document, change))
    }

    /// An honest new case in its own grid, noted and not reported.
    pub(super) fn honest_case(&self) -> Result<(Automerge, Change), RogueError> {
        let fields = [("title", TITLE), ("category", "01014")];
        self.begin(Kind::Case, &self.grid, fields)
    }

    /// A request with these items.
    pub(super) fn request(&self, items: &[Item]) -> SyncRequest {
        let mut nonce = [0; 16];
        SystemEntropy.fill(&mut nonce);
        let mut actor = [0; 16];
        actor.copy_from_slice(&self.actor.to_bytes()[..16]);
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
            ..SyncRequest::idle(Key(nonce), Key(actor), SystemClock.now_ms())
        }
    }

    /// Pushes items until none of them is merely received; the verdict on each.
    pub(super) fn push(&self, items: &[Item]) -> Result<Vec<Verdict>, RogueError> {
        let begun = Instant::now();
        loop {
            let verdicts = self.push_once(items)?;
            if !verdicts.contains(&Verdict::Received) || begun.elapsed() > PATIENCE {
                return Ok(verdicts);
            }
            thread::sleep(PAUSE);
        }
    }

    fn push_once(&self, items: &[Item]) -> Result<Vec<Verdict>, RogueError> {
        let request = self.request(items);
        let (status, body) = self.post(&codec::encode(&request))?;
        if status != 200 {
            return Err(refused(status, &body));
        }
        let opened = open_page(&body, request.nonce, self.device, &self.key)?;
        let verdicts = opened.page.body.verdicts;
        if verdicts.len() == items.len() {
            Ok(verdicts)
        } else {
            Err(RogueError::NoVerdict)
        }
    }

    /// Sends any bytes as the body of a sync; status and body of the answer.
    pub(super) fn post(&self, body: &[u8]) -> Result<(u16, Vec<u8>), RogueError> {
        let token = Some(self.token.as_str());
        let answer = self.wire.post(SYNC_PATH, token, CONTENT_TYPE, body)?;
        Ok((answer.status, answer.body))
    }
}

fn refused(status: u16, body: &[u8]) -> RogueError {
    RogueError::Refused {
        status,
        code: code_of(body),
    }
}

/// The code in the answer to a refused request; empty if it has none.
pub(super) fn code_of(body: &[u8]) -> String {
    serde_json::from_slice(body)
        .map(|body: ErrorBody| body.code)
        .unwrap_or_default()
}
