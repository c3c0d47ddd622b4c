//! A whole street: its areas, its staff, its office.
//!
//! The sizes are those published for a real street (`data/street.json`). Names of communities,
//! grids and people are not published, so they are numbered; nothing here is anybody's data.

mod tables;

use std::collections::BTreeSet;

use gridlog_domain::id::{AreaCode, Department, PersonId};
use gridlog_domain::reference::{
    Area, AreaLevel, Assignment, Calendar, Catalogue, Checklists, Person, Role,
};
use serde::Deserialize;

/// The default catalogue as a file; the server imports it as it is.
pub const CATALOGUE: &str = include_str!("../../../../data/catalogue.json");
/// The default checklists as a file.
pub const CHECKLISTS: &str = include_str!("../../../../data/checklists.json");
/// The default calendar as a file.
pub const CALENDAR: &str = include_str!("../../../../data/calendar.json");
const SIZES: &str = include_str!("../../../../data/street.json");

/// 2025-01-01T00:00:00+08:00: since then everything here is valid.
pub const VALID_FROM_MS: i64 = 1_735_660_800_000;

/// Why a street cannot be made or written down.
#[derive(Debug, thiserror::Error)]
pub enum StreetError {
    /// A data file does not have the form that this crate was built with.
    #[error("data/{file} is not of the expected form: {source}")]
    Data {
        /// The file's name.
        file: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A table could not be written.
    #[error("the table cannot be written: {0}")]
    Table(#[from] csv::Error),
}

impl StreetError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Data { .. } => "street_data",
            Self::Table(_) => "street_table",
        }
    }
}

#[derive(Deserialize)]
struct Named {
    code: String,
    name: String,
}

#[derive(Deserialize)]
struct PerGrid {
    grid_lead: usize,
    deputy_lead: usize,
    grid_worker: usize,
}

#[derive(Deserialize)]
struct Sizes {
    district: Named,
    street: Named,
    communities: usize,
    grids: usize,
    per_grid: PerGrid,
}

/// How many of each role the street's office has. Handlers are one for each department.
const OFFICE: [(Role, &str, usize); 5] = [
    (Role::Acceptor, "A", 2),
    (Role::Dispatcher, "P", 2),
    (Role::Checker, "C", 3),
    (Role::DutyOfficer, "O", 1),
    (Role::Administrator, "M", 1),
];

/// One street with everybody who works in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Street {
    code: AreaCode,
    areas: Vec<Area>,
    people: Vec<Person>,
}

/// The default catalogue.
///
/// # Errors
/// [`StreetError::Data`] where the file does not fit; a test rules it out.
pub fn catalogue() -> Result<Catalogue, StreetError> {
    parse("catalogue.json", CATALOGUE)
}

/// The default checklists.
///
/// # Errors
/// [`StreetError::Data`] where the file does not fit; a test rules it out.
pub fn checklists() -> Result<Checklists, StreetError> {
    parse("checklists.json", CHECKLISTS)
}

/// The default calendar.
///
/// # Errors
/// [`StreetError::Data`] where the file does not fit; a test rules it out.
pub fn calendar() -> Result<Calendar, StreetError> {
    parse("calendar.json", CALENDAR)
}

fn parse<T: serde::de::DeserializeOwned>(file: &'static str, text: &str) -> Result<T, StreetError> {
    serde_json::from_str(text).map_err(|source| StreetError::Data { file, source })
}

impl Street {
    /// Makes the street of `data/street.json`.
    ///
    /// # Errors
    /// [`StreetError::Data`] where a data file does not fit; a test rules it out.
    pub fn load() -> Result<Self, StreetError> {
        let sizes: Sizes = parse("street.json", SIZES)?;
        let catalogue = catalogue()?;
        let areas = make_areas(&sizes);
        let mut people = make_field_staff(&sizes, &areas);
        people.extend(make_office(&sizes, &catalogue));
        Ok(Self {
            code: AreaCode::new(&*sizes.street.code),
            areas,
            people,
        })
    }

    /// The street's own code.
    pub fn code(&self) -> &AreaCode {
        &self.code
    }

