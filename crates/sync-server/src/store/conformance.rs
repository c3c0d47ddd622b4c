//! What every store must keep to. Each implementation runs [`run`] with a way to make empty
//! stores.

use std::any::Any;

use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_domain::record::Kind;
use gridlog_domain::reference::Person;
use gridlog_protocol::{Digest, Fact, Key, LogEntry, entry_hash, item_digest};

use super::*;

type Check<S> = fn(&S);

/// Runs every check on a store of its own. `make` yields an empty store, with what must live as
/// long as it.
pub(crate) fn run<S: Store, Guard: Any>(make: impl Fn() -> (S, Guard)) {
    let checks: [Check<S>; 12] = [
        an_item_is_kept_once_and_keeps_its_verdict,
        a_number_of_an_actor_has_one_change_for_each_record,
        items_come_up_for_decision_in_the_order_of_their_arrival,
        a_batch_is_committed_whole_and_only_on_its_own_head,
        the_log_is_dense_and_gives_back_the_canonical_bytes,
        a_feed_shows_each_audience_its_own_entries_in_order,
        a_slice_ends_when_it_is_full_and_goes_on_where_it_ended,
        a_record_that_is_new_to_an_audience_travels_whole,
        a_record_that_was_hidden_is_named_as_gone,
        what_an_office_decided_stays_decided,
        an_actor_belongs_to_one_device,
        a_hostile_device_cannot_fill_the_disk_with_refused_bytes,
    ];
    for check in checks {
        let (store, _guard) = make();
        check(&store);
    }
}

fn record(n: u8) -> RecordId {
    RecordId::from_bytes([n; 16])
}

fn item(n: u8, seq: u64) -> NewItem {
    let bytes = vec![n, u8::try_from(seq).unwrap()];
    NewItem {
        item: item_digest(Key([n; 16]), &bytes),
        record: record(n),
        change: Some(Digest([n ^ u8::try_from(seq).unwrap(); 32])),
        actor_seq: Some(([7; 16], seq)),
        device: DeviceId::from_bytes([1; 16]),
        person: "W001".into(),
        received_ms: 5,
        offset_ms: Some(-3),
        bytes,
        status: ItemStatus::Received,
    }
}

fn row(n: u8, as_of: u64) -> RecordRow {
    RecordRow {
        id: record(n),
        kind: Kind::Case,
        area: "430111003001".to_owned(),
        author: "W001".into(),
        headline: format!("案卷{n}"),
        created_ms: 1,
        updated_ms: i64::from(n),
        view: "{}".to_owned(),
        state: Some("{}".to_owned()),
        stage: "reported".to_owned(),
        department: String::new(),
        heads: vec![Digest([n; 32])],
        as_of,
        conflicts: 0,
    }
}

/// Adds one entry about record `n` for `audiences`, with the record's first audiences if asked.
fn publish(store: &impl Store, n: u8, audiences: &[&str], gains: bool, fact: Fact) -> u64 {
    let head = store.head().unwrap();
    let mut batch = Batch::on(head);
    let entry = LogEntry {
        seq: head.seq + 1,
        previous: head.hash,
        at_ms: 9,
        record: Key([n; 16]),
        fact,
    };
    let canonical = entry.to_bytes();
    batch.head.seq = entry.seq;
    batch.head.hash = entry_hash(&canonical);
    batch.changes.push(NewChange {
        record: record(n),
        hash: batch.head.hash,
        actor: [7; 16],
        actor_seq: entry.seq,
        seq: entry.seq,
        bytes: vec![n; 100],
    });
    batch.entries.push(NewEntry {
        seq: entry.seq,
        record: record(n),
        canonical,
        audiences: audiences
            .iter()
            .map(|&audience| audience.to_owned())
            .collect(),
    });
    batch.records.push(row(n, entry.seq));
    if gains {
        for audience in audiences {
            batch
                .gained
                .push((record(n), (*audience).to_owned(), entry.seq));
        }
    }
    store.commit(&batch).unwrap();
    entry.seq
}

fn admit() -> Fact {
    Fact::Admit {
        change: Digest([1; 32]),
        by: "W001".to_owned(),
    }
}

fn query(audiences: &[&str], after: u64) -> FeedQuery {
    FeedQuery {
        audiences: audiences
            .iter()
            .map(|&audience| audience.to_owned())
            .collect(),
        after,
        max_entries: 100,
        target_bytes: 1_000_000,
    }
}

fn numbers(slice: &FeedSlice) -> Vec<u64> {
    slice.entries.iter().map(|entry| entry.seq).collect()
}

