//! The calendar of working days.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

/// What differs from "Monday to Friday" in one year.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarYear {
    /// Weekdays without work.
    pub weekday_holidays: Vec<Date>,
    /// Saturdays and Sundays with work (调休).
    pub weekend_workdays: Vec<Date>,
}

/// A district's calendar. Its file form is `data/calendar.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Grows with every edit by the district.
    pub version: u32,
    /// IANA time zone of the district.
    pub timezone: String,
    /// Working hours of a working day as `HH:MM` pairs.
    pub work_hours: Vec<(String, String)>,
    /// Exceptions by year.
    pub years: BTreeMap<String, CalendarYear>,
}

/// Of a district that has none: Monday to Friday, the hours of the calendar that ships, and no years, so that
/// every deadline in working time is provisional.
impl Default for Calendar {
    fn default() -> Self {
        let hours = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        Self {
            version: 0,
            timezone: "Asia/Shanghai".to_owned(),
            work_hours: vec![hours("08:00", "12:00"), hours("14:00", "18:00")],
            years: BTreeMap::new(),
        }
    }
}

impl Calendar {
    /// Whether the day is a working day; `None` beyond the calendar's years.
    pub fn is_work_day(&self, day: Date) -> Option<bool> {
        let year = self.years.get(&day.year().to_string())?;
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        Some(if weekend {
            year.weekend_workdays.contains(&day)
        } else {
            !year.weekday_holidays.contains(&day)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_shipped_calendar_knows_holidays_and_make_up_days() {
        let text = include_str!("../../../../data/calendar.json");
        let calendar: Calendar = serde_json::from_str(text).unwrap();
        assert_eq!(calendar.is_work_day(date(2026, 10, 1)), Some(false));
        assert_eq!(calendar.is_work_day(date(2026, 10, 10)), Some(true));
        assert_eq!(calendar.is_work_day(date(2026, 10, 12)), Some(true));
        assert_eq!(calendar.is_work_day(date(2026, 10, 11)), Some(false));
        assert_eq!(calendar.is_work_day(date(2030, 1, 1)), None);
    }
}
