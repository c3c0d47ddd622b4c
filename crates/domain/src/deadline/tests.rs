//! What the counting of limits promises.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{Course, Light, Shares, Timetable, TimetableError};
use crate::reference::{Calendar, Limit, LimitUnit};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 2026-01-01T00:00 in Shanghai.
const YEAR_2026: i64 = 1_767_196_800_000;

fn calendar() -> Calendar {
    serde_json::from_str(include_str!("../../../../data/calendar.json")).unwrap()
}

fn timetable() -> Timetable {
    Timetable::new(&calendar()).unwrap()
}

fn at(local: &str) -> i64 {
    let local: DateTime = local.parse().unwrap();
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    local.to_zoned(zone).unwrap().timestamp().as_millisecond()
}

fn limit(amount: u32, unit: LimitUnit) -> Limit {
    Limit { unit, amount }
}

fn due(from: &str, amount: u32, unit: LimitUnit) -> i64 {
    timetable().due(at(from), limit(amount, unit)).at_ms
}

#[test]
fn two_years_of_deadlines_are_those_of_an_independent_calendar_library() {
    let table = include_str!("../../tests/deadlines_2025_2026.csv");
    let timetable = timetable();
    let mut rows = 0;
    for row in table.lines().skip(1) {
        let times: Vec<i64> = row.split(',').map(at).collect();
        let of = |amount, unit| timetable.due(times[0], limit(amount, unit));
        let found = [
            of(2, LimitUnit::UrgentHour),
            of(4, LimitUnit::WorkHour),
            of(13, LimitUnit::WorkHour),
            of(1, LimitUnit::WorkDay),
            of(5, LimitUnit::WorkDay),
            of(7, LimitUnit::NaturalDay),
        ];
        assert_eq!(found.map(|due| due.at_ms), times[1..], "{row}");
        assert!(found.iter().all(|due| !due.provisional));
        rows += 1;
    }
    assert!(rows > 700, "two years, a day each");
}

#[test]
fn a_limit_counts_as_its_unit_says() {
    use LimitUnit::{NaturalDay, UrgentHour, WorkDay, WorkHour};
    // 2026-10-01 to 10-07 is a holiday, Saturday 10-10 a working day instead.
    let friday_evening = "2026-10-09T17:00";
    for (amount, unit, expected) in [
        (2, UrgentHour, "2026-10-09T19:00"),
        (2, WorkHour, "2026-10-10T09:00"),
        (1, WorkDay, "2026-10-10T18:00"),
        (2, WorkDay, "2026-10-12T18:00"),
        (2, NaturalDay, "2026-10-11T18:00"),
    ] {
        assert_eq!(
            due(friday_evening, amount, unit),
            at(expected),
            "{amount} {unit:?}"
        );
    }
}

#[test]
fn a_limit_that_begins_while_nobody_works_begins_to_run_when_work_begins() {
    assert_eq!(
        due("2026-10-03T23:00", 1, LimitUnit::WorkHour),
        at("2026-10-08T09:00")
    );
    assert_eq!(
        due("2026-11-16T12:30", 1, LimitUnit::WorkHour),
        at("2026-11-16T15:00")
    );
}

#[test]
fn beyond_the_calendar_a_deadline_is_provisional() {
    let timetable = timetable();
    let of = |amount, unit| timetable.due(at("2026-12-30T10:00"), limit(amount, unit));
    assert!(!of(1, LimitUnit::WorkDay).provisional);
    assert!(of(2, LimitUnit::WorkDay).provisional);
    assert_eq!(
        of(2, LimitUnit::WorkDay).at_ms,
        at("2027-01-01T18:00"),
        "nobody has said so yet"
    );
    assert!(
        !of(9, LimitUnit::NaturalDay).provisional,
        "no holiday changes it"
    );
}

#[test]
fn a_mistyped_limit_ends_at_some_time() {
    for unit in [
        LimitUnit::WorkHour,
        LimitUnit::WorkDay,
        LimitUnit::NaturalDay,
    ] {
        let due = timetable().due(YEAR_2026, limit(u32::MAX, unit));
        assert!(due.provisional && due.at_ms > YEAR_2026);
    }
    for end in [i64::MIN, i64::MAX] {
        timetable().due(end, limit(u32::MAX, LimitUnit::WorkHour));
        timetable().due(end, limit(u32::MAX, LimitUnit::UrgentHour));
    }
}

