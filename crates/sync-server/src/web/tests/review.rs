//! What the review list shows, and to whom.

use gridlog_domain::reference::{Assignment, Role};

use super::*;
use crate::ingest::{Pushed, examine};
use crate::store::Store as _;
use crate::town::*;

/// Gives a person the duty office of an area.
fn make_officer(town: &Town, person: &str, area: &str) {
    let mut officer = town.directory.now().people[&staff(person)].clone();
    officer.person.assignments.push(Assignment {
        role: Role::DutyOfficer,
        area: area.into(),
        department: None,
        valid_from_ms: 0,
        valid_to_ms: None,
    });
    town.store.put_people(&[officer]).unwrap();
    town.directory.refresh(&*town.store).unwrap();
}

/// The codes of what the list shows to a person.
fn listed(town: &Town, person: &str, query: &str) -> Vec<String> {
    let site = Site::over(town);
    let path = format!("/v1/office/review{query}");
    let (status, rows) = site.ask(Method::GET, &path, &site.token(person, None), &Value::Null);
    assert_eq!(status, StatusCode::OK, "{rows}");
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_was_refused_is_not_loaded_to_see_whom_it_concerns() {
    let town = Town::new();
    make_officer(&town, NEIGHBOUR, GRID_B);
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    let begun = phone.write(&town, record(1), &[new_case(GRID_A, "井盖")]);
    let few = Limits {
        max_ops: 3,
        ..Limits::default()
    };
    let actors = [phone.actor.into()];
    let by = Pushed {
        device: phone.device.id,
        person: &phone.device.person,
        actors: &actors,
        received_ms: NOW,
    };
    let refused = examine(begun, &by, &few);
    town.store.add_to_inbox(&[refused]).unwrap();
    // Where it would begin could only be told by loading it, so it concerns every keeper.
    assert_eq!(listed(&town, NEIGHBOUR, ""), ["too_many_ops"]);
    assert_eq!(listed(&town, OFFICE, ""), ["too_many_ops"]);
}
