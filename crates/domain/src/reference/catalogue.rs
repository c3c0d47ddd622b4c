//! The catalogue of categories (事项目录): classes, filing conditions and limits.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::area::AreaLevel;
use crate::deadline::Shares;
use crate::id::Department;
use crate::workflow::Stage;

/// How a limit is counted (DESIGN section 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitUnit {
    /// Hours around the clock.
    UrgentHour,
    /// Hours within working hours on working days.
    WorkHour,
    /// Working days by the calendar.
    WorkDay,
    /// Calendar days.
    NaturalDay,
}

impl LimitUnit {
    /// Every unit.
    pub const ALL: [Self; 4] = [
        Self::UrgentHour,
        Self::WorkHour,
        Self::WorkDay,
        Self::NaturalDay,
    ];

    /// The unit's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UrgentHour => "urgent_hour",
            Self::WorkHour => "work_hour",
            Self::WorkDay => "work_day",
            Self::NaturalDay => "natural_day",
        }
    }

    /// The unit of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.code() == code)
    }
}

/// How long handling may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What is counted.
    pub unit: LimitUnit,
    /// How many.
    pub amount: u32,
}

/// 逾期升级: for so long a case is overdue before the next level has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// Counted from the deadline for handling.
    pub after: Limit,
    /// The level that has it then.
    pub to: AreaLevel,
}

/// Limits that hold for every class. A district edits them; by default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How long a case may stand in a stage that is an office's business, counted from when it came
    /// there.
    pub stages: BTreeMap<Stage, Limit>,
    /// When the clock escalates what is overdue, one level after the other.
    pub escalations: Vec<Escalation>,
    /// From which share of its limit a case is yellow or red, in percent.
    pub lights: Shares,
}

/// A filing condition (立案条件): the finding that decides the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilingCondition {
    /// Its name, unique in its minor class.
    pub name: String,
    /// The limit for handling.
    pub handling_limit: Limit,
}

/// A minor class (小类).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minor {
    /// Five digits, unique in the catalogue; the first two are the major class.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The department that usually handles it.
    pub department: Department,
    /// Its filing conditions, at least one.
    pub filing_conditions: Vec<FilingCondition>,
}

/// Component (部件, a thing) or matter (事件, a happening).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MinorKind {
    /// 部件
    Component,
    /// 事件
    Matter,
}

/// A major class (大类).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Component or matter.
    pub kind: MinorKind,
    /// Two digits.
    pub major: String,
    /// Its name.
    pub name: String,
    /// The standard it comes from, or `local_extension`.
    pub standard_ref: String,
    /// Its minor classes.
    pub minors: Vec<Minor>,
}

/// A district's catalogue; by default an empty one. Its file form is `data/catalogue.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// Grows with every edit by the district.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// The classes.
    pub classes: Vec<Class>,
    /// Limits that hold for every class.
    #[serde(default)]
    pub limits: Limits,
    /// 准入: for each community that may be given cases, by its area code, the classes that it takes:
    /// codes of minor classes, or major classes for all of theirs. A class is given to its
    /// department ([`Minor::department`]) everywhere; to a community only if its list admits it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub admitted: BTreeMap<Department, BTreeSet<String>>,
}

impl Catalogue {
    /// The minor class of that code.
    pub fn minor(&self, code: &str) -> Option<&Minor> {
        self.minors().find(|minor| minor.code == code)
    }

    /// Every minor class.
    pub fn minors(&self) -> impl Iterator<Item = &Minor> {
        self.classes.iter().flat_map(|class| &class.minors)
    }

    /// The filing condition of that name in that minor class.
    pub fn condition(&self, code: &str, name: &str) -> Option<&FilingCondition> {
        self.minor(code)?
            .filing_conditions
            .iter()
            .find(|condition| condition.name == name)
    }

    /// Whether any category is handled by that department, or it is a community that takes some.
    pub fn has_department(&self, department: &Department) -> bool {
        self.admitted.contains_key(department)
            || self.minors().any(|minor| &minor.department == department)
    }

    /// 准入: whether a case of that minor class may be given there. A community takes what its list
    /// names; departments are not restricted.
    pub fn admits(&self, department: &Department, code: &str) -> bool {
        let Some(classes) = self.admitted.get(department) else {
            return true;
        };
        let major = code.get(..2).unwrap_or(code);
        classes.contains(code) || classes.contains(major)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalogue_reads_whole() {
        let text = include_str!("../../../../data/catalogue.json");
        let catalogue: Catalogue = serde_json::from_str(text).unwrap();
        assert_eq!(catalogue.minors().count(), 48);
        let limit = catalogue.condition("01014", "缺失").unwrap().handling_limit;
        assert_eq!(
            limit,
            Limit {
                unit: LimitUnit::UrgentHour,
                amount: 2
            }
        );
        assert!(catalogue.has_department(&"城管".into()));
        assert!(
            catalogue
                .minors()
                .all(|minor| !minor.filing_conditions.is_empty())
        );
    }

    #[test]
    fn a_community_takes_what_its_list_names_and_nothing_else() {
        let text = include_str!("../../../../data/catalogue.json");
        let mut catalogue: Catalogue = serde_json::from_str(text).unwrap();
        let community = Department::from("430111003001");
        assert!(!catalogue.has_department(&community));
        let classes = ["06036".to_owned(), "55".to_owned()];
        catalogue.admitted.insert(community.clone(), classes.into());
        assert!(catalogue.has_department(&community));
        let admitted =
            ["06036", "55003", "06010", "52001"].map(|code| catalogue.admits(&community, code));
        assert_eq!(admitted, [true, true, false, false]);
        assert!(catalogue.admits(&"城管".into(), "06010"));
    }
}
