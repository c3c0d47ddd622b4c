//! Track, lane and risk of a case, by rules that a district edits.

use gridlog_domain::id::RecordId;
use serde_json::json;

use super::*;
use crate::town::*;

fn of_case(site: &Site, record: RecordId) -> Value {
    let path = format!("/v1/office/records/{record}");
    let (status, shown) = site.ask(Method::GET, &path, &site.token(OFFICE, None), &Value::Null);
    assert_eq!(status, StatusCode::OK, "{shown}");
    shown["triage"].clone()
}

fn edit(site: &Site, rules: &Value) -> (StatusCode, Value) {
    let token = site.token(KEEPER, None);
    site.ask(Method::PUT, "/v1/office/reference/triage", &token, rules)
}

fn rules(version: u32) -> Value {
    json!({
        "version": version,
        "disputes": ["01"],
        "tracks": [{ "name": "一律统筹", "then": "joint" }],
        "lanes": [{ "name": "一律归愁", "then": "worry" }],
        "risks": [{ "name": "一律标红", "then": "red" }],
    })
}

#[test]
fn a_case_shows_its_track_lane_and_risk_each_with_the_rule_that_says_so() {
    let town = Town::new();
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    let begun = phone.write(&town, record(1), &[new_case(GRID_A, "井盖缺失")]);
    phone.push(&town, vec![begun]);
    let site = Site::over(&town);
    let shipped = of_case(&site, record(1));
    assert_eq!(shipped["track"]["code"], "proactive");
    assert_eq!(shipped["track"]["zh"], "未诉先办");
    assert!(
        shipped["track"]["rule"]
            .as_str()
            .unwrap()
            .contains("网格先行发现")
    );
    assert_eq!(shipped["lane"]["zh"], "杂");
    assert!(shipped["risk"].is_null(), "it is no dispute");

    let (status, said) = edit(&site, &rules(2));
    assert_eq!(status, StatusCode::OK, "{said}");
    let edited = of_case(&site, record(1));
    assert_eq!(edited["track"]["rule"], "一律统筹");
    assert_eq!(edited["lane"]["code"], "worry");
    assert_eq!(edited["risk"]["zh"], "红");
    assert_eq!(edited["risk"]["rule"], "一律标红");
}

#[test]
fn rules_that_would_leave_a_case_without_an_answer_are_refused() {
    let town = Town::new();
    let site = Site::over(&town);
    let mut open = rules(2);
    open["lanes"][0]["when"] = json!(["urgent"]);
    let (status, said) = edit(&site, &open);
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(said["code"], "bad_part");
}
