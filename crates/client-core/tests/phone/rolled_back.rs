//! A server that was put back to an older copy, and nobody said so.

use gridlog_domain::workflow::Stage;
use gridlog_protocol::{Fact, Lineage, Position};

use crate::colleague::*;
use crate::fixture::*;
use crate::town::*;

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
fn a_server_that_never_believes_a_proof_does_not_hold_the_session_for_ever() {
    let f = Fixture::synced();
    f.server.colleague_writes(new_case("一"), vec![]);
    f.sync();
    let seq = f.status().seq;
    f.server.line().tamper_with(|page| {
        page.statement.position = Position::NOWHERE;
        page.body.lineage = Some(Lineage { common: None });
        page.body.more = true;
    });
    let report = f.sync();
    assert!(report.rounds < 10 && !report.complete, "{report:?}");
    assert_eq!(f.status().seq, seq);
    f.server.line().tamper = None;
    f.sync();
    f.assert_agrees();
}

#[test]
fn a_phone_that_such_a_servers_database_does_not_know_gives_back_without_signing_in() {
    let known = Fixture::synced();
    let backup = known.server.copy();
    let f = known.another("W002", 2);
    f.sync();
    let id = f.phone.report(report("一")).unwrap();
    known.server.colleague_writes(new_case("同事的"), vec![]);
    f.sync();
    let before = picture(&f.server);
    f.server.put_back(&backup);
    f.phone.comment(id, "放回之后的话").unwrap();
    f.sync();
    let after = picture(&f.server);
    assert_eq!(after.len(), before.len());
    assert_eq!(f.status().epoch, 2);
    assert_eq!(f.detail(id).view.comments.len(), 1);
    assert!(f.status().all_in_log(), "{:?}", f.status());
    f.assert_agrees();
}
