mod clocks;
mod later;

use std::path::Path;

use gridlog_domain::workflow::{CaseState, Step};
use gridlog_protocol::{Fact, LogEntry, Returned};

use super::*;
use crate::ingest::Why;
use crate::store::{ItemStatus, Store};
use crate::town::*;

/// What a record is: everything that must come back as it was.
#[derive(Debug, PartialEq)]
struct Whole {
    facts: Vec<Fact>,
    changes: Vec<(Digest, String)>,
    view: String,
    state: Option<CaseState>,
    area: String,
    audiences: Vec<String>,
    archived: bool,
    rulings: Vec<([u8; 16], Option<String>)>,
}

fn whole(town: &Town, id: RecordId) -> Option<Whole> {
    let row = town.store.record(id).unwrap()?;
    let changes = town.store.record_changes(id).unwrap();
    let mut changes: Vec<_> = changes.into_iter().map(|c| (c.hash, c.person)).collect();
    changes.sort();
    let mut audiences = town.store.audiences_of(id).unwrap();
    audiences.sort();
    let mut rulings: Vec<_> = town.store.rulings(id).unwrap();
    rulings.sort_by_key(|ruling| ruling.proposal);
    Some(Whole {
        facts: town.facts(id),
        changes,
        view: row.view,
        state: row.state.map(|json| serde_json::from_str(&json).unwrap()),
        area: row.area,
        audiences,
        archived: row.archived,
        rulings: rulings
            .into_iter()
            .map(|r| (r.proposal, r.refused))
            .collect(),
    })
}

/// A town with a case from before the backup, and what was done after it: a second case from report
/// to dispatch with a step refused on the way, and an edit of the first.
fn a_busy_day(phone: &mut TestDevice, town: &Town, noon: impl FnOnce()) {
    let reported = [
        new_case(GRID_A, "井盖缺失"),
        propose(town, WORKER, Step::Report),
    ];
    let begun = phone.write(town, record(2), &reported);
    let wrong = phone.write(town, record(2), &[propose(town, WORKER, Step::Register)]);
    let edit = phone.write(town, record(1), &[set_title("甲改")]);
    phone.push(town, vec![begun, wrong, edit]);
    town.wait(60_000);
    town.office(
        OFFICE,
        record(2),
        vec![propose(town, OFFICE, Step::Register)],
    );
    noon();
    town.office(
        OFFICE,
        record(2),
        vec![propose(town, OFFICE, Step::Dispatch)],
    );
    town.wait(60_000);
    let said = phone.write(town, record(2), &[comment(town, WORKER, "已到现场")]);
    phone.push(town, vec![said]);
}

/// Phones that saw the day, and the day's end; then last night's backup is restored.
struct Night {
    town: Town,
    phones: Vec<TestDevice>,
    day: Vec<Whole>,
}

fn a_night_with(people: &[&str]) -> Night {
    let town = Town::new();
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let begun = author.write(&town, record(1), &[new_case(GRID_A, "甲")]);
    author.push(&town, vec![begun]);
    let mut phones: Vec<TestDevice> = (10..)
        .zip(people)
        .map(|(n, person)| town.phone(n, person))
        .collect();
    phones.iter_mut().for_each(|phone| phone.bootstrap(&town));
    let backup = town.back_up();
    a_busy_day(&mut author, &town, || {
        phones.iter_mut().for_each(|phone| drop(phone.pull(&town)));
    });
    phones.iter_mut().for_each(|phone| drop(phone.pull(&town)));
    let day = [1, 2].map(|n| whole(&town, record(n)).unwrap()).into();
    Night {
        town: town.restore(&backup, Some(Why::Restored)),
        phones,
        day,
    }
}

fn require_day(night: &Night) {
    for (n, day) in (1..).zip(&night.day) {
        assert_eq!(whole(&night.town, record(n)).as_ref(), Some(day));
    }
    night.town.require_sound();
}

#[test]
fn changes_and_rulings_come_back_as_they_were_made_although_their_author_is_gone() {
    let mut night = a_night_with(&[COLLEAGUE]);
    assert_eq!(whole(&night.town, record(2)), None);
    let phone = &mut night.phones[0];
    let returns = phone.everything();
    let page = phone.give_back(&night.town, returns);
    assert!(page.body.returned > 0);
    require_day(&night);
    // Where each entry stood before can still be told.
    let entries = night.town.store.record_entries(record(2)).unwrap();
    let origins = entries
        .iter()
        .map(|entry| LogEntry::from_bytes(&entry.canonical).unwrap().origin);
    assert!(origins.flatten().all(|origin| origin.epoch == 1));
}

