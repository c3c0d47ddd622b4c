//! What the clock does to a case when nobody does anything (DESIGN section 10).
//!
//! A case has at most one next timer: a pure function of its state. A server enters it into the log when
//! its moment has passed and everything that was pushed before has been ruled on, so a timer never
//! overtakes work that was done in time. What it says stays: a case that was overdue is overdue for
//! good, also if the work turns out to have been done before; then the ruling says so beside it
//! ([`CaseState::done_in_time`]).

use serde::{Deserialize, Serialize};

use super::stage::Stage;
use super::state::CaseState;
use super::step::{Step, To};
use crate::deadline::{Course, Timetable};
use crate::reference::{AreaLevel, Escalation, Limits};

/// What the clock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// 超期: the deadline for handling passed.
    Overdue,
    /// 环节超时: an office had so long for a stage, and the case still stands in it.
    StageOverdue,
    /// 督办超期: the answer to whoever supervises was due.
    ReplyOverdue,
    /// 升级: it was overdue for so long that the next level has it.
    Escalated(AreaLevel),
    /// 时限调整: the district's calendar went on, and a deadline that was provisional is another one.
    DeadlineMoved,
}

impl TimerKind {
    /// Its code: `overdue`, `stage_overdue`, `reply_overdue`, `escalated` or `deadline_moved`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::StageOverdue => "stage_overdue",
            Self::ReplyOverdue => "reply_overdue",
            Self::Escalated(_) => "escalated",
            Self::DeadlineMoved => "deadline_moved",
        }
    }

    /// The kind of that code; an escalation has a level, the others have none.
    pub fn from_code(code: &str, level: Option<AreaLevel>) -> Option<Self> {
        match (code, level) {
            ("overdue", None) => Some(Self::Overdue),
            ("stage_overdue", None) => Some(Self::StageOverdue),
            ("reply_overdue", None) => Some(Self::ReplyOverdue),
            ("escalated", Some(level)) => Some(Self::Escalated(level)),
            ("deadline_moved", None) => Some(Self::DeadlineMoved),
            _ => None,
        }
    }

    /// What people call it, in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Overdue => "超期",
            Self::StageOverdue => "环节超时",
            Self::ReplyOverdue => "督办超期",
            Self::Escalated(AreaLevel::District) => "升级至区",
            Self::Escalated(AreaLevel::Street) => "升级至街道",
            Self::Escalated(AreaLevel::Community) => "升级至社区",
            Self::Escalated(AreaLevel::Grid) => "升级至网格",
            Self::DeadlineMoved => "时限调整",
        }
    }

    /// The same in English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::StageOverdue => "stands in its stage for too long",
            Self::ReplyOverdue => "the answer to whoever supervises is overdue",
            Self::Escalated(AreaLevel::District) => "escalated to the district",
            Self::Escalated(AreaLevel::Street) => "escalated to the street",
            Self::Escalated(AreaLevel::Community) => "escalated to the community",
            Self::Escalated(AreaLevel::Grid) => "escalated to the grid",
            Self::DeadlineMoved => "the deadline moved with the calendar",
        }
    }

    /// Whether a case that took that step afterwards shows nothing of it any more.
    pub fn is_undone_by(self, step: Step) -> bool {
        match self {
            Self::Overdue => step == Step::Reopen,
            Self::StageOverdue => step.rule().to != To::Stays,
            Self::ReplyOverdue => matches!(step, Step::Supervise | Step::AnswerSupervision),
            Self::Escalated(_) | Self::DeadlineMoved => false,
        }
    }

    /// The level that has the case after it.
    pub const fn level(self) -> Option<AreaLevel> {
        match self {
            Self::Escalated(level) => Some(level),
            _ => None,
        }
    }
}

/// Something that the clock will do, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// The moment, milliseconds since the Unix epoch.
    pub due_ms: i64,
    /// What.
    pub kind: TimerKind,
}

/// What the clock does next to a case, unless something happens before. Of several at one moment the
/// order is: overdue, stage overdue, reply overdue, escalated.
pub fn next_timer(state: &CaseState, timetable: &Timetable, limits: &Limits) -> Option<Timer> {
    if state.stage.is_over() {
        return None;
    }
    let timers = [
        overdue(state, timetable),
        stage_overdue(state, timetable, limits),
        reply_overdue(state, timetable),
        escalated(state, timetable, &limits.escalations),
    ];
    timers
        .into_iter()
        .flatten()
        .min_by_key(|timer| timer.due_ms)
}

/// Handling is over once the department has answered, until it is sent back for rework.
fn overdue(state: &CaseState, timetable: &Timetable) -> Option<Timer> {
    if state.overdue_ms.is_some() || state.is_handled() {
        return None;
    }
    let due = state.course.as_ref()?.due(timetable)?;
    Some(Timer {
        due_ms: due.at_ms,
        kind: TimerKind::Overdue,
    })
}

