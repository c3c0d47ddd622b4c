//! What devices push, until it is decided.

use gridlog_domain::id::{DeviceId, PersonId};
use gridlog_protocol::item_digest;
use gridlog_protocol::reason::AREA_NEVER_HELD;

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        an_item_is_kept_once_and_keeps_its_verdict,
        what_was_refused_to_another_device_counts_when_its_author_brings_it,
        what_the_log_has_already_is_refused_to_nobody_who_brings_it,
        what_is_judged_anew_is_judged_for_the_device_that_brought_it_again,
        a_number_of_an_actor_has_one_change_for_each_record,
        items_of_a_device_come_up_in_the_order_of_their_arrival,
        what_comes_up_is_bounded_for_each_device_and_in_bytes,
        what_a_change_held_back_comes_up_again_when_it_is_released,
        what_an_office_decided_stays_decided,
        a_hostile_device_cannot_fill_the_disk_with_refused_bytes,
        a_hostile_device_cannot_fill_the_disk_with_names_of_what_was_refused,
        a_device_that_pushes_faster_than_anybody_decides_finds_no_room_and_others_do,
        what_found_no_room_is_judged_anew_when_it_comes_again,
        what_was_pushed_for_an_erased_record_is_not_kept,
    ]
}

fn item(n: u8, seq: u64) -> NewItem {
    let bytes = vec![n, u8::try_from(seq).unwrap()];
    NewItem {
        item: item_digest(Key([n; 16]), &bytes),
        record: record(n),
        change: Some(Digest([n ^ u8::try_from(seq).unwrap(); 32])),
        actor_seq: Some((SOMEBODY, seq)),
        device: DeviceId::from_bytes(DEVICE),
        person: "W001".into(),
        received_ms: 5,
        offset_ms: Some(-3),
        bytes,
        status: ItemStatus::Received,
    }
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
            .held_back_by(record(1), Digest([3; 32]), 10)
            .unwrap()
            .len(),
        1
    );
    assert!(
        store
            .held_back_by(record(1), Digest([4; 32]), 10)
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.inbox_item(pushed.item).unwrap().unwrap().pushed.bytes,
        pushed.bytes
    );
}

fn what_was_refused_to_another_device_counts_when_its_author_brings_it(store: &impl Store) {
    let own = item(1, 1);
    let foreign = ItemStatus::Refused("foreign_actor".to_owned());
    let stolen = NewItem {
        status: foreign.clone(),
        ..by(9, own.clone())
    };
    let add = |item: &NewItem| {
        let mut statuses = store.add_to_inbox(std::slice::from_ref(item)).unwrap();
        statuses.pop().unwrap()
    };
    assert_eq!(add(&stolen), foreign);
    assert_eq!(add(&by(9, own.clone())), foreign, "its verdict");
    let also = NewItem {
        status: foreign.clone(),
        ..by(8, own.clone())
    };
    assert_eq!(add(&also), foreign, "no better");
    assert_eq!(add(&own), ItemStatus::Received);
    assert_eq!(add(&stolen), ItemStatus::Received, "and stays so");
    let kept = store.inbox_item(own.item).unwrap().unwrap().pushed;
    assert_eq!((kept.device, kept.bytes), (own.device, own.bytes));
}

/// A server that was put back has a change again from a colleague, before the worker who wrote it, and signed in
/// again since, brings it as another device.
fn what_the_log_has_already_is_refused_to_nobody_who_brings_it(store: &impl Store) {
    let seq = Entered::begun(1, &["a:1"]).into_log(store);
    let foreign = ItemStatus::Refused("foreign_actor".to_owned());
    let brought = NewItem {
        change: Some(change_hash(1, seq)),
        status: foreign.clone(),
        ..item(1, 1)
    };
    let other = NewItem {
        status: foreign.clone(),
        ..item(1, 2)
    };
    let statuses = store.add_to_inbox(&[brought, other]).unwrap();
    assert_eq!(statuses, [ItemStatus::Admitted(seq), foreign]);
}

