//! Steps: one row each.

use serde::{Deserialize, Serialize};

use super::stage::Stage;
use crate::id::Department;
use crate::reference::Role;

/// A workflow step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// 上报
    Report,
    /// 自行处置
    SelfHandle,
    /// 立案
    Register,
    /// 不予立案
    Reject,
    /// 派遣
    Dispatch,
    /// 回退
    Return,
    /// 反馈
    Feedback,
    /// 核查通过
    CheckPass,
    /// 返工
    CheckFail,
    /// 结案
    Close,
    /// 作废
    Void,
    /// 撤回
    Withdraw,
}

/// Who may take a step. Roles count where they cover the case's area at the time of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The author of the record.
    Author,
    /// Who took the step that is withdrawn.
    WhoTookIt,
    /// Any worker or lead of the grid.
    Field,
    /// Anyone with this role.
    Role(Role),
    /// A handler of the department that has the case.
    HandlingDepartment,
}

/// What must be said with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Why.
    Reason,
    /// What was done.
    Result,
    /// A minor class and a filing condition of the catalogue.
    Category,
    /// A department of the catalogue.
    Department,
    /// The proposal that is taken back.
    Target,
}

/// What an accepted step changes besides the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The proposer is the reporter.
    SetReporter,
    /// The case is filed under the named category; its limit runs from here.
    File,
    /// The named department has the case.
    GiveToDepartment,
    /// No department has the case.
    TakeFromDepartment,
    /// The proposer handled the case and may not check it.
    SetHandler,
    /// One rework more.
    CountRework,
}

/// One row of the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepRule {
    /// The step.
    pub step: Step,
    /// Its name in Chinese.
    pub zh: &'static str,
    /// Stages in which it may be taken.
    pub from: &'static [Stage],
    /// The stage that it leads to. A withdrawal leads where [`StepRule::undone_to`] of the
    /// withdrawn step says.
    pub to: Stage,
    /// Who may take it.
    pub by: &'static [Who],
    /// What must be said with it.
    pub needs: &'static [Need],
    /// What else it changes.
    pub effects: &'static [Effect],
    /// Where the case goes when the step is withdrawn; `None` if it cannot be.
    pub undone_to: Option<Stage>,
}

const ROW: StepRule = StepRule {
    step: Step::Report,
    zh: "",
    from: &[],
    to: Stage::Unreported,
    by: &[],
    needs: &[],
    effects: &[],
    undone_to: None,
};

