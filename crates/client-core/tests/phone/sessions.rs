//! Sessions on a bad line, with a busy server, or cut short.

use gridlog_client_core::*;
use gridlog_protocol::Verdict;
use gridlog_sync_server::store::{OfficeDecision, Store};

use crate::clock::DAY_MS;
use crate::colleague::*;
use crate::district::{GRID, without, worker};
use crate::fixture::*;
use crate::server::*;

#[test]
fn an_answer_that_is_lost_costs_nothing_but_a_repetition() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    f.phone.report(report("二")).unwrap();
    f.server.line().lose_answers = 1;
    assert_eq!(f.try_sync().unwrap_err().code(), "timed_out");
    assert_eq!(f.status().on_this_phone, 2);
    f.sync();
    assert_eq!(f.status().admitted, 2);
    assert_eq!(f.server.admitted(), 2, "nothing twice");
    assert!(f.status().all_in_log());
}

#[test]
fn a_session_without_io_goes_on_after_an_answer_that_never_came() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    let mut session = f.phone.begin_sync().unwrap();
    assert_eq!(f.phone.begin_sync().unwrap_err().code(), "sync_running");
    assert_eq!(
        session.accept(ok(vec![])).unwrap_err().code(),
        "nothing_asked"
    );
    let _lost = session.next_request().unwrap().unwrap();
    f.finish(&mut session);
    assert!(session.report().complete);
    drop(session);
    assert_eq!(f.status().admitted, 1);
    assert!(f.phone.begin_sync().is_ok());
}

#[test]
fn a_session_on_a_bad_line_sends_an_item_as_often_as_it_takes() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    let mut session = f.phone.begin_sync().unwrap();
    for _ in 0..9 {
        session.next_request().unwrap().unwrap();
    }
    f.finish(&mut session);
    assert!(session.report().complete);
    assert_eq!(f.status().admitted, 1);
}

#[test]
fn a_server_that_asks_to_wait_is_left_alone() {
    let f = Fixture::new();
    f.server.colleague_writes(new_case("一"), vec![]);
    f.server
        .line()
        .tamper_with(|page| page.body.retry_after_ms = Some(9_000));
    let report = f.sync();
    assert_eq!((report.rounds, report.complete), (1, false));
    assert_eq!(report.retry_after_ms, Some(9_000));
}

#[test]
fn what_an_office_or_a_missing_change_holds_up_is_asked_for_by_name() {
    let f = Fixture::synced();
    let reviewed = f.phone.report(report("换岗前写的")).unwrap();
    // The assignment ends before the phone sees the server again.
    f.clock.advance(1_000);
    f.server
        .appoint(without(worker(&[GRID]), GRID, f.server.now_ms()));
    f.clock.advance(1_000);
    f.sync();
    let detail = f.detail(reviewed);
    assert_eq!(detail.row.standing, Standing::Review);
    assert_eq!(detail.changes[0].code.as_deref(), Some("assignment_ended"));
    let item = f.server.reviewed();
    {
        let engine = f.server.engine();
        let by = OfficeDecision {
            by: "W002".into(),
            reason: String::new(),
        };
        engine.sequencer.borrow_mut().clear(item, by).unwrap();
    }
    f.server.work();
    f.sync();
    assert_eq!(f.detail(reviewed).row.standing, Standing::InLog);
    let line = f.server.line();
    assert_eq!(line.pushes(), 1, "what the server has is not sent again");
    let asked = line.requests.iter().filter(|r| r.asks.contains(&item));
    assert!(asked.count() > 0);
}

#[test]
fn what_waits_for_a_lost_change_goes_in_with_it() {
    let f = Fixture::synced();
    let id = f.phone.report(report("一")).unwrap();
    f.phone.comment(id, "二").unwrap();
    let is_genesis = |item: &gridlog_protocol::PushItem| {
        let limits = gridlog_merge_guard::Limits::default();
        let header = gridlog_merge_guard::receive(&item.change.0, &limits);
        header.unwrap().deps.is_empty()
    };
    f.server.line().judge = Some(Box::new(move |item| {
        is_genesis(item).then_some(Verdict::Unknown)
    }));
    f.sync_rounds(1);
    let standings = f.detail(id).changes.iter().map(|c| c.standing).collect();
    let expected: Vec<Standing> = vec![Standing::OnThisPhone, Standing::Waiting];
    let found: Vec<Standing> = standings;
    assert_eq!(found, expected);
    assert_eq!(f.only_row().standing, Standing::OnThisPhone);
    f.server.line().judge = None;
    f.sync();
    assert_eq!(f.only_row().standing, Standing::InLog);
    assert_eq!(f.server.line().pushes(), 3, "only what was lost goes again");
    f.assert_agrees();
}

