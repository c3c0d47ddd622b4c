//! Counting one limit.

use serde::{Deserialize, Serialize};

use super::timetable::{Timetable, day_after};
use crate::reference::{Limit, LimitUnit};

const HOUR_MS: u64 = 60 * 60 * 1_000;
/// No limit is counted over more days than a century has. It bounds the work for a limit that was
/// mistyped.
const MOST_DAYS: u32 = 36_525;

/// By when something has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// Milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Whether it was counted over days that the calendar does not know yet.
    pub provisional: bool,
}

/// What is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remainder {
    /// How it is counted.
    pub unit: LimitUnit,
    /// Milliseconds for hours, days for days.
    pub count: u64,
}

impl From<Limit> for Remainder {
    fn from(limit: Limit) -> Self {
        let amount = u64::from(limit.amount);
        Self {
            unit: limit.unit,
            count: match limit.unit {
                LimitUnit::UrgentHour | LimitUnit::WorkHour => amount * HOUR_MS,
                LimitUnit::WorkDay | LimitUnit::NaturalDay => amount,
            },
        }
    }
}

impl Timetable {
    /// When a limit ends that begins to run at `from_ms`. A limit of nothing ends where it begins.
    pub fn due(&self, from_ms: i64, limit: impl Into<Remainder>) -> Deadline {
        let Remainder { unit, count } = limit.into();
        match unit {
            _ if count == 0 => Deadline {
                at_ms: from_ms,
                provisional: false,
            },
            LimitUnit::UrgentHour => Deadline {
                at_ms: from_ms.saturating_add_unsigned(count),
                provisional: false,
            },
            LimitUnit::WorkHour => self.after_open_time(from_ms, count),
            LimitUnit::WorkDay => self.after_days(from_ms, count, true),
            LimitUnit::NaturalDay => self.after_days(from_ms, count, false),
        }
    }

    /// How much of a limit of that unit is used up between two moments: milliseconds for hours, ended
    /// days for days.
    pub fn used(&self, unit: LimitUnit, from_ms: i64, to_ms: i64) -> u64 {
        match unit {
            _ if to_ms <= from_ms => 0,
            LimitUnit::UrgentHour => to_ms.abs_diff(from_ms),
            LimitUnit::WorkHour => self.open_ms(from_ms, to_ms),
            LimitUnit::WorkDay => self.ended_days(from_ms, to_ms, true),
            LimitUnit::NaturalDay => self.ended_days(from_ms, to_ms, false),
        }
    }

    /// How long the district works between two moments, in milliseconds.
    pub fn open_ms(&self, from_ms: i64, to_ms: i64) -> u64 {
        let last = self.day_of(to_ms);
        let mut day = self.day_of(from_ms);
        let mut total = 0;
        for _ in 0..=MOST_DAYS {
            if day > last {
                break;
            }
            if self.works_on(day).0 {
                let within = self.open_on(day).map(|open| {
                    let (from, to) = (open.from_ms.max(from_ms), open.to_ms.min(to_ms));
                    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
                });
                total += within.sum::<u64>();
            }
            day = day_after(day);
        }
        total
    }

    fn after_open_time(&self, from_ms: i64, mut left_ms: u64) -> Deadline {
        let mut day = self.day_of(from_ms);
        let mut provisional = false;
        for _ in 0..=MOST_DAYS {
            let (works, is_known) = self.works_on(day);
            provisional |= !is_known;
            if works {
                for open in self.open_on(day) {
                    let from = open.from_ms.max(from_ms);
                    let room_ms = u64::try_from(open.to_ms.saturating_sub(from)).unwrap_or(0);
                    if left_ms <= room_ms {
                        let at_ms = from.saturating_add_unsigned(left_ms);
                        return Deadline { at_ms, provisional };
                    }
                    left_ms -= room_ms;
                }
            }
            day = day_after(day);
        }
        Deadline {
            at_ms: self.closing_ms(day),
            provisional: true,
        }
    }

    fn after_days(&self, from_ms: i64, mut left: u64, only_work_days: bool) -> Deadline {
        let mut day = self.day_of(from_ms);
        let mut provisional = false;
        for _ in 0..=MOST_DAYS {
            day = day_after(day);
            if only_work_days {
                let (works, is_known) = self.works_on(day);
                provisional |= !is_known;
                if !works {
                    continue;
                }
            }
            left -= 1;
            if left == 0 {
                let at_ms = self.closing_ms(day);
                return Deadline { at_ms, provisional };
            }
        }
        Deadline {
            at_ms: self.closing_ms(day),
            provisional: true,
        }
    }

    fn ended_days(&self, from_ms: i64, to_ms: i64, only_work_days: bool) -> u64 {
        let mut day = self.day_of(from_ms);
        let mut ended = 0;
        for _ in 0..=MOST_DAYS {
            day = day_after(day);
            if self.closing_ms(day) > to_ms {
                break;
            }
            if !only_work_days || self.works_on(day).0 {
                ended += 1;
            }
        }
        ended
    }
}
