//! Which step somebody takes in a case, who it is, and what they say with it: mostly what a sensible person
//! would do there, and now and then what nobody should.
//!
//! All of it is read off the table of steps, so a step that is added there is played here.

use gridlog_domain::id::{Department, EntryId, PersonId, RecordId};
use gridlog_domain::record::{Attendee, Meeting, StepDetails};
use gridlog_domain::reference::{AreaLevel, Limit, LimitUnit, Role};
use gridlog_domain::workflow::{
    Actor, CaseState, Guard, Need, Rulebook, STEPS, Stage, Step, StepRule, Who,
};

use crate::chance::Chance;
use crate::people::{self, CATEGORY, COMMUNITY, CONDITION, DEPARTMENTS, clerks};

/// What is known of a case, and of what is around it.
#[derive(Debug, Default)]
pub(crate) struct About {
    /// The case.
    pub(crate) state: CaseState,
    /// Records that may be named in it.
    pub(crate) others: Vec<RecordId>,
}

/// A step that an office takes.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) step: Step,
    pub(crate) by: PersonId,
    pub(crate) details: StepDetails,
}

impl About {
    /// What has to be said with a step, most of the time. The word stands in its reason.
    pub(crate) fn details(&self, chance: &mut Chance, step: Step, word: &str) -> StepDetails {
        let mut details = StepDetails::default();
        if chance.percent(85) {
            details.reason = Some(format!("理由{word}"));
            details.result = Some(format!("结果{word}"));
        } else {
            // So that the word is in the change, whatever else is said.
            details.reason = Some(String::new());
        }
        for need in step.rule().needs {
            if chance.percent(90) {
                self.say(chance, *need, step, &mut details);
            }
        }
        details
    }

    fn say(&self, chance: &mut Chance, need: Need, step: Step, details: &mut StepDetails) {
        match need {
            Need::Reason | Need::Result => {}
            Need::Category => {
                details.category = Some(CATEGORY.to_owned());
                let condition = match chance.percent(85) {
                    true => CONDITION,
                    false => "没有的条件",
                };
                details.condition = Some(condition.to_owned());
            }
            Need::Department => {
                let to_rate = self.finished_call().filter(|_| step == Step::RateCall);
                details.department = to_rate.cloned().or_else(|| Some(department(chance)));
            }
            Need::Departments => details.departments = vec![department(chance)],
            Need::Answer => details.answer = Some(chance.percent(60)),
            Need::Limit => {
                details.limit = Some(Limit {
                    unit: LimitUnit::WorkHour,
                    amount: u32::try_from(chance.between(1, 16)).unwrap_or(1),
                });
            }
            Need::Rating => details.rating = Some(up_to(chance, 6)),
            Need::Supervision => details.supervision = Some(up_to(chance, 4)),
            Need::Level => {
                let levels = [AreaLevel::Community, AreaLevel::Street, AreaLevel::District];
                details.level = chance.pick(&levels).copied();
            }
            Need::Person => details.person = Some(PersonId::new("O1")),
            Need::Case => details.case = chance.pick(&self.others).copied(),
            Need::Parties => {
                details.parties = self.others.iter().take(2).copied().collect();
            }
            Need::Meeting => details.meeting = Some(meeting()),
            Need::Target => details.target = self.last(),
        }
    }

    fn finished_call(&self) -> Option<&Department> {
        let mut calls = self.state.calls.iter();
        let (name, _) = calls.find(|(_, call)| call.finished.is_some() && call.rating.is_none())?;
        Some(name)
    }

    /// The last step that moved the case.
    pub(crate) fn last(&self) -> Option<EntryId> {
        self.state.last.as_ref().map(|last| last.proposal)
    }

    /// A step of an office; see the module.
    pub(crate) fn office(&self, chance: &mut Chance) -> Option<Taken> {
        let (step, by) = match chance.percent(62) {
            true => self.sensible(chance).or_else(|| self.odd(chance))?,
            false => self.odd(chance)?,
        };
        let said = self.details(chance, step, "");
        let details = StepDetails {
            reason: said.reason.filter(|text| !text.is_empty()),
            ..said
        };
        Some(Taken { step, by, details })
    }

    /// A step that somebody may take.
    fn sensible(&self, chance: &mut Chance) -> Option<(Step, PersonId)> {
        let rulebook = Rulebook::new(people::catalogue());
        let mut may = Vec::new();
        for (person, roles) in people::roles() {
            let actor = Actor {
                is_author: self.state.reporter.as_ref() == Some(&person),
                person,
                roles,
            };
            let steps = rulebook.next_steps(&self.state, &actor);
            may.extend(steps.into_iter().map(|step| (step, actor.person.clone())));
        }
        let at = may.iter().enumerate();
        let weighted: Vec<(usize, u32)> =
            at.map(|(at, (step, _))| (at, self.weight(*step))).collect();
        let (step, by) = may.get(chance.weighted(&weighted)?).cloned()?;
        // Now and then somebody checks what they handled themselves, or reviews what they appealed against.
        let own = match step {
            Step::ReviewAppeal => self.state.appeal.as_ref().map(|appeal| appeal.by.clone()),
            _ if step.rule().guards.contains(&Guard::NotOwnWork) => self.state.handler.clone(),
            _ => None,
        };
        Some((step, own.filter(|_| chance.percent(35)).unwrap_or(by)))
    }

