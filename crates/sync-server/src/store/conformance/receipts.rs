//! Receipts: what of each device is in the log.

use gridlog_protocol::{Fold, Receipt, item_digest};

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        a_receipt_counts_and_folds_what_each_of_a_devices_actors_wrote,
        what_an_actor_wrote_counts_once_it_joins_a_device_of_its_person,
        what_was_erased_counts_no_longer,
    ]
}

fn receipt(store: &impl Store, n: u8) -> Receipt {
    let query = ExchangeQuery {
        device: device(n).id,
        ..ask(&[])
    };
    store.exchange(&query).unwrap().receipt
}

/// The receipt that names these changes, each by its record and its number.
fn naming(store: &impl Store, changes: &[(u8, u64)]) -> Receipt {
    let mut fold = Fold::default();
    let mut records = Vec::new();
    for (n, seq) in changes {
        let stored = store.record_changes(record(*n)).unwrap();
        let change = stored.iter().find(|change| change.seq == *seq).unwrap();
        fold.add(item_digest(Key([*n; 16]), &change.bytes));
        records.push(*n);
    }
    records.sort_unstable();
    records.dedup();
    Receipt {
        records: records.len() as u64,
        changes: fold,
    }
}

fn a_receipt_counts_and_folds_what_each_of_a_devices_actors_wrote(store: &impl Store) {
    let nothing = naming(store, &[]);
    store.add_device(&device(1), [1; 16]).unwrap();
    store.add_actor([11; 16], device(1).id, 2).unwrap();
    store.add_device(&device(2), [2; 16]).unwrap();
    Entered::begun(1, &["a:1"]).by([1; 16]).into_log(store);
    Entered::change(1, &["a:1"]).by([2; 16]).into_log(store);
    Entered::change(1, &["a:1"]).by([11; 16]).into_log(store);
    Entered::begun(2, &["a:1"]).by([11; 16]).into_log(store);
    Entered::begun(3, &["a:1"]).by(SOMEBODY).into_log(store);
    assert_eq!(receipt(store, 1), naming(store, &[(1, 1), (1, 3), (2, 4)]));
    assert_eq!(receipt(store, 2), naming(store, &[(1, 2)]));
    assert_eq!(receipt(store, 3), nothing);
}

fn what_an_actor_wrote_counts_once_it_joins_a_device_of_its_person(store: &impl Store) {
    // Changes in these checks are by a person for each first byte of an actor.
    let own = Device {
        person: "W1".into(),
        ..device(1)
    };
    let mut second = [2; 16];
    second[0] = 1;
    store.adopt_device(&own).unwrap();
    Entered::begun(1, &["a:1"]).by([1; 16]).into_log(store);
    Entered::change(1, &["a:1"]).by(second).into_log(store);
    store.add_actor([1; 16], own.id, 5).unwrap();
    assert_eq!(receipt(store, 1), naming(store, &[(1, 1)]));
    Entered::change(1, &["a:1"]).by([1; 16]).into_log(store);
    store.add_actor(second, own.id, 6).unwrap();
    store.add_actor(second, own.id, 7).unwrap();
    let all = naming(store, &[(1, 1), (1, 2), (1, 3)]);
    assert_eq!(receipt(store, 1), all);
    Entered::change(1, &["a:1"]).by([3; 16]).into_log(store);
    let taken = store.add_actor([3; 16], own.id, 8).unwrap_err();
    assert!(matches!(taken, StoreError::ActorTaken));
    assert_eq!(receipt(store, 1), all);
}

fn what_was_erased_counts_no_longer(store: &impl Store) {
    store.add_device(&device(1), [1; 16]).unwrap();
    for n in [1, 2] {
        Entered::begun(n, &["a:1"]).by([1; 16]).into_log(store);
        Entered::change(n, &["a:1"]).by([1; 16]).into_log(store);
    }
    erase(store, 1, &["a:1"]);
    assert_eq!(receipt(store, 1), naming(store, &[(2, 3), (2, 4)]));
}