#[test]
fn a_calendar_that_cannot_be_counted_by_says_why() {
    let with = |change: fn(&mut Calendar)| {
        let mut calendar = calendar();
        change(&mut calendar);
        Timetable::new(&calendar).unwrap_err()
    };
    let hours = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(
        with(|calendar| calendar.timezone = "Asia/Nowhere".into()),
        TimetableError::UnknownZone("Asia/Nowhere".into())
    );
    assert_eq!(
        with(|calendar| calendar.work_hours.clear()),
        TimetableError::HoursInDisorder
    );
    assert_eq!(
        with(|calendar| calendar.work_hours.swap(0, 1)),
        TimetableError::HoursInDisorder
    );
    assert!(matches!(
        with(|calendar| calendar.work_hours[0].1 = "25:00".into()),
        TimetableError::BadHours { .. }
    ));
    let mut backwards = calendar();
    backwards.work_hours = vec![hours("12:00", "08:00")];
    assert!(Timetable::new(&backwards).is_err());
}

#[test]
fn a_pause_stops_the_limit_and_a_short_one_gains_nothing() {
    let timetable = timetable();
    let paused = |amount, unit, from: &str, to: &str| {
        let mut course = Course::begin(at("2026-11-16T09:00"), limit(amount, unit));
        course.pause(at(from));
        assert_eq!(course.due(&timetable), None);
        course.resume(at(to));
        course.due(&timetable).unwrap().at_ms
    };
    use LimitUnit::{UrgentHour, WorkDay, WorkHour};
    let (tea, back) = ("2026-11-18T10:00", "2026-11-18T10:10");
    assert_eq!(
        paused(3, WorkDay, tea, back),
        due("2026-11-16T09:00", 3, WorkDay)
    );
    assert_eq!(
        paused(3, WorkDay, tea, "2026-11-23T10:00"),
        at("2026-11-24T18:00")
    );
    assert_eq!(paused(20, WorkHour, tea, back), at("2026-11-18T15:10"));
    assert_eq!(
        paused(72, UrgentHour, tea, "2026-11-19T10:00"),
        at("2026-11-20T09:00")
    );
}

#[test]
fn an_extension_begins_where_the_limit_ends_and_may_count_otherwise() {
    let timetable = timetable();
    let mut course = Course::begin(at("2026-11-16T09:00"), limit(2, LimitUnit::WorkDay));
    course.extend(limit(4, LimitUnit::WorkHour));
    assert_eq!(
        course.due(&timetable).unwrap().at_ms,
        at("2026-11-19T12:00")
    );
    course.pause(at("2026-11-19T10:00"));
    course.resume(at("2026-11-20T14:00"));
    assert_eq!(
        course.due(&timetable).unwrap().at_ms,
        at("2026-11-20T16:00")
    );
}

#[test]
fn what_was_overdue_stays_so_when_it_is_suspended_later() {
    let timetable = timetable();
    let mut course = Course::begin(at("2026-11-16T09:00"), limit(2, LimitUnit::UrgentHour));
    course.pause(at("2026-11-17T09:00"));
    assert_eq!(
        course.due(&timetable).unwrap().at_ms,
        at("2026-11-16T11:00")
    );
    let light = course.light(&timetable, Shares::default(), at("2026-11-18T09:00"));
    assert_eq!(light, Some(Light::Red));
}

#[test]
fn lights_change_at_their_share_of_the_working_time() {
    let timetable = timetable();
    let course = Course::begin(at("2026-11-16T08:00"), limit(10, LimitUnit::WorkHour));
    let shares = Shares::new(50, 80).unwrap();
    let light = |now: &str| course.light(&timetable, shares, at(now));
    assert_eq!(light("2026-11-16T14:59"), Some(Light::Green));
    assert_eq!(light("2026-11-16T15:00"), Some(Light::Yellow));
    assert_eq!(light("2026-11-16T17:59"), Some(Light::Yellow));
    assert_eq!(light("2026-11-16T18:00"), Some(Light::Red));
    assert_eq!(light("2026-11-17T10:00"), Some(Light::Red));
    let mut paused = course.clone();
    paused.pause(at("2026-11-16T09:00"));
    assert_eq!(
        paused.light(&timetable, Shares::default(), at("2026-11-30T09:00")),
        None
    );
}

