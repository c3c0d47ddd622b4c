//! Push, pull, cuts and lies.

use gridlog_client_core::*;
use gridlog_domain::record::{Command, Value};
use gridlog_domain::workflow::Stage;
use gridlog_protocol::{Blob, Digest, SigningKey, Verdict};

use crate::support::*;

#[test]
fn what_was_recorded_offline_is_in_the_log_after_a_sync() {
    let f = Fixture::new();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    let visit = NewVisit {
        outcome: "met".to_owned(),
        ..NewVisit::default()
    };
    f.phone.visit(visit).unwrap();
    let report = f.sync();
    assert!(report.complete);
    assert_eq!((report.pushed, report.admitted), (2, 2));
    let status = f.phone.status().unwrap();
    assert_eq!(
        (status.recorded, status.admitted, status.on_this_phone),
        (2, 2, 0)
    );
    assert_eq!(status.last_sync_ms, Some(NOW));
    let detail = f.detail(id);
    assert_eq!(detail.row.standing, Standing::InLog);
    assert_eq!(detail.row.stage, Some(Stage::Reported));
    assert!(!detail.row.awaits_ruling());
    assert_eq!(detail.proposals[0].standing, ProposalStanding::Accepted);
    let what: Vec<&str> = detail
        .history
        .iter()
        .map(|line| line.what.as_str())
        .collect();
    assert_eq!(what, ["admit", "ruling"]);
    assert_eq!(f.server.view(id).unwrap(), detail.view);
}

#[test]
fn an_idle_sync_is_one_small_round_trip_and_opens_no_document() {
    let f = Fixture::new();
    f.phone.report(report("井盖缺失")).unwrap();
    f.sync();
    let opened = f.phone.documents_opened();
    let idle = f.sync();
    assert_eq!((idle.rounds, idle.pushed, idle.pulled_entries), (1, 0, 0));
    assert!(idle.bytes_up < 300 && idle.bytes_down < 300);
    assert_eq!(f.phone.documents_opened(), opened);
}

#[test]
fn pulling_listing_and_searching_open_no_document() {
    let f = Fixture::new();
    for number in 0..20 {
        f.server
            .colleague_writes(new_case(&format!("路灯{number}不亮")), vec![]);
    }
    let report = f.sync();
    assert_eq!(report.pulled_records, 20);
    assert_eq!(f.phone.list(&Query::default()).unwrap().len(), 20);
    let found = f.phone.search("灯1", 50).unwrap();
    assert_eq!(found.len(), 11);
    f.phone.show(found[0].id).unwrap().unwrap();
    f.phone.tasks().unwrap();
    assert_eq!(f.phone.documents_opened(), 0);
    f.phone.comment(found[0].id, "我去看看").unwrap();
    assert_eq!(f.phone.documents_opened(), 1);
}

#[test]
fn a_long_pull_comes_in_pages() {
    let f = Fixture::new();
    f.server.state().page_size = 3;
    for number in 0..10 {
        f.server
            .colleague_writes(new_case(&format!("案件{number}")), vec![]);
    }
    let report = f.sync();
    assert_eq!((report.rounds, report.pulled_entries), (4, 10));
    assert_eq!(f.phone.status().unwrap().seq, 10);
}

#[test]
fn an_answer_that_is_lost_costs_nothing_but_a_repetition() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    f.phone.report(report("二")).unwrap();
    f.server.state().lose_answers = 1;
    let cut = f.phone.sync(&f.server, SyncOptions::default()).unwrap_err();
    assert_eq!(cut.code(), "timed_out");
    assert_eq!(f.phone.status().unwrap().on_this_phone, 2);
    f.sync();
    assert_eq!(f.phone.status().unwrap().admitted, 2);
    let admits = f.server.state().entries.len();
    assert_eq!(admits, 4, "two admissions, two rulings, nothing twice");
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
    let again = session.next_request().unwrap().unwrap();
    let answer = f.server.post(SYNC_PATH, Some("token"), "", &again).unwrap();
    session.accept(answer).unwrap();
    while let Some(body) = session.next_request().unwrap() {
        session
            .accept(f.server.post(SYNC_PATH, Some("token"), "", &body).unwrap())
            .unwrap();
    }
    assert!(session.report().complete);
    drop(session);
    assert_eq!(f.phone.status().unwrap().admitted, 1);
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
    while let Some(body) = session.next_request().unwrap() {
        let answer = f.server.post(SYNC_PATH, Some("token"), "", &body).unwrap();
        session.accept(answer).unwrap();
    }
    assert!(session.report().complete);
    assert_eq!(f.phone.status().unwrap().admitted, 1);
}

