//! What an entry says, in a line.

use gridlog_domain::reference::AreaLevel;
use gridlog_domain::workflow::{RefusalReason, Stage, Step, TimerKind};
use gridlog_protocol::{Fact, LogEntry};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The line. Times are those of the district's clock, UTC+8.
pub(crate) fn told(entry: &LogEntry) -> String {
    format!(
        "  {}  {}  {}\n",
        entry.seq,
        moment(entry.at_ms),
        fact(&entry.fact)
    )
}

fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Admit { by, change } => format!("入卷 admitted {change} {by}"),
        Fact::Ruling {
            step,
            by,
            refused,
            stage,
            counts_at_ms,
            ..
        } => {
            let name = Step::from_code(step).map_or("", Step::zh);
            let at = moment(*counts_at_ms);
            match refused {
                None => {
                    let stage_name = Stage::from_code(stage).map_or("", Stage::zh);
                    format!("裁定 {name} {step} → {stage_name} {stage}，{at} {by}")
                }
                Some(code) => {
                    let why = RefusalReason::from_code(code).map_or("", RefusalReason::zh);
                    format!("裁定 {name} {step} 被退回 refused：{why} {code}，{at} {by}")
                }
            }
        }
        Fact::Assignment { area } => format!("归属 lives in {area}"),
        Fact::Visible { audience } => format!("可见 visible to {audience}"),
        Fact::Hidden { audience } => format!("不再可见 hidden from {audience}"),
        Fact::Archived => "归档 archived".to_owned(),
        Fact::Erase { by } => format!("删除 erased {by}"),
        Fact::Epoch { epoch, why } => format!("新纪元 epoch {epoch} {why}"),
        Fact::Seal { size, root, by } => format!("封签 sealed {size} {root} {by}"),
        Fact::DayClosed { date, area, by, .. } => format!("日结 day closed {date} {area} {by}"),
        Fact::DayReopened {
            date,
            area,
            by,
            reason,
        } => format!("撤销日结 day reopened {date} {area} {by} {reason}"),
        Fact::Timer {
            kind,
            level,
            due_ms,
        } => {
            let level = level.as_deref().unwrap_or_default();
            let known = TimerKind::from_code(kind, AreaLevel::from_code(level));
            let name = known.map_or("", TimerKind::zh);
            format!("到时 {name} {kind} {level}，{}", moment(*due_ms))
        }
    }
}

fn moment(at_ms: i64) -> String {
    let Ok(at) = Timestamp::from_millisecond(at_ms) else {
        return at_ms.to_string();
    };
    let there = TimeZone::fixed(jiff::tz::offset(8));
    at.to_zoned(there).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
