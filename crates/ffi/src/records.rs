//! The engine's records, as they are.
//!
//! Each is declared once more, field by field, so that an app's surface changes only where somebody
//! changes it here. Times are milliseconds since the Unix epoch.

use gridlog_client_core::{
    Confirmed, FileCounts, FoundOnline, HistoryLine, Identity, NewReport, NewVisit, OwnChange,
    ProposalStanding, ProposalStatus, Query, RecordRow, SetAside, Standing, Status, SyncReport,
    Task,
};
use gridlog_domain::deadline::Light;
use gridlog_domain::id::{AreaCode, Department, DeviceId, EntryId, PersonId, RecordId};
use gridlog_domain::record::{Crs, Fix, Kind, Place, Proposal};
use gridlog_domain::reference::{AreaLevel, Assignment, Person, Role};
use gridlog_domain::workflow::{Stage, Step, Timer, TimerKind, Urgency};

/// A coordinate as a device gave it.
#[uniffi::remote(Record)]
pub struct Fix {
    /// Reference system of `lon` and `lat`.
    pub crs: Crs,
    /// Longitude, degrees.
    pub lon: f64,
    /// Latitude, degrees.
    pub lat: f64,
    /// Radius of uncertainty, metres.
    #[uniffi(default = None)]
    pub accuracy_m: Option<f64>,
    /// When the fix was taken.
    pub fixed_at_ms: i64,
}

/// A place: an address path, raw coordinates, or both.
#[uniffi::remote(Record)]
pub struct Place {
    /// From wide to narrow, for example `["造化塘小区", "3栋", "2单元"]`.
    #[uniffi(default)]
    pub address: Vec<String>,
    /// Raw coordinates.
    #[uniffi(default = None)]
    pub fix: Option<Fix>,
}

/// A problem that a worker found. Title and category are required.
#[uniffi::remote(Record)]
pub struct NewReport {
    /// One line.
    pub title: String,
    /// Minor class of the catalogue.
    pub category: String,
    /// Filing condition of that class.
    #[uniffi(default = None)]
    pub condition: Option<String>,
    /// What was seen.
    #[uniffi(default = None)]
    pub description: Option<String>,
    /// Where.
    #[uniffi(default = None)]
    pub place: Option<Place>,
    /// The area; the worker's own if none is named.
    #[uniffi(default = None)]
    pub area: Option<AreaCode>,
    /// When it happened.
    #[uniffi(default = None)]
    pub occurred_at_ms: Option<i64>,
    /// The patrol that found it.
    #[uniffi(default = None)]
    pub patrol: Option<RecordId>,
    /// The visit that found it.
    #[uniffi(default = None)]
    pub visit: Option<RecordId>,
    /// The site it is about.
    #[uniffi(default = None)]
    pub site: Option<RecordId>,
    /// Who told of it.
    #[uniffi(default = None)]
    pub contact: Option<RecordId>,
}

/// A visit to a household or shop. Only the outcome is required, and nobody home is one.
#[uniffi::remote(Record)]
pub struct NewVisit {
    /// `met`, `nobody_home` or `refused`.
    pub outcome: String,
    /// Whom or where, in the worker's words.
    #[uniffi(default = None)]
    pub household: Option<String>,
    /// Why.
    #[uniffi(default = None)]
    pub purpose: Option<String>,
    /// What was said.
    #[uniffi(default = None)]
    pub notes: Option<String>,
    /// The site's record.
    #[uniffi(default = None)]
    pub site: Option<RecordId>,
    /// The contact's record.
    #[uniffi(default = None)]
    pub contact: Option<RecordId>,
    /// Where.
    #[uniffi(default = None)]
    pub place: Option<Place>,
    /// The area; the worker's own if none is named.
    #[uniffi(default = None)]
    pub area: Option<AreaCode>,
    /// When; now if not said.
    #[uniffi(default = None)]
    pub visited_at_ms: Option<i64>,
}

/// What was ruled on a proposal.
#[uniffi::remote(Enum)]
pub enum ProposalStanding {
    /// 待裁定: nothing yet.
    Pending,
    /// 已采纳: the step was taken.
    Accepted,
    /// 未采纳: the step was not taken.
    Refused {
        /// Why, as a stable code.
        code: String,
        /// Why, in Chinese.
        zh: String,
        /// Why, in English.
        en: String,
    },
}

/// A proposal and what was ruled on it.
#[uniffi::remote(Record)]
pub struct ProposalStatus {
    /// Its id.
    pub id: EntryId,
    /// The proposal.
    pub proposal: Proposal,
    /// What was ruled.
    pub standing: ProposalStanding,
}

/// One of one's own changes.
#[uniffi::remote(Record)]
pub struct OwnChange {
    /// When it was recorded, device time.
    pub recorded_ms: i64,
    /// Where it stands.
    pub standing: Standing,
    /// Why, where the server said so (a review).
    pub code: Option<String>,
    /// 1, or 2 if it was written again after a refusal.
    pub attempt: u32,
}

