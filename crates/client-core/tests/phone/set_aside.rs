//! A record that cannot be read as it came holds up nothing, is named, and comes later.

use std::cell::Cell;
use std::rc::Rc;

use gridlog_domain::id::RecordId;
use gridlog_domain::record::Value;
use gridlog_protocol::{Blob, Page, RecordDelta, ViewNews};

use crate::clock::HOUR_MS;
use crate::colleague::*;
use crate::fixture::*;
use crate::server::Server;
use crate::snapshots::take_snapshot;

type Spoil = fn(&mut RecordDelta);

/// What may be wrong with a record, by the code that names it.
const SPOILS: [(&str, Spoil); 6] = [
    ("change_unsound", |delta| {
        delta.changes[0] = Blob(vec![1, 2, 3]);
    }),
    ("snapshot_unsound", |delta| {
        delta.snapshot = Some(Blob(vec![1, 2, 3]));
    }),
    ("view_unsound", |delta| {
        delta.view = ViewNews::Whole(Blob(b"{}".to_vec()));
    }),
    ("view_unsound", |delta| {
        delta.view = ViewNews::Patch {
            patch: Blob(b"{".to_vec()),
            splices: Vec::new(),
            check: 0,
        };
    }),
    ("state_unsound", |delta| {
        delta.state = Some(Blob(b"?".to_vec()));
    }),
    ("ruling_unsound", |delta| {
        delta.rulings.push(Blob(b"?".to_vec()));
    }),
];

/// From here on every page is spoilt that brings the record.
fn spoil(server: &Server, id: RecordId, spoil: Spoil) {
    server.line().tamper_with(move |page| {
        if let Some(delta) = told(page, id) {
            spoil(delta);
        }
    });
}

fn told(page: &mut Page, id: RecordId) -> Option<&mut RecordDelta> {
    let mut records = page.body.records.iter_mut();
    records.find(|delta| delta.record.0 == *id.as_bytes())
}

fn heal(server: &Server) {
    server.line().tamper = None;
}

/// Codes of what is set aside.
fn aside(f: &Fixture) -> Vec<(RecordId, String)> {
    let aside = f.phone.set_aside().unwrap();
    aside
        .into_iter()
        .map(|aside| {
            assert!(!aside.zh.is_empty() && !aside.en.is_empty());
            (aside.record, aside.code)
        })
        .collect()
}

#[test]
fn a_record_that_cannot_be_read_holds_up_nothing_and_comes_later() {
    for (code, how) in SPOILS {
        let f = Fixture::synced();
        let mine = f.phone.report(report("自己的")).unwrap();
        let before = f.server.colleague_writes(new_case("前一件"), vec![]);
        let bad = f.server.colleague_writes(new_case("坏的"), vec![]);
        let after = f.server.colleague_writes(new_case("后一件"), vec![]);
        spoil(&f.server, bad, how);
        let report = f.sync();
        assert!(report.complete, "{code}");
        assert_eq!(report.set_aside, 1);
        assert!(f.has(mine) && f.has(before) && f.has(after));
        assert!(!f.has(bad), "{code}: nothing that cannot be read is shown");
        assert_eq!(aside(&f), [(bad, code.to_owned())]);
        let status = f.status();
        assert_eq!((status.set_aside, status.on_this_phone), (1, 0));
        assert!(status.all_in_log());
        assert_eq!(status.seq, f.server.entries().last().unwrap().seq);

        heal(&f.server);
        f.clock.advance(HOUR_MS);
        assert_eq!(f.sync().set_aside, 0);
        assert_eq!(f.status().set_aside, 0);
        assert_eq!(f.detail(bad).history.len(), 2, "its entries came before");
        f.assert_agrees();
        assert_eq!(f.verify().differing, Some(0));
    }
}

#[test]
fn of_a_known_record_the_words_stay_that_were_here() {
    let f = Fixture::new();
    let bad = f.server.colleague_writes(new_case("原来的"), vec![]);
    f.sync();
    f.server.colleague_edits(bad, &[titled("新的")]);
    let other = f.server.colleague_writes(new_case("别的"), vec![]);
    f.phone.comment(bad, "我说一句").unwrap();
    spoil(&f.server, bad, |delta| delta.changes = vec![Blob(vec![0])]);
    f.sync();
    assert_eq!(f.detail(bad).row.headline, "原来的");
    assert!(f.has(other));
    assert_eq!(aside(&f).len(), 1);
    // Who writes meanwhile is in the log, and nothing of either is lost.
    f.phone
        .edit(bad, &[("title", Value::Text("我改的".to_owned()))])
        .unwrap();
    f.sync();
    assert!(f.status().all_in_log());
    heal(&f.server);
    assert_eq!(f.verify().differing, Some(1));
    assert_eq!(aside(&f), []);
    assert_eq!(f.detail(bad).view.comments.len(), 1);
    assert_eq!(f.detail(bad).view.conflicts.len(), 1, "both titles");
    f.assert_agrees();
}