/// A worker whose words were sent back signs in again, which makes their phone another device, and tries
/// once more.
fn what_is_judged_anew_is_judged_for_the_device_that_brought_it_again(store: &impl Store) {
    let before = item(1, 1);
    store.add_to_inbox(std::slice::from_ref(&before)).unwrap();
    let mut batch = Batch::on(store.head().unwrap());
    batch.decisions.push(Decision {
        item: before.item,
        status: ItemStatus::Refused(AREA_NEVER_HELD.to_owned()),
        office: None,
    });
    store.commit(&batch).unwrap();
    let again = NewItem {
        received_ms: 9,
        ..by(9, before.clone())
    };
    let statuses = store.add_to_inbox(std::slice::from_ref(&again)).unwrap();
    assert_eq!(statuses, [ItemStatus::Received]);
    let kept = store.inbox_item(before.item).unwrap().unwrap().pushed;
    assert_eq!((kept.device, kept.received_ms), (again.device, 9));
    assert_eq!(kept.bytes, before.bytes);
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

fn by(device: u8, item: NewItem) -> NewItem {
    NewItem {
        device: DeviceId::from_bytes([device; 16]),
        ..item
    }
}

fn records_of(items: &[InboxItem]) -> Vec<RecordId> {
    items.iter().map(|item| item.pushed.record).collect()
}

fn items_of_a_device_come_up_in_the_order_of_their_arrival(store: &impl Store) {
    assert!(store.waiting_devices().unwrap().is_empty());
    store
        .add_to_inbox(&[item(2, 1), by(9, item(4, 1)), item(1, 1)])
        .unwrap();
    store.add_to_inbox(&[item(3, 1)]).unwrap();
    let mut waiting = store.waiting_devices().unwrap();
    waiting.sort_by_key(|device| device.first_arrival);
    let counts: Vec<_> = waiting.iter().map(|w| (w.device, w.items)).collect();
    let (mine, other) = (DeviceId::from_bytes(DEVICE), DeviceId::from_bytes([9; 16]));
    assert_eq!(counts, [(mine, 3), (other, 1)]);
    let first = store.undecided(&[(mine, 2)], 1_000).unwrap();
    assert_eq!(records_of(&first), [record(2), record(1)]);
    assert_eq!(first[0].arrival, waiting[0].first_arrival);
    let both = store.undecided(&[(other, 9), (mine, 9)], 1_000).unwrap();
    let expected = [record(4), record(2), record(1), record(3)];
    assert_eq!(records_of(&both), expected);
}

fn what_comes_up_is_bounded_for_each_device_and_in_bytes(store: &impl Store) {
    let large = |device, n| {
        let bytes = vec![n; 100];
        let item = NewItem {
            item: item_digest(Key([n; 16]), &bytes),
            bytes,
            ..item(n, 1)
        };
        by(device, item)
    };
    let items: Vec<NewItem> = (0..20).map(|n| large(1 + n / 10, n)).collect();
    store.add_to_inbox(&items).unwrap();
    let [one, two] = [1, 2].map(|n| DeviceId::from_bytes([n; 16]));
    let count = |shares: &[(DeviceId, usize)], bytes| {
        let items = store.undecided(shares, bytes).unwrap();
        [one, two].map(|device| {
            let of_device = items.iter().filter(|item| item.pushed.device == device);
            of_device.count()
        })
    };
    assert_eq!(count(&[(one, 7), (two, 2)], 100_000), [7, 2]);
    // A share of 300 bytes for each, and what the first did not need for the second.
    assert_eq!(count(&[(one, 10), (two, 10)], 600), [3, 3]);
    assert_eq!(count(&[(one, 1), (two, 10)], 600), [1, 5]);
    assert_eq!(count(&[(one, 10), (two, 10)], 1), [1, 0]);
}

fn what_a_change_held_back_comes_up_again_when_it_is_released(store: &impl Store) {
    let items: Vec<NewItem> = (1..=4).map(|seq| item(1, seq)).collect();
    store.add_to_inbox(&items).unwrap();
    assert!(!store.holds_back().unwrap());
    let missing = Digest([3; 32]);
    let device = DeviceId::from_bytes(DEVICE);
    let statuses = [
        ItemStatus::Waiting(missing),
        ItemStatus::BlockedBy(missing),
        ItemStatus::Waiting(Digest([4; 32])),
        ItemStatus::Waiting(missing),
    ];
    let decision = |(item, status): (&NewItem, ItemStatus)| Decision {
        item: item.item,
        status,
        office: None,
    };
    let mut batch = Batch::on(store.head().unwrap());
    batch
        .decisions
        .extend(items.iter().zip(statuses.clone()).map(decision));
    store.commit(&batch).unwrap();
    assert!(store.holds_back().unwrap());
    let held = HeldItems {
        waiting: 3,
        bytes: 4 * HELD_AT_LEAST,
    };
    assert_eq!(store.held_items(device).unwrap(), held);
    assert!(store.waiting_devices().unwrap().is_empty());
    assert_eq!(store.held_back_by(record(1), missing, 2).unwrap().len(), 2);
    let mut batch = Batch::on(store.head().unwrap());
    batch.released.push((record(1), missing));
    // What is decided in the same batch stands as decided.
    let refused = ItemStatus::Refused("bad_deps".to_owned());
    batch.decisions.push(decision((&items[3], refused.clone())));
    store.commit(&batch).unwrap();
    let names: Vec<Digest> = items.iter().map(|item| item.item).collect();
    let now = store.item_statuses(&names).unwrap();
    let received = Some(ItemStatus::Received);
    assert_eq!(now[..2], [received.clone(), received]);
    assert_eq!(now[2], Some(statuses[2].clone()));
    assert_eq!(now[3], Some(refused));
    let held = HeldItems {
        waiting: 1,
        bytes: HELD_AT_LEAST,
    };
    assert_eq!(store.held_items(device).unwrap(), held);
    let again = store.undecided(&[(device, 9)], 1_000).unwrap();
    assert_eq!(again.len(), 2);
    assert_eq!(again[0].pushed.bytes, items[0].bytes);
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
    assert_eq!(store.quarantine(None, 10).unwrap().len(), 1);
    decide(ItemStatus::Received, Some("O001"));
    let again = store.undecided(&[(pushed.device, 10)], 1_000).unwrap();
    assert_eq!(again[0].cleared_by, Some(PersonId::from("O001")));
    decide(ItemStatus::Refused("dismissed".to_owned()), Some("O001"));
    assert!(store.quarantine(None, 10).unwrap().is_empty());
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
    let kept = store.quarantine(None, 10_000).unwrap();
    assert_eq!(kept.len(), garbage.len(), "every item keeps its verdict");
    let with_bytes = kept.iter().filter(|kept| kept.bytes > 0).count();
    assert_eq!(with_bytes, QUARANTINED_BYTES_PER_DEVICE);
    let newest = store.quarantine(None, 2).unwrap();
    let next = store.quarantine(Some(newest[1].item.arrival), 2).unwrap();
    let of = |found: &[QuarantinedItem]| -> Vec<Digest> {
        found.iter().map(|found| found.item.pushed.item).collect()
    };
    assert_eq!([of(&newest), of(&next)].concat(), of(&kept[..4]));
}

fn a_hostile_device_cannot_fill_the_disk_with_names_of_what_was_refused(store: &impl Store) {
    let garbage = |from: usize, count: usize| -> Vec<NewItem> {
        (from..from + count)
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
            .collect()
    };
    store.add_to_inbox(&garbage(0, REFUSED_PER_DEVICE)).unwrap();
    let more = garbage(REFUSED_PER_DEVICE, 3);
    let verdicts = store.add_to_inbox(&more).unwrap();
    let told = more.iter().map(|item| item.status.clone());
    assert!(told.eq(verdicts), "each gets its verdict all the same");
    let sound = item(1, 1);
    let of_another = NewItem {
        device: device(2).id,
        ..item(2, 1)
    };
    let both = [sound.clone(), of_another];
    let full = ItemStatus::Refused("too_much_held".to_owned());
    let expected = [full, ItemStatus::Received];
    assert_eq!(store.add_to_inbox(&both).unwrap(), expected);
    let kept = store.quarantine(None, 10_000).unwrap();
    assert_eq!(kept.len(), REFUSED_PER_DEVICE);
    assert_eq!(store.item_statuses(&[sound.item]).unwrap(), [None]);

    let next_month = NewItem {
        received_ms: sound.received_ms + REFUSED_WITHIN_MS,
        ..item(1, 2)
    };
    let much_later = store.add_to_inbox(&[next_month]).unwrap();
    assert_eq!(much_later, [ItemStatus::Received], "time makes room");

    let mut batch = Batch::on(store.head().unwrap());
    batch.decisions.push(Decision {
        item: kept[0].item.pushed.item,
        status: ItemStatus::Refused("dismissed".to_owned()),
        office: Some(OfficeDecision {
            by: "O001".into(),
            reason: "无内容".to_owned(),
        }),
    });
    store.commit(&batch).unwrap();
    let again = store.add_to_inbox(&both[..1]).unwrap();
    assert_eq!(again, [ItemStatus::Received], "an office made room");
}

fn a_device_that_pushes_faster_than_anybody_decides_finds_no_room_and_others_do(
    store: &impl Store,
) {
    let large = |n: u8, seq: u64| {
        let bytes = [vec![n; 8 * 1024 * 1024], seq.to_be_bytes().to_vec()].concat();
        NewItem {
            item: item_digest(Key([n; 16]), &bytes),
            change: None,
            actor_seq: None,
            bytes,
            ..item(n, 1)
        }
    };
    let no_room = ItemStatus::Refused("too_much_held".to_owned());
    let heap: Vec<NewItem> = (0..9).map(|seq| large(1, seq)).collect();
    let verdicts = store.add_to_inbox(&heap).unwrap();
    let received = verdicts.iter().filter(|v| **v == ItemStatus::Received);
    assert_eq!(received.count(), 8);
    assert_eq!(verdicts[8], no_room);
    let of_another = NewItem {
        device: device(2).id,
        ..item(2, 1)
    };
    let both = [item(3, 1), of_another];
    let verdicts = store.add_to_inbox(&both).unwrap();
    assert_eq!(verdicts, [no_room, ItemStatus::Received]);
}

fn what_found_no_room_is_judged_anew_when_it_comes_again(store: &impl Store) {
    let pushed = item(1, 1);
    let items = std::slice::from_ref(&pushed);
    store.add_to_inbox(items).unwrap();
    let mut batch = Batch::on(store.head().unwrap());
    batch.decisions.push(Decision {
        item: pushed.item,
        status: ItemStatus::Refused("too_much_held".to_owned()),
        office: None,
    });
    store.commit(&batch).unwrap();
    assert_eq!(store.add_to_inbox(items).unwrap(), [ItemStatus::Received]);
    let kept = store.inbox_item(pushed.item).unwrap().unwrap();
    assert_eq!(kept.pushed.bytes, pushed.bytes);
}

fn what_was_pushed_for_an_erased_record_is_not_kept(store: &impl Store) {
    Entered::begun(1, &["a:1"]).into_log(store);
    let before = item(1, 1);
    store.add_to_inbox(std::slice::from_ref(&before)).unwrap();
    erase(store, 1, &["a:1"]);
    let after = item(1, 2);
    store.add_to_inbox(std::slice::from_ref(&after)).unwrap();
    let mut batch = Batch::on(store.head().unwrap());
    for pushed in [&before, &after] {
        batch.decisions.push(Decision {
            item: pushed.item,
            status: ItemStatus::Refused("record_erased".to_owned()),
            office: None,
        });
    }
    store.commit(&batch).unwrap();
    for pushed in [before, after] {
        let kept = store.inbox_item(pushed.item).unwrap().unwrap();
        assert!(kept.pushed.bytes.is_empty());
    }
}
