//! Promises: however much one device sends, and whatever it is, the others' items are decided in the
//! next round.

use gridlog_domain::id::PersonId;
use gridlog_protocol::{PushItem, item_digest};

use super::*;
use crate::ingest::{Pushed, examine};
use crate::store::NewItem;
use crate::town::{
    COLLEAGUE, GRID_A, GRID_B, NEIGHBOUR, TestDevice, Town, WORKER, comment, new_case, record,
    set_title,
};

const ROUND: usize = 256;

/// The town, its rounds within these bounds.
fn bounded(bounds: RoundBounds) -> Town {
    let town = Town::new();
    let limits = Limits::default();
    let sequencer = Sequencer::new(town.store.clone(), town.directory.clone(), limits, [8; 16]);
    town.sequencer.replace(sequencer.within(bounds));
    town
}

fn round(town: &Town) -> Round {
    town.sequencer
        .borrow_mut()
        .round(town.now.get(), ROUND)
        .unwrap()
}

/// Rounds until nothing is left; how many.
fn rounds(town: &Town) -> usize {
    let mut count = 1;
    while round(town).more {
        count += 1;
        assert!(count < 1_000, "the rounds come to an end");
    }
    count
}

/// Puts a phone's items into the inbox; their names.
fn receive(town: &Town, phone: &TestDevice, items: Vec<PushItem>) -> Vec<Digest> {
    let by = Pushed {
        device: phone.device.id,
        person: &phone.device.person,
        actors: &[phone.actor.into()],
        received_ms: town.now.get(),
    };
    let items: Vec<NewItem> = items
        .into_iter()
        .map(|item| examine(item, &by, &Limits::default()))
        .collect();
    town.store.add_to_inbox(&items).unwrap();
    items.into_iter().map(|item| item.item).collect()
}

/// Puts so many items into the inbox that look sound and are not.
fn receive_nonsense(town: &Town, phone: &TestDevice, count: u32) -> Vec<Digest> {
    let items: Vec<NewItem> = (0..count)
        .map(|n| {
            let bytes = n.to_be_bytes().to_vec();
            NewItem {
                item: item_digest(gridlog_protocol::Key(phone.actor), &bytes),
                record: record(99),
                change: None,
                actor_seq: None,
                device: phone.device.id,
                person: PersonId::new(phone.device.person.as_str()),
                received_ms: town.now.get(),
                offset_ms: None,
                bytes,
                status: ItemStatus::Received,
            }
        })
        .collect();
    town.store.add_to_inbox(&items).unwrap();
    items.into_iter().map(|item| item.item).collect()
}

fn status(town: &Town, item: Digest) -> ItemStatus {
    let mut statuses = town.store.item_statuses(&[item]).unwrap();
    statuses.pop().flatten().unwrap()
}

fn is_admitted(town: &Town, item: Digest) -> bool {
    matches!(status(town, item), ItemStatus::Admitted(_))
}

fn count(town: &Town, items: &[Digest], wanted: impl Fn(&ItemStatus) -> bool) -> usize {
    let statuses = town.store.item_statuses(items).unwrap();
    statuses.iter().flatten().filter(|s| wanted(s)).count()
}

/// The change that begins a record, and edits of it, in order.
fn story(town: &Town, phone: &mut TestDevice, n: u8, area: &str, edits: usize) -> Vec<PushItem> {
    let begun = phone.write(town, record(n), &[new_case(area, "井盖")]);
    let edits = (0..edits).map(|n| set_title(&n.to_string()));
    let edits: Vec<_> = edits
        .map(|edit| phone.write(town, record(n), &[edit]))
        .collect();
    [vec![begun], edits].concat()
}

#[test]
fn a_device_with_20000_undecided_items_delays_nobodys_single_item() {
    let town = Town::new();
    let (heavy, mut light) = (town.phone(1, WORKER), town.phone(2, NEIGHBOUR));
    let heap = receive_nonsense(&town, &heavy, 20_000);
    round(&town);
    let one = story(&town, &mut light, 1, GRID_B, 0);
    let one = receive(&town, &light, one);
    let next = round(&town);
    assert!(
        is_admitted(&town, one[0]),
        "it is decided in the next round"
    );
    assert!(next.more);
    // The heap is worked off meanwhile, in its order.
    let undecided = |from: usize| count(&town, &heap[from..], |s| *s == ItemStatus::Received);
    assert_eq!(undecided(0), 20_000 - 2 * ROUND + 1);
    assert_eq!(undecided(2 * ROUND - 1), undecided(0));
    for n in 2..7 {
        let again = story(&town, &mut light, n, GRID_B, 0);
        let again = receive(&town, &light, again);
        round(&town);
        assert!(is_admitted(&town, again[0]), "and so is every later one");
    }
}

