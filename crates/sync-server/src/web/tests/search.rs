use gridlog_domain::workflow::Step;
use serde_json::json;

use super::*;
use crate::store::Store as _;
use crate::town::*;

/// A town with a case of each grid, and one of the worker's that left the phones.
fn town() -> (Town, TestDevice) {
    let town = Town::new();
    let mut worker = town.phone(1, WORKER);
    worker.bootstrap(&town);
    let over = [
        new_case(GRID_A, "旧井盖"),
        propose(&town, WORKER, Step::Void),
    ];
    let old = worker.write(&town, record(1), &over);
    worker.push(&town, vec![old]);
    town.wait(10);
    let mut sequencer = town.sequencer.borrow_mut();
    assert_eq!(sequencer.archive_closed(town.now.get(), 1, 10).unwrap(), 1);
    drop(sequencer);
    let new = worker.write(&town, record(2), &[new_case(GRID_A, "新井盖")]);
    worker.push(&town, vec![new]);
    let mut neighbour = town.phone(2, NEIGHBOUR);
    neighbour.bootstrap(&town);
    let theirs = neighbour.write(&town, record(3), &[new_case(GRID_B, "邻格井盖")]);
    neighbour.push(&town, vec![theirs]);
    (town, worker)
}

#[test]
fn a_phone_finds_what_left_it_and_nothing_that_is_not_its_persons_to_see() {
    let (town, worker) = town();
    let site = Site::over(&town);
    let token = site.token(WORKER, Some(worker.device.id));
    let find = |body: Value| {
        let (status, rows) = site.ask(Method::POST, "/v1/search", &token, &body);
        assert_eq!(status, StatusCode::OK);
        rows
    };
    let rows = find(json!({"text": "井盖"}));
    let expected = json!([
        {
            "id": record(2).to_string(), "kind": "case", "headline": "新井盖", "area": GRID_A,
            "stage": "unreported", "updated_ms": town.now.get(), "archived": false,
        },
        {
            "id": record(1).to_string(), "kind": "case", "headline": "旧井盖", "area": GRID_A,
            "stage": "void", "updated_ms": NOW, "archived": true,
        },
    ]);
    assert_eq!(rows, expected);
    assert_eq!(
        find(json!({"text": "井盖", "limit": 1}))
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        find(json!({"text": " 旧 ", "limit": 1_000_000}))
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(find(json!({"text": "没有"})), json!([]));
}

#[test]
fn only_a_device_in_use_searches_and_only_for_something() {
    let (town, worker) = town();
    let site = Site::over(&town);
    let search = |token: &str, body: Value| site.ask(Method::POST, "/v1/search", token, &body);
    let device = site.token(WORKER, Some(worker.device.id));
    let said = json!({"text": "井盖"});
    for body in [json!({"text": "  "}), json!({"text": "长".repeat(65)})] {
        assert_eq!(code(&search(&device, body)), (400, "bad_search"));
    }
    assert_eq!(
        code(&search(&device, json!({"words": "井盖"}))),
        (400, "bad_json")
    );
    assert_eq!(code(&search("no token", said.clone())).0, 401);
    let office = site.token(OFFICE, None);
    assert_eq!(
        code(&search(&office, said.clone())),
        (401, "unknown_device")
    );
    let elsewhere = site.token(WORKER, Some(DeviceId::from_bytes([9; 16])));
    assert_eq!(
        code(&search(&elsewhere, said.clone())),
        (401, "unknown_device")
    );
    town.store.revoke_device(worker.device.id, NOW).unwrap();
    assert_eq!(code(&search(&device, said)), (403, "forbidden"));
}

#[test]
fn an_office_sees_in_its_lists_what_left_the_phones() {
    let (town, _) = town();
    let site = Site::over(&town);
    let office = site.token(OFFICE, None);
    let (status, rows) = site.ask(Method::GET, "/v1/office/records", &office, &Value::Null);
    assert_eq!(status, StatusCode::OK);
    let archived: Vec<(&Value, &Value)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["headline"], &row["archived"]))
        .collect();
    let expected = [
        (json!("邻格井盖"), json!(false)),
        (json!("新井盖"), json!(false)),
        (json!("旧井盖"), json!(true)),
    ];
    let mut found: Vec<(Value, Value)> = archived
        .into_iter()
        .map(|(headline, archived)| (headline.clone(), archived.clone()))
        .collect();
    found.sort_by_key(|(headline, _)| headline.to_string());
    let mut expected = expected.to_vec();
    expected.sort_by_key(|(headline, _)| headline.to_string());
    assert_eq!(found, expected);
}

#[test]
fn a_phone_that_searches_all_the_time_waits_itself() {
    let (town, worker) = town();
    let site = Site::over(&town);
    let token = site.token(WORKER, Some(worker.device.id));
    let ask = |token: &str| {
        let body = json!({ "text": "井盖" });
        site.ask(Method::POST, "/v1/search", token, &body)
    };
    let mut taken = 0;
    let (status, refused) = loop {
        match ask(&token) {
            (StatusCode::OK, _) => taken += 1,
            refused => break refused,
        }
    };
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused["code"], "slow_down");
    assert!(taken >= 500, "nobody types so fast: {taken}");
    let other = town.phone(9, COLLEAGUE);
    let other = site.token(COLLEAGUE, Some(other.device.id));
    assert_eq!(ask(&other).0, StatusCode::OK);
}
