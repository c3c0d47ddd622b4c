use gridlog_domain::record::Command;
use gridlog_domain::reference::{Limit, LimitUnit, Minor};
use gridlog_domain::workflow::Step;
use gridlog_merge_guard::Limits;
use gridlog_protocol::{Fact, LogEntry};
use serde_json::json;

use super::*;
use crate::exchange::Hands as _;
use crate::ingest::{Pushed, Why, examine};
use crate::store::NewItem;
use crate::town::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Overdue cases go to the community after a day and to the street after two.
fn climbing() -> serde_json::Value {
    let after = |hours: u32, to: &str| json!({ "after": { "unit": "urgent_hour", "amount": hours }, "to": to });
    json!({ "escalations": [after(24, "community"), after(48, "street")] })
}

/// A case that is dispatched now, with two hours for handling.
fn dispatched(town: &Town, phone: &mut TestDevice, n: u8) {
    let reported = [
        new_case(GRID_A, "井盖缺失"),
        propose(town, WORKER, Step::Report),
    ];
    let begun = phone.write(town, record(n), &reported);
    phone.push(town, vec![begun]);
    for step in [Step::Register, Step::Dispatch] {
        town.office(OFFICE, record(n), vec![propose(town, OFFICE, step)]);
    }
}

/// What the clock did: the moment in hours after [`NOW`], which case, what.
fn told(town: &Town) -> Vec<(i64, RecordId, String)> {
    let entries = town.store.entries(0, 10_000).unwrap();
    let entries = entries
        .iter()
        .map(|entry| LogEntry::from_bytes(&entry.canonical).unwrap());
    entries
        .filter_map(|entry| match entry.fact {
            Fact::Timer {
                kind,
                level,
                due_ms,
            } => {
                let what = level.map_or(kind, |level| format!("to {level}"));
                Some((
                    (due_ms - NOW) / HOUR,
                    RecordId::from_bytes(entry.record.0),
                    what,
                ))
            }
            _ => None,
        })
        .collect()
}

fn state(town: &Town, n: u8) -> CaseState {
    let row = town.store.record(record(n)).unwrap().unwrap();
    serde_json::from_str(&row.state.unwrap()).unwrap()
}

/// Three cases, an hour apart, the last one first.
fn three_cases() -> Town {
    let town = Town::new();
    town.keep_time(&climbing());
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    for n in [3, 2, 1] {
        dispatched(&town, &mut phone, n);
        town.wait(HOUR);
    }
    town
}

fn what_three_cases_come_to() -> Vec<(i64, RecordId, String)> {
    let mut expected = Vec::new();
    for (after, what) in [(2, "overdue"), (26, "to community"), (50, "to street")] {
        for (late, n) in (0..).zip([3, 2, 1]) {
            expected.push((after + late, record(n), what.to_owned()));
        }
    }
    expected
}

#[test]
fn after_days_without_a_server_everything_is_entered_once_in_the_order_of_its_moments() {
    let town = three_cases();
    town.wait(5 * DAY);
    assert_eq!(town.let_clock_run(100), 9);
    assert_eq!(told(&town), what_three_cases_come_to());
    assert_eq!(town.let_clock_run(100), 0);
    town.wait(DAY);
    assert_eq!(town.let_clock_run(100), 0);
    assert_eq!(state(&town, 3).overdue_ms, Some(NOW + 2 * HOUR));
    town.require_sound();
}

#[test]
fn the_order_and_the_outcome_are_the_same_however_few_are_entered_at_once() {
    for at_once in 1..5 {
        let town = three_cases();
        town.wait(5 * DAY);
        assert_eq!(town.let_clock_run(at_once), 9);
        assert_eq!(told(&town), what_three_cases_come_to(), "{at_once} at once");
        town.require_sound();
    }
}

#[test]
fn a_server_that_stops_in_between_goes_on_where_it_was() {
    let town = three_cases();
    town.wait(5 * DAY);
    for _ in 0..20 {
        let fired = town
            .sequencer
            .borrow_mut()
            .fire_timers(town.now.get(), 1)
            .unwrap();
        assert!(fired.entered <= 1);
        town.start_again();
    }
    assert_eq!(told(&town), what_three_cases_come_to());
    town.require_sound();
}

#[test]
fn a_hundred_cases_at_once_are_entered_some_at_a_time_and_none_twice() {
    let town = Town::new();
    town.keep_time(&json!({}));
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    (1..=100).for_each(|n| dispatched(&town, &mut phone, n));
    town.wait(2 * HOUR);
    let mut sequencer = town.sequencer.borrow_mut();
    let fired = sequencer.fire_timers(town.now.get(), 30).unwrap();
    assert_eq!((fired.entered, fired.more), (30, true));
    drop(sequencer);
    assert_eq!(town.let_clock_run(30), 70);
    let whose: std::collections::BTreeSet<_> = told(&town).into_iter().map(|told| told.1).collect();
    assert_eq!(whose.len(), 100);
    town.require_sound();
}

