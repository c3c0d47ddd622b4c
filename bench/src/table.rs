//! Figures as a table for people, with what the budgets say below.

use serde_json::Value;

use crate::budget;
use crate::error::BenchError;
use crate::figures::{Figures, Measure, Unit};

/// All lines, the heading first.
pub(crate) fn of(figures: &Figures) -> Result<Vec<String>, BenchError> {
    let parameters: Vec<String> = figures
        .parameters
        .iter()
        .map(|(name, value)| format!("{name} {}", bare(value)))
        .collect();
    let mut lines = vec![format!("{}: {}", figures.workload, parameters.join(", "))];
    let amounts = amounts(figures).into_iter();
    lines.extend(amounts.map(|(label, amount)| format!("  {amount:>16}  {label}")));
    for judged in budget::judge(&figures.by_name()?) {
        let verdict = if judged.within {
            "within 达标"
        } else {
            "over 超出"
        };
        let stretch = judged.stretch.map_or(String::new(), |(stretch, reached)| {
            let reached = if reached { "reached" } else { "not reached" };
            format!("; stretch {stretch} {reached}")
        });
        let value = short(judged.value);
        let (figure, budget) = (judged.figure, judged.budget);
        lines.push(format!("  {verdict}: {figure} {value}, {budget}{stretch}"));
    }
    Ok(lines)
}

fn bare(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// What, and how much.
fn amounts(figures: &Figures) -> Vec<(&'static str, String)> {
    let costs = &figures.costs;
    let number = |value: Option<u64>| value.map_or("-".to_owned(), grouped);
    let mut lines = vec![
        ("durable 已落盘", seconds(figures.wall_durable_s)),
        ("converged 已一致", seconds(figures.wall_converged_s)),
    ];
    if let (Some(records), Some(wall)) = (figures.parameters.get("records"), figures.wall_durable_s)
        && figures.workload == "record"
        && let Some(records) = records.as_f64()
    {
        let rate = format!("{:.0} records/s", records / wall.max(f64::EPSILON));
        lines.push(("rate 速率", rate));
    }
    lines.extend([
        ("round trips 往返", costs.round_trips.to_string()),
        ("bytes up 上行", number(costs.bytes_up)),
        ("bytes down 下行", number(costs.bytes_down)),
        ("of them body up 上行正文", grouped(costs.body_up)),
        ("of them body down 下行正文", grouped(costs.body_down)),
    ]);
    lines.extend(
        figures
            .measures
            .iter()
            .map(|measure| (measure.label, amount(measure))),
    );
    let peak = costs.server_peak_rss_bytes;
    lines.extend([
        ("server CPU 服务器", seconds(costs.server_cpu_s)),
        ("server memory 峰值", peak.map_or("-".to_owned(), mebibytes)),
        ("server disk 磁盘", mebibytes(costs.server_disk_bytes)),
        ("device CPU 手机", seconds(costs.device_cpu_s)),
        (
            "edits kept 编辑",
            format!("{} of {}", figures.edits_kept, figures.edits_made),
        ),
        (
            "disk fsync 单次落盘",
            format!("{:.2} ms", figures.machine.fsync_ms),
        ),
    ]);
    lines
}

fn seconds(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |s| format!("{s:.3} s"))
}

fn amount(measure: &Measure) -> String {
    match measure.unit {
        Unit::Seconds => seconds(Some(measure.value)),
        Unit::Milliseconds => format!("{:.2} ms", measure.value),
        Unit::Ratio => format!("{:.2} x", measure.value),
        Unit::Bytes | Unit::Times => format!("{:.0}", measure.value),
    }
}

/// Without decimals that say nothing.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shown to a tenth of a mebibyte; the loss begins at petabytes"
)]
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

/// With a space after every three digits, as in 1 234 567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::nothing;

    #[test]
    fn long_numbers_can_be_read() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(grouped(123_456), "123 456");
    }

    #[test]
    fn decimals_that_say_nothing_are_left_out() {
        assert_eq!(short(200.0), "200");
        assert_eq!(short(1.25), "1.25");
        assert_eq!(short(0.123_456), "0.123");
    }

    #[test]
    fn what_is_over_its_budget_is_said_below_the_figures() {
        let mut figures = nothing("quiet");
        figures.measure("body_bytes", "body both ways", 450.0, Unit::Bytes);
        let lines = of(&figures).unwrap();
        assert!(
            lines
                .iter()
                .any(|line| line.ends_with("450  body both ways"))
        );
        let last = lines.last().unwrap();
        assert_eq!(last, "  over 超出: body_bytes 450, under 400");
    }
}
