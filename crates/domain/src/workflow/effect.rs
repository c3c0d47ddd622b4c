//! What an accepted step changes.

use super::stage::Stage;
use super::state::{
    Appeal, Asked, Call, Callback, CaseState, LastStep, Mediation, Review, Supervision,
};
use super::step::{Effect, HeldRole, To};
use crate::deadline::Course;
use crate::id::{Department, EntryId};
use crate::record::{Proposal, StepDetails};
use crate::reference::{Catalogue, Role};
use crate::time::CountedTime;

/// An accepted step on its way into the state.
pub(super) struct Taken<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) id: EntryId,
    pub(super) proposal: &'a Proposal,
    /// The departments for which the proposer acts.
    pub(super) roles: &'a [HeldRole],
    pub(super) at: CountedTime,
}

impl Taken<'_> {
    /// The state after the step, which leads to `stage`.
    pub(super) fn apply(&self, state: &CaseState, stage: Stage) -> CaseState {
        let row = self.proposal.step.rule();
        let mut next = state.clone();
        for effect in row.effects {
            self.take(*effect, &mut next);
        }
        next.stage = stage;
        if row.to != To::Stays {
            next.stage_overdue = false;
            next.last = Some(LastStep {
                proposal: self.id,
                step: self.proposal.step,
                by: self.proposal.by.clone(),
                at: self.at,
            });
        }
        next
    }

    const fn details(&self) -> &StepDetails {
        &self.proposal.details
    }

    fn take(&self, effect: Effect, next: &mut CaseState) {
        match effect {
            Effect::SetReporter => {
                next.reporter = Some(self.proposal.by.clone());
                next.reported_at = next.reported_at.or(Some(self.at));
            }
            Effect::AnswerReporter => next.answered_at = next.answered_at.or(Some(self.at)),
            Effect::SetVerified => next.verified = self.details().answer,
            Effect::File => self.file(next),
            Effect::GiveToDepartment => {
                next.department.clone_from(&self.details().department);
                next.dispatched_at = next.dispatched_at.or(Some(self.at));
            }
            Effect::CountReturn => next.returns += 1,
            Effect::TakeFromDepartment => next.department = None,
            Effect::SetHandler => {
                next.handler = Some(self.proposal.by.clone());
                next.handled_at = Some(self.at);
                let due_ms = next.overdue_ms;
                next.done_in_time = due_ms.is_some_and(|due_ms| self.at.at_ms <= due_ms);
            }
            Effect::CountRework => next.reworks += 1,
            Effect::CountUrge => next.urges += 1,
            Effect::CountMeeting => next.meetings += 1,
            Effect::Raise => next.level = self.details().level,
            Effect::PutInCharge => next.lead.clone_from(&self.details().person),
            Effect::NoteDuplicate => next.duplicate_of = self.details().case,
            Effect::Link => next.linked.extend(self.details().case),
            Effect::End => next.closed_at = Some(self.at),
            Effect::Force => next.forced = true,
            Effect::Reopen => reopen(next),
            Effect::AskExtension
            | Effect::Extend
            | Effect::AskSuspension
            | Effect::Suspend
            | Effect::GoOn
            | Effect::Answered => self.time(effect, next),
            Effect::Supervise | Effect::AnswerSupervision => self.supervision(effect, next),
            Effect::Call
            | Effect::Respond
            | Effect::ReportIn
            | Effect::FinishCall
            | Effect::RateCall => self.call(effect, next),
            Effect::Join | Effect::FinishPart => self.part(effect, next),
            Effect::BeginMediation | Effect::CountSession | Effect::Agree | Effect::Disagree => {
                self.mediation(effect, next);
            }
            Effect::NoteCallback | Effect::Appeal | Effect::Review => self.afterwards(effect, next),
        }
    }

    fn file(&self, next: &mut CaseState) {
        let details = self.details();
        next.category.clone_from(&details.category);
        next.condition.clone_from(&details.condition);
        next.filed_at = Some(self.at);
        let condition = details
            .category
            .as_deref()
            .zip(details.condition.as_deref());
        let condition = condition.and_then(|(code, name)| self.catalogue.condition(code, name));
        next.course = condition.map(|found| Course::begin(self.at.at_ms, found.handling_limit));
    }

    fn time(&self, effect: Effect, next: &mut CaseState) {
        let by = || self.proposal.by.clone();
        match effect {
            Effect::AskExtension => {
                next.asked = self
                    .details()
                    .limit
                    .map(|limit| Asked::Extension { limit, by: by() });
            }
            Effect::Extend => {
                let asked = match &next.asked {
                    Some(Asked::Extension { limit, .. }) => Some(*limit),
                    _ => None,
                };
                let granted = self.details().limit.or(asked);
                if let (Some(course), Some(limit)) = (&mut next.course, granted) {
                    course.extend(limit);
                }
            }
            Effect::AskSuspension => next.asked = Some(Asked::Suspension { by: by() }),
            Effect::Suspend => {
                next.goes_on_at = Some(next.stage);
                if let Some(course) = &mut next.course {
                    course.pause(self.at.at_ms);
                }
            }
            Effect::GoOn => {
                next.goes_on_at = None;
                if let Some(course) = &mut next.course {
                    course.resume(self.at.at_ms);
                }
            }
            _ => next.asked = None,
        }
    }

    fn supervision(&self, effect: Effect, next: &mut CaseState) {
        let details = self.details();
        if effect == Effect::Supervise {
            let said = details.supervision.zip(details.limit);
            next.supervision = said.map(|(level, reply_within)| Supervision {
                level,
                since: self.at,
                reply_within,
                overdue: false,
                answered: None,
            });
        } else if let Some(supervision) = &mut next.supervision {
            supervision.answered = Some(self.at);
        }
    }

    fn call(&self, effect: Effect, next: &mut CaseState) {
        let at = self.at;
        if effect == Effect::Call {
            let called = self.details().departments.iter().cloned();
            next.calls.extend(called.map(|department| {
                let call = Call {
                    called: at,
                    responded: None,
                    reported_in: None,
                    finished: None,
                    rating: None,
                };
                (department, call)
            }));
            return;
        }
        if effect == Effect::RateCall {
            let rated = self.details().department.as_ref();
            if let Some(call) = rated.and_then(|department| next.calls.get_mut(department)) {
                call.rating = self.details().rating;
            }
            return;
        }
        for department in departments(self.roles) {
            let Some(call) = next.calls.get_mut(department) else {
                continue;
            };
            match effect {
                Effect::Respond => call.responded = Some(at),
                Effect::ReportIn => {
                    // Whoever stands at the place has said so by coming.
                    call.responded = call.responded.or(Some(at));
                    call.reported_in = Some(at);
                }
                _ => call.finished = Some(at),
            }
        }
    }

    fn part(&self, effect: Effect, next: &mut CaseState) {
        if effect == Effect::Join {
            let joined = self.details().departments.iter().cloned();
            next.parts
                .extend(joined.map(|department| (department, false)));
        } else {
            for department in departments(self.roles) {
                if let Some(done) = next.parts.get_mut(department) {
                    *done = true;
                }
            }
        }
    }

    fn mediation(&self, effect: Effect, next: &mut CaseState) {
        if effect == Effect::BeginMediation {
            next.goes_on_at = Some(next.stage);
            let before = next.mediation.take().unwrap_or_default();
            next.mediation = Some(Mediation {
                parties: self.details().parties.iter().copied().collect(),
                agreed: None,
                ended: None,
                ..before
            });
            return;
        }
        if let Some(mediation) = &mut next.mediation {
            match effect {
                Effect::CountSession => mediation.sessions += 1,
                _ => {
                    mediation.agreed = Some(effect == Effect::Agree);
                    mediation.ended = Some(self.at);
                }
            }
        }
        if effect != Effect::CountSession {
            next.goes_on_at = None;
        }
    }

    fn afterwards(&self, effect: Effect, next: &mut CaseState) {
        let (by, at) = (self.proposal.by.clone(), self.at);
        let answer = self.details().answer.unwrap_or_default();
        match effect {
            Effect::NoteCallback => {
                next.callback = self.details().rating.map(|rating| Callback {
                    at,
                    solved: answer,
                    rating,
                });
            }
            Effect::Appeal => {
                let reviews = Vec::new();
                next.appeal = Some(Appeal { by, at, reviews });
            }
            _ => {
                if let Some(appeal) = &mut next.appeal {
                    let upholds = answer;
                    appeal.reviews.push(Review { by, upholds });
                }
            }
        }
    }
}

/// The departments for which somebody acts.
pub(super) fn departments(roles: &[HeldRole]) -> impl Iterator<Item = &Department> {
    roles
        .iter()
        .filter(|held| held.role == Role::Handler)
        .filter_map(|held| held.department.as_ref())
}

/// A case that is opened again begins anew; what happened stays counted.
fn reopen(next: &mut CaseState) {
    next.reopened += 1;
    next.forced = false;
    next.closed_at = None;
    next.overdue_ms = None;
    next.done_in_time = false;
    next.course = None;
    next.handled_at = None;
    next.calls.clear();
    next.parts.clear();
    next.callback = None;
}
