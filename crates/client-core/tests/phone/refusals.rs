//! A refused change is written again once; then the worker decides.

use gridlog_client_core::*;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::Value;
use gridlog_merge_guard::{Limits, receive};
use gridlog_sync_server::store::{OfficeDecision, Store};

use crate::clock::NOW;
use crate::colleague::*;
use crate::district::*;
use crate::fixture::*;
use crate::server::{PASSWORD, refusal};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn a_refused_change_is_written_again_by_a_new_actor_with_what_was_built_on_it() {
    let f = Fixture::new();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    f.sync();
    f.phone.edit(id, &[("title", text("井盖破损"))]).unwrap();
    f.phone.comment(id, "已联系社区").unwrap();
    let first = f.server.last_request().actor;
    f.server.line().refuse("seq_gap", move |item| {
        let header = receive(&item.change.0, &Limits::default()).unwrap();
        header.actor.to_bytes() == first.0 && header.seq == 2
    });
    let report = f.sync();
    assert_eq!(
        (report.refused, report.replayed, report.needs_you),
        (1, 2, 0)
    );
    assert!(report.complete);
    let detail = f.detail(id);
    assert_eq!(detail.row.headline, "井盖破损");
    assert_eq!(detail.view.comments.len(), 1);
    assert_eq!(detail.row.standing, Standing::InLog);
    let attempts: Vec<u32> = detail.changes.iter().map(|change| change.attempt).collect();
    assert_eq!(attempts, [1, 2, 1]);
    assert_eq!(f.server.view(id).unwrap(), detail.view);
    let last = f.server.last_request().actor;
    assert_ne!(first, last);
    assert!(f.phone.verify_record(id).unwrap().view_fits);
}

#[test]
fn what_is_refused_twice_waits_for_the_worker_and_holds_up_nothing() {
    let f = Fixture::new();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    f.sync();
    let before = f.server.line().requests.len();
    f.phone.edit(id, &[("title", text("不许的标题"))]).unwrap();
    f.phone.comment(id, "这句没问题").unwrap();
    let other = f.phone.report(report("别的案子")).unwrap();
    f.server
        .line()
        .refuse("bad_value", |item| contains(&item.change.0, "不许的标题"));
    let report = f.sync();
    assert!(report.complete);
    assert_eq!((report.refused, report.needs_you), (2, 1));
    assert!(f.server.line().requests.len() - before < 8);
    let detail = f.detail(id);
    assert_eq!(detail.row.standing, Standing::NeedsYou);
    assert_eq!(detail.row.headline, "井盖缺失");
    assert_eq!(
        detail.view.comments.len(),
        1,
        "what was built on it went through"
    );
    assert_eq!(detail.needs_you.len(), 1);
    assert_eq!(detail.needs_you[0].code, "bad_value");
    assert!(!detail.needs_you[0].zh.is_empty() && !detail.needs_you[0].en.is_empty());
    let kept = serde_json::to_string(&detail.needs_you[0].commands).unwrap();
    assert!(kept.contains("不许的标题"));
    assert_eq!(f.detail(other).row.standing, Standing::InLog);
    let status = f.phone.status().unwrap();
    assert_eq!(
        (status.needs_you, status.admitted, status.recorded),
        (1, 3, 4)
    );
    assert_eq!(f.phone.tasks().unwrap()[0].row.standing, Standing::NeedsYou);

    f.phone.dismiss_needs_you(detail.needs_you[0].id).unwrap();
    assert_eq!(f.detail(id).row.standing, Standing::InLog);
    assert_eq!(f.phone.status().unwrap().needs_you, 0);
    let again = f
        .phone
        .dismiss_needs_you(detail.needs_you[0].id)
        .unwrap_err();
    assert_eq!(again.code(), "unknown_item");
}

