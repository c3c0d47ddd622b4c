use std::cell::Cell;

use gridlog_domain::id::DeviceId;
use gridlog_domain::record::{Command, Kind, NewRecord, Value};
use gridlog_domain::reference::Assignment;
use gridlog_domain::workflow::Step;
use gridlog_protocol::limits::MAX_AUDIENCES;
use gridlog_protocol::{
    Digest, Fact, FeedEntry, Key, Lineage, Page, Position, PushItem, SyncRequest, Verdict,
    ViewNews, Walk, codec, item_digest, open_page,
};

use super::{Asker, ExchangeError, Hands, Work};
use crate::ingest::{GivenBack, Why};
use crate::outside::{Erasure, ErasureReason};
use crate::store::{ItemStatus, NewItem, Store, StoreError};
use crate::town::*;

/// A town with a phone that is up to date, and `n` cases of the colleague.
fn settled(n: u8) -> (Town, TestDevice) {
    let town = Town::new();
    write_cases(&town, 1, n);
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    (town, phone)
}

/// Lets a phone of the colleague begin `count` cases.
fn write_cases(town: &Town, first: u8, count: u8) {
    let mut other = town.phone(100 + first, COLLEAGUE);
    other.pull(town);
    for n in first..first + count {
        let begun = other.write(town, record(n), &[new_case(GRID_A, "案卷")]);
        other.push(town, vec![begun]);
    }
}

fn head(town: &Town) -> Position {
    let head = town.store.head().unwrap();
    Position {
        epoch: head.epoch,
        seq: head.seq,
        hash: head.hash,
    }
}

fn told(page: &Page) -> Vec<Key> {
    page.body.records.iter().map(|told| told.record).collect()
}

fn key(n: u8) -> Key {
    Key([n; 16])
}

#[test]
fn a_new_phone_begins_at_the_end_of_the_log_and_walks() {
    let town = Town::new();
    write_cases(&town, 1, 3);
    let mut phone = town.phone(1, WORKER);
    let first = phone.ask(&town, |_| {}).unwrap();
    assert!(first.body.profile.is_some() && first.body.more);
    assert!(first.body.records.is_empty());
    assert_eq!(first.statement.position, head(&town));
    assert_eq!(first.statement.receipt, None, "there is more");
    phone.bootstrap(&town);
    assert_eq!(phone.changes.len(), 3);
    assert_eq!(phone.position, head(&town));
}

#[test]
fn what_was_refused_to_a_persons_former_phone_is_refused_to_the_next_one_and_not_unknown_for_ever()
{
    let (town, mut former) = settled(1);
    let elsewhere = Command::Create(NewRecord {
        kind: Kind::Patrol,
        area: GRID_B.into(),
        fields: [("started_at".to_owned(), Value::Millis(NOW))].into(),
        references: Default::default(),
    });
    let patrol = former.write(&town, record(9), &[elsewhere]);
    let refused = |page: &Page| matches!(page.body.verdicts[..], [Verdict::Refused { .. }]);
    assert!(refused(&former.push(&town, vec![patrol.clone()])));
    // After signing in again it is another device, and what it kept was written by the former one.
    let mut next = town.phone(7, WORKER);
    next.bootstrap(&town);
    assert!(refused(&next.push(&town, vec![patrol])));
}

#[test]
fn a_phone_of_this_log_goes_on_where_it_is() {
    let (town, mut phone) = settled(2);
    let before = phone.position;
    write_cases(&town, 5, 1);
    let page = phone.pull(&town);
    assert_eq!(page.body.lineage, None);
    assert_eq!(told(&page), [key(5)]);
    assert!(page.statement.position.seq > before.seq);
    assert!(page.statement.receipt.is_some() && page.statement.scope.is_some());
}

