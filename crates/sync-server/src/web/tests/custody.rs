use gridlog_domain::reference::{Assignment, Role};
use serde_json::json;

use super::*;
use crate::outside::{ErasureReason, Outside as _};
use crate::store::Store as _;
use crate::town::*;

fn town() -> Town {
    let town = Town::new();
    let mut worker = town.phone(1, WORKER);
    worker.bootstrap(&town);
    let begun = worker.write(&town, record(1), &[new_case(GRID_A, "井盖")]);
    worker.push(&town, vec![begun]);
    town
}

/// Gives the colleague the duty office of one grid only.
fn officer_of_one_grid(town: &Town) {
    let mut person = town.directory.now().people[&staff(COLLEAGUE)].clone();
    person.person.assignments.push(Assignment {
        role: Role::DutyOfficer,
        area: GRID_A.into(),
        department: None,
        valid_from_ms: 0,
        valid_to_ms: None,
    });
    town.store.put_people(&[person]).unwrap();
    town.directory.refresh(&*town.store).unwrap();
}

fn area_of(town: &Town) -> String {
    town.store.record(record(1)).unwrap().unwrap().area
}

#[test]
fn a_duty_officer_of_both_areas_moves_a_record() {
    let town = town();
    officer_of_one_grid(&town);
    let site = Site::over(&town);
    let path = format!("/v1/office/records/{}/area", record(1));
    let move_to = |person: &str, area: &str| {
        let token = site.token(person, None);
        site.ask(Method::POST, &path, &token, &json!({"area": area}))
    };
    assert_eq!(code(&move_to(WORKER, GRID_B)), (403, "forbidden"));
    assert_eq!(code(&move_to(COLLEAGUE, GRID_B)), (403, "forbidden"));
    assert_eq!(code(&move_to(NEIGHBOUR, GRID_B)), (404, "not_found"));
    assert_eq!(code(&move_to(KEEPER, GRID_B)), (404, "not_found"));
    assert_eq!(code(&move_to(OFFICE, "99")), (400, "unknown_area"));
    assert_eq!(area_of(&town), GRID_A);
    let (status, moved) = move_to(OFFICE, GRID_B);
    assert_eq!(status, StatusCode::OK);
    let seq = town.store.head().unwrap().seq;
    let expected = json!({"record": record(1).to_string(), "area": GRID_B, "seq": seq});
    assert_eq!(moved, expected);
    assert_eq!(area_of(&town), GRID_B);
    town.require_sound();
}

#[test]
fn an_administrator_erases_a_record_and_says_why() {
    let town = town();
    let site = Site::over(&town);
    let erase = |person: &str, id: &str, query: &str| {
        let token = site.token(person, None);
        let path = format!("/v1/office/records/{id}{query}");
        site.ask(Method::DELETE, &path, &token, &Value::Null)
    };
    let id = record(1).to_string();
    let ordered = "?reason=ordered";
    assert_eq!(code(&erase(OFFICE, &id, ordered)), (403, "forbidden"));
    for query in ["?reason=because", "?reason=given_back"] {
        assert_eq!(code(&erase(KEEPER, &id, query)), (400, "unknown_reason"));
    }
    assert_eq!(erase(KEEPER, &id, "").0, StatusCode::BAD_REQUEST);
    let other = record(9).to_string();
    assert_eq!(code(&erase(KEEPER, &other, ordered)), (404, "not_found"));
    assert_eq!(code(&erase(KEEPER, "x", ordered)), (404, "not_found"));
    assert!(town.store.record(record(1)).unwrap().is_some());
    let (status, erased) = erase(KEEPER, &id, ordered);
    assert_eq!(status, StatusCode::OK);
    let seq = town.store.head().unwrap().seq;
    assert_eq!(erased, json!({"record": id, "seq": seq}));
    assert!(town.store.is_erased(record(1)).unwrap());
    assert_eq!(
        erase(KEEPER, &id, ordered),
        (StatusCode::OK, json!({"record": id}))
    );
    let config = Config {
        data: town.folder.path().to_owned(),
        ..Config::default()
    };
    let noted = config.outside().erased().unwrap();
    assert_eq!(noted.len(), 1);
    let noted = (noted[0].record, noted[0].reason, noted[0].by.as_str());
    assert_eq!(noted, (record(1), ErasureReason::Ordered, KEEPER));
    let office = site.token(OFFICE, None);
    let path = format!("/v1/office/records/{id}");
    let shown = site.ask(Method::GET, &path, &office, &Value::Null);
    assert_eq!(code(&shown), (404, "not_found"));
}
