//! Snapshots, and records that lack one.

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        a_record_wants_a_snapshot_once_enough_was_written_after_the_last,
        a_whole_record_is_its_snapshot_and_what_came_after,
        a_snapshot_that_is_ready_too_late_does_not_bring_back_an_erased_record,
    ]
}

fn a_record_wants_a_snapshot_once_enough_was_written_after_the_last(store: &impl Store) {
    let write = |n| Entered::change(n, &["a:1"]).into_log(store);
    for n in [1, 1, 1, 2, 2, 3] {
        write(n);
    }
    let mut lacking = store.without_snapshot(2, 10).unwrap();
    lacking.sort_unstable();
    assert_eq!(lacking, [record(1), record(2)]);
    assert_eq!(store.without_snapshot(3, 10).unwrap(), [record(1)]);
    assert_eq!(store.without_snapshot(1, 2).unwrap().len(), 2);
    store.put_snapshot(record(1), 3, b"one").unwrap();
    assert_eq!(store.without_snapshot(2, 10).unwrap(), [record(2)]);
    write(1);
    assert_eq!(store.without_snapshot(2, 10).unwrap(), [record(2)]);
    write(1);
    let mut lacking = store.without_snapshot(2, 10).unwrap();
    lacking.sort_unstable();
    assert_eq!(lacking, [record(1), record(2)]);
}

fn a_whole_record_is_its_snapshot_and_what_came_after(store: &impl Store) {
    for n in [1, 1, 1, 2] {
        Entered::begun(n, &["a:1"]).into_log(store);
    }
    store.put_snapshot(record(1), 1, b"one").unwrap();
    store.put_snapshot(record(1), 2, b"two").unwrap();
    let query = ExchangeQuery {
        wants: vec![record(1), record(2)],
        ..ask(&["a:1"])
    };
    let slice = store.exchange(&query).unwrap();
    let [with, without] = slice.records.as_slice() else {
        panic!("both were wanted");
    };
    assert_eq!(with.snapshot.as_deref(), Some(b"two".as_slice()));
    let after: Vec<u64> = with.changes.iter().map(|change| change.seq).collect();
    assert_eq!(after, [3]);
    assert_eq!(with.first_seq, 1);
    assert_eq!((&without.snapshot, without.changes.len()), (&None, 1));
}

fn a_snapshot_that_is_ready_too_late_does_not_bring_back_an_erased_record(store: &impl Store) {
    Entered::begun(1, &["a:1"]).into_log(store);
    erase(store, 1, &["a:1"]);
    store.put_snapshot(record(1), 1, b"late").unwrap();
    // The id is free for nothing else, but a store that kept the chunk would show it here.
    Entered::begun(1, &["a:1"]).into_log(store);
    let slice = store.exchange(&pull(&["a:1"], 0)).unwrap();
    assert_eq!(slice.records[0].snapshot, None);
}