#[test]
fn a_phone_that_saw_nothing_of_what_was_lost_goes_on_after_a_restore() {
    let (town, mut phone) = settled(2);
    let backup = town.back_up();
    write_cases(&town, 5, 1);
    let town = town.restore(&backup, Some(Why::Restored));
    write_cases(&town, 7, 1);
    let seq = phone.position.seq;
    let common = Some(seq);
    let page = phone.pull(&town);
    assert_eq!(page.body.lineage, Some(Lineage { common }));
    assert_eq!(told(&page), [key(7)]);
    assert_eq!(page.statement.position, head(&town));
    assert_eq!(
        phone.pull(&town).body.lineage,
        None,
        "it is in this epoch now"
    );
}

#[test]
fn a_phone_that_saw_what_was_lost_is_told_what_both_logs_share_before_anything_else() {
    let (town, mut phone) = settled(2);
    let backup = town.back_up();
    let base = head(&town);
    write_cases(&town, 5, 1);
    phone.pull(&town);
    let ahead = phone.position;
    let town = town.restore(&backup, Some(Why::Restored));
    let edit = phone.write(&town, record(1), &[comment(&town, WORKER, "后话")]);
    let page = phone.push(&town, vec![edit.clone()]);
    let common = Some(base.seq);
    assert_eq!(page.body.lineage, Some(Lineage { common }));
    assert_eq!(
        page.body.verdicts,
        [Verdict::Unknown],
        "nothing is ruled on yet"
    );
    assert!(page.body.more && page.body.entries.is_empty());
    assert_eq!(page.statement.position, Position { epoch: 2, ..base });
    assert!(page.statement.receipt.is_none() && page.statement.scope.is_none());
    // It gives back, and only then goes on from there.
    phone.position = ahead;
    let returns = phone.everything();
    let page = phone.give_back(&town, returns);
    assert!(page.body.returned > 0);
    let page = phone.push(&town, vec![edit]);
    assert!(matches!(page.body.verdicts[..], [Verdict::Admitted { .. }]));
    assert!(town.store.record(record(5)).unwrap().is_some());
    town.require_sound();
}

#[test]
fn an_epoch_that_this_log_does_not_know_shares_nothing_for_certain() {
    let (town, mut phone) = settled(2);
    let backup = town.back_up();
    let town = town.restore(&backup, Some(Why::Restored));
    phone.pull(&town);
    // The second backup knows nothing of the epoch that the phone is in.
    let town = town.restore(&backup, Some(Why::Restored));
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer
        .begin_epoch(town.now.get(), (2, 3), Why::Restored)
        .unwrap();
    drop(sequencer);
    let mut elsewhere = phone.position;
    elsewhere.epoch = 9;
    elsewhere.hash.0[0] ^= 1;
    let page = phone
        .ask(&town, |request| request.position = elsewhere)
        .unwrap();
    assert_eq!(page.body.lineage, Some(Lineage { common: None }));
    let mut other = phone.position;
    other.hash.0[0] ^= 1;
    let page = phone
        .ask(&town, |request| request.position = other)
        .unwrap();
    let common = Some(0);
    assert_eq!(page.body.lineage, Some(Lineage { common }));
    let nothing = Position {
        epoch: 3,
        ..Position::NOWHERE
    };
    assert_eq!(page.statement.position, nothing);
}

#[test]
fn a_log_that_was_put_back_in_silence_is_found_out_by_what_it_signed() {
    let (town, mut phone) = settled(2);
    let backup = town.back_up();
    write_cases(&town, 5, 1);
    phone.pull(&town);
    // An old copy of the file, and work goes on as if nothing had happened.
    let town = town.restore(&backup, None);
    write_cases(&town, 7, 2);
    let mut later = town.phone(3, COLLEAGUE);
    later.bootstrap(&town);
    let page = phone.ask(&town, |_| {}).unwrap();
    assert_eq!(page.body.lineage, Some(Lineage { common: None }));
    assert_eq!(
        page.statement.position,
        Position::NOWHERE,
        "what a phone claims is never signed"
    );
    assert_eq!(head(&town).epoch, 1);
    let returns = phone.everything();
    let page = phone.give_back(&town, returns);
    assert_eq!(head(&town).epoch, 2);
    let common = Some(0);
    assert_eq!(
        page.body.lineage,
        Some(Lineage { common }),
        "nobody knows where the logs parted"
    );
    for n in [1, 2, 5, 7, 8] {
        assert!(town.store.record(record(n)).unwrap().is_some(), "{n}");
    }
    // Who has pulled from the log as it is now has lost nothing.
    let page = later.pull(&town);
    let lineage = page.body.lineage;
    assert!(lineage.is_none_or(|shared| shared.common.is_some_and(|common| common > 0)));
    town.require_sound();
}

