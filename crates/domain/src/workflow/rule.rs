//! The ruling on one proposal.

use serde::{Deserialize, Serialize};

use super::stage::Stage;
use super::step::{Effect, HeldRole, Need, Step, StepRule, Who};
use crate::id::{Department, EntryId, PersonId};
use crate::record::{Proposal, StepDetails};
use crate::reference::{Catalogue, Role};
use crate::time::CountedTime;

/// The last accepted step of a case.
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

/// What the authority has ruled about a case so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseState {
    /// Where it stands.
    pub stage: Stage,
    /// Who reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<PersonId>,
    /// Minor class that it is filed under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Filing condition; it decides the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// When it was filed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed_at: Option<CountedTime>,
    /// The department that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Department>,
    /// Who handled it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<PersonId>,
    /// How often it was sent back for rework.
    #[serde(default)]
    pub reworks: u32,
    /// The last accepted step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastStep>,
}

impl CaseState {
    /// The state after a step that was accepted before, as a server enters it again that had lost the
    /// ruling: no rule is asked.
    #[must_use]
    pub fn taken(
        &self,
        (id, proposal): (EntryId, &Proposal),
        stage: Stage,
        at: CountedTime,
    ) -> Self {
        take(self, id, proposal, stage, at)
    }
}

/// Who takes a step, with the roles that held over the case's area when it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The person.
    pub person: PersonId,
    /// Their roles there and then.
    pub roles: Vec<HeldRole>,
    /// Whether they began the record.
    pub is_author: bool,
}

/// Why a proposal is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The case stands elsewhere by now.
    WrongStage,
    /// The person has no role here that may take the step.
    NotYourRole,
    /// Another department has the case.
    NotYourDepartment,
    /// Only who handled a case may not check it.
    OwnWork,
    /// The step needs a reason.
    ReasonRequired,
    /// The step needs a result.
    ResultRequired,
    /// The step needs a minor class of the catalogue.
    UnknownCategory,
    /// The step needs a filing condition of that minor class.
    UnknownCondition,
    /// The step needs a department of the catalogue.
    UnknownDepartment,
    /// The proposal to withdraw is not the last accepted step.
    NothingToWithdraw,
    /// That step cannot be withdrawn.
    CannotWithdraw,
    /// The record is not a case.
    NotACase,
    /// The record is deleted.
    Deleted,
}

impl RefusalReason {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::WrongStage,
        Self::NotYourRole,
        Self::NotYourDepartment,
        Self::OwnWork,
        Self::ReasonRequired,
        Self::ResultRequired,
        Self::UnknownCategory,
        Self::UnknownCondition,
        Self::UnknownDepartment,
        Self::NothingToWithdraw,
        Self::CannotWithdraw,
        Self::NotACase,
        Self::Deleted,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        self.texts().0
    }

    /// The reason of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// What a worker reads, in Chinese.
    pub const fn zh(self) -> &'static str {
        self.texts().1
    }

    /// The same in English.
    pub const fn en(self) -> &'static str {
        self.texts().2
    }

    const fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::WrongStage => (
                "wrong_stage",
                "案卷已处于其他环节",
                "the case has moved to another stage",
            ),
            Self::NotYourRole => (
                "not_your_role",
                "您的岗位不能办理此步骤",
                "your role may not take this step",
            ),
            Self::NotYourDepartment => (
                "not_your_department",
                "案卷不在您的部门",
                "another department has the case",
            ),
            Self::OwnWork => (
                "own_work",
                "不能核查本人处置的案卷",
                "nobody checks their own handling",
            ),
            Self::ReasonRequired => ("reason_required", "请填写理由", "say why"),
            Self::ResultRequired => ("result_required", "请填写处置结果", "say what was done"),
            Self::UnknownCategory => (
                "unknown_category",
                "请选择目录中的小类",
                "name a category of the catalogue",
            ),
            Self::UnknownCondition => (
                "unknown_condition",
                "请选择该小类的立案条件",
                "name a filing condition of it",
            ),
            Self::UnknownDepartment => (
                "unknown_department",
                "请选择目录中的部门",
                "name a department of the catalogue",
            ),
            Self::NothingToWithdraw => (
                "nothing_to_withdraw",
                "该步骤不是最后一步，无法撤回",
                "that step is not the last one",
            ),
            Self::CannotWithdraw => (
                "cannot_withdraw",
                "该步骤不能撤回",
                "that step cannot be withdrawn",
            ),
            Self::NotACase => ("not_a_case", "只有案卷有办理环节", "only cases have steps"),
            Self::Deleted => ("deleted", "记录已删除", "the record is deleted"),
        }
    }
}

/// What was ruled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The step was taken.
    Accepted,
    /// It was not.
    Refused(RefusalReason),
}

/// A ruling: the outcome, and the case's state after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The outcome.
    pub outcome: Outcome,
    /// The state after it; unchanged by a refusal.
    pub state: CaseState,
}

/// What rulings are made by, besides the case itself.
#[derive(Debug, Clone, Copy)]
pub struct Rulebook<'a> {
    /// The catalogue in force.
    pub catalogue: &'a Catalogue,
}

