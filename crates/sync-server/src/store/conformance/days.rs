//! What the close of a day needs.

use gridlog_domain::workflow::{CaseState, Stage};

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        a_day_is_closed_until_it_is_opened_again,
        what_a_device_holds_is_what_it_said_last,
        steps_are_counted_by_audience_and_time_and_once,
        overdue_cases_are_those_that_somebody_has_to_handle,
    ]
}

fn close(date: &str, area: &str) -> Fact {
    Fact::DayClosed {
        date: date.to_owned(),
        area: area.to_owned(),
        by: "O001".to_owned(),
        out: 0,
        unsent: 0,
        overdue: 0,
    }
}

fn reopen(date: &str, area: &str) -> Fact {
    Fact::DayReopened {
        date: date.to_owned(),
        area: area.to_owned(),
        by: "O001".to_owned(),
        reason: "mistake".to_owned(),
    }
}

fn enter_fact(store: &impl Store, fact: Fact) -> u64 {
    let mut batch = Entered::fact(0, &[], fact).on(store.head().unwrap());
    batch.records.clear();
    store.commit(&batch).unwrap();
    batch.head.seq
}

fn a_day_is_closed_until_it_is_opened_again(store: &impl Store) {
    let day = |date: &str, area: &str| store.day(date, area).unwrap();
    assert_eq!(day("2026-11-23", "1"), ClosedDay::default());
    assert!(!day("2026-11-23", "1").is_closed());
    let first = enter_fact(store, close("2026-11-23", "1"));
    assert!(day("2026-11-23", "1").is_closed());
    assert!(!day("2026-11-22", "1").is_closed());
    assert!(!day("2026-11-23", "2").is_closed());
    let again = enter_fact(store, reopen("2026-11-23", "1"));
    let stands = day("2026-11-23", "1");
    assert_eq!((stands.closed, stands.reopened), (Some(first), Some(again)));
    assert!(!stands.is_closed());
    enter_fact(store, close("2026-11-23", "1"));
    assert!(day("2026-11-23", "1").is_closed());
}

fn what_a_device_holds_is_what_it_said_last(store: &impl Store) {
    store.add_device(&device(1), DEVICE).unwrap();
    store.add_device(&device(2), [2; 16]).unwrap();
    let held = |changes| Unsent {
        changes,
        sent_back: 1,
    };
    store.note_unsent(device(1).id, held(5), 7).unwrap();
    store.note_unsent(device(1).id, held(3), 8).unwrap();
    let devices = store.devices().unwrap();
    let told: Vec<_> = devices.iter().map(|d| (d.device.id, d.unsent)).collect();
    let expected = [(device(1).id, Some((8, held(3)))), (device(2).id, None)];
    assert_eq!(told, expected);
    store.revoke_device(device(1).id, 9).unwrap();
    assert_eq!(store.devices().unwrap().len(), 1);
}

fn steps_are_counted_by_audience_and_time_and_once(store: &impl Store) {
    let ruled = |n: u8, audiences: &[&str], refused: Option<&str>| {
        let mut fact = ruling(n);
        if let Fact::Ruling { refused: told, .. } = &mut fact {
            *told = refused.map(str::to_owned);
        }
        Entered::fact(n, audiences, fact).into_log(store);
    };
    ruled(1, &["a:1"], None);
    ruled(2, &["a:1", "a:2"], None);
    ruled(3, &["a:1"], Some("wrong_stage"));
    let count = |audience: &str, within| {
        let steps = store.steps(audience, within).unwrap();
        steps.get("report").copied().unwrap_or_default()
    };
    let counts = |accepted, refused| StepCount { accepted, refused };
    // Everything is entered at the moment 9.
    assert_eq!(count("a:1", (9, 10)), counts(2, 1));
    assert_eq!(count("a:2", (0, 100)), counts(1, 0));
    assert_eq!(count("a:1", (10, 100)), counts(0, 0));
    assert_eq!(count("a:1", (0, 9)), counts(0, 0));
    let mut back = Entered::fact(4, &["a:1"], ruling(4)).on(store.head().unwrap());
    let mut entry = LogEntry::from_bytes(&back.entries[0].canonical).unwrap();
    entry.origin = Some(gridlog_protocol::Origin {
        epoch: 1,
        seq: 77,
        at_ms: 2,
    });
    back.entries[0].canonical = entry.to_bytes();
    back.head.hash = entry_hash(&back.entries[0].canonical);
    store.commit(&back).unwrap();
    assert_eq!(
        count("a:1", (9, 10)),
        counts(2, 1),
        "it was ruled on before"
    );
}

fn overdue_cases_are_those_that_somebody_has_to_handle(store: &impl Store) {
    let enter = |n: u8, audience: &str, overdue_ms, stage: Stage| {
        let audiences = [audience];
        let state = CaseState {
            stage,
            overdue_ms,
            ..CaseState::default()
        };
        let mut batch = Entered::begun(n, &audiences).on(store.head().unwrap());
        batch.records[0].state = Some(serde_json::to_string(&state).unwrap());
        batch.records[0].stage = stage.code().to_owned();
        store.commit(&batch).unwrap();
    };
    enter(1, "a:1", Some(50), Stage::Dispatched);
    enter(2, "a:1", Some(40), Stage::Registered);
    enter(3, "a:1", None, Stage::Dispatched);
    enter(4, "a:1", Some(30), Stage::Closed);
    enter(5, "a:1", Some(30), Stage::Handled);
    enter(6, "a:2", Some(30), Stage::Dispatched);
    let overdue = |limit| {
        let rows = store.overdue("a:1", limit).unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(overdue(10), [record(2), record(1)]);
    assert_eq!(overdue(1), [record(2)]);
}