#[test]
fn what_a_phone_only_claims_begins_no_epoch() {
    let (town, mut phone) = settled(2);
    phone.position.seq += 50;
    phone.position.hash.0[0] ^= 1;
    let claimed = phone.position;
    for _ in 0..3 {
        let page = phone.ask(&town, |_| {}).unwrap();
        assert_eq!(page.body.lineage, Some(Lineage { common: None }));
        // Every page that it was ever given, also those that answered the claim.
        let returns = phone.everything();
        let page = phone
            .ask(&town, |request| request.returns = returns)
            .unwrap();
        assert_eq!((page.body.returned, page.statement.position.epoch), (0, 0));
        assert_eq!(phone.position, claimed);
    }
    assert_eq!(head(&town).epoch, 1);
}

#[test]
fn a_phone_whose_person_may_see_other_things_by_now_misses_no_entry_over_it() {
    let (town, mut phone) = settled(2);
    let backup = town.back_up();
    let town = town.restore(&backup, Some(Why::Restored));
    write_cases(&town, 7, 1);
    let before = phone.position;
    let page = phone
        .ask(&town, |request| request.profile_version = 1)
        .unwrap();
    assert!(page.body.profile.is_some() && page.body.more);
    assert_eq!(
        (page.statement.position.epoch, before.seq),
        (2, page.statement.position.seq)
    );
    phone.position = page.statement.position;
    assert_eq!(told(&phone.pull(&town)), [key(7)]);
}

#[test]
fn a_phone_that_was_handed_over_pushes_and_pulls_nothing() {
    let (town, mut phone) = settled(2);
    let before = phone.position;
    town.store
        .revoke_device(phone.device.id, town.now.get())
        .unwrap();
    write_cases(&town, 7, 1);
    let late = phone.write(&town, record(9), &[new_case(GRID_A, "迟到")]);
    let wants = vec![key(1)];
    let page = phone
        .ask(&town, |request| {
            request.push = vec![late];
            request.wants = wants;
        })
        .unwrap();
    let review = Verdict::Review {
        reason: "device_handed_over".to_owned(),
    };
    assert_eq!(page.body.verdicts, [review]);
    assert!(page.body.entries.is_empty() && page.body.records.is_empty());
    assert!(page.body.parts.is_empty() && page.body.profile.is_none());
    assert_eq!(page.statement.position, before);
    assert_eq!(page.statement.scope, None);
}

#[test]
fn what_was_ruled_on_a_new_case_is_told_once_as_an_entry_or_with_its_record() {
    let (town, mut phone) = settled(0);
    let mut author = town.phone(2, COLLEAGUE);
    author.bootstrap(&town);
    let reported = [
        new_case(GRID_A, "甲"),
        propose(&town, COLLEAGUE, Step::Report),
    ];
    let begun = author.write(&town, record(1), &reported);
    author.push(&town, vec![begun]);
    let page = phone.pull(&town);
    let is_ruling = |feed: &&FeedEntry| matches!(feed.entry.fact, Fact::Ruling { .. });
    assert_eq!(page.body.entries.iter().filter(is_ruling).count(), 1);
    assert!(page.body.records[0].whole);
    assert!(page.body.records[0].rulings.is_empty(), "it is an entry");
    // Without the entries, the record brings it.
    let wants = vec![key(1)];
    let page = phone.ask(&town, |request| request.wants = wants).unwrap();
    assert!(page.body.entries.is_empty());
    assert_eq!(page.body.records[0].rulings.len(), 1);
}