impl Rulebook<'_> {
    /// Rules on one proposal: a pure function of its arguments.
    pub fn rule(
        &self,
        state: &CaseState,
        (id, proposal): (EntryId, &Proposal),
        who: &Actor,
        now: CountedTime,
    ) -> Ruling {
        match self.judge(state, proposal, who) {
            Ok(stage) => Ruling {
                outcome: Outcome::Accepted,
                state: take(state, id, proposal, stage, now),
            },
            Err(reason) => Ruling {
                outcome: Outcome::Refused(reason),
                state: state.clone(),
            },
        }
    }

    /// The steps that `who` could take now, what must be said with them aside.
    pub fn next_steps(&self, state: &CaseState, who: &Actor) -> Vec<Step> {
        super::STEPS
            .iter()
            .filter(|row| row.from.contains(&state.stage))
            .filter(|row| check_who(row, state, who).is_ok())
            .filter(|row| row.step != Step::Withdraw || undone_to(state).is_some())
            .map(|row| row.step)
            .collect()
    }

    fn judge(
        &self,
        state: &CaseState,
        proposal: &Proposal,
        who: &Actor,
    ) -> Result<Stage, RefusalReason> {
        let row = proposal.step.rule();
        let details = &proposal.details;
        if row.step == Step::Withdraw {
            return withdraw(state, details, who);
        }
        if !row.from.contains(&state.stage) {
            return Err(RefusalReason::WrongStage);
        }
        check_who(row, state, who)?;
        row.needs
            .iter()
            .try_for_each(|need| self.check_need(*need, details))?;
        Ok(row.to)
    }

    fn check_need(&self, need: Need, details: &StepDetails) -> Result<(), RefusalReason> {
        let said = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.trim().is_empty());
        let (fulfilled, otherwise) = match need {
            Need::Reason => (said(&details.reason), RefusalReason::ReasonRequired),
            Need::Result => (said(&details.result), RefusalReason::ResultRequired),
            Need::Department => (
                details
                    .department
                    .as_ref()
                    .is_some_and(|d| self.catalogue.has_department(d)),
                RefusalReason::UnknownDepartment,
            ),
            Need::Target => (details.target.is_some(), RefusalReason::NothingToWithdraw),
            Need::Category => return self.check_category(details),
        };
        if fulfilled { Ok(()) } else { Err(otherwise) }
    }

    fn check_category(&self, details: &StepDetails) -> Result<(), RefusalReason> {
        let code = details.category.as_deref().unwrap_or_default();
        self.catalogue
            .minor(code)
            .ok_or(RefusalReason::UnknownCategory)?;
        let name = details.condition.as_deref().unwrap_or_default();
        self.catalogue
            .condition(code, name)
            .ok_or(RefusalReason::UnknownCondition)?;
        Ok(())
    }
}

fn check_who(row: &StepRule, state: &CaseState, who: &Actor) -> Result<(), RefusalReason> {
    let holds = |role: Role| who.roles.iter().any(|held| held.role == role);
    let may = |allowed: &Who| match allowed {
        Who::Author => who.is_author,
        Who::WhoTookIt => state
            .last
            .as_ref()
            .is_some_and(|last| last.by == who.person),
        Who::Field => who.roles.iter().any(|held| held.role.is_field()),
        Who::Role(role) => holds(*role),
        Who::HandlingDepartment => who.roles.iter().any(|held| {
            held.role == Role::Handler
                && held.department.is_some()
                && held.department == state.department
        }),
    };
    if !row.by.iter().any(may) {
        let wrong_department = row.by.contains(&Who::HandlingDepartment) && holds(Role::Handler);
        return Err(if wrong_department {
            RefusalReason::NotYourDepartment
        } else {
            RefusalReason::NotYourRole
        });
    }
    let checks = matches!(row.step, Step::CheckPass | Step::CheckFail);
    if checks && state.handler.as_ref() == Some(&who.person) {
        return Err(RefusalReason::OwnWork);
    }
    Ok(())
}

fn undone_to(state: &CaseState) -> Option<Stage> {
    state
        .last
        .as_ref()
        .and_then(|last| last.step.rule().undone_to)
}

fn withdraw(state: &CaseState, details: &StepDetails, who: &Actor) -> Result<Stage, RefusalReason> {
    let last = state
        .last
        .as_ref()
        .ok_or(RefusalReason::NothingToWithdraw)?;
    if details.target != Some(last.proposal) {
        return Err(RefusalReason::NothingToWithdraw);
    }
    if last.by != who.person {
        return Err(RefusalReason::NotYourRole);
    }
    undone_to(state).ok_or(RefusalReason::CannotWithdraw)
}

fn take(
    state: &CaseState,
    id: EntryId,
    proposal: &Proposal,
    stage: Stage,
    now: CountedTime,
) -> CaseState {
    let mut next = CaseState {
        stage,
        ..state.clone()
    };
    for effect in proposal.step.rule().effects {
        match effect {
            Effect::SetReporter => next.reporter = Some(proposal.by.clone()),
            Effect::File => {
                next.category.clone_from(&proposal.details.category);
                next.condition.clone_from(&proposal.details.condition);
                next.filed_at = Some(now);
            }
            Effect::GiveToDepartment => {
                next.department.clone_from(&proposal.details.department);
            }
            Effect::TakeFromDepartment => next.department = None,
            Effect::SetHandler => next.handler = Some(proposal.by.clone()),
            Effect::CountRework => next.reworks += 1,
        }
    }
    next.last = Some(LastStep {
        proposal: id,
        step: proposal.step,
        by: proposal.by.clone(),
        at: now,
    });
    next
}

#[cfg(test)]
mod tests;
