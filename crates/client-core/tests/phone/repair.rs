//! A server that was put back to an older copy gets back what it lost.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_client_core::*;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::StepDetails;
use gridlog_domain::workflow::{Stage, Step};
use gridlog_protocol::{Fact, Position};
use gridlog_sync_server::store::Store;

use crate::clock::*;
use crate::colleague::*;
use crate::district::*;
use crate::fixture::*;
use crate::server::*;

/// What a server has of a record: view, state, place, and which changes.
type Picture = (String, Option<String>, String, BTreeSet<[u8; 32]>);

fn picture(server: &Server) -> BTreeMap<RecordId, Picture> {
    let store = server.store();
    let mut ids: Vec<RecordId> = (server.entries().iter())
        .map(|entry| RecordId::from_bytes(entry.record.0))
        .collect();
    ids.sort();
    ids.dedup();
    let rows = ids.iter().filter_map(|id| store.record(*id).unwrap());
    let of = |row: gridlog_sync_server::store::RecordRow| {
        let changes = store.record_changes(row.id).unwrap();
        let hashes = changes.iter().map(|change| change.hash.0).collect();
        (row.id, (row.view, row.state, row.area, hashes))
    };
    rows.map(of).collect()
}

/// Every change is admitted once, and every proposal is ruled on once.
fn assert_nothing_twice(server: &Server) {
    let mut seen = BTreeSet::new();
    for entry in server.entries() {
        let is_new = match &entry.fact {
            Fact::Admit { change, .. } => seen.insert((entry.record, change.0.to_vec())),
            Fact::Ruling { proposal, .. } => seen.insert((entry.record, proposal.0.to_vec())),
            _ => true,
        };
        assert!(is_new, "entry {} says something again", entry.seq);
    }
}

struct Town {
    /// W001, who accepts reports too.
    first: Fixture,
    /// W002.
    second: Fixture,
}

/// What registering a case takes.
fn filed() -> StepDetails {
    StepDetails {
        category: Some("01014".to_owned()),
        condition: Some("缺失".to_owned()),
        ..StepDetails::default()
    }
}

/// A backup, and then a day: a third phone that is gone by now began a record that the others know,
/// the first ruled on it, the second spoke in it and began one more.
fn a_day_after_the_backup() -> (Town, Backup, RecordId) {
    let first = Fixture::synced();
    let second = first.another("W002", 2);
    second.sync();
    let third = first.another("W003", 3);
    let old = third.phone.report(report("备份前的")).unwrap();
    third.sync();
    first.sync();
    second.sync();
    let backup = first.server.copy();

    first.clock.advance(HOUR_MS);
    let id = third.phone.report(report("第三部手机的")).unwrap();
    third.phone.comment(old, "备份后的话").unwrap();
    third.sync();
    first.sync();
    first.phone.propose(id, Step::Register, filed()).unwrap();
    first.phone.report(report("第一部手机的")).unwrap();
    first.sync();
    second.sync();
    second.phone.comment(id, "第二部手机的话").unwrap();
    second.phone.start_patrol(None, Some("东片")).unwrap();
    second.sync();
    first.sync();
    (Town { first, second }, backup, id)
}

#[test]
fn two_phones_give_back_what_a_restored_server_lost_a_gone_phones_words_and_rulings_too() {
    let (town, backup, id) = a_day_after_the_backup();
    let server = &town.first.server;
    let before = picture(server);
    assert_eq!(town.first.detail(id).row.stage, Some(Stage::Registered));
    server.restore(&backup);
    assert!(picture(server).len() < before.len());

    let report = town.first.sync();
    assert!(report.complete && report.returned > 0, "{report:?}");
    town.second.sync();
    town.first.sync();
    assert_eq!(picture(server), before);
    assert_nothing_twice(server);
    for phone in [&town.first, &town.second] {
        phone.assert_agrees();
        let status = phone.status();
        assert_eq!(status.epoch, 2);
        assert!(status.all_in_log(), "{status:?}");
        assert_eq!(phone.verify().differing, Some(0));
        assert_eq!(phone.sync().rounds, 1, "and then it is quiet");
    }
    let detail = town.first.detail(id);
    assert_eq!(detail.row.stage, Some(Stage::Registered));
    assert_eq!(detail.view.comments.len(), 1);
    let rulings = detail.history.iter().filter(|line| line.what == "ruling");
    assert_eq!(rulings.count(), 2);
}