fn stage_overdue(state: &CaseState, timetable: &Timetable, limits: &Limits) -> Option<Timer> {
    if state.stage_overdue {
        return None;
    }
    let since = state.last.as_ref()?.at.at_ms;
    let limit = *limits.stages.get(&state.stage)?;
    let due = Course::begin(since, limit).due(timetable)?;
    Some(Timer {
        due_ms: due.at_ms,
        kind: TimerKind::StageOverdue,
    })
}

fn reply_overdue(state: &CaseState, timetable: &Timetable) -> Option<Timer> {
    let supervision = state.supervision.as_ref()?;
    if supervision.answered.is_some() || supervision.overdue {
        return None;
    }
    let due = Course::begin(supervision.since.at_ms, supervision.reply_within).due(timetable)?;
    Some(Timer {
        due_ms: due.at_ms,
        kind: TimerKind::ReplyOverdue,
    })
}

fn escalated(
    state: &CaseState,
    timetable: &Timetable,
    escalations: &[Escalation],
) -> Option<Timer> {
    let overdue_ms = state.overdue_ms?;
    if state.is_handled() || state.course.as_ref()?.is_paused() {
        return None;
    }
    let has_it = state.level.unwrap_or(AreaLevel::Grid);
    let next = escalations.iter().filter(|step| step.to < has_it);
    let next = next.max_by_key(|step| step.to)?;
    let due = Course::begin(overdue_ms, next.after).due(timetable)?;
    Some(Timer {
        due_ms: due.at_ms,
        kind: TimerKind::Escalated(next.to),
    })
}

impl CaseState {
    /// The state after a timer. One that a server had lost may come back after the work that it did not
    /// know of; then the work counts as it would have if it had come late.
    #[must_use]
    pub fn after(&self, timer: Timer) -> Self {
        let mut next = self.clone();
        match timer.kind {
            TimerKind::Overdue => {
                let handled = self.handled_at.filter(|_| self.is_handled());
                next.overdue_ms = Some(timer.due_ms);
                next.done_in_time = handled.is_some_and(|at| at.at_ms <= timer.due_ms);
            }
            TimerKind::StageOverdue => next.stage_overdue = true,
            TimerKind::ReplyOverdue => {
                if let Some(supervision) = &mut next.supervision {
                    supervision.overdue = true;
                }
            }
            TimerKind::Escalated(level) => {
                next.level = Some(next.level.map_or(level, |has_it| has_it.min(level)));
            }
            // The deadline follows from the calendar; the case keeps its limit.
            TimerKind::DeadlineMoved => {}
        }
        next
    }

    /// The deadline for handling that is not certain yet, since it was counted over days that the calendar
    /// does not know; milliseconds since the Unix epoch.
    pub fn provisional_ms(&self, timetable: &Timetable) -> Option<i64> {
        let runs = self.overdue_ms.is_none() && !self.is_handled();
        let due = self.course.as_ref().filter(|_| runs)?.due(timetable)?;
        due.provisional.then_some(due.at_ms)
    }

