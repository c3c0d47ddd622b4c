//! What is proposed in a case, and what is said with it.

use gridlog_domain::id::{Department, EntryId, PersonId, RecordId};
use gridlog_domain::record::{Attendee, FollowUp, LogPosition, Meeting, Proposal, StepDetails};
use gridlog_domain::reference::{AreaLevel, Limit, LimitUnit};
use gridlog_domain::workflow::Step;

/// An amount of time.
#[uniffi::remote(Record)]
pub struct Limit {
    /// What is counted.
    pub unit: LimitUnit,
    /// How many.
    pub amount: u32,
}

/// What a step needs to be said with it.
#[uniffi::remote(Record)]
pub struct StepDetails {
    /// Why.
    #[uniffi(default = None)]
    pub reason: Option<String>,
    /// What was done.
    #[uniffi(default = None)]
    pub result: Option<String>,
    /// Minor class, where the step sets it.
    #[uniffi(default = None)]
    pub category: Option<String>,
    /// Filing condition, where the step sets it.
    #[uniffi(default = None)]
    pub condition: Option<String>,
    /// Department, where the step names one.
    #[uniffi(default = None)]
    pub department: Option<Department>,
    /// Departments that are called or take part.
    #[uniffi(default)]
    pub departments: Vec<Department>,
    /// How much time is asked for or given.
    #[uniffi(default = None)]
    pub limit: Option<Limit>,
    /// The answer to a question of yes or no: confirmed, agreed, upheld, solved.
    #[uniffi(default = None)]
    pub answer: Option<bool>,
    /// What somebody thinks of it, 1 to 5.
    #[uniffi(default = None)]
    pub rating: Option<u8>,
    /// Level of supervision, 1 to 3.
    #[uniffi(default = None)]
    pub supervision: Option<u8>,
    /// The level that a case is escalated to.
    #[uniffi(default = None)]
    pub level: Option<AreaLevel>,
    /// A person who is put in charge.
    #[uniffi(default = None)]
    pub person: Option<PersonId>,
    /// Another case.
    #[uniffi(default = None)]
    pub case: Option<RecordId>,
    /// The parties of a mediation, as `contact` records.
    #[uniffi(default)]
    pub parties: Vec<RecordId>,
    /// A meeting.
    #[uniffi(default = None)]
    pub meeting: Option<Meeting>,
    /// The proposal that a withdrawal takes back.
    #[uniffi(default = None)]
    pub target: Option<EntryId>,
}

/// 协商: a meeting about a case. It names people by their records or staff numbers, never by name.
#[uniffi::remote(Record)]
pub struct Meeting {
    /// 议题: what it was about.
    pub agenda: String,
    /// Who took part.
    pub people: Vec<Attendee>,
    /// 决议: what was resolved.
    pub resolution: String,
    /// What is to be done then.
    #[uniffi(default)]
    pub actions: Vec<FollowUp>,
}

/// Somebody at a meeting.
#[uniffi::remote(Record)]
pub struct Attendee {
    /// As what: 居民代表, 产权单位, 社区.
    pub role: String,
    /// A resident or another outsider, as a `contact` record.
    #[uniffi(default = None)]
    pub contact: Option<RecordId>,
    /// Somebody of the staff.
    #[uniffi(default = None)]
    pub staff: Option<PersonId>,
}

/// What a meeting wants done.
#[uniffi::remote(Record)]
pub struct FollowUp {
    /// What.
    pub what: String,
    /// Which department does it.
    #[uniffi(default = None)]
    pub department: Option<Department>,
    /// By when, milliseconds since the Unix epoch.
    #[uniffi(default = None)]
    pub until_ms: Option<i64>,
}

/// A position in the case log.
#[uniffi::remote(Record)]
pub struct LogPosition {
    /// The log's epoch.
    pub epoch: u64,
    /// The last sequence number; 0 before the first entry.
    pub seq: u64,
}

/// A workflow step that somebody asked for.
#[uniffi::remote(Record)]
pub struct Proposal {
    /// Which step.
    pub step: Step,
    /// Who asks.
    pub by: PersonId,
    /// Device time.
    pub at_ms: i64,
    /// Server time minus device time at the device's last sync.
    pub offset_ms: Option<i64>,
    /// How much of the log the author had seen.
    pub seen: LogPosition,
    /// What was said with it.
    pub details: StepDetails,
}
