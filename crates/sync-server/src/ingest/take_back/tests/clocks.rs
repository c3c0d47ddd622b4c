//! What the clock did comes back as it was, and is not done twice.

use serde_json::json;

use super::*;

const DAY: i64 = 86_400_000;

/// A town where a case became overdue after the backup, was handled, and a colleague's phone saw it all.
fn an_overdue_case(comes_whole: bool) -> (Town, TestDevice, Whole) {
    let town = Town::new();
    let after = json!({ "unit": "urgent_hour", "amount": 24 });
    town.keep_time(&json!({ "escalations": [{ "after": after, "to": "street" }] }));
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let reported = [new_case(GRID_A, "甲"), propose(&town, WORKER, Step::Report)];
    let begun = author.write(&town, record(1), &reported);
    author.push(&town, vec![begun]);
    for step in [Step::Register, Step::Dispatch] {
        town.office(OFFICE, record(1), vec![propose(&town, OFFICE, step)]);
    }
    let mut phone = town.phone(2, COLLEAGUE);
    if !comes_whole {
        phone.bootstrap(&town);
    }
    let backup = town.back_up();
    town.wait(2 * DAY);
    assert_eq!(town.let_clock_run(10), 2);
    town.office(OFFICE, record(1), vec![comment(&town, OFFICE, "已催")]);
    if comes_whole {
        phone.bootstrap(&town);
    }
    phone.pull(&town);
    let day = whole(&town, record(1)).unwrap();
    (town.restore(&backup, Some(Why::Restored)), phone, day)
}

fn timers(town: &Town) -> Vec<LogEntry> {
    let entries = town.store.record_entries(record(1)).unwrap();
    let entries = entries
        .iter()
        .map(|entry| LogEntry::from_bytes(&entry.canonical).unwrap());
    entries
        .filter(|entry| matches!(entry.fact, Fact::Timer { .. }))
        .collect()
}

#[test]
fn what_the_clock_did_comes_back_as_it_was_and_is_not_done_again() {
    for comes_whole in [false, true] {
        let (town, mut phone, day) = an_overdue_case(comes_whole);
        let returns = phone.everything();
        phone.give_back(&town, returns.clone());
        let back = whole(&town, record(1)).unwrap();
        assert_eq!(back.state, day.state);
        assert!(timers(&town).iter().all(|entry| entry.origin.is_some()));
        town.wait(10 * DAY);
        assert_eq!(town.let_clock_run(10), 0);
        assert_eq!(phone.give_back(&town, returns).body.returned, 0);
        assert_eq!(timers(&town).len(), 2, "whole: {comes_whole}");
        town.require_sound();
    }
}

#[test]
fn what_the_clock_did_anew_before_it_came_back_is_not_entered_twice() {
    let (town, mut phone, day) = an_overdue_case(false);
    assert_eq!(
        town.let_clock_run(10),
        2,
        "the server knows nothing of what it lost"
    );
    let returns = phone.everything();
    phone.give_back(&town, returns);
    assert_eq!(timers(&town).len(), 2);
    assert_eq!(whole(&town, record(1)).unwrap().state, day.state);
    town.require_sound();
}
