use std::sync::Arc;

use gridlog_domain::workflow::Step;
use gridlog_protocol::{Fact, Verdict};

use super::*;
use crate::outside::{ErasureReason, Outside, OutsideMemory};
use crate::store::Store;
use crate::town::*;

fn erasure(n: u8) -> Erasure {
    Erasure {
        record: record(n),
        at_ms: NOW,
        reason: ErasureReason::PersonAsked,
        by: KEEPER.into(),
    }
}

/// A town with one case of the worker for each step given, which is taken at once.
fn town_with(steps: &[Option<Step>]) -> (Town, TestDevice) {
    let town = Town::new();
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    for (n, step) in (1..).zip(steps) {
        let mut words = vec![new_case(GRID_A, "案卷")];
        words.extend(step.map(|step| propose(&town, WORKER, step)));
        let begun = phone.write(&town, record(n), &words);
        phone.push(&town, vec![begun]);
    }
    (town, phone)
}

fn archive(town: &Town, limit: usize) -> usize {
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer
        .archive_closed(town.now.get(), 1_000, limit)
        .unwrap()
}

#[test]
fn only_cases_that_are_over_for_long_leave_the_phones() {
    let steps = [
        None,
        Some(Step::Report),
        Some(Step::SelfHandle),
        Some(Step::Void),
    ];
    let (town, _phone) = town_with(&steps);
    assert_eq!(archive(&town, 10), 0);
    town.wait(1_001);
    assert_eq!(archive(&town, 10), 2);
    let archived = |n| town.store.record(record(n)).unwrap().unwrap().archived;
    assert_eq!([1, 2, 3, 4].map(archived), [false, false, true, true]);
    assert_eq!(town.facts(record(3)).last(), Some(&Fact::Archived));
    assert_eq!(archive(&town, 10), 0, "once");
    town.require_sound();
}

#[test]
fn leaving_the_phones_is_bounded_and_keeps_the_order_of_an_offices_list() {
    let (town, _phone) = town_with(&[Some(Step::Void), Some(Step::Void), Some(Step::Void)]);
    town.wait(1_001);
    let listed = |town: &Town| {
        let filter = crate::store::CaseFilter {
            audiences: vec!["a:1".to_owned()],
            limit: 10,
            ..Default::default()
        };
        let rows = town.store.records(&filter).unwrap();
        rows.iter()
            .map(|row| (row.id, row.updated_ms))
            .collect::<Vec<_>>()
    };
    let before = listed(&town);
    assert_eq!([2, 2, 2].map(|limit| archive(&town, limit)), [2, 1, 0]);
    assert_eq!(listed(&town), before);
}

#[test]
fn a_case_that_was_archived_is_worked_on_as_before() {
    let (town, mut phone) = town_with(&[Some(Step::SelfHandle)]);
    town.wait(1_001);
    let late = phone.write(&town, record(1), &[set_title("改")]);
    archive(&town, 10);
    let page = phone.push(&town, vec![late]);
    assert!(matches!(page.body.verdicts[..], [Verdict::Admitted { .. }]));
    let row = town.store.record(record(1)).unwrap().unwrap();
    assert!(!row.archived && row.view.contains("改"));
}

#[test]
fn a_record_that_moves_leaves_one_grid_and_enters_the_other() {
    let (town, mut author) = town_with(&[Some(Step::Report)]);
    let mut colleague = town.phone(2, COLLEAGUE);
    let mut neighbour = town.phone(3, NEIGHBOUR);
    colleague.bootstrap(&town);
    neighbour.bootstrap(&town);
    assert!(neighbour.changes.is_empty());
    let area = GRID_B.into();
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer.relocate(NOW, record(1), &area).unwrap();
    let head = town.store.head().unwrap().seq;
    assert_eq!(
        sequencer.relocate(NOW, record(1), &area).unwrap(),
        head,
        "once"
    );
    let unknown = sequencer.relocate(NOW, record(9), &area).unwrap_err();
    assert!(matches!(unknown, OfficeError::UnknownRecord(_)));
    let nowhere = sequencer
        .relocate(NOW, record(1), &"99".into())
        .unwrap_err();
    assert!(matches!(nowhere, OfficeError::UnknownArea(_)));
    drop(sequencer);
    let page = colleague.pull(&town);
    assert_eq!(page.body.gone.len(), 1);
    let facts: Vec<&Fact> = page
        .body
        .entries
        .iter()
        .map(|feed| &feed.entry.fact)
        .collect();
    assert!(matches!(
        facts[..],
        [Fact::Assignment { .. }, Fact::Hidden { .. }]
    ));
    let page = neighbour.pull(&town);
    assert!(page.body.records[0].whole);
    assert_eq!(page.body.records[0].area, GRID_B);
    let page = author.pull(&town);
    assert!(
        page.body.gone.is_empty(),
        "authors keep sight of their words"
    );
    town.require_sound();
}