#[test]
fn it_does_not_matter_in_which_order_phones_give_back_nor_where_they_are_cut() {
    for cut in 0..4 {
        let (town, backup, _) = a_day_after_the_backup();
        let server = &town.first.server;
        let before = picture(server);
        server.restore(&backup);
        for phone in [&town.second, &town.first] {
            phone.sync_rounds(cut);
            server.line().lose_answers = 1;
            let _ = phone.try_sync();
            server.line().lose_answers = 0;
        }
        town.first.sync();
        town.second.sync();
        town.first.sync();
        assert_eq!(picture(server), before, "cut after {cut} answers");
        assert_nothing_twice(server);
        for phone in [&town.first, &town.second] {
            phone.assert_agrees();
            assert!(phone.status().all_in_log(), "{:?}", phone.status());
        }
    }
}

#[test]
fn what_was_lost_is_given_back_before_anything_new_is_pushed() {
    let (town, backup, id) = a_day_after_the_backup();
    let server = &town.first.server;
    town.first.phone.comment(id, "恢复时还没发出的话").unwrap();
    server.restore(&backup);
    server.line().requests.clear();
    town.first.sync();
    let line = server.line();
    let gives = |asked: &gridlog_protocol::SyncRequest| !asked.returns.is_empty();
    let last_gift = line.requests.iter().rposition(gives).unwrap();
    let first_push = line
        .requests
        .iter()
        .rposition(|asked| !asked.push.is_empty());
    assert!(first_push.unwrap() > last_gift);
    drop(line);
    assert_eq!(town.first.detail(id).row.standing, Standing::InLog);
    assert_nothing_twice(server);
}

#[test]
fn a_ruling_that_was_lost_stands_as_it_was_made() {
    let (town, backup, id) = a_day_after_the_backup();
    let server = &town.first.server;
    server.restore(&backup);
    // By now its author could not accept reports any more.
    server.appoint(person(
        "W001",
        "李华",
        &[(gridlog_domain::reference::Role::GridWorker, GRID)],
    ));
    town.first.sync();
    assert_eq!(town.first.detail(id).row.stage, Some(Stage::Registered));
    let state = server.store().record(id).unwrap().unwrap().stage;
    assert_eq!(state, Stage::Registered.code());
}

#[test]
fn a_phone_that_walked_through_what_was_lost_gives_it_back_too() {
    let (town, backup, id) = a_day_after_the_backup();
    let server = town.first.server.clone();
    let new = town.first.another("W001", 4);
    new.sync();
    let before = picture(&server);
    drop(town);
    server.restore(&backup);
    new.sync();
    assert_eq!(picture(&server), before);
    assert_nothing_twice(&server);
    assert_eq!(new.detail(id).row.stage, Some(Stage::Registered));
    new.assert_agrees();
    assert_eq!(new.verify().differing, Some(0));
}

#[test]
fn a_phone_gives_back_even_what_left_its_scope() {
    for walked in [false, true] {
        let f = Fixture::new();
        f.server.appoint(worker(&[GRID, NEXT_GRID]));
        if !walked {
            f.sync();
        }
        let backup = f.server.copy();
        let elsewhere = new_case_in("邻网格的", NEXT_GRID);
        let id = f.server.colleague_writes(elsewhere, vec![comment("一句")]);
        f.sync();
        f.server.appoint(worker(&[GRID]));
        f.sync();
        f.sync();
        assert!(!f.has(id));
        let before = picture(&f.server);
        f.server.restore(&backup);
        f.server.appoint(worker(&[GRID]));
        f.sync();
        assert_eq!(picture(&f.server), before, "walked: {walked}");
        assert!(!f.has(id));
        // Once the server has a backup of it, it goes for good.
        let later = f.server.copy();
        f.server.note_backup(&later);
        f.sync();
        assert_eq!(f.stored("changes", id), 0);
        f.assert_agrees();
    }
}

#[test]
fn a_server_put_back_in_silence_is_found_out_by_what_a_phone_proves() {
    let (town, backup, _) = a_day_after_the_backup();
    let server = &town.first.server;
    let before = picture(server);
    server.put_back(&backup);
    let report = town.first.sync();
    assert!(report.complete && report.returned > 0, "{report:?}");
    assert_eq!(town.first.status().epoch, 2);
    town.second.sync();
    town.first.sync();
    assert_eq!(picture(server), before);
    assert_nothing_twice(server);
    let begun = server
        .entries()
        .into_iter()
        .find_map(|entry| match entry.fact {
            Fact::Epoch { why, .. } => Some(why),
            _ => None,
        });
    assert_eq!(begun.as_deref(), Some("rolled_back"));
    for phone in [&town.first, &town.second] {
        phone.assert_agrees();
        assert!(phone.status().all_in_log(), "{:?}", phone.status());
    }
}