#[test]
fn a_first_sync_passes_by_what_cannot_be_read() {
    let server = Fixture::synced();
    let ids = server.server.colleague_fills_pages(20);
    let bad = ids[3];
    take_snapshot(&server.server, bad);
    let f = server.another("W003", 3);
    spoil(&f.server, bad, |delta| {
        delta.snapshot = Some(Blob(vec![7; 40]));
    });
    let report = f.sync();
    assert!(report.complete);
    assert_eq!(f.rows().len(), 19);
    assert_eq!(aside(&f), [(bad, "snapshot_unsound".to_owned())]);
    heal(&f.server);
    f.clock.advance(HOUR_MS);
    f.sync();
    f.assert_agrees();
}

#[test]
fn what_stays_unreadable_costs_one_request_in_ten_minutes_and_no_comparison() {
    let f = Fixture::synced();
    let bad = f.server.colleague_writes(new_case("坏的"), vec![]);
    spoil(&f.server, bad, SPOILS[0].1);
    assert_eq!(f.sync().differing, Some(1));
    let idle = f.sync();
    assert_eq!((idle.rounds, idle.differing), (1, None));
    f.clock.advance(HOUR_MS);
    let again = f.sync();
    assert_eq!((again.set_aside, again.differing), (1, None));
    assert!(again.rounds <= 3, "{again:?}");
    assert_eq!(f.sync().rounds, 1);
    // Whatever else differs shows all the same.
    let other = f.server.colleague_writes(new_case("别的"), vec![]);
    f.sync();
    let raw = raw(&path(&f.folder));
    let sql = "UPDATE records SET print = zeroblob(16) WHERE id = ?1";
    raw.execute(sql, [other.as_bytes()]).unwrap();
    f.server.colleague_writes(new_case("新的"), vec![]);
    assert_eq!(f.sync().differing, Some(2));
}

#[test]
fn a_server_that_asks_to_wait_is_obeyed_and_the_rest_comes_with_the_next_sync() {
    let f = Fixture::synced();
    let bad = f.server.colleague_writes(new_case("坏的"), vec![]);
    let good = f.server.colleague_writes(new_case("好的"), vec![]);
    f.server.line().tamper_with(move |page| {
        page.body.retry_after_ms = Some(60_000);
        if let Some(delta) = told(page, bad) {
            delta.changes[0] = Blob(vec![1, 2, 3]);
        }
    });
    let report = f.sync();
    assert!((60_000..=120_000).contains(&report.retry_after_ms.unwrap()));
    assert_eq!((report.rounds, f.has(good)), (1, false));
    f.clock.advance(2 * 60_000);
    f.sync();
    assert!(f.has(good));
}

#[test]
fn a_record_that_comes_although_it_was_to_be_left_out_does_not_keep_a_phone_busy() {
    let f = Fixture::synced();
    let bad = f.server.colleague_writes(new_case("坏的"), vec![]);
    let stubborn = Rc::new(Cell::new(None::<RecordDelta>));
    f.server.line().tamper_with(move |page| {
        if let Some(delta) = told(page, bad) {
            delta.changes[0] = Blob(vec![1, 2, 3]);
            stubborn.set(Some(delta.clone()));
        } else if let Some(delta) = stubborn.take() {
            page.body.records.push(delta);
        }
    });
    let error = f.try_sync().unwrap_err();
    assert!(error.to_string().contains("to leave out"), "{error}");
    assert_eq!(aside(&f).len(), 1);
}

#[test]
fn a_record_that_came_and_does_not_open_is_named_and_own_words_in_it_go_on() {
    let f = Fixture::new();
    let bad = f.server.colleague_writes(new_case("案件"), vec![]);
    f.server.colleague_edits(bad, &[comment("一句")]);
    f.sync();
    let raw = raw(&path(&f.folder));
    let sql = "INSERT INTO wants (record) VALUES (?1)";
    raw.execute(sql, [bad.as_bytes()]).unwrap();
    f.phone.comment(bad, "我说一句").unwrap();
    f.server.rest();
    spoil(&f.server, bad, |delta| {
        delta.changes.remove(0);
    });
    let report = f.sync();
    assert_eq!(report.set_aside, 1, "{report:?}");
    assert_eq!(aside(&f), [(bad, "record_unopenable".to_owned())]);
    assert_eq!(f.status().received, 1);
    heal(&f.server);
    f.server.work();
    f.verify();
    assert_eq!(aside(&f), []);
    assert!(f.status().all_in_log());
    f.assert_agrees();
}

#[test]
fn a_record_that_only_lacks_words_of_ones_own_which_this_copy_forgot_comes_whole_at_once() {
    let f = Fixture::synced();
    let id = f.phone.report(report("案件")).unwrap();
    f.sync();
    let copy = f.keep_copy();
    f.phone.comment(id, "这份副本里没有").unwrap();
    f.sync();
    f.server.colleague_edits(id, &[comment("接着说的")]);
    let f = f.put_back(&copy, 7);
    f.phone.comment(id, "还没有定下来的").unwrap();
    f.server.rest();
    let report = f.sync();
    assert_eq!(report.set_aside, 0, "{report:?}");
    f.server.work();
    f.sync();
    assert_eq!(f.detail(id).view.comments.len(), 3);
    assert!(f.status().all_in_log());
    f.assert_agrees();
}