#[test]
fn a_case_that_left_the_phones_comes_back_whole_when_something_is_written() {
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
    town.wait(10_000);
    let left = town
        .sequencer
        .borrow_mut()
        .archive_closed(town.now.get(), 10_000, 10)
        .unwrap();
    assert_eq!(left, 0, "the time is not over");
    town.wait(1);
    let left = town
        .sequencer
        .borrow_mut()
        .archive_closed(town.now.get(), 10_000, 10)
        .unwrap();
    assert_eq!(left, 1);
    for phone in [&mut author, &mut phone] {
        let page = phone.pull(&town);
        assert_eq!(page.body.gone, [key(1)]);
        assert!(page.body.records.is_empty());
        assert_eq!(page.statement.scope, Some(Key([0; 16])));
    }
    let said = comment(&town, OFFICE, "回访补充");
    town.office(OFFICE, record(1), vec![said]);
    for phone in [&mut author, &mut phone] {
        let page = phone.pull(&town);
        let [back] = page.body.records.as_slice() else {
            panic!("one record comes back");
        };
        assert!(back.whole && matches!(back.view, ViewNews::Whole(_)));
        assert_eq!((back.changes.len(), back.rulings.len()), (2, 1));
    }
    assert!(!town.store.record(record(1)).unwrap().unwrap().archived);
}

#[test]
fn what_a_worker_wrote_in_a_case_that_had_left_the_phones_brings_it_back_to_everybody() {
    let town = Town::new();
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let over = [
        new_case(GRID_A, "甲"),
        propose(&town, WORKER, Step::SelfHandle),
    ];
    let begun = author.write(&town, record(1), &over);
    author.push(&town, vec![begun]);
    town.wait(10_001);
    let late = author.write(&town, record(1), &[comment(&town, WORKER, "后话")]);
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer
        .archive_closed(town.now.get(), 10_000, 10)
        .unwrap();
    drop(sequencer);
    let page = author.push(&town, vec![late]);
    assert!(matches!(page.body.verdicts[..], [Verdict::Admitted { .. }]));
    assert!(page.body.gone.is_empty(), "it never left this phone");
    let mut phone = town.phone(2, COLLEAGUE);
    phone.bootstrap(&town);
    assert_eq!(phone.changes[&record(1)].len(), 2);
}

/// Hands that have too much to do, and that count what they are charged.
struct Busy<'a> {
    town: &'a Town,
    charged: Cell<Work>,
}

impl Hands for Busy<'_> {
    fn receive(&self, items: Vec<NewItem>) -> Result<Vec<ItemStatus>, StoreError> {
        self.town.receive(items)
    }

    fn await_decisions(&self, items: &[Digest]) -> Result<(), StoreError> {
        self.town.await_decisions(items)
    }

    fn take_back(&self, given: Vec<GivenBack>) -> Result<u64, StoreError> {
        self.town.take_back(given)
    }

    fn begin_epoch(&self, current: u64, next: u64) -> Result<(), StoreError> {
        self.town.begin_epoch(current, next)
    }

    fn charge(&self, work: Work) {
        self.charged.set(self.charged.get().and(work));
    }

    fn wait_ms(&self, _: DeviceId) -> Option<u64> {
        Some(7_000)
    }
}

#[test]
fn a_lost_change_that_somebody_else_pushes_first_is_still_its_authors_to_bring() {
    let (town, mut phone) = settled(0);
    let mut hostile = town.phone(66, NEIGHBOUR);
    hostile.bootstrap(&town);
    let backup = town.back_up();
    let lost = phone.write(&town, record(3), &[new_case(GRID_A, "丢失")]);
    phone.push(&town, vec![lost.clone()]);
    let town = town.restore(&backup, Some(Why::Restored));
    let page = hostile.push(&town, vec![lost.clone()]);
    let refused = Verdict::Refused {
        code: "foreign_actor".to_owned(),
    };
    assert_eq!(page.body.verdicts[0], refused);
    phone.pull(&town);
    let name = gridlog_protocol::item_digest(lost.record, &lost.change.0);
    let page = phone
        .ask(&town, |request| request.asks = vec![name])
        .unwrap();
    assert_eq!(page.body.verdicts[0], Verdict::Unknown);
    let page = phone.push(&town, vec![lost]);
    assert!(matches!(page.body.verdicts[0], Verdict::Admitted { .. }));
}

