//! What an office and an operator may rely on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gridlog_domain::reference::Role;
use gridlog_tests::{District, GRID_A, words};
use serde_json::{Value, json};

fn get(url: &str) -> Value {
    ureq::get(url)
        .call()
        .unwrap()
        .body_mut()
        .read_json()
        .unwrap()
}

#[test]
fn the_api_describes_itself() {
    let district = District::new();
    let document = get(&format!("{}/v1/openapi.json", district.url()));
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/v1/office/records",
        "/v1/office/records/{id}",
        "/v1/office/records/{id}/steps",
        "/v1/office/log",
        "/v1/office/review/{item}/dismiss",
        "/v1/office/people.csv",
        "/v1/office/areas.csv",
    ] {
        assert!(paths.contains_key(path), "{path} is not described");
    }
    assert!(document["components"]["securitySchemes"]["bearer"].is_object());
}

#[test]
fn an_office_begins_a_case_that_the_grid_sees_and_that_walks_on() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let grid = district.street.grids().nth(GRID_A).unwrap().code.clone();
    let officer = district.office(Role::DutyOfficer);
    let body = json!({
        "kind": "case",
        "area": grid.as_str(),
        "fields": { "title": words("窗口来访"), "category": "01014" },
    });
    let (status, begun) = officer.post("records", &body);
    assert_eq!((status, &begun["accepted"]), (200, &json!(true)), "{begun}");
    phone.sync_all();
    let id = begun["record"].as_str().unwrap().parse().unwrap();
    let shown = phone.show(id).unwrap().unwrap();
    assert_eq!(shown.view.author, officer.person);
    let (_, comment) = officer.post(
        &format!("records/{id}/comments"),
        &json!({ "text": words("请核实位置") }),
    );
    assert!(comment["seq"].is_u64());
    phone.sync_all();
    assert_eq!(phone.show(id).unwrap().unwrap().view.comments.len(), 1);
    let (_, counts) = officer.get("figures/stages");
    assert_eq!(
        counts,
        json!([{ "stage": "reported", "stage_zh": "待受理", "cases": 1 }])
    );
}

#[test]
fn wrong_input_is_refused_with_a_code_and_changes_nothing() {
    let district = District::new();
    let officer = district.office(Role::DutyOfficer);
    let phone = district.phone(GRID_A, 0);
    let case = phone.report_case("井盖");
    phone.sync_all();
    let before = officer.log().len();
    let code = |path: &str, body: Value| {
        let (status, answer) = officer.post(path, &body);
        assert!((400..500).contains(&status), "{path}: {status} {answer}");
        answer["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code("records", json!({})), "bad_json");
    assert_eq!(
        code("records/nothing/steps", json!({ "step": "close" })),
        "not_found"
    );
    let steps = format!("records/{case}/steps");
    assert_eq!(code(&steps, json!({ "step": "explode" })), "unknown_step");
    let fields = format!("records/{case}/fields");
    assert_eq!(
        code(&fields, json!({ "field": "colour", "value": "red" })),
        "unknown_field"
    );
    assert_eq!(
        code(&fields, json!({ "field": "place", "value": "here" })),
        "wrong_value"
    );
    let comments = format!("records/{case}/comments");
    assert_eq!(code(&comments, json!({ "text": " " })), "entry_empty");
    assert_eq!(officer.log().len(), before);
}

#[test]
fn a_server_that_is_asked_to_stop_finishes_and_starts_again_where_it_was() {
    let mut district = District::new();
    let phone = district.phone(GRID_A, 0);
    phone.report_case("停机前");
    phone.sync_all();
    let before = district.office(Role::DutyOfficer).log();
    district.stop();
    phone.report_case("停机中");
    assert!(phone.try_sync().is_err());
    district.start();
    phone.sync_all();
    let after = district.office(Role::DutyOfficer).log();
    assert_eq!(after[..before.len()], before[..]);
    assert!(after.len() > before.len());
}

#[test]
fn guessing_passwords_is_slowed_down_for_one_person_and_nobody_else() {
    let district = District::new();
    let url = format!("{}/v1/sign-in", district.url());
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let attempt = |person: &str| {
        let body = json!({ "person": person, "password": "not the password" });
        agent.post(&url).send_json(body).unwrap().status().as_u16()
    };
    let statuses: Vec<u16> = (0..14).map(|_| attempt("O01")).collect();
    assert!(
        statuses.contains(&401) && statuses.ends_with(&[429]),
        "{statuses:?}"
    );
    assert_eq!(attempt("A01"), 401);
    assert_eq!(attempt("nobody"), 401, "it is not told who exists");
}
