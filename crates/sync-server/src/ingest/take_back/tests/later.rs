//! What came later counts: moves, leaving the phones, erasing.

use gridlog_domain::record::Command;
use gridlog_protocol::{Blob, Page};

use super::*;

/// A town where `lost` happens after the backup and `since` after the restore; then a phone of the
/// colleague gives back what it saw.
fn lost_and_since(
    lost: impl FnOnce(&Town, &mut TestDevice),
    since: impl FnOnce(&Town),
) -> (Town, Page) {
    let town = Town::new();
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let over = [
        new_case(GRID_A, "甲"),
        propose(&town, WORKER, Step::SelfHandle),
    ];
    let begun = author.write(&town, record(1), &over);
    author.push(&town, vec![begun]);
    let mut phone = town.phone(2, COLLEAGUE);
    phone.bootstrap(&town);
    let backup = town.back_up();
    lost(&town, &mut author);
    phone.pull(&town);
    let town = town.restore(&backup, Some(Why::Restored));
    since(&town);
    let returns = phone.everything();
    let page = phone.give_back(&town, returns);
    town.require_sound();
    (town, page)
}

fn relocate(town: &Town, area: &str) {
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer
        .relocate(town.now.get(), record(1), &area.into())
        .unwrap();
}

fn archive(town: &Town) {
    town.wait(1_000);
    let mut sequencer = town.sequencer.borrow_mut();
    let left = sequencer.archive_closed(town.now.get(), 1, 10).unwrap();
    assert_eq!(left, 1);
}

fn erase(town: &Town) {
    let erasure = Erasure {
        record: record(1),
        at_ms: town.now.get(),
        reason: crate::outside::ErasureReason::PersonAsked,
        by: KEEPER.into(),
    };
    town.sequencer.borrow_mut().erase(&erasure).unwrap();
}

fn said(town: &Town) -> Vec<Command> {
    vec![comment(town, OFFICE, "补充")]
}

#[test]
fn a_record_that_moved_has_moved_when_it_comes_back() {
    let (town, _) = lost_and_since(|town, _| relocate(town, GRID_B), |_| {});
    let row = town.store.record(record(1)).unwrap().unwrap();
    assert_eq!(row.area, GRID_B);
    let audiences = town.store.audiences_of(record(1)).unwrap();
    assert!(audiences.contains(&"a:12".to_owned()) && !audiences.contains(&"a:11".to_owned()));
}

#[test]
fn an_older_move_does_not_undo_a_newer_one() {
    let (town, _) = lost_and_since(
        |town, _| {
            relocate(town, GRID_B);
            relocate(town, GRID_A);
        },
        |town| relocate(town, STREET),
    );
    let row = town.store.record(record(1)).unwrap().unwrap();
    assert_eq!(row.area, STREET);
}

/// The entries of a page that say where a record lives, to be given back; of them those that `wanted`
/// names by their order.
fn moves_in(kept: &crate::town::Kept, wanted: &[usize]) -> Returned {
    let entries = kept.entries.iter();
    let moves = entries.filter(|entry| {
        let entry = LogEntry::from_bytes(entry).unwrap();
        matches!(entry.fact, Fact::Assignment { .. })
    });
    let moves: Vec<_> = moves.collect();
    Returned {
        evidence: kept.evidence.clone(),
        entries: wanted.iter().map(|at| Blob(moves[*at].clone())).collect(),
        changes: Vec::new(),
    }
}

/// The last page that brought entries.
fn last_news(phone: &TestDevice) -> &crate::town::Kept {
    let mut kept = phone.kept.iter().rev();
    kept.find(|kept| !kept.entries.is_empty()).unwrap()
}

#[test]
fn an_older_move_does_not_undo_a_newer_one_although_a_page_of_a_later_epoch_shows_it() {
    let town = Town::new();
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let begun = author.write(&town, record(1), &[new_case(GRID_A, "甲")]);
    author.push(&town, vec![begun]);
    let mut late = town.phone(2, COLLEAGUE);
    late.bootstrap(&town);
    let first = town.back_up();
    relocate(&town, GRID_B);
    relocate(&town, GRID_A);
    author.pull(&town);
    let second = town.back_up();
    let town = town.restore(&second, Some(Why::Restored));
    late.pull(&town);
    let town = town.restore(&first, Some(Why::Restored));
    let newer = moves_in(last_news(&author), &[1]);
    author.give_back(&town, vec![newer]);
    let older = moves_in(last_news(&late), &[0]);
    late.give_back(&town, vec![older]);
    assert_eq!(town.store.record(record(1)).unwrap().unwrap().area, GRID_A);
    town.require_sound();
}

#[test]
fn what_the_log_had_dropped_before_does_not_overrule_what_it_lost_last() {
    let town = Town::new();
    let mut dropped = town.phone(1, WORKER);
    dropped.bootstrap(&town);
    let reported = [new_case(GRID_A, "甲"), propose(&town, WORKER, Step::Report)];
    let begun = dropped.write(&town, record(1), &reported);
    dropped.push(&town, vec![begun]);
    let mut last = town.phone(2, COLLEAGUE);
    last.bootstrap(&town);
    let backup = town.back_up();
    let ruled = |town: &Town, step| {
        let ruled = town.office(OFFICE, record(1), vec![propose(town, OFFICE, step)]);
        assert!(ruled.seq.is_some());
    };
    ruled(&town, Step::Register);
    dropped.pull(&town);
    let town = town.restore(&backup, Some(Why::Restored));
    ruled(&town, Step::Reject);
    last.pull(&town);
    let stage = |town: &Town| town.store.record(record(1)).unwrap().unwrap().stage;
    let rejected = stage(&town);
    let town = town.restore(&backup, Some(Why::Restored));
    assert_eq!(town.store.head().unwrap().epoch, 3);
    let mut returns = dropped.everything();
    returns.extend(last.everything());
    last.give_back(&town, returns);
    assert_eq!(stage(&town), rejected);
    let rulings = town.store.rulings(record(1)).unwrap();
    assert_eq!(rulings.len(), 3, "all came back");
    town.require_sound();
}

