//! `gridlog categories`.

use gridlog_cli::street;
use gridlog_client_core::Phone;
use gridlog_domain::reference::{Catalogue, Limit, LimitUnit, Minor};
use serde_json::{Value, json};

use crate::answer::{Answer, Table};
use crate::error::CliError;

/// The catalogue that this phone has; before its first sync, the default one.
pub(super) fn catalogue(phone: &Phone) -> Result<Catalogue, CliError> {
    match phone.reference()?.catalogue() {
        Some(catalogue) => Ok(catalogue.clone()),
        None => Ok(street::catalogue()?),
    }
}

/// Lists the categories that fit.
pub(super) fn list(phone: &Phone, text: Option<&str>) -> Result<Answer, CliError> {
    let catalogue = catalogue(phone)?;
    let text = text.unwrap_or_default();
    let mut table =
        Table::with_headings(&["代码 code", "小类 category", "部门", "立案条件 · 时限"]);
    let mut found = Vec::new();
    for minor in catalogue.minors().filter(|minor| fits(minor, text)) {
        found.push(as_json(minor));
        table.row([
            minor.code.clone(),
            minor.name.clone(),
            minor.department.to_string(),
            conditions(minor),
        ]);
    }
    let shown = if found.is_empty() {
        "没有符合的小类 no such category\n".to_owned()
    } else {
        table.text()
    };
    Ok(Answer::new(json!({ "categories": found }), shown))
}

/// Checks a category, and a condition if one is named, so that a slip shows before it is written.
pub(super) fn check(phone: &Phone, code: &str, condition: Option<&str>) -> Result<(), CliError> {
    let catalogue = catalogue(phone)?;
    let minor = catalogue
        .minor(code)
        .ok_or_else(|| CliError::UnknownCategory {
            code: code.to_owned(),
        })?;
    match condition {
        Some(name) if catalogue.condition(code, name).is_none() => {
            Err(CliError::UnknownCondition {
                category: minor.name.clone(),
                condition: name.to_owned(),
                conditions: conditions(minor),
            })
        }
        _ => Ok(()),
    }
}

fn fits(minor: &Minor, text: &str) -> bool {
    minor.code.contains(text)
        || minor.name.contains(text)
        || minor.department.as_str().contains(text)
        || minor
            .filing_conditions
            .iter()
            .any(|condition| condition.name.contains(text))
}

fn as_json(minor: &Minor) -> Value {
    json!({
        "code": minor.code,
        "name": minor.name,
        "department": minor.department,
        "conditions": minor.filing_conditions,
    })
}

fn conditions(minor: &Minor) -> String {
    minor
        .filing_conditions
        .iter()
        .map(|condition| format!("{} {}", condition.name, limit(condition.handling_limit)))
        .collect::<Vec<_>>()
        .join("；")
}

fn limit(limit: Limit) -> String {
    let unit = match limit.unit {
        LimitUnit::UrgentHour => "紧急工作时",
        LimitUnit::WorkHour => "工作时",
        LimitUnit::WorkDay => "工作日",
        LimitUnit::NaturalDay => "自然日",
    };
    format!("{} {unit}", limit.amount)
}
