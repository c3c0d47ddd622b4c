//! What each workload may cost. One table: whoever changes a budget changes it here.
//!
//! A budget is a goal: a run that is over it says so and does not fail. What must never happen (a
//! lost edit, a refused change) is a promise, held by the workload itself, and a run that breaks
//! one does fail.

use serde::Serialize;
use serde_json::{Map, Value};

/// A limit and on which side of it one has to stay.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    AtMost(f64),
    Under(f64),
    AtLeast(f64),
}

/// What one figure of a workload may be.
struct Budget {
    workload: &'static str,
    /// The parameters that it is stated for; a run with others is not judged by it.
    stated_for: &'static [(&'static str, u64)],
    /// The figure's name for programs.
    figure: &'static str,
    bound: Bound,
    /// What would be better still.
    stretch: Option<f64>,
}

const fn budget(workload: &'static str, figure: &'static str, bound: Bound) -> Budget {
    Budget {
        workload,
        stated_for: &[],
        figure,
        bound,
        stretch: None,
    }
}

impl Budget {
    const fn stated_for(self, stated_for: &'static [(&'static str, u64)]) -> Self {
        Self { stated_for, ..self }
    }

    const fn stretch(self, stretch: f64) -> Self {
        Self {
            stretch: Some(stretch),
            ..self
        }
    }
}

const DAYS_END: &[(&str, u64)] = &[("devices", 20), ("records", 50)];
const MANY: &[(&str, u64)] = &[("phones", 1_000), ("records", 20)];
const MILLION_ENTRIES: &[(&str, u64)] = &[("entries", 1_000_000)];
const ALBUM: &[(&str, u64)] = &[("devices", 20), ("photos", 10), ("bytes", 300_000)];
const TEN_THOUSAND: &[(&str, u64)] = &[("records", 10_000)];
const MILLION: &[(&str, u64)] = &[("cases", 1_000_000)];

/// All of them. Bytes are without HTTP heads where the name says `body`.
const BUDGETS: &[Budget] = &[
    budget("days-end", "edits_kept", Bound::AtLeast(200.0)).stated_for(DAYS_END),
    budget("days-end", "wall_converged_s", Bound::AtMost(1.7))
        .stated_for(DAYS_END)
        .stretch(1.3),
    budget("days-end", "server_cpu_s", Bound::AtMost(1.2))
        .stated_for(DAYS_END)
        .stretch(0.6),
    budget("days-end", "bytes_to_gzip_json", Bound::AtMost(0.9))
        .stated_for(DAYS_END)
        .stretch(0.75),
    budget("many-phones", "errors", Bound::AtMost(0.0)).stated_for(MANY),
    budget("many-phones", "server_peak_rss_bytes", Bound::Under(300e6)).stated_for(MANY),
    budget("many-phones", "received_p99_to_p50", Bound::AtMost(3.0)).stated_for(MANY),
    budget("initial", "bytes_down_to_zstd_json", Bound::AtMost(1.25)),
    budget("initial", "device_cpu_s", Bound::AtMost(3.0)).stated_for(TEN_THOUSAND),
    budget("photos", "rate_to_copying", Bound::AtLeast(0.5)).stated_for(ALBUM),
    budget("board", "metrics_month_s", Bound::Under(0.1)).stated_for(MILLION),
    budget("board", "board_street_s", Bound::Under(0.1)).stated_for(MILLION),
    budget("ffi", "list_50_ms", Bound::Under(5.0)).stated_for(TEN_THOUSAND),
    budget("ffi", "kotlin_list_50_ms", Bound::Under(10.0)).stated_for(TEN_THOUSAND),
    budget("ffi", "open_ms", Bound::Under(100.0)).stated_for(TEN_THOUSAND),
    budget("ffi", "idle_rss_bytes", Bound::Under(30e6)).stated_for(TEN_THOUSAND),
    budget("ffi", "library_bytes", Bound::Under(12e6)),
    budget("quiet", "body_bytes", Bound::Under(400.0)),
    // A number takes two bytes more where it passes 65 535, and there are a few numbers.
    budget("quiet", "body_growth_bytes", Bound::AtMost(16.0)),
    budget("one-changed", "body_bytes", Bound::Under(600.0)),
    budget("one-changed", "editor_body_bytes", Bound::Under(600.0)),
    budget("proof", "make_inclusion_p99_ms", Bound::Under(10.0)).stated_for(MILLION_ENTRIES),
    budget("proof", "check_inclusion_p99_ms", Bound::Under(5.0)).stated_for(MILLION_ENTRIES),
    budget("proof", "make_growth_p99_ms", Bound::Under(10.0)).stated_for(MILLION_ENTRIES),
    budget("proof", "check_growth_p99_ms", Bound::Under(5.0)).stated_for(MILLION_ENTRIES),
    // Reading the whole log through, and everything before it, holds no more however long the log is.
    budget("proof", "server_peak_rss_bytes", Bound::Under(100e6)).stated_for(MILLION_ENTRIES),
];

