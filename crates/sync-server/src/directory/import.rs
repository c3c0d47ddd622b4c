//! CSV files of areas and people. A file is taken whole or not at all, and every bad line is named.

use std::collections::BTreeMap;

use gridlog_domain::id::{AreaCode, Department, PersonId};
use gridlog_domain::reference::{Area, AreaError, AreaLevel, AreaTree, Assignment, Person, Role};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportProblem {
    /// Line number in the file, the header being line 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImportError {
    /// Some lines are bad.
    #[error("{} lines are bad; the first is line {}: {}", .0.len(), .0[0].line, .0[0].problem)]
    BadLines(Vec<ImportProblem>),
    /// The areas do not form a tree.
    #[error("the areas do not form a tree: {0}")]
    NotATree(AreaError),
}

/// The areas of a file.
pub type AreaImport = Vec<Area>;

/// The people of a file, each with the password that the file sets, if any.
pub type PeopleImport = Vec<(Person, Option<String>)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaLine {
    code: String,
    name: String,
    level: AreaLevel,
    parent: String,
    valid_from: String,
    valid_to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonLine {
    id: String,
    name: String,
    password: String,
    role: String,
    area: String,
    department: String,
    valid_from: String,
    valid_to: String,
    enabled: String,
}

/// A moment: RFC 3339, or a date, which means its first moment in China. Empty is `None`.
fn moment(text: &str) -> Result<Option<i64>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Some(at.as_millisecond()));
    }
    let wrong = |_| format!("{text:?} is neither a date such as 2026-01-31 nor RFC 3339");
    let zone = TimeZone::get("Asia/Shanghai").map_err(wrong)?;
    let start = text
        .parse::<Date>()
        .and_then(|date| date.to_zoned(zone))
        .map_err(wrong)?;
    Ok(Some(start.timestamp().as_millisecond()))
}

fn read_lines<Line: DeserializeOwned>(
    file: &[u8],
    mut take: impl FnMut(Line) -> Result<(), String>,
) -> Vec<ImportProblem> {
    let mut problems = Vec::new();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(file);
    let mut line = 1;
    for row in reader.deserialize::<Line>() {
        line += 1;
        let taken = match row {
            Ok(row) => take(row),
            Err(error) => {
                line = error.position().map_or(line, csv::Position::line);
                Err(describe(&error))
            }
        };
        if let Err(problem) = taken {
            problems.push(ImportProblem { line, problem });
        }
    }
    problems
}

/// The csv crate's own texts quote the row; a directory's rows hold names.
fn describe(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("has {len} columns instead of {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        csv::ErrorKind::Deserialize { err, .. } => match err.field() {
            Some(field) => format!("column {} has a value that does not fit", field + 1),
            None => "lacks a column or has an unknown one; check the header".to_owned(),
        },
        _ => "cannot be read".to_owned(),
    }
}

/// Reads `code,name,level,parent,valid_from,valid_to`.
///
/// # Errors
/// [`ImportError`]; nothing of the file is taken.
pub fn read_areas(file: &[u8]) -> Result<AreaImport, ImportError> {
    let mut areas = Vec::new();
    let problems = read_lines(file, |line: AreaLine| {
        if line.code.is_empty() || line.name.is_empty() {
            return Err("needs a code and a name".to_owned());
        }
        areas.push(Area {
            code: AreaCode::new(line.code),
            name: line.name,
            level: line.level,
            parent: (!line.parent.is_empty()).then(|| AreaCode::new(line.parent)),
            valid_from_ms: moment(&line.valid_from)?.unwrap_or(0),
            valid_to_ms: moment(&line.valid_to)?,
        });
        Ok(())
    });
    if !problems.is_empty() {
        return Err(ImportError::BadLines(problems));
    }
    AreaTree::try_from(areas.clone()).map_err(ImportError::NotATree)?;
    Ok(areas)
}