#[test]
fn a_server_put_back_in_silence_that_went_on_is_found_out_as_well() {
    let (town, backup, id) = a_day_after_the_backup();
    let server = &town.first.server;
    let before = picture(server);
    server.put_back(&backup);
    // A phone that knows nothing of the lost day writes first; so does an office.
    let new = town.first.another("W003", 4);
    new.sync();
    let later = new.phone.report(report("放回之后的")).unwrap();
    new.sync();
    for number in 0..20 {
        let case = new_case(&format!("放回之后{number}"));
        server.colleague_writes(case, vec![]);
    }
    town.first.sync();
    town.second.sync();
    new.sync();
    town.first.sync();
    let after = picture(server);
    for (record, lost) in &before {
        assert_eq!(after.get(record), Some(lost));
    }
    assert!(after.contains_key(&later));
    assert_nothing_twice(server);
    assert_eq!(town.first.detail(id).row.stage, Some(Stage::Registered));
    for phone in [&town.first, &town.second, &new] {
        phone.assert_agrees();
        assert!(phone.status().all_in_log(), "{:?}", phone.status());
        assert_eq!(phone.verify().differing, Some(0));
    }
}

#[test]
fn a_server_restored_again_gets_back_again_what_it_got_back_before() {
    let (town, backup, _) = a_day_after_the_backup();
    let server = &town.first.server;
    let before = picture(server);
    for epoch in 2..5 {
        server.restore(&backup);
        town.first.sync();
        town.second.sync();
        town.first.sync();
        assert_eq!(town.first.status().epoch, epoch);
        assert_eq!(picture(server), before);
        assert_nothing_twice(server);
    }
    for phone in [&town.first, &town.second] {
        phone.assert_agrees();
        assert!(phone.status().all_in_log(), "{:?}", phone.status());
    }
}

#[test]
fn a_phone_that_missed_an_epoch_gives_back_what_both_restores_lost() {
    let (town, backup, _) = a_day_after_the_backup();
    let server = &town.first.server;
    let before = picture(server);
    server.restore(&backup);
    let second_backup = server.copy();
    server.colleague_writes(new_case("第二个纪元的"), vec![]);
    town.second.sync();
    server.restore(&second_backup);
    town.first.sync();
    town.second.sync();
    town.first.sync();
    let after = picture(server);
    for (record, lost) in &before {
        assert_eq!(after.get(record), Some(lost));
    }
    assert_eq!(after.len(), before.len() + 1);
    assert_nothing_twice(server);
    for phone in [&town.first, &town.second] {
        phone.assert_agrees();
        assert!(phone.status().all_in_log(), "{:?}", phone.status());
    }
}

#[test]
fn a_phone_that_enrolled_after_the_backup_is_taken_in_again_with_all_its_actors() {
    let first = Fixture::synced();
    let backup = first.server.copy();
    let f = first.another("W002", 2);
    f.sync();
    let id = f.phone.report(report("一")).unwrap();
    f.sync();
    // The phone takes two more actors.
    for code in ["seq_gap", "bad_value"] {
        f.phone.comment(id, code).unwrap();
        let known = f.server.actors("W002");
        f.server.line().refuse(code, move |item| {
            let limits = gridlog_merge_guard::Limits::default();
            let header = gridlog_merge_guard::receive(&item.change.0, &limits).unwrap();
            known.iter().any(|actor| actor == header.actor.to_bytes())
        });
        f.sync();
    }
    f.server.line().judge = None;
    assert!(f.status().all_in_log(), "{:?}", f.status());
    let actors = f.server.actors("W002");
    assert_eq!(actors.len(), 3);
    let before = picture(&f.server);
    f.server.restore(&backup);
    f.sync();
    assert_eq!(picture(&f.server), before);
    assert!(f.status().all_in_log(), "{:?}", f.status());
    f.assert_agrees();
}

#[test]
fn a_server_that_never_believes_a_proof_does_not_hold_the_session_for_ever() {
    let f = Fixture::synced();
    f.server.colleague_writes(new_case("一"), vec![]);
    f.sync();
    let seq = f.status().seq;
    f.server.line().tamper_with(|page| {
        page.statement.position = Position::NOWHERE;
        page.body.lineage = Some(gridlog_protocol::Lineage { common: None });
        page.body.more = true;
    });
    let report = f.sync();
    assert!(report.rounds < 10 && !report.complete, "{report:?}");
    assert_eq!(f.status().seq, seq);
    f.server.line().tamper = None;
    f.sync();
    f.assert_agrees();
}