#[test]
fn it_is_told_when_the_next_one_is_due() {
    let town = three_cases();
    town.let_clock_run(10);
    let next = |town: &Town| {
        let mut sequencer = town.sequencer.borrow_mut();
        sequencer.fire_timers(town.now.get(), 10).unwrap()
    };
    let hour = |hours: i64| Some(NOW + hours * HOUR);
    assert_eq!(told(&town).len(), 2, "three hours have passed");
    assert_eq!(next(&town).next_due_ms, hour(4));
    town.wait(HOUR - 1);
    assert_eq!(next(&town).entered, 0);
    town.wait(1);
    assert_eq!(
        (next(&town).entered, next(&town).next_due_ms),
        (1, hour(26))
    );
}

#[test]
fn no_deadline_overtakes_what_waits_to_be_decided_on() {
    let town = three_cases();
    let mut phone = town.phone(2, HANDLER);
    phone.bootstrap(&town);
    town.let_clock_run(10);
    let done = phone.write(&town, record(1), &[propose(&town, HANDLER, Step::Feedback)]);
    town.wait(5 * DAY);
    let by = Pushed {
        device: phone.device.id,
        person: &phone.device.person,
        actors: &[phone.actor.into()],
        received_ms: town.now.get(),
    };
    let item = examine(done, &by, &Limits::default());
    let items: Vec<NewItem> = vec![item];
    let names: Vec<_> = items.iter().map(|item| item.item).collect();
    town.receive(items).unwrap();
    let before = told(&town);
    assert_eq!(town.let_clock_run(10), 0);
    town.await_decisions(&names).unwrap();
    town.let_clock_run(10);
    let since = told(&town).split_off(before.len());
    assert!(
        since.iter().all(|(_, whose, _)| *whose != record(1)),
        "{since:?}"
    );
    assert_eq!(since.len(), 4, "the others go on");
    assert_eq!(state(&town, 1).overdue_ms, None);
}

#[test]
fn where_the_limits_change_every_open_case_is_timed_anew() {
    let town = Town::new();
    town.keep_time(&json!({}));
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    (1..=3).for_each(|n| dispatched(&town, &mut phone, n));
    town.wait(3 * DAY);
    assert_eq!(town.let_clock_run(2), 3, "overdue, and nothing else");
    town.keep_time(&climbing());
    assert_eq!(town.let_clock_run(2), 6);
    town.require_sound();
}

#[test]
fn cases_of_a_database_that_knew_no_timers_are_found() {
    let town = Town::new();
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    (1..=3).for_each(|n| dispatched(&town, &mut phone, n));
    town.wait(3 * DAY);
    assert_eq!(town.let_clock_run(2), 0, "there is no calendar to count by");
    town.keep_time(&json!({}));
    town.start_again();
    assert_eq!(town.let_clock_run(2), 3);
}

/// A case that is dispatched in the last days that the calendar knows, with ten working days.
fn provisional(town: &Town, phone: &mut TestDevice) {
    // Monday 2026-12-28, 11:33 in Shanghai.
    town.now.set(1_798_428_800_000);
    let reported = [
        new_case(GRID_A, "路灯不亮"),
        propose(town, WORKER, Step::Report),
    ];
    let begun = phone.write(town, record(1), &reported);
    phone.push(town, vec![begun]);
    let mut filed = propose(town, OFFICE, Step::Register);
    if let Command::Propose { proposal, .. } = &mut filed {
        let conditions = town.directory.now();
        let (code, name) = conditions.catalogue.minors().find_map(in_ten_days).unwrap();
        proposal.details.category = Some(code);
        proposal.details.condition = Some(name);
    }
    town.office(OFFICE, record(1), vec![filed]);
    town.office(
        OFFICE,
        record(1),
        vec![propose(town, OFFICE, Step::Dispatch)],
    );
}

/// A class with some days for handling.
fn in_ten_days(minor: &Minor) -> Option<(String, String)> {
    let is_long = |limit: Limit| limit.unit == LimitUnit::WorkDay && limit.amount >= 5;
    let mut conditions = minor.filing_conditions.iter();
    let found = conditions.find(|condition| is_long(condition.handling_limit))?;
    Some((minor.code.clone(), found.name.clone()))
}