/// A figure beside its budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Judged {
    /// The figure's name for programs.
    pub(crate) figure: &'static str,
    /// How much it is.
    pub(crate) value: f64,
    /// The budget in words.
    pub(crate) budget: String,
    /// Whether it is kept.
    pub(crate) within: bool,
    /// What would be better still, and whether that is reached.
    pub(crate) stretch: Option<(f64, bool)>,
}

/// Holds figures, by their names, to the budgets of their workload. A figure that was not taken is
/// not judged.
pub(crate) fn judge(figures: &Map<String, Value>) -> Vec<Judged> {
    let workload = figures.get("workload").and_then(Value::as_str);
    let parameter = |name: &str| figures.get("parameters")?.get(name)?.as_u64();
    BUDGETS
        .iter()
        .filter(|budget| Some(budget.workload) == workload)
        .filter(|budget| {
            let mut stated_for = budget.stated_for.iter();
            stated_for.all(|(name, value)| parameter(name) == Some(*value))
        })
        .filter_map(|budget| {
            let value = figures.get(budget.figure)?.as_f64()?;
            Some(Judged {
                figure: budget.figure,
                value,
                budget: budget.bound.in_words(),
                within: budget.bound.holds(value),
                stretch: budget.stretch.map(|stretch| (stretch, value <= stretch)),
            })
        })
        .collect()
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::Under(most) => value < most,
            Self::AtLeast(least) => value >= least,
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::AtMost(most) => format!("at most {most}"),
            Self::Under(most) => format!("under {most}"),
            Self::AtLeast(least) => format!("at least {least}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(figures: Value) -> Vec<Judged> {
        judge(&serde_json::from_value(figures).unwrap())
    }

    #[test]
    fn a_figure_is_within_or_over_and_may_reach_the_stretch() {
        let figures = |converged: f64| {
            let parameters = json!({"devices": 20, "records": 50});
            json!({"workload": "days-end", "parameters": parameters, "wall_converged_s": converged})
        };
        let one = |converged| judged(figures(converged)).remove(0);
        assert_eq!(
            (one(1.7).within, one(1.7).stretch),
            (true, Some((1.3, false)))
        );
        assert_eq!(
            (one(1.3).within, one(1.3).stretch),
            (true, Some((1.3, true)))
        );
        assert!(!one(1.8).within);
        assert_eq!(one(1.8).budget, "at most 1.7");
    }

    #[test]
    fn a_run_with_other_parameters_is_not_judged_by_a_budget_for_these() {
        let parameters = json!({"devices": 5, "records": 50});
        let figures =
            json!({"workload": "days-end", "parameters": parameters, "wall_converged_s": 9.0});
        assert_eq!(judged(figures), []);
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let figures = json!({"workload": "quiet", "parameters": {}, "body_bytes": null});
        assert_eq!(judged(figures), []);
    }

    #[test]
    fn under_is_less_and_at_most_may_be_as_much() {
        assert!(!Bound::Under(400.0).holds(400.0));
        assert!(Bound::AtMost(400.0).holds(400.0));
        assert!(Bound::AtLeast(200.0).holds(200.0) && !Bound::AtLeast(200.0).holds(199.0));
    }
}