#[test]
fn what_is_here_already_is_passed_over() {
    let mut night = a_night_with(&[COLLEAGUE]);
    let returns = night.phones[0].everything();
    night.phones[0].give_back(&night.town, returns.clone());
    let head = night.town.store.head().unwrap();
    let page = night.phones[0].give_back(&night.town, returns);
    assert_eq!(page.body.returned, 0);
    assert_eq!(night.town.store.head().unwrap(), head);
}

#[test]
fn many_phones_bring_the_same_and_it_is_entered_once() {
    let mut night = a_night_with(&[COLLEAGUE, WORKER, HANDLER]);
    for n in 0..night.phones.len() {
        let returns = night.phones[n].everything();
        night.phones[n].give_back(&night.town, returns);
    }
    require_day(&night);
}

#[test]
fn pages_may_come_one_by_one_and_in_any_order() {
    let mut night = a_night_with(&[COLLEAGUE]);
    let mut returns = night.phones[0].everything();
    // Every change is at hand with each, as with the page that brought it.
    let changes = returns.last().unwrap().changes.clone();
    for page in &mut returns {
        page.changes.clone_from(&changes);
    }
    assert!(
        returns
            .iter()
            .filter(|page| !page.entries.is_empty())
            .count()
            > 1
    );
    let backwards = returns.iter().rev();
    for page in backwards.chain(&returns) {
        night.phones[0].give_back(&night.town, vec![page.clone()]);
    }
    require_day(&night);
}

#[test]
fn a_whole_record_proves_what_its_heads_build_on_and_who_wrote_it() {
    let town = Town::new();
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let backup = town.back_up();
    let begun = author.write(&town, record(1), &[new_case(GRID_A, "甲")]);
    author.push(&town, vec![begun]);
    a_busy_day(&mut author, &town, || {});
    // A phone that walks sees no entry of all this.
    let mut late = town.phone(2, COLLEAGUE);
    late.bootstrap(&town);
    let mut kept = late.kept.iter();
    assert!(kept.any(|kept| !kept.evidence.records.is_empty()));
    let before = [1, 2].map(|n| whole(&town, record(n)).unwrap());
    let town = town.restore(&backup, Some(Why::Restored));
    let returns = late.everything();
    late.give_back(&town, returns);
    for (n, before) in (1..).zip(before) {
        let after = whole(&town, record(n)).unwrap();
        assert_eq!(after.changes, before.changes, "written by the same people");
        assert_eq!(after.rulings, before.rulings, "and refused where it was");
        assert_eq!((after.view, after.state), (before.view, before.state));
        assert_eq!(after.audiences, before.audiences);
    }
    town.require_sound();
}

#[test]
fn what_two_people_of_an_office_wrote_comes_back_as_theirs_from_a_whole_record() {
    let town = Town::new();
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let begun = author.write(&town, record(1), &[new_case(GRID_A, "甲")]);
    author.push(&town, vec![begun]);
    let mut other = town.directory.now().people[&staff(OFFICE)].clone();
    other.person.id = "O2".into();
    town.store.put_people(&[other]).unwrap();
    town.directory.refresh(&*town.store).unwrap();
    let backup = town.back_up();
    for by in [OFFICE, "O2"] {
        town.office(by, record(1), vec![comment(&town, by, "补充")]);
        town.office(by, record(1), vec![set_title(by)]);
    }
    let mut late = town.phone(2, COLLEAGUE);
    late.bootstrap(&town);
    let before = whole(&town, record(1)).unwrap();
    let town = town.restore(&backup, Some(Why::Restored));
    let returns = late.everything();
    late.give_back(&town, returns);
    let after = whole(&town, record(1)).unwrap();
    assert_eq!(after.changes, before.changes, "written by the same people");
    assert_eq!(after.view, before.view);
    town.require_sound();
}

/// Leaves facts out of what is given back.
fn without(mut returns: Vec<Returned>, leave: impl Fn(&Fact) -> bool) -> Vec<Returned> {
    for returned in &mut returns {
        returned.entries.retain(|entry| {
            let entry = LogEntry::from_bytes(&entry.0).unwrap();
            !leave(&entry.fact)
        });
    }
    returns
}

