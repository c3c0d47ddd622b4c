//! `gridlog list`, `search`, `tasks`: what lists show. Nothing here opens a document.

use gridlog_client_core::{Phone, Query, RecordRow, Task};
use gridlog_domain::workflow::Stage;
use serde_json::json;

use crate::answer::{Answer, Table};
use crate::arguments::List;
use crate::error::CliError;
use crate::{ids, values};

/// Lists records.
pub(super) fn list(phone: &Phone, arguments: &List) -> Result<Answer, CliError> {
    let stage = arguments.stage.as_deref().map(stage_of).transpose()?;
    let rows = phone.list(&Query {
        kind: arguments.kind.map(Into::into),
        stage,
        conflicts_only: arguments.conflicts,
        limit: arguments.limit,
        ..Query::default()
    })?;
    Ok(rows_answer(&rows))
}

fn stage_of(code: &str) -> Result<Stage, CliError> {
    Stage::from_code(code).ok_or_else(|| {
        let codes: Vec<String> = Stage::ALL
            .iter()
            .map(|stage| format!("{} {}", stage.code(), stage.zh()))
            .collect();
        CliError::BadValue {
            field: "--stage".to_owned(),
            expected: format!("one of {}", codes.join(", ")),
        }
    })
}

/// Finds records by their text.
pub(super) fn search(phone: &Phone, text: &str, limit: u32) -> Result<Answer, CliError> {
    Ok(rows_answer(&phone.search(text, limit)?))
}

fn rows_answer(rows: &[RecordRow]) -> Answer {
    let text = if rows.is_empty() {
        "没有记录 no records\n".to_owned()
    } else {
        rows_table(rows.iter())
    };
    Answer::new(json!({ "records": rows }), text)
}

pub(super) fn rows_table<'a>(rows: impl Iterator<Item = &'a RecordRow>) -> String {
    let mut table = Table::with_headings(&[
        "编号 id",
        "类别",
        "环节 stage",
        "状态 standing",
        "时限 due",
        "冲突",
        "记录时间",
        "标题 title",
    ]);
    for row in rows {
        table.row([
            ids::short(&row.id),
            row.kind.zh().to_owned(),
            stage(row),
            row.standing.zh().to_owned(),
            due(row),
            conflicts(row),
            values::moment(row.created_ms),
            row.headline.clone(),
        ]);
    }
    table.text()
}

/// What the log says, with one's own pending proposals on top.
pub(super) fn stage(row: &RecordRow) -> String {
    match (row.stage, row.expected_stage) {
        (Some(ruled), Some(expected)) if ruled != expected => {
            format!("{}→{}（待裁定）", ruled.zh(), expected.zh())
        }
        (None, Some(expected)) => format!("{}（待裁定）", expected.zh()),
        (Some(ruled), _) => ruled.zh().to_owned(),
        (None, None) => "—".to_owned(),
    }
}

/// By when a case is to be handled, with its light.
pub(super) fn due(row: &RecordRow) -> String {
    let Some(urgency) = row.urgency else {
        return String::new();
    };
    let due = urgency.due_ms.map_or_else(String::new, values::moment);
    let may_change = if urgency.provisional {
        "（暂定）"
    } else {
        ""
    };
    format!("{} {due}{may_change}", urgency.zh())
        .trim_end()
        .to_owned()
}

fn conflicts(row: &RecordRow) -> String {
    match row.conflicts {
        0 => String::new(),
        count => format!("⚠{count}"),
    }
}

/// Lists what waits for the person.
pub(super) fn tasks(phone: &Phone) -> Result<Answer, CliError> {
    let tasks = phone.tasks()?;
    let text = if tasks.is_empty() {
        "没有待办 nothing waits for you\n".to_owned()
    } else {
        tasks_table(&tasks)
    };
    Ok(Answer::new(json!({ "tasks": tasks }), text))
}

fn tasks_table(tasks: &[Task]) -> String {
    let mut table = Table::with_headings(&["编号 id", "环节 stage", "可办 steps", "标题 title"]);
    for task in tasks {
        let steps: Vec<String> = task
            .steps
            .iter()
            .map(|step| format!("{} {}", step.zh(), step.code()))
            .collect();
        let steps = if steps.is_empty() {
            "请查看 look at it".to_owned()
        } else {
            steps.join("，")
        };
        table.row([
            ids::short(&task.row.id),
            stage(&task.row),
            steps,
            task.row.headline.clone(),
        ]);
    }
    table.text()
}