/// The calendar with the year 2027: nobody works in its first week.
fn next_year() -> serde_json::Value {
    let text = include_str!("../../../../../data/calendar.json");
    let mut calendar: serde_json::Value = serde_json::from_str(text).unwrap();
    let days: Vec<String> = (1..=8).map(|day| format!("2027-01-{day:02}")).collect();
    let week: Vec<&String> = days
        .iter()
        .filter(|day| !["02", "03"].contains(&&day[8..]))
        .collect();
    calendar["years"]["2027"] = json!({ "weekday_holidays": week, "weekend_workdays": [] });
    calendar
}

#[test]
fn a_provisional_deadline_moves_with_the_calendar_and_the_log_says_so() {
    let town = Town::new();
    town.keep_time(&json!({}));
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    provisional(&town, &mut phone);
    let row = |town: &Town| town.store.record(record(1)).unwrap().unwrap();
    let before_ms = row(&town).timer.provisional_ms.unwrap();
    assert_eq!(town.let_clock_run(10), 0);
    assert_eq!(told(&town), []);

    town.keep_calendar(&next_year());
    town.let_clock_run(10);
    let timer = row(&town).timer;
    assert_eq!(timer.provisional_ms, None);
    let due_ms = timer.due_ms.unwrap();
    assert!(due_ms >= before_ms + 5 * DAY, "a week without work");
    let said = Fact::Timer {
        kind: "deadline_moved".to_owned(),
        level: None,
        due_ms,
    };
    assert_eq!(town.facts(record(1)).last(), Some(&said));
    town.let_clock_run(10);
    town.start_again();
    town.let_clock_run(10);
    assert_eq!(told(&town).len(), 1, "it is said once");
    let page = phone.pull(&town);
    assert!(page.body.entries.iter().any(|feed| feed.entry.fact == said));
    town.now.set(due_ms);
    assert_eq!(town.let_clock_run(10), 1);
    town.require_sound();
}

#[test]
fn a_phone_is_told_of_it_with_the_state_after_it() {
    let town = three_cases();
    let mut phone = town.phone(2, COLLEAGUE);
    phone.bootstrap(&town);
    town.wait(DAY);
    town.let_clock_run(10);
    let page = phone.pull(&town);
    let delta = page
        .body
        .records
        .iter()
        .find(|delta| delta.record.0 == [1; 16])
        .unwrap();
    let told = delta.state.clone().unwrap().0;
    assert_eq!(
        told,
        town.store
            .record(record(1))
            .unwrap()
            .unwrap()
            .state
            .unwrap()
            .into_bytes()
    );
    let told: CaseState = serde_json::from_slice(&told).unwrap();
    assert_eq!(told.overdue_ms, Some(NOW + 4 * HOUR));
    assert!(delta.changes.is_empty(), "nobody wrote anything");
}

#[test]
fn a_log_that_was_put_back_is_left_to_the_phones_for_a_day_first() {
    let town = Town::new();
    town.keep_time(&json!({}));
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    (1..=2).for_each(|n| dispatched(&town, &mut phone, n));
    let mut handler = town.phone(2, HANDLER);
    handler.bootstrap(&town);
    let backup = town.back_up();
    let done = handler.write(&town, record(1), &[propose(&town, HANDLER, Step::Feedback)]);
    handler.push(&town, vec![done.clone()]);
    town.wait(3 * HOUR);
    assert_eq!(town.let_clock_run(10), 1, "one was handled");

    let town = town.restore(&backup, Some(Why::Restored));
    town.sequencer.borrow_mut().patience = Patience {
        for_ms: DAY,
        known: None,
    };
    let fire = |town: &Town| {
        let now_ms = town.now.get();
        town.sequencer.borrow_mut().fire_timers(now_ms, 10).unwrap()
    };
    let day_later_ms = town.now.get() + DAY;
    let waiting = Fired {
        next_due_ms: Some(day_later_ms),
        ..Fired::default()
    };
    assert_eq!(fire(&town), waiting);
    handler.pull(&town);
    handler.push(&town, vec![done]);
    town.now.set(day_later_ms - 1);
    assert_eq!(fire(&town), waiting);
    town.wait(1);
    assert_eq!(fire(&town).entered, 1);
    assert_eq!(told(&town), [(2, record(2), "overdue".to_owned())]);
    assert_eq!(
        state(&town, 1).overdue_ms,
        None,
        "its phone gave it back in time"
    );
    town.require_sound();
}

#[test]
fn a_log_that_was_never_put_back_waits_for_nobody() {
    let town = three_cases();
    town.sequencer.borrow_mut().patience = Patience {
        for_ms: 30 * DAY,
        known: None,
    };
    town.wait(5 * DAY);
    assert_eq!(town.let_clock_run(100), 9);
}