/// Reads `id,name,password,role,area,department,valid_from,valid_to,enabled`, one line for each
/// assignment; lines with one id make one person. `areas` are those that assignments may name.
///
/// # Errors
/// [`ImportError::BadLines`]; nothing of the file is taken.
pub fn read_people(file: &[u8], areas: &AreaTree) -> Result<PeopleImport, ImportError> {
    let mut people: BTreeMap<PersonId, (Person, Option<String>)> = BTreeMap::new();
    let problems = read_lines(file, |line: PersonLine| {
        if line.id.is_empty() || line.name.is_empty() {
            return Err("needs an id and a name".to_owned());
        }
        let enabled = match line.enabled.as_str() {
            "" | "true" | "1" => true,
            "false" | "0" => false,
            other => return Err(format!("enabled is {other:?}, not true or false")),
        };
        let assignment = read_assignment(&line, areas)?;
        let id = PersonId::new(line.id);
        let entry = people.entry(id.clone()).or_insert_with(|| {
            (
                Person {
                    id,
                    name: line.name,
                    enabled,
                    assignments: Vec::new(),
                },
                None,
            )
        });
        entry.0.assignments.extend(assignment);
        if !line.password.is_empty() {
            entry.1 = Some(line.password);
        }
        Ok(())
    });
    if !problems.is_empty() {
        return Err(ImportError::BadLines(problems));
    }
    Ok(people.into_values().collect())
}

fn read_assignment(line: &PersonLine, areas: &AreaTree) -> Result<Option<Assignment>, String> {
    if line.role.is_empty() {
        return Ok(None);
    }
    let role = Role::from_code(&line.role)
        .ok_or_else(|| format!("role {:?} is not one of the directory's", line.role))?;
    let area = AreaCode::new(line.area.clone());
    if areas.get(&area).is_none() {
        return Err(format!("area {:?} is not in the directory", line.area));
    }
    if (role == Role::Handler) == line.department.is_empty() {
        return Err("handlers need a department, other roles have none".to_owned());
    }
    let department = (!line.department.is_empty()).then(|| Department::new(&*line.department));
    Ok(Some(Assignment {
        role,
        area,
        department,
        valid_from_ms: moment(&line.valid_from)?.unwrap_or(0),
        valid_to_ms: moment(&line.valid_to)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREAS: &str = "code,name,level,parent,valid_from,valid_to\n\
        430111,雨花区,district,,2020-01-01,\n\
        430111003,侯家塘街道,street,430111,2020-01-01,\n";
    const HEADER: &str = "id,name,password,role,area,department,valid_from,valid_to,enabled\n";

    fn areas() -> AreaTree {
        AreaTree::try_from(read_areas(AREAS.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_date_means_its_first_moment_in_china() {
        assert_eq!(
            read_areas(AREAS.as_bytes()).unwrap()[0].valid_from_ms,
            1_577_808_000_000
        );
    }

    #[test]
    fn lines_with_one_id_make_one_person() {
        let file = format!(
            "{HEADER}W1,张,pw,grid_worker,430111003,,,2026-01-01,\nW1,张,,grid_lead,430111003,,2026-01-01,,\n"
        );
        let people = read_people(file.as_bytes(), &areas()).unwrap();
        assert_eq!(people.len(), 1);
        assert_eq!(people[0].0.assignments.len(), 2);
        assert_eq!(people[0].1.as_deref(), Some("pw"));
    }

    #[test]
    fn every_bad_line_is_named_and_nothing_is_taken() {
        let file = format!(
            "{HEADER}W1,张,,grid_worker,430111003,,,,\nW2,李,,king,430111003,,,,\n\
             W3,王,,grid_worker,nowhere,,,,\nW4,赵,,handler,430111003,,,,\nW5,少\n\
             W6,钱,,grid_worker,430111003,,someday,,\n"
        );
        let Err(ImportError::BadLines(problems)) = read_people(file.as_bytes(), &areas()) else {
            panic!("the file was taken");
        };
        let lines: Vec<u64> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [3, 4, 5, 6, 7]);
        assert!(
            problems
                .iter()
                .all(|problem| !problem.problem.contains('李'))
        );
    }
}