#[test]
fn an_erased_record_is_gone_from_every_phone_and_takes_nothing_any_more() {
    let (town, mut phone) = town_with(&[Some(Step::Report), None]);
    let late = phone.write(&town, record(1), &[set_title("改")]);
    let seq = town.sequencer.borrow_mut().erase(&erasure(1)).unwrap();
    assert_eq!(seq, Some(town.store.head().unwrap().seq));
    let page = phone.push(&town, vec![late]);
    let code = "record_erased".to_owned();
    assert_eq!(page.body.verdicts, [Verdict::Refused { code }]);
    assert_eq!(page.body.gone.len(), 1);
    let receipt = page.statement.receipt.unwrap();
    assert_eq!((receipt.records, receipt.changes.count), (1, 1));
    let mut sequencer = town.sequencer.borrow_mut();
    assert_eq!(sequencer.erase(&erasure(1)).unwrap(), None, "once");
    let unknown = sequencer.erase(&erasure(9)).unwrap_err();
    assert!(matches!(unknown, OfficeError::UnknownRecord(_)));
    drop(sequencer);
    town.require_sound();
}

#[test]
fn who_saw_a_record_once_hears_that_it_was_erased_and_nobody_else_is_woken() {
    let (town, _author) = town_with(&[Some(Step::Report)]);
    let mut former = town.phone(2, COLLEAGUE);
    former.bootstrap(&town);
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer.relocate(NOW, record(1), &GRID_B.into()).unwrap();
    drop(sequencer);
    former.pull(&town);
    town.sequencer.borrow_mut().take_published();
    town.sequencer.borrow_mut().erase(&erasure(1)).unwrap();
    let woken = town.sequencer.borrow_mut().take_published().unwrap();
    assert!(!woken.everybody && !woken.audiences.contains(&format!("a:{GRID_A}")));
    let page = former.pull(&town);
    let facts: Vec<&Fact> = page.body.entries.iter().map(|e| &e.entry.fact).collect();
    assert!(matches!(facts[..], [Fact::Erase { .. }]), "{facts:?}");
    town.require_sound();
}

#[test]
fn a_record_that_does_not_read_back_can_be_erased() {
    let (town, _phone) = town_with(&[Some(Step::Report)]);
    let direct = rusqlite::Connection::open(town.folder.path().join("district.db")).unwrap();
    direct
        .execute("UPDATE changes SET bytes = x'00'", [])
        .unwrap();
    direct.execute("UPDATE records SET view = '{'", []).unwrap();
    let mut sequencer = town.sequencer.borrow_mut();
    assert!(sequencer.erase(&erasure(1)).unwrap().is_some());
    assert!(town.store.is_erased(record(1)).unwrap());
}

/// A sequencer over the town's store, with this kept beside it.
fn sequencer(town: &Town, outside: &Arc<OutsideMemory>) -> Sequencer {
    let limits = gridlog_merge_guard::Limits::default();
    let sequencer = Sequencer::new(town.store.clone(), town.directory.clone(), limits, [8; 16]);
    sequencer.beside(Arc::clone(outside) as Arc<dyn Outside>)
}

#[test]
fn what_was_erased_is_erased_again_after_a_restore() {
    let (town, mut phone) = town_with(&[Some(Step::Report), None]);
    let backup = town.back_up();
    let begun = phone.write(&town, record(3), &[new_case(GRID_A, "丙")]);
    phone.push(&town, vec![begun]);
    let outside = Arc::new(OutsideMemory::default());
    for n in [1, 3] {
        sequencer(&town, &outside).erase(&erasure(n)).unwrap();
    }
    let town = town.restore(&backup, None);
    assert!(town.store.record(record(1)).unwrap().is_some());
    let mut again = sequencer(&town, &outside);
    assert_eq!(again.erase_again(NOW).unwrap(), 2);
    for n in [1, 3] {
        assert!(town.store.is_erased(record(n)).unwrap());
        assert_eq!(town.store.record(record(n)).unwrap(), None);
    }
    assert!(town.store.record(record(2)).unwrap().is_some());
    assert_eq!(again.erase_again(NOW).unwrap(), 0, "once");
    assert_eq!(outside.erased().unwrap().len(), 2);
    town.require_sound();
}

/// Cannot write.
#[derive(Debug)]
struct FullDisk;

impl Outside for FullDisk {
    fn note_erased(&self, _: &[Erasure]) -> Result<(), crate::outside::OutsideError> {
        Err(full())
    }
    fn erased(&self) -> Result<Vec<Erasure>, crate::outside::OutsideError> {
        Ok(Vec::new())
    }
    fn note_revoked(
        &self,
        _: &crate::outside::Revocation,
    ) -> Result<(), crate::outside::OutsideError> {
        Err(full())
    }
    fn revoked(&self) -> Result<Vec<crate::outside::Revocation>, crate::outside::OutsideError> {
        Ok(Vec::new())
    }
    fn note_claims(&self, _: &[crate::outside::Claim]) -> Result<(), crate::outside::OutsideError> {
        Err(full())
    }
    fn claims(&self) -> Result<Vec<crate::outside::Claim>, crate::outside::OutsideError> {
        Ok(Vec::new())
    }
    fn note_epoch(&self, _: u64) -> Result<(), crate::outside::OutsideError> {
        Err(full())
    }
    fn note_begun(
        &self,
        _: crate::outside::EpochBegun,
    ) -> Result<(), crate::outside::OutsideError> {
        Err(full())
    }
    fn begun(&self) -> Result<Vec<crate::outside::EpochBegun>, crate::outside::OutsideError> {
        Ok(Vec::new())
    }
    fn newest_epoch(&self) -> Result<u64, crate::outside::OutsideError> {
        Ok(0)
    }
}

