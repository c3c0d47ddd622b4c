//! What a phone says of what it still holds.

use gridlog_domain::record::Value;
use gridlog_protocol::{SyncRequest, Unsent, codec};

use crate::fixture::*;

/// What the next request says that the phone holds.
fn says(f: &Fixture) -> Option<Unsent> {
    let mut session = f.phone.begin_sync().unwrap();
    let body = session.next_request().unwrap().unwrap();
    let request: SyncRequest = codec::decode("sync request", &body).unwrap();
    request.unsent
}

#[test]
fn a_phone_says_what_it_holds_beside_what_it_sends_and_once_that_it_holds_nothing() {
    let f = Fixture::synced();
    assert_eq!(says(&f), None, "there is nothing");
    f.phone.report(report("一")).unwrap();
    assert_eq!(says(&f), None, "all of it is in the request");
    for n in 0..520 {
        f.phone.report(report(&format!("第{n}件"))).unwrap();
    }
    let mut session = f.phone.begin_sync().unwrap();
    let body = session.next_request().unwrap().unwrap();
    let request: SyncRequest = codec::decode("sync request", &body).unwrap();
    let pushed = u32::try_from(request.push.len()).unwrap();
    assert!(pushed < 521, "one request does not take them all");
    let held = Unsent {
        changes: 521 - pushed,
        sent_back: 0,
    };
    assert_eq!(request.unsent, Some(held));
    session.accept(f.carry(&session, &body)).unwrap();
    drop(session);
    assert_eq!(
        says(&f),
        Some(Unsent::default()),
        "the rest goes with this one"
    );
    f.sync();
    assert_eq!(says(&f), None, "it was told that there is nothing");
}

#[test]
fn what_was_sent_back_is_told_until_the_worker_has_decided() {
    let f = Fixture::synced();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    f.sync();
    let title = Value::Text("不许的标题".to_owned());
    f.phone.edit(id, &[("title", title)]).unwrap();
    f.server
        .line()
        .refuse("bad_value", |item| contains(&item.change.0, "不许的标题"));
    f.sync();
    let waits = f.detail(id).needs_you;
    let held = Unsent {
        changes: 0,
        sent_back: u32::try_from(waits.len()).unwrap(),
    };
    assert_eq!(says(&f), Some(held));
    f.sync();
    assert_eq!(says(&f), Some(held), "it still waits");
    for item in waits {
        f.phone.dismiss_needs_you(item.id).unwrap();
    }
    assert_eq!(says(&f), Some(Unsent::default()));
}
