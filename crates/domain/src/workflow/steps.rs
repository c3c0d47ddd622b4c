//! The workflow: one row for each step.

use super::stage::Stage;
use super::step::{Effect, Guard, Need, Step, StepRule, To, Who};
use crate::reference::Role;

/// Not reported yet, or not any more.
const BEFORE: &[Stage] = &[Stage::Unreported, Stage::Withdrawn];
/// An acceptor is to decide.
const INCOMING: &[Stage] = &[Stage::Reported, Stage::Accepted];
/// Somebody works on it, or is to.
const AT_WORK: &[Stage] = &[
    Stage::Registered,
    Stage::Dispatched,
    Stage::Mediating,
    Stage::Handled,
    Stage::Checked,
];
/// It is filed and not over.
const OPEN: &[Stage] = &[
    Stage::Registered,
    Stage::Dispatched,
    Stage::Mediating,
    Stage::Suspended,
    Stage::Handled,
    Stage::Checked,
];
/// It is over, or nearly.
const ENDING: &[Stage] = &[Stage::Handled, Stage::Checked, Stage::Closed];
/// Reported and not over.
const ALIVE: &[Stage] = &[
    Stage::Reported,
    Stage::Verifying,
    Stage::Accepted,
    Stage::Registered,
    Stage::Dispatched,
    Stage::Mediating,
    Stage::Suspended,
    Stage::Handled,
    Stage::Checked,
];

const ACCEPTOR: Who = Who::Role(Role::Acceptor);
const DISPATCHER: Who = Who::Role(Role::Dispatcher);
const CHECKER: Who = Who::Role(Role::Checker);
const DUTY_OFFICER: Who = Who::Role(Role::DutyOfficer);

const ROW: StepRule = StepRule {
    step: Step::Report,
    from: &[],
    to: To::Stays,
    by: &[],
    needs: &[],
    guards: &[],
    effects: &[],
    undone_to: None,
};

