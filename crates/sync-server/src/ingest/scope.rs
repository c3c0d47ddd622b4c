//! May this person write in this record? (DESIGN section 4)

use gridlog_domain::id::{AreaCode, Department, PersonId};
use gridlog_domain::time::CountedTime;

use crate::directory::{Directory, sees_area};

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
    /// The department that has the case.
    pub(super) department: Option<&'a Department>,
    /// Whether the person has written in it before.
    pub(super) is_author: bool,
}

/// Work is judged by the assignment of the hour it was done; what arrives after that assignment
/// ended waits for the office.
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
    if place.is_author {
        return Scope::Allowed;
    }
    let held = known.assignments.iter().filter(|assignment| {
        let by_department =
            place.department.is_some() && assignment.department.as_ref() == place.department;
        let by_area =
            sees_area(assignment.role) && directory.areas.covers(&assignment.area, place.area);
        by_department || by_area
    });
    let mut ever = false;
    let mut then = false;
    for assignment in held {
        ever = true;
        let held_then = assignment.is_valid_at(done.at_ms);
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