#[test]
fn a_record_that_is_refused_from_the_start_keeps_every_word_and_can_be_tried_again() {
    let f = Fixture::new();
    let id = f.phone.report(report("区外案件")).unwrap();
    f.clock.advance(1);
    f.phone.comment(id, "补充一句").unwrap();
    f.server.line().refuse("area_never_held", |item| {
        let header = receive(&item.change.0, &Limits::default()).unwrap();
        header.deps.is_empty()
    });
    let report = f.sync();
    assert!(report.complete);
    let detail = f.detail(id);
    assert_eq!(detail.row.headline, "区外案件");
    assert_eq!(detail.row.standing, Standing::NeedsYou);
    let codes: Vec<&str> = detail
        .needs_you
        .iter()
        .map(|item| item.code.as_str())
        .collect();
    assert_eq!(codes, ["area_never_held", "area_never_held"]);

    f.server.line().judge = None;
    // What it builds on goes with it.
    f.phone.retry_needs_you(detail.needs_you[1].id).unwrap();
    f.sync();
    let detail = f.detail(id);
    assert_eq!(detail.row.standing, Standing::InLog);
    assert_eq!(detail.view.comments.len(), 1);
    assert_eq!(detail.view.created_at_ms, NOW);
    assert_eq!(f.server.view(id).unwrap(), detail.view);
}

#[test]
fn what_the_server_has_no_room_for_stays_as_it_is_and_goes_with_a_later_sync() {
    let f = Fixture::synced();
    let id = f.phone.report(report("暂存不下的")).unwrap();
    let fine = f.phone.report(report("别的案卷")).unwrap();
    let no_room = gridlog_protocol::Key(*id.as_bytes());
    f.server
        .line()
        .refuse("too_much_held", move |item| item.record == no_room);
    for _ in 0..3 {
        let before = f.server.line().requests.len();
        let synced = f.sync();
        assert!(!synced.complete);
        assert_eq!(
            (synced.refused, synced.replayed, synced.needs_you),
            (0, 0, 0)
        );
        let line = f.server.line();
        let sent = line.requests[before..].iter().flat_map(|asked| &asked.push);
        let sent = sent.filter(|item| item.record == no_room);
        assert_eq!(sent.count(), 1, "once a sync");
        drop(line);
        assert_eq!(f.detail(id).row.standing, Standing::OnThisPhone);
        assert_eq!(f.detail(fine).row.standing, Standing::InLog);
    }
    f.server.line().judge = None;
    assert!(f.sync().complete);
    assert_eq!(f.detail(id).row.standing, Standing::InLog);
    assert_eq!(f.server.view(id).unwrap(), f.detail(id).view);
}

#[test]
fn a_record_of_which_nothing_was_taken_goes_when_the_worker_lets_it_go() {
    let f = Fixture::new();
    let id = f.phone.report(report("区外案件")).unwrap();
    f.server.line().refuse("area_never_held", |_| true);
    f.sync();
    for item in f.detail(id).needs_you {
        f.phone.dismiss_needs_you(item.id).unwrap();
    }
    assert!(f.phone.show(id).unwrap().is_none());
    assert!(f.phone.search("区外", 10).unwrap().is_empty());
}

#[test]
fn several_refusals_of_one_page_take_one_new_actor() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    f.phone.report(report("二")).unwrap();
    let known = f.server.actors("W001");
    f.server.line().refuse("seq_gap", move |item| {
        let header = receive(&item.change.0, &Limits::default()).unwrap();
        known.iter().any(|actor| actor == header.actor.to_bytes())
    });
    f.sync();
    assert_eq!(f.phone.status().unwrap().admitted, 2);
    assert_eq!(f.server.actors("W001").len(), 2);
}

/// A phone whose person commented twice in a grid that they never held: sent back. With the grid's record.
fn out_of_place() -> (Fixture, RecordId) {
    let f = Fixture::new();
    f.server.appoint(worker(&[GRID, NEXT_GRID]));
    let id = f
        .server
        .colleague_writes(new_case_in("隔壁的", NEXT_GRID), vec![]);
    f.sync();
    f.phone.comment(id, "说一句").unwrap();
    f.phone.comment(id, "再说一句").unwrap();
    f.server.appoint(worker(&[GRID]));
    f.sync();
    assert_eq!(f.status().needs_you, 2);
    (f, id)
}

/// An office lets in everything that waits, the oldest first.
fn let_all_in(f: &Fixture) {
    while let Some(oldest) = f.server.store().quarantine(None, 10).unwrap().pop() {
        let decision = OfficeDecision {
            by: "W002".into(),
            reason: "确有其事".to_owned(),
        };
        {
            let engine = f.server.engine();
            let mut sequencer = engine.sequencer.borrow_mut();
            let item = oldest.item.pushed.item;
            sequencer.clear(item, decision).unwrap();
        }
        f.server.work();
    }
}

