//! May this person write in this record? (DESIGN section 4)

use gridlog_domain::id::{AreaCode, Department, PersonId};
use gridlog_domain::record::Kind;
use gridlog_domain::reference::{Assignment, Role};
use gridlog_domain::time::CountedTime;
use gridlog_domain::workflow::CaseState;

use crate::directory::{Directory, sees_area};
use crate::store::{RecordRow, StoreError};

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Yes.
    Allowed,
    /// An office decides, for this reason.
    Review(&'static str),
    /// The person never held the area.
    NeverHeld,
}

/// What of a record decides it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Where the record lives.
    pub(super) area: &'a AreaCode,
    /// The departments that have to do with the case: the one that has it, those that take part and
    /// those that were called.
    pub(super) departments: &'a [&'a Department],
    /// A case may be reported anywhere, and its reporter may add to it: any assignment counts.
    pub(super) anywhere: bool,
}

/// Work is judged by the assignment of the hour it was done; what arrives after that assignment
/// ended waits for the office. Having written in a record before gives sight of it, not a right to
/// write on.
pub(super) fn judge(
    directory: &Directory,
    person: &PersonId,
    device_is_revoked: bool,
    place: Place<'_>,
    done: CountedTime,
    now_ms: i64,
) -> Scope {
    let Some(known) = directory.person(person) else {
        return Scope::NeverHeld;
    };
    if !known.enabled {
        return Scope::Review("account_disabled");
    }
    if device_is_revoked {
        return Scope::Review("device_handed_over");
    }
    let mut ever = false;
    let mut then = false;
    for assignment in &known.assignments {
        let reach = reach(directory, assignment, place);
        ever |= reach != Reach::Nothing;
        let held_then = reach == Reach::Writes && assignment.is_valid_at(done.at_ms);
        then |= held_then;
        if held_then && assignment.is_valid_at(now_ms) {
            return Scope::Allowed;
        }
    }
    match (ever, then) {
        (false, _) => Scope::NeverHeld,
        (true, true) => Scope::Review("assignment_ended"),
        (true, false) => Scope::Review("not_assigned_then"),
    }
}

/// Whether a person may write in a record now.
///
/// # Errors
/// [`StoreError::Damaged`] if what is stored of the record does not read back.
pub(crate) fn may_write(
    directory: &Directory,
    person: &PersonId,
    row: &RecordRow,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let state = row.state.as_deref().map(serde_json::from_str::<CaseState>);
    let state = state.transpose().map_err(|_| StoreError::Damaged {
        what: "record",
        id: row.id.to_string(),
    })?;
    let departments: Vec<_> = state.iter().flat_map(CaseState::departments).collect();
    let area = AreaCode::new(row.area.clone());
    let place = Place {
        area: &area,
        departments: &departments,
        anywhere: row.kind == Kind::Case && row.author == *person,
    };
    let now = CountedTime {
        at_ms: now_ms,
        flagged: false,
    };
    let scope = judge(directory, person, false, place, now, now_ms);
    Ok(scope == Scope::Allowed)
}

/// How far an assignment reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Its area is another one.
    Nothing,
    /// It is for the area, but not for this record now, as with a department that does not have
    /// the case any more.
    Area,
    /// It allows writing in the record.
    Writes,
}

fn reach(directory: &Directory, assignment: &Assignment, place: Place<'_>) -> Reach {
    let covers = place.anywhere || directory.areas.covers(&assignment.area, place.area);
    let acts_for = assignment.department.as_ref();
    let by_department = acts_for.is_some_and(|own| place.departments.contains(&own));
    match (
        covers,
        by_department || place.anywhere || sees_area(assignment.role),
    ) {
        (true, true) => Reach::Writes,
        (true, false) if assignment.role == Role::Handler => Reach::Area,
        _ => Reach::Nothing,
    }
}
