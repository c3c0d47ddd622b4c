//! `gridlog show`: everything about one record.

use gridlog_client_core::{Phone, PhoneError, ProposalStanding, RecordDetail};
use gridlog_domain::id::RecordId;
use gridlog_domain::record::{Check, Conflict, Field, Value};
use gridlog_domain::workflow::Stage;
use serde_json::json;

use super::look;
use crate::answer::{Answer, Table};
use crate::error::CliError;
use crate::{ids, values};

/// A record that must be here.
pub(super) fn detail(phone: &Phone, record: RecordId) -> Result<RecordDetail, CliError> {
    phone
        .show(record)?
        .ok_or_else(|| PhoneError::UnknownRecord { record }.into())
}

/// Shows one record.
pub(super) fn show(phone: &Phone, text: &str) -> Result<Answer, CliError> {
    let detail = detail(phone, ids::record(phone, text)?)?;
    let reference = phone.reference()?;
    let name = |person: &gridlog_domain::id::PersonId| {
        let known = reference.staff().people.get(person);
        known.map_or_else(|| person.to_string(), |staff| staff.name.clone())
    };
    let mut shown = head(&detail);
    shown.push_str(&fields(&detail));
    section(
        &mut shown,
        "冲突 conflicts",
        detail.view.conflicts.iter().map(conflict),
    );
    section(
        &mut shown,
        "检查 checks",
        detail.view.checks.values().map(check),
    );
    let comments = detail.view.comments.values();
    section(
        &mut shown,
        "批注 comments",
        comments.map(|comment| {
            let when = values::moment(comment.at_ms);
            format!("{when}  {}：{}", name(&comment.by), comment.text)
        }),
    );
    section(&mut shown, "步骤 proposals", proposals(&detail, &name));
    section(&mut shown, "被退回 sent back", sent_back(&detail));
    section(&mut shown, "案卷日志 case log", history(&detail));
    Ok(Answer::new(json!({ "record": detail }), shown))
}

fn head(detail: &RecordDetail) -> String {
    let row = &detail.row;
    let due = row.urgency.map_or_else(String::new, |urgency| {
        format!("  时限 due   {}（{}）\n", look::due(row), urgency.en())
    });
    format!(
        "{} {}  {}\n  编号 id    {}\n  版本 revision {}\n  区域 area  {}\n  环节 stage {}\n{}  状态       {} {}\n",
        row.kind.zh(),
        row.headline,
        if row.deleted {
            "（已删除 deleted）"
        } else {
            ""
        },
        row.id,
        detail.revision,
        row.area,
        look::stage(row),
        due,
        row.standing.zh(),
        row.standing.en(),
    )
}

fn fields(detail: &RecordDetail) -> String {
    let mut table = Table::default();
    for field in detail.view.kind.fields() {
        if let Some(value) = detail.view.fields.get(field.name) {
            table.row([
                format!("  {} {}", field.zh, field.name),
                in_words(field, value),
            ]);
        }
    }
    table.text()
}

fn in_words(field: &Field, value: &Value) -> String {
    let shown = values::shown(value);
    match field.holds {
        gridlog_domain::record::FieldType::Word(words) => words
            .iter()
            .find(|(code, _)| *code == shown)
            .map_or(shown.clone(), |(code, zh)| format!("{zh} {code}")),
        _ => shown,
    }
}

fn section(shown: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    shown.push_str(title);
    shown.push('\n');
    for line in lines {
        shown.push_str("  ");
        shown.push_str(&line);
        shown.push('\n');
    }
}

fn conflict(conflict: &Conflict) -> String {
    let stands = conflict.shown.as_ref().map(values::shown);
    let lost: Vec<String> = conflict
        .lost
        .iter()
        .map(|lost| values::shown(&lost.value))
        .collect();
    format!(
        "⚠ {}：现为 stands「{}」，另有 lost「{}」",
        conflict.place,
        stands.unwrap_or_default(),
        lost.join("」「")
    )
}

fn check(check: &Check) -> String {
    let note = if check.note.is_empty() {
        String::new()
    } else {
        format!("（{}）", check.note)
    };
    format!("{} {}{note}", check.finding.zh(), check.item)
}

fn proposals<'a>(
    detail: &'a RecordDetail,
    name: &'a impl Fn(&gridlog_domain::id::PersonId) -> String,
) -> impl Iterator<Item = String> + 'a {
    detail.proposals.iter().map(move |status| {
        let why = match &status.standing {
            ProposalStanding::Refused { zh, en, .. } => format!("：{zh} {en}"),
            _ => String::new(),
        };
        format!(
            "{}  {} {}  {}  {}{why}",
            ids::short(&status.id),
            status.proposal.step.zh(),
            status.proposal.step.code(),
            name(&status.proposal.by),
            status.standing.zh(),
        )
    })
}

fn sent_back(detail: &RecordDetail) -> impl Iterator<Item = String> + '_ {
    detail.needs_you.iter().map(|item| {
        format!(
            "{}  {} {}（gridlog needs-you retry|dismiss）",
            ids::short(&item.id),
            item.zh,
            item.en
        )
    })
}

fn history(detail: &RecordDetail) -> impl Iterator<Item = String> + '_ {
    detail.history.iter().map(|line| {
        let what = match line.what.as_str() {
            "admit" => "入卷",
            "ruling" => "裁定",
            "assignment" => "划归区域",
            "visible" => "可见",
            "hidden" => "不可见",
            "archived" => "归档",
            "timer" => "到时",
            other => other,
        };
        let step = line.step.map_or("", |step| step.zh());
        let outcome = match (&line.refused, line.stage) {
            (Some(code), _) => format!("未采纳 {code}"),
            (None, Some(stage)) => format!("→ {}", Stage::zh(stage)),
            (None, None) => String::new(),
        };
        let timer = line.timer.map_or_else(String::new, |timer| {
            let due = values::moment(timer.due_ms);
            format!("{} {}，{due} 到期 due", timer.kind.zh(), timer.kind.code())
        });
        let by = line.by.as_deref().unwrap_or_default();
        let when = values::moment(line.at_ms);
        format!("{}  {when}  {what} {step} {outcome} {timer} {by}", line.seq)
            .trim_end()
            .to_owned()
    })
}
