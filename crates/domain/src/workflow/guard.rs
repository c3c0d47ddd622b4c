//! What must be so for a step, besides the stage.

use super::effect::departments;
use super::reason::RefusalReason;
use super::rule::Actor;
use super::state::{Asked, Call, CaseState};
use super::step::Guard;
use crate::id::Department;
use crate::record::StepDetails;

impl Guard {
    /// Whether it is so.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(
        self,
        state: &CaseState,
        details: &StepDetails,
        who: &Actor,
    ) -> Result<(), RefusalReason> {
        let (holds, otherwise) = match self {
            Self::NothingIsAsked => (state.asked.is_none(), RefusalReason::AlreadyAsked),
            Self::ExtensionIsAsked => (
                matches!(state.asked, Some(Asked::Extension { .. })),
                RefusalReason::NothingAsked,
            ),
            Self::SuspensionIsAsked => (
                matches!(state.asked, Some(Asked::Suspension { .. })),
                RefusalReason::NothingAsked,
            ),
            Self::SupervisionIsOpen => {
                let open = state.supervision.as_ref();
                let is_open = open.is_some_and(|supervision| supervision.answered.is_none());
                (is_open, RefusalReason::NotSupervised)
            }
            Self::NobodyIsCalledTwice => {
                let unfinished = |call: &Call| call.finished.is_none();
                let is_called = |name| state.calls.get(name).is_some_and(unfinished);
                let nobody = !details.departments.iter().any(is_called);
                (nobody, RefusalReason::AlreadyCalled)
            }
            Self::CallIsNew => (
                own_call(state, who, |call| {
                    call.responded.is_none() && call.reported_in.is_none()
                }),
                RefusalReason::NotCalled,
            ),
            Self::CallIsUnderWay => (
                own_call(state, who, |call| call.reported_in.is_none()),
                RefusalReason::NotCalled,
            ),
            Self::CallIsAtThePlace => {
                let at_the_place = own_call(state, who, |call| {
                    call.reported_in.is_some() && call.finished.is_none()
                });
                (at_the_place, RefusalReason::NotReportedIn)
            }
            Self::CallIsFinished => {
                let named = details.department.as_ref();
                let call = named.and_then(|department| state.calls.get(department));
                let finished = call.is_some_and(|call| call.finished.is_some());
                (finished, RefusalReason::NotCalled)
            }
            Self::NobodyJoinsTwice => {
                let takes_part = |name: &Department| {
                    state.parts.contains_key(name) || state.department.as_ref() == Some(name)
                };
                let nobody = !details.departments.iter().any(takes_part);
                (nobody, RefusalReason::AlreadyJoined)
            }
            Self::PartIsOpen => {
                let open =
                    departments(&who.roles).any(|name| state.parts.get(name) == Some(&false));
                (open, RefusalReason::NotJoined)
            }
            Self::PartsAreDone => (
                state.parts.values().all(|done| *done),
                RefusalReason::PartsOpen,
            ),
            Self::NoAppealYet => (state.appeal.is_none(), RefusalReason::AlreadyAppealed),
            Self::AppealIsTheirsToReview => return may_review(state, who),
            Self::NotOwnWork => (
                state.handler.as_ref() != Some(&who.person),
                RefusalReason::OwnWork,
            ),
        };
        if holds { Ok(()) } else { Err(otherwise) }
    }
}

/// Whether a department for which somebody acts was called, and its call stands so.
fn own_call(state: &CaseState, who: &Actor, stands: impl Fn(&Call) -> bool) -> bool {
    departments(&who.roles)
        .filter_map(|name| state.calls.get(name))
        .any(stands)
}

/// Two people review an appeal, and neither made it nor handled the case.
fn may_review(state: &CaseState, who: &Actor) -> Result<(), RefusalReason> {
    let appeal = state.appeal.as_ref().ok_or(RefusalReason::NoAppeal)?;
    if appeal.outcome().is_some() {
        return Err(RefusalReason::NoAppeal);
    }
    let reviewed = appeal.reviews.iter().any(|review| review.by == who.person);
    let own = appeal.by == who.person || state.handler.as_ref() == Some(&who.person);
    if reviewed || own {
        return Err(RefusalReason::NotYoursToReview);
    }
    Ok(())
}
