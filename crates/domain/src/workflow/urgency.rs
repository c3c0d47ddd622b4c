//! How urgent a case is: by when it is to be handled, and its light.

use serde::{Deserialize, Serialize};

use super::state::CaseState;
use crate::deadline::{Light, Shares, Timetable};

/// How urgent a case is that a department has to handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Urgency {
    /// By when it is to be handled, milliseconds since the Unix epoch; `None` while it stands still.
    pub due_ms: Option<i64>,
    /// Whether that may change: it was counted over days that the calendar does not know yet.
    pub provisional: bool,
    /// Its light; `None` while it stands still and was not overdue before.
    pub light: Option<Light>,
    /// Whether the log says that it was overdue. That stays, also where more time was granted since.
    pub overdue: bool,
}

impl CaseState {
    /// How urgent it is at `now_ms`. `None` for what nobody has to handle: it is not filed, its department
    /// has answered, or it is over.
    ///
    /// Green, yellow and red are shares of the limit as it runs: a suspension stops it, an extension makes
    /// it longer. What the log says is overdue is red whatever happened since.
    pub fn urgency(&self, timetable: &Timetable, shares: Shares, now_ms: i64) -> Option<Urgency> {
        let course = self.course.as_ref().filter(|_| !self.is_handled())?;
        let due = course.due(timetable);
        let overdue = self.overdue_ms.is_some();
        Some(Urgency {
            due_ms: due.map(|due| due.at_ms),
            provisional: due.is_some_and(|due| due.provisional),
            light: match overdue {
                true => Some(Light::Red),
                false => course.light(timetable, shares, now_ms),
            },
            overdue,
        })
    }
}

impl Urgency {
    /// What people read, in Chinese: 绿灯, 黄灯, 红灯, 超期 or 暂停计时.
    pub const fn zh(self) -> &'static str {
        match (self.overdue, self.light) {
            (true, _) => "超期",
            (false, Some(light)) => light.zh(),
            (false, None) => "暂停计时",
        }
    }

    /// The same in English.
    pub const fn en(self) -> &'static str {
        match (self.overdue, self.light) {
            (true, _) => "overdue",
            (false, Some(light)) => light.en(),
            (false, None) => "stands still",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::Course;
    use crate::reference::{Calendar, Limit, LimitUnit};
    use crate::workflow::{Stage, Timer, TimerKind};

    /// Monday 2026-11-16, 08:00 in Shanghai.
    const MONDAY_8: i64 = 1_794_787_200_000;
    const HOUR: i64 = 3_600_000;

    fn timetable() -> Timetable {
        let calendar = include_str!("../../../../data/calendar.json");
        Timetable::new(&serde_json::from_str::<Calendar>(calendar).unwrap()).unwrap()
    }

    fn hours(amount: u32) -> Limit {
        let unit = LimitUnit::UrgentHour;
        Limit { unit, amount }
    }

    /// A department has it, with eight hours.
    fn dispatched() -> CaseState {
        CaseState {
            stage: Stage::Dispatched,
            course: Some(Course::begin(MONDAY_8, hours(8))),
            ..CaseState::default()
        }
    }

    fn after(state: &CaseState, hours: i64) -> Option<Urgency> {
        state.urgency(&timetable(), Shares::default(), MONDAY_8 + hours * HOUR)
    }

    fn lights(state: &CaseState) -> Vec<Option<Light>> {
        let hours = [0, 5, 6, 7, 8, 9];
        let lights = hours.map(|hours| after(state, hours).and_then(|urgency| urgency.light));
        lights.into()
    }

    use Light::{Green, Red, Yellow};

    #[test]
    fn a_light_is_yellow_from_three_quarters_of_the_limit_and_red_from_its_end() {
        let expected = [Green, Green, Yellow, Yellow, Red, Red].map(Some);
        assert_eq!(lights(&dispatched()), expected);
        assert_eq!(
            after(&dispatched(), 0).unwrap().due_ms,
            Some(MONDAY_8 + 8 * HOUR)
        );
    }

    #[test]
    fn a_district_sets_its_own_shares() {
        let shares = Shares::new(25, 50).unwrap();
        let light = |hours: i64| {
            let now_ms = MONDAY_8 + hours * HOUR;
            dispatched()
                .urgency(&timetable(), shares, now_ms)
                .unwrap()
                .light
        };
        assert_eq!(
            [1, 2, 3, 4].map(light),
            [Green, Yellow, Yellow, Red].map(Some)
        );
    }

    #[test]
    fn while_it_is_suspended_it_has_no_light_and_goes_on_where_it_was() {
        let mut state = dispatched();
        state.course.as_mut().unwrap().pause(MONDAY_8 + HOUR);
        let urgency = after(&state, 7).unwrap();
        assert_eq!(
            (urgency.light, urgency.due_ms, urgency.zh()),
            (None, None, "暂停计时")
        );
        state.course.as_mut().unwrap().resume(MONDAY_8 + 7 * HOUR);
        assert_eq!(lights(&state)[3..], [Green, Green, Green].map(Some));
        assert_eq!(after(&state, 7).unwrap().due_ms, Some(MONDAY_8 + 14 * HOUR));
    }

    #[test]
    fn an_extension_makes_the_limit_longer() {
        let mut state = dispatched();
        state.course.as_mut().unwrap().extend(hours(8));
        assert_eq!(lights(&state), [Some(Green); 6]);
        assert_eq!(after(&state, 12).unwrap().light, Some(Yellow));
    }

    #[test]
    fn what_was_overdue_is_red_whatever_is_granted_or_stands_still_afterwards() {
        let timer = Timer {
            due_ms: MONDAY_8 + 8 * HOUR,
            kind: TimerKind::Overdue,
        };
        let mut state = dispatched().after(timer);
        state.course.as_mut().unwrap().extend(hours(100));
        let urgency = after(&state, 9).unwrap();
        assert_eq!((urgency.light, urgency.zh()), (Some(Red), "超期"));
        state.course.as_mut().unwrap().pause(MONDAY_8 + 10 * HOUR);
        assert_eq!(after(&state, 11).unwrap().light, Some(Red));
    }

    #[test]
    fn what_nobody_has_to_handle_has_no_light() {
        for stage in [Stage::Handled, Stage::Checked, Stage::Closed, Stage::Void] {
            let state = CaseState {
                stage,
                ..dispatched()
            };
            assert_eq!(after(&state, 9), None, "{stage:?}");
        }
        assert_eq!(after(&CaseState::default(), 9), None, "it is not filed");
    }
}
