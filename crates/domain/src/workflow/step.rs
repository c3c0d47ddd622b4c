//! What a step is.

use serde::{Deserialize, Serialize};

use super::stage::Stage;
use super::steps::STEPS;
use crate::id::Department;
use crate::reference::Role;

/// Declares [`Step`] with the code and the Chinese name of each.
macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident $code:literal $zh:literal,)*) => {
        /// A workflow step.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Step {
            $($(#[$doc])* #[doc = $zh] $name,)*
        }

        impl Step {
            /// Every step.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The step's code.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// The step's name in Chinese.
            pub const fn zh(self) -> &'static str {
                match self {
                    $(Self::$name => $zh,)*
                }
            }
        }
    };
}

steps! {
    Report "report" "上报",
    SelfHandle "self_handle" "自行处置",
    AskVerify "ask_verify" "要求核实",
    Verify "verify" "核实",
    Accept "accept" "受理",
    Register "register" "立案",
    Reject "reject" "不予立案",
    Dispatch "dispatch" "派遣",
    Forward "forward" "转办",
    Return "return" "回退",
    Join "join" "联合处置",
    FinishPart "finish_part" "协办反馈",
    Feedback "feedback" "反馈",
    CheckPass "check_pass" "核查通过",
    CheckFail "check_fail" "返工",
    Close "close" "结案",
    ForceClose "force_close" "强制结案",
    Reopen "reopen" "重办",
    AskExtension "ask_extension" "申请延期",
    GrantExtension "grant_extension" "准予延期",
    DenyExtension "deny_extension" "不予延期",
    AskSuspension "ask_suspension" "申请挂账",
    GrantSuspension "grant_suspension" "准予挂账",
    DenySuspension "deny_suspension" "不予挂账",
    Resume "resume" "恢复办理",
    Urge "urge" "催办",
    Supervise "supervise" "督办",
    AnswerSupervision "answer_supervision" "督办回复",
    Escalate "escalate" "升级",
    CaseLead "case_lead" "包案",
    Whistle "whistle" "吹哨",
    Respond "respond" "响应",
    ReportIn "report_in" "报到",
    FinishCall "finish_call" "哨应办结",
    RateCall "rate_call" "评价",
    BeginMediation "begin_mediation" "启动调解",
    Mediate "mediate" "调解",
    Agree "agree" "达成协议",
    FailMediation "fail_mediation" "调解不成",
    Consult "consult" "协商",
    Callback "callback" "回访",
    Appeal "appeal" "申诉",
    ReviewAppeal "review_appeal" "申诉复核",
    MarkDuplicate "mark_duplicate" "重复件",
    Link "link" "关联",
    Void "void" "作废",
    Withdraw "withdraw" "撤回",
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
    /// A handler of a department that was called to the place.
    CalledDepartment,
    /// A handler of a department that takes part.
    JoinedDepartment,
}

/// What must be said with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Why.
    Reason,
    /// What was done or found.
    Result,
    /// A minor class and a filing condition of the catalogue.
    Category,
    /// A department of the catalogue.
    Department,
    /// Departments of the catalogue, at least one.
    Departments,
    /// Yes or no.
    Answer,
    /// An amount of time.
    Limit,
    /// A rating from 1 to 5.
    Rating,
    /// A level of supervision from 1 to 3.
    Supervision,
    /// An area level above the one that has the case.
    Level,
    /// A person.
    Person,
    /// Another case.
    Case,
    /// At least two parties.
    Parties,
    /// A meeting: what it was about, who took part, what it resolved.
    Meeting,
    /// The proposal that is taken back.
    Target,
}

/// What must be so, besides the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nobody waits for an answer to a request.
    NothingIsAsked,
    /// An extension was asked for.
    ExtensionIsAsked,
    /// A suspension was asked for.
    SuspensionIsAsked,
    /// The case is supervised, and the department has not answered.
    SupervisionIsOpen,
    /// None of the named departments was called.
    NobodyIsCalledTwice,
    /// The handler's department was called and has not said that it comes.
    CallIsNew,
    /// It was called and is not at the place.
    CallIsUnderWay,
    /// It is at the place and has not finished.
    CallIsAtThePlace,
    /// The named department has finished.
    CallIsFinished,
    /// None of the named departments takes part already, nor has the case.
    NobodyJoinsTwice,
    /// The handler's department takes part and has not done its part.
    PartIsOpen,
    /// Every department that takes part has done its part.
    PartsAreDone,
    /// There was no appeal.
    NoAppealYet,
    /// There is an appeal, and this person may review it.
    AppealIsTheirsToReview,
    /// The person did not handle the case.
    NotOwnWork,
}

