//! When the clock does something to cases, and what it did.

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        what_is_due_comes_in_the_order_of_its_moments,
        cases_that_were_timed_by_another_calendar_are_found_until_they_are_timed_anew,
        what_the_clock_did_is_told_with_the_state_and_proven_with_the_whole_record,
        nothing_of_an_erased_case_is_due,
    ]
}

/// A case that is due then.
fn due(store: &impl Store, n: u8, due_ms: Option<i64>, by: u32) {
    let mut batch = Entered::begun(n, &["a:1"]).on(store.head().unwrap());
    batch.records[0].timer = timed(due_ms, by);
    store.commit(&batch).unwrap();
}

fn ids(rows: &[RecordRow]) -> Vec<RecordId> {
    rows.iter().map(|row| row.id).collect()
}

fn what_is_due_comes_in_the_order_of_its_moments<S: Store>(store: &S) {
    assert_eq!(store.next_due().unwrap(), None);
    for (n, due_ms) in [
        (1, Some(30)),
        (2, Some(10)),
        (3, None),
        (4, Some(20)),
        (5, Some(20)),
    ] {
        due(store, n, due_ms, 7);
    }
    let found = |by_ms, limit| ids(&store.due_timers(by_ms, limit).unwrap());
    assert_eq!(found(9, 10), []);
    assert_eq!(found(20, 10), [2, 4, 5].map(record));
    assert_eq!(found(30, 2), [2, 4].map(record));
    assert_eq!(store.next_due().unwrap(), Some(10));
    let row = store.record(record(1)).unwrap().unwrap();
    assert_eq!(row.timer, timed(Some(30), 7));
}

fn cases_that_were_timed_by_another_calendar_are_found_until_they_are_timed_anew<S: Store>(
    store: &S,
) {
    due(store, 1, Some(30), 7);
    due(store, 2, Some(10), 8);
    let mut over = Entered::begun(3, &["a:1"]).on(store.head().unwrap());
    over.records[0].timer = NextTimer::default();
    store.commit(&over).unwrap();
    assert_eq!(ids(&store.timed_otherwise(8, 10).unwrap()), [record(1)]);
    assert_eq!(store.timed_otherwise(9, 1).unwrap().len(), 1);
    let head = store.head().unwrap();
    let mut batch = Batch::on(head);
    batch.retimed.push((record(1), timed(Some(5), 8)));
    assert!(!batch.is_empty());
    store.commit(&batch).unwrap();
    assert!(store.timed_otherwise(8, 10).unwrap().is_empty());
    assert_eq!(store.next_due().unwrap(), Some(5));
    assert_eq!(store.head().unwrap(), head, "the log says nothing of it");
}

fn overdue() -> Fact {
    Fact::Timer {
        kind: "overdue".to_owned(),
        level: None,
        due_ms: 9,
    }
}

fn what_the_clock_did_is_told_with_the_state_and_proven_with_the_whole_record<S: Store>(store: &S) {
    let begun = Entered::begun(1, &["a:1"]).into_log(store);
    let fired = Entered::fact(1, &["a:1"], overdue()).into_log(store);
    let news = store.exchange(&pull(&["a:1"], begun)).unwrap();
    assert_eq!(numbers(&news), [fired]);
    assert!(news.records[0].new_rulings, "its state comes with the page");
    let nothing = store.exchange(&pull(&["a:1"], fired)).unwrap();
    assert!(nothing.records.is_empty());
    let mut wants = ask(&["a:1"]);
    wants.wants.push(record(1));
    let whole = store.exchange(&wants).unwrap();
    let proven: Vec<u64> = whole.records[0]
        .rulings
        .iter()
        .map(|entry| entry.seq)
        .collect();
    assert_eq!(proven, [fired]);
}

fn nothing_of_an_erased_case_is_due<S: Store>(store: &S) {
    due(store, 1, Some(10), 7);
    Entered::fact(1, &["a:1"], overdue()).into_log(store);
    erase(store, 1, &["a:1"]);
    assert_eq!(store.next_due().unwrap(), None);
    assert!(store.timed_otherwise(9, 10).unwrap().is_empty());
}