    /// District, street, communities and grids, wider ones first.
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// The communities, by number.
    pub fn communities(&self) -> impl Iterator<Item = &Area> {
        self.of_level(AreaLevel::Community)
    }

    /// The grids, by number.
    pub fn grids(&self) -> impl Iterator<Item = &Area> {
        self.of_level(AreaLevel::Grid)
    }

    fn of_level(&self, level: AreaLevel) -> impl Iterator<Item = &Area> {
        self.areas.iter().filter(move |area| area.level == level)
    }

    /// Everybody: those of the grids, then those of the office.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Everybody who has that role, by number.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Person> {
        self.people
            .iter()
            .filter(move |person| person.assignments.iter().any(|held| held.role == role))
    }

    /// The workers of one grid, its lead and deputies not included.
    pub fn workers_of<'a>(&'a self, grid: &'a AreaCode) -> impl Iterator<Item = &'a Person> {
        self.with_role(Role::GridWorker)
            .filter(move |person| person.assignments.iter().any(|held| &held.area == grid))
    }

    /// Who acts for a department.
    pub fn handler_of(&self, department: &Department) -> Option<&Person> {
        self.with_role(Role::Handler).find(|person| {
            person
                .assignments
                .iter()
                .any(|held| held.department.as_ref() == Some(department))
        })
    }

    /// The table of areas that a server imports.
    ///
    /// # Errors
    /// [`StreetError::Table`] where it cannot be written.
    pub fn areas_csv(&self) -> Result<String, StreetError> {
        tables::areas(&self.areas)
    }

    /// The table of people that a server imports. `password` gives a password to those who shall
    /// sign in; whoever gets none can be given one later.
    ///
    /// # Errors
    /// [`StreetError::Table`] where it cannot be written.
    pub fn people_csv(
        &self,
        password: impl Fn(&PersonId) -> Option<String>,
    ) -> Result<String, StreetError> {
        tables::people(&self.people, password)
    }
}

fn area(code: String, name: String, level: AreaLevel, parent: Option<&str>) -> Area {
    Area {
        code: AreaCode::new(code),
        name,
        level,
        parent: parent.map(AreaCode::from),
        valid_from_ms: VALID_FROM_MS,
        valid_to_ms: None,
    }
}

fn make_areas(sizes: &Sizes) -> Vec<Area> {
    let (district, street) = (&sizes.district, &sizes.street);
    let mut areas = vec![
        area(
            district.code.clone(),
            district.name.clone(),
            AreaLevel::District,
            None,
        ),
        area(
            street.code.clone(),
            street.name.clone(),
            AreaLevel::Street,
            Some(&district.code),
        ),
    ];
    let community_code = |community: usize| format!("{}{community:03}", street.code);
    areas.extend((1..=sizes.communities).map(|community| {
        area(
            community_code(community),
            format!("第{community}社区"),
            AreaLevel::Community,
            Some(&street.code),
        )
    }));
    let mut number = 0;
    for community in 1..=sizes.communities {
        for place in 1..=grids_in(sizes, community) {
            number += 1;
            let parent = community_code(community);
            areas.push(area(
                format!("{parent}{place:02}"),
                format!("第{number}网格"),
                AreaLevel::Grid,
                Some(&parent),
            ));
        }
    }
    areas
}

/// Grids are spread evenly; the first communities have one more where they do not divide.
fn grids_in(sizes: &Sizes, community: usize) -> usize {
    let spare = usize::from(community <= sizes.grids % sizes.communities);
    sizes.grids / sizes.communities + spare
}

fn make_field_staff(sizes: &Sizes, areas: &[Area]) -> Vec<Person> {
    let kinds = [
        (Role::GridLead, "L", sizes.per_grid.grid_lead),
        (Role::DeputyLead, "D", sizes.per_grid.deputy_lead),
        (Role::GridWorker, "W", sizes.per_grid.grid_worker),
    ];
    let grids = || areas.iter().filter(|area| area.level == AreaLevel::Grid);
    let mut people = Vec::new();
    for (role, letter, per_grid) in kinds {
        let places = grids().flat_map(|grid| std::iter::repeat_n(&grid.code, per_grid));
        people.extend((1..).zip(places).map(|(number, grid)| {
            let name = format!("{} {number:03}", role.zh());
            person(format!("{letter}{number:03}"), name, role, grid, None)
        }));
    }
    people
}

