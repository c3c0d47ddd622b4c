//! 日结: what an office may rely on when it closes its day.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gridlog_domain::reference::Role;
use gridlog_tests::{District, GRID_A};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

fn today() -> String {
    let there = Timestamp::now().to_zoned(TimeZone::get("Asia/Shanghai").unwrap());
    there.date().to_string()
}

#[test]
fn an_office_closes_its_day_and_what_comes_later_is_admitted_all_the_same() {
    let district = District::new();
    let (phone, away) = (district.phone(GRID_A, 0), district.phone(GRID_A, 1));
    let case = phone.report_case("井盖");
    phone.sync_all();
    let officer = district.office(Role::DutyOfficer);
    // Midnight may pass in between; a day that has begun is closed in either case.
    let path = format!("days/{}", today());
    let (status, day) = officer.get(&path);
    assert_eq!((status, &day["closed"]), (200, &json!(false)), "{day}");
    let (status, day) = officer.post(&format!("{path}/close"), &Value::Null);
    assert_eq!((status, &day["closed"]), (200, &json!(true)), "{day}");
    let seal = &day["closing"]["seal"];
    assert_eq!(seal["size"], day["closing"]["seq"]);
    assert!(
        seal["note"].as_str().unwrap().contains("/epoch/1\n"),
        "{seal}"
    );
    let (status, again) = officer.post(&format!("{path}/close"), &Value::Null);
    assert_eq!((status, &again["code"]), (409, &json!("day_closed")));

    let late = away.report_case("迟到的案卷");
    away.sync_all();
    phone.sync_all();
    assert!(phone.show(late).unwrap().is_some());
    assert!(phone.status().unwrap().all_in_log());
    let reason = json!({ "reason": "late_work" });
    let (status, day) = officer.post(&format!("{path}/reopen"), &reason);
    assert_eq!((status, &day["closed"]), (200, &json!(false)), "{day}");
    let facts: Vec<Value> = officer
        .log()
        .iter()
        .map(|line| line["fact"].clone())
        .collect();
    let of_the_day = |fact: &&Value| {
        ["day_closed", "seal", "day_reopened"]
            .map(Value::from)
            .contains(fact)
    };
    let told: Vec<&Value> = facts.iter().filter(of_the_day).collect();
    assert_eq!(told, ["day_closed", "seal", "day_reopened"]);
    assert!(phone.show(case).unwrap().is_some());
}