#[test]
fn a_proposal_whose_ruling_nobody_brings_is_ruled_on_in_the_end() {
    let mut night = a_night_with(&[COLLEAGUE]);
    let returns = without(night.phones[0].everything(), |fact| {
        matches!(fact, Fact::Ruling { .. })
    });
    night.phones[0].give_back(&night.town, returns);
    let round = |town: &Town| {
        let mut sequencer = town.sequencer.borrow_mut();
        sequencer.round(town.now.get(), 10).unwrap();
        sequencer.waits_for_rulings()
    };
    let rulings = |town: &Town| whole(town, record(2)).unwrap().rulings;
    assert!(round(&night.town));
    night.town.wait(59_999);
    assert!(round(&night.town));
    assert_eq!(rulings(&night.town), [], "they may still come");
    night.town.wait(1);
    assert!(!round(&night.town));
    assert_eq!(
        rulings(&night.town),
        night.day[1].rulings,
        "by the same rules"
    );
    let stage = |whole: &Whole| whole.state.as_ref().unwrap().stage;
    let after = whole(&night.town, record(2)).unwrap();
    assert_eq!(stage(&after), stage(&night.day[1]));
    night.town.require_sound();
}

/// A server that starts over the same store.
fn start_again(town: &Town) {
    let (store, directory) = (town.store.clone(), town.directory.clone());
    let limits = gridlog_merge_guard::Limits::default();
    let started = Sequencer::new(store, directory, limits, [8; 16]);
    town.sequencer.replace(started);
}

#[test]
fn a_proposal_that_came_back_is_ruled_on_although_the_server_stopped_before() {
    let mut night = a_night_with(&[COLLEAGUE]);
    let returns = without(night.phones[0].everything(), |fact| {
        matches!(fact, Fact::Ruling { .. })
    });
    night.phones[0].give_back(&night.town, returns);
    start_again(&night.town);
    let round = |town: &Town| {
        let mut sequencer = town.sequencer.borrow_mut();
        sequencer.round(town.now.get(), 10).unwrap();
        sequencer.waits_for_rulings()
    };
    assert!(round(&night.town), "they may still come");
    night.town.wait(60_000);
    assert!(!round(&night.town));
    let rulings = whole(&night.town, record(2)).unwrap().rulings;
    assert_eq!(rulings, night.day[1].rulings);
    start_again(&night.town);
    assert!(!round(&night.town), "once");
    night.town.require_sound();
}

#[test]
fn a_record_that_does_not_read_back_keeps_no_other_step_from_being_ruled_on() {
    let mut night = a_night_with(&[COLLEAGUE]);
    let town = &night.town;
    let mut author = town.phone(50, WORKER);
    author.bootstrap(town);
    let returns = without(night.phones[0].everything(), |fact| {
        matches!(fact, Fact::Ruling { .. })
    });
    night.phones[0].give_back(town, returns);
    let direct = rusqlite::Connection::open(town.folder.path().join("district.db")).unwrap();
    let spoil = "UPDATE records SET view = 'no JSON' WHERE id = ?1";
    direct.execute(spoil, [record(2).as_bytes()]).unwrap();
    start_again(town);
    let round = |town: &Town| town.sequencer.borrow_mut().round(town.now.get(), 10);
    round(town).unwrap();
    town.wait(60_000);
    let reported = [new_case(GRID_A, "丙"), propose(town, WORKER, Step::Report)];
    let begun = author.write(town, record(7), &reported);
    author.push(town, vec![begun]);
    assert_eq!(whole(town, record(7)).unwrap().rulings.len(), 1);
    assert!(!town.sequencer.borrow().waits_for_rulings());
}