/// Every step.
pub const STEPS: &[StepRule] = &[
    StepRule {
        step: Step::Report,
        from: BEFORE,
        to: To::Stage(Stage::Reported),
        by: &[Who::Author, Who::Field],
        effects: &[Effect::SetReporter],
        undone_to: Some(Stage::Withdrawn),
        ..ROW
    },
    StepRule {
        step: Step::SelfHandle,
        from: BEFORE,
        to: To::Stage(Stage::SelfHandled),
        by: &[Who::Author, Who::Field],
        needs: &[Need::Result],
        effects: &[Effect::SetReporter, Effect::SetHandler],
        ..ROW
    },
    StepRule {
        step: Step::AskVerify,
        from: INCOMING,
        to: To::Stage(Stage::Verifying),
        by: &[ACCEPTOR],
        effects: &[Effect::AnswerReporter],
        ..ROW
    },
    StepRule {
        step: Step::Verify,
        from: &[Stage::Verifying],
        to: To::Stage(Stage::Accepted),
        by: &[Who::Field, CHECKER],
        needs: &[Need::Result, Need::Answer],
        effects: &[Effect::SetVerified],
        undone_to: Some(Stage::Verifying),
        ..ROW
    },
    StepRule {
        step: Step::Accept,
        from: &[Stage::Reported],
        to: To::Stage(Stage::Accepted),
        by: &[ACCEPTOR],
        effects: &[Effect::AnswerReporter],
        ..ROW
    },
    StepRule {
        step: Step::Register,
        from: INCOMING,
        to: To::Stage(Stage::Registered),
        by: &[ACCEPTOR],
        needs: &[Need::Category],
        effects: &[Effect::AnswerReporter, Effect::File],
        ..ROW
    },
    StepRule {
        step: Step::Reject,
        from: INCOMING,
        to: To::Stage(Stage::Rejected),
        by: &[ACCEPTOR],
        needs: &[Need::Reason],
        effects: &[Effect::AnswerReporter],
        ..ROW
    },
    StepRule {
        step: Step::Dispatch,
        from: &[Stage::Registered],
        to: To::Stage(Stage::Dispatched),
        by: &[DISPATCHER],
        needs: &[Need::Department],
        effects: &[Effect::GiveToDepartment],
        ..ROW
    },
    StepRule {
        step: Step::Forward,
        from: &[Stage::Dispatched],
        to: To::Stays,
        by: &[DISPATCHER, Who::HandlingDepartment],
        needs: &[Need::Department, Need::Reason],
        guards: &[Guard::NothingIsAsked, Guard::PartsAreDone],
        effects: &[Effect::GiveToDepartment],
        ..ROW
    },
    StepRule {
        step: Step::Return,
        from: &[Stage::Dispatched],
        to: To::Stage(Stage::Registered),
        by: &[Who::HandlingDepartment],
        needs: &[Need::Reason],
        effects: &[
            Effect::CountReturn,
            Effect::TakeFromDepartment,
            Effect::Answered,
        ],
        ..ROW
    },
    StepRule {
        step: Step::Join,
        from: &[Stage::Dispatched],
        by: &[DISPATCHER, DUTY_OFFICER],
        needs: &[Need::Departments],
        guards: &[Guard::NobodyJoinsTwice],
        effects: &[Effect::Join],
        ..ROW
    },
    StepRule {
        step: Step::FinishPart,
        from: &[Stage::Dispatched],
        by: &[Who::JoinedDepartment],
        needs: &[Need::Result],
        guards: &[Guard::PartIsOpen],
        effects: &[Effect::FinishPart],
        ..ROW
    },
    StepRule {
        step: Step::Feedback,
        from: &[Stage::Dispatched],
        to: To::Stage(Stage::Handled),
        by: &[Who::HandlingDepartment],
        needs: &[Need::Result],
        guards: &[Guard::PartsAreDone],
        effects: &[Effect::SetHandler, Effect::Answered],
        undone_to: Some(Stage::Dispatched),
    },
    StepRule {
        step: Step::CheckPass,
        from: &[Stage::Handled],
        to: To::Stage(Stage::Checked),
        by: &[CHECKER],
        guards: &[Guard::NotOwnWork],
        ..ROW
    },
    StepRule {
        step: Step::CheckFail,
        from: &[Stage::Handled],
        to: To::Stage(Stage::Dispatched),
        by: &[CHECKER],
        needs: &[Need::Reason],
        guards: &[Guard::NotOwnWork],
        effects: &[Effect::CountRework],
        ..ROW
    },
    StepRule {
        step: Step::Close,
        from: &[Stage::Checked],
        to: To::Stage(Stage::Closed),
        by: &[DUTY_OFFICER],
        effects: &[Effect::End],
        ..ROW
    },
    StepRule {
        step: Step::ForceClose,
        from: OPEN,
        to: To::Stage(Stage::Closed),
        by: &[DUTY_OFFICER],
        needs: &[Need::Reason],
        effects: &[Effect::End, Effect::Force, Effect::Answered],
        ..ROW
    },
    StepRule {
        step: Step::Reopen,
        from: &[Stage::Closed, Stage::SelfHandled, Stage::Rejected],
        to: To::Stage(Stage::Reported),
        by: &[DUTY_OFFICER],
        needs: &[Need::Reason],
        effects: &[Effect::Reopen, Effect::TakeFromDepartment],
        ..ROW
    },
    StepRule {
        step: Step::AskExtension,
        from: &[Stage::Dispatched],
        by: &[Who::HandlingDepartment],
        needs: &[Need::Reason, Need::Limit],
        guards: &[Guard::NothingIsAsked],
        effects: &[Effect::AskExtension],
        ..ROW
    },
    StepRule {
        step: Step::GrantExtension,
        from: &[Stage::Dispatched],
        by: &[DUTY_OFFICER],
        guards: &[Guard::ExtensionIsAsked],
        effects: &[Effect::Extend, Effect::Answered],
        ..ROW
    },
    StepRule {
        step: Step::DenyExtension,
        from: &[Stage::Dispatched],
        by: &[DUTY_OFFICER],
        needs: &[Need::Reason],
        guards: &[Guard::ExtensionIsAsked],
        effects: &[Effect::Answered],
        ..ROW
    },
    StepRule {
        step: Step::AskSuspension,
        from: &[Stage::Dispatched],
        by: &[Who::HandlingDepartment],
        needs: &[Need::Reason],
        guards: &[Guard::NothingIsAsked],
        effects: &[Effect::AskSuspension],
        ..ROW
    },
    StepRule {
        step: Step::GrantSuspension,
        from: &[Stage::Dispatched],
        to: To::Stage(Stage::Suspended),
        by: &[DUTY_OFFICER],
        needs: &[Need::Reason],
        guards: &[Guard::SuspensionIsAsked],
        effects: &[Effect::Suspend, Effect::Answered],
        ..ROW
    },
    StepRule {
        step: Step::DenySuspension,
        from: &[Stage::Dispatched],
        by: &[DUTY_OFFICER],
        needs: &[Need::Reason],
        guards: &[Guard::SuspensionIsAsked],
        effects: &[Effect::Answered],
        ..ROW
    },
    StepRule {
        step: Step::Resume,
        from: &[Stage::Suspended],
        to: To::Back,
        by: &[Who::HandlingDepartment, DUTY_OFFICER],
        effects: &[Effect::GoOn],
        ..ROW
    },
    StepRule {
        step: Step::Urge,
        from: ALIVE,
        by: &[ACCEPTOR, DISPATCHER, DUTY_OFFICER],
        effects: &[Effect::CountUrge],
        ..ROW
    },
    StepRule {
        step: Step::Supervise,
        from: OPEN,
        by: &[DUTY_OFFICER],
        needs: &[Need::Reason, Need::Supervision, Need::Limit],
        effects: &[Effect::Supervise],
        ..ROW
    },
    StepRule {
        step: Step::AnswerSupervision,
        from: OPEN,
        by: &[Who::HandlingDepartment],
        needs: &[Need::Result],
        guards: &[Guard::SupervisionIsOpen],
        effects: &[Effect::AnswerSupervision],
        ..ROW
    },
    StepRule {
        step: Step::Escalate,
        from: ALIVE,
        by: &[Who::Field, ACCEPTOR, DISPATCHER, DUTY_OFFICER],
        needs: &[Need::Reason, Need::Level],
        effects: &[Effect::Raise],
        ..ROW
    },
    StepRule {
        step: Step::CaseLead,
        from: ALIVE,
        by: &[DUTY_OFFICER],
        needs: &[Need::Person],
        effects: &[Effect::PutInCharge],
        ..ROW
    },
    StepRule {
        step: Step::Whistle,
        from: AT_WORK,
        by: &[DISPATCHER, DUTY_OFFICER],
        needs: &[Need::Reason, Need::Departments],
        guards: &[Guard::NobodyIsCalledTwice],
        effects: &[Effect::Call],
        ..ROW
    },
    StepRule {
        step: Step::Respond,
        from: OPEN,
        by: &[Who::CalledDepartment],
        guards: &[Guard::CallIsNew],
        effects: &[Effect::Respond],
        ..ROW
    },
    StepRule {
        step: Step::ReportIn,
        from: OPEN,
        by: &[Who::CalledDepartment],
        guards: &[Guard::CallIsUnderWay],
        effects: &[Effect::ReportIn],
        ..ROW
    },
    StepRule {
        step: Step::FinishCall,
        from: OPEN,
        by: &[Who::CalledDepartment],
        needs: &[Need::Result],
        guards: &[Guard::CallIsAtThePlace],
        effects: &[Effect::FinishCall],
        ..ROW
    },
    StepRule {
        step: Step::RateCall,
        from: &[
            Stage::Registered,
            Stage::Dispatched,
            Stage::Mediating,
            Stage::Suspended,
            Stage::Handled,
            Stage::Checked,
            Stage::Closed,
        ],
        by: &[DISPATCHER, DUTY_OFFICER],
        needs: &[Need::Department, Need::Rating],
        guards: &[Guard::CallIsFinished],
        effects: &[Effect::RateCall],
        ..ROW
    },
    StepRule {
        step: Step::BeginMediation,
        from: &[Stage::Registered, Stage::Dispatched],
        to: To::Stage(Stage::Mediating),
        by: &[Who::Field, DISPATCHER, Who::HandlingDepartment],
        needs: &[Need::Parties],
        guards: &[Guard::NothingIsAsked],
        effects: &[Effect::BeginMediation],
        ..ROW
    },
    StepRule {
        step: Step::Mediate,
        from: &[Stage::Mediating],
        by: &[Who::Field, DISPATCHER, Who::HandlingDepartment],
        needs: &[Need::Result],
        effects: &[Effect::CountSession],
        ..ROW
    },
    StepRule {
        step: Step::Agree,
        from: &[Stage::Mediating],
        to: To::Stage(Stage::Handled),
        by: &[Who::Field, DISPATCHER, Who::HandlingDepartment],
        needs: &[Need::Result],
        effects: &[Effect::Agree, Effect::SetHandler],
        ..ROW
    },
    StepRule {
        step: Step::FailMediation,
        from: &[Stage::Mediating],
        to: To::Back,
        by: &[Who::Field, DISPATCHER, Who::HandlingDepartment],
        needs: &[Need::Reason],
        effects: &[Effect::Disagree],
        ..ROW
    },
    StepRule {
        step: Step::Consult,
        from: AT_WORK,
        by: &[Who::Field, DISPATCHER, DUTY_OFFICER],
        needs: &[Need::Meeting],
        effects: &[Effect::CountMeeting],
        ..ROW
    },
    StepRule {
        step: Step::Callback,
        from: ENDING,
        by: &[ACCEPTOR, DUTY_OFFICER],
        needs: &[Need::Answer, Need::Rating],
        guards: &[Guard::NotOwnWork],
        effects: &[Effect::NoteCallback],
        ..ROW
    },
    StepRule {
        step: Step::Appeal,
        from: &[Stage::Closed],
        by: &[Who::HandlingDepartment, Who::Author],
        needs: &[Need::Reason],
        guards: &[Guard::NoAppealYet],
        effects: &[Effect::Appeal],
        ..ROW
    },
    StepRule {
        step: Step::ReviewAppeal,
        from: &[Stage::Closed],
        by: &[CHECKER, DUTY_OFFICER],
        needs: &[Need::Answer, Need::Reason],
        guards: &[Guard::AppealIsTheirsToReview],
        effects: &[Effect::Review],
        ..ROW
    },
    StepRule {
        step: Step::MarkDuplicate,
        from: &[
            Stage::Reported,
            Stage::Verifying,
            Stage::Accepted,
            Stage::Registered,
        ],
        to: To::Stage(Stage::Duplicate),
        by: &[ACCEPTOR, DUTY_OFFICER],
        needs: &[Need::Case],
        effects: &[Effect::AnswerReporter, Effect::NoteDuplicate],
        ..ROW
    },
    StepRule {
        step: Step::Link,
        from: &[
            Stage::Reported,
            Stage::Verifying,
            Stage::Accepted,
            Stage::Registered,
            Stage::Dispatched,
            Stage::Mediating,
            Stage::Suspended,
            Stage::Handled,
            Stage::Checked,
            Stage::Closed,
        ],
        by: &[ACCEPTOR, DISPATCHER, DUTY_OFFICER],
        needs: &[Need::Case],
        effects: &[Effect::Link],
        ..ROW
    },
    StepRule {
        step: Step::Void,
        from: &[
            Stage::Unreported,
            Stage::Withdrawn,
            Stage::Reported,
            Stage::Verifying,
            Stage::Accepted,
            Stage::Registered,
        ],
        to: To::Stage(Stage::Void),
        by: &[Who::Author, Who::Role(Role::GridLead), DUTY_OFFICER],
        needs: &[Need::Reason],
        ..ROW
    },
    StepRule {
        step: Step::Withdraw,
        from: &[Stage::Reported, Stage::Accepted, Stage::Handled],
        to: To::Undone,
        by: &[Who::WhoTookIt],
        needs: &[Need::Target],
        ..ROW
    },
];
