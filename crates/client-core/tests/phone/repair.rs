//! A server that was put back to an older copy gets back what it lost.

use gridlog_client_core::*;
use gridlog_domain::record::Value;
use gridlog_domain::reference::Role;
use gridlog_domain::workflow::Stage;
use gridlog_sync_server::store::Store;

use crate::clock::HOUR_MS;
use crate::colleague::*;
use crate::district::*;
use crate::fixture::*;
use crate::town::*;

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
fn what_was_lost_and_what_others_wrote_in_its_place_are_shown_in_conflict() {
    let first = Fixture::synced();
    let second = first.another("W003", 3);
    let earlier = first.phone.report(report("路灯")).unwrap();
    // Records are given back in the order of their ids, one after the other.
    first.clock.advance(HOUR_MS);
    let id = first.phone.report(report("井盖")).unwrap();
    first.sync();
    second.sync();
    let backup = first.server.copy();
    let title = |text: &str| [("title", Value::Text(text.to_owned()))];
    second.phone.comment(earlier, "这件先还").unwrap();
    second.phone.edit(id, &title("丢失的")).unwrap();
    second.sync();
    first.phone.edit(id, &title("后来的")).unwrap();
    first.server.restore(&backup);
    for phone in [&first, &second, &first] {
        phone.sync();
    }
    for phone in [&first, &second] {
        assert_eq!(phone.detail(id).view.conflicts.len(), 1);
        phone.assert_agrees();
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
    server.appoint(person("W001", "李华", &[(Role::GridWorker, GRID)]));
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
