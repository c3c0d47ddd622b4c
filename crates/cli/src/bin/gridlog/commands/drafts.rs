//! `gridlog draft`.

use gridlog_client_core::{Draft as Stored, DraftId, NewReport, Phone, PhoneError};
use serde_json::{Value, json};

use super::report::fill;
use crate::answer::{Answer, Table};
use crate::arguments::{CaseFields, Draft};
use crate::error::CliError;
use crate::{ids, values};

/// Carries out one command about drafts.
pub(super) fn draft(phone: &Phone, command: Draft) -> Result<Answer, CliError> {
    match command {
        Draft::Save { fields, draft } => save(phone, *fields, draft.as_deref()),
        Draft::List => list(phone),
        Draft::Show { draft } => {
            let (id, held) = named(phone, &draft)?;
            Ok(Answer::new(
                json!({ "draft": id, "report": held }),
                shown(&held),
            ))
        }
        Draft::Discard { draft } => {
            let (id, _) = named(phone, &draft)?;
            phone.discard_draft(id)?;
            Ok(answer(id, "草稿已丢弃 draft discarded"))
        }
    }
}

/// The draft that is meant, and what it holds.
pub(super) fn named(phone: &Phone, text: &str) -> Result<(DraftId, NewReport), CliError> {
    let drafts = phone.drafts()?;
    let id = match text.parse() {
        Ok(id) => id,
        Err(_) => ids::pick(text, drafts.iter().map(|draft| draft.id))?,
    };
    let stored = phone.draft(id)?;
    Ok((id, held(&stored)?))
}

fn held(stored: &Stored) -> Result<NewReport, CliError> {
    serde_json::from_str(&stored.json)
        .map_err(|_| PhoneError::StoreDamaged { what: "draft" }.into())
}

fn save(phone: &Phone, fields: CaseFields, draft: Option<&str>) -> Result<Answer, CliError> {
    let before = draft.map(|text| named(phone, text)).transpose()?;
    let (id, start) = before.map_or((None, NewReport::default()), |(id, held)| (Some(id), held));
    let report = fill(start, fields);
    let json =
        serde_json::to_string(&report).map_err(|_| PhoneError::StoreDamaged { what: "draft" })?;
    let id = phone.save_draft(id, &json)?;
    Ok(answer(id, "草稿已保存 draft saved"))
}

fn list(phone: &Phone) -> Result<Answer, CliError> {
    let mut table = Table::with_headings(&["编号 id", "修改 saved", "标题 title"]);
    let mut found: Vec<Value> = Vec::new();
    for stored in phone.drafts()? {
        let report = held(&stored)?;
        table.row([
            ids::short(&stored.id),
            values::moment(stored.updated_ms),
            report.title.clone(),
        ]);
        found.push(json!({
            "draft": stored.id, "updated_ms": stored.updated_ms, "report": report,
        }));
    }
    let text = if found.is_empty() {
        "没有草稿 no drafts\n".to_owned()
    } else {
        table.text()
    };
    Ok(Answer::new(json!({ "drafts": found }), text))
}

fn shown(report: &NewReport) -> String {
    let mut table = Table::default();
    let mut line = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            table.row([name.to_owned(), value.to_owned()]);
        }
    };
    line("标题 title", Some(&report.title));
    line("小类 category", Some(&report.category));
    line("立案条件 condition", report.condition.as_deref());
    line("情况描述 description", report.description.as_deref());
    let address = report.place.as_ref().map(|place| place.address.join(" "));
    line("位置 place", address.as_deref());
    table.text()
}

fn answer(id: DraftId, words: &str) -> Answer {
    Answer::new(
        json!({ "draft": id }),
        format!("{words}  {}\n", ids::short(&id)),
    )
}