    /// What waits for its answer is answered sooner than something new is begun, and few cases end early.
    fn weight(&self, step: Step) -> u32 {
        let answers = |guard: &Guard| {
            matches!(
                guard,
                Guard::ExtensionIsAsked
                    | Guard::SuspensionIsAsked
                    | Guard::SupervisionIsOpen
                    | Guard::CallIsNew
                    | Guard::CallIsUnderWay
                    | Guard::CallIsAtThePlace
                    | Guard::PartIsOpen
                    | Guard::AppealIsTheirsToReview
            )
        };
        if step.rule().guards.iter().any(answers) {
            return 24;
        }
        match step {
            Step::RateCall if self.finished_call().is_none() => 0,
            Step::RateCall => 24,
            Step::Void | Step::MarkDuplicate | Step::Reopen | Step::ForceClose | Step::Reject => 1,
            Step::Urge | Step::Escalate | Step::CaseLead | Step::Link | Step::Consult => 1,
            Step::AskExtension | Step::Join => 12,
            _ if onward(self.state.stage) == Some(step) => 12,
            _ => 4,
        }
    }

    /// Any step of the case's stage, or any at all, by somebody whose business it may not be.
    fn odd(&self, chance: &mut Chance) -> Option<(Step, PersonId)> {
        if let Some(by) = self.has_done_their_part()
            && chance.percent(20)
        {
            return Some((Step::FinishPart, by));
        }
        let here = STEPS
            .iter()
            .filter(|row| row.from.contains(&self.state.stage));
        let here: Vec<&StepRule> = here.collect();
        let row = match chance.below(10) {
            0..2 => chance.pick(STEPS),
            2..4 => onward(self.state.stage).map(Step::rule),
            _ => chance.pick(&here).copied(),
        };
        let row = row?;
        Some((row.step, self.by(row, chance)?))
    }

    /// Somebody of a department that has done its part, who may say so once more.
    fn has_done_their_part(&self) -> Option<PersonId> {
        let done = self.state.parts.iter().find(|(_, done)| **done);
        done.and_then(|(name, _)| clerks(Role::Handler, Some(name)).pop())
    }

    /// Who takes it: mostly somebody whose business it is.
    fn by(&self, row: &StepRule, chance: &mut Chance) -> Option<PersonId> {
        if chance.percent(10) {
            return chance.pick(&people::everybody()).cloned();
        }
        // Now and then somebody checks what they handled themselves.
        if row.guards.contains(&Guard::NotOwnWork) && chance.percent(30) {
            return self.state.handler.clone().or_else(|| somebody(chance));
        }
        let of = |department: Option<&Department>| match department {
            Some(department) => clerks(Role::Handler, Some(department)),
            None => Vec::new(),
        };
        let who = chance.pick(row.by)?;
        let fit = match who {
            Who::Author => self.state.reporter.iter().cloned().collect(),
            Who::WhoTookIt => {
                let last = self.state.last.iter();
                last.map(|last| last.by.clone()).collect()
            }
            Who::Field => clerks(Role::GridLead, None),
            Who::Role(role) => clerks(*role, None),
            Who::HandlingDepartment => of(self.state.department.as_ref()),
            Who::CalledDepartment => of(any_of(chance, self.state.calls.keys())),
            Who::JoinedDepartment => of(any_of(chance, self.state.parts.keys())),
        };
        chance.pick(&fit).cloned().or_else(|| somebody(chance))
    }
}

/// The step that carries a case on from a stage.
fn onward(stage: Stage) -> Option<Step> {
    Some(match stage {
        Stage::Reported | Stage::Accepted => Step::Register,
        Stage::Verifying => Step::Verify,
        Stage::Registered => Step::Dispatch,
        Stage::Dispatched => Step::Feedback,
        Stage::Mediating => Step::Agree,
        Stage::Suspended => Step::Resume,
        Stage::Handled => Step::CheckPass,
        Stage::Checked => Step::Close,
        _ => return None,
    })
}

fn somebody(chance: &mut Chance) -> Option<PersonId> {
    chance.pick(&people::everybody()).cloned()
}

fn any_of<'a>(
    chance: &mut Chance,
    departments: impl Iterator<Item = &'a Department>,
) -> Option<&'a Department> {
    let departments: Vec<&Department> = departments.collect();
    chance.pick(&departments).copied()
}

fn department(chance: &mut Chance) -> Department {
    Department::new(match chance.below(12) {
        0 => "没有的部门",
        // A community whose list does not admit the class.
        1 => COMMUNITY,
        2..5 => DEPARTMENTS[1],
        _ => DEPARTMENTS[0],
    })
}

/// A number from 1 to `most`.
fn up_to(chance: &mut Chance, most: u64) -> u8 {
    u8::try_from(chance.between(1, most)).unwrap_or(1)
}

fn meeting() -> Meeting {
    Meeting {
        agenda: "井盖由谁来修".to_owned(),
        people: vec![Attendee {
            role: "社区".to_owned(),
            contact: None,
            staff: Some(PersonId::new("O1")),
        }],
        resolution: "城管来修".to_owned(),
        actions: Vec::new(),
    }
}
