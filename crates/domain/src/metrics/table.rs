//! The metrics of a district, as data.

use std::fmt::Write as _;

use super::Period;
use super::facts::{CaseFacts, Moment};
use super::rate::Rate;
use crate::workflow::Stage;

/// What may be so of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trait {
    /// 有效件: neither taken back, nor void, nor a duplicate, which is counted once, with the other.
    Counts,
    /// A resident asked, by whatever way.
    FromResident,
    /// 先行发现: the grid found it.
    FoundFirst,
    /// It is filed.
    Filed,
    /// It is filed, or was dealt with on the spot.
    FiledOrSelfHandled,
    /// It was handled.
    Handled,
    /// It was handled by its deadline.
    HandledInTime,
    /// It is closed.
    Closed,
    /// It is closed, not by force, and was handled by its deadline.
    ClosedInTime,
    /// It was sent back for rework.
    Reworked,
    /// No department sent it back.
    NeverReturned,
    /// An office answered within 24 hours.
    AnsweredInTime,
    /// The resident says that it is solved.
    Solved,
    /// The resident rates it 4 or 5.
    Satisfied,
    /// The parties agreed.
    Agreed,
}

impl Trait {
    /// Whether it is so.
    pub fn holds(self, case: &CaseFacts) -> bool {
        let by = |done: Option<i64>, due: Option<i64>| {
            done.is_some_and(|done| due.is_some_and(|due| done <= due))
        };
        let handled_in_time = by(case.handled_ms, case.due_ms);
        match self {
            Self::Counts => !matches!(
                case.stage,
                Stage::Withdrawn | Stage::Void | Stage::Duplicate
            ),
            Self::FromResident => !case.channel.is_proactive(),
            Self::FoundFirst => case.channel.is_proactive(),
            Self::Filed => case.filed_ms.is_some(),
            Self::FiledOrSelfHandled => case.filed_ms.is_some() || case.stage == Stage::SelfHandled,
            Self::Handled => case.handled_ms.is_some(),
            Self::HandledInTime => handled_in_time,
            Self::Closed => case.closed_ms.is_some(),
            Self::ClosedInTime => case.closed_ms.is_some() && !case.forced && handled_in_time,
            Self::Reworked => case.reworks > 0,
            Self::NeverReturned => case.returns == 0,
            Self::AnsweredInTime => by(case.answered_ms, case.answer_due_ms),
            Self::Solved => case.solved,
            Self::Satisfied => case.rating >= 4,
            Self::Agreed => case.agreed,
        }
    }

    /// What it says, in both languages.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Counts => "有效件 not withdrawn, void or a duplicate",
            Self::FromResident => "群众诉求 a resident asked",
            Self::FoundFirst => "网格先行发现 the grid found it",
            Self::Filed => "已立案 filed",
            Self::FiledOrSelfHandled => "已立案或自行处置 filed, or handled on the spot",
            Self::Handled => "已处置 handled",
            Self::HandledInTime => "按期处置 handled by the deadline",
            Self::Closed => "已结案 closed",
            Self::ClosedInTime => "按期结案 closed, not by force, handled by the deadline",
            Self::Reworked => "曾返工 sent back for rework",
            Self::NeverReturned => "未被回退 no department sent it back",
            Self::AnsweredInTime => "24小时内答复 answered within 24 hours",
            Self::Solved => "群众认为已解决 solved in the resident's eyes",
            Self::Satisfied => "评分4分以上 rated 4 or 5",
            Self::Agreed => "达成协议 the parties agreed",
        }
    }
}

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
        if !in_period || !self.among.iter().all(|part| part.holds(case)) {
            return Rate::default();
        }
        Rate {
            numerator: u64::from(self.count.holds(case)),
            denominator: 1,
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