#[test]
fn shares_must_rise() {
    for (yellow, red) in [(0, 50), (50, 50), (80, 50), (50, 101)] {
        assert!(Shares::new(yellow, red).is_err());
        let form = format!("{{\"yellow\":{yellow},\"red\":{red}}}");
        assert!(serde_json::from_str::<Shares>(&form).is_err());
    }
    assert!(Shares::new(1, 100).is_ok());
}

fn units() -> impl Strategy<Value = LimitUnit> {
    prop_oneof![
        Just(LimitUnit::UrgentHour),
        Just(LimitUnit::WorkHour),
        Just(LimitUnit::WorkDay),
        Just(LimitUnit::NaturalDay),
    ]
}

/// A moment of 2025 to 2027, so that the calendar ends in between.
fn moments() -> impl Strategy<Value = i64> {
    (YEAR_2026 - 365 * DAY..YEAR_2026 + 500 * DAY).prop_map(|ms| ms / 1_000 * 1_000)
}

proptest! {
    #[test]
    fn whoever_begins_later_or_has_longer_is_never_due_earlier(
        unit in units(), from in moments(), later in 0..10 * DAY, amount in 0..20_u32, more in 0..20_u32,
    ) {
        let timetable = timetable();
        let due = timetable.due(from, limit(amount, unit)).at_ms;
        prop_assert!(due >= from);
        // A limit of nothing ends where it begins, whatever the hour.
        if amount > 0 {
            prop_assert!(due <= timetable.due(from + later, limit(amount, unit)).at_ms);
        }
        prop_assert!(due <= timetable.due(from, limit(amount + more, unit)).at_ms);
    }

    #[test]
    fn two_limits_one_after_the_other_are_one_of_their_sum(
        unit in units(), from in moments(), first in 0..20_u32, then in 0..20_u32,
    ) {
        let timetable = timetable();
        let between = timetable.due(from, limit(first, unit)).at_ms;
        prop_assert_eq!(
            timetable.due(between, limit(then, unit)).at_ms,
            timetable.due(from, limit(first + then, unit)).at_ms
        );
    }

    #[test]
    fn no_working_limit_ends_while_nobody_works(
        from in moments(), amount in 1..40_u32, days in any::<bool>(),
    ) {
        let timetable = timetable();
        let unit = if days { LimitUnit::WorkDay } else { LimitUnit::WorkHour };
        let due = timetable.due(from, limit(amount, unit)).at_ms;
        prop_assert!(timetable.is_open(due - 1), "the moment before it is working time");
    }

    #[test]
    fn what_is_used_and_what_is_left_make_the_whole(
        unit in units(), from in moments(), amount in 1..20_u32, gone in 0..40 * DAY,
    ) {
        let timetable = timetable();
        let whole = limit(amount, unit);
        let due = timetable.due(from, whole).at_ms;
        let now = (from + gone).min(due);
        let mut course = Course::begin(from, whole);
        course.pause(now);
        course.resume(now);
        prop_assert_eq!(course.due(&timetable).unwrap().at_ms, due);
    }

    #[test]
    fn a_pause_never_makes_a_limit_end_earlier_nor_while_it_lasts(
        unit in units(), from in moments(), amount in 1..20_u32,
        waits in proptest::collection::vec((0..5 * DAY, 0..5 * DAY), 1..4),
    ) {
        let timetable = timetable();
        let mut course = Course::begin(from, limit(amount, unit));
        let mut before = course.due(&timetable).unwrap().at_ms;
        let mut now = from;
        for (runs, stands) in waits {
            now += runs;
            course.pause(now);
            let was_over = before <= now;
            now += stands;
            course.resume(now);
            let due = course.due(&timetable).unwrap().at_ms;
            prop_assert!(due >= before);
            let holds = if was_over { due == before } else { due >= now };
            prop_assert!(holds, "due {due}, before {before}, now {now}");
            before = due;
        }
    }

    #[test]
    fn a_light_only_ever_goes_from_green_to_red(
        unit in units(), from in moments(), amount in 1..10_u32, step in HOUR..DAY,
    ) {
        let timetable = timetable();
        let course = Course::begin(from, limit(amount, unit));
        let due = course.due(&timetable).unwrap().at_ms;
        let mut before = Light::Green;
        for n in 0..60 {
            let now = from + n * step;
            let light = course.light(&timetable, Shares::default(), now).unwrap();
            prop_assert!(light >= before);
            prop_assert!(now < due || light == Light::Red);
            before = light;
        }
    }
}