#[test]
fn a_server_that_asks_to_wait_is_left_alone() {
    let f = Fixture::new();
    f.server.state().page_size = 1;
    f.server.colleague_writes(new_case("一"), vec![]);
    f.server.colleague_writes(new_case("二"), vec![]);
    f.server.state().tamper = Some(Box::new(|page| page.retry_after_ms = Some(9_000)));
    let report = f.sync();
    assert_eq!((report.rounds, report.complete), (1, false));
    assert_eq!(report.retry_after_ms, Some(9_000));
    f.server.state().tamper = None;
    assert!(f.sync().complete);
}

#[test]
fn items_that_are_only_received_are_asked_for_next_time() {
    let f = Fixture::new();
    let id = f.phone.report(report("一")).unwrap();
    f.server.state().judge = Some(Box::new(|_| Some(Verdict::Received)));
    f.sync();
    assert_eq!(f.only_row().standing, Standing::Received);
    f.server.state().judge = Some(Box::new(|_| {
        Some(Verdict::Review {
            reason: "assignment_ended".to_owned(),
        })
    }));
    f.sync();
    assert_eq!(f.only_row().standing, Standing::Review);
    assert_eq!(
        f.detail(id).changes[0].code.as_deref(),
        Some("assignment_ended")
    );
    f.server.state().judge = Some(Box::new(|_| {
        Some(Verdict::Waiting {
            missing: Digest([1; 32]),
        })
    }));
    f.sync();
    assert_eq!(f.only_row().standing, Standing::Waiting);
    f.server.state().judge = None;
    f.sync();
    assert_eq!(f.only_row().standing, Standing::InLog);
    let pushes: usize = f
        .server
        .state()
        .requests
        .iter()
        .map(|request| request.push.len())
        .sum();
    assert_eq!(pushes, 1, "what the server has is asked for by name");
}

#[test]
fn what_the_server_does_not_know_is_sent_again() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    f.server.state().judge = Some(Box::new(|_| Some(Verdict::Received)));
    f.sync();
    f.server.state().lose_everything();
    f.server.state().judge = None;
    f.sync();
    assert_eq!(f.phone.status().unwrap().admitted, 1);
}

#[test]
fn a_server_that_never_takes_an_item_does_not_hold_the_session_for_ever() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    f.server.state().judge = Some(Box::new(|_| Some(Verdict::Unknown)));
    let report = f.sync();
    assert!(report.rounds < 10 && !report.complete);
    assert_eq!(f.phone.status().unwrap().on_this_phone, 1);
}

#[test]
fn a_page_by_another_key_is_refused_and_nothing_of_it_is_stored() {
    let f = Fixture::new();
    f.server.colleague_writes(new_case("假案件"), vec![]);
    f.phone.report(report("真")).unwrap();
    f.server.state().key = SigningKey::from_bytes(&[1; 32]);
    let error = f.phone.sync(&f.server, SyncOptions::default()).unwrap_err();
    assert_eq!(error.code(), "bad_signature");
    assert_eq!(f.only_row().headline, "真");
    assert_eq!(f.phone.status().unwrap().seq, 0);
    assert_eq!(f.phone.status().unwrap().on_this_phone, 1);
}

