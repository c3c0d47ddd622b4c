//! The district of these tests: its areas, its people and what they work with.

use gridlog_domain::reference::{Area, AreaLevel, Assignment, Part as PartKind, Person, Role};
use gridlog_sync_server::store::{Part, Store, StoredPerson};

/// The grid of most tests.
pub(crate) const GRID: &str = "430111003001";
/// The grid beside it.
pub(crate) const NEXT_GRID: &str = "430111003002";

const PLACES: [(&str, &str, AreaLevel, Option<&str>); 4] = [
    ("430111", "雨花区", AreaLevel::District, None),
    (
        "430111003",
        "左家塘社区",
        AreaLevel::Community,
        Some("430111"),
    ),
    (GRID, "一网格", AreaLevel::Grid, Some("430111003")),
    (NEXT_GRID, "二网格", AreaLevel::Grid, Some("430111003")),
];

/// Fills an empty store.
pub(crate) fn found(store: &dyn Store) {
    let areas = PLACES.map(|(code, name, level, parent)| Area {
        code: code.into(),
        name: name.to_owned(),
        level,
        parent: parent.map(Into::into),
        valid_from_ms: 0,
        valid_to_ms: None,
    });
    store.put_areas(&areas).unwrap();
    let people = [
        worker(&[GRID]),
        person("W002", "王芳", &[(Role::GridWorker, GRID)]),
        person("W003", "赵强", &[(Role::GridWorker, GRID)]),
    ];
    let people = people.map(|person| StoredPerson {
        person,
        password_hash: None,
    });
    store.put_people(&people).unwrap();
    let documents = [
        (
            PartKind::Catalogue,
            include_str!("../../../../data/catalogue.json"),
        ),
        (
            PartKind::Checklists,
            include_str!("../../../../data/checklists.json"),
        ),
    ];
    for (kind, json) in documents {
        let part = Part {
            name: kind.name().to_owned(),
            version: 1,
            json: json.to_owned(),
        };
        store.put_part(&part).unwrap();
    }
}

/// The worker of most tests, who also accepts reports: W001 李华, with those grids.
pub(crate) fn worker(grids: &[&str]) -> Person {
    let roles = [Role::GridWorker, Role::Acceptor];
    let held: Vec<(Role, &str)> = grids
        .iter()
        .flat_map(|grid| roles.map(|role| (role, *grid)))
        .collect();
    person("W001", "李华", &held)
}

/// Somebody with roles that never end.
pub(crate) fn person(id: &str, name: &str, held: &[(Role, &str)]) -> Person {
    let assignments = held.iter().map(|(role, area)| Assignment {
        role: *role,
        area: (*area).into(),
        department: None,
        valid_from_ms: 0,
        valid_to_ms: None,
    });
    Person {
        id: id.into(),
        name: name.to_owned(),
        enabled: true,
        assignments: assignments.collect(),
    }
}

/// The same person, with the roles in `area` ended at `end_ms`.
pub(crate) fn without(mut person: Person, area: &str, end_ms: i64) -> Person {
    for assignment in &mut person.assignments {
        if assignment.area.as_str() == area {
            assignment.valid_to_ms = Some(end_ms);
        }
    }
    person
}