#[test]
fn nobody_takes_the_actor_of_an_office_or_of_a_phone_that_a_backup_did_not_know() {
    let (town, _) = settled(1);
    let mut hostile = town.phone(66, NEIGHBOUR);
    hostile.bootstrap(&town);
    let backup = town.back_up();
    town.office(OFFICE, record(1), vec![set_title("核实")]);
    let mut late = town.phone(9, COLLEAGUE);
    late.bootstrap(&town);
    let edit = late.write(&town, record(1), &[set_title("改")]);
    late.push(&town, vec![edit]);
    let town = town.restore(&backup, Some(Why::Restored));
    let mut witness = late.everything();
    let mut other = town.phone(10, COLLEAGUE);
    other.bootstrap(&town);
    other.give_back(&town, std::mem::take(&mut witness));
    let changes = town.store.record_changes(record(1)).unwrap();
    let actors: Vec<[u8; 16]> = changes.iter().map(|change| change.actor).collect();
    assert_eq!(actors.len(), 3);
    for actor in actors {
        let claimed = hostile.ask(&town, |request| request.actor = Key(actor));
        assert!(matches!(claimed, Err(ExchangeError::ActorTaken)));
    }
    let page = late.pull(&town);
    assert!(page.body.certificate.is_none() && page.statement.receipt.is_some());
    assert_eq!(town.store.actors_of(late.device.id).unwrap(), [late.actor]);
}

#[test]
fn a_person_of_more_audiences_than_a_phone_may_have_keeps_sight_of_their_own_records() {
    let town = Town::new();
    let mut busy = town.directory.now().people[&staff(WORKER)].clone();
    let held = busy.person.assignments[0].clone();
    let others = (100..200).map(|n: u32| Assignment {
        area: n.to_string().as_str().into(),
        ..held.clone()
    });
    busy.person.assignments.extend(others);
    town.store.put_people(&[busy]).unwrap();
    town.directory.refresh(&*town.store).unwrap();
    let mut phone = town.phone(1, WORKER);
    let page = phone.ask(&town, |_| {}).unwrap();
    let audiences = page.body.profile.unwrap().audiences;
    assert_eq!(audiences.len(), MAX_AUDIENCES);
    assert!(audiences.contains(&"p:W1".to_owned()));
    // A case elsewhere is its author's to see by nothing else.
    let begun = phone.write(&town, record(1), &[new_case(GRID_B, "路过")]);
    phone.push(&town, vec![begun]);
    let mut second = town.phone(2, WORKER);
    second.bootstrap(&town);
    assert!(second.changes.contains_key(&record(1)));
}

#[test]
fn a_busy_server_keeps_what_is_pushed_and_asks_to_wait_with_the_answer() {
    let (town, mut phone) = settled(1);
    let case = phone.write(&town, record(2), &[new_case(GRID_A, "井盖")]);
    let hands = Busy {
        town: &town,
        charged: Cell::default(),
    };
    let answered = |push: Vec<PushItem>| {
        let nonce = key(200);
        let request = SyncRequest {
            position: phone.position,
            profile_version: phone.profile,
            push,
            ..SyncRequest::idle(nonce, Key(phone.actor), town.now.get())
        };
        let asker = Asker {
            device: phone.device.id,
            person: phone.device.person.clone(),
        };
        let body = codec::encode(&request);
        let now = || town.now.get();
        let answer = town.exchange().answer(&asker, &body, &hands, &now).unwrap();
        let device = Key(*phone.device.id.as_bytes());
        let opened = open_page(&answer, nonce, device, &town.key.verifying_key());
        opened.unwrap().page.body
    };
    let idle = answered(Vec::new());
    assert_eq!(idle.retry_after_ms, Some(7_000));
    let cheap = hands.charged.replace(Work::default());
    let page = answered(vec![case]);
    assert!(matches!(page.verdicts[..], [Verdict::Admitted { .. }]));
    assert_eq!(page.retry_after_ms, Some(7_000));
    assert!(
        hands.charged.get() > cheap,
        "a change costs more than nothing"
    );
}

