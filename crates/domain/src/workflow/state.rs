//! What the authority has ruled about a case so far.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::stage::Stage;
use super::step::Step;
use crate::deadline::Course;
use crate::id::{Department, EntryId, PersonId, RecordId};
use crate::reference::{AreaLevel, Limit};
use crate::time::CountedTime;

/// The last accepted step that moved the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastStep {
    /// The proposal that asked for it.
    pub proposal: EntryId,
    /// The step.
    pub step: Step,
    /// Who asked.
    pub by: PersonId,
    /// When it counts.
    pub at: CountedTime,
}

/// What a department waits for: more time, or that the case is put on the problem list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Asked {
    /// 申请延期
    Extension {
        /// How much more time.
        limit: Limit,
        /// Who asked.
        by: PersonId,
    },
    /// 申请挂账
    Suspension {
        /// Who asked.
        by: PersonId,
    },
}

/// 督办: somebody above watches the case and wants an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervision {
    /// From 1, the lightest, to 3.
    pub level: u8,
    /// Since when.
    pub since: CountedTime,
    /// How soon an answer is due.
    pub reply_within: Limit,
    /// Whether the answer was due and had not come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// When the department answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<CountedTime>,
}

/// 吹哨: a street calls a department to the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// When it was called.
    pub called: CountedTime,
    /// 响应: when it said that it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responded: Option<CountedTime>,
    /// 报到: when it was at the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_in: Option<CountedTime>,
    /// When it had done what it was called for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<CountedTime>,
    /// 评价: what the street says of it, 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<u8>,
}

/// 调解: parties, sessions and what came of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mediation {
    /// The parties, as `contact` records.
    pub parties: BTreeSet<RecordId>,
    /// How often they sat together.
    pub sessions: u32,
    /// When it ended, one way or the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<CountedTime>,
    /// Whether they agreed; `None` while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<bool>,
}

/// One review of an appeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Who reviewed it.
    pub by: PersonId,
    /// Whether the appeal is right in their eyes.
    pub upholds: bool,
}

/// 申诉: a department or the reporter disagrees with how the case ended. It changes what is thought of the
/// case, never what happened: an overdue case stays overdue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appeal {
    /// Who appealed.
    pub by: PersonId,
    /// When.
    pub at: CountedTime,
    /// At most two, by different people.
    #[serde(default)]
    pub reviews: Vec<Review>,
}

impl Appeal {
    /// Whether it is upheld: both reviewers must say so. `None` until both have reviewed it.
    pub fn outcome(&self) -> Option<bool> {
        match &self.reviews[..] {
            [first, second, ..] => Some(first.upholds && second.upholds),
            _ => None,
        }
    }
}

/// 回访: what the resident says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// When they were asked.
    pub at: CountedTime,
    /// Whether it is solved in their eyes.
    pub solved: bool,
    /// 1 to 5.
    pub rating: u8,
}

/// What the authority has ruled about a case so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseState {
    /// Where it stands.
    pub stage: Stage,
    /// Who reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<PersonId>,
    /// When it was reported, or dealt with on the spot, first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<CountedTime>,
    /// When an office first answered: accepted, filed, rejected it, or sent somebody to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<CountedTime>,
    /// 核实: whether somebody who went there found it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Minor class that it is filed under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Filing condition; it decides the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// When it was filed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed_at: Option<CountedTime>,
    /// The limit for handling it, on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
    /// The department that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Department>,
    /// When it was first given to a department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatched_at: Option<CountedTime>,
    /// How often a department said that it is not theirs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub returns: u32,
    /// Who handled it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<PersonId>,
    /// When it was handled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_at: Option<CountedTime>,
    /// 超期: the deadline that passed before the log knew of any handling. It stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_ms: Option<i64>,
    /// Whether it turned out that the work had been done by that deadline: it came late, from a phone
    /// without signal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done_in_time: bool,
    /// Whether it stands in its stage for longer than an office has for that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stage_overdue: bool,
    /// How often it was sent back for rework.
    #[serde(default)]
    pub reworks: u32,
    /// What a department waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Where it goes on when it stands still no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on_at: Option<Stage>,
    /// How often it was urged.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub urges: u32,
    /// 协商: how many meetings there were about it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub meetings: u32,
    /// Who watches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervision: Option<Supervision>,
    /// The level that it was escalated to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<AreaLevel>,
    /// 包案: the leader who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<PersonId>,
    /// Departments that were called to the place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<Department, Call>,
    /// Departments that take part, and whether each has done its part. The department that has the
    /// case leads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<Department, bool>,
    /// Its mediation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mediation: Option<Mediation>,
    /// Its one appeal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appeal: Option<Appeal>,
    /// What the resident said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
    /// The case that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<RecordId>,
    /// Cases that belong together with it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub linked: BTreeSet<RecordId>,
    /// How often it was opened again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reopened: u32,
    /// When it was closed; `None` while it is open, or open again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<CountedTime>,
    /// Whether it was closed by force.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
    /// The last accepted step that moved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastStep>,
}

impl CaseState {
    /// Every department that has to do with the case now: the one that has it, those that take part
    /// and those that were called. They see it.
    pub fn departments(&self) -> impl Iterator<Item = &Department> {
        self.department
            .iter()
            .chain(self.parts.keys())
            .chain(self.calls.keys())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}