#[test]
fn a_signed_page_of_garbage_is_never_half_stored() {
    let spoils: [fn(&mut gridlog_protocol::Page); 10] = [
        |page| page.records[1].changes[0] = Blob(vec![1, 2, 3]),
        |page| page.records[1].view = Blob(b"{}".to_vec()),
        |page| page.records[1].state = Some(Blob(b"?".to_vec())),
        |page| page.entries.swap(0, 1),
        |page| page.entries[1].canonical.0.push(0),
        |page| page.cursor.seq = 0,
        |page| page.certificate = Some(Blob(vec![1, 2, 3])),
        |page| {
            page.records[1]
                .rulings
                .push(page.entries[0].canonical.clone())
        },
        |page| {
            let mut person = worker();
            person.id = "W009".into();
            let person = Blob(serde_json::to_vec(&person).unwrap());
            page.profile = Some(gridlog_protocol::Profile { version: 7, person });
        },
        |page| page.records[1].record = page.records[0].record,
    ];
    for spoil in spoils {
        let f = Fixture::new();
        f.server.colleague_writes(new_case("一"), vec![]);
        f.server.colleague_writes(new_case("二"), vec![]);
        f.phone.report(report("自己的")).unwrap();
        f.server.state().tamper = Some(Box::new(spoil));
        let error = f.phone.sync(&f.server, SyncOptions::default()).unwrap_err();
        assert!(
            ["bad_page", "malformed_message"].contains(&error.code()),
            "{error}"
        );
        assert_eq!(f.phone.list(&Query::default()).unwrap().len(), 1);
        assert_eq!(f.phone.status().unwrap().on_this_phone, 1);
        f.server.state().tamper = None;
        f.sync();
        assert_eq!(f.phone.list(&Query::default()).unwrap().len(), 3);
    }
}

#[test]
fn an_entry_that_changed_under_the_phone_is_noticed() {
    let f = Fixture::new();
    f.server.colleague_writes(new_case("一"), vec![]);
    f.sync();
    f.server.colleague_writes(new_case("二"), vec![]);
    f.server.state().entries[1].previous = Digest([3; 32]);
    let error = f.phone.sync(&f.server, SyncOptions::default()).unwrap_err();
    assert_eq!(error.code(), "bad_page");
}

#[test]
fn a_page_played_back_is_not_taken() {
    let f = Fixture::new();
    let mut session = f.phone.begin_sync().unwrap();
    let first = session.next_request().unwrap().unwrap();
    let old = f.server.post(SYNC_PATH, Some("token"), "", &first).unwrap();
    session.next_request().unwrap().unwrap();
    assert_eq!(session.accept(old).unwrap_err().code(), "wrong_answer");
}

#[test]
fn own_unsent_words_stay_on_top_of_what_colleagues_wrote() {
    let f = Fixture::new();
    let id = f.server.colleague_writes(new_case("路灯不亮"), vec![]);
    f.sync();
    f.phone
        .edit(id, &[("title", Value::Text("路灯全不亮".to_owned()))])
        .unwrap();
    let set = Command::Set {
        field: "title".to_owned(),
        value: Value::Text("路灯闪烁".to_owned()),
        shown: None,
    };
    f.server.colleague_edits(id, &[set]);
    // A server that received but did not admit: the page lacks the own change.
    f.server.state().judge = Some(Box::new(|_| Some(Verdict::Received)));
    f.sync();
    let detail = f.detail(id);
    assert_eq!(detail.view.conflicts.len(), 1);
    let mut seen = vec![detail.row.headline.clone()];
    seen.extend(
        detail.view.conflicts[0]
            .lost
            .iter()
            .filter_map(|lost| Some(lost.value.as_text()?.to_owned())),
    );
    seen.sort();
    assert_eq!(seen, ["路灯全不亮", "路灯闪烁"]);
    assert!(f.phone.verify_record(id).unwrap().view_fits);
    f.server.state().judge = None;
    f.sync();
    let detail = f.detail(id);
    let ops: Vec<_> = detail.view.conflicts[0].all_ops();
    assert_eq!(f.phone.tasks().unwrap().len(), 1);
    f.phone
        .resolve(id, "title", Value::Text("路灯不亮，闪烁".to_owned()), &ops)
        .unwrap();
    f.sync();
    assert!(f.detail(id).view.conflicts.is_empty());
    assert_eq!(f.server.view(id).unwrap(), f.detail(id).view);
    assert_eq!(f.detail(id).row.standing, Standing::InLog);
}