/// Every step.
pub const STEPS: [StepRule; 12] = [
    StepRule {
        step: Step::Report,
        zh: "上报",
        from: &[Stage::Unreported, Stage::Withdrawn],
        to: Stage::Reported,
        by: &[Who::Author, Who::Field],
        effects: &[Effect::SetReporter],
        undone_to: Some(Stage::Withdrawn),
        ..ROW
    },
    StepRule {
        step: Step::SelfHandle,
        zh: "自行处置",
        from: &[Stage::Unreported, Stage::Withdrawn],
        to: Stage::SelfHandled,
        by: &[Who::Author, Who::Field],
        needs: &[Need::Result],
        effects: &[Effect::SetReporter, Effect::SetHandler],
        ..ROW
    },
    StepRule {
        step: Step::Register,
        zh: "立案",
        from: &[Stage::Reported],
        to: Stage::Registered,
        by: &[Who::Role(Role::Acceptor)],
        needs: &[Need::Category],
        effects: &[Effect::File],
        ..ROW
    },
    StepRule {
        step: Step::Reject,
        zh: "不予立案",
        from: &[Stage::Reported],
        to: Stage::Rejected,
        by: &[Who::Role(Role::Acceptor)],
        needs: &[Need::Reason],
        ..ROW
    },
    StepRule {
        step: Step::Dispatch,
        zh: "派遣",
        from: &[Stage::Registered],
        to: Stage::Dispatched,
        by: &[Who::Role(Role::Dispatcher)],
        needs: &[Need::Department],
        effects: &[Effect::GiveToDepartment],
        ..ROW
    },
    StepRule {
        step: Step::Return,
        zh: "回退",
        from: &[Stage::Dispatched],
        to: Stage::Registered,
        by: &[Who::HandlingDepartment],
        needs: &[Need::Reason],
        effects: &[Effect::TakeFromDepartment],
        ..ROW
    },
    StepRule {
        step: Step::Feedback,
        zh: "反馈",
        from: &[Stage::Dispatched],
        to: Stage::Handled,
        by: &[Who::HandlingDepartment],
        needs: &[Need::Result],
        effects: &[Effect::SetHandler],
        undone_to: Some(Stage::Dispatched),
    },
    StepRule {
        step: Step::CheckPass,
        zh: "核查通过",
        from: &[Stage::Handled],
        to: Stage::Checked,
        by: &[Who::Role(Role::Checker)],
        ..ROW
    },
    StepRule {
        step: Step::CheckFail,
        zh: "返工",
        from: &[Stage::Handled],
        to: Stage::Dispatched,
        by: &[Who::Role(Role::Checker)],
        needs: &[Need::Reason],
        effects: &[Effect::CountRework],
        ..ROW
    },
    StepRule {
        step: Step::Close,
        zh: "结案",
        from: &[Stage::Checked],
        to: Stage::Closed,
        by: &[Who::Role(Role::DutyOfficer)],
        ..ROW
    },
    StepRule {
        step: Step::Void,
        zh: "作废",
        from: &[
            Stage::Unreported,
            Stage::Withdrawn,
            Stage::Reported,
            Stage::Registered,
        ],
        to: Stage::Void,
        by: &[
            Who::Author,
            Who::Role(Role::GridLead),
            Who::Role(Role::DutyOfficer),
        ],
        needs: &[Need::Reason],
        ..ROW
    },
    StepRule {
        step: Step::Withdraw,
        zh: "撤回",
        from: &[Stage::Reported, Stage::Handled],
        to: Stage::Withdrawn,
        by: &[Who::WhoTookIt],
        needs: &[Need::Target],
        ..ROW
    },
];

impl Step {
    /// The step's row.
    pub fn rule(self) -> &'static StepRule {
        STEPS
            .iter()
            .find(|row| row.step == self)
            .expect("a test asserts that STEPS has a row for every step")
    }

    /// The step's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::SelfHandle => "self_handle",
            Self::Register => "register",
            Self::Reject => "reject",
            Self::Dispatch => "dispatch",
            Self::Return => "return",
            Self::Feedback => "feedback",
            Self::CheckPass => "check_pass",
            Self::CheckFail => "check_fail",
            Self::Close => "close",
            Self::Void => "void",
            Self::Withdraw => "withdraw",
        }
    }

    /// The step of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        STEPS
            .iter()
            .map(|row| row.step)
            .find(|step| step.code() == code)
    }

    /// The step's name in Chinese.
    pub fn zh(self) -> &'static str {
        self.rule().zh
    }
}

/// A role that a person held, at the time of a step, over the area of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRole {
    /// The role.
    pub role: Role,
    /// For a handler, the department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Department>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_exactly_one_row_and_its_own_code() {
        // The match in `code` makes the compiler ask for new steps; this asks for their rows.
        for row in STEPS {
            assert_eq!(
                STEPS.iter().filter(|other| other.step == row.step).count(),
                1
            );
            assert_eq!(Step::from_code(row.step.code()), Some(row.step));
            assert_eq!(row.step.rule(), &row);
        }
        assert_eq!(STEPS.len(), Step::Withdraw as usize + 1);
    }

    #[test]
    fn every_stage_but_the_first_can_be_reached() {
        for stage in Stage::ALL {
            let reached = STEPS.iter().any(|row| row.to == stage);
            assert!(reached || stage == Stage::Unreported, "{stage:?}");
        }
    }
}
