//! What a record's own screen shows.

use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::{Proposal, RecordView};
use gridlog_domain::reference::AreaLevel;
use gridlog_domain::workflow::{CaseState, Stage, Step, Timer, TimerKind};
use gridlog_protocol::Fact;
use serde::{Deserialize, Serialize};

use crate::needs_you::NeedsYou;
use crate::revision::Revision;
use crate::rows::RecordRow;
use crate::standing::Standing;

/// Everything about one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordDetail {
    /// Its list row.
    pub row: RecordRow,
    /// What it says, conflicts included.
    pub view: RecordView,
    /// Automerge heads of what the log holds of it as this phone knows, lower-case hex, sorted;
    /// empty before the first sync of a new record.
    pub heads: Vec<String>,
    /// Names what is shown here, so that an edit can say what its author saw; see
    /// [`Phone::edit_as_shown`](crate::Phone::edit_as_shown).
    pub revision: Revision,
    /// What the log says of a case; `None` for other kinds and before the first sync of a new case.
    pub state: Option<CaseState>,
    /// The stage with own pending proposals on top; `None` for other kinds.
    pub expected_stage: Option<Stage>,
    /// Its proposals, oldest first.
    pub proposals: Vec<ProposalStatus>,
    /// One's own changes that this phone remembers, oldest first.
    pub changes: Vec<OwnChange>,
    /// What was sent back and waits for a decision.
    pub needs_you: Vec<NeedsYou>,
    /// What the log says about it, oldest first.
    pub history: Vec<HistoryLine>,
}

/// A proposal and what was ruled on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalStatus {
    /// Its id.
    pub id: EntryId,
    /// The proposal.
    pub proposal: Proposal,
    /// What was ruled.
    pub standing: ProposalStanding,
}

/// What was ruled on a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
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

impl ProposalStanding {
    /// What a worker reads, in Chinese.
    pub const fn zh(&self) -> &'static str {
        match self {
            Self::Pending => "待裁定",
            Self::Accepted => "已采纳",
            Self::Refused { .. } => "未采纳",
        }
    }

    /// The same in English.
    pub const fn en(&self) -> &'static str {
        match self {
            Self::Pending => "waits for a ruling",
            Self::Accepted => "accepted",
            Self::Refused { .. } => "refused",
        }
    }
}

/// One of one's own changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnChange {
    /// When it was recorded, device time in milliseconds since the Unix epoch.
    pub recorded_ms: i64,
    /// Where it stands.
    pub standing: Standing,
    /// Why, where the server said so (a review).
    pub code: Option<String>,
    /// 1, or 2 if it was written again after a refusal.
    pub attempt: u32,
}

/// One log entry, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// Its place in the log.
    pub seq: u64,
    /// Server time, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// What happened: `admit`, `ruling`, `assignment`, `visible`, `hidden`, `archived`, `erase`,
    /// `epoch`, `seal` or `timer`.
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

impl From<&gridlog_protocol::LogEntry> for HistoryLine {
    fn from(entry: &gridlog_protocol::LogEntry) -> Self {
        let line = |what: &str, by: Option<&String>| Self {
            seq: entry.seq,
            at_ms: entry.at_ms,
            what: what.to_owned(),
            by: by.cloned(),
            step: None,
            stage: None,
            refused: None,
            timer: None,
        };
        match &entry.fact {
            Fact::Admit { by, .. } => line("admit", Some(by)),
            Fact::Ruling {
                by,
                step,
                stage,
                refused,
                ..
            } => Self {
                step: Step::from_code(step),
                stage: Stage::from_code(stage),
                refused: refused.clone(),
                ..line("ruling", Some(by))
            },
            Fact::Assignment { .. } => line("assignment", None),
            Fact::Visible { .. } => line("visible", None),
            Fact::Hidden { .. } => line("hidden", None),
            Fact::Archived => line("archived", None),
            Fact::Erase { by } => line("erase", Some(by)),
            Fact::Epoch { .. } => line("epoch", None),
            Fact::Seal { by, .. } => line("seal", Some(by)),
            Fact::DayClosed { by, .. } => line("day_closed", Some(by)),
            Fact::DayReopened { by, .. } => line("day_reopened", Some(by)),
            Fact::Timer {
                kind,
                level,
                due_ms,
            } => {
                let level = level.as_deref().and_then(AreaLevel::from_code);
                let kind = TimerKind::from_code(kind, level);
                Self {
                    timer: kind.map(|kind| Timer {
                        due_ms: *due_ms,
                        kind,
                    }),
                    ..line("timer", None)
                }
            }
        }
    }
}

/// A case that waits for the person, or a record that needs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The record.
    pub row: RecordRow,
    /// The steps that the person's roles allow now. Empty for a record that is here for its
    /// conflicts or because something of it was sent back.
    pub steps: Vec<Step>,
}

/// What a check of a stored view against its document found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordCheck {
    /// The record.
    pub record: RecordId,
    /// Whether the stored view is what the document says.
    pub view_fits: bool,
    /// How many changes make the document.
    pub changes: u64,
}
