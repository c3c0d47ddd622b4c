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

/// Lets a phone push cases that it wrote after its person's assignment was over.
fn push_late(town: &Town, phone: &mut TestDevice, cases: &[(u8, &str)]) {
    for (n, area) in cases {
        let late = phone.write(town, record(*n), &[new_case(area, "补报")]);
        phone.push(town, vec![late]);
    }
}

/// A town in which the assignments of the worker and of the neighbour are over, with their phones, and
/// the colleague and the handler are duty officers of a grid each.
fn town_of_late_words() -> (Town, TestDevice, TestDevice) {
    let town = Town::new();
    make_officer(&town, COLLEAGUE, GRID_A);
    make_officer(&town, HANDLER, GRID_B);
    let phones = [(1, WORKER), (2, NEIGHBOUR)].map(|(n, person)| {
        let mut phone = town.phone(n, person);
        phone.bootstrap(&town);
        phone
    });
    town.wait(60_000);
    for person in [WORKER, NEIGHBOUR] {
        let mut gone = town.directory.now().people[&staff(person)].clone();
        gone.person.assignments[0].valid_to_ms = Some(NOW + 30_000);
        town.store.put_people(&[gone]).unwrap();
    }
    town.directory.refresh(&*town.store).unwrap();
    let [worker, neighbour] = phones;
    (town, worker, neighbour)
}

#[test]
fn a_case_of_an_area_that_nobody_knows_waits_for_the_office_of_its_author() {
    let (town, mut worker, _) = town_of_late_words();
    push_late(&town, &mut worker, &[(1, "99")]);
    assert_eq!(listed(&town, COLLEAGUE, ""), ["not_assigned_then"]);
    assert_eq!(listed(&town, HANDLER, ""), [""; 0]);
}

#[test]
fn what_concerns_others_takes_no_place_in_an_officers_list() {
    let (town, mut worker, mut neighbour) = town_of_late_words();
    push_late(&town, &mut neighbour, &[(1, GRID_B), (2, GRID_B)]);
    push_late(&town, &mut worker, &[(3, GRID_A), (4, GRID_A), (5, GRID_A)]);
    for (query, count) in [("?limit=2", 2), ("?limit=2&offset=1", 1), ("?limit=0", 0)] {
        assert_eq!(listed(&town, HANDLER, query).len(), count, "{query}");
    }
    assert_eq!(listed(&town, OFFICE, "").len(), 5);
}