fn make_office(sizes: &Sizes, catalogue: &Catalogue) -> Vec<Person> {
    let street = AreaCode::new(&*sizes.street.code);
    let mut people = Vec::new();
    for (role, letter, count) in OFFICE {
        people.extend((1..=count).map(|number| {
            let name = format!("{} {number:02}", role.zh());
            person(format!("{letter}{number:02}"), name, role, &street, None)
        }));
    }
    let departments: BTreeSet<&Department> =
        catalogue.minors().map(|minor| &minor.department).collect();
    people.extend((1..).zip(departments).map(|(number, department)| {
        let name = format!("{department} {}", Role::Handler.zh());
        let id = format!("H{number:02}");
        person(id, name, Role::Handler, &street, Some(department.clone()))
    }));
    people
}

fn person(
    id: String,
    name: String,
    role: Role,
    area: &AreaCode,
    department: Option<Department>,
) -> Person {
    Person {
        id: PersonId::new(id),
        name,
        enabled: true,
        assignments: vec![Assignment {
            role,
            area: area.clone(),
            department,
            valid_from_ms: VALID_FROM_MS,
            valid_to_ms: None,
        }],
    }
}

#[cfg(test)]
mod tests {
    use gridlog_domain::reference::AreaTree;

    use super::*;

    #[test]
    fn the_street_has_the_published_sizes() {
        let street = Street::load().unwrap();
        assert_eq!(street.communities().count(), 12);
        assert_eq!(street.grids().count(), 34);
        assert_eq!(street.with_role(Role::GridLead).count(), 34);
        assert_eq!(street.with_role(Role::DeputyLead).count(), 68);
        assert_eq!(street.with_role(Role::GridWorker).count(), 238);
        let field = street
            .people()
            .iter()
            .filter(|person| person.assignments[0].role.is_field());
        assert_eq!(field.count(), 340);
    }

    #[test]
    fn its_areas_are_a_tree_with_the_codes_of_the_statistics_office() {
        let street = Street::load().unwrap();
        let tree = AreaTree::try_from(street.areas().to_vec()).unwrap();
        let district = AreaCode::from("430111");
        let first = AreaCode::from("43011100300101");
        assert_eq!(tree.get(&first).unwrap().name, "第1网格");
        assert!(
            street
                .grids()
                .all(|grid| tree.covers(&district, &grid.code))
        );
    }

    #[test]
    fn every_grid_has_seven_workers_and_nobody_works_in_two() {
        let street = Street::load().unwrap();
        let mut seen = BTreeSet::new();
        for grid in street.grids() {
            let workers: Vec<_> = street.workers_of(&grid.code).collect();
            assert_eq!(workers.len(), 7);
            assert!(workers.iter().all(|worker| seen.insert(&worker.id)));
        }
    }

    #[test]
    fn every_department_of_the_catalogue_has_somebody_who_answers_for_it() {
        let street = Street::load().unwrap();
        for minor in catalogue().unwrap().minors() {
            let handler = street.handler_of(&minor.department).unwrap();
            assert_eq!(&handler.assignments[0].area, street.code());
        }
    }

    #[test]
    fn every_role_but_none_else_is_in_the_office() {
        let street = Street::load().unwrap();
        for role in Role::ALL {
            assert!(street.with_role(role).next().is_some(), "{role:?}");
        }
        let ids: BTreeSet<_> = street.people().iter().map(|person| &person.id).collect();
        assert_eq!(ids.len(), street.people().len());
    }

    #[test]
    fn the_other_data_files_have_the_form_that_the_domain_reads() {
        assert!(checklists().unwrap().for_kind("patrol").is_some());
        assert_eq!(calendar().unwrap().timezone, "Asia/Shanghai");
    }
}