    /// Whether the department's work is done as far as anybody knows.
    pub const fn is_handled(&self) -> bool {
        matches!(self.stage, Stage::Handled | Stage::Checked) || self.stage.is_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{Calendar, Limit, LimitUnit};
    use crate::time::CountedTime;
    use crate::workflow::Supervision;

    /// Monday 2026-11-16, 09:00 in Shanghai.
    const MONDAY_9: i64 = 1_794_790_800_000;
    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    fn timetable() -> Timetable {
        let calendar = include_str!("../../../../data/calendar.json");
        Timetable::new(&serde_json::from_str::<Calendar>(calendar).unwrap()).unwrap()
    }

    fn hours(amount: u32) -> Limit {
        let unit = LimitUnit::UrgentHour;
        Limit { unit, amount }
    }

    fn at(at_ms: i64) -> CountedTime {
        CountedTime {
            at_ms,
            flagged: false,
        }
    }

    fn limits() -> Limits {
        let escalation = |after, to| Escalation {
            after: hours(after),
            to,
        };
        Limits {
            stages: [(Stage::Reported, hours(1))].into(),
            escalations: vec![
                escalation(48, AreaLevel::Street),
                escalation(24, AreaLevel::Community),
            ],
            ..Limits::default()
        }
    }

    /// Dispatched with two hours for handling.
    fn dispatched() -> CaseState {
        CaseState {
            stage: Stage::Dispatched,
            course: Some(Course::begin(MONDAY_9, hours(2))),
            ..CaseState::default()
        }
    }

    /// Lets the clock do what it does, until nothing is left.
    fn let_be(mut state: CaseState) -> (CaseState, Vec<(i64, &'static str)>) {
        let mut fired = Vec::new();
        while let Some(timer) = next_timer(&state, &timetable(), &limits()) {
            state = state.after(timer);
            fired.push(((timer.due_ms - MONDAY_9) / HOUR, timer.kind.code()));
            assert!(fired.len() < 10, "a timer fires again and again: {fired:?}");
        }
        (state, fired)
    }

    #[test]
    fn a_case_that_nobody_handles_is_overdue_once_and_climbs_level_by_level() {
        let (state, fired) = let_be(dispatched());
        let expected = [(2, "overdue"), (26, "escalated"), (50, "escalated")];
        assert_eq!(fired, expected);
        assert_eq!(state.level, Some(AreaLevel::Street));
        assert_eq!(state.overdue_ms, Some(MONDAY_9 + 2 * HOUR));
    }

    #[test]
    fn handled_or_closed_cases_are_left_alone() {
        for stage in [Stage::Handled, Stage::Checked, Stage::Closed, Stage::Void] {
            let state = CaseState {
                stage,
                ..dispatched()
            };
            assert_eq!(let_be(state).1, [], "{stage:?}");
        }
    }

    #[test]
    fn while_a_case_is_suspended_nothing_is_due() {
        let mut state = dispatched();
        state.stage = Stage::Suspended;
        if let Some(course) = &mut state.course {
            course.pause(MONDAY_9 + HOUR);
        }
        assert_eq!(let_be(state).1, []);
    }

    #[test]
    fn whoever_supervises_and_gets_no_answer_is_told_so() {
        let state = CaseState {
            stage: Stage::Dispatched,
            supervision: Some(Supervision {
                level: 2,
                since: at(MONDAY_9),
                reply_within: hours(4),
                overdue: false,
                answered: None,
            }),
            ..CaseState::default()
        };
        let (state, fired) = let_be(state);
        assert_eq!(fired, [(4, "reply_overdue")]);
        assert!(
            state
                .supervision
                .is_some_and(|supervision| supervision.overdue)
        );
    }

    #[test]
    fn a_stage_that_is_an_offices_business_has_its_own_limit() {
        use crate::environment::SeededEntropy;
        use crate::id::EntryId;
        use crate::workflow::{LastStep, Step};
        let state = CaseState {
            stage: Stage::Reported,
            last: Some(LastStep {
                proposal: EntryId::new(1, &mut SeededEntropy::new(1)),
                step: Step::Report,
                by: "w".into(),
                at: at(MONDAY_9 + DAY),
            }),
            ..CaseState::default()
        };
        let (state, fired) = let_be(state);
        assert_eq!(fired, [(25, "stage_overdue")]);
        assert!(state.stage_overdue);
    }

    #[test]
    fn an_overdue_that_comes_back_after_the_work_says_whether_that_was_in_time() {
        for (handled, in_time) in [(1, true), (3, false)] {
            let state = CaseState {
                stage: Stage::Handled,
                handled_at: Some(at(MONDAY_9 + handled * HOUR)),
                ..dispatched()
            };
            let due_ms = MONDAY_9 + 2 * HOUR;
            let kind = TimerKind::Overdue;
            let state = state.after(Timer { due_ms, kind });
            assert_eq!(
                (state.overdue_ms, state.done_in_time),
                (Some(due_ms), in_time)
            );
        }
    }

    #[test]
    fn the_clock_never_takes_a_case_from_a_higher_level() {
        let street = CaseState {
            level: Some(AreaLevel::Street),
            ..dispatched()
        };
        let kind = TimerKind::Escalated(AreaLevel::Community);
        let after = street.after(Timer { due_ms: 0, kind });
        assert_eq!(after.level, Some(AreaLevel::Street));
    }

    #[test]
    fn every_kind_is_read_from_its_code_and_nothing_else_is() {
        let plain = [
            TimerKind::Overdue,
            TimerKind::StageOverdue,
            TimerKind::ReplyOverdue,
            TimerKind::DeadlineMoved,
        ];
        let levels = AreaLevel::ALL.map(TimerKind::Escalated);
        for kind in plain.into_iter().chain(levels) {
            assert_eq!(TimerKind::from_code(kind.code(), kind.level()), Some(kind));
        }
        assert_eq!(TimerKind::from_code("escalated", None), None);
        assert_eq!(
            TimerKind::from_code("overdue", Some(AreaLevel::Street)),
            None
        );
    }

    #[test]
    fn only_what_begins_anew_wipes_out_what_the_clock_said() {
        let wipes_out = |kind: TimerKind| {
            let steps = crate::workflow::STEPS.iter().map(|row| row.step);
            steps
                .filter(|step| kind.is_undone_by(*step))
                .collect::<Vec<_>>()
        };
        assert_eq!(wipes_out(TimerKind::Overdue), [Step::Reopen]);
        let supervision = [Step::Supervise, Step::AnswerSupervision];
        assert_eq!(wipes_out(TimerKind::ReplyOverdue), supervision);
        assert!(wipes_out(TimerKind::StageOverdue).contains(&Step::Feedback));
        assert!(!wipes_out(TimerKind::StageOverdue).contains(&Step::Urge));
    }
}
