//! Which hours of which day are open.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::reference::Calendar;

/// Why a calendar cannot be counted by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimetableError {
    /// There is no such time zone.
    #[error("there is no time zone {0:?}; name one of the IANA database, such as Asia/Shanghai")]
    UnknownZone(String),
    /// Working hours that are none.
    #[error("{from:?} to {to:?} are no working hours; write HH:MM, the earlier time first")]
    BadHours {
        /// As written.
        from: String,
        /// As written.
        to: String,
    },
    /// No working hours, or hours that overlap or stand in disorder.
    #[error("working hours must be given, in order and apart from each other")]
    HoursInDisorder,
}

/// A calendar made ready for counting.
#[derive(Debug, Clone)]
pub struct Timetable {
    calendar: Calendar,
    zone: TimeZone,
    hours: Vec<(Time, Time)>,
    closing: Time,
}

/// Some open time of one day, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

impl Timetable {
    /// Reads a calendar.
    ///
    /// # Errors
    /// [`TimetableError`], which names what cannot be read.
    pub fn new(calendar: &Calendar) -> Result<Self, TimetableError> {
        let zone = TimeZone::get(&calendar.timezone)
            .map_err(|_| TimetableError::UnknownZone(calendar.timezone.clone()))?;
        let hours = calendar
            .work_hours
            .iter()
            .map(|(from, to)| read_hours(from, to))
            .collect::<Result<Vec<_>, _>>()?;
        let in_order = hours.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        match hours.last() {
            Some((_, closing)) if in_order => Ok(Self {
                closing: *closing,
                calendar: calendar.clone(),
                zone,
                hours,
            }),
            _ => Err(TimetableError::HoursInDisorder),
        }
    }

    /// The calendar that is counted by.
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Whether the district works on that day, and whether its calendar says so; beyond its years,
    /// Monday to Friday are working days.
    pub fn works_on(&self, day: Date) -> (bool, bool) {
        match self.calendar.is_work_day(day) {
            Some(works) => (works, true),
            None => {
                let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
                (!weekend, false)
            }
        }
    }

    /// The day in which a moment lies, in the district's time zone.
    pub fn day_of(&self, at_ms: i64) -> Date {
        moment(at_ms).to_zoned(self.zone.clone()).date()
    }

    /// When a day begins in the district's time zone, in milliseconds since the Unix epoch.
    pub fn begin_ms(&self, day: Date) -> i64 {
        self.ms(day, Time::midnight())
    }

    /// Whether the district works at that moment.
    pub fn is_open(&self, at_ms: i64) -> bool {
        let day = self.day_of(at_ms);
        let within = |open: Open| (open.from_ms..open.to_ms).contains(&at_ms);
        self.works_on(day).0 && self.open_on(day).any(within)
    }

    /// When business ends on a day, in milliseconds since the Unix epoch.
    pub(super) fn closing_ms(&self, day: Date) -> i64 {
        self.ms(day, self.closing)
    }

    /// The hours of a day if it is a working day.
    pub(super) fn open_on(&self, day: Date) -> impl Iterator<Item = Open> + '_ {
        self.hours.iter().map(move |(from, to)| Open {
            from_ms: self.ms(day, *from),
            to_ms: self.ms(day, *to),
        })
    }

    fn ms(&self, day: Date, time: Time) -> i64 {
        let stamp = self.zone.to_ambiguous_timestamp(day.to_datetime(time));
        // Only the very ends of the calendar, 9 999 years away, are no moments.
        stamp
            .compatible()
            .map_or(i64::MAX, Timestamp::as_millisecond)
    }
}

/// The day after; the last day of all has none.
pub(super) fn day_after(day: Date) -> Date {
    day.saturating_add(1.day())
}

/// The day before; the first day of all has none.
pub(super) fn day_before(day: Date) -> Date {
    day.saturating_sub(1.day())
}

fn moment(at_ms: i64) -> Timestamp {
    let end = if at_ms < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_millisecond(at_ms).unwrap_or(end)
}

fn read_hours(from: &str, to: &str) -> Result<(Time, Time), TimetableError> {
    let time = |text: &str| Time::strptime("%H:%M", text);
    match (time(from), time(to)) {
        (Ok(from), Ok(to)) if from < to => Ok((from, to)),
        _ => Err(TimetableError::BadHours {
            from: from.to_owned(),
            to: to.to_owned(),
        }),
    }
}
