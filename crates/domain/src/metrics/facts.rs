//! What of a case is counted.

use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::deadline::{Course, Timetable};
use crate::reference::{Limit, LimitUnit};
use crate::time::CountedTime;
use crate::workflow::{CaseState, Stage};

/// A moment in the life of a case, by which it falls into a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// It was reported.
    Reported,
    /// An office answered whoever reported it.
    Answered,
    /// It was filed.
    Filed,
    /// It was first given to a department.
    Dispatched,
    /// It has to be handled by then, pauses and extensions counted in.
    Due,
    /// It was handled last.
    Handled,
    /// It was closed.
    Closed,
    /// A mediation ended.
    Mediated,
    /// The resident was asked.
    CalledBack,
}

impl Moment {
    /// Every moment.
    pub const ALL: [Self; 9] = [
        Self::Reported,
        Self::Answered,
        Self::Filed,
        Self::Dispatched,
        Self::Due,
        Self::Handled,
        Self::Closed,
        Self::Mediated,
        Self::CalledBack,
    ];

    /// The moment's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Answered => "answered",
            Self::Filed => "filed",
            Self::Dispatched => "dispatched",
            Self::Due => "due",
            Self::Handled => "handled",
            Self::Closed => "closed",
            Self::Mediated => "mediated",
            Self::CalledBack => "called_back",
        }
    }

    /// Its name in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Reported => "上报时间",
            Self::Answered => "首次答复时间",
            Self::Filed => "立案时间",
            Self::Dispatched => "首次派遣时间",
            Self::Due => "处置时限",
            Self::Handled => "处置时间",
            Self::Closed => "结案时间",
            Self::Mediated => "调解结束时间",
            Self::CalledBack => "回访时间",
        }
    }
}

/// How soon an office has to answer a resident: 24 hours around the clock.
pub(super) const ANSWER_WITHIN: Limit = Limit {
    unit: LimitUnit::UrgentHour,
    amount: 24,
};

/// What of one case is counted. It names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// By which way it came in.
    pub channel: Channel,
    /// Where it stands.
    pub stage: Stage,
    /// When it was reported.
    pub reported_ms: Option<i64>,
    /// When an office first answered.
    pub answered_ms: Option<i64>,
    /// By when an office had to.
    pub answer_due_ms: Option<i64>,
    /// When it was filed.
    pub filed_ms: Option<i64>,
    /// When it was first given to a department.
    pub dispatched_ms: Option<i64>,
    /// How often a department said that it is not theirs.
    pub returns: u32,
    /// By when it has to be handled; `None` before it is filed and while it stands still.
    pub due_ms: Option<i64>,
    /// When it was handled last.
    pub handled_ms: Option<i64>,
    /// How often it was sent back for rework.
    pub reworks: u32,
    /// When it was closed.
    pub closed_ms: Option<i64>,
    /// Whether it was closed by force.
    pub forced: bool,
    /// When its mediation ended.
    pub mediated_ms: Option<i64>,
    /// Whether the parties agreed.
    pub agreed: bool,
    /// When the resident was asked.
    pub called_back_ms: Option<i64>,
    /// Whether it is solved in their eyes.
    pub solved: bool,
    /// What they said of it, 1 to 5; 0 if nobody asked.
    pub rating: u8,
}

impl CaseFacts {
    /// What is counted of a case that stands so.
    pub fn of(state: &CaseState, channel: Channel, timetable: &Timetable) -> Self {
        let at = |time: Option<CountedTime>| time.map(|time| time.at_ms);
        let due = state.course.as_ref().and_then(|c| c.due(timetable));
        let reported_ms = at(state.reported_at);
        let answer_due = reported_ms.and_then(|ms| Course::begin(ms, ANSWER_WITHIN).due(timetable));
        let mediation = state.mediation.as_ref();
        let callback = state.callback.as_ref();
        Self {
            channel,
            stage: state.stage,
            reported_ms,
            answered_ms: at(state.answered_at),
            answer_due_ms: answer_due.map(|due| due.at_ms),
            filed_ms: at(state.filed_at),
            dispatched_ms: at(state.dispatched_at),
            returns: state.returns,
            due_ms: due.map(|due| due.at_ms),
            handled_ms: at(state.handled_at),
            reworks: state.reworks,
            closed_ms: at(state.closed_at),
            forced: state.forced,
            mediated_ms: mediation.and_then(|mediation| at(mediation.ended)),
            agreed: mediation.and_then(|mediation| mediation.agreed) == Some(true),
            called_back_ms: callback.map(|callback| callback.at.at_ms),
            solved: callback.is_some_and(|callback| callback.solved),
            rating: callback.map_or(0, |callback| callback.rating),
        }
    }

    /// When that was; `None` if it was not yet.
    pub const fn at(&self, moment: Moment) -> Option<i64> {
        match moment {
            Moment::Reported => self.reported_ms,
            Moment::Answered => self.answered_ms,
            Moment::Filed => self.filed_ms,
            Moment::Dispatched => self.dispatched_ms,
            Moment::Due => self.due_ms,
            Moment::Handled => self.handled_ms,
            Moment::Closed => self.closed_ms,
            Moment::Mediated => self.mediated_ms,
            Moment::CalledBack => self.called_back_ms,
        }
    }
}
