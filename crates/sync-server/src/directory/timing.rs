//! What cases are timed by: the calendar and the limits that hold for every class.

use gridlog_domain::deadline::Timetable;
use gridlog_domain::reference::{Calendar, Limits};
use gridlog_domain::workflow::{CaseState, Timer, Urgency, next_timer};

use crate::store::NextTimer;

/// Calendar and limits at one moment. Without a calendar nothing is due.
#[derive(Debug, Clone)]
pub struct Timing {
    timetable: Option<Timetable>,
    limits: Limits,
    stamp: u32,
}

impl Timing {
    /// Counts by this calendar and these limits.
    pub(super) fn new(calendar: Option<&Calendar>, limits: &Limits) -> Self {
        let timetable = calendar.and_then(|calendar| {
            let made = Timetable::new(calendar);
            if let Err(error) = &made {
                tracing::error!(%error, "no deadline is watched: the calendar cannot be counted by");
            }
            made.ok()
        });
        let known = timetable.as_ref().map(Timetable::calendar);
        let text = serde_json::to_string(&(known, limits)).unwrap_or_default();
        Self {
            timetable,
            limits: limits.clone(),
            stamp: super::content_version(&text),
        }
    }

    /// The calendar, ready for counting.
    pub const fn timetable(&self) -> Option<&Timetable> {
        self.timetable.as_ref()
    }

    /// The limits.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A number that differs where calendar or limits do.
    pub const fn stamp(&self) -> u32 {
        self.stamp
    }

    /// What the clock does to a case next.
    pub fn next(&self, state: &CaseState) -> Option<Timer> {
        next_timer(state, self.timetable.as_ref()?, &self.limits)
    }

    /// How urgent a case is.
    pub fn urgency(&self, state: &CaseState, now_ms: i64) -> Option<Urgency> {
        state.urgency(self.timetable.as_ref()?, self.limits.lights, now_ms)
    }

    /// What the clock does next, as a store keeps it.
    pub fn next_of(&self, state: Option<&CaseState>) -> NextTimer {
        let Some(state) = state.filter(|state| !state.stage.is_over()) else {
            return NextTimer::default();
        };
        let timetable = self.timetable.as_ref();
        NextTimer {
            due_ms: self.next(state).map(|timer| timer.due_ms),
            by: Some(self.stamp),
            provisional_ms: timetable.and_then(|timetable| state.provisional_ms(timetable)),
        }
    }
}
