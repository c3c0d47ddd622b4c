//! A small district: six areas, twelve people, the shipped catalogue.

use std::sync::OnceLock;

use gridlog_domain::id::{AreaCode, Department, PersonId};
use gridlog_domain::reference::{Area, AreaLevel, Assignment, Catalogue, Person, Role};
use gridlog_domain::workflow::HeldRole;
use gridlog_sync_server::store::{Part, StoredPerson};

/// When a simulation begins, milliseconds since the Unix epoch.
pub(crate) const BEGINNING_MS: i64 = 1_790_000_000_000;
/// When everybody's assignment began.
const LONG_AGO_MS: i64 = BEGINNING_MS - 30 * 24 * 3_600_000;

pub(crate) const DISTRICT: &str = "430111";
const STREET: &str = "430111003";
/// The community, also as one that takes cases of the classes on its list.
pub(crate) const COMMUNITY: &str = "430111003001";
/// The grids.
pub(crate) const GRIDS: [&str; 3] = ["43011100300101", "43011100300102", "43011100300103"];

/// A category of the catalogue, its filing condition and the department that handles it.
pub(crate) const CATEGORY: &str = "01014";
pub(crate) const CONDITION: &str = "缺失";
/// A class that the community's list admits.
const ADMITTED: &str = "06036";
/// Departments that handle cases here.
pub(crate) const DEPARTMENTS: [&str; 2] = ["城管", "住建"];

/// Who is assigned where at the beginning.
const PEOPLE: [(&str, &str, Role, &str, Option<&str>); 13] = [
    ("W1", "李华", Role::GridWorker, GRIDS[0], None),
    ("W2", "王芳", Role::GridWorker, GRIDS[1], None),
    ("W3", "赵强", Role::GridWorker, GRIDS[2], None),
    ("L1", "刘敏", Role::GridLead, COMMUNITY, None),
    ("A1", "陈静", Role::Acceptor, COMMUNITY, None),
    ("D1", "杨帆", Role::Dispatcher, STREET, None),
    ("H1", "黄磊", Role::Handler, DISTRICT, Some(DEPARTMENTS[0])),
    ("H2", "周涛", Role::Handler, DISTRICT, Some(DEPARTMENTS[1])),
    ("C1", "吴霞", Role::Checker, STREET, None),
    ("O1", "孙丽", Role::DutyOfficer, DISTRICT, None),
    ("M1", "马某", Role::GridWorker, GRIDS[1], None),
    // One person with two hats, who must not check what they handled.
    ("B1", "何伟", Role::Handler, DISTRICT, Some(DEPARTMENTS[0])),
    ("B1", "何伟", Role::Checker, DISTRICT, None),
];

/// Who carries a phone, the likeliest first; the first two always do.
pub(crate) const PHONES: [&str; 9] = ["W1", "W2", "L1", "W1", "H1", "W3", "C1", "O1", "A1"];

/// Whose hostile device it is.
pub(crate) const ROGUE: &str = "M1";

/// The areas.
pub(crate) fn areas() -> Vec<Area> {
    let area = |code: &str, level, parent: Option<&str>| Area {
        code: code.into(),
        name: format!("区域{code}"),
        level,
        parent: parent.map(AreaCode::new),
        valid_from_ms: LONG_AGO_MS,
        valid_to_ms: None,
    };
    let mut areas = vec![
        area(DISTRICT, AreaLevel::District, None),
        area(STREET, AreaLevel::Street, Some(DISTRICT)),
        area(COMMUNITY, AreaLevel::Community, Some(STREET)),
    ];
    areas.extend(GRIDS.map(|grid| area(grid, AreaLevel::Grid, Some(COMMUNITY))));
    areas
}

/// The people.
pub(crate) fn people() -> Vec<StoredPerson> {
    let mut people: Vec<StoredPerson> = Vec::new();
    for (id, name, role, area, department) in PEOPLE {
        let assignment = Assignment {
            role,
            area: area.into(),
            department: department.map(Department::new),
            valid_from_ms: LONG_AGO_MS,
            valid_to_ms: None,
        };
        match people.last_mut() {
            Some(last) if last.person.id.as_str() == id => {
                last.person.assignments.push(assignment);
            }
            _ => people.push(StoredPerson {
                person: Person {
                    id: id.into(),
                    name: name.to_owned(),
                    enabled: true,
                    assignments: vec![assignment],
                },
                password_hash: None,
            }),
        }
    }
    people
}

/// What the clock does in a few days: an office has two hours for a report, and what is overdue climbs every hour.
const LIMITS: &str = r#"{
    "stages": { "reported": { "unit": "urgent_hour", "amount": 2 } },
    "escalations": [
        { "after": { "unit": "urgent_hour", "amount": 1 }, "to": "community" },
        { "after": { "unit": "urgent_hour", "amount": 2 }, "to": "street" }
    ]
}"#;

/// The catalogue that is shipped, with limits of this district's own, and what the community takes: what is left in
/// the road, and no covers that are missing.
fn catalogue_json() -> String {
    let shipped = include_str!("../../../data/catalogue.json").trim_start();
    let admitted = format!(r#""admitted": {{"{COMMUNITY}": ["{ADMITTED}"]}}"#);
    format!(
        "{{{admitted},\"limits\":{LIMITS},{}",
        shipped.trim_start_matches('{')
    )
}

/// The catalogue in force.
pub(crate) fn catalogue() -> &'static Catalogue {
    static READ: OnceLock<Catalogue> = OnceLock::new();
    READ.get_or_init(|| {
        serde_json::from_str(&catalogue_json())
            .expect("the shipped catalogue is one, and a list more")
    })
}

/// Everybody, with their roles.
pub(crate) fn roles() -> Vec<(PersonId, Vec<HeldRole>)> {
    let held = |stored: StoredPerson| {
        let roles = stored.person.assignments.into_iter().map(|held| HeldRole {
            role: held.role,
            department: held.department,
        });
        (stored.person.id, roles.collect())
    };
    people().into_iter().map(held).collect()
}

/// The reference data that phones get.
pub(crate) fn parts() -> Vec<Part> {
    let part = |name: &str, json: String| Part {
        name: name.to_owned(),
        version: 1,
        json,
    };
    let checklists = include_str!("../../../data/checklists.json");
    let calendar = include_str!("../../../data/calendar.json");
    vec![
        part("catalogue", catalogue_json()),
        part("checklists", checklists.to_owned()),
        part("calendar", calendar.to_owned()),
    ]
}

/// Everybody.
pub(crate) fn everybody() -> Vec<PersonId> {
    PEOPLE.iter().map(|(id, ..)| PersonId::new(*id)).collect()
}

/// Everybody who may act in an office as `role`, for that department.
pub(crate) fn clerks(role: Role, department: Option<&Department>) -> Vec<PersonId> {
    let fits = |of: &Option<&str>| match department {
        Some(department) => *of == Some(department.as_str()),
        None => true,
    };
    PEOPLE
        .iter()
        .filter(|(_, _, held, _, of)| *held == role && fits(of))
        .map(|(id, ..)| PersonId::new(*id))
        .collect()
}