/// What an accepted step changes besides the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The proposer is the reporter.
    SetReporter,
    /// Somebody went there and found it so, or not.
    SetVerified,
    /// The case is filed under the named category; its limit runs from here.
    File,
    /// An office has answered whoever reported it.
    AnswerReporter,
    /// The named department has the case.
    GiveToDepartment,
    /// It came back from a department that it was not for.
    CountReturn,
    /// No department has the case.
    TakeFromDepartment,
    /// The proposer handled the case and may not check it.
    SetHandler,
    /// One rework more.
    CountRework,
    /// The department waits for an extension.
    AskExtension,
    /// The limit is longer by what was asked for, or by what is granted.
    Extend,
    /// The department waits for a suspension.
    AskSuspension,
    /// The limit stands still, and where the case goes on is kept.
    Suspend,
    /// The limit runs again, and the case goes on where it stood.
    GoOn,
    /// Nobody waits for an answer any more.
    Answered,
    /// Urged once more.
    CountUrge,
    /// Somebody watches.
    Supervise,
    /// The department answered whoever watches.
    AnswerSupervision,
    /// A higher level has it.
    Raise,
    /// A leader answers for it.
    PutInCharge,
    /// Departments are called.
    Call,
    /// The department says that it comes.
    Respond,
    /// The department is at the place.
    ReportIn,
    /// The department has done what it was called for.
    FinishCall,
    /// The street says what it thinks of it.
    RateCall,
    /// Departments take part.
    Join,
    /// The department has done its part.
    FinishPart,
    /// Parties are heard.
    BeginMediation,
    /// They sat together once more.
    CountSession,
    /// They agreed.
    Agree,
    /// They did not agree.
    Disagree,
    /// There was a meeting about it.
    CountMeeting,
    /// The resident was asked.
    NoteCallback,
    /// Somebody disagrees with how it ended.
    Appeal,
    /// Somebody reviewed the appeal.
    Review,
    /// It repeats another case.
    NoteDuplicate,
    /// It belongs together with another case.
    Link,
    /// It is over.
    End,
    /// It was closed by force.
    Force,
    /// It was opened again: what was decided at its end is not valid any more.
    Reopen,
}

/// Where a step leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// To this stage.
    Stage(Stage),
    /// The case stays where it is.
    Stays,
    /// Where it stood before it was suspended or mediated.
    Back,
    /// Where [`StepRule::undone_to`] of the withdrawn step says.
    Undone,
}

/// One row of the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepRule {
    /// The step.
    pub step: Step,
    /// Stages in which it may be taken.
    pub from: &'static [Stage],
    /// Where it leads.
    pub to: To,
    /// Who may take it.
    pub by: &'static [Who],
    /// What must be said with it.
    pub needs: &'static [Need],
    /// What must be so besides.
    pub guards: &'static [Guard],
    /// What else it changes.
    pub effects: &'static [Effect],
    /// Where the case goes when the step is withdrawn; `None` if it cannot be.
    pub undone_to: Option<Stage>,
}

impl Step {
    /// The step's row.
    pub fn rule(self) -> &'static StepRule {
        STEPS
            .iter()
            .find(|row| row.step == self)
            .expect("a test asserts that STEPS has a row for every step")
    }

    /// The step of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|step| step.code() == code)
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
        for step in Step::ALL {
            let rows = STEPS.iter().filter(|row| row.step == *step).count();
            assert_eq!(rows, 1, "{step:?}");
            assert_eq!(Step::from_code(step.code()), Some(*step));
            let json = serde_json::to_string(step).unwrap();
            assert_eq!(json, format!("\"{}\"", step.code()));
        }
        assert_eq!(STEPS.len(), Step::ALL.len());
    }

    #[test]
    fn whoever_a_stage_waits_for_has_a_step_that_moves_the_case_on() {
        for stage in Stage::ALL {
            let moves_it = |role: &Role| {
                let may = |who: &Who| match who {
                    Who::Field => role.is_field(),
                    Who::Role(asked) => asked == role,
                    Who::HandlingDepartment => *role == Role::Handler,
                    _ => false,
                };
                STEPS.iter().any(|row| {
                    row.to != To::Stays && row.from.contains(&stage) && row.by.iter().any(may)
                })
            };
            assert!(stage.waits_for().iter().all(moves_it), "{stage:?}");
            let is_quiet = stage.is_over() || matches!(stage, Stage::Unreported | Stage::Suspended);
            assert_eq!(stage.waits_for().is_empty(), is_quiet, "{stage:?}");
        }
    }

    #[test]
    fn every_stage_but_the_first_can_be_reached() {
        for stage in Stage::ALL {
            let reached = STEPS
                .iter()
                .any(|row| row.to == To::Stage(stage) || row.undone_to == Some(stage));
            assert!(reached || stage == Stage::Unreported, "{stage:?}");
        }
    }
}
