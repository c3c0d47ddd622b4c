//! The metrics of a district, as data.

use std::fmt::Write as _;

use super::Period;
use super::facts::{CaseFacts, Moment};
use super::rate::Rate;
use super::traits::{Trait, TraitSet};

/// A metric: of the cases with all traits of `among` whose `moment` lies in the period, how many have
/// the trait `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its code.
    pub code: &'static str,
    /// Its name in Chinese.
    pub zh: &'static str,
    /// The moment that must lie in the period.
    pub moment: Moment,
    /// Of which cases.
    pub among: &'static [Trait],
    /// Which of them count.
    pub count: Trait,
}

impl Metric {
    /// The metric of that code.
    pub fn from_code(code: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.code == code)
    }

    /// What one case adds.
    pub fn of(&self, case: &CaseFacts, period: Period) -> Rate {
        let in_period = case.at(self.moment).is_some_and(|at| period.contains(at));
        self.of_alike(TraitSet::of(case), u64::from(in_period))
    }

    /// What so many cases add of which the same is so, and whose moment lies in the period.
    pub fn of_alike(&self, traits: TraitSet, cases: u64) -> Rate {
        if !self.among.iter().all(|part| traits.has(*part)) {
            return Rate::default();
        }
        Rate {
            numerator: if traits.has(self.count) { cases } else { 0 },
            denominator: cases,
        }
    }

    /// The rate among these cases.
    pub fn rate<'a>(&self, cases: impl IntoIterator<Item = &'a CaseFacts>, period: Period) -> Rate {
        let mut rate = Rate::default();
        for case in cases {
            rate += self.of(case, period);
        }
        rate
    }
}

const fn metric(
    (code, zh): (&'static str, &'static str),
    moment: Moment,
    among: &'static [Trait],
    count: Trait,
) -> Metric {
    Metric {
        code,
        zh,
        moment,
        among,
        count,
    }
}

const COUNTS: &[Trait] = &[Trait::Counts];

/// Every metric.
pub const METRICS: &[Metric] = &[
    metric(("filed", "立案率"), Moment::Reported, COUNTS, Trait::Filed),
    metric(
        ("effective", "有效上报率"),
        Moment::Reported,
        &[Trait::FoundFirst],
        Trait::FiledOrSelfHandled,
    ),
    metric(
        ("found_first", "先行发现率"),
        Moment::Filed,
        COUNTS,
        Trait::FoundFirst,
    ),
    metric(
        ("dispatched_right", "准确派遣率"),
        Moment::Dispatched,
        COUNTS,
        Trait::NeverReturned,
    ),
    metric(("handled", "处置率"), Moment::Due, COUNTS, Trait::Handled),
    metric(
        ("handled_in_time", "按期处置率"),
        Moment::Due,
        COUNTS,
        Trait::HandledInTime,
    ),
    metric(("closed", "结案率"), Moment::Due, COUNTS, Trait::Closed),
    metric(
        ("closed_in_time", "按期结案率"),
        Moment::Due,
        COUNTS,
        Trait::ClosedInTime,
    ),
    metric(
        ("reworked", "返工率"),
        Moment::Handled,
        &[Trait::Counts, Trait::Filed],
        Trait::Reworked,
    ),
    metric(
        ("answered", "响应率"),
        Moment::Reported,
        &[Trait::Counts, Trait::FromResident],
        Trait::AnsweredInTime,
    ),
    metric(
        ("solved", "解决率"),
        Moment::CalledBack,
        COUNTS,
        Trait::Solved,
    ),
    metric(
        ("satisfied", "满意率"),
        Moment::CalledBack,
        COUNTS,
        Trait::Satisfied,
    ),
    metric(
        ("mediated", "化解率"),
        Moment::Mediated,
        COUNTS,
        Trait::Agreed,
    ),
];

/// The table as Markdown; `docs/metrics.md` holds exactly this.
pub fn markdown() -> String {
    let mut page = String::from(
        "# What a district is measured by\n\n\
         Made from `gridlog_domain::metrics::METRICS`; a test keeps this page equal to it. A case counts in\n\
         the period in which the moment lies. A rate of 0 of 0 is \"—\". Nothing is counted by person, and\n\
         nothing is ranked.\n\n\
         An office asks with `GET /v1/office/metrics?from=2026-11-01&to=2026-11-30`, further by `area`,\n\
         `department` and `category`, and grouped by `by=area`, `department`, `category` or `month`. The\n\
         answer has numerator, denominator and rate of each, and these words. Deadlines are counted by the\n\
         district's calendar; a new calendar counts for cases that are not over.\n\n\
         | Metric | Code | Moment in the period | Of cases that are | Counted are |\n\
         |---|---|---|---|---|\n",
    );
    for metric in METRICS {
        let among: Vec<&str> = metric.among.iter().map(|part| part.words()).collect();
        // Writing into a String cannot fail.
        let _ = writeln!(
            page,
            "| {} | `{}` | {} `{}` | {} | {} |",
            metric.zh,
            metric.code,
            metric.moment.zh(),
            metric.moment.code(),
            among.join(", "),
            metric.count.words(),
        );
    }
    page
}
