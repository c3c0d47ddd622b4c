//! The tables that a server imports, as CSV (RFC 4180) in UTF-8.

use gridlog_domain::id::PersonId;
use gridlog_domain::reference::{Area, AreaLevel, Assignment, Person};
use jiff::Timestamp;

use super::StreetError;

const AREAS: [&str; 6] = ["code", "name", "level", "parent", "valid_from", "valid_to"];
const PEOPLE: [&str; 9] = [
    "id",
    "name",
    "password",
    "role",
    "area",
    "department",
    "valid_from",
    "valid_to",
    "enabled",
];

pub(super) fn areas(areas: &[Area]) -> Result<String, StreetError> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(AREAS)?;
    for area in areas {
        table.write_record([
            area.code.as_str(),
            &area.name,
            level(area.level),
            area.parent.as_ref().map_or("", |parent| parent.as_str()),
            &moment(Some(area.valid_from_ms)),
            &moment(area.valid_to_ms),
        ])?;
    }
    text(table)
}

/// One line for each assignment; the password stands in a person's first line.
pub(super) fn people(
    people: &[Person],
    password: impl Fn(&PersonId) -> Option<String>,
) -> Result<String, StreetError> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(PEOPLE)?;
    for person in people {
        let mut secret = password(&person.id).unwrap_or_default();
        for assignment in &person.assignments {
            write_assignment(&mut table, person, assignment, &secret)?;
            secret.clear();
        }
    }
    text(table)
}

fn write_assignment(
    table: &mut csv::Writer<Vec<u8>>,
    person: &Person,
    assignment: &Assignment,
    password: &str,
) -> Result<(), StreetError> {
    let department = assignment.department.as_ref();
    table.write_record([
        person.id.as_str(),
        &person.name,
        password,
        assignment.role.code(),
        assignment.area.as_str(),
        department.map_or("", |department| department.as_str()),
        &moment(Some(assignment.valid_from_ms)),
        &moment(assignment.valid_to_ms),
        if person.enabled { "true" } else { "false" },
    ])?;
    Ok(())
}

const fn level(level: AreaLevel) -> &'static str {
    match level {
        AreaLevel::District => "district",
        AreaLevel::Street => "street",
        AreaLevel::Community => "community",
        AreaLevel::Grid => "grid",
    }
}

/// RFC 3339, or nothing where it is open.
fn moment(ms: Option<i64>) -> String {
    ms.and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .map(|moment| moment.to_string())
        .unwrap_or_default()
}

fn text(table: csv::Writer<Vec<u8>>) -> Result<String, StreetError> {
    let bytes = table
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8(bytes).expect("only text was written into the table"))
}

#[cfg(test)]
mod tests {
    use super::super::Street;

    #[test]
    fn the_table_of_areas_names_each_area_with_its_parent() {
        let table = Street::load().unwrap().areas_csv().unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "code,name,level,parent,valid_from,valid_to");
        assert_eq!(lines[1], "430111,雨花区,district,,2024-12-31T16:00:00Z,");
        assert_eq!(
            lines[3],
            "430111003001,第1社区,community,430111003,2024-12-31T16:00:00Z,"
        );
        assert_eq!(lines.len(), 1 + 1 + 1 + 12 + 34);
    }

    #[test]
    fn the_table_of_people_gives_passwords_to_those_alone_who_shall_sign_in() {
        let street = Street::load().unwrap();
        let table = street
            .people_csv(|id| (id.as_str() == "W001").then(|| "secret, \"1\"".to_owned()))
            .unwrap();
        assert!(table.contains(
            "W001,网格员 001,\"secret, \"\"1\"\"\",grid_worker,43011100300101,,\
             2024-12-31T16:00:00Z,,true\n"
        ));
        assert!(
            table.contains(
                "W002,网格员 002,,grid_worker,43011100300101,,2024-12-31T16:00:00Z,,true\n"
            )
        );
        assert_eq!(table.matches("secret").count(), 1);
        assert_eq!(table.lines().count(), 1 + street.people().len());
    }
}