#[test]
fn a_walk_is_not_over_because_the_scope_changed_before_it_went_on() {
    let town = Town::new();
    let mut phone = town.phone(1, WORKER);
    let walk = Walk {
        after: None,
        held: Vec::new(),
    };
    let page = phone
        .ask(&town, |request| request.walk = Some(walk))
        .unwrap();
    assert!(page.body.profile.is_some());
    assert_eq!(page.body.walk, None);
}

#[test]
fn a_store_that_forgot_what_it_wrote_is_told_the_names_of_what_is_in_the_log() {
    let town = Town::new();
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    write_cases(&town, 50, 1);
    let items: Vec<PushItem> = [1, 2]
        .map(|n| phone.write(&town, record(n), &[new_case(GRID_A, "自己的")]))
        .into();
    let names: Vec<_> = items
        .iter()
        .map(|item| item_digest(item.record, &item.change.0))
        .collect();
    let before = head(&town).seq;
    phone.push(&town, vec![items[0].clone()]);
    let between = head(&town).seq;
    phone.push(&town, vec![items[1].clone()]);
    let mut recall = |after| {
        let page = phone.ask(&town, |request| request.recall = Some(after));
        let recalled = page.unwrap().body.recalled.unwrap();
        assert_eq!(recalled.next, None);
        assert!(recalled.changes.iter().all(|known| known.actor == key(1)));
        recalled
            .changes
            .iter()
            .map(|known| known.item)
            .collect::<Vec<_>>()
    };
    assert_eq!(recall(0), names);
    assert_eq!(recall(before), names);
    assert_eq!(recall(between), names[1..]);
    assert_eq!(phone.ask(&town, |_| {}).unwrap().body.recalled, None);
}

#[test]
fn who_asks_for_something_in_an_erased_record_is_told_that_it_was_erased() {
    let town = Town::new();
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    let begun = [1, 2].map(|n| phone.write(&town, record(n), &[new_case(GRID_A, "自己的")]));
    phone.push(&town, begun.clone().into());
    let erasure = Erasure {
        record: record(1),
        at_ms: NOW,
        reason: ErasureReason::PersonAsked,
        by: staff(OFFICE),
    };
    town.sequencer.borrow_mut().erase(&erasure).unwrap();
    let again = phone.push(&town, begun.into());
    assert_eq!(again.body.erased, [key(1)]);
    let wants = phone
        .ask(&town, |request| request.wants = vec![key(1), key(2)])
        .unwrap();
    assert_eq!(wants.body.erased, [key(1)]);
    assert_eq!(told(&wants), [key(2)]);
    assert!(phone.ask(&town, |_| {}).unwrap().body.erased.is_empty());
}

#[test]
fn a_case_that_the_device_began_brings_its_state_although_nothing_was_ruled_on_it() {
    let town = Town::new();
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    let begun = phone.write(&town, record(1), &[new_case(GRID_A, "自己的")]);
    let page = phone.push(&town, vec![begun]);
    let row = town.store.record(record(1)).unwrap().unwrap();
    let state = page.body.records[0].state.as_ref().unwrap();
    assert_eq!(state.0, row.state.unwrap().into_bytes());
}

#[test]
fn an_actor_that_was_claimed_after_the_backup_is_still_its_owners_when_nothing_of_it_is_back() {
    let (town, mut owner) = settled(1);
    let backup = town.back_up();
    let claimed = Key([77; 16]);
    owner.ask(&town, |request| request.actor = claimed).unwrap();
    let town = town.restore(&backup, Some(Why::Restored));
    let mut stranger = town.phone(66, COLLEAGUE);
    let refused = stranger.ask(&town, |request| request.actor = claimed);
    assert!(matches!(refused, Err(ExchangeError::ActorTaken)));
    let page = owner.ask(&town, |request| request.actor = claimed).unwrap();
    assert_eq!(page.body.certificate, None, "it is known as this device's");
}