/// Gives back the same in two requests, cut behind the `n`th entry; each change goes with the entry
/// that admits it.
fn split(returns: &[Returned], n: usize) -> [Vec<Returned>; 2] {
    let mut count = 0;
    let mut parts = [returns.to_vec(), returns.to_vec()];
    for page in 0..returns.len() {
        let entries = returns[page].entries.len();
        let cut = n.saturating_sub(count).min(entries);
        parts[0][page].entries.truncate(cut);
        parts[1][page].entries.drain(..cut);
        count += entries;
    }
    for returned in parts.iter_mut().flatten() {
        let entries = returned.entries.iter();
        let admits = |hash: Digest| {
            let mut facts = entries
                .clone()
                .map(|entry| LogEntry::from_bytes(&entry.0).unwrap().fact);
            facts.any(|fact| matches!(fact, Fact::Admit { change, .. } if change == hash))
        };
        let all = returns.iter().flat_map(|returned| &returned.changes);
        let changes = all.filter(|returned| {
            let limits = gridlog_merge_guard::Limits::default();
            let header = gridlog_merge_guard::receive(&returned.change.0, &limits).unwrap();
            admits(Digest(header.hash.0))
        });
        returned.changes = changes.cloned().collect();
    }
    parts
}

/// The worker may register by now; the step was refused when it was asked for.
fn promote_the_worker(town: &Town) {
    let directory = town.directory.now();
    let mut promoted = directory.people[&staff(WORKER)].clone();
    let also = directory.people[&staff(OFFICE)].person.assignments.clone();
    promoted.person.assignments.extend(also);
    town.store.put_people(&[promoted]).unwrap();
    town.directory.refresh(&*town.store).unwrap();
}

#[test]
fn a_ruling_that_comes_with_the_next_request_is_not_made_anew_meanwhile() {
    for cut in 1.. {
        let mut night = a_night_with(&[COLLEAGUE]);
        promote_the_worker(&night.town);
        let returns = night.phones[0].everything();
        let entries: usize = returns.iter().map(|returned| returned.entries.len()).sum();
        if cut == entries {
            break;
        }
        for part in split(&returns, cut) {
            night.phones[0].give_back(&night.town, part);
            // Others work on meanwhile.
            let mut sequencer = night.town.sequencer.borrow_mut();
            sequencer.round(night.town.now.get(), 10).unwrap();
        }
        require_day(&night);
    }
}

#[test]
fn a_ruling_stands_although_it_would_be_another_one_today() {
    let mut night = a_night_with(&[COLLEAGUE]);
    promote_the_worker(&night.town);
    let returns = night.phones[0].everything();
    night.phones[0].give_back(&night.town, returns);
    require_day(&night);
    let refused = night.day[1].rulings.iter().filter(|r| r.1.is_some());
    assert_eq!(refused.count(), 1);
}

#[test]
fn forged_evidence_is_not_taken_and_keeps_nothing_else_from_coming_back() {
    let night = a_night_with(&[COLLEAGUE]);
    let key = night.town.key.verifying_key();
    let honest = night.phones[0].everything();
    let place = honest.iter().position(|r| r.entries.len() > 1).unwrap();
    let other = honest.iter().position(|r| *r != honest[place]).unwrap();
    let forgeries: [fn(&mut Returned, &Returned); 7] = [
        |forged, _| forged.evidence.signature[7] ^= 1,
        |forged, _| forged.evidence.statement.0[3] ^= 1,
        |forged, _| forged.evidence.entries.truncate(1),
        |forged, _| forged.evidence.body.0[0] ^= 1,
        |forged, _| forged.evidence.nonce.0[0] ^= 1,
        |forged, other| forged.evidence = other.evidence.clone(),
        |forged, _| {
            let mut entry = LogEntry::from_bytes(&forged.entries[0].0).unwrap();
            entry.at_ms += 1;
            forged.entries[0].0 = entry.to_bytes();
        },
    ];
    for (n, forge) in forgeries.iter().enumerate() {
        let mut forged = honest[place].clone();
        forge(&mut forged, &honest[other]);
        assert!(GivenBack::check(forged, &key).is_err(), "forgery {n}");
    }
    let stranger = gridlog_protocol::SigningKey::from_bytes(&[6; 32]);
    assert!(GivenBack::check(honest[place].clone(), &stranger.verifying_key()).is_err());

    let mut night = night;
    let mut returns = honest;
    let mut forged = returns[place].clone();
    forgeries[0](&mut forged, &returns[other]);
    returns.insert(0, forged);
    night.phones[0].give_back(&night.town, returns);
    require_day(&night);
}

