//! Entries: what a record's containers hold.
//!
//! Each entry is one scalar string of JSON under a fresh UUIDv7. A scalar is written and replaced
//! as a whole, so no device ever has to create a container after the genesis change, and a
//! proposal's hash is the hash of its stored text.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::RecordError;
use crate::id::{Department, EntryId, PersonId, RecordId};
use crate::reference::{AreaLevel, Limit};
use crate::workflow::Step;

/// Longest stored text of one entry, in bytes.
pub const MAX_ENTRY_BYTES: usize = 16 * 1024;

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// What is said.
    pub text: String,
    /// Who says it.
    pub by: PersonId,
    /// Device time, milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// The finding of one checklist item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// 正常
    Ok,
    /// 有问题
    Problem,
    /// 不适用
    NotApplicable,
}

impl Finding {
    /// The finding of that code: `ok`, `problem` or `not_applicable`.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "ok" => Some(Self::Ok),
            "problem" => Some(Self::Problem),
            "not_applicable" => Some(Self::NotApplicable),
            _ => None,
        }
    }

    /// The finding's name in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Ok => "正常",
            Self::Problem => "有问题",
            Self::NotApplicable => "不适用",
        }
    }
}

/// One checklist item, inspected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The item's text, as the template had it.
    pub item: String,
    /// What was found.
    pub finding: Finding,
    /// Remarks; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Who looked.
    pub by: PersonId,
    /// Device time, milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// What a photo shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoRole {
    /// 近景
    Near,
    /// 远景
    Far,
    /// 处置前
    Before,
    /// 处置后
    After,
}

/// A reference to a photo by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhotoRef {
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
    /// What it shows.
    pub role: PhotoRole,
    /// The file's size in bytes.
    pub bytes: u64,
    /// Who took it.
    pub by: PersonId,
    /// Device time, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// A small picture of it, for lists; `None` where the phone could not make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<PreviewRef>,
}

/// A reference to the preview of a photo by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewRef {
    /// SHA-256 of the preview's file, lower-case hex.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The position in the case log that a device had pulled.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct LogPosition {
    /// The log's epoch (DESIGN section 6).
    pub epoch: u64,
    /// The last sequence number; 0 before the first entry.
    pub seq: u64,
}

/// 协商: a meeting about a case. It names people by their records or staff numbers, never by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meeting {
    /// 议题: what it was about.
    pub agenda: String,
    /// Who took part.
    pub people: Vec<Attendee>,
    /// 决议: what was resolved.
    pub resolution: String,
    /// What is to be done then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<FollowUp>,
}

/// Somebody at a meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attendee {
    /// As what: 居民代表, 产权单位, 社区.
    pub role: String,
    /// A resident or another outsider, as a `contact` record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<RecordId>,
    /// Somebody of the staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<PersonId>,
}

/// What a meeting wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    /// What.
    pub what: String,
    /// Which department does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Department>,
    /// By when, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

impl Meeting {
    /// Whether it says what it was about, who came, and what was resolved.
    pub fn is_whole(&self) -> bool {
        let said = |text: &String| !text.trim().is_empty();
        let came = self.people.iter().all(|person| said(&person.role));
        said(&self.agenda) && said(&self.resolution) && came && !self.people.is_empty()
    }
}

/// What a step needs to be said with it. Which of these a step requires is in
/// [`crate::workflow::STEPS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepDetails {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Minor class, where the step sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Filing condition, where the step sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Department, where the step names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Department>,
    /// Departments that are called or take part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departments: Vec<Department>,
    /// How much time is asked for or given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The answer to a question of yes or no: confirmed, agreed, upheld, solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<bool>,
    /// What somebody thinks of it, 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<u8>,
    /// Level of supervision, 1 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervision: Option<u8>,
    /// The level that a case is escalated to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<AreaLevel>,
    /// A person who is put in charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// Another case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<RecordId>,
    /// The parties of a mediation, as `contact` records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parties: Vec<RecordId>,
    /// A meeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meeting: Option<Meeting>,
    /// The proposal that a withdrawal takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<EntryId>,
}

/// A workflow step that somebody asks for (DESIGN section 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Which step.
    pub step: Step,
    /// Who asks.
    pub by: PersonId,
    /// Device time, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Server time minus device time at the device's last sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_ms: Option<i64>,
    /// How much of the log the author had seen.
    #[serde(default)]
    pub seen: LogPosition,
    /// What the step needs to be said with it.
    #[serde(default)]
    pub details: StepDetails,
}

/// SHA-256 of a proposal's stored text; a ruling names the proposal by it.
pub fn proposal_hash(stored: &str) -> [u8; 32] {
    Sha256::digest(stored.as_bytes()).into()
}

/// The stored text of an entry.
///
/// # Errors
/// [`RecordError::EntryTooLong`] where it exceeds [`MAX_ENTRY_BYTES`].
pub(crate) fn to_json(entry: &impl Serialize) -> Result<String, RecordError> {
    let text = serde_json::to_string(entry).map_err(|_| RecordError::NotEncodable)?;
    if text.len() > MAX_ENTRY_BYTES {
        return Err(RecordError::EntryTooLong { bytes: text.len() });
    }
    Ok(text)
}

/// An entry from its stored text; `None` if it is not one.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Option<T> {
    if text.len() > MAX_ENTRY_BYTES {
        return None;
    }
    serde_json::from_str(text).ok()
}