/// One log entry, in words.
#[uniffi::remote(Record)]
pub struct HistoryLine {
    /// Its place in the log.
    pub seq: u64,
    /// Server time.
    pub at_ms: i64,
    /// What happened: `admit`, `ruling`, `assignment`, `visible`, `hidden` or `timer`; others may come.
    pub what: String,
    /// Who wrote the change or asked for the step.
    pub by: Option<String>,
    /// The step that was ruled on.
    pub step: Option<Step>,
    /// The stage after it.
    pub stage: Option<Stage>,
    /// Why the step was not taken, as a stable code.
    pub refused: Option<String>,
    /// What the clock did, and which moment had passed.
    pub timer: Option<Timer>,
}

/// Something that the clock did to a case.
#[uniffi::remote(Record)]
pub struct Timer {
    /// The moment that passed, milliseconds since the Unix epoch.
    pub due_ms: i64,
    /// What.
    pub kind: TimerKind,
}

/// What the clock does to a case when nobody does anything.
#[uniffi::remote(Enum)]
pub enum TimerKind {
    /// 超期: the deadline for handling passed.
    Overdue,
    /// 环节超时: it stood in a stage for longer than an office has for that.
    StageOverdue,
    /// 督办超期: the answer to whoever supervises was due.
    ReplyOverdue,
    /// 升级: it was overdue for so long that the next level has it.
    Escalated(AreaLevel),
    /// 时限调整: the calendar went on, and a deadline that was provisional is another one.
    DeadlineMoved,
}

/// What a list shows: every condition that is set must hold.
#[uniffi::remote(Record)]
pub struct Query {
    /// Only this kind.
    #[uniffi(default = None)]
    pub kind: Option<Kind>,
    /// Only cases that the log has in this stage.
    #[uniffi(default = None)]
    pub stage: Option<Stage>,
    /// Only records that live in this area or inside it.
    #[uniffi(default = None)]
    pub area: Option<AreaCode>,
    /// Only records that hold this text: any substring, from one character on, whatever its case.
    #[uniffi(default = None)]
    pub text: Option<String>,
    /// Only records whose own changes stand there.
    #[uniffi(default = None)]
    pub standing: Option<Standing>,
    /// Only records that the phone's person began.
    #[uniffi(default = false)]
    pub mine_only: bool,
    /// Only records in conflict.
    #[uniffi(default = false)]
    pub conflicts_only: bool,
    /// Deleted records too.
    #[uniffi(default = false)]
    pub with_deleted: bool,
    /// Most rows.
    #[uniffi(default = 100)]
    pub limit: u32,
    /// Rows to pass over.
    #[uniffi(default = 0)]
    pub offset: u32,
}

/// One line of a list.
#[uniffi::remote(Record)]
pub struct RecordRow {
    /// The record.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// A short line: title, name, route or household.
    pub headline: String,
    /// Where it lives: the server's ruling, or what its author named while there is none.
    pub area: AreaCode,
    /// Minor class: the one that a case is filed under, else the one its author named.
    pub category: Option<String>,
    /// The department that has the case.
    pub department: Option<Department>,
    /// Where the log says a case stands; nothing for other kinds.
    pub stage: Option<Stage>,
    /// Where it stands with the person's own pending proposals on top (待裁定).
    pub expected_stage: Option<Stage>,
    /// The worst standing of one's own changes.
    pub standing: Standing,
    /// Places in conflict.
    pub conflicts: u32,
    /// Who began it.
    pub author: PersonId,
    /// Whether the phone's person began it.
    pub mine: bool,
    /// When it was begun, by its author's device.
    pub created_ms: i64,
    /// When it last changed here.
    pub updated_ms: i64,
    /// Whether it is marked as deleted.
    pub deleted: bool,
    /// Photos of it that were attached here and that the server does not have whole.
    pub photos_here: u32,
    /// How urgent a case is that somebody has to handle; nothing for others.
    pub urgency: Option<Urgency>,
}

/// How urgent a case is that a department has to handle.
#[uniffi::remote(Record)]
pub struct Urgency {
    /// By when it is to be handled; nothing while it stands still.
    pub due_ms: Option<i64>,
    /// Whether that may change: it was counted over days that the calendar does not know yet.
    pub provisional: bool,
    /// Its light; nothing while it stands still and was not overdue before.
    pub light: Option<Light>,
    /// Whether the log says that it was overdue. That stays, also where more time was granted since.
    pub overdue: bool,
}

/// How urgent a case is.
#[uniffi::remote(Enum)]
pub enum Light {
    /// 绿灯: there is time.
    Green,
    /// 黄灯: most of the time is gone.
    Yellow,
    /// 红灯: the time is over, or so little is left as the district says.
    Red,
}

/// A case that waits for the person, or a record that needs them.
#[uniffi::remote(Record)]
pub struct Task {
    /// The record.
    pub row: RecordRow,
    /// The steps that the person's roles allow now. Empty for a record that is here for its
    /// conflicts or because something of it was sent back.
    pub steps: Vec<Step>,
}