fn an_item_is_kept_once_and_keeps_its_verdict(store: &impl Store) {
    let pushed = item(1, 1);
    assert_eq!(
        store.add_to_inbox(std::slice::from_ref(&pushed)).unwrap(),
        [ItemStatus::Received]
    );
    let mut batch = Batch::on(store.head().unwrap());
    let status = ItemStatus::Waiting(Digest([3; 32]));
    batch.decisions.push(Decision {
        item: pushed.item,
        status: status.clone(),
        office: None,
    });
    store.commit(&batch).unwrap();
    assert_eq!(
        store.add_to_inbox(std::slice::from_ref(&pushed)).unwrap(),
        vec![status.clone()]
    );
    let unknown = Digest([0; 32]);
    let statuses = store.item_statuses(&[pushed.item, unknown]).unwrap();
    assert_eq!(statuses, [Some(status), None]);
    assert_eq!(
        store
            .held_back_by(record(1), Digest([3; 32]))
            .unwrap()
            .len(),
        1
    );
    assert!(
        store
            .held_back_by(record(1), Digest([4; 32]))
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.inbox_item(pushed.item).unwrap().unwrap().pushed.bytes,
        pushed.bytes
    );
}

fn a_number_of_an_actor_has_one_change_for_each_record(store: &impl Store) {
    let first = item(1, 1);
    let mut other = NewItem {
        bytes: vec![9],
        item: item_digest(Key([1; 16]), &[9]),
        ..first.clone()
    };
    let statuses = store.add_to_inbox(&[first.clone(), other.clone()]).unwrap();
    let reused = ItemStatus::Refused("actor_seq_reused".to_owned());
    assert_eq!(statuses, [ItemStatus::Received, reused]);
    other.record = record(2);
    other.item = item_digest(Key([2; 16]), &[10]);
    assert_eq!(
        store.add_to_inbox(&[other]).unwrap(),
        [ItemStatus::Received]
    );
}

fn items_come_up_for_decision_in_the_order_of_their_arrival(store: &impl Store) {
    store.add_to_inbox(&[item(2, 1), item(1, 1)]).unwrap();
    store.add_to_inbox(&[item(3, 1)]).unwrap();
    let records: Vec<RecordId> = store
        .undecided(2)
        .unwrap()
        .iter()
        .map(|item| item.pushed.record)
        .collect();
    assert_eq!(records, [record(2), record(1)]);
}

fn a_batch_is_committed_whole_and_only_on_its_own_head(store: &impl Store) {
    let stale = store.head().unwrap();
    assert_eq!((stale.epoch, stale.seq, stale.hash), (1, 0, Digest::ZERO));
    publish(store, 1, &["a:1"], true, admit());
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
        publish(store, n, &["a:1"], true, admit());
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
    assert_eq!(store.record_entries(record(2)).unwrap().len(), 1);
}

fn a_feed_shows_each_audience_its_own_entries_in_order(store: &impl Store) {
    publish(store, 1, &["a:1", "p:W001"], true, admit());
    publish(store, 2, &["a:2"], true, admit());
    publish(store, 1, &["a:1", "p:W001"], false, admit());
    assert_eq!(numbers(&store.feed(&query(&["a:1"], 0)).unwrap()), [1, 3]);
    assert_eq!(numbers(&store.feed(&query(&["a:2"], 0)).unwrap()), [2]);
    assert_eq!(
        numbers(&store.feed(&query(&["p:W001", "a:1", "a:2"], 1)).unwrap()),
        [2, 3]
    );
    let nobody = store.feed(&query(&["a:9"], 0)).unwrap();
    assert_eq!(
        (nobody.entries.len(), nobody.reached, nobody.more),
        (0, 3, false)
    );
    assert!(store.is_visible(record(1), &["p:W001".to_owned()]).unwrap());
    assert!(!store.is_visible(record(1), &["a:2".to_owned()]).unwrap());
}