#[test]
fn what_the_server_received_and_lost_again_is_sent_again() {
    let f = Fixture::new();
    let before = f.server.copy();
    f.phone.report(report("一")).unwrap();
    f.server.rest();
    f.sync();
    assert_eq!(f.only_row().standing, Standing::Received);
    f.server.restore(&before);
    f.sync();
    assert_eq!(f.status().admitted, 1);
    assert_eq!(f.server.admitted(), 1);
}

#[test]
fn a_server_that_never_takes_an_item_does_not_hold_the_session_for_ever() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    f.server.line().judge = Some(Box::new(|_| Some(Verdict::Unknown)));
    let report = f.sync();
    assert!(report.rounds < 10 && !report.complete);
    assert_eq!(f.status().on_this_phone, 1);
}

#[test]
fn two_processes_that_sync_at_once_get_in_nobodys_way() {
    let f = Fixture::new();
    f.server.colleague_writes(new_case("别人的"), vec![]);
    f.phone.report(report("一")).unwrap();
    let other = f.reopen(2);
    let mut session = f.phone.begin_sync().unwrap();
    let body = session.next_request().unwrap().unwrap();
    let answer = f.carry(&session, &body);
    other.report(report("二")).unwrap();
    other.sync(&f.server, SyncOptions::default()).unwrap();
    let seq = other.status().unwrap().seq;
    session.accept(answer).unwrap();
    assert_eq!(f.status().seq, seq, "an old page moves nothing back");
    f.finish(&mut session);
    assert_eq!(f.status().admitted, 2);
    assert_eq!(f.rows().len(), 3);
    f.assert_agrees();
}

#[test]
fn an_expired_session_loses_nothing() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    f.clock.advance(TOKEN_LASTS_MS + DAY_MS);
    assert_eq!(f.try_sync().unwrap_err().code(), "sign_in_again");
    f.phone.sign_in(&f.server, PASSWORD).unwrap();
    f.sync();
    assert_eq!(f.status().admitted, 1);
}

#[test]
fn a_phone_whose_device_was_revoked_becomes_a_new_one_and_sends_what_it_holds() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    let device = f.phone.identity().unwrap().unwrap().device;
    let now = f.server.now_ms();
    assert!(f.server.store().revoke_device(device, now).unwrap());
    f.phone.sign_in(&f.server, PASSWORD).unwrap();
    assert_ne!(f.phone.identity().unwrap().unwrap().device, device);
    let report = f.sync();
    assert_eq!((report.refused, report.replayed), (1, 1));
    assert_eq!(f.status().admitted, 1);
    assert!(f.status().all_in_log());
}

#[test]
fn the_server_says_why_or_when() {
    let f = Fixture::new();
    f.server.line().instead = Some(refusal(426, "unsupported_version"));
    let refused = f.try_sync().unwrap_err();
    assert_eq!(
        (refused.code(), refused.zh().as_str()),
        ("unsupported_version", "不行")
    );
    f.server.line().instead = Some(Answer {
        status: 503,
        body: vec![],
        retry_after_ms: Some(7_000),
    });
    let busy = f.try_sync().unwrap_err();
    assert!(matches!(
        busy,
        PhoneError::Busy {
            retry_after_ms: 7_000,
            said: None,
        }
    ));
}

#[test]
fn a_cancelled_sync_keeps_what_was_exchanged() {
    let f = Fixture::synced();
    f.server.colleague_fills_pages(20);
    let cancel = CancelFlag::new();
    let progress = |progress: SyncProgress| {
        if progress.rounds == 2 {
            cancel.cancel();
        }
    };
    let options = SyncOptions {
        progress: Some(&progress),
        cancel: Some(&cancel),
        ..SyncOptions::default()
    };
    let cut = f.phone.sync(&f.server, options).unwrap_err();
    assert_eq!(cut.code(), "cancelled");
    let kept = f.rows().len();
    assert!(kept > 8 && kept < 20, "{kept}");
    let rest = f.sync();
    assert_eq!(rest.pulled_records as usize, 20 - kept);
    assert_eq!(f.rows().len(), 20);
}