#[test]
fn a_change_that_no_evidence_names_is_not_taken() {
    let mut night = a_night_with(&[COLLEAGUE]);
    let mut rogue = night.town.phone(77, NEIGHBOUR);
    let smuggled = rogue.write(&night.town, record(7), &[new_case(GRID_A, "无据")]);
    let mut returns = night.phones[0].everything();
    returns[0].changes.push(gridlog_protocol::ReturnedChange {
        record: smuggled.record,
        change: smuggled.change,
    });
    night.phones[0].give_back(&night.town, returns);
    assert_eq!(whole(&night.town, record(7)), None);
    require_day(&night);
}

#[test]
fn a_record_of_an_area_that_nobody_knows_any_more_comes_back_all_the_same() {
    let night = a_night_with(&[COLLEAGUE]);
    let areas: Vec<_> = night.town.store.areas().unwrap();
    let left: Vec<_> = areas
        .into_iter()
        .filter(|a| a.code != GRID_A.into())
        .collect();
    let mut people = night.town.store.people().unwrap();
    for stored in &mut people {
        stored
            .person
            .assignments
            .retain(|held| held.area != GRID_A.into());
    }
    night.town.store.put_people(&people).unwrap();
    night.town.store.put_areas(&left).unwrap();
    night.town.directory.refresh(&*night.town.store).unwrap();
    let Night {
        town, mut phones, ..
    } = night;
    let returns = phones[0].everything();
    phones[0].give_back(&town, returns);
    let row = town.store.record(record(2)).unwrap().unwrap();
    assert_eq!(row.area, STREET);
    assert_eq!(town.store.record_changes(record(2)).unwrap().len(), 5);
}

#[test]
fn a_second_restore_knows_what_the_first_one_had_taken_back() {
    let mut night = a_night_with(&[COLLEAGUE]);
    let backup: std::path::PathBuf = night.town.back_up();
    let returns = night.phones[0].everything();
    night.phones[0].give_back(&night.town, returns);
    night.phones[0].pull(&night.town);
    require_day(&night);
    let path: &Path = &backup;
    night.town = night.town.restore(path, Some(Why::Restored));
    let returns = night.phones[0].everything();
    night.phones[0].give_back(&night.town, returns);
    require_day(&night);
}

#[test]
fn what_waits_for_a_change_that_comes_back_is_decided_on() {
    let mut night = a_night_with(&[COLLEAGUE]);
    let (town, phone) = (&night.town, &mut night.phones[0]);
    // It has nothing to give back, so it may go on at once.
    phone.give_back(town, Vec::new());
    let said = phone.write(town, record(1), &[comment(town, COLLEAGUE, "接着说的")]);
    let name = gridlog_protocol::item_digest(said.record, &said.change.0);
    phone.push(town, vec![said]);
    let stands = || town.store.item_statuses(&[name]).unwrap().remove(0);
    assert!(matches!(stands(), Some(ItemStatus::Waiting(_))));
    let returns = phone.everything();
    phone.give_back(town, returns);
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer.round(town.now.get(), 100).unwrap();
    assert!(matches!(stands(), Some(ItemStatus::Admitted(_))));
}

#[test]
fn a_ruling_that_comes_back_to_a_case_that_went_another_way_does_not_bend_its_history() {
    let town = Town::new();
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let reported = [new_case(GRID_A, "甲"), propose(&town, WORKER, Step::Report)];
    let begun = author.write(&town, record(1), &reported);
    author.push(&town, vec![begun]);
    let mut phone = town.phone(2, COLLEAGUE);
    phone.bootstrap(&town);
    let backup = town.back_up();
    let step =
        |town: &Town, step| town.office(OFFICE, record(1), vec![propose(town, OFFICE, step)]);
    step(&town, Step::Register);
    phone.pull(&town);
    let town = town.restore(&backup, Some(Why::Restored));
    // A server writes with a fresh actor after every start.
    let anew = Sequencer::new(
        town.store.clone(),
        town.directory.clone(),
        Default::default(),
        [8; 16],
    );
    town.sequencer.replace(anew);
    town.wait(60_000);
    step(&town, Step::Reject);
    let returns = phone.everything();
    assert!(phone.give_back(&town, returns).body.returned > 0);
    let rulings = town.store.rulings(record(1)).unwrap();
    let accepted = rulings.iter().filter(|ruling| ruling.refused.is_none());
    assert_eq!((rulings.len(), accepted.count()), (3, 2));
    let row = town.store.record(record(1)).unwrap().unwrap();
    assert_eq!(row.stage, "rejected");
    town.require_sound();
}