fn full() -> crate::outside::OutsideError {
    crate::outside::OutsideError::File {
        path: "erased.log".into(),
        source: std::io::ErrorKind::StorageFull.into(),
    }
}

#[test]
fn nothing_is_erased_and_no_epoch_begins_that_could_not_be_noted_first() {
    let (town, _phone) = town_with(&[None]);
    let head = town.store.head().unwrap();
    let limits = gridlog_merge_guard::Limits::default();
    let mut sequencer = Sequencer::new(town.store.clone(), town.directory.clone(), limits, [8; 16])
        .beside(Arc::new(FullDisk));
    assert!(sequencer.erase(&erasure(1)).is_err());
    let why = crate::ingest::Why::Restored;
    assert!(sequencer.begin_epoch(NOW, (1, 2), why).is_err());
    assert_eq!(town.store.head().unwrap(), head);
}

#[test]
fn an_epoch_never_begins_twice_and_an_old_copy_of_the_database_is_noticed() {
    let (town, _phone) = town_with(&[None]);
    let outside = Arc::new(OutsideMemory::default());
    let epoch = |town: &Town| town.store.head().unwrap().epoch;
    let start = |town: &Town| sequencer(town, &outside).require_newest_epoch(NOW).unwrap();
    start(&town);
    assert_eq!((epoch(&town), outside.newest_epoch().unwrap()), (1, 1));
    let backup = town.back_up();
    let why = crate::ingest::Why::Restored;
    sequencer(&town, &outside)
        .begin_epoch(NOW, (1, 2), why)
        .unwrap();
    assert_eq!(epoch(&town), 2);
    // Somebody copies an old file over the database and starts the server.
    let town = town.restore(&backup, None);
    start(&town);
    assert_eq!(epoch(&town), 3);
    start(&town);
    assert_eq!((epoch(&town), outside.newest_epoch().unwrap()), (3, 3));
}

/// A town in which a phone that was handed over pushed a case and a word in it.
fn town_with_words_in_review() -> (Town, TestDevice, [gridlog_protocol::Digest; 2]) {
    let (town, mut phone) = town_with(&[None]);
    let device = phone.device.id;
    town.store.revoke_device(device, town.now.get()).unwrap();
    let begun = phone.write(&town, record(2), &[new_case(GRID_A, "张某家中")]);
    let said = [comment(&town, WORKER, "电话")];
    let said = phone.write(&town, record(2), &said);
    let names =
        [&begun, &said].map(|item| gridlog_protocol::item_digest(item.record, &item.change.0));
    phone.push(&town, vec![begun, said]);
    (town, phone, names)
}

fn bytes_of(town: &Town, item: gridlog_protocol::Digest) -> usize {
    let item = town.store.inbox_item(item).unwrap().unwrap();
    item.pushed.bytes.len()
}

#[test]
fn what_an_office_dismissed_and_what_builds_on_it_is_kept_by_its_author_only() {
    let (town, _phone, names) = town_with_words_in_review();
    let by = crate::store::OfficeDecision {
        by: OFFICE.into(),
        reason: "不属实".to_owned(),
    };
    assert!(names.iter().all(|item| bytes_of(&town, *item) > 0));
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer.dismiss(names[0], by).unwrap();
    sequencer.round(town.now.get(), 10).unwrap();
    assert_eq!(names.map(|item| bytes_of(&town, item)), [0, 0]);
}

#[test]
fn what_never_began_is_erased_like_a_record() {
    let (town, mut phone, names) = town_with_words_in_review();
    let erase = |n| town.sequencer.borrow_mut().erase(&erasure(n));
    assert!(matches!(erase(9), Err(OfficeError::UnknownRecord(_))));
    assert!(erase(2).unwrap().is_some());
    assert_eq!(names.map(|item| bytes_of(&town, item)), [0, 0]);
    assert!(town.store.quarantine(None, 10).unwrap().is_empty());
    assert!(town.store.is_erased(record(2)).unwrap());
    let page = phone
        .ask(&town, |request| request.asks = names.to_vec())
        .unwrap();
    let refused = Verdict::Refused {
        code: "record_erased".to_owned(),
    };
    assert_eq!(page.body.verdicts, [refused.clone(), refused]);
    town.require_sound();
}
