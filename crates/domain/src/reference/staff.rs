//! People, their roles and dated assignments (DESIGN section 4).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{AreaCode, Department, PersonId};

/// What a person does in an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 网格员 patrol worker.
    GridWorker,
    /// 副网格长 deputy grid lead.
    DeputyLead,
    /// 网格长 grid lead.
    GridLead,
    /// 受理员 acceptor: registers or rejects what is reported.
    Acceptor,
    /// 派遣员 dispatcher: gives a case to a department.
    Dispatcher,
    /// 处置人员 handler: acts for a department.
    Handler,
    /// 核查员 checker: looks at what was done.
    Checker,
    /// 值班长 duty officer: closes and voids cases, looks after the review list.
    DutyOfficer,
    /// 管理员 administrator: directory and accounts.
    Administrator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 9] = [
        Self::GridWorker,
        Self::DeputyLead,
        Self::GridLead,
        Self::Acceptor,
        Self::Dispatcher,
        Self::Handler,
        Self::Checker,
        Self::DutyOfficer,
        Self::Administrator,
    ];

    /// The role's code, as in the directory's CSV.
    pub const fn code(self) -> &'static str {
        match self {
            Self::GridWorker => "grid_worker",
            Self::DeputyLead => "deputy_lead",
            Self::GridLead => "grid_lead",
            Self::Acceptor => "acceptor",
            Self::Dispatcher => "dispatcher",
            Self::Handler => "handler",
            Self::Checker => "checker",
            Self::DutyOfficer => "duty_officer",
            Self::Administrator => "administrator",
        }
    }

    /// The role of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// The role's name in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::GridWorker => "网格员",
            Self::DeputyLead => "副网格长",
            Self::GridLead => "网格长",
            Self::Acceptor => "受理员",
            Self::Dispatcher => "派遣员",
            Self::Handler => "处置人员",
            Self::Checker => "核查员",
            Self::DutyOfficer => "值班长",
            Self::Administrator => "管理员",
        }
    }

    /// Whether the role walks a grid and writes patrols and visits.
    pub const fn is_field(self) -> bool {
        matches!(self, Self::GridWorker | Self::DeputyLead | Self::GridLead)
    }
}

/// A dated role of a person in an area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// What the person does.
    pub role: Role,
    /// Where; the assignment covers every area inside it.
    pub area: AreaCode,
    /// For a [`Role::Handler`], the department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Department>,
    /// First moment, milliseconds since the Unix epoch, inclusive.
    pub valid_from_ms: i64,
    /// End, exclusive; `None` while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to_ms: Option<i64>,
}

impl Assignment {
    /// Whether the assignment holds at `at_ms`.
    pub fn is_valid_at(&self, at_ms: i64) -> bool {
        self.valid_from_ms <= at_ms && self.valid_to_ms.is_none_or(|end| at_ms < end)
    }
}

/// A member of the staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Staff number.
    pub id: PersonId,
    /// Name as colleagues see it.
    pub name: String,
    /// False for a disabled account: it pulls nothing, and what it pushes waits in review.
    pub enabled: bool,
    /// Roles, past ones included.
    pub assignments: Vec<Assignment>,
}

/// The name and places of a colleague, as phones carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffName {
    /// Name as colleagues see it.
    pub name: String,
    /// Roles that hold now, with their areas.
    pub roles: Vec<(Role, AreaCode)>,
}

/// Names of the staff, by staff number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// Who is who.
    pub people: BTreeMap<PersonId, StaffName>,
}
