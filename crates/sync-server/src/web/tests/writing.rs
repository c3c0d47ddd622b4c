//! Who writes in a record through the office.

use gridlog_domain::reference::{Assignment, Role};
use serde_json::json;

use super::*;
use crate::store::Store as _;
use crate::town::*;

/// A case of the worker's in which the colleague wrote, whose assignment then moved to the next grid.
fn a_town_whose_colleague_moved_on() -> Town {
    let town = Town::new();
    let mut worker = town.phone(1, WORKER);
    worker.bootstrap(&town);
    let begun = worker.write(&town, record(1), &[new_case(GRID_A, "井盖")]);
    worker.push(&town, vec![begun]);
    let mut colleague = town.phone(2, COLLEAGUE);
    colleague.bootstrap(&town);
    let said = [comment(&town, COLLEAGUE, "已到现场")];
    let said = colleague.write(&town, record(1), &said);
    colleague.push(&town, vec![said]);
    town.wait(60_000);
    let mut moved = town.directory.now().people[&staff(COLLEAGUE)].clone();
    let assignments = &mut moved.person.assignments;
    assignments[0].valid_to_ms = Some(town.now.get() - 1);
    assignments.push(Assignment {
        role: Role::GridWorker,
        area: GRID_B.into(),
        department: None,
        valid_from_ms: town.now.get() - 1,
        valid_to_ms: None,
    });
    town.store.put_people(&[moved]).unwrap();
    town.directory.refresh(&*town.store).unwrap();
    town
}

#[test]
fn whoever_may_not_write_in_a_record_from_a_phone_may_not_by_way_of_the_office_either() {
    let town = a_town_whose_colleague_moved_on();
    let site = Site::over(&town);
    let id = record(1);
    let ask = |person: &str, method: Method, what: &str, body: Value| {
        let path = format!("/v1/office/records/{id}{what}");
        site.ask(method, &path, &site.token(person, None), &body)
    };
    let edit = json!({"field": "title", "value": "改"});
    let words = json!({"text": "再补充"});
    let step = json!({"step": "self_handle", "details": {"result": "已处置"}});
    let before = town.store.head().unwrap();
    assert_eq!(
        ask(COLLEAGUE, Method::GET, "", Value::Null).0,
        StatusCode::OK,
        "who wrote in it sees it still"
    );
    let tries = [
        ("/fields", edit.clone()),
        ("/comments", words),
        ("/steps", step),
    ];
    for (what, body) in tries {
        let answer = ask(COLLEAGUE, Method::POST, what, body);
        assert_eq!(code(&answer), (403, "forbidden"), "{what}");
    }
    assert_eq!(town.store.head().unwrap(), before);
    for person in [WORKER, OFFICE] {
        let (status, written) = ask(person, Method::POST, "/fields", edit.clone());
        assert_eq!(status, StatusCode::OK, "{written}");
    }
}
