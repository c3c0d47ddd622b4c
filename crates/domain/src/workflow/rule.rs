//! The ruling on one proposal.

use super::effect::{Taken, departments};
use super::reason::RefusalReason;
use super::stage::Stage;
use super::state::CaseState;
use super::step::{HeldRole, Need, Step, StepRule, To, Who};
use super::steps::STEPS;
use crate::id::{Department, EntryId, PersonId, RecordId};
use crate::record::{Meeting, Proposal, StepDetails};
use crate::reference::{AreaLevel, Catalogue, Role};
use crate::time::CountedTime;

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
    catalogue: &'a Catalogue,
    case: Option<RecordId>,
}

impl<'a> Rulebook<'a> {
    /// By the catalogue in force.
    pub const fn new(catalogue: &'a Catalogue) -> Self {
        Self {
            catalogue,
            case: None,
        }
    }

    /// For this case, which neither repeats itself nor is linked with itself.
    #[must_use]
    pub const fn of(self, case: RecordId) -> Self {
        Self {
            case: Some(case),
            ..self
        }
    }

    /// Rules on one proposal: a pure function of its arguments.
    pub fn rule(
        &self,
        state: &CaseState,
        proposal: (EntryId, &Proposal),
        who: &Actor,
        now: CountedTime,
    ) -> Ruling {
        match self.judge(state, proposal.1, who) {
            Ok(stage) => Ruling {
                outcome: Outcome::Accepted,
                state: self.taken(state, proposal, (stage, who), now),
            },
            Err(reason) => Ruling {
                outcome: Outcome::Refused(reason),
                state: state.clone(),
            },
        }
    }

    /// The state after a step that was accepted, and led to `stage`. It asks no rule: a server also
    /// enters so again what it had lost.
    #[must_use]
    pub fn taken(
        &self,
        state: &CaseState,
        (id, proposal): (EntryId, &Proposal),
        (stage, who): (Stage, &Actor),
        at: CountedTime,
    ) -> CaseState {
        let taken = Taken {
            catalogue: self.catalogue,
            id,
            proposal,
            roles: &who.roles,
            at,
        };
        taken.apply(state, stage)
    }

    /// The steps that `who` could take now, what must be said with them aside.
    pub fn next_steps(&self, state: &CaseState, who: &Actor) -> Vec<Step> {
        let nothing_said = StepDetails::default();
        STEPS
            .iter()
            .filter(|row| row.from.contains(&state.stage))
            .filter(|row| check_who(row, state, who).is_ok())
            .filter(|row| row.step != Step::Withdraw || undone_to(state).is_some())
            .filter(|row| {
                let needs_department = row.needs.contains(&Need::Department);
                let stands =
                    |guard: &super::step::Guard| guard.check(state, &nothing_said, who).is_ok();
                needs_department || row.guards.iter().all(stands)
            })
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
        if row.to == To::Undone {
            return withdraw(state, details, who);
        }
        if !row.from.contains(&state.stage) {
            return Err(RefusalReason::WrongStage);
        }
        check_who(row, state, who)?;
        for need in row.needs {
            self.check_need(*need, state, details)?;
        }
        for guard in row.guards {
            guard.check(state, details, who)?;
        }
        Ok(match row.to {
            To::Stage(stage) => stage,
            To::Back => state.goes_on_at.unwrap_or(state.stage),
            To::Stays | To::Undone => state.stage,
        })
    }

    fn check_need(
        &self,
        need: Need,
        state: &CaseState,
        details: &StepDetails,
    ) -> Result<(), RefusalReason> {
        let said = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.trim().is_empty());
        let from_1_to =
            |most: u8, number: Option<u8>| number.is_some_and(|n| (1..=most).contains(&n));
        let (fulfilled, otherwise) = match need {
            Need::Reason => (said(&details.reason), RefusalReason::ReasonRequired),
            Need::Result => (said(&details.result), RefusalReason::ResultRequired),
            Need::Department => {
                return self.check_departments(state, details.department.as_slice());
            }
            Need::Departments => return self.check_departments(state, &details.departments),
            Need::Answer => (details.answer.is_some(), RefusalReason::AnswerRequired),
            Need::Limit => (
                details.limit.is_some_and(|limit| limit.amount > 0),
                RefusalReason::LimitRequired,
            ),
            Need::Rating => (from_1_to(5, details.rating), RefusalReason::RatingRequired),
            Need::Supervision => (
                from_1_to(3, details.supervision),
                RefusalReason::LevelRequired,
            ),
            Need::Level => {
                let has_it = state.level.unwrap_or(AreaLevel::Grid);
                let higher = details.level.is_some_and(|level| level < has_it);
                (higher, RefusalReason::NotHigher)
            }
            Need::Person => (details.person.is_some(), RefusalReason::PersonRequired),
            Need::Case => (
                details.case.is_some() && details.case != self.case,
                RefusalReason::CaseRequired,
            ),
            Need::Parties => (details.parties.len() >= 2, RefusalReason::PeopleRequired),
            Need::Meeting => {
                let meeting = details.meeting.as_ref();
                let is_whole = meeting.is_some_and(Meeting::is_whole);
                (is_whole, RefusalReason::MeetingRequired)
            }
            Need::Target => (details.target.is_some(), RefusalReason::NothingToWithdraw),
            Need::Category => return self.check_category(details),
        };
        if fulfilled { Ok(()) } else { Err(otherwise) }
    }

    fn check_departments(
        &self,
        state: &CaseState,
        named: &[Department],
    ) -> Result<(), RefusalReason> {
        let is_known = |department: &Department| self.catalogue.has_department(department);
        if named.is_empty() || !named.iter().all(is_known) {
            return Err(RefusalReason::UnknownDepartment);
        }
        let class = state.category.as_deref().unwrap_or_default();
        if named.iter().all(|one| self.catalogue.admits(one, class)) {
            Ok(())
        } else {
            Err(RefusalReason::NotAdmitted)
        }
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
    let acts_for = |is: &dyn Fn(&Department) -> bool| departments(&who.roles).any(is);
    let may = |allowed: &Who| match allowed {
        Who::Author => who.is_author,
        Who::WhoTookIt => state
            .last
            .as_ref()
            .is_some_and(|last| last.by == who.person),
        Who::Field => who.roles.iter().any(|held| held.role.is_field()),
        Who::Role(role) => holds(*role),
        Who::HandlingDepartment => acts_for(&|name| state.department.as_ref() == Some(name)),
        Who::CalledDepartment => acts_for(&|name| state.calls.contains_key(name)),
        Who::JoinedDepartment => acts_for(&|name| state.parts.contains_key(name)),
    };
    if row.by.iter().any(may) {
        return Ok(());
    }
    let of_a_department = |allowed: &Who| {
        matches!(
            allowed,
            Who::HandlingDepartment | Who::CalledDepartment | Who::JoinedDepartment
        )
    };
    Err(
        if row.by.iter().any(of_a_department) && holds(Role::Handler) {
            RefusalReason::NotYourDepartment
        } else {
            RefusalReason::NotYourRole
        },
    )
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

#[cfg(test)]
mod tests;