#[test]
fn much_work_for_one_device_is_cut_and_the_others_do_not_wait_for_it() {
    let bounds = RoundBounds {
        work: 64 * 1024,
        ..RoundBounds::default()
    };
    let town = bounded(bounds);
    let (mut heavy, mut light) = (town.phone(1, WORKER), town.phone(2, NEIGHBOUR));
    // Each item goes through a record that grows by 6 KB with it.
    let mut large = vec![heavy.write(&town, record(1), &[new_case(GRID_A, "井盖")])];
    let text = "长".repeat(2_000);
    for n in 0..20 {
        let said = comment(&town, WORKER, &format!("{text}{n}"));
        large.push(heavy.write(&town, record(1), &[said]));
    }
    let large = receive(&town, &heavy, large);
    let small = story(&town, &mut light, 2, GRID_B, 2);
    let small = receive(&town, &light, small);
    let first = round(&town);
    assert!(small.iter().all(|item| is_admitted(&town, *item)));
    assert!(first.more && first.decided < large.len());
    let more = rounds(&town);
    assert!(more > 5, "each of them did little: {more}");
    assert!(large.iter().all(|item| is_admitted(&town, *item)));
}

#[test]
fn a_round_takes_no_more_bytes_than_it_may_and_leaves_nothing_for_good() {
    let bounds = RoundBounds {
        bytes: 2_000,
        ..RoundBounds::default()
    };
    let town = bounded(bounds);
    let (mut first, mut second) = (town.phone(1, WORKER), town.phone(2, COLLEAGUE));
    let mut items = Vec::new();
    for (n, phone) in [(1, &mut first), (2, &mut second)] {
        let written = story(&town, phone, n, GRID_A, 30);
        items.extend(receive(&town, phone, written));
    }
    let decided = round(&town).decided;
    assert!((2..30).contains(&decided), "{decided}");
    assert!(is_admitted(&town, items[0]) && is_admitted(&town, items[31]));
    rounds(&town);
    assert!(items.iter().all(|item| is_admitted(&town, *item)));
}

#[test]
fn however_much_was_held_back_by_a_change_comes_in_after_it() {
    let bounds = RoundBounds {
        work: 100 * 1024,
        ..RoundBounds::default()
    };
    let town = bounded(bounds);
    let mut phone = town.phone(1, WORKER);
    let mut written = story(&town, &mut phone, 1, GRID_A, 150);
    let begun = written.remove(0);
    // In a chain, each waits for the one before it; of another record, all wait for one.
    let mut held = receive(&town, &phone, written);
    let other = phone.write(&town, record(2), &[new_case(GRID_A, "路灯")]);
    for n in 0..100 {
        // Colleagues that each build on that one change, and on nothing of each other.
        let mut colleague = town.phone(100 + n, COLLEAGUE);
        let known = phone.changes[&record(2)].clone();
        colleague.changes.insert(record(2), known);
        let edit = colleague.write(&town, record(2), &[set_title(&n.to_string())]);
        held.extend(receive(&town, &colleague, vec![edit]));
    }
    rounds(&town);
    let waits = |status: &ItemStatus| matches!(status, ItemStatus::Waiting(_));
    assert_eq!(count(&town, &held, waits), 250);
    receive(&town, &phone, vec![begun, other]);
    assert!(rounds(&town) > 2, "it is more than a round takes");
    assert!(held.iter().all(|item| is_admitted(&town, *item)));
}

#[test]
fn a_device_has_so_many_items_waiting_for_what_is_missing_and_no_more() {
    let bounds = RoundBounds {
        waiting: 3,
        ..RoundBounds::default()
    };
    let town = bounded(bounds);
    let (mut phone, mut other) = (town.phone(1, WORKER), town.phone(2, COLLEAGUE));
    let mut written = story(&town, &mut phone, 1, GRID_A, 5);
    let begun = written.remove(0);
    let held = receive(&town, &phone, written);
    let mut others = story(&town, &mut other, 2, GRID_A, 1);
    others.remove(0);
    let others = receive(&town, &other, others);
    rounds(&town);
    let waits = |status: &ItemStatus| matches!(status, ItemStatus::Waiting(_));
    assert_eq!(count(&town, &held[..3], waits), 3);
    let refused = ItemStatus::Refused("too_many_waiting".to_owned());
    assert_eq!(status(&town, held[3]), refused);
    assert_eq!(count(&town, &others, waits), 1, "that is another device's");
    // What waits goes in with what it waits for, and there is room again.
    receive(&town, &phone, vec![begun]);
    rounds(&town);
    assert!(held[..3].iter().all(|item| is_admitted(&town, *item)));
    let mut again = story(&town, &mut phone, 3, GRID_A, 3);
    again.remove(0);
    let again = receive(&town, &phone, again);
    rounds(&town);
    assert_eq!(count(&town, &again, waits), 3);
}

