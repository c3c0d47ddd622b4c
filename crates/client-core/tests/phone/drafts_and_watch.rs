//! Unfinished input, and lists that follow what happens.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gridlog_client_core::*;
use gridlog_domain::workflow::Stage;

use crate::fixture::*;

#[test]
fn a_draft_is_kept_replaced_and_let_go_and_never_sent() {
    let f = Fixture::new();
    let id = f
        .phone
        .save_draft(None, "{\"title\":\"写到一半\"}")
        .unwrap();
    f.clock.advance(5);
    f.phone
        .save_draft(Some(id), "{\"title\":\"写完了\"}")
        .unwrap();
    let other = f.phone.save_draft(None, "{}").unwrap();
    let again = f.reopen(2);
    assert_eq!(again.drafts().unwrap().len(), 2);
    let draft = again.draft(id).unwrap();
    assert!(draft.json.contains("写完了"));
    assert_eq!(draft.updated_ms - draft.created_ms, 5);
    again.discard_draft(id).unwrap();
    assert_eq!(again.draft(id).unwrap_err().code(), "unknown_draft");
    assert_eq!(
        again.save_draft(Some(id), "{}").unwrap_err().code(),
        "unknown_draft"
    );
    assert_eq!(again.discard_draft(id).unwrap_err().code(), "unknown_draft");
    assert_eq!(f.phone.drafts().unwrap()[0].id, other);
    assert_eq!(f.sync().pushed, 0);
}

const LONG: Duration = Duration::from_secs(60);

fn watch(phone: &Phone, query: Query) -> (Subscription, Receiver<Vec<RecordRow>>) {
    let (send, receive) = channel();
    let listener: Listener = Arc::new(move |rows| {
        let _ = send.send(rows);
    });
    (phone.watch(query, listener).unwrap(), receive)
}

#[test]
fn a_watched_list_comes_at_once_and_again_when_it_changes() {
    let f = Fixture::new();
    let (subscription, lists) = watch(&f.phone, Query::default());
    assert!(lists.recv_timeout(LONG).unwrap().is_empty());
    f.phone.report(report("一")).unwrap();
    assert_eq!(
        lists.recv_timeout(LONG).unwrap()[0].standing,
        Standing::OnThisPhone
    );
    f.sync();
    let mut last = lists.recv_timeout(LONG).unwrap();
    while last[0].standing != Standing::InLog {
        last = lists.recv_timeout(LONG).unwrap();
    }
    drop(subscription);
    // The listener, and with it the sender, goes when the thread ends.
    f.phone.report(report("二")).unwrap();
    while let Ok(rows) = lists.recv_timeout(LONG) {
        assert_eq!(
            rows.len(),
            1,
            "no call begins after the subscription is dropped"
        );
    }
}

#[test]
fn a_listener_that_panics_breaks_nothing_and_is_called_no_more() {
    let f = Fixture::new();
    let (send, calls) = channel();
    let listener: Listener = Arc::new(move |rows| {
        let _ = send.send(rows.len());
        panic!("a screen that is gone");
    });
    let _subscription = f.phone.watch(Query::default(), listener).unwrap();
    assert_eq!(calls.recv_timeout(LONG), Ok(0));
    f.phone.report(report("一")).unwrap();
    assert!(calls.recv_timeout(LONG).is_err());
    let (_other, lists) = watch(&f.phone, Query::default());
    assert_eq!(lists.recv_timeout(LONG).unwrap().len(), 1);
}

#[test]
fn a_listener_may_use_the_phone_and_drop_of_the_phone_ends_the_watch() {
    let f = Fixture::new();
    let (send, calls) = channel();
    let phone = f.phone.clone();
    let listener: Listener = Arc::new(move |rows| {
        let _ = send.send((rows.len(), phone.status().unwrap().recorded));
    });
    let subscription = f.phone.watch(Query::default(), listener).unwrap();
    assert_eq!(calls.recv_timeout(LONG), Ok((0, 0)));
    f.phone.report(report("一")).unwrap();
    assert_eq!(calls.recv_timeout(LONG), Ok((1, 1)));
    drop(subscription);

    let (_subscription, lists) = watch(&f.phone, Query::default());
    lists.recv_timeout(LONG).unwrap();
    drop(f.phone);
    while lists.recv_timeout(LONG).is_ok() {}
}

#[test]
fn a_draft_that_becomes_a_record_is_gone_with_the_same_commit_and_stays_if_it_does_not() {
    let f = Fixture::new();
    let draft = f.phone.save_draft(None, "{}").unwrap();
    assert!(f.phone.report_from_draft(draft, report("")).is_err());
    assert_eq!(f.phone.draft(draft).unwrap().json, "{}", "it was refused");
    let reported = f.phone.report_from_draft(draft, report("上报"));
    let reported = f.detail(reported.unwrap());
    assert_eq!(reported.expected_stage, Some(Stage::Reported));
    assert_eq!(reported.changes.len(), 1, "one change");
    assert_eq!(f.phone.drafts().unwrap(), []);
    let again = f.phone.report_from_draft(draft, report("再报一次"));
    assert_eq!(again.unwrap_err().code(), "unknown_draft");
    assert_eq!(f.rows().len(), 1, "nobody reports one draft twice");

    let draft = f.phone.save_draft(None, "{}").unwrap();
    let outcome = NewVisit {
        outcome: "no such outcome".to_owned(),
        ..NewVisit::default()
    };
    assert!(f.phone.visit_from_draft(draft, outcome).is_err());
    assert_eq!(f.phone.draft(draft).unwrap().json, "{}");
    let noted = f
        .phone
        .note_case_from_draft(draft, report("先记下"))
        .unwrap();
    assert_eq!(f.detail(noted).expected_stage, Some(Stage::Unreported));
    assert_eq!(f.phone.drafts().unwrap(), []);
    assert_eq!(f.rows().len(), 2);
    assert_eq!(f.detail(noted).changes.len(), 1, "one change");
}
