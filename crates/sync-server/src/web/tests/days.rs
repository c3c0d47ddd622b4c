use gridlog_domain::workflow::Step;
use gridlog_protocol::{Fact, LogEntry, Unsent};
use serde_json::json;

use super::*;
use crate::store::Store as _;
use crate::town::*;

/// The day of [`NOW`] in the district, and the one after it.
const TODAY: &str = "2026-09-21";
const TOMORROW: &str = "2026-09-22";

struct Officer<'a> {
    site: &'a Site,
    token: String,
}

impl Officer<'_> {
    fn ask(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let path = format!("/v1/office/days/{path}");
        self.site.ask(method, &path, &self.token, body)
    }

    fn see(&self) -> Value {
        let (status, day) = self.ask(Method::GET, TODAY, &Value::Null);
        assert_eq!(status, StatusCode::OK, "{day}");
        day
    }

    fn close(&self, date: &str) -> (StatusCode, Value) {
        self.ask(Method::POST, &format!("{date}/close"), &Value::Null)
    }

    fn reopen(&self, reason: &str) -> (StatusCode, Value) {
        let body = json!({ "reason": reason });
        self.ask(Method::POST, &format!("{TODAY}/reopen"), &body)
    }
}

/// A worker has reported a case and holds more; a colleague was not heard of.
fn town() -> Town {
    let town = Town::new();
    let mut worker = town.phone(1, WORKER);
    worker.bootstrap(&town);
    let reported = [
        new_case(GRID_A, "井盖"),
        propose(&town, WORKER, Step::Report),
    ];
    let begun = worker.write(&town, record(1), &reported);
    worker.push(&town, vec![begun]);
    town.phone(2, COLLEAGUE);
    let unsent = Unsent {
        changes: 4,
        sent_back: 1,
    };
    let told = worker.ask(&town, |request| request.unsent = Some(unsent));
    assert!(told.is_ok());
    town
}

fn officer(site: &Site) -> Officer<'_> {
    let token = site.token(OFFICE, None);
    Officer { site, token }
}

#[test]
fn an_office_sees_which_phones_are_out_what_they_hold_and_what_was_done() {
    let town = town();
    let site = Site::over(&town);
    let day = officer(&site).see();
    assert_eq!(
        (&day["area"], &day["closed"]),
        (&json!(STREET), &json!(false))
    );
    assert_eq!((&day["out"], &day["unsent"]), (&json!(1), &json!(4)));
    let phones = day["phones"].as_array().unwrap();
    let of = |person: &str| {
        phones
            .iter()
            .find(|phone| phone["person"] == person)
            .unwrap()
    };
    assert_eq!(of(COLLEAGUE)["out"], true);
    assert_eq!(of(COLLEAGUE)["last_sync_ms"], Value::Null);
    let worker = of(WORKER);
    assert_eq!(
        (&worker["out"], &worker["unsent"]),
        (&json!(false), &json!(4))
    );
    assert_eq!(
        (&worker["sent_back"], &worker["told_ms"]),
        (&json!(1), &json!(NOW))
    );
    let steps = json!([{ "step": "report", "step_zh": "上报", "accepted": 1, "refused": 0 }]);
    assert_eq!(day["steps"], steps);
    let (_, yesterday) = officer(&site).ask(Method::GET, "2026-09-20", &Value::Null);
    assert_eq!(yesterday["steps"], json!([]));
    assert_eq!(yesterday["out"], 1, "it never synced");
}

#[test]
fn closing_the_day_enters_what_was_known_and_seals_the_log_with_it() {
    let town = town();
    let site = Site::over(&town);
    let (status, day) = officer(&site).close(TODAY);
    assert_eq!(status, StatusCode::OK, "{day}");
    assert_eq!(day["closed"], true);
    let seq = day["closing"]["seq"].as_u64().unwrap();
    let fact = |seq: u64| {
        let stored = town.store.entry(seq).unwrap().unwrap();
        LogEntry::from_bytes(&stored.canonical).unwrap().fact
    };
    let closed = Fact::DayClosed {
        date: TODAY.to_owned(),
        area: STREET.to_owned(),
        by: OFFICE.to_owned(),
        out: 1,
        unsent: 4,
        overdue: 0,
    };
    assert_eq!(fact(seq), closed);
    let Fact::Seal { size, .. } = fact(seq + 1) else {
        panic!("the log was not sealed");
    };
    assert_eq!(size, seq, "the seal covers the closing");
    assert_eq!(day["closing"]["seal"]["size"], seq);
    assert_eq!(officer(&site).see()["closing"], day["closing"]);
    town.require_sound();
}

#[test]
fn a_day_is_closed_once_and_can_be_opened_again_with_a_reason() {
    let town = town();
    let site = Site::over(&town);
    let officer = officer(&site);
    assert_eq!(code(&officer.reopen("mistake")), (409, "day_open"));
    assert_eq!(officer.close(TODAY).0, StatusCode::OK);
    assert_eq!(code(&officer.close(TODAY)), (409, "day_closed"));
    assert_eq!(code(&officer.reopen("因为张三")), (400, "bad_reason"));
    let (status, day) = officer.reopen("late_work");
    assert_eq!((status, &day["closed"]), (StatusCode::OK, &json!(false)));
    assert_eq!(code(&officer.reopen("late_work")), (409, "day_open"));
    let head = town.store.head().unwrap().seq;
    assert_eq!(officer.close(TODAY).0, StatusCode::OK);
    assert_eq!(town.store.head().unwrap().seq, head + 2);
}

#[test]
fn a_day_of_the_future_or_none_is_refused_and_so_is_whoever_has_no_duty() {
    let town = town();
    let site = Site::over(&town);
    let refused = officer(&site).close(TOMORROW);
    assert_eq!(code(&refused), (400, "day_in_future"));
    for none in [
        "2026-13-01",
        "today",
        "2026-9-21",
        "20260921",
        "-002026-09-21",
    ] {
        let refused = officer(&site).close(none);
        assert_eq!(code(&refused), (400, "bad_date"), "{none}");
    }
    let token = site.token(WORKER, None);
    let worker = Officer { site: &site, token };
    assert_eq!(code(&worker.close(TODAY)), (403, "forbidden"));
    let refused = worker.ask(Method::GET, TODAY, &Value::Null);
    assert_eq!(code(&refused), (403, "forbidden"));
}

#[test]
fn a_day_whose_closing_a_restore_lost_is_open_and_can_be_closed_again() {
    let town = town();
    let backup = town.back_up();
    let site = Site::over(&town);
    assert_eq!(officer(&site).close(TODAY).0, StatusCode::OK);
    drop(site);
    let town = town.restore(&backup, Some(crate::ingest::Why::Restored));
    let site = Site::over(&town);
    assert_eq!(officer(&site).see()["closed"], false);
    assert_eq!(officer(&site).close(TODAY).0, StatusCode::OK);
    town.require_sound();
}