fn a_slice_ends_when_it_is_full_and_goes_on_where_it_ended(store: &impl Store) {
    for n in 1..=6 {
        publish(store, n, &["a:1"], true, admit());
    }
    let by_count = FeedQuery {
        max_entries: 2,
        ..query(&["a:1"], 0)
    };
    let by_bytes = FeedQuery {
        target_bytes: 150,
        ..query(&["a:1"], 0)
    };
    for small in [by_count, by_bytes] {
        let mut seen = Vec::new();
        let mut after = 0;
        loop {
            let slice = store
                .feed(&FeedQuery {
                    after,
                    ..small.clone()
                })
                .unwrap();
            assert!(slice.entries.len() <= 2);
            seen.extend(numbers(&slice));
            after = slice.reached;
            if !slice.more {
                break;
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
        assert_eq!(after, 6);
    }
}

fn a_record_that_is_new_to_an_audience_travels_whole(store: &impl Store) {
    publish(store, 1, &["a:1"], true, admit());
    let first = store.feed(&query(&["a:1"], 0)).unwrap();
    assert!(first.records[0].whole);
    publish(store, 1, &["a:1"], false, admit());
    let next = store.feed(&query(&["a:1"], 1)).unwrap();
    assert!(!next.records[0].whole);
    assert_eq!(next.records[0].changes.len(), 1);
    let visible = Fact::Visible {
        audience: "d:城管".to_owned(),
    };
    publish(store, 1, &["a:1", "d:城管"], true, visible);
    let department = store.feed(&query(&["d:城管"], 2)).unwrap();
    assert!(department.records[0].whole);
    assert_eq!(department.records[0].changes.len(), 3);
}

fn a_record_that_was_hidden_is_named_as_gone(store: &impl Store) {
    publish(store, 1, &["a:1", "d:城管"], true, admit());
    let hidden = Fact::Hidden {
        audience: "d:城管".to_owned(),
    };
    let seq = publish(store, 1, &["a:1", "d:城管"], false, hidden);
    let mut batch = Batch::on(store.head().unwrap());
    batch.lost.push((record(1), "d:城管".to_owned()));
    store.commit(&batch).unwrap();
    let department = store.feed(&query(&["d:城管"], 1)).unwrap();
    assert_eq!(department.gone, [record(1)]);
    assert_eq!(department.reached, seq);
    assert!(department.entries.is_empty() && department.records.is_empty());
    assert!(
        store
            .feed(&query(&["a:1", "d:城管"], 1))
            .unwrap()
            .gone
            .is_empty()
    );
}

fn what_an_office_decided_stays_decided(store: &impl Store) {
    let pushed = item(1, 1);
    store.add_to_inbox(std::slice::from_ref(&pushed)).unwrap();
    let decide = |status: ItemStatus, by: Option<&str>| {
        let mut batch = Batch::on(store.head().unwrap());
        let office = by.map(|by| OfficeDecision {
            by: by.into(),
            reason: "核实".to_owned(),
        });
        batch.decisions.push(Decision {
            item: pushed.item,
            status,
            office,
        });
        store.commit(&batch).unwrap();
    };
    decide(ItemStatus::Review("assignment_ended".to_owned()), None);
    assert_eq!(store.quarantine(10, 0).unwrap().len(), 1);
    decide(ItemStatus::Received, Some("O001"));
    let again = store.undecided(10).unwrap();
    assert_eq!(again[0].cleared_by, Some(PersonId::from("O001")));
    decide(ItemStatus::Refused("dismissed".to_owned()), Some("O001"));
    assert!(store.quarantine(10, 0).unwrap().is_empty());
}

fn an_actor_belongs_to_one_device(store: &impl Store) {
    let device = |n: u8| Device {
        id: DeviceId::from_bytes([n; 16]),
        person: "W001".into(),
        name: "手机".to_owned(),
        enrolled_ms: 1,
        revoked_ms: None,
        last_sync_ms: None,
    };
    store.add_device(&device(1), [1; 16]).unwrap();
    let taken = store.add_device(&device(2), [1; 16]).unwrap_err();
    assert!(matches!(taken, StoreError::ActorTaken));
    assert_eq!(
        store.device(device(2).id).unwrap(),
        None,
        "half a device was kept"
    );
    store.add_actor([2; 16], device(1).id, 2).unwrap();
    store.add_actor([2; 16], device(1).id, 3).unwrap();
    assert_eq!(store.actors_of(device(1).id).unwrap().len(), 2);
    assert!(store.revoke_device(device(1).id, 4).unwrap());
    assert_eq!(
        store.device(device(1).id).unwrap().unwrap().revoked_ms,
        Some(4)
    );
    let person = Person {
        id: "W001".into(),
        name: "张".to_owned(),
        enabled: true,
        assignments: Vec::new(),
    };
    let with = StoredPerson {
        person,
        password_hash: Some("hash".to_owned()),
    };
    let without = StoredPerson {
        password_hash: None,
        ..with.clone()
    };
    store.put_people(std::slice::from_ref(&with)).unwrap();
    store.put_people(&[without]).unwrap();
    assert_eq!(store.people().unwrap(), [with], "a password was forgotten");
}

fn a_hostile_device_cannot_fill_the_disk_with_refused_bytes(store: &impl Store) {
    let garbage: Vec<NewItem> = (0..QUARANTINED_BYTES_PER_DEVICE + 20)
        .map(|n| {
            let bytes = n.to_be_bytes().to_vec();
            NewItem {
                item: item_digest(Key([1; 16]), &bytes),
                change: None,
                actor_seq: None,
                bytes,
                status: ItemStatus::Refused("bad_magic".to_owned()),
                ..item(1, 1)
            }
        })
        .collect();
    store.add_to_inbox(&garbage).unwrap();
    let kept = store.quarantine(10_000, 0).unwrap();
    assert_eq!(kept.len(), garbage.len(), "every item keeps its verdict");
    let with_bytes = kept
        .iter()
        .filter(|kept| !kept.item.pushed.bytes.is_empty())
        .count();
    assert_eq!(with_bytes, QUARANTINED_BYTES_PER_DEVICE);
}
