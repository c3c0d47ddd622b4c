//! The directory: who is who, where, and the reference data in force.
//!
//! The directory is small and read by every request, so it is held in memory as one unchanging
//! value and replaced as a whole when an office changes it.

mod import;
mod timing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use gridlog_domain::deadline::Timetable;
use gridlog_domain::id::{AreaCode, Department, PersonId};
use gridlog_domain::reference::{
    Area, AreaTree, Assignment, Calendar, Catalogue, Part as PartKind, Person, Role, Staff,
    StaffName,
};
use gridlog_domain::triage::Triage;
use gridlog_domain::workflow::HeldRole;
use gridlog_protocol::audience;
use sha2::{Digest as _, Sha256};

pub use import::{AreaImport, ImportError, ImportProblem, PeopleImport, read_areas, read_people};
pub use timing::Timing;

use crate::store::{Part, Store, StoreError, StoredPerson, timetable};

/// Everything that the directory says at one moment.
#[derive(Debug, Clone)]
pub struct Directory {
    /// The areas.
    pub areas: AreaTree,
    /// Everybody, by staff number.
    pub people: BTreeMap<PersonId, StoredPerson>,
    /// The catalogue in force.
    pub catalogue: Catalogue,
    /// The rules for track, lane and risk: the district's own, or those that are shipped.
    pub triage: Triage,
    /// What cases are timed by: the calendar and the catalogue's limits.
    pub timing: Timing,
    /// Parts as phones get them, by name.
    pub parts: BTreeMap<String, Part>,
}

impl Directory {
    /// Reads the directory of a store.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where something stored does not read back.
    pub fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let damaged = |id: &str| StoreError::Damaged {
            what: "reference data",
            id: id.to_owned(),
        };
        let list = store.areas()?;
        let areas = AreaTree::try_from(list).map_err(|_| damaged("areas"))?;
        let people: BTreeMap<PersonId, StoredPerson> = store
            .people()?
            .into_iter()
            .map(|stored| (stored.person.id.clone(), stored))
            .collect();
        let mut parts: BTreeMap<String, Part> = store
            .parts()?
            .into_iter()
            .map(|part| (part.name.clone(), part))
            .collect();
        let catalogue = match parts.get(PartKind::Catalogue.name()) {
            Some(part) => serde_json::from_str(&part.json).map_err(|_| damaged("catalogue"))?,
            None => Catalogue::default(),
        };
        let calendar: Option<Calendar> = match parts.get(PartKind::Calendar.name()) {
            Some(part) => serde_json::from_str(&part.json).map_err(|_| damaged("calendar"))?,
            None => None,
        };
        let triage = match parts.get(PartKind::Triage.name()) {
            Some(part) => serde_json::from_str(&part.json).map_err(|_| damaged("triage"))?,
            None => Triage::shipped(),
        };
        let area_list: Vec<Area> = areas.clone().into();
        for (kind, json) in [
            (PartKind::Areas, serde_json::to_string(&area_list)),
            (PartKind::Staff, serde_json::to_string(&staff(&people))),
        ] {
            let json = json.map_err(|_| damaged(kind.name()))?;
            let version = content_version(&json);
            let name = kind.name().to_owned();
            parts.insert(
                name.clone(),
                Part {
                    name,
                    version,
                    json,
                },
            );
        }
        Ok(Self {
            areas,
            people,
            timing: Timing::new(calendar.as_ref(), &catalogue.limits),
            catalogue,
            triage,
            parts,
        })
    }

    /// The person, known or not.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.people.get(id).map(|stored| &stored.person)
    }

    /// The audiences of a person at `at_ms`: what they may see.
    pub fn audiences(&self, id: &PersonId, at_ms: i64) -> Vec<String> {
        let mut audiences = vec![audience::person(id.as_str())];
        for assignment in self.assignments_at(id, at_ms) {
            match (&assignment.department, assignment.role) {
                (Some(department), Role::Handler) => {
                    audiences.push(audience::department(department.as_str()));
                }
                (_, role) if sees_area(role) => {
                    audiences.push(audience::area(assignment.area.as_str()));
                }
                _ => {}
            }
        }
        audiences.sort();
        audiences.dedup();
        audiences
    }

    /// The audiences of a record that lives in `area`: everyone there or above.
    pub fn area_audiences(&self, area: &AreaCode) -> Vec<String> {
        self.areas
            .upwards(area)
            .map(|area| audience::area(area.code.as_str()))
            .collect()
    }

    /// The area that has all others in it; `None` in a district without areas.
    pub fn widest_area(&self) -> Option<AreaCode> {
        let areas: Vec<Area> = self.areas.clone().into();
        let widest = areas.into_iter().find(|area| area.parent.is_none());
        widest.map(|area| area.code)
    }

    /// The areas whose records a person sees at `at_ms`, and in which roles.
    pub fn covered(&self, id: &PersonId, at_ms: i64) -> Vec<(AreaCode, Role)> {
        let seen = self.assignments_at(id, at_ms);
        seen.filter(|assignment| sees_area(assignment.role))
            .map(|assignment| (assignment.area.clone(), assignment.role))
            .collect()
    }

    /// The departments for which a person handles cases at `at_ms`.
    pub fn handles_for(&self, id: &PersonId, at_ms: i64) -> Vec<Department> {
        let handled = self.assignments_at(id, at_ms);
        handled
            .filter(|assignment| assignment.role == Role::Handler)
            .filter_map(|assignment| assignment.department.clone())
            .collect()
    }

    /// The district's working days and hours, or those of a district without a calendar.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the calendar cannot be counted by.
    pub fn timetable(&self) -> Result<Timetable, StoreError> {
        let calendar = self.parts.get(PartKind::Calendar.name());
        timetable(calendar.map(|part| part.json.as_str()))
    }

    /// The roles that a person held over `area` at `at_ms`.
    pub fn held_roles(&self, id: &PersonId, area: &AreaCode, at_ms: i64) -> Vec<HeldRole> {
        self.assignments_at(id, at_ms)
            .filter(|assignment| self.areas.covers(&assignment.area, area))
            .map(|assignment| HeldRole {
                role: assignment.role,
                department: assignment.department.clone(),
            })
            .collect()
    }

    /// Whether the person has a role, anywhere, at `at_ms`.
    pub fn has_role(&self, id: &PersonId, role: Role, at_ms: i64) -> bool {
        self.assignments_at(id, at_ms)
            .any(|assignment| assignment.role == role)
    }

    /// The areas over which a person has a role at `at_ms`.
    pub fn areas_with(&self, id: &PersonId, role: Role, at_ms: i64) -> Vec<AreaCode> {
        self.assignments_at(id, at_ms)
            .filter(|assignment| assignment.role == role)
            .map(|assignment| assignment.area.clone())
            .collect()
    }

    /// Whether a person has an assignment in `area`, or in an area within it, at `at_ms`.
    pub fn works_in(&self, id: &PersonId, area: &AreaCode, at_ms: i64) -> bool {
        self.assignments_at(id, at_ms)
            .any(|assignment| self.areas.covers(area, &assignment.area))
    }

    fn assignments_at(&self, id: &PersonId, at_ms: i64) -> impl Iterator<Item = &Assignment> {
        let person = self.person(id).filter(|person| person.enabled);
        person
            .into_iter()
            .flat_map(|person| &person.assignments)
            .filter(move |assignment| assignment.is_valid_at(at_ms))
    }

    /// A number that differs after every change of what a person may see.
    pub fn profile_version(&self, id: &PersonId, at_ms: i64) -> u64 {
        let person = self
            .person(id)
            .and_then(|person| serde_json::to_string(person).ok());
        let digest = Sha256::new()
            .chain_update(person.unwrap_or_default())
            .chain_update(self.audiences(id, at_ms).join("\n"))
            .finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        // Zero means "none" on the wire, and SQLite's integers are signed.
        (u64::from_be_bytes(first) >> 1).max(1)
    }
}

