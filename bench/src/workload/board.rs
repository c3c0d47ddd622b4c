//! `board`: what an office asks of a server that holds years of cases.

use std::time::Instant;

use gridlog_cli::environment::SystemClock;
use gridlog_domain::environment::Clock as _;
use gridlog_domain::metrics::{METRICS, Period};
use serde_json::Value;

use super::{Ground, figures, parameters};
use crate::directory::Directory;
use crate::district::District;
use crate::error::BenchError;
use crate::figures::{Figures, Unit};
use crate::office::Office;
use crate::years::{Counted, Years, fill, timetable};

/// How often each question is asked of a server that has answered it before.
const TIMES: usize = 9;

/// Something that an office asks.
struct Question {
    path: String,
    /// Names of the figure for a server that was just started, and for one that has answered it before.
    names: [&'static str; 2],
    labels: [&'static str; 2],
}

/// Runs it.
pub(crate) fn run(ground: &Ground, cases: u32) -> Result<Figures, BenchError> {
    let directory = Directory::whole_district()?;
    let mut district = District::loaded(ground, &directory.tables)?;
    let now_ms = SystemClock.now_ms();
    let timetable = timetable()?;
    let this_month = timetable.day_of(now_ms).first_of_month();
    let last_day = this_month.yesterday().unwrap_or(this_month);
    let first_day = last_day.first_of_month();
    let years = Years {
        grids: &directory.grids,
        street: &directory.street,
        now_ms,
        month: Period {
            from_ms: timetable.begin_ms(first_day),
            to_ms: timetable.begin_ms(this_month),
        },
        seed: ground.seed,
    };
    let begun = Instant::now();
    let counted = fill(&district.database(), &years, cases)?;
    let filled_s = begun.elapsed().as_secs_f64();
    let days = format!("from={first_day}&to={last_day}");
    let metrics = format!("/v1/office/metrics?{days}");
    let board = format!("/v1/office/board?area={}", directory.street);
    let questions = [
        Question {
            path: metrics.clone(),
            names: ["metrics_month_cold_s", "metrics_month_s"],
            labels: ["month, cold 全区月指标(冷)", "month 全区月指标"],
        },
        Question {
            path: format!("{metrics}&by=area"),
            names: ["metrics_by_area_cold_s", "metrics_by_area_s"],
            labels: ["month by street, cold 分街道(冷)", "month by street 分街道"],
        },
        Question {
            path: format!("{metrics}&area={}&by=category", directory.street),
            names: ["metrics_street_cold_s", "metrics_street_s"],
            labels: [
                "street by class, cold 街道分类(冷)",
                "street by class 街道分类",
            ],
        },
        Question {
            path: board.clone(),
            names: ["board_street_cold_s", "board_street_s"],
            labels: ["street board, cold 街道看板(冷)", "street board 街道看板"],
        },
        Question {
            path: "/v1/office/board".to_owned(),
            names: ["board_district_cold_s", "board_district_s"],
            labels: [
                "district board, cold 全区看板(冷)",
                "district board 全区看板",
            ],
        },
    ];
    let mut measures = vec![("fill_s", "filling 写入", filled_s)];
    for question in questions {
        // Of a server that was just started nothing is in memory but what the system keeps of files.
        district.restart_server()?;
        let office = Office::sign_in(district.address(), &directory.officer)?;
        let cold = office.get(&question.path)?.1;
        let warm = (0..TIMES).map(|_| office.get(&question.path).map(|(_, took)| took));
        let mut warm = warm.collect::<Result<Vec<f64>, _>>()?;
        warm.sort_by(f64::total_cmp);
        let [cold_name, warm_name] = question.names;
        let [cold_label, warm_label] = question.labels;
        measures.push((cold_name, cold_label, cold));
        measures.push((warm_name, warm_label, warm[TIMES / 2]));
    }
    let office = Office::sign_in(district.address(), &directory.officer)?;
    let ledger = format!("/v1/office/ledger.csv?{days}");
    let (table, took) = office.get(&ledger)?;
    measures.push(("ledger_month_s", "month's ledger 月台账", took));
    let parameters = parameters([("cases", u64::from(cases))]);
    let costs = district.costs_of_server()?;
    let mut figures = figures("board", parameters, &district, costs)?;
    for (name, label, took) in measures {
        figures.measure(name, label, took, Unit::Seconds);
    }
    let lines = u32::try_from(table.lines().count()).unwrap_or(u32::MAX);
    let in_ledger = f64::from(lines.saturating_sub(1));
    figures.measure(
        "ledger_cases",
        "of so many cases 其中案卷",
        in_ledger,
        Unit::Times,
    );
    let json = |path: &str| -> Result<Value, BenchError> {
        serde_json::from_str(&office.get(path)?.0).map_err(BenchError::Figures)
    };
    promise_truth(&mut figures, &counted, &json(&metrics)?, &json(&board)?);
    Ok(figures)
}

/// What the server says must be what the domain counted while the cases were written.
fn promise_truth(figures: &mut Figures, counted: &Counted, metrics: &Value, board: &Value) {
    let said = &metrics["groups"][0]["figures"];
    for (index, (metric, rate)) in METRICS.iter().zip(&counted.month).enumerate() {
        let right = said[index]["numerator"] == rate.numerator
            && said[index]["denominator"] == rate.denominator;
        let code = metric.code;
        figures.promise(right, || {
            format!("{code} is {rate:?} and the server says {said}")
        });
    }
    let stages = board["counts"]["stages"].as_array();
    let open: u64 = stages
        .into_iter()
        .flatten()
        .filter_map(|stage| stage["cases"].as_u64())
        .sum();
    figures.promise(open == counted.street_open, || {
        format!(
            "{} cases are open and the board shows {open}",
            counted.street_open
        )
    });
}