#[test]
fn the_last_of_several_moves_counts_however_often_they_come_back() {
    let (town, _) = lost_and_since(
        |town, author| {
            relocate(town, GRID_B);
            relocate(town, GRID_A);
            relocate(town, STREET);
            author.pull(town);
        },
        |_| {},
    );
    assert_eq!(town.store.record(record(1)).unwrap().unwrap().area, STREET);
}

#[test]
fn a_record_that_moved_before_a_phone_first_saw_it_comes_back_where_it_lived() {
    let town = Town::new();
    let backup = town.back_up();
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let begun = author.write(&town, record(1), &[new_case(GRID_A, "甲")]);
    author.push(&town, vec![begun]);
    relocate(&town, GRID_B);
    let before = town.store.audiences_of(record(1)).unwrap();
    let mut late = town.phone(2, NEIGHBOUR);
    late.bootstrap(&town);
    let town = town.restore(&backup, Some(Why::Restored));
    let returns = late.everything();
    late.give_back(&town, returns);
    let row = town.store.record(record(1)).unwrap().unwrap();
    assert_eq!(row.area, GRID_B);
    assert_eq!(town.store.audiences_of(record(1)).unwrap(), before);
    town.require_sound();
}

#[test]
fn a_move_back_counts_although_the_move_before_it_comes_back_later() {
    let town = Town::new();
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let begun = author.write(&town, record(1), &[new_case(GRID_A, "甲")]);
    author.push(&town, vec![begun]);
    let mut first = town.phone(2, OFFICE);
    first.bootstrap(&town);
    let backup = town.back_up();
    relocate(&town, GRID_B);
    first.pull(&town);
    let mut second = town.phone(3, OFFICE);
    second.bootstrap(&town);
    relocate(&town, GRID_A);
    second.pull(&town);
    let town = town.restore(&backup, Some(Why::Restored));
    for phone in [&mut second, &mut first] {
        let returns = phone.everything();
        phone.give_back(&town, returns);
        assert_eq!(town.store.record(record(1)).unwrap().unwrap().area, GRID_A);
    }
    town.require_sound();
}

#[test]
fn what_was_archived_stays_so() {
    let (town, page) = lost_and_since(|town, _| archive(town), |_| {});
    assert!(page.body.returned > 0);
    assert!(town.store.record(record(1)).unwrap().unwrap().archived);
    // What the log had said before does not bring it back, also if somebody else brings it later.
    let (town, _) = lost_and_since(
        |town, _| {
            town.office(OFFICE, record(1), said(town));
        },
        archive,
    );
    let row = town.store.record(record(1)).unwrap().unwrap();
    assert!(row.archived);
    assert_eq!(town.store.record_changes(record(1)).unwrap().len(), 2);
}

#[test]
fn what_came_back_to_the_phones_is_not_archived_by_an_older_entry() {
    let (town, _) = lost_and_since(
        |town, _| {
            archive(town);
            town.office(OFFICE, record(1), said(town));
        },
        |_| {},
    );
    assert!(!town.store.record(record(1)).unwrap().unwrap().archived);
    let (town, _) = lost_and_since(
        |town, _| archive(town),
        |town| {
            town.office(OFFICE, record(1), said(town));
        },
    );
    assert!(!town.store.record(record(1)).unwrap().unwrap().archived);
}

#[test]
fn what_was_erased_stays_so() {
    let gone = |town: &Town| {
        assert!(town.store.is_erased(record(1)).unwrap());
        assert_eq!(whole(town, record(1)), None);
        assert!(town.store.record_changes(record(1)).unwrap().is_empty());
    };
    let (town, page) = lost_and_since(|town, _| erase(town), |_| {});
    assert!(page.body.returned > 0);
    gone(&town);
    let noted = town.sequencer.borrow().outside.erased().unwrap();
    let reason = noted.last().map(|erasure| erasure.reason);
    let again = Some(crate::outside::ErasureReason::GivenBack);
    assert_eq!(reason, again, "and is known beside the database again");
    let (town, _) = lost_and_since(
        |town, _| {
            town.office(OFFICE, record(1), said(town));
        },
        erase,
    );
    gone(&town);
}

#[test]
fn a_record_that_began_and_was_erased_after_the_backup_does_not_come_back() {
    let (town, _) = lost_and_since(
        |town, author| {
            let begun = author.write(town, record(3), &[new_case(GRID_A, "丙")]);
            author.push(town, vec![begun]);
            let erasure = Erasure {
                record: record(3),
                at_ms: town.now.get(),
                reason: crate::outside::ErasureReason::PersonAsked,
                by: KEEPER.into(),
            };
            town.sequencer.borrow_mut().erase(&erasure).unwrap();
        },
        |_| {},
    );
    assert!(town.store.is_erased(record(3)).unwrap());
}