#[test]
fn a_device_has_so_many_bytes_held_for_an_office_or_behind_a_refusal_and_no_more() {
    let bounds = RoundBounds {
        held: 3 * crate::store::HELD_AT_LEAST,
        ..RoundBounds::default()
    };
    let town = bounded(bounds);
    let (mut stolen, mut other) = (town.phone(1, WORKER), town.phone(2, COLLEAGUE));
    for phone in [&stolen, &other] {
        let device = phone.device.id;
        town.store.revoke_device(device, town.now.get()).unwrap();
    }
    let mut pushed = Vec::new();
    for n in 1..=4 {
        let begun = story(&town, &mut stolen, n, GRID_A, 0);
        pushed.extend(receive(&town, &stolen, begun));
    }
    let others = story(&town, &mut other, 9, GRID_A, 0);
    let others = receive(&town, &other, others);
    rounds(&town);
    let reviewed = |status: &ItemStatus| matches!(status, ItemStatus::Review(_));
    let refused = ItemStatus::Refused("too_much_held".to_owned());
    assert_eq!(count(&town, &pushed[..3], reviewed), 3);
    assert_eq!(status(&town, pushed[3]), refused);
    assert_eq!(
        count(&town, &others, reviewed),
        1,
        "that is another device's"
    );
    // There is room for two, and what is blocked by a refusal counts too.
    let by = crate::store::OfficeDecision {
        by: "O1".into(),
        reason: "核实".to_owned(),
    };
    for item in &pushed[..2] {
        let mut sequencer = town.sequencer.borrow_mut();
        sequencer.dismiss(*item, by.clone()).unwrap();
    }
    let mut blocked = story(&town, &mut stolen, 5, GRID_B, 3);
    blocked[0].change.0.push(0);
    let blocked = receive(&town, &stolen, blocked);
    rounds(&town);
    let waits =
        |status: &ItemStatus| matches!(status, ItemStatus::Waiting(_) | ItemStatus::BlockedBy(_));
    assert_eq!(count(&town, &blocked, waits), 2);
    assert_eq!(status(&town, blocked[3]), refused);
    let direct = rusqlite::Connection::open(town.folder.path().join("district.db")).unwrap();
    let kept = "SELECT sum(size) = sum(length(coalesce(bytes, x''))) FROM inbox
        LEFT JOIN inbox_bytes USING (arrival)";
    let kept: bool = direct.query_row(kept, [], |row| row.get(0)).unwrap();
    assert!(kept, "the sizes noted are those of the bytes");
}

#[test]
fn items_that_fail_or_are_refused_delay_nothing_in_any_round() {
    let town = Town::new();
    let (mut heavy, mut light) = (town.phone(1, WORKER), town.phone(2, NEIGHBOUR));
    let records = 1..=10;
    for n in records.clone() {
        let begun = story(&town, &mut heavy, n, GRID_A, 0);
        receive(&town, &heavy, begun);
    }
    rounds(&town);
    let direct = rusqlite::Connection::open(town.folder.path().join("district.db")).unwrap();
    direct
        .execute("UPDATE changes SET bytes = x'00'", [])
        .unwrap();
    // A server that starts again has no document open.
    let limits = Limits::default();
    let sequencer = Sequencer::new(town.store.clone(), town.directory.clone(), limits, [8; 16]);
    town.sequencer.replace(sequencer);
    let failing: Vec<PushItem> = records
        .flat_map(|n| ["甲", "乙"].map(|title| (n, title)))
        .map(|(n, title)| heavy.write(&town, record(n), &[set_title(title)]))
        .collect();
    let failing = receive(&town, &heavy, failing);
    let refused = receive_nonsense(&town, &heavy, 40);
    let sound = story(&town, &mut light, 50, GRID_B, 3);
    let sound = receive(&town, &light, sound);
    round(&town);
    assert!(sound.iter().all(|item| is_admitted(&town, *item)));
    let more = rounds(&town);
    assert!(more > 1, "so many are not put up with in one round");
    let damaged = ItemStatus::Review("record_damaged".to_owned());
    assert_eq!(count(&town, &failing, |s| *s == damaged), failing.len());
    let is_refused = |status: &ItemStatus| matches!(status, ItemStatus::Refused(_));
    assert_eq!(count(&town, &refused, is_refused), 40);
}
