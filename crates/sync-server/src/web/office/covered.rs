//! Which cases an office's figures are about: those of the areas that it covers, or of its department.

use std::collections::BTreeSet;

use gridlog_domain::deadline::Timetable;
use gridlog_domain::id::AreaCode;
use gridlog_domain::metrics::Period;
use gridlog_domain::reference::{AreaTree, Role};
use jiff::civil::Date;
use jiff::{ToSpan as _, Unit};

use crate::directory::Directory;
use crate::store::CaseScope;
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::error::ApiError;

/// The longest period that figures are asked for, in days.
const LONGEST_DAYS: i32 = 1_100;

/// What somebody asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) area: Option<String>,
    pub(super) department: Option<String>,
    pub(super) category: Option<String>,
}

/// What of it they may see.
#[derive(Debug)]
pub(super) struct Covered {
    /// The cases.
    pub(super) scope: CaseScope,
    /// The widest areas among theirs; empty if it is a department whose cases may lie anywhere.
    pub(super) tops: Vec<AreaCode>,
    /// The roles that they have there.
    pub(super) roles: BTreeSet<Role>,
}

impl Covered {
    /// # Errors
    /// [`ApiError::Forbidden`] for an area or a department that is not theirs.
    pub(super) fn of(
        app: &App,
        directory: &Directory,
        of: &OfOffice,
        asked: Asked,
    ) -> Result<Self, ApiError> {
        let covered = directory.covered(&of.person, app.now_ms());
        if covered.is_empty() {
            return Self::of_department(app, directory, of, asked);
        }
        let areas = &directory.areas;
        let area = asked.area.map(AreaCode::new);
        let holds = |held: &AreaCode| match &area {
            Some(area) => areas.covers(held, area),
            None => true,
        };
        let held: Vec<_> = covered.into_iter().filter(|(own, _)| holds(own)).collect();
        if held.is_empty() {
            return Err(ApiError::Forbidden);
        }
        let tops = match area {
            Some(area) => vec![area],
            None => widest(areas, held.iter().map(|(own, _)| own.clone())),
        };
        Ok(Self {
            scope: CaseScope {
                areas: within(directory, &tops),
                departments: asked.department.map(|department| vec![department]),
                category: asked.category,
            },
            tops,
            roles: held.into_iter().map(|(_, role)| role).collect(),
        })
    }

    /// Handlers see what their department was given, wherever it is.
    fn of_department(
        app: &App,
        directory: &Directory,
        of: &OfOffice,
        asked: Asked,
    ) -> Result<Self, ApiError> {
        let own = directory.handles_for(&of.person, app.now_ms());
        let mut own: Vec<String> = own.iter().map(|own| own.as_str().to_owned()).collect();
        if let Some(department) = &asked.department {
            own.retain(|own| own == department);
        }
        if own.is_empty() {
            return Err(ApiError::Forbidden);
        }
        let tops: Vec<AreaCode> = asked.area.map(AreaCode::new).into_iter().collect();
        Ok(Self {
            scope: CaseScope {
                areas: within(directory, &tops),
                departments: Some(own),
                category: asked.category,
            },
            tops,
            roles: [Role::Handler].into(),
        })
    }
}

/// Those that lie in no other of them, in the order of areas.
fn widest(areas: &AreaTree, held: impl Iterator<Item = AreaCode>) -> Vec<AreaCode> {
    let held: BTreeSet<AreaCode> = held.collect();
    let is_widest = |area: &&AreaCode| {
        let others = held.iter().filter(|other| other != area);
        !others.into_iter().any(|other| areas.covers(other, area))
    };
    held.iter().filter(is_widest).cloned().collect()
}

/// Every area in one of these; `None` for all there are, those included that were done away with.
fn within(directory: &Directory, tops: &[AreaCode]) -> Option<Vec<String>> {
    let whole = directory.widest_area();
    if tops.is_empty() || tops.iter().any(|top| Some(top) == whole.as_ref()) {
        return None;
    }
    let areas = &directory.areas;
    let inner = areas.iter().filter(|area| {
        let mut around = areas.upwards(&area.code);
        around.any(|outer| tops.contains(&outer.code))
    });
    Some(inner.map(|area| area.code.as_str().to_owned()).collect())
}

/// From the first day to the last one, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) first: Date,
    pub(super) last: Date,
}

impl Days {
    /// # Errors
    /// [`ApiError::BadRequest`] with the code `bad_period`.
    pub(super) fn read(from: &str, to: &str) -> Result<Self, ApiError> {
        let bad = |detail: &str| ApiError::BadRequest {
            code: "bad_period",
            detail: detail.to_owned(),
        };
        let day = |text: &str| text.parse::<Date>().ok();
        let (Some(first), Some(last)) = (day(from), day(to)) else {
            return Err(bad(
                "from and to are days such as 2026-11-23, both included",
            ));
        };
        if last < first {
            return Err(bad("the last day is before the first"));
        }
        let days = first.until((Unit::Day, last));
        if days.map_or(i32::MAX, |span| span.get_days()) >= LONGEST_DAYS {
            return Err(bad("ask for at most 1100 days"));
        }
        Ok(Self { first, last })
    }

    /// The moments of these days in the district's time zone.
    pub(super) fn period(self, timetable: &Timetable) -> Period {
        Period {
            from_ms: timetable.begin_ms(self.first),
            to_ms: timetable.begin_ms(self.last.saturating_add(1.day())),
        }
    }

    /// Month by month; the first and the last may be parts of one.
    pub(super) fn months(self) -> Vec<Self> {
        let mut months = Vec::new();
        let mut first = self.first;
        while first <= self.last {
            let last = first.last_of_month().min(self.last);
            months.push(Self { first, last });
            first = last.saturating_add(1.day());
        }
        months
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_falls_into_months_without_a_gap() {
        let days = Days::read("2026-01-15", "2026-03-02").unwrap();
        let months: Vec<String> = days
            .months()
            .iter()
            .map(|month| format!("{} {}", month.first, month.last))
            .collect();
        let expected = [
            "2026-01-15 2026-01-31",
            "2026-02-01 2026-02-28",
            "2026-03-01 2026-03-02",
        ];
        assert_eq!(months, expected);
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for (from, to) in [
            ("2026-02-30", "2026-03-01"),
            ("2026-03-02", "2026-03-01"),
            ("2020-01-01", "2026-01-01"),
            ("", ""),
        ] {
            let refused = Days::read(from, to);
            assert!(
                matches!(
                    refused,
                    Err(ApiError::BadRequest {
                        code: "bad_period",
                        ..
                    })
                ),
                "{from} {to}"
            );
        }
        assert!(Days::read("2026-03-01", "2026-03-01").is_ok());
    }
}
