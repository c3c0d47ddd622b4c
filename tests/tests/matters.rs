//! Promise: a street runs its cases on this. Each matter of `data/matters.json` walks the way that its `path`
//! names: workers with their phones, offices over the API, every step ruled on by the real server.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gridlog_domain::id::RecordId;
use gridlog_domain::workflow::{Path, Stage, Step};
use gridlog_tests::District;
use gridlog_tests::street::{Matter, Street, matters};
use serde_json::json;

/// A matter from the street to its end.
fn walk(street: &mut Street<'_>, matter: &Matter) {
    let path = Path::from_code(&matter.path).unwrap();
    let case = street.note(matter);
    for (step, role) in path.steps {
        let said = street.said(*step, matter);
        if role.is_field() || *step == Step::Report {
            let worker = &street.workers[0];
            worker.sync_all();
            worker.propose(case, *step, said).unwrap();
            worker.sync_all();
            continue;
        }
        let office = street.office(*role, *step, matter);
        let (status, answer) = office.step(case, step.code(), serde_json::to_value(said).unwrap());
        let what = format!("{} {}: {answer}", matter.title, step.code());
        assert_eq!((status, &answer["accepted"]), (200, &json!(true)), "{what}");
    }
    assert_walked(street, case, path, matter);
}

/// It is over, on the phone too, and each step of the way stands in its history, once.
fn assert_walked(street: &Street<'_>, case: RecordId, path: &Path, matter: &Matter) {
    let worker = &street.workers[0];
    worker.sync_all();
    let shown = worker.show(case).unwrap().unwrap();
    let stage = shown.row.stage.unwrap_or(Stage::Unreported);
    assert!(stage.is_over(), "{} {}: {stage:?}", path.code, matter.title);
    let rulings = shown.history.iter().filter(|line| line.what == "ruling");
    assert_eq!(rulings.count(), path.steps.len(), "{}", matter.title);
    assert!(worker.verify_record(case).unwrap().view_fits);
}

#[test]
fn every_matter_walks_the_way_that_it_names_through_phones_offices_and_the_server() {
    let matters = matters();
    assert_eq!(matters.len(), 42);
    let district = District::new();
    let mut street = Street::of(&district);
    for matter in &matters {
        walk(&mut street, matter);
    }
}
