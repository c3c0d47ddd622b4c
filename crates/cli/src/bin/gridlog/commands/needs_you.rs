//! `gridlog needs-you`: what was sent back and waits for the worker's decision.

use gridlog_client_core::{NeedsYou, Phone, Query, Standing};
use gridlog_domain::id::RecordId;
use serde_json::{Value, json};

use super::show::detail;
use crate::answer::{Answer, Table};
use crate::arguments::SentBack;
use crate::error::CliError;
use crate::ids;

/// Lists what was sent back, or decides about one item.
pub(super) fn needs_you(phone: &Phone, command: &SentBack) -> Result<Answer, CliError> {
    match command {
        SentBack::List => list(phone),
        SentBack::Retry { item } => {
            let id = ids::pick(item, all(phone)?.into_iter().map(|(_, item)| item.id))?;
            phone.retry_needs_you(id)?;
            Ok(Answer::new(
                json!({ "item": id }),
                "已重新写入，等待同步 written again, waits for the next sync\n",
            ))
        }
        SentBack::Dismiss { item } => {
            let id = ids::pick(item, all(phone)?.into_iter().map(|(_, item)| item.id))?;
            phone.dismiss_needs_you(id)?;
            Ok(Answer::new(json!({ "item": id }), "已放弃 dismissed\n"))
        }
    }
}

fn all(phone: &Phone) -> Result<Vec<(RecordId, NeedsYou)>, CliError> {
    let troubled = Query {
        standing: Some(Standing::NeedsYou),
        with_deleted: true,
        limit: u32::MAX,
        ..Query::default()
    };
    let mut items = Vec::new();
    for row in phone.list(&troubled)? {
        let needs_you = detail(phone, row.id)?.needs_you;
        items.extend(needs_you.into_iter().map(|item| (row.id, item)));
    }
    Ok(items)
}

fn list(phone: &Phone) -> Result<Answer, CliError> {
    let items = all(phone)?;
    let mut table = Table::with_headings(&["编号 id", "记录 record", "原因 reason"]);
    let mut found: Vec<Value> = Vec::new();
    for (record, item) in &items {
        table.row([
            ids::short(&item.id),
            ids::short(record),
            format!("{} {} ({})", item.zh, item.en, item.code),
        ]);
        found.push(json!({ "record": record, "item": item }));
    }
    let text = if found.is_empty() {
        "没有被退回的内容 nothing was sent back\n".to_owned()
    } else {
        table.text()
    };
    Ok(Answer::new(json!({ "needs_you": found }), text))
}
