//! Reference data (DESIGN section 3): what a district decides once and every phone carries.
//!
//! Each part is versioned and pulled by sync; a record keeps the versions it was made with.

mod area;
mod calendar;
mod catalogue;
mod checklist;
mod staff;

use serde::{Deserialize, Serialize};

pub use area::{Area, AreaError, AreaLevel, AreaTree};
pub use calendar::{Calendar, CalendarYear};
pub use catalogue::{
    Catalogue, Class, Escalation, FilingCondition, Limit, LimitUnit, Limits, Minor, MinorKind,
};
pub use checklist::{ChecklistTemplate, Checklists};
pub use staff::{Assignment, Person, Role, Staff, StaffName};

/// The parts of the reference data, each with a version of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Areas: [`AreaTree`].
    Areas,
    /// Categories and limits: [`Catalogue`].
    Catalogue,
    /// Checklist templates: [`Checklists`].
    Checklists,
    /// Working days: [`Calendar`].
    Calendar,
    /// Names of the staff: [`Staff`].
    Staff,
    /// Rules for track, lane and risk: [`Triage`](crate::triage::Triage).
    Triage,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 6] = [
        Self::Areas,
        Self::Catalogue,
        Self::Checklists,
        Self::Calendar,
        Self::Staff,
        Self::Triage,
    ];

    /// Those that phones hold; the others are for offices.
    pub const FOR_PHONES: [Self; 5] = [
        Self::Areas,
        Self::Catalogue,
        Self::Checklists,
        Self::Calendar,
        Self::Staff,
    ];

    /// The part's name on the wire and in stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Areas => "areas",
            Self::Catalogue => "catalogue",
            Self::Checklists => "checklists",
            Self::Calendar => "calendar",
            Self::Staff => "staff",
            Self::Triage => "triage",
        }
    }

    /// The part of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}