#[test]
fn many_changes_go_up_in_bounded_requests() {
    let f = Fixture::new();
    let id = f.phone.report(report("一")).unwrap();
    for number in 0..520 {
        f.phone.comment(id, &format!("第{number}句")).unwrap();
    }
    let report = f.sync();
    assert_eq!((report.pushed, report.admitted), (521, 521));
    let most = f
        .server
        .state()
        .requests
        .iter()
        .map(|request| request.push.len())
        .max();
    assert_eq!(most, Some(512));
}

#[test]
fn two_processes_that_sync_at_once_get_in_nobodys_way() {
    let f = Fixture::new();
    f.server.colleague_writes(new_case("别人的"), vec![]);
    f.phone.report(report("一")).unwrap();
    let other = f.reopen(2);
    let mut session = f.phone.begin_sync().unwrap();
    let body = session.next_request().unwrap().unwrap();
    let answer = f.server.post(SYNC_PATH, Some("token"), "", &body).unwrap();
    other.report(report("二")).unwrap();
    other.sync(&f.server, SyncOptions::default()).unwrap();
    let seq = other.status().unwrap().seq;
    session.accept(answer).unwrap();
    assert_eq!(
        f.phone.status().unwrap().seq,
        seq,
        "an old page moves nothing back"
    );
    while let Some(body) = session.next_request().unwrap() {
        let answer = f.server.post(SYNC_PATH, Some("token"), "", &body).unwrap();
        session.accept(answer).unwrap();
    }
    assert_eq!(f.phone.status().unwrap().admitted, 2);
    assert_eq!(f.phone.list(&Query::default()).unwrap().len(), 3);
}

#[test]
fn an_expired_session_loses_nothing() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    f.server.state().instead = Some(refusal(401, "expired"));
    let error = f.phone.sync(&f.server, SyncOptions::default()).unwrap_err();
    assert_eq!(error.code(), "sign_in_again");
    f.server.state().instead = None;
    f.phone.sign_in(&f.server, "secret").unwrap();
    f.sync();
    assert_eq!(f.phone.status().unwrap().admitted, 1);
}

#[test]
fn a_phone_whose_device_was_revoked_becomes_a_new_one_and_sends_what_it_holds() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    {
        let mut state = f.server.state();
        state.taken = std::mem::take(&mut state.actors);
    }
    f.phone.sign_in(&f.server, "secret").unwrap();
    let report = f.sync();
    assert_eq!((report.refused, report.replayed), (1, 1));
    assert_eq!(f.phone.status().unwrap().admitted, 1);
}

#[test]
fn the_server_says_why_or_when() {
    let f = Fixture::new();
    f.server.state().instead = Some(refusal(426, "unsupported_version"));
    let refused = f.phone.sync(&f.server, SyncOptions::default()).unwrap_err();
    assert_eq!(
        (refused.code(), refused.zh().as_str()),
        ("unsupported_version", "不行")
    );
    f.server.state().instead = Some(Answer {
        status: 503,
        body: vec![],
        retry_after_ms: Some(7_000),
    });
    let busy = f.phone.sync(&f.server, SyncOptions::default()).unwrap_err();
    assert!(matches!(
        busy,
        PhoneError::Busy {
            retry_after_ms: 7_000
        }
    ));
}

#[test]
fn a_cancelled_sync_keeps_what_was_exchanged() {
    let f = Fixture::new();
    f.server.state().page_size = 1;
    for number in 0..5 {
        f.server
            .colleague_writes(new_case(&format!("案件{number}")), vec![]);
    }
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
    assert_eq!(
        f.phone.sync(&f.server, options).unwrap_err().code(),
        "cancelled"
    );
    assert_eq!(f.phone.list(&Query::default()).unwrap().len(), 2);
    f.sync();
    assert_eq!(f.phone.list(&Query::default()).unwrap().len(), 5);
}