/// What became of everything recorded here. The counts are of changes, and add up:
/// `recorded` is the sum of the eight that follow it.
#[uniffi::remote(Record)]
pub struct Status {
    /// Changes recorded here.
    pub recorded: u64,
    /// 在本机: not yet sent.
    pub on_this_phone: u64,
    /// 服务器已收到: durable there, not judged.
    pub received: u64,
    /// 等待前序内容.
    pub waiting: u64,
    /// 前面的修改被退回.
    pub blocked: u64,
    /// 待社区复核.
    pub review: u64,
    /// 已入卷: in the log.
    pub admitted: u64,
    /// 被退回，需要您处理.
    pub needs_you: u64,
    /// 已丢失: was in the log and left this phone, and then the server was put back to a backup that lacks
    /// it.
    pub lost: u64,
    /// When the last sync came to its end, device time.
    pub last_sync_ms: Option<i64>,
    /// Server time minus device time at the last sync; nothing if unknown.
    pub clock_offset_ms: Option<i64>,
    /// The log's epoch that this phone follows; 0 before the first sync.
    pub epoch: u64,
    /// The last log entry that this phone was told of or passed over.
    pub seq: u64,
    /// The server's signed word on what of this phone is in the log; nothing before the first
    /// receipt, and after the server was restored from a backup.
    pub confirmed: Option<Confirmed>,
    /// Records that are about to leave this phone.
    pub leaving: u64,
    /// Until when this phone leaves the server alone, because it asked for that; nothing if it may sync
    /// now.
    pub waits_until_ms: Option<i64>,
    /// Records that could not be read as they came from the server; they are asked for again.
    pub set_aside: u64,
    /// The photos that were attached here, apart from the counts above.
    pub files: FileCounts,
}

/// A record that could not be read as it came from the server. What came is not shown; what this phone
/// had of the record before stays.
#[uniffi::remote(Record)]
pub struct SetAside {
    /// The record.
    pub record: RecordId,
    /// What was wrong with it, as a stable code.
    pub code: String,
    /// The same in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Since when, device time.
    pub since_ms: i64,
}

/// A record that the server found.
#[uniffi::remote(Record)]
pub struct FoundOnline {
    /// The record.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// Its headline.
    pub headline: String,
    /// Where it lives.
    pub area: AreaCode,
    /// Where it stands, if it is a case.
    pub stage: Option<Stage>,
    /// Server time of the last word in it.
    pub updated_ms: i64,
    /// Whether it left the phones. It comes back when something is written in it.
    pub archived: bool,
    /// Whether this phone holds it.
    pub on_this_phone: bool,
}

/// The server's signed word that everything that this phone knew to be in the log was in it.
#[uniffi::remote(Record)]
pub struct Confirmed {
    /// The epoch of the log.
    pub epoch: u64,
    /// As of this log entry.
    pub seq: u64,
    /// Server time.
    pub at_ms: i64,
    /// In how many records this phone wrote.
    pub records: u64,
    /// How many changes it wrote.
    pub changes: u64,
}

/// What a sync did.
#[uniffi::remote(Record)]
pub struct SyncReport {
    /// Requests that were answered.
    pub rounds: u32,
    /// Changes sent, those sent again included.
    pub pushed: u64,
    /// Changes that the log has since this sync.
    pub admitted: u64,
    /// Changes that were refused.
    pub refused: u64,
    /// Changes that were written again after a refusal, as new ones.
    pub replayed: u64,
    /// What was sent back for the worker to decide.
    pub needs_you: u64,
    /// Log entries pulled.
    pub pulled_entries: u64,
    /// Records that came, each page counted.
    pub pulled_records: u64,
    /// Records that left this phone, because the person may no longer see them.
    pub purged: u64,
    /// Log entries and changes that the server had lost and took back from this phone.
    pub returned: u64,
    /// In how many records phone and server differed; nothing if they were not compared.
    pub differing: Option<u64>,
    /// Bytes sent, compressed, headers aside.
    pub bytes_up: u64,
    /// Bytes received, compressed, headers aside.
    pub bytes_down: u64,
    /// Records that could not be read as they came, and were set aside.
    pub set_aside: u64,
    /// Whether there was nothing more to send or pull in the end, but for what is set aside.
    pub complete: bool,
    /// How long the server asks to wait before the next sync.
    pub retry_after_ms: Option<u64>,
}

/// A dated role of a person in an area.
#[uniffi::remote(Record)]
pub struct Assignment {
    /// What the person does.
    pub role: Role,
    /// Where; the assignment covers every area inside it.
    pub area: AreaCode,
    /// For a handler, the department.
    pub department: Option<Department>,
    /// First moment, inclusive.
    pub valid_from_ms: i64,
    /// End, exclusive; nothing while it lasts.
    pub valid_to_ms: Option<i64>,
}

/// A member of the staff.
#[uniffi::remote(Record)]
pub struct Person {
    /// Staff number.
    pub id: PersonId,
    /// Name as colleagues see it.
    pub name: String,
    /// False for a disabled account.
    pub enabled: bool,
    /// Roles, past ones included.
    pub assignments: Vec<Assignment>,
}

/// Who enrolled this phone. One store serves one person, ever.
#[uniffi::remote(Record)]
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