#[test]
fn the_phone_learns_that_an_office_let_in_what_was_sent_back() {
    let (f, id) = out_of_place();
    let admitted = f.server.admitted();
    let_all_in(&f);
    assert_eq!(
        f.server.admitted(),
        admitted + 2,
        "what was built on it, too"
    );
    f.sync();
    let status = f.status();
    assert_eq!((status.needs_you, status.admitted), (0, 2));
    assert!(status.all_in_log(), "{status:?}");
    assert_eq!(f.detail(id).view.comments.len(), 2);
    assert_eq!(f.server.view(id).unwrap().comments.len(), 2);
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn what_an_office_let_in_and_the_worker_tried_again_is_in_the_log_once() {
    for is_tried_first in [false, true] {
        let (f, id) = out_of_place();
        let admitted = f.server.admitted();
        if !is_tried_first {
            let_all_in(&f);
        }
        let sent_back = f.detail(id).needs_you;
        f.phone.retry_needs_you(sent_back[1].id).unwrap();
        assert_eq!(f.status().on_this_phone, 2);
        assert_eq!(f.detail(id).view.comments.len(), 2);
        f.sync();
        if is_tried_first {
            assert_eq!(f.status().needs_you, 2, "the grid is still not theirs");
            let_all_in(&f);
            f.sync();
        }
        assert_eq!(f.server.admitted(), admitted + 2);
        let status = f.status();
        assert_eq!((status.needs_you, status.admitted), (0, 2));
        assert!(status.all_in_log(), "{status:?}");
        f.assert_agrees();
    }
}

#[test]
fn trying_again_each_of_several_that_were_sent_back_sends_each_once_in_whatever_order() {
    for order in [[0, 1], [1, 0], [0, 0], [1, 1]] {
        let (f, id) = out_of_place();
        let admitted = f.server.admitted();
        let sent_back = f.detail(id).needs_you;
        for at in order {
            f.phone.retry_needs_you(sent_back[at].id).unwrap();
        }
        f.sync();
        assert_eq!(f.status().needs_you, 2, "the grid is still not theirs");
        f.server.appoint(worker(&[GRID, NEXT_GRID]));
        let sent_back = f.detail(id).needs_you;
        for at in [1, 0] {
            f.phone.retry_needs_you(sent_back[at].id).unwrap();
        }
        f.sync();
        let said: Vec<_> = f.server.view(id).unwrap().comments.into_values().collect();
        assert_eq!(said.len(), 2);
        assert_eq!(f.server.admitted(), admitted + 2);
        assert!(f.status().all_in_log(), "{:?}", f.status());
        f.assert_agrees();
    }
}

#[test]
fn what_was_sent_back_is_judged_anew_once_the_worker_has_the_area() {
    let (f, id) = out_of_place();
    f.server.appoint(worker(&[GRID, NEXT_GRID]));
    let sent_back = f.detail(id).needs_you;
    f.phone.retry_needs_you(sent_back[1].id).unwrap();
    f.sync();
    assert_eq!(f.detail(id).view.comments.len(), 2);
    assert!(f.status().all_in_log(), "{:?}", f.status());
    f.assert_agrees();
}

#[test]
fn what_only_waits_for_the_worker_costs_no_actor_until_they_write_again() {
    let f = Fixture::synced();
    let id = f.phone.report(report("一")).unwrap();
    f.sync();
    f.server.line().refuse("dismissed", |_| true);
    for number in 0..3 {
        f.phone.comment(id, &format!("被驳回{number}")).unwrap();
        f.sync();
        f.sync();
        assert_eq!(f.server.actors("W001").len(), 1 + number);
    }
    assert_eq!(f.status().needs_you, 3);
    f.server.line().judge = None;
    f.phone.comment(id, "再说一句").unwrap();
    f.sync();
    assert_eq!(f.server.view(id).unwrap().comments.len(), 1);
    assert_eq!(f.server.actors("W001").len(), 4);
    f.assert_agrees();
}

#[test]
fn a_phone_of_which_the_server_takes_no_more_actors_signs_in_and_goes_on() {
    let f = Fixture::synced();
    f.phone.report(report("一")).unwrap();
    f.server.line().instead = Some(refusal(409, "too_many_actors"));
    assert_eq!(f.try_sync().unwrap_err().code(), "sign_in_again");
    f.server.line().instead = None;
    f.phone.sign_in(&f.server, PASSWORD).unwrap();
    f.sync();
    assert_eq!(f.status().admitted, 1);
}