/// Whether a role sees the records of its area. Handlers see what their department was given;
/// administrators look after accounts.
pub fn sees_area(role: Role) -> bool {
    !matches!(role, Role::Handler | Role::Administrator)
}

fn staff(people: &BTreeMap<PersonId, StoredPerson>) -> Staff {
    let names = people.values().map(|stored| {
        let person = &stored.person;
        let roles = person
            .assignments
            .iter()
            .filter(|assignment| assignment.valid_to_ms.is_none());
        let roles = roles
            .map(|assignment| (assignment.role, assignment.area.clone()))
            .collect();
        (
            person.id.clone(),
            StaffName {
                name: person.name.clone(),
                roles,
            },
        )
    });
    Staff {
        people: names.collect(),
    }
}

fn content_version(json: &str) -> u32 {
    let digest = Sha256::digest(json.as_bytes());
    let mut first = [0; 4];
    first.copy_from_slice(&digest[..4]);
    (u32::from_be_bytes(first) >> 1).max(1)
}

/// The directory as it stands, shared by every request.
#[derive(Debug, Clone)]
pub struct SharedDirectory {
    current: Arc<RwLock<Arc<Directory>>>,
    /// Held from reading the store to showing what was read, so that the later reading wins.
    refreshing: Arc<Mutex<()>>,
}

impl SharedDirectory {
    /// Shares a directory.
    pub fn new(directory: Directory) -> Self {
        Self {
            current: Arc::new(RwLock::new(Arc::new(directory))),
            refreshing: Arc::default(),
        }
    }

    /// The directory now.
    pub fn now(&self) -> Arc<Directory> {
        // The value is replaced whole, so a panic elsewhere leaves it sound.
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the store again.
    ///
    /// # Errors
    /// As [`Directory::load`]; the directory stays as it was.
    pub fn refresh(&self, store: &dyn Store) -> Result<(), StoreError> {
        let _refreshing = self
            .refreshing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let fresh = Arc::new(Directory::load(store)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}
