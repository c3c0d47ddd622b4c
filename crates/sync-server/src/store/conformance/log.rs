//! The log: entries, epochs, backups.

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        a_batch_is_committed_whole_and_only_on_its_own_head,
        the_log_is_dense_and_gives_back_the_canonical_bytes,
        a_position_is_known_by_its_number_and_hash,
        an_epoch_begins_with_an_entry_and_takes_over_what_was_before,
        cases_that_are_over_for_long_are_found_the_oldest_first,
        an_erased_record_leaves_its_entries_and_nothing_else,
        a_backup_is_the_whole_log_and_is_told_of_once_it_is_noted,
    ]
}

fn a_batch_is_committed_whole_and_only_on_its_own_head(store: &impl Store) {
    let stale = store.head().unwrap();
    assert_eq!((stale.epoch, stale.seq, stale.hash), (1, 0, Digest::ZERO));
    Entered::begun(1, &["a:1"]).into_log(store);
    let mut batch = Batch::on(stale);
    batch.records.push(row(2, 1));
    let refused = store.commit(&batch).unwrap_err();
    assert!(matches!(
        refused,
        StoreError::Overtaken {
            expected: 0,
            found: 1
        }
    ));
    assert_eq!(store.record(record(2)).unwrap(), None);
    assert_eq!(store.record(record(1)).unwrap(), Some(row(1, 1)));
    assert_eq!(store.record_changes(record(1)).unwrap().len(), 1);
}

fn the_log_is_dense_and_gives_back_the_canonical_bytes(store: &impl Store) {
    for n in 1..=5 {
        Entered::begun(n, &["a:1"]).into_log(store);
    }
    let entries = store.entries(0, 10).unwrap();
    let mut previous = Digest::ZERO;
    for (index, stored) in entries.iter().enumerate() {
        let entry = LogEntry::from_bytes(&stored.canonical).unwrap();
        assert_eq!((entry.seq, entry.previous), (index as u64 + 1, previous));
        previous = entry_hash(&stored.canonical);
    }
    assert_eq!(store.head().unwrap().hash, previous);
    assert_eq!(store.entries(4, 10).unwrap().len(), 1);
    assert_eq!(store.entry_time(5).unwrap(), Some(9));
    assert_eq!(store.entry_time(6).unwrap(), None);
    assert_eq!(store.entry(5).unwrap().as_ref(), entries.last());
    assert_eq!(store.entry(6).unwrap(), None);
    assert_eq!(store.record_entries(record(2)).unwrap().len(), 1);
    Entered::change(2, &["a:1"]).into_log(store);
    let newest = |before, limit| {
        let entries = store.newest_entries(record(2), before, limit).unwrap();
        entries.iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    assert_eq!(newest(u64::MAX, 10), [6, 2]);
    assert_eq!(newest(u64::MAX, 1), [6]);
    assert_eq!(newest(6, 10), [2]);
}

fn a_position_is_known_by_its_number_and_hash(store: &impl Store) {
    let empty = store.head().unwrap();
    assert_eq!(store.standing(0).unwrap(), (empty, Some(Digest::ZERO)));
    assert_eq!(store.standing(1).unwrap(), (empty, None));
    Entered::begun(1, &["a:1"]).into_log(store);
    let first = store.head().unwrap();
    Entered::change(1, &["a:1"]).into_log(store);
    let second = store.head().unwrap();
    assert_eq!(store.standing(1).unwrap(), (second, Some(first.hash)));
    assert_eq!(store.standing(2).unwrap(), (second, Some(second.hash)));
    assert_eq!(store.standing(3).unwrap(), (second, None));
    assert_eq!(store.standing(u64::MAX).unwrap(), (second, None));
}

fn an_epoch_begins_with_an_entry_and_takes_over_what_was_before(store: &impl Store) {
    let first = Epoch { epoch: 1, base: 0 };
    assert_eq!(store.epochs().unwrap(), std::slice::from_ref(&first));
    Entered::begun(1, &["a:1"]).into_log(store);
    let begins = Fact::Epoch {
        epoch: 4,
        why: "restored".to_owned(),
    };
    let mut batch = Entered::fact(0, &[], begins).on(store.head().unwrap());
    batch.records.clear();
    batch.epoch = Some(4);
    batch.head.epoch = 4;
    store.commit(&batch).unwrap();
    assert_eq!(store.head().unwrap(), batch.head);
    let next = Epoch { epoch: 4, base: 1 };
    assert_eq!(store.epochs().unwrap(), [first, next]);
    // What was decided on the epoch before does not fit any more.
    let mut stale = batch.head;
    stale.epoch = 1;
    let late = Entered::change(1, &["a:1"]).on(stale);
    let refused = store.commit(&late).unwrap_err();
    assert!(matches!(refused, StoreError::Overtaken { .. }));
}

fn an_erased_record_leaves_its_entries_and_nothing_else(store: &impl Store) {
    Entered::begun(1, &["a:1"]).into_log(store);
    Entered::begun(2, &["a:1"]).into_log(store);
    let mut ruled = Entered::fact(1, &["a:1"], ruling(1)).on(store.head().unwrap());
    ruled.rulings.push(NewRuling {
        record: record(1),
        proposal: [1; 16],
        seq: 3,
        refused: None,
    });
    store.commit(&ruled).unwrap();
    store.put_snapshot(record(1), 1, b"chunk").unwrap();
    assert!(!store.is_erased(record(1)).unwrap());
    erase(store, 1, &["a:1"]);
    assert!(store.is_erased(record(1)).unwrap());
    assert!(!store.is_erased(record(2)).unwrap());
    assert_eq!(store.record(record(1)).unwrap(), None);
    assert!(store.record_changes(record(1)).unwrap().is_empty());
    assert!(store.rulings(record(1)).unwrap().is_empty());
    assert!(store.audiences_of(record(1)).unwrap().is_empty());
    assert_eq!(store.record_entries(record(1)).unwrap().len(), 3);
    assert!(store.record(record(2)).unwrap().is_some());
}

fn a_backup_is_the_whole_log_and_is_told_of_once_it_is_noted(store: &impl Store) {
    for n in 1..=3 {
        Entered::begun(n, &["a:1"]).into_log(store);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    let copied = store.back_up(&file).unwrap();
    assert_eq!(copied, store.head().unwrap());
    assert!(file.metadata().unwrap().len() > 0);
    assert_eq!(store.exchange(&ask(&[])).unwrap().backed_up_through, 0);
    store.note_backup(copied.seq).unwrap();
    assert_eq!(store.exchange(&ask(&[])).unwrap().backed_up_through, 3);
}

fn cases_that_are_over_for_long_are_found_the_oldest_first(store: &impl Store) {
    for n in 1..=6 {
        let mut batch = Entered::begun(n, &["a:1"]).on(store.head().unwrap());
        batch.records[0].updated_ms = 100 - i64::from(n);
        batch.records[0].stage = if n == 2 { "reported" } else { "closed" }.to_owned();
        batch.records[0].archived = n == 3;
        if n == 4 {
            batch.records[0].kind = Kind::Patrol;
        }
        store.commit(&batch).unwrap();
    }
    let found = |before_ms, limit| {
        let rows = store.over_since(&texts(&["closed", "void"]), before_ms, limit);
        rows.unwrap().iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(found(100, 10), [record(6), record(5), record(1)]);
    assert_eq!(found(100, 2), [record(6), record(5)]);
    assert_eq!(found(95, 10), [record(6)]);
    assert!(store.over_since(&[], 100, 10).unwrap().is_empty());
}
